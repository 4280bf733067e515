/*
 * Text:  2026-11-21T10:00:00.123Z info  req_...: the text, and in further lines with the same head
 *        2026-11-21T10:00:00.123Z info  req_...:   what did not fit
 * JSON:  {"timestamp":"2026-11-21T10:00:00.123Z","level":"info","type":"event",...}
 *
 * A record is one write of at most PIPE_BUF bytes: only the last one of what is read can be torn.
 */
#include "common/base.h"
#include "common/log_read.h"

#include "common/buf.h"
#include "common/json.h"
#include "common/limits.h"

#define STAMP 24 /* bytes of a stamp */

int log_level_of(const char *name)
{
	for (int level = 0; level < LOG_LEVELS; level++) {
		if (strcmp(name, log_level_names[level]) == 0)
			return level;
	}
	return -1;
}

/* ---- text ---- */

/* Whose line it is, and where its text begins; 0: it is none of ours. */
static size_t head_of(struct span line, struct log_record *r)
{
	char level[8] = "", who[64] = "";
	int head = 0;
	char start[160];

	snprintf(start, sizeof(start), "%.*s", (int)line.len, line.at);
	if (sscanf(start, "%24[0-9TZ.:-] %7[a-z] %63[^: ]%n", r->at, level, who, &head) != 3 ||
	    strlen(r->at) != STAMP || log_level_of(level) < 0 || (size_t)head + 2 > line.len ||
	    strncmp(start + head, ": ", 2) != 0)
		return 0;
	r->level = (enum log_level)log_level_of(level);
	snprintf(r->request, sizeof(r->request), "%.47s", strchr(who, '[') ? "" : who);
	return (size_t)head + 2;
}

/* " name=" and its value, which ends with a blank or where the text `until` begins. */
static void take_value(const char *text, const char *name, const char *until, char *out)
{
	const char *at = strstr(text, name), *end;
	size_t len;

	if (!at)
		return;
	at += strlen(name);
	end = until ? strstr(at, until) : NULL;
	len = end ? (size_t)(end - at) : strcspn(at, until ? "" : " ");
	snprintf(out, LOG_NAME_SIZE, "%.*s", (int)len, at);
}

/* "POST /v1/messages 200 123B 45ms key=my laptop stream model=... account=..." (access_log.c) */
static void read_access(struct log_record *r)
{
	static const char *const behind_key[] = { " stream model=", " whole model=", " failure=" };
	const char *key = strstr(r->text, "ms key="), *number = key;
	long long took;
	size_t bytes;
	int status;

	while (number && number > r->text && number[-1] != ' ')
		number--;
	for (int blanks = 0; number && number > r->text && blanks < 2;)
		blanks += *--number == ' ';
	while (number && number > r->text && number[-1] != ' ')
		number--;
	if (!number || sscanf(number, "%3d %zuB %lldms key=", &status, &bytes, &took) != 3)
		return;
	r->access = true;
	r->status = status;
	r->took_ms = took;
	for (size_t i = 0; i < ARRAY_SIZE(behind_key) && !*r->key; i++) {
		if (strstr(key, behind_key[i]))
			take_value(key, "key=", behind_key[i], r->key);
	}
	if (!*r->key)
		snprintf(r->key, sizeof(r->key), "%.95s", key + strlen("ms key="));
	if (strcmp(r->key, "-") == 0)
		*r->key = '\0';
	take_value(key, " account=", NULL, r->account);
	take_value(key, " model=", NULL, r->model);
}

/* ---- JSON ---- */

static void copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

static void access_words(const cJSON *tree, struct buf *words)
{
	const cJSON *failure = json_member(tree, "error");

	buf_add_format(words, "%s %s %.0f %.0fB %.0fms", json_text_or(tree, "method", "-"),
		       json_text_or(tree, "path", "-"), json_number_or(tree, "status", 0),
		       json_number_or(tree, "bytes", 0), json_number_or(tree, "response_time", 0));
	if (failure)
		buf_add_format(words, " failure=%s: %s", json_text_or(failure, "kind", "-"),
			       json_text_or(failure, "message", ""));
}

static bool read_json(struct span line, struct log_record *r, struct buf *words)
{
	struct error ignored = { .kind = ERR_NONE };
	cJSON *tree = json_parse(line, &ignored);
	int level = log_level_of(json_text_or(tree, "level", ""));
	bool ours = level >= 0 && strlen(json_text_or(tree, "timestamp", "")) == STAMP &&
		    strcmp(json_text_or(tree, "service", ""), LOG_SERVICE) == 0;

	if (ours) {
		copy(r->at, sizeof(r->at), json_text_or(tree, "timestamp", ""));
		copy(r->request, sizeof(r->request), json_text_or(tree, "request_id", ""));
		copy(r->key, sizeof(r->key), json_text_or(tree, "user_id", ""));
		copy(r->account, sizeof(r->account), json_text_or(tree, "account", ""));
		copy(r->model, sizeof(r->model), json_text_or(tree, "model", ""));
		r->level = (enum log_level)level;
		r->access = strcmp(json_text_or(tree, "type", ""), "access") == 0;
		r->status = (int)json_number_or(tree, "status", 0);
		r->took_ms = (int64_t)json_number_or(tree, "response_time", -1);
		if (r->access)
			access_words(tree, words);
		else
			buf_add_text(words, json_text_or(tree, "message", ""));
	}
	cJSON_Delete(tree);
	return ours;
}

/* ---- records of a piece ---- */

struct piece {
	const char *at, *end;
};

static bool next_line(struct piece *p, struct span *line)
{
	const char *end = p->at < p->end ? memchr(p->at, '\n', (size_t)(p->end - p->at)) : NULL;

	if (!end)
		return false;
	*line = (struct span){ p->at, (size_t)(end - p->at) };
	p->at = end + 1;
	return true;
}

/* Goes on with the record's further lines, which begin as its first one did. A line that was cut
 * within a word is full. */
static void add_further(struct piece *p, struct span first, size_t head, struct buf *words)
{
	bool full = first.len == LOG_COLUMNS;
	struct piece ahead = *p;
	struct span line;

	while (next_line(&ahead, &line) && line.len > head + 2 &&
	       memcmp(line.at, first.at, head) == 0 && memcmp(line.at + head, "  ", 2) == 0) {
		if (!full)
			buf_add_char(words, ' ');
		buf_add(words, line.at + head + 2, line.len - head - 2);
		full = line.len == LOG_COLUMNS;
		*p = ahead;
	}
}

static bool next_record(struct piece *p, struct log_record *r, struct buf *words)
{
	struct span line;

	while (next_line(p, &line)) {
		size_t head;

		*r = (struct log_record){ .took_ms = -1 };
		buf_reset(words);
		if (line.len && *line.at == '{' && read_json(line, r, words)) {
			r->text = words->at;
			return true;
		}
		head = head_of(line, r);
		if (!head)
			continue;
		buf_add(words, line.at + head, line.len - head);
		add_further(p, line, head, words);
		r->text = words->at;
		read_access(r);
		return true;
	}
	return false;
}

/* The last one waits where more follows: it may go on there. Returns the bytes up to the end of
 * the last one that was given. */
static size_t give(struct span all, bool more,
		   void (*each)(void *context, const struct log_record *record), void *context)
{
	struct piece p = { all.at, all.at + all.len };
	struct log_record record;
	const char *last = all.at;
	struct buf words;

	buf_init(&words, LIMIT_LOG_LINE);
	for (struct piece ahead = p; next_record(&ahead, &record, &words); p = ahead) {
		if (more && ahead.at == ahead.end && p.at > all.at)
			break;
		each(context, &record);
		last = ahead.at;
	}
	buf_release(&words);
	return (size_t)(last - all.at);
}

/* ---- the file ---- */

/* Where to begin. True: perhaps within a line. */
static bool find_place(const struct stat *st, size_t most, struct log_place *place,
		       struct log_reading *how)
{
	const bool fresh = !place->inode, tail = fresh && st->st_size > (off_t)most;

	if (place->inode != (uint64_t)st->st_ino || place->offset > st->st_size ||
	    place->offset < 0) {
		*place = (struct log_place){ .inode = (uint64_t)st->st_ino };
		how->missed = !fresh;
	}
	if (tail) {
		place->offset = st->st_size - (off_t)most;
		how->missed = true;
	}
	return tail;
}

/* The whole lines of what was read: what is before the first, and behind the last, is not. */
static struct span whole_lines(const char *bytes, size_t len, bool torn)
{
	const char *start = torn ? memchr(bytes, '\n', len) : NULL;
	size_t skipped = start ? (size_t)(start + 1 - bytes) : 0;

	while (len > skipped && bytes[len - 1] != '\n')
		len--;
	return (struct span){ bytes + skipped, len - skipped };
}

static int read_piece(int fd, const struct stat *st, size_t most, bool torn,
		      struct log_place *place,
		      void (*each)(void *context, const struct log_record *record), void *context,
		      struct log_reading *how)
{
	char *bytes = xcalloc(1, most);
	ssize_t got = pread(fd, bytes, most, place->offset);
	struct span lines = whole_lines(bytes, got > 0 ? (size_t)got : 0, torn);
	size_t done;

	how->more = got > 0 && place->offset + got < st->st_size;
	done = give(lines, how->more, each, context);
	if (!done && how->more)
		done = lines.len ? lines.len : (size_t)got; /* nothing of ours */
	place->offset += (lines.at - bytes) + (int64_t)done;
	free(bytes);
	return got < 0 ? -1 : 0;
}

int log_read(const char *path, size_t most, struct log_place *place,
	     void (*each)(void *context, const struct log_record *record), void *context,
	     struct log_reading *how, struct error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = -1;
	struct stat st;

	*how = (struct log_reading){ .more = false };
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		close(fd);
		return error_set(e, ERR_STORE, "%s is no file that can be read back", path);
	}
	if (fd >= 0) {
		bool torn = find_place(&st, most, place, how);

		rc = read_piece(fd, &st, most, torn, place, each, context, how);
	}
	if (rc)
		error_set(e, ERR_STORE, "%s cannot be read: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}
