#include "common/base.h"
#include "common/log.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/limits.h"
#include "common/log_syslog.h"
#include "common/utf8.h"

#include <libgen.h>
#include <pthread.h>

#define EVENT_TEXT (LIMIT_LOG_LINE / 8) /* bytes; most messages have 100 */
#define INDENT	   2			/* of lines that go on */

/* One place that lines go to. */
struct sink {
	int fd;	    /* -1: none of its own */
	char *path; /* NULL: stderr, or the system's log */
};

/* The one process-wide mutable object of the project: where lines go. */
static struct {
	pthread_mutex_t lock; /* guards the sinks; the rest is read without it */
	_Atomic int level;
	_Atomic bool json, syslog, has_access; /* has_access: a file of its own */
	struct sink events, access;
} out = { .lock = PTHREAD_MUTEX_INITIALIZER,
	  .level = LOG_INFO,
	  .events = { STDERR_FILENO, NULL },
	  .access = { -1, NULL } };

static __thread char request[48];

const char *const log_level_names[LOG_LEVELS] = {
	[LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"
};

/* ---- places ---- */

/* Two users may share the directory of a new file (2770), and root may have been the first to write
 * there: who comes next must be able to, too. */
static void share(const char *path, int fd)
{
	char *copy = xstrdup(path);
	struct stat st;

	if (stat(dirname(copy), &st) == 0) {
		if (geteuid() == 0 && st.st_uid != 0)
			(void)!fchown(fd, st.st_uid, st.st_gid);
		if ((st.st_mode & 02070) == 02070)
			(void)!fchmod(fd, 0660);
	}
	free(copy);
}

static int open_file(const char *path)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
	int fd = open(path, flags | O_EXCL, 0640);

	if (fd >= 0)
		share(path, fd);
	return fd < 0 && errno == EEXIST ? open(path, flags, 0640) : fd;
}

static int sink_open(struct sink *s, const char *path, int else_fd)
{
	*s = (struct sink){ .fd = else_fd };
	if (!path || !*path)
		return 0;
	s->fd = open_file(path);
	if (s->fd < 0)
		return -1;
	s->path = xstrdup(path);
	return 0;
}

static void sink_close(struct sink *s)
{
	if (s->path)
		close(s->fd);
	free(s->path);
}

static int switch_to(const char *file, const char *access_file)
{
	struct sink events, access, old_events, old_access;

	if (sink_open(&events, file, STDERR_FILENO))
		return -1;
	if (sink_open(&access, access_file, -1)) {
		int why = errno;

		sink_close(&events);
		errno = why;
		return -1;
	}
	pthread_mutex_lock(&out.lock);
	old_events = out.events;
	old_access = out.access;
	out.events = events;
	out.access = access;
	out.has_access = access.fd >= 0;
	pthread_mutex_unlock(&out.lock);
	sink_close(&old_events);
	sink_close(&old_access);
	return 0;
}

int log_open(const struct log_options *options)
{
	if (switch_to(options->file, options->access_file))
		return -1;
	out.level = options->level;
	out.json = options->json;
	out.syslog = options->syslog;
	if (out.syslog)
		log_syslog_open(LOG_SERVICE);
	return 0;
}

void log_reopen(void)
{
	char *file, *access_file;

	pthread_mutex_lock(&out.lock);
	file = out.events.path ? xstrdup(out.events.path) : NULL;
	access_file = out.access.path ? xstrdup(out.access.path) : NULL;
	pthread_mutex_unlock(&out.lock);
	if (switch_to(file, access_file))
		log_line(LOG_ERROR, "the log cannot be opened again: %s", strerror(errno));
	free(file);
	free(access_file);
}

bool log_wants(enum log_level level)
{
	return (int)level <= out.level;
}

bool log_wants_access(enum log_level level)
{
	return log_wants(level) || out.has_access;
}

void log_set_request(const char *request_id)
{
	snprintf(request, sizeof(request), "%s", request_id);
}

/* Where a record of that kind goes. Under the lock. */
static const struct sink *sink_of(bool access)
{
	return access && out.access.fd >= 0 ? &out.access : &out.events;
}

/* A short write is not made good: what is left would stand apart, behind another process's line. */
static void put(const struct sink *s, enum log_level level, const struct buf *line)
{
	if (out.syslog && !s->path)
		log_syslog((int)level, line->at);
	else
		(void)!write(s->fd, line->at, line->len);
}

static void write_line(bool access, enum log_level level, const struct buf *line)
{
	pthread_mutex_lock(&out.lock);
	put(sink_of(access), level, line);
	pthread_mutex_unlock(&out.lock);
}

/* ---- forms ---- */

static void add_stamp(struct buf *line)
{
	int64_t now = clock_wall_ms();
	char stamp[CLOCK_TEXT_SIZE];

	clock_format(now / 1000, stamp);
	stamp[strlen(stamp) - 1] = '\0'; /* the Z comes behind the fraction */
	buf_add_format(line, "%s.%03dZ", stamp, (int)(now % 1000));
}

static void begin_json(struct jsonw *w, struct buf *line, enum log_level level, const char *type)
{
	struct buf stamp;

	buf_init(&stamp, CLOCK_TEXT_SIZE * 2);
	add_stamp(&stamp);
	jsonw_init(w, line);
	jsonw_begin_object(w);
	jsonw_text_member(w, "timestamp", stamp.at);
	jsonw_text_member(w, "level", log_level_names[level]);
	jsonw_text_member(w, "service", LOG_SERVICE);
	jsonw_text_member(w, "type", type);
	jsonw_int_member(w, "pid", getpid());
	if (*request)
		jsonw_text_member(w, "request_id", request);
	buf_release(&stamp);
}

/* Escaped bytes grow: a line that is too long for one write is made again of less text. */
static void event_json(struct buf *line, enum log_level level, struct span text)
{
	struct jsonw w;

	do {
		buf_reset(line);
		begin_json(&w, line, level, "event");
		jsonw_key(&w, "message");
		jsonw_span(&w, text);
		jsonw_end(&w);
		text.len /= 2;
	} while (line->len >= PIPE_BUF);
}

/* Bytes of the next character, and the columns that it may take at most. */
static size_t next_char(struct span text, size_t at, size_t *columns)
{
	size_t len = utf8_char(text.at + at, text.len - at);

	*columns = len > 2 ? 2 : 1;
	return len ? len : 1;
}

/* Control characters would let a peer forge lines. */
static void add_clean(struct buf *line, struct span text)
{
	for (size_t i = 0, columns, len; i < text.len; i += len) {
		unsigned char c = (unsigned char)text.at[i];

		len = next_char(text, i, &columns);
		if (c < 0x20 || c == 0x7F)
			buf_add_char(line, ' ');
		else if (len == 1 && c >= 0x80)
			buf_add_char(line, '?');
		else
			buf_add(line, text.at + i, len);
	}
}

/* How much of the text fits, cut behind a blank where there is one in the second half. */
static size_t that_fits(struct span text, size_t room)
{
	size_t used = 0, at = 0, blank = 0, columns, len;

	while (at < text.len) {
		len = next_char(text, at, &columns);
		if (used + columns > room)
			return blank > at / 2 ? blank : at;
		at += len;
		used += columns;
		if (text.at[at - len] == ' ')
			blank = at;
	}
	return at;
}

/* The system's log has stamp, level, name and pid in its own head, and no lines that go on. */
static void add_system_text(struct buf *line, struct span text)
{
	if (*request)
		buf_add_format(line, "%s: ", request);
	add_clean(line, (struct span){ text.at, that_fits(text, LIMIT_LOG_LINE) });
}

static void add_text(struct buf *line, enum log_level level, struct span text)
{
	struct buf head;
	size_t room;

	buf_init(&head, LIMIT_LOG_LINE);
	add_stamp(&head);
	buf_add_format(&head, " %-5s ", log_level_names[level]);
	if (*request)
		buf_add_format(&head, "%s: ", request);
	else
		buf_add_format(&head, LOG_SERVICE "[%d]: ", (int)getpid());
	room = LOG_COLUMNS - head.len;
	for (int n = 0; !n || text.len; n++) {
		size_t fits = that_fits(text, room - (n ? INDENT : 0)), shown = fits;

		while (shown && text.at[shown - 1] == ' ')
			shown--;
		/* All lines of a record in one write. */
		if (line->len + head.len + INDENT + shown + 1 > PIPE_BUF)
			break;
		buf_add_format(line, "%s%s", head.at, n ? "  " : "");
		add_clean(line, (struct span){ text.at, shown });
		buf_add_char(line, '\n');
		text = (struct span){ text.at + fits, text.len - fits };
	}
	buf_release(&head);
}

static bool goes_to_system(bool access)
{
	bool goes;

	pthread_mutex_lock(&out.lock);
	goes = out.syslog && !sink_of(access)->path;
	pthread_mutex_unlock(&out.lock);
	return goes;
}

/* A record in the form of the place that it goes to. */
static void add_plain(struct buf *line, bool access, enum log_level level, struct span text)
{
	if (goes_to_system(access))
		add_system_text(line, text);
	else
		add_text(line, level, text);
}

static void finish(bool access, enum log_level level, struct buf *line)
{
	if (!line->len || line->at[line->len - 1] != '\n')
		buf_add_char(line, '\n');
	write_line(access, level, line);
	buf_release(line);
}

void log_line(enum log_level level, const char *format, ...)
{
	char text[EVENT_TEXT];
	struct buf line;
	va_list args;

	if (!log_wants(level))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	buf_init(&line, 8 * LIMIT_LOG_LINE);
	if (out.json)
		event_json(&line, level, span_of(text));
	else
		add_plain(&line, false, level, span_of(text));
	finish(false, level, &line);
}

void log_access(enum log_level level, void (*members)(struct jsonw *w, const void *of),
		const void *of, const char *text)
{
	struct buf line;
	struct jsonw w;

	if (!log_wants_access(level))
		return;
	buf_init(&line, 8 * LIMIT_LOG_LINE);
	if (out.json) {
		begin_json(&w, &line, level, "access");
		members(&w, of);
		jsonw_end(&w);
	} else {
		add_plain(&line, true, level, span_of(text));
	}
	finish(true, level, &line);
}
