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
	struct error unread; /* the first record that cannot be read */
};

static int give(void *context, const char *store_key, struct span json)
{
	struct each_key *w = context;
	struct key key;

	(void)store_key;
	if (read_record(json, &key, &w->unread))
		return 0;
	return w->each(w->context, &key);
}

int keys_each(const struct store *keys, int (*each)(void *context, const struct key *key),
	      void *context, struct error *e)
{
	struct each_key w = { .each = each, .context = context };
	int rc = store_each(keys, PREFIX, give, &w, NULL, e);

	if (!rc && w.unread.kind)
		return error_set(e, w.unread.kind, "%s", w.unread.message);
	return rc;
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

static int take_name(void *context, const struct key *key)
{
	key_names_add(context, key->name, key->hash);
	return 0;
}

int keys_names(const struct store *keys, struct key_names *names, struct error *e)
{
	return keys_each(keys, take_name, names, e);
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

/* Damage of other records, of which some may have been the name's, is no reason not to deny what
 * was found. -1: nothing was. */
static int find_readable(const struct store *keys, const char *name, struct secrets *out,
			 struct error *e)
{
	struct error damage = { .kind = ERR_NONE };

	if (!find_named(keys, name, out, &damage) || out->count)
		return 0;
	return error_set(e, damage.kind, "%s", damage.message);
}

int keys_named(const struct store *keys, const char *name, struct key *out, struct error *e)
{
	struct secrets *s = xcalloc(1, sizeof(*s));
	int rc = find_readable(keys, name, s, e);

	if (!rc && s->count)
		*out = s->keys[0];
	rc = rc ? -1 : s->count > 0;
	free(s);
	return rc;
}

/* ---- adding ---- */

static int put_key(struct step *step, const struct key *key, struct error *e)
{
	char store_key[STORE_KEY_SIZE];
	struct buf json;
	int rc;

	key_of(key->hash, store_key);
	buf_init(&json, LIMIT_RECORD);
	key_write(key, &json);
	rc = json.failed
		     ? error_set(e, ERR_STORE, "the record of the key %s is too long", key->name)
		     : step_put(step, store_key, buf_span(&json), e);
	buf_release(&json);
	return rc;
}

/* Under the store's lock, so that two who add the same name cannot both find it free. */
static int add(struct step *step, struct key_names *names, const struct key *key, struct error *e)
{
	char store_key[STORE_KEY_SIZE];
	struct buf known;
	int rc;

	if (key_names_find(names, key->name))
		return error_set(e, ERR_REQUEST, "there is a key named %s already", key->name);
	if (names->count >= LIMIT_KEYS)
		return error_set(e, ERR_REQUEST,
				 "there are %zu keys, and no more are kept: remove some with "
				 "kiroctl key remove",
				 names->count);
	key_of(key->hash, store_key);
	buf_init(&known, LIMIT_RECORD);
	rc = step_get(step, store_key, &known, e);
	buf_release(&known);
	if (rc)
		return rc < 0 ? -1
			      : error_set(e, ERR_REQUEST,
					  "this key is known already, under another name than %s",
					  key->name);
	key_names_add(names, key->name, key->hash);
	return put_key(step, key, e);
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

static int make_key(struct key *key, const char *name, char text[static KEY_TEXT_SIZE],
		    bool weak_too, struct error *e)
{
	if (check_name(name, e) || make_secret(key, text, weak_too, e))
		return -1;
	snprintf(key->name, sizeof(key->name), "%s", name);
	snprintf(key->id, sizeof(key->id), "key_%.16s", key->hash);
	key->added_at = clock_wall();
	key->rev = 0;
	return 0;
}

struct adding {
	const struct store *keys;
	const struct key *key;
};

static int add_one(void *context, struct step *step, struct error *e)
{
	const struct adding *a = context;
	struct key_names names = { .count = 0 };
	int rc = keys_names(a->keys, &names, e);

	if (!rc)
		rc = add(step, &names, a->key, e);
	key_names_release(&names);
	return rc;
}

static int add_key(const struct store *keys, const char *name, const struct key *settings,
		   char text[static KEY_TEXT_SIZE], bool weak_too, struct error *e)
{
	struct key key = settings ? *settings : (struct key){ .role = KEY_USER };
	struct adding a = { keys, &key };

	return make_key(&key, name, text, weak_too, e) ? -1 : store_step(keys, add_one, &a, e);
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

/* One change of all secrets of a name, and a new secret perhaps. */
struct change {
	const struct store *keys;
	const char *name;
	void (*edit)(struct key *key, const void *context);
	const void *context;
	struct key *fresh; /* NULL: no further secret */
};

/* A rotation forgets secrets whose time is over. */
static bool is_over(const struct key *key, const struct key *fresh)
{
	return fresh && key->ends_at && key->ends_at <= fresh->added_at;
}

static int drop_key(struct step *step, const struct key *key, struct error *e)
{
	char store_key[STORE_KEY_SIZE];

	key_of(key->hash, store_key);
	return step_put(step, store_key, span_of(""), e);
}

static int add_fresh(struct step *step, const struct key *newest, const struct key *fresh,
		     struct error *e)
{
	struct key key = *newest;

	memcpy(key.prefix, fresh->prefix, sizeof(key.prefix));
	memcpy(key.hash, fresh->hash, sizeof(key.hash));
	key.added_at = fresh->added_at;
	key.ends_at = 0;
	return put_key(step, &key, e);
}

/* For store_step(). 1: no such name. */
static int change(void *context, struct step *step, struct error *e)
{
	const struct change *c = context;
	struct secrets *s = xcalloc(1, sizeof(*s));
	int rc = (c->fresh ? find_named : find_readable)(c->keys, c->name, s, e);
	size_t good = 0;

	if (!rc && !s->count)
		rc = 1;
	for (size_t i = 0; i < s->count && !rc; i++) {
		struct key *key = &s->keys[i];
		bool over = is_over(key, c->fresh);

		good += !over;
		c->edit(key, c->context);
		rc = over ? drop_key(step, key, e) : put_key(step, key, e);
	}
	if (!rc && c->fresh && good == SECRETS)
		rc = error_set(e, ERR_REQUEST,
			       "%s has %d secrets that are good still: wait until one of them ends",
			       c->name, SECRETS);
	if (!rc && c->fresh)
		rc = add_fresh(step, &s->keys[0], c->fresh, e);
	free(s);
	return rc;
}

int keys_change(const struct store *keys, const char *name,
		void (*edit)(struct key *key, const void *context), const void *context,
		struct error *e)
{
	struct change c = { keys, name, edit, context, NULL };

	return store_step(keys, change, &c, e);
}

/* Of an older one the earlier end stays. */
static void end_secret(struct key *key, const void *context)
{
	const int64_t *ends_at = context;

	if (!key->ends_at || key->ends_at > *ends_at)
		key->ends_at = *ends_at;
}

/* Whether they are an activation code's. */
static int look_at_named(const struct store *keys, const char *name, struct code *code,
			 struct error *e)
{
	struct secrets *s = xcalloc(1, sizeof(*s));
	int rc = find_named(keys, name, s, e);

	*code = s->keys[0].code;
	free(s);
	return rc;
}

int keys_rotate(const struct store *keys, const char *name, int64_t ends_at,
		char text[static KEY_TEXT_SIZE], struct error *e)
{
	struct key fresh = { .added_at = clock_wall(), .ends_at = 0 }, known;
	struct change c = { keys, name, end_secret, &ends_at, &fresh };
	int rc;

	if (look_at_named(keys, name, &fresh.code, e) || make_secret(&fresh, text, false, e))
		return -1;
	rc = keys_find(keys, text, &known, e);
	if (rc)
		return rc < 0 ? -1 : error_set(e, ERR_REQUEST, "this key is known already");
	return store_step(keys, change, &c, e);
}

/* ---- many at once ---- */

struct taking {
	const struct store *keys;
	const struct keys_item *items;
	size_t count;
	void (*edit)(struct key *key, const void *context);
	struct key_names names;
};

static int take_new(struct taking *t, struct step *step, const struct keys_item *item,
		    struct error *e)
{
	struct key key = *item->settings;
	char text[KEY_TEXT_SIZE];
	int rc;

	snprintf(text, sizeof(text), "%s", secret_reveal(item->text));
	rc = make_key(&key, item->name, text, true, e);
	explicit_bzero(text, sizeof(text));
	return rc ? -1 : add(step, &t->names, &key, e);
}

static int take_change(struct taking *t, struct step *step, const struct keys_item *item,
		       struct error *e)
{
	char store_key[STORE_KEY_SIZE];
	struct key key;
	struct buf json;
	int rc = 1;

	buf_init(&json, LIMIT_RECORD);
	for (const struct key_name *n = key_names_find(&t->names, item->name); n && rc > 0;
	     n = n->same) {
		key_of(n->hash, store_key);
		rc = step_get(step, store_key, &json, e);
		if (rc > 0 && read_record(buf_span(&json), &key, e))
			rc = -1;
		if (rc > 0) {
			t->edit(&key, item->settings);
			rc = put_key(step, &key, e) ? -1 : 1;
		}
	}
	buf_release(&json);
	return rc < 0 ? -1 : 0;
}

static int take_all(void *context, struct step *step, struct error *e)
{
	struct taking *t = context;
	int rc = keys_names(t->keys, &t->names, e);

	for (size_t i = 0; i < t->count && !rc; i++) {
		const struct keys_item *item = &t->items[i];

		rc = item->text ? take_new(t, step, item, e) : take_change(t, step, item, e);
	}
	return rc;
}

int keys_take(const struct store *keys, const struct keys_item *items, size_t count,
	      void (*edit)(struct key *key, const void *context), struct error *e)
{
	struct taking t = { .keys = keys, .items = items, .count = count, .edit = edit };
	int rc = store_step(keys, take_all, &t, e);

	key_names_release(&t.names);
	return rc;
}

/* ---- the rest ---- */

static int remove_named(void *context, struct step *step, struct error *e)
{
	const struct change *c = context;
	struct secrets *s = xcalloc(1, sizeof(*s));
	int rc = find_readable(c->keys, c->name, s, e);

	if (!rc && !s->count)
		rc = 1;
	for (size_t i = 0; !rc && i < s->count; i++)
		rc = drop_key(step, &s->keys[i], e);
	free(s);
	return rc;
}

int keys_remove(const struct store *keys, const char *name, struct error *e)
{
	struct change c = { .keys = keys, .name = name };

	return store_step(keys, remove_named, &c, e);
}
