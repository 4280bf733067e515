#include "common/base.h"
#include "fcgi/admin.h"

#include "common/account_store.h"
#include "common/limits.h"
#include "common/log.h"

#define ADMIN_ANSWER MB(24) /* LIMIT_ACCOUNTS accounts as JSON */

void admin_header(struct request *r, const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	r->response.extra = arena_format(&r->arena, "%s%s\r\n",
					 r->response.extra ? r->response.extra : "", line);
}

void admin_begin(struct admin_answer *a)
{
	buf_init(&a->body, ADMIN_ANSWER);
	jsonw_init(&a->w, &a->body);
}

int admin_send(struct request *r, int status, struct admin_answer *a)
{
	int rc;

	admin_outcome(r);
	rc = a->body.failed
		     ? error_set(&r->error, ERR_INTERNAL, "the answer is too long")
		     : response_whole(&r->response, status, "application/json", buf_span(&a->body));
	buf_wipe(&a->body); /* a new key may have been in it */
	return rc;
}

int admin_finish(struct request *r, int rc, struct admin_answer *a)
{
	if (!rc)
		return admin_send(r, 200, a);
	buf_wipe(&a->body);
	return -1;
}

int admin_send_text(struct request *r, int status, const char *name, const char *value)
{
	struct admin_answer a;

	admin_begin(&a);
	jsonw_begin_object(&a.w);
	jsonw_text_member(&a.w, name, value);
	jsonw_end(&a.w);
	return admin_send(r, status, &a);
}

int admin_stores(struct request *r)
{
	struct error why = { .kind = ERR_NONE };

	if (!site_open_stores(r->site, &why))
		return 0;
	log_line(LOG_ERROR, "%s", why.message);
	return error_set(&r->error, ERR_NOT_CONFIGURED,
			 "The state directory cannot be used: its owner runs \"kiroctl init\" and "
			 "\"kiroctl doctor\"; the log says more");
}

static int read_etag(const struct store *s, struct store_stamp *stamp, char out[static 64],
		     struct error *e)
{
	*stamp = (struct store_stamp){ 0 };
	if (store_changed(s, stamp, e) < 0)
		return -1;
	snprintf(out, 64, "\"%" PRIx64 "-%" PRIx64 "\"", stamp->inode, (uint64_t)stamp->mtime_ns);
	return 0;
}

void admin_etag(struct request *r, const struct store *s)
{
	struct error ignored = { .kind = ERR_NONE };
	struct store_stamp stamp;
	char tag[64];

	if (!read_etag(s, &stamp, tag, &ignored))
		admin_header(r, "etag: %s", tag);
}

int admin_tag_account(struct request *r, struct account *a)
{
	int rc;

	admin_etag(r, &r->site->tokens);
	rc = account_load(&r->site->tokens, a->id, a, &r->error);
	if (!rc)
		return error_set(&r->error, ERR_NOT_FOUND, "account %s was removed meanwhile",
				 a->id);
	return rc < 0 ? -1 : 0;
}

/* Servers that compress the answer change its tag: W/"...", "...-gzip". */
static bool is_tag(const char *given, const char *tag)
{
	const size_t len = strlen(tag) - 1; /* without the quote at its end */

	given += strncmp(given, "W/", 2) == 0 ? 2 : 0;
	if (strncmp(given, tag, len) != 0)
		return false;
	given += len;
	given += *given == '-' ? 1 + strspn(given + 1, "abcdefghijklmnopqrstuvwxyz") : 0;
	return strcmp(given, "\"") == 0;
}

const struct store *admin_match(struct request *r, const struct store *s)
{
	const char *given = request_header(r, "HTTP_IF_MATCH");
	struct store_expected *expected;
	struct store *writable;
	char tag[64];

	if (!given || !*given || strcmp(given, "*") == 0)
		return s;
	expected = arena_alloc(&r->arena, sizeof(*expected));
	expected->found = false;
	if (read_etag(s, &expected->stamp, tag, &r->error))
		return NULL;
	if (!is_tag(given, tag)) {
		error_set(&r->error, ERR_STALE, STORE_STALE);
		return NULL;
	}
	writable = arena_alloc(&r->arena, sizeof(*writable));
	*writable = *s; /* the same store: nothing of it is this one's to close */
	writable->expected = expected;
	return writable;
}

struct account *admin_account(struct request *r, struct roster *roster)
{
	struct error damage = { .kind = ERR_NONE };

	if (admin_stores(r))
		return NULL;
	/* A damaged record matters only if it may be the one that is meant. */
	if (roster_load(roster, &r->site->tokens, &damage) && !roster->count) {
		error_set(&r->error, damage.kind, "%s", damage.message);
		return NULL;
	}
	return roster_find(roster, request_segment(r), &r->error);
}
