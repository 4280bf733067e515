#include "common/base.h"
#include "common/bundle.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/hex.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"

#define VERSION	    1
#define RECORD_MARK ",\"record\":"

_Static_assert(sizeof(((struct bundle *)0)->made_at) >= CLOCK_TEXT_SIZE, "a date must fit");

void bundle_init(struct bundle *b)
{
	*b = (struct bundle){ .at = NULL };
}

void bundle_release(struct bundle *b)
{
	for (size_t i = 0; i < b->count; i++) {
		secret_free(b->at[i].json);
		free(b->at[i].key);
		free(b->at[i].store);
	}
	free(b->at);
	bundle_init(b);
}

static void bundle_add(struct bundle *b, const char *store, const char *key, struct span json)
{
	if (b->count == b->room) {
		b->room = b->room ? 2 * b->room : 64;
		b->at = xrealloc(b->at, b->room * sizeof(*b->at));
	}
	b->at[b->count++] =
		(struct bundle_record){ xstrdup(store), xstrdup(key), xstrndup(json.at, json.len) };
}

struct collection {
	struct bundle *bundle;
	const char *store;
};

static int collect(void *context, const char *key, struct span json)
{
	const struct collection *c = context;

	bundle_add(c->bundle, c->store, key, json);
	return 0;
}

int bundle_collect(struct bundle *b, const struct store *s, struct error *e)
{
	struct collection c = { b, s->name };

	return store_each(s, "", collect, &c, NULL, e);
}

static int by_place(const void *left, const void *right)
{
	const struct bundle_record *a = left, *b = right;
	int order = strcmp(b->store, a->store); /* tokens before keys */

	return order ? order : strcmp(a->key, b->key);
}

void bundle_sort(struct bundle *b)
{
	if (b->count)
		qsort(b->at, b->count, sizeof(*b->at), by_place);
}

/* ---- secrets ---- */

static bool is_secret(const char *name)
{
	static const char *const ends[] = { "_token", "_secret", "_code",     "verifier", "api_key",
					    "hash",   "proxy",	 "proxy_url", "password" };
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		size_t end = strlen(ends[i]);

		if (len >= end && strcmp(name + len - end, ends[i]) == 0)
			return true;
	}
	return false;
}

/* Within objects too: of a login under way, and of a renewal that waits. */
static void mask_members(struct jsonw *w, const cJSON *object)
{
	const cJSON *member;

	jsonw_begin_object(w);
	cJSON_ArrayForEach (member, object) {
		if (cJSON_IsString(member) && is_secret(member->string)) {
			struct secret secret = { .hidden = member->valuestring };
			char masked[SECRET_MASK_SIZE];

			jsonw_text_member(w, member->string, secret_mask(&secret, masked));
			continue;
		}
		jsonw_key(w, member->string);
		if (cJSON_IsObject(member))
			mask_members(w, member);
		else
			jsonw_tree(w, member);
	}
	jsonw_end(w);
}

static void mask_record(struct bundle_record *r)
{
	struct error ignored = { .kind = ERR_NONE };
	cJSON *tree = json_parse(span_of(r->json), &ignored);
	struct jsonw w;
	struct buf out;

	buf_init(&out, 2 * LIMIT_RECORD);
	jsonw_init(&w, &out);
	mask_members(&w, cJSON_IsObject(tree) ? tree : NULL);
	secret_free(r->json);
	r->json = xstrdup(out.at);
	buf_wipe(&out);
	cJSON_Delete(tree);
}

void bundle_mask(struct bundle *b)
{
	for (size_t i = 0; i < b->count; i++)
		mask_record(&b->at[i]);
	b->masked = true;
}

/* ---- the text ---- */

static void digest_of(struct span text, char out[static 2 * DIGEST_SIZE + 1])
{
	unsigned char digest[DIGEST_SIZE];

	digest_sha256(text, digest);
	hex_write(digest, sizeof(digest), out);
}

static void write_head(const struct bundle *b, struct buf *out)
{
	char date[CLOCK_TEXT_SIZE];
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "kiro-fcgi", "state");
	jsonw_int_member(&w, "v", VERSION);
	jsonw_text_member(&w, "made_at",
			  *b->made_at ? b->made_at : clock_format(clock_wall(), date));
	jsonw_int_member(&w, "records", (int64_t)b->count);
	jsonw_bool_member(&w, "masked", b->masked);
	jsonw_end(&w);
	buf_add_char(out, '\n');
}

void bundle_write(const struct bundle *b, struct buf *out)
{
	char digest[2 * DIGEST_SIZE + 1];
	size_t start = out->len;

	write_head(b, out);
	for (size_t i = 0; i < b->count; i++) {
		struct jsonw w;

		jsonw_init(&w, out);
		jsonw_begin_object(&w);
		jsonw_text_member(&w, "store", b->at[i].store);
		jsonw_text_member(&w, "key", b->at[i].key);
		jsonw_key(&w, "record");
		jsonw_raw(&w, span_of(b->at[i].json));
		jsonw_end(&w);
		buf_add_char(out, '\n');
	}
	digest_of((struct span){ out->at + start, out->len - start }, digest);
	buf_add_format(out, "{\"end\":%zu,\"sha256\":\"%s\"}\n", b->count, digest);
}

static int refuse(struct error *e, const char *why)
{
	return error_set(e, ERR_REQUEST, "%s", why);
}

/* The first line of *text, which moves behind it. Empty: there is no whole line. */
static struct span take_line(struct span *text)
{
	const char *end = text->len ? memchr(text->at, '\n', text->len) : NULL;
	struct span line = { text->at, end ? (size_t)(end - text->at) : 0 };

	if (end) {
		text->at = end + 1;
		text->len -= line.len + 1;
	}
	return line;
}

static cJSON *parse_line(struct span line)
{
	struct error ignored = { .kind = ERR_NONE };

	return line.len ? json_parse(line, &ignored) : NULL;
}

static int read_head(struct bundle *b, const cJSON *head, int64_t *count, struct error *e)
{
	if (strcmp(json_text_or(head, "kiro-fcgi", ""), "state") != 0)
		return refuse(e, "this is no backup or export of kiroctl");
	if (json_number_or(head, "v", 0) > VERSION)
		return refuse(e, "a newer program wrote this file: use that one");
	snprintf(b->made_at, sizeof(b->made_at), "%s", json_text_or(head, "made_at", ""));
	b->masked = cJSON_IsTrue(json_member(head, "masked"));
	return json_int(head, "records", NULL, 0, INT32_MAX, count, e) < 0 ? -1 : 0;
}

static int read_record(struct bundle *b, struct span line)
{
	const char *mark = memmem(line.at, line.len, RECORD_MARK, strlen(RECORD_MARK));
	cJSON *tree = mark ? parse_line(line) : NULL;
	const char *store = json_text_or(tree, "store", ""), *key = json_text_or(tree, "key", "");
	struct span json = { NULL, 0 };
	int rc = -1;

	if (mark) {
		json.at = mark + strlen(RECORD_MARK);
		json.len = (size_t)(line.at + line.len - 1 - json.at);
	}
	if (*store && *key && cJSON_IsObject(json_member(tree, "record")) && json_is_object(json)) {
		bundle_add(b, store, key, json);
		rc = 0;
	}
	cJSON_Delete(tree);
	return rc;
}

static int read_end(struct span before, struct span line, int64_t count, struct error *e)
{
	char digest[2 * DIGEST_SIZE + 1];
	cJSON *end = parse_line(line);
	bool whole = end && json_number_or(end, "end", -1) == (double)count;

	digest_of(before, digest);
	whole = whole && strcmp(json_text_or(end, "sha256", ""), digest) == 0;
	cJSON_Delete(end);
	return whole ? 0 : refuse(e, "the file is not whole: it was cut or changed");
}

int bundle_read(struct bundle *b, struct span text, struct error *e)
{
	struct span rest = text, line = take_line(&rest);
	cJSON *head = parse_line(line);
	int64_t count = 0;
	int rc = read_head(b, head, &count, e);

	for (int64_t i = 0; i < count && !rc; i++) {
		line = take_line(&rest);
		if (read_record(b, line))
			rc = error_set(e, ERR_REQUEST,
				       "line %" PRId64 " is damaged, or the file was cut", i + 2);
	}
	if (!rc) {
		struct span before = { text.at, (size_t)(rest.at - text.at) };

		rc = read_end(before, take_line(&rest), count, e);
	}
	bundle_sort(b);
	cJSON_Delete(head);
	return rc;
}
