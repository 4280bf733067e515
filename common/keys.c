/*
 * {"v":1,"rev":1,"name":"laptop","prefix":"kiro-Ab12","hash":"<sha256>","added_at":1790000000}
 */
#include "common/base.h"
#include "common/keys.h"

#include "common/clock.h"
#include "common/ids.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/secret.h"
#include "common/utf8.h"

#define PREFIX	       "k/"
#define KEY_PREFIX     "kiro-"
#define KEY_CHARACTERS 43 /* 256 bits */
#define SHOWN	       9  /* of a made key, for people: its prefix and 4 characters */
#define SHOWN_GIVEN    4  /* of a given one */

static void key_of(const char *hash, char out[static STORE_KEY_SIZE])
{
	snprintf(out, STORE_KEY_SIZE, PREFIX "%s", hash);
}

static int read_record(struct span json, struct key *out, char hash[static SECRET_HASH_SIZE],
		       struct error *e)
{
	struct error why = { .kind = ERR_NONE };
	cJSON *tree = json_parse(json, &why);
	const char *name = "", *prefix = "", *stored = "";
	int rc = -1;

	if (tree && !json_need_text(tree, "name", NULL, &name, &why) &&
	    !json_need_text(tree, "hash", NULL, &stored, &why) &&
	    json_text(tree, "prefix", NULL, &prefix, &why) >= 0 &&
	    json_int(tree, "added_at", NULL, 0, INT64_MAX, &out->added_at, &why) >= 0)
		rc = 0;
	if (!rc) {
		snprintf(out->name, sizeof(out->name), "%s", name);
		snprintf(out->prefix, sizeof(out->prefix), "%s", prefix);
		snprintf(hash, SECRET_HASH_SIZE, "%s", stored);
	}
	cJSON_Delete(tree);
	return rc ? error_set(e, ERR_STORE, "client key record: %s", why.message) : 0;
}

static void write_record(const struct key *key, const char *hash, struct buf *json)
{
	struct jsonw w;

	buf_reset(json);
	jsonw_init(&w, json);
	jsonw_begin_object(&w);
	jsonw_int_member(&w, "v", 1);
	jsonw_int_member(&w, "rev", 1);
	jsonw_text_member(&w, "name", key->name);
	jsonw_text_member(&w, "prefix", key->prefix);
	jsonw_text_member(&w, "hash", hash);
	jsonw_int_member(&w, "added_at", key->added_at);
	jsonw_end(&w);
}

struct each_key {
	int (*each)(void *context, const struct key *key, const char *hash);
	void *context;
	struct error *e;
};

static int give(void *context, const char *store_key, struct span json)
{
	struct each_key *w = context;
	char hash[SECRET_HASH_SIZE];
	struct key key = { .name = "" };

	(void)store_key;
	if (read_record(json, &key, hash, w->e))
		return -1;
	return w->each(w->context, &key, hash);
}

/* As keys_each(), with the hash beside the key. */
static int each_hash(const struct store *keys,
		     int (*each)(void *context, const struct key *key, const char *hash),
		     void *context, struct error *e)
{
	struct each_key w = { .each = each, .context = context, .e = e };

	return store_each(keys, PREFIX, give, &w, NULL, e);
}

/* ---- adding ---- */

struct adding {
	const struct store *keys;
	const char *hash;
	struct key key;
};

static int same_name(void *context, const struct key *key, const char *hash)
{
	(void)hash;
	return strcmp(context, key->name) == 0;
}

/* Runs under the store's lock, so that two who add the same name cannot both find it free. */
static int add(void *context, struct buf *json, struct error *e)
{
	struct adding *a = context;
	int taken = each_hash(a->keys, same_name, a->key.name, e);

	if (taken < 0)
		return -1;
	if (taken)
		return error_set(e, ERR_REQUEST, "there is a key named %s already", a->key.name);
	if (json->len)
		return error_set(e, ERR_REQUEST, "this key is known already, under another name");
	write_record(&a->key, a->hash, json);
	return 0;
}

static int check_name(const char *name, struct error *e)
{
	struct span text = span_of(name);
	struct key key;

	if (!text.len || text.len >= sizeof(key.name))
		return error_set(e, ERR_REQUEST, "a key's name has 1 to %zu bytes",
				 sizeof(key.name) - 1);
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F)
			return error_set(e, ERR_REQUEST, "control character in a key's name");
	}
	if (utf8_valid_prefix(text) != text.len)
		return error_set(e, ERR_REQUEST, "a key's name is not valid UTF-8");
	return 0;
}

/* Visible ASCII: it has to travel in an HTTP header. */
static int check_text(const char *text, struct error *e)
{
	const char *why = "";

	for (const char *at = text; *at; at++) {
		if (*at <= ' ' || *at > '~')
			return error_set(e, ERR_REQUEST,
					 "a key is made of visible ASCII characters");
	}
	if (!secret_is_strong(text, &why))
		return error_set(e, ERR_REQUEST, "this key is too weak: it %s", why);
	return 0;
}

int keys_add(const struct store *keys, const char *name, char text[static KEY_TEXT_SIZE],
	     struct error *e)
{
	struct adding a = { .keys = keys, .key = { .added_at = clock_wall() } };
	char store_key[STORE_KEY_SIZE], hash[SECRET_HASH_SIZE];
	size_t shown = *text ? SHOWN_GIVEN : SHOWN;

	if (check_name(name, e))
		return -1;
	if (!*text)
		ids_make(text, KEY_TEXT_SIZE, KEY_PREFIX, KEY_CHARACTERS);
	else if (check_text(text, e))
		return -1;
	snprintf(a.key.name, sizeof(a.key.name), "%s", name);
	snprintf(a.key.prefix, sizeof(a.key.prefix), "%.*s", (int)shown, text);
	secret_hash(text, hash);
	a.hash = hash;
	key_of(hash, store_key);
	return store_update(keys, store_key, add, &a, e);
}

/* ---- the rest ---- */

struct search {
	const char *name;
	char hash[SECRET_HASH_SIZE];
};

static int find_name(void *context, const struct key *key, const char *hash)
{
	struct search *s = context;

	if (strcmp(s->name, key->name) != 0)
		return 0;
	snprintf(s->hash, sizeof(s->hash), "%s", hash);
	return 1;
}

int keys_remove(const struct store *keys, const char *name, struct error *e)
{
	struct search s = { .name = name };
	char store_key[STORE_KEY_SIZE];
	int found = each_hash(keys, find_name, &s, e);

	if (found != 1)
		return found < 0 ? -1 : 1;
	key_of(s.hash, store_key);
	return store_remove(keys, store_key, e);
}

int keys_find(const struct store *keys, const char *text, struct key *out, struct error *e)
{
	char store_key[STORE_KEY_SIZE], hash[SECRET_HASH_SIZE], stored[SECRET_HASH_SIZE];
	struct key key = { .name = "" };
	struct buf json;
	int rc;

	secret_hash(text, hash);
	key_of(hash, store_key);
	buf_init(&json, LIMIT_RECORD);
	rc = store_get(keys, store_key, &json, e);
	if (rc == 1 && read_record(buf_span(&json), &key, stored, e))
		rc = -1;
	if (rc == 1)
		rc = secret_equal(hash, stored);
	if (rc == 1)
		*out = key;
	buf_release(&json);
	return rc;
}

struct giving {
	int (*each)(void *context, const struct key *key);
	void *context;
};

static int give_key(void *context, const struct key *key, const char *hash)
{
	const struct giving *g = context;

	(void)hash;
	return g->each(g->context, key);
}

int keys_each(const struct store *keys, int (*each)(void *context, const struct key *key),
	      void *context, struct error *e)
{
	struct giving g = { .each = each, .context = context };

	return each_hash(keys, give_key, &g, e);
}

static int count_one(void *context, const struct key *key, const char *hash)
{
	(void)key;
	(void)hash;
	++*(size_t *)context;
	return 0;
}

int keys_count(const struct store *keys, size_t *count, struct error *e)
{
	*count = 0;
	return each_hash(keys, count_one, count, e);
}
