#include "common/base.h"
#include "common/keys.h"

#include "common/clock.h"
#include "common/ids.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/secret.h"
#include "common/utf8.h"

#define PREFIX	       "k/"
#define KEY_PREFIX     "kiro-"
#define KEY_CHARACTERS 43 /* 256 bits */
#define SHOWN	       9  /* of a made key, for people: its prefix and 4 characters */
#define SHOWN_GIVEN    4  /* of a given one */
#define SHOWN_CODE     8  /* of an activation code: "act-" and 4 characters */
#define SECRETS	       16 /* of one name: the newest, and older ones that have not ended */
#define TRIES	       10 /* against others who change the same key */

static void key_of(const char *hash, char out[static STORE_KEY_SIZE])
{
	snprintf(out, STORE_KEY_SIZE, PREFIX "%s", hash);
}

static int read_record(struct span json, struct key *out, struct error *e)
{
	struct error why = { .kind = ERR_NONE };
	cJSON *tree = json_parse(json, &why);
	int rc = tree ? key_read(out, tree, e)
		      : error_set(e, ERR_STORE, "client key record: %s", why.message);

	cJSON_Delete(tree);
	return rc;
}

struct each_key {
	int (*each)(void *context, const struct key *key);
	void *context;
	struct error *e;
};

static int give(void *context, const char *store_key, struct span json)
{
	struct each_key *w = context;
	struct key key;

	(void)store_key;
	if (read_record(json, &key, w->e))
		return -1;
	return w->each(w->context, &key);
}

int keys_each(const struct store *keys, int (*each)(void *context, const struct key *key),
	      void *context, struct error *e)
{
	struct each_key w = { .each = each, .context = context, .e = e };

	return store_each(keys, PREFIX, give, &w, NULL, e);
}

static int count_one(void *context, const struct key *key)
{
	(void)key;
	++*(size_t *)context;
	return 0;
}

int keys_count(const struct store *keys, size_t *count, struct error *e)
{
	*count = 0;
	return keys_each(keys, count_one, count, e);
}

static int find_hashed(const struct store *keys, const char *text, struct key *out, struct error *e)
{
	char store_key[STORE_KEY_SIZE], hash[SECRET_HASH_SIZE];
	struct key key = { .name = "" };
	struct buf json;
	int rc;

	secret_hash(text, hash);
	key_of(hash, store_key);
	buf_init(&json, LIMIT_RECORD);
	rc = store_get(keys, store_key, &json, e);
	if (rc == 1 && read_record(buf_span(&json), &key, e))
		rc = -1;
	if (rc == 1)
		rc = secret_equal(hash, key.hash);
	if (rc == 1)
		*out = key;
	buf_release(&json);
	return rc;
}

/* A key that was given to begin as codes do is stored as it was written. */
int keys_find(const struct store *keys, const char *text, struct key *out, struct error *e)
{
	char spelled[KEY_TEXT_SIZE];
	int rc = find_hashed(keys, text, out, e);

	if (rc || !code_is_text(text) || strlen(text) >= sizeof(spelled))
		return rc;
	code_spell(text, spelled);
	if (strcmp(spelled, text) != 0)
		rc = find_hashed(keys, spelled, out, e);
	explicit_bzero(spelled, sizeof(spelled));
	return rc;
}

/* All secrets of one name, the newest first. */
struct secrets {
	const char *name;
	struct key keys[SECRETS];
	size_t count;
};

static int take_named(void *context, const struct key *key)
{
	struct secrets *s = context;
	size_t at = s->count;

	if (strcmp(s->name, key->name) != 0 || s->count == SECRETS)
		return 0;
	s->keys[s->count++] = *key;
	if (at && !key->ends_at) {
		s->keys[at] = s->keys[0];
		s->keys[0] = *key;
	}
	return 0;
}

static int find_named(const struct store *keys, const char *name, struct secrets *out,
		      struct error *e)
{
	out->name = name;
	out->count = 0;
	return keys_each(keys, take_named, out, e);
}

int keys_named(const struct store *keys, const char *name, struct key *out, struct error *e)
{
	struct secrets *s = xcalloc(1, sizeof(*s));
	int rc = find_named(keys, name, s, e);

	if (!rc && s->count)
		*out = s->keys[0];
	rc = rc ? -1 : s->count > 0;
	free(s);
	return rc;
}

/* ---- adding ---- */

struct adding {
	const struct store *keys;
	const struct key *key;
};

struct census {
	const char *name;
	size_t count;
};

static int same_name(void *context, const struct key *key)
{
	struct census *c = context;

	c->count++;
	return strcmp(c->name, key->name) == 0;
}

/* Runs under the store's lock, so that two who add the same name cannot both find it free. */
static int add(void *context, struct buf *json, struct error *e)
{
	struct adding *a = context;
	struct census c = { .name = a->key->name };
	int taken = keys_each(a->keys, same_name, &c, e);

	if (taken < 0)
		return -1;
	if (taken)
		return error_set(e, ERR_REQUEST, "there is a key named %s already", c.name);
	if (c.count >= LIMIT_KEYS)
		return error_set(e, ERR_REQUEST,
				 "there are %zu keys, and no more are kept: remove some with "
				 "kiroctl key remove",
				 c.count);
	if (json->len)
		return error_set(e, ERR_REQUEST, "this key is known already, under another name");
	key_write(a->key, json);
	return 0;
}

static int check_name(const char *name, struct error *e)
{
	struct span text = span_of(name);

	if (!text.len || text.len >= KEY_NAME_SIZE)
		return error_set(e, ERR_REQUEST, "a key's name has 1 to %zu bytes",
				 (size_t)KEY_NAME_SIZE - 1);
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F)
			return error_set(e, ERR_REQUEST, "control character in a key's name");
	}
	if (utf8_valid_prefix(text) != text.len)
		return error_set(e, ERR_REQUEST, "a key's name is not valid UTF-8");
	return 0;
}

/* Visible ASCII: it has to travel in an HTTP header. */
static int check_text(const char *text, bool weak_too, struct error *e)
{
	const char *why = "";

	for (const char *at = text; *at; at++) {
		if (*at <= ' ' || *at > '~')
			return error_set(e, ERR_REQUEST,
					 "a key is made of visible ASCII characters");
	}
	if (!weak_too && !secret_is_strong(text, &why))
		return error_set(e, ERR_REQUEST, "this key is too weak: it %s", why);
	return 0;
}

static int take_given(const struct key *key, char text[static KEY_TEXT_SIZE], bool weak_too,
		      struct error *e)
{
	if (check_text(text, weak_too, e))
		return -1;
	if (!key->code.is)
		return 0;
	if (!code_is_text(text) || !text[strlen(CODE_PREFIX)])
		return error_set(e, ERR_REQUEST, "an activation code begins with " CODE_PREFIX);
	code_spell(text, text);
	return 0;
}

/* The secret, in text, and what a record keeps of it. */
static int make_secret(struct key *key, char text[static KEY_TEXT_SIZE], bool weak_too,
		       struct error *e)
{
	size_t shown = key->code.is ? SHOWN_CODE : *text ? SHOWN_GIVEN : SHOWN;

	if (*text) {
		if (take_given(key, text, weak_too, e))
			return -1;
	} else if (key->code.is) {
		code_make(text);
	} else {
		ids_make(text, KEY_TEXT_SIZE, KEY_PREFIX, KEY_CHARACTERS);
	}
	if (strlen(text) < 2 * SHOWN_CODE)
		shown = SHOWN_GIVEN; /* the rest could be guessed */
	snprintf(key->prefix, sizeof(key->prefix), "%.*s", (int)shown, text);
	secret_hash(text, key->hash);
	return 0;
}

static int add_key(const struct store *keys, const char *name, const struct key *settings,
		   char text[static KEY_TEXT_SIZE], bool weak_too, struct error *e)
{
	struct key key = settings ? *settings : (struct key){ .role = KEY_USER };
	struct adding a = { .keys = keys, .key = &key };
	char store_key[STORE_KEY_SIZE];

	if (check_name(name, e) || make_secret(&key, text, weak_too, e))
		return -1;
	snprintf(key.name, sizeof(key.name), "%s", name);
	snprintf(key.id, sizeof(key.id), "key_%.16s", key.hash);
	key.added_at = clock_wall();
	key.rev = 0;
	key_of(key.hash, store_key);
	return store_update(keys, store_key, add, &a, e);
}

int keys_add(const struct store *keys, const char *name, const struct key *settings,
	     char text[static KEY_TEXT_SIZE], struct error *e)
{
	return add_key(keys, name, settings, text, false, e);
}

int keys_add_known(const struct store *keys, const char *name, const struct key *settings,
		   char text[static KEY_TEXT_SIZE], struct error *e)
{
	return add_key(keys, name, settings, text, true, e);
}

/* ---- changing ---- */

/* One change of all secrets of a name, and a new secret perhaps, in one step of the store. */
struct change {
	struct secrets secrets;
	struct buf before[SECRETS], after[SECRETS + 1];
	char keys[SECRETS + 1][STORE_KEY_SIZE];
	struct record records[SECRETS + 1];
	size_t count;
	bool lost; /* somebody else was faster */
};

static void change_release(struct change *c)
{
	for (size_t i = 0; i < SECRETS; i++)
		buf_release(&c->before[i]);
	for (size_t i = 0; i <= SECRETS; i++)
		buf_release(&c->after[i]);
	free(c);
}

static struct change *change_new(void)
{
	struct change *c = xcalloc(1, sizeof(*c));

	for (size_t i = 0; i < SECRETS; i++)
		buf_init(&c->before[i], LIMIT_RECORD);
	for (size_t i = 0; i <= SECRETS; i++)
		buf_init(&c->after[i], LIMIT_RECORD);
	return c;
}

/* The records as they are; the parsed ones may be older. 1: they have changed. */
static int read_again(const struct store *keys, struct change *c, size_t i, struct error *e)
{
	struct key *key = &c->secrets.keys[i];
	int rc = store_get(keys, c->keys[i], &c->before[i], e);

	if (rc <= 0)
		return rc < 0 ? -1 : 1;
	return read_record(buf_span(&c->before[i]), key, e);
}

static bool is_unchanged(void *context, size_t index, struct span now)
{
	struct change *c = context;

	if (index < c->secrets.count &&
	    (now.len != c->before[index].len || memcmp(now.at, c->before[index].at, now.len) != 0))
		c->lost = true;
	return !c->lost;
}

/* A rotation forgets secrets whose time is over. */
static bool is_over(const struct key *key, const struct key *fresh)
{
	return fresh && key->ends_at && key->ends_at <= fresh->added_at;
}

/* Behind the others: it comes only where none of them was lost. */
static void add_fresh(struct change *c, const struct key *fresh)
{
	struct key key = c->secrets.keys[0];

	memcpy(key.prefix, fresh->prefix, sizeof(key.prefix));
	memcpy(key.hash, fresh->hash, sizeof(key.hash));
	key.added_at = fresh->added_at;
	key.ends_at = 0;
	key_of(key.hash, c->keys[c->count]);
	key_write(&key, &c->after[c->count]);
	c->records[c->count] = (struct record){ c->keys[c->count], buf_span(&c->after[c->count]) };
	c->count++;
}

/* 0; 1: no such name; 2: try again; -1. fresh: a further secret, NULL: none. */
static int change_once(const struct store *keys, const char *name,
		       void (*edit)(struct key *key, const void *context), const void *context,
		       struct key *fresh, struct change *c, struct error *e)
{
	if (find_named(keys, name, &c->secrets, e))
		return -1;
	if (!c->secrets.count)
		return 1;
	for (size_t i = 0; i < c->secrets.count; i++) {
		struct key *key = &c->secrets.keys[i];
		bool over;
		int rc;

		key_of(key->hash, c->keys[i]);
		rc = read_again(keys, c, i, e);
		if (rc)
			return rc < 0 ? -1 : 2;
		over = is_over(key, fresh);
		edit(key, context);
		key_write(key, &c->after[i]);
		c->records[c->count++] =
			(struct record){ c->keys[i], over ? span_of("") : buf_span(&c->after[i]) };
	}
	if (fresh)
		add_fresh(c, fresh);
	if (store_merge(keys, c->records, c->count, is_unchanged, c, e))
		return -1;
	return c->lost ? 2 : 0;
}

static int change(const struct store *keys, const char *name,
		  void (*edit)(struct key *key, const void *context), const void *context,
		  struct key *fresh, struct error *e)
{
	int rc = 2;

	for (int i = 0; i < TRIES && rc == 2; i++) {
		struct change *c = change_new();

		rc = change_once(keys, name, edit, context, fresh, c, e);
		change_release(c);
	}
	return rc == 2 ? error_set(e, ERR_STORE, "others change the key %s all the time", name)
		       : rc;
}

int keys_change(const struct store *keys, const char *name,
		void (*edit)(struct key *key, const void *context), const void *context,
		struct error *e)
{
	return change(keys, name, edit, context, NULL, e);
}

/* Of an older one the earlier end stays. */
static void end_secret(struct key *key, const void *context)
{
	const int64_t *ends_at = context;

	if (!key->ends_at || key->ends_at > *ends_at)
		key->ends_at = *ends_at;
}

/* Their number, and whether they are an activation code's. */
static int look_at_named(const struct store *keys, const char *name, size_t *count,
			 struct code *code, struct error *e)
{
	struct secrets *s = xcalloc(1, sizeof(*s));
	int rc = find_named(keys, name, s, e);

	*count = s->count;
	*code = s->keys[0].code;
	free(s);
	return rc;
}

int keys_rotate(const struct store *keys, const char *name, int64_t ends_at,
		char text[static KEY_TEXT_SIZE], struct error *e)
{
	struct key fresh = { .added_at = clock_wall(), .ends_at = 0 }, known;
	size_t count;
	int rc;

	if (look_at_named(keys, name, &count, &fresh.code, e) ||
	    make_secret(&fresh, text, false, e))
		return -1;
	if (count == SECRETS)
		return error_set(
			e, ERR_REQUEST,
			"%s has %d secrets that are good still: wait until one of them ends", name,
			SECRETS);
	rc = keys_find(keys, text, &known, e);
	if (rc)
		return rc < 0 ? -1 : error_set(e, ERR_REQUEST, "this key is known already");
	return change(keys, name, end_secret, &ends_at, &fresh, e);
}

/* ---- the rest ---- */

int keys_remove(const struct store *keys, const char *name, struct error *e)
{
	struct secrets *s = xcalloc(1, sizeof(*s));
	char store_key[STORE_KEY_SIZE];
	int rc = find_named(keys, name, s, e);

	if (!rc && !s->count)
		rc = 1;
	for (size_t i = 0; !rc && i < s->count; i++) {
		key_of(s->keys[i].hash, store_key);
		rc = store_remove(keys, store_key, e) < 0 ? -1 : 0;
	}
	free(s);
	return rc;
}
