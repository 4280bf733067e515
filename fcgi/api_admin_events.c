/*
 * GET /admin/api/v1/events: what the log says, from a place on.
 *
 * A browser asks again every few seconds with the cursor of the last answer: that is the same for
 * every way to run, and holds no process and no stream, as an open connection would. Each answer
 * reads at most PIECE of each file; `more` says to ask again at once.
 *
 * What the panel itself has read is left out, while nothing was wrong with it.
 *
 * level (that or worse), account, key, request_id, text: only such records. limit: at most so many,
 * the newest.
 */
#include "common/base.h"
#include "fcgi/api.h"

#include "common/limits.h"
#include "common/log_read.h"
#include "common/secret.h"
#include "fcgi/admin.h"

#define PIECE	KB(512)
#define INITIAL 200 /* records, where no limit is asked for */
#define MOST	1000

enum source { EVENTS, ACCESS, SOURCES };

struct filter {
	int level;
	const char *account, *key, *request, *text; /* "": any */
	bool access_only;
};

struct event {
	char at[LOG_STAMP_SIZE];
	size_t order; /* of two of one moment: as they were read */
	struct buf json;
};

/* A ring: the newest of those that were let through. */
struct feed {
	const struct filter *filter;
	struct event *events;
	size_t limit, count, passed;
};

/* ---- which ---- */

static bool holds(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

/* The member, or words of an event's text: "account acc_1: disable", "key laptop (user) added"; not
 * a part of a path. */
static bool names(const struct log_record *r, const char *member, const char *wanted)
{
	size_t len = strlen(wanted);

	if (!len || strcmp(member, wanted) == 0)
		return true;
	if (r->access)
		return false;
	for (const char *at = r->text; (at = strstr(at, wanted)); at++) {
		bool begins = at == r->text || strchr(" (\"", at[-1]);

		if (begins && strchr(" ,:;.)\"", at[len])) /* or the end */
			return true;
	}
	return false;
}

/* The panel's own looks: who watches would see himself watch, every few seconds. */
static bool is_a_look(const struct log_record *r)
{
	return r->access && r->level == LOG_INFO && strncmp(r->text, "GET ", 4) == 0 &&
	       strstr(r->text, "/admin/");
}

static bool is_wanted(const struct filter *f, const struct log_record *r)
{
	return (int)r->level <= f->level && !is_a_look(r) && (r->access || !f->access_only) &&
	       names(r, r->account, f->account) && names(r, r->key, f->key) &&
	       (!*f->request || strcmp(r->request, f->request) == 0) &&
	       (!*f->text || holds(r->text, f->text) || holds(r->key, f->text) ||
		holds(r->account, f->text) || holds(r->model, f->text) ||
		holds(r->request, f->text));
}

/* ---- how they are shown ---- */

static void text_or_null(struct jsonw *w, const char *name, const char *text)
{
	jsonw_text_member(w, name, *text ? text : NULL);
}

static void write_event(struct jsonw *w, const struct log_record *r)
{
	char *text = xstrdup(r->text);

	secret_hide(text); /* of a file that another version wrote, too */
	jsonw_begin_object(w);
	jsonw_text_member(w, "at", r->at);
	jsonw_text_member(w, "level", log_level_names[r->level]);
	jsonw_text_member(w, "type", r->access ? "access" : "event");
	text_or_null(w, "request_id", r->request);
	jsonw_text_member(w, "text", text);
	text_or_null(w, "key", r->key);
	text_or_null(w, "account", r->account);
	text_or_null(w, "model", r->model);
	if (r->access)
		jsonw_int_member(w, "status", r->status);
	if (r->took_ms >= 0)
		jsonw_int_member(w, "took_ms", r->took_ms);
	jsonw_end(w);
	free(text);
}

static void take(void *context, const struct log_record *r)
{
	struct feed *f = context;
	struct event *event;
	struct jsonw w;

	if (!is_wanted(f->filter, r))
		return;
	event = &f->events[f->passed % f->limit];
	buf_release(&event->json);
	buf_init(&event->json, 8 * LIMIT_LOG_LINE);
	snprintf(event->at, sizeof(event->at), "%s", r->at);
	event->order = f->passed++;
	f->count += f->count < f->limit;
	jsonw_init(&w, &event->json);
	write_event(&w, r);
}

static int by_time(const void *one, const void *other)
{
	const struct event *a = one, *b = other;
	int order = strcmp(a->at, b->at);

	return order ? order : a->order < b->order ? -1 : 1;
}

/* ---- what is asked for ---- */

static const char *parameter(struct request *r, const char *name)
{
	const char *value = request_query(r, name);

	return value ? value : "";
}

static int read_filter(struct request *r, struct filter *f, size_t *limit)
{
	const char *level = parameter(r, "level"), *number = parameter(r, "limit");
	char *end;
	long most = *number ? strtol(number, &end, 10) : INITIAL;

	*f = (struct filter){ .level = *level ? log_level_of(level) : LOG_DEBUG,
			      .account = parameter(r, "account"),
			      .key = parameter(r, "key"),
			      .request = parameter(r, "request_id"),
			      .text = parameter(r, "text") };
	if (f->level < 0)
		return error_field(&r->error, "level", "is not error, warn, info or debug");
	if (most < 1 || most > MOST || (*number && *end))
		return error_field(&r->error, "limit", "is no number from 1 to 1000");
	*limit = (size_t)most;
	return 0;
}

/* "inode.offset-inode.offset", which is nobody's business but ours. */
static int read_cursor(struct request *r, struct log_place places[static SOURCES])
{
	const char *text = parameter(r, "cursor");
	int used = 0;

	memset(places, 0, SOURCES * sizeof(*places));
	if (!*text)
		return 0;
	if (sscanf(text, "%" SCNx64 ".%" SCNd64 "-%" SCNx64 ".%" SCNd64 "%n", &places[EVENTS].inode,
		   &places[EVENTS].offset, &places[ACCESS].inode, &places[ACCESS].offset,
		   &used) != 4 ||
	    text[used])
		return error_field(&r->error, "cursor", "is none that an earlier answer gave");
	return 0;
}

/* ---- the answer ---- */

/* Why there is nothing to read, and what to do. NULL: there is. */
static const char *advice(const struct config *c)
{
	if (*c->log_file || *c->access_file)
		return NULL;
	return c->log_syslog ? "The log goes to the system's log, which this page cannot read: "
			       "\"journalctl -t kiro-fcgi\" shows it. Set log.file (log.format "
			       "\"json\" is best) and reload, to have it here."
			     : "The log goes to standard error, which is the web server's error "
			       "log. Set log.file (log.format \"json\" is best) and reload, to "
			       "have it here.";
}

static int read_all(struct request *r, struct feed *f, struct log_place places[static SOURCES],
		    struct log_reading *how)
{
	const char *const files[SOURCES] = { r->site->config->log_file,
					     r->site->config->access_file };

	*how = (struct log_reading){ .more = false };
	for (int i = 0; i < SOURCES; i++) {
		struct log_reading one;

		if (!*files[i] || (i && strcmp(files[i], files[0]) == 0))
			continue;
		if (log_read(files[i], PIECE, &places[i], take, f, &one, &r->error))
			return -1;
		how->more |= one.more;
		how->missed |= one.missed;
	}
	return 0;
}

static int send_feed(struct request *r, struct feed *f, const struct log_place *places,
		     const struct log_reading *how)
{
	struct admin_answer a;
	char cursor[160];

	qsort(f->events, f->count, sizeof(*f->events), by_time);
	snprintf(cursor, sizeof(cursor), "%" PRIx64 ".%" PRId64 "-%" PRIx64 ".%" PRId64,
		 places[EVENTS].inode, places[EVENTS].offset, places[ACCESS].inode,
		 places[ACCESS].offset);
	admin_begin(&a);
	jsonw_begin_object(&a.w);
	jsonw_text_member(&a.w, "advice", advice(r->site->config));
	jsonw_begin_array_member(&a.w, "events");
	for (size_t i = 0; i < f->count; i++)
		jsonw_raw(&a.w, buf_span(&f->events[i].json));
	jsonw_end(&a.w);
	jsonw_text_member(&a.w, "cursor", cursor);
	jsonw_bool_member(&a.w, "more", how->more);
	jsonw_bool_member(&a.w, "missed", how->missed || f->passed > f->count);
	jsonw_end(&a.w);
	return admin_send(r, 200, &a);
}

static int answer(struct request *r, struct filter *filter, size_t limit)
{
	struct feed f = { .filter = filter, .limit = limit };
	struct log_place places[SOURCES];
	struct log_reading how;
	int rc;

	if (read_cursor(r, places))
		return -1;
	f.events = xcalloc(limit, sizeof(*f.events));
	rc = read_all(r, &f, places, &how) ? -1 : send_feed(r, &f, places, &how);
	for (size_t i = 0; i < f.count; i++)
		buf_release(&f.events[i].json);
	free(f.events);
	return rc;
}

int api_admin_events(struct request *r)
{
	struct filter filter;
	size_t limit;

	return read_filter(r, &filter, &limit) ? -1 : answer(r, &filter, limit);
}

/* The files that older gateways had, with or without ".log": they are views of the one log. */
int api_admin_log(struct request *r)
{
	static const struct {
		const char *name;
		int level;
		bool access_only;
	} logs[] = { { "server-debug", LOG_DEBUG, false },
		     { "server-error", LOG_ERROR, false },
		     { "claude-code", LOG_DEBUG, true },
		     { "kiro-api", LOG_DEBUG, true } };
	const char *name = r->rest;
	size_t limit, len = strlen(name);
	struct filter filter;

	if (read_filter(r, &filter, &limit))
		return -1;
	len -= len > 4 && strcmp(name + len - 4, ".log") == 0 ? 4 : 0;
	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		if (strlen(logs[i].name) != len || strncmp(logs[i].name, name, len) != 0)
			continue;
		filter.level = logs[i].level < filter.level ? logs[i].level : filter.level;
		filter.access_only = logs[i].access_only;
		return answer(r, &filter, limit);
	}
	return error_set(&r->error, ERR_NOT_FOUND,
			 "no log is called %.60s: there are server-debug, server-error, "
			 "claude-code and kiro-api",
			 name);
}
