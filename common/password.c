/*
 * {"v":1,"rev":1,"hash":"$y$j9T$...","set_at":1790000000}
 */
#include "common/base.h"
#include "common/password.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/secret.h"

#include <crypt.h>

#define RECORD "p/admin"
#define METHOD "$y$" /* yescrypt, with libxcrypt's own cost */

static int check_text(const char *text, struct error *e)
{
	size_t len = strlen(text);
	const char *why = "";

	if (len < PASSWORD_LEAST)
		return error_set(e, ERR_REQUEST, "password: must have at least %d characters",
				 PASSWORD_LEAST);
	if (len > PASSWORD_MOST)
		return error_set(e, ERR_REQUEST, "password: is longer than %d bytes",
				 PASSWORD_MOST);
	/* A key must be longer; what is published is no password either. */
	if (!secret_is_strong(text, &why) && strstr(why, "published"))
		return error_set(e, ERR_REQUEST, "password: %s", why);
	return 0;
}

/* Of text with a hash's or a new salt's setting. */
static bool hash_with(const char *setting, const char *text, char out[static PASSWORD_HASH_SIZE])
{
	struct crypt_data *data = xcalloc(1, sizeof(*data));
	const char *made = crypt_r(text, setting, data);
	bool good = made && *made != '*' && strlen(made) < PASSWORD_HASH_SIZE;

	if (good)
		snprintf(out, PASSWORD_HASH_SIZE, "%s", made);
	explicit_bzero(data, sizeof(*data));
	free(data);
	return good;
}

static int change(void *context, struct buf *json, struct error *e)
{
	cJSON *old = json->len ? json_parse(buf_span(json), e) : NULL;
	int64_t rev = (int64_t)json_number_or(old, "rev", 0);
	struct jsonw w;

	cJSON_Delete(old);
	error_clear(e); /* a damaged record is replaced */
	buf_reset(json);
	jsonw_init(&w, json);
	jsonw_begin_object(&w);
	jsonw_int_member(&w, "v", 1);
	jsonw_int_member(&w, "rev", rev + 1);
	jsonw_text_member(&w, "hash", context);
	jsonw_int_member(&w, "set_at", clock_wall());
	jsonw_end(&w);
	return 0;
}

int password_set(const struct store *keys, const char *text, struct error *e)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE], hash[PASSWORD_HASH_SIZE];

	if (check_text(text, e))
		return -1;
	if (!crypt_gensalt_rn(METHOD, 0, NULL, 0, setting, sizeof(setting)) ||
	    !hash_with(setting, text, hash))
		return error_set(e, ERR_INTERNAL, "this system's libcrypt has no yescrypt");
	return store_update(keys, RECORD, change, hash, e);
}

int password_remove(const struct store *keys, struct error *e)
{
	return store_remove(keys, RECORD, e);
}

static int read_record(struct span json, char hash[static PASSWORD_HASH_SIZE], struct error *e)
{
	struct error why = { .kind = ERR_NONE };
	cJSON *tree = json_parse(json, &why);
	const char *text = "";
	int rc = tree ? json_need_text(tree, "hash", NULL, &text, &why) : -1;

	if (!rc && strlen(text) >= PASSWORD_HASH_SIZE)
		rc = error_set(&why, ERR_STORE, "hash is too long");
	if (!rc)
		snprintf(hash, PASSWORD_HASH_SIZE, "%s", text);
	cJSON_Delete(tree);
	return rc ? error_set(e, ERR_STORE, "the administrator's record: %.300s", why.message) : 0;
}

int password_load(const struct store *keys, char hash[static PASSWORD_HASH_SIZE], struct error *e)
{
	struct buf json;
	int rc;

	buf_init(&json, LIMIT_RECORD);
	rc = store_get(keys, RECORD, &json, e);
	if (rc == 1 && read_record(buf_span(&json), hash, e))
		rc = -1;
	buf_release(&json);
	return rc;
}

bool password_is(const char *hash, const char *text)
{
	char made[PASSWORD_HASH_SIZE];

	return strlen(text) <= PASSWORD_MOST && hash_with(hash, text, made) &&
	       secret_equal(hash, made);
}
