#include "common/base.h"
#include "common/alias.h"

#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/record.h"

#define PREFIX	       "m/"
#define RECORD_VERSION 1

static bool is_name(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	return len > 0 && len < ALIAS_SIZE;
}

static void key_of(const char *name, char out[static STORE_KEY_SIZE])
{
	snprintf(out, STORE_KEY_SIZE, PREFIX "%s", name);
}

static int read_record(const char *name, struct span json, struct alias *out, struct error *e)
{
	struct error why = { .kind = ERR_NONE };
	cJSON *tree = json_parse(json, &why);
	const char *target = "";
	int rc = tree ? record_check_version(tree, RECORD_VERSION, &why) : -1;

	if (!rc)
		rc = json_need_text(tree, "target", NULL, &target, &why);

	if (!rc) {
		snprintf(out->name, sizeof(out->name), "%s", name);
		snprintf(out->target, sizeof(out->target), "%s", target);
	}
	cJSON_Delete(tree);
	return rc ? error_set(e, ERR_STORE, "alias %s: %s", name, why.message) : 0;
}

struct setting {
	const char *target;
};

static int write_record(void *context, struct buf *json, struct error *e)
{
	const struct setting *s = context;
	struct error ignored = { .kind = ERR_NONE };
	cJSON *old = json->len ? json_parse(buf_span(json), &ignored) : NULL;
	struct jsonw w;

	(void)e;
	buf_reset(json);
	jsonw_init(&w, json);
	jsonw_begin_object(&w);
	jsonw_int_member(&w, "v", RECORD_VERSION);
	jsonw_int_member(&w, "rev", (int64_t)json_number_or(old, "rev", 0) + 1);
	jsonw_text_member(&w, "target", s->target);
	jsonw_end(&w);
	cJSON_Delete(old);
	return 0;
}

int alias_set(const struct store *keys, const char *name, const char *target, struct error *e)
{
	struct setting setting = { .target = target };
	char key[STORE_KEY_SIZE];

	if (!is_name(name) || !is_name(target))
		return error_set(e, ERR_REQUEST,
				 "an alias and its model are names of 1 to %d visible ASCII "
				 "characters",
				 ALIAS_SIZE - 1);
	key_of(name, key);
	return store_update(keys, key, write_record, &setting, e);
}

int alias_remove(const struct store *keys, const char *name, struct error *e)
{
	char key[STORE_KEY_SIZE];

	if (!is_name(name))
		return 1;
	key_of(name, key);
	return store_remove(keys, key, e);
}

int alias_find(const struct store *keys, const char *name, struct alias *out, struct error *e)
{
	char key[STORE_KEY_SIZE];
	struct buf json;
	int rc;

	if (!is_name(name))
		return 0;
	key_of(name, key);
	buf_init(&json, LIMIT_RECORD);
	rc = store_get(keys, key, &json, e);
	if (rc == 1 && read_record(name, buf_span(&json), out, e))
		rc = -1;
	buf_release(&json);
	return rc;
}

struct each_alias {
	int (*each)(void *context, const struct alias *alias);
	void *context;
	struct error unread; /* the first record that cannot be read */
};

static int give(void *context, const char *key, struct span json)
{
	struct each_alias *w = context;
	struct alias alias;

	if (read_record(key + strlen(PREFIX), json, &alias, &w->unread))
		return 0;
	return w->each(w->context, &alias);
}

int alias_each(const struct store *keys, int (*each)(void *context, const struct alias *alias),
	       void *context, struct store_stamp *stamp, struct error *e)
{
	struct each_alias w = { .each = each, .context = context };
	int rc = store_each(keys, PREFIX, give, &w, stamp, e);

	if (!rc && w.unread.kind)
		return error_set(e, w.unread.kind, "%s", w.unread.message);
	return rc;
}

int alias_write(void *context, const struct alias *alias)
{
	struct jsonw *w = context;

	jsonw_begin_object(w);
	jsonw_text_member(w, "name", alias->name);
	jsonw_text_member(w, "target", alias->target);
	jsonw_end(w);
	return 0;
}
