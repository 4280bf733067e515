#include "common/base.h"
#include "common/log.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/jsonw.h"
#include "common/limits.h"

#include <pthread.h>

/* The one process-wide mutable object of the project: where lines go. */
static struct {
	pthread_mutex_t lock; /* guards fd and path; level and json are read without it */
	_Atomic int level;
	_Atomic bool json;
	int fd;
	char *path;
} sink = { .lock = PTHREAD_MUTEX_INITIALIZER, .level = LOG_INFO, .fd = STDERR_FILENO };

static __thread char request[48];

static const char *const level_names[] = {
	[LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"
};

/* Takes ownership of path. */
static int switch_to(char *path)
{
	int fd = STDERR_FILENO;

	if (path) {
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
		if (fd < 0) {
			free(path);
			return -1;
		}
	}
	pthread_mutex_lock(&sink.lock);
	if (sink.fd != STDERR_FILENO)
		close(sink.fd);
	free(sink.path);
	sink.fd = fd;
	sink.path = path;
	pthread_mutex_unlock(&sink.lock);
	return 0;
}

int log_open(const struct log_options *options)
{
	sink.level = options->level;
	sink.json = options->json;
	return switch_to(options->file && *options->file ? xstrdup(options->file) : NULL);
}

void log_reopen(void)
{
	char *path;

	pthread_mutex_lock(&sink.lock);
	path = sink.path ? xstrdup(sink.path) : NULL;
	pthread_mutex_unlock(&sink.lock);
	if (path)
		switch_to(path);
}

bool log_wants(enum log_level level)
{
	return (int)level <= sink.level;
}

void log_set_request(const char *request_id)
{
	snprintf(request, sizeof(request), "%s", request_id);
}

static void add_json(struct buf *line, enum log_level level, const char *stamp, struct span text)
{
	struct jsonw w;

	jsonw_init(&w, line);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "timestamp", stamp);
	jsonw_text_member(&w, "level", level_names[level]);
	jsonw_text_member(&w, "service", "kiro-fcgi");
	if (*request)
		jsonw_text_member(&w, "request_id", request);
	jsonw_key(&w, "message");
	jsonw_span(&w, text);
	jsonw_end(&w);
}

/* Control characters would let a peer forge lines. */
static void add_text(struct buf *line, enum log_level level, const char *stamp, struct span text)
{
	buf_add_format(line, "%s %s kiro-fcgi[%d]%s%s: ", stamp, level_names[level], (int)getpid(),
		       *request ? " " : "", request);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];

		buf_add_char(line, c < 0x20 || c == 0x7F ? ' ' : (char)c);
	}
}

void log_line(enum log_level level, const char *format, ...)
{
	char text[LIMIT_LOG_LINE / 2], stamp[CLOCK_TEXT_SIZE];
	struct buf line;
	va_list args;

	if (!log_wants(level))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	buf_init(&line, 8 * LIMIT_LOG_LINE);
	clock_format(clock_wall_ms() / 1000, stamp);
	(sink.json ? add_json : add_text)(&line, level, stamp, span_of(text));
	buf_add_char(&line, '\n');

	pthread_mutex_lock(&sink.lock);
	(void)!write(sink.fd, line.at, line.len);
	pthread_mutex_unlock(&sink.lock);
	buf_release(&line);
}
