#include "common/base.h"
#include "common/account_store.h"

#include "common/json.h"
#include "common/limits.h"

void account_key(const char *id, char out[static STORE_KEY_SIZE])
{
	snprintf(out, STORE_KEY_SIZE, "a/%s", id);
}

int account_parse(struct account *a, struct span json, struct error *e)
{
	struct error why = { .kind = ERR_NONE };
	cJSON *tree = json_parse(json, &why);
	int rc = tree ? account_read(a, tree, &why) : -1;

	cJSON_Delete(tree);
	if (!rc)
		return 0;
	account_release(a);
	return error_set(e, ERR_STORE, "%s", why.message);
}

int account_load(const struct store *tokens, const char *id, struct account *out, struct error *e)
{
	char key[STORE_KEY_SIZE];
	struct account a;
	struct buf json;
	int rc;

	account_key(id, key);
	account_init(&a);
	buf_init(&json, LIMIT_RECORD);
	rc = store_get(tokens, key, &json, e);
	if (rc > 0 && account_parse(&a, buf_span(&json), e))
		rc = -1;
	if (rc > 0)
		account_copy(out, &a);
	account_release(&a);
	buf_wipe(&json);
	return rc;
}

struct change {
	bool (*edit)(struct account *stored, void *context);
	void *context;
	struct account *now;
};

/* For step_update(). */
static int change(void *context, struct buf *json, struct error *e)
{
	const struct change *c = context;
	struct account a;
	int rc;

	if (!json->len)
		return ACCOUNT_GONE;
	account_init(&a);
	if (account_parse(&a, buf_span(json), e))
		return -1;
	rc = c->edit(&a, c->context) ? 0 : 1;
	if (!rc) {
		buf_reset(json);
		account_write(&a, json);
		a.rev++;
		if (json->failed)
			rc = error_set(e, ERR_STORE,
				       "account %.80s: its record would be larger than %zu bytes",
				       a.id, (size_t)LIMIT_RECORD);
	}
	if (rc >= 0 && c->now)
		account_copy(c->now, &a);
	account_release(&a);
	return rc;
}

int account_change(const struct store *tokens, const char *id,
		   bool (*edit)(struct account *stored, void *context), void *context,
		   struct account *now, struct error *e)
{
	struct change c = { edit, context, now };
	char key[STORE_KEY_SIZE];

	account_key(id, key);
	return store_update(tokens, key, change, &c, e);
}

int account_step(struct step *step, const char *id,
		 bool (*edit)(struct account *stored, void *context), void *context,
		 struct account *now, struct error *e)
{
	struct change c = { edit, context, now };
	char key[STORE_KEY_SIZE];

	account_key(id, key);
	return step_update(step, key, change, &c, e);
}
