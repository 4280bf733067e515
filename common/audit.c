#include "common/base.h"
#include "common/audit.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/hex.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/lock.h"
#include "common/statedir.h"

#define WAIT_MS 5000
#define TAIL	((off_t)(4 * AUDIT_LINE)) /* where the last whole line is found */

static const char nothing[] = "0000000000000000000000000000000000000000000000000000000000000000";

static void hash_of(struct span line, char out[static AUDIT_HASH_SIZE])
{
	unsigned char digest[DIGEST_SIZE];

	digest_sha256(line, digest);
	hex_write(digest, sizeof(digest), out);
}

static void path_of(const char *dir, char out[static PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/" AUDIT_FILE, dir);
}

static int refuse(const char *dir, const char *what, struct error *e)
{
	return error_set(e, ERR_STORE, "%s/" AUDIT_FILE ": %s: %s", dir, what, strerror(errno));
}

/* ---- writing ---- */

struct tail {
	int64_t seq; /* of the last whole line; 0: none */
	char hash[AUDIT_HASH_SIZE];
	bool torn, open; /* the last line is no whole one; it even lacks its end */
};

/* The number of a line, 0: it is none of ours. */
static int64_t seq_of(struct span text)
{
	struct error ignored = { 0 };
	cJSON *line = json_parse(text, &ignored);
	int64_t seq = line ? (int64_t)json_number_or(line, "seq", 0) : 0;

	cJSON_Delete(line);
	return seq;
}

/* The last lines of a file, of which `text` is the end. */
static void judge_tail(struct span text, struct tail *t)
{
	size_t end = text.len;

	t->open = text.at[end - 1] != '\n';
	end -= !t->open;
	for (bool last = true; !t->seq; last = false) {
		size_t start = end;

		while (start && text.at[start - 1] != '\n')
			start--;
		t->seq = seq_of((struct span){ text.at + start, end - start });
		if (last) {
			hash_of((struct span){ text.at + start, end - start }, t->hash);
			t->torn = t->open || !t->seq;
		}
		if (!start)
			return;
		end = start - 1;
	}
}

static int read_tail(int fd, const char *dir, struct tail *t, struct error *e)
{
	off_t size = lseek(fd, 0, SEEK_END), from;
	char *text;
	ssize_t got;

	*t = (struct tail){ .seq = 0 };
	memcpy(t->hash, nothing, sizeof(nothing));
	if (size <= 0)
		return size < 0 ? refuse(dir, "cannot be read", e) : 0;
	from = size > TAIL ? size - TAIL : 0;
	text = xmalloc((size_t)(size - from));
	got = pread(fd, text, (size_t)(size - from), from);
	if (got == size - from)
		judge_tail((struct span){ text, (size_t)got }, t);
	free(text);
	return got == size - from ? 0 : refuse(dir, "cannot be read", e);
}

static void add_text(struct jsonw *w, const char *name, const char *text)
{
	jsonw_key(w, name);
	if (text)
		jsonw_span(w, (struct span){ text, strnlen(text, AUDIT_TEXT) });
	else
		jsonw_null(w);
}

static void add_line(struct buf *out, const struct audit_entry *entry, const struct tail *t)
{
	struct jsonw w;

	if (t->open)
		buf_add_char(out, '\n');
	jsonw_init(&w, out);
	jsonw_begin_object(&w);
	jsonw_int_member(&w, "seq", t->seq + 1);
	jsonw_date_member(&w, "time", clock_wall());
	add_text(&w, "who", entry->who);
	add_text(&w, "from", entry->from);
	add_text(&w, "action", entry->action);
	add_text(&w, "target", entry->target);
	add_text(&w, "detail", entry->detail);
	add_text(&w, "result", entry->result);
	if (entry->begun)
		jsonw_int_member(&w, "begun", entry->begun);
	if (t->torn)
		jsonw_bool_member(&w, "after_torn", true);
	jsonw_text_member(&w, "prev", t->hash);
	jsonw_end(&w);
	buf_add_char(out, '\n');
}

static int append(int fd, const char *dir, const struct audit_entry *entry, int64_t *number,
		  struct error *e)
{
	struct buf line;
	struct tail t;
	int rc;

	if (read_tail(fd, dir, &t, e))
		return -1;
	buf_init(&line, AUDIT_LINE);
	add_line(&line, entry, &t);
	/* Under the lock the end is where it was read. */
	if (line.failed)
		rc = error_set(e, ERR_STORE, "%s/" AUDIT_FILE ": a line would be too long", dir);
	else if (statedir_write(fd, buf_span(&line), lseek(fd, 0, SEEK_END)) || fdatasync(fd))
		rc = refuse(dir, "cannot be written", e);
	else
		rc = 0;
	buf_release(&line);
	*number = t.seq + 1;
	return rc;
}

static int write_locked(const char *dir, const struct audit_entry *entry, int64_t *number,
			struct error *e)
{
	char path[PATH_MAX];
	int fd, rc = -1;

	path_of(dir, path);
	fd = statedir_open(dir, path, e);
	if (fd < 0)
		return -1;
	if (lock_file(fd, WAIT_MS) != 1)
		refuse(dir, "cannot be locked", e);
	else
		rc = append(fd, dir, entry, number, e);
	close(fd);
	return rc;
}

int audit_write(const char *dir, const struct audit_entry *entry, struct error *e)
{
	int64_t number;

	return write_locked(dir, entry, &number, e);
}

int audit_begin(const char *dir, const struct audit_entry *entry, int64_t *number, struct error *e)
{
	struct audit_entry line = *entry;

	line.result = AUDIT_BEGUN;
	line.begun = 0;
	return write_locked(dir, &line, number, e);
}

/* ---- reading ---- */

struct reading {
	struct audit_sum *sum;
	char before[AUDIT_HASH_SIZE]; /* of the last line */
	bool torn;		      /* it was none: the next must say so */
	int64_t seq;
	int64_t *open; /* numbers of lines that announced what has no outcome yet */
	size_t room;
};

static void does_not_fit(struct reading *r, const char *why)
{
	if (r->sum->bad_line)
		return;
	r->sum->bad_line = r->sum->lines;
	snprintf(r->sum->why, sizeof(r->sum->why), "%s", why);
}

static void follow(struct reading *r, const cJSON *line)
{
	int64_t begun = (int64_t)json_number_or(line, "begun", 0);
	size_t *count = &r->sum->open;

	if (strcmp(json_text_or(line, "result", ""), AUDIT_BEGUN) == 0) {
		if (*count == r->room) {
			r->room = r->room ? 2 * r->room : 16;
			r->open = xrealloc(r->open, r->room * sizeof(*r->open));
		}
		r->open[(*count)++] = r->seq;
		return;
	}
	for (size_t i = 0; begun && i < *count; i++) {
		if (r->open[i] == begun)
			r->open[i--] = r->open[--*count];
	}
}

/* 0; or each()'s. */
static int take_line(struct reading *r, struct span text, bool ended,
		     int (*each)(void *context, const cJSON *line), void *context)
{
	struct error ignored = { 0 };
	cJSON *line = ended ? json_parse(text, &ignored) : NULL;
	int rc = 0;

	r->sum->lines++;
	if (line) {
		if (r->torn && !cJSON_IsTrue(json_member(line, "after_torn")))
			does_not_fit(r, "the line before it is no line of this log");
		if (strcmp(json_text_or(line, "prev", ""), r->before) != 0)
			does_not_fit(r, "it does not name the hash of the line before it");
		else if ((int64_t)json_number_or(line, "seq", 0) != r->seq + 1)
			does_not_fit(r, "its number does not follow");
		r->seq = (int64_t)json_number_or(line, "seq", 0);
		follow(r, line);
		rc = each ? each(context, line) : 0;
	} else {
		r->sum->torn++;
	}
	r->torn = !line;
	hash_of(text, r->before);
	cJSON_Delete(line);
	return rc;
}

static int read_log(const char *dir, struct reading *r,
		    int (*each)(void *context, const cJSON *line), void *context, struct error *e)
{
	char path[PATH_MAX], *text = NULL;
	size_t room = 0;
	ssize_t len;
	FILE *file;
	int rc = 0;

	*r->sum = (struct audit_sum){ .lines = 0 };
	memcpy(r->before, nothing, sizeof(nothing));
	path_of(dir, path);
	file = fopen(path, "re");
	if (!file && errno != ENOENT)
		return refuse(dir, "cannot be read", e);
	while (file && !rc && (len = getline(&text, &room, file)) > 0) {
		bool ended = text[len - 1] == '\n';

		rc = take_line(r, (struct span){ text, (size_t)len - ended }, ended, each, context);
	}
	if (file && ferror(file))
		rc = refuse(dir, "cannot be read", e);
	if (file)
		fclose(file);
	free(text);
	memcpy(r->sum->last, r->before, sizeof(r->sum->last));
	return rc < 0 ? -1 : 0;
}

int audit_read(const char *dir, int (*each)(void *context, const cJSON *line), void *context,
	       struct audit_sum *sum, struct error *e)
{
	struct reading r = { .sum = sum };
	int rc = read_log(dir, &r, each, context, e);

	free(r.open);
	return rc;
}

int audit_unfinished(const char *dir, int64_t **numbers, size_t *count, struct error *e)
{
	struct audit_sum sum;
	struct reading r = { .sum = &sum };
	int rc = read_log(dir, &r, NULL, NULL, e);

	if (rc) {
		free(r.open);
		return -1;
	}
	*numbers = r.open;
	*count = sum.open;
	return 0;
}
