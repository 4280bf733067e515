#include "common/base.h"
#include "common/usage_store.h"

#include "common/account_store.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/profile.h"

#include <zlib.h>

/* A whole request must be there: a service that counts fractions may show a crumb for ever. */
#define ENOUGH 1.0

#define DAY 86400 /* seconds: an allowance that returns by then is not the one that is read */

static void key_of(const char *account_id, char out[static STORE_KEY_SIZE])
{
	snprintf(out, STORE_KEY_SIZE, USAGE_PREFIX "%s", account_id);
}

static int parse(struct span json, struct usage *u, struct error *e)
{
	struct error why = { 0 };
	cJSON *tree = json_parse(json, &why);
	int rc = tree ? usage_from_record(u, tree, e) : error_set(e, ERR_STORE, "%s", why.message);

	cJSON_Delete(tree);
	return rc;
}

int usage_get(const struct store *tokens, const char *account_id, struct usage *u, struct error *e)
{
	char key[STORE_KEY_SIZE];
	struct buf json;
	int rc;

	*u = (struct usage){ .read_at = 0 };
	key_of(account_id, key);
	buf_init(&json, LIMIT_RECORD);
	rc = store_get(tokens, key, &json, e);
	if (rc > 0 && parse(buf_span(&json), u, e))
		rc = -1;
	buf_release(&json);
	return rc;
}

int usage_keep(const struct store *tokens, const char *account_id, const struct usage *u,
	       struct error *e)
{
	char key[STORE_KEY_SIZE];
	struct buf json;
	int rc;

	key_of(account_id, key);
	buf_init(&json, LIMIT_RECORD);
	usage_to_record(u, &json);
	rc = store_put(tokens, key, buf_span(&json), e);
	buf_release(&json);
	return rc;
}

/* ---- looking ---- */

/* The spread is told by account and last look, so that all processes agree on it. */
static bool is_due(const struct usage *u, const char *account_id, int64_t interval, int64_t now)
{
	uLong seed = crc32(0, (const unsigned char *)account_id, (uInt)strlen(account_id));
	int64_t spread = (int64_t)((seed ^ (uLong)u->tried_at) % 256) * interval / (4 * 256);

	return u->tried_at > now || now - u->tried_at >= interval + spread;
}

struct look {
	const struct config *config;
	const struct account *account;
	struct usage *usage;
	const char *failure; /* NULL: usage is what the upstream said */
	int64_t now;
};

/* What is stored, or nothing known where that is damaged: it can be had anew. */
static void read_old(const struct buf *json, const char *account_id, struct usage *u)
{
	struct error why = { 0 };

	*u = (struct usage){ .read_at = 0 };
	if (json->len && parse(buf_span(json), u, &why)) {
		log_line(LOG_ERROR, "account %s: %s", account_id, why.message);
		*u = (struct usage){ .read_at = 0 };
	}
}

static void write_new(struct buf *json, const struct usage *u)
{
	buf_reset(json);
	usage_to_record(u, json);
}

/* store_update() callbacks. 1: not due after all. */
static int claim(void *context, struct buf *json, struct error *e)
{
	struct look *look = context;

	(void)e;
	read_old(json, look->account->id, look->usage);
	if (!is_due(look->usage, look->account->id, look->config->usage_interval, look->now))
		return 1;
	look->usage->tried_at = look->now;
	write_new(json, look->usage);
	return 0;
}

static int note_result(void *context, struct buf *json, struct error *e)
{
	struct look *look = context;

	(void)e;
	if (look->failure) {
		read_old(json, look->account->id, look->usage);
		snprintf(look->usage->failure, sizeof(look->usage->failure), "%s", look->failure);
	}
	write_new(json, look->usage);
	return 0;
}

static int ask(struct http_client *http, const struct config *config, const struct store *tokens,
	       struct account *a, struct usage *u, struct error *e)
{
	if (profile_is_missing(a) && profile_resolve(http, config, tokens, a, e))
		return -1;
	return usage_fetch(http, config, a, u, e);
}

int usage_look(struct http_client *http, const struct config *config, const struct store *tokens,
	       struct account *a, struct usage *u, struct error *e)
{
	struct look look = { config, a, u, NULL, clock_wall() };
	struct error unread = { 0 }, why = { 0 };
	char key[STORE_KEY_SIZE];
	int rc;

	/* Most runs find nothing to do: that takes no lock. */
	if (usage_get(tokens, a->id, u, &unread) > 0 &&
	    !is_due(u, a->id, config->usage_interval, look.now))
		return 1;
	key_of(a->id, key);
	rc = store_update(tokens, key, claim, &look, e);
	if (rc)
		return rc < 0 ? -1 : 1;
	if (ask(http, config, tokens, a, u, &why))
		look.failure = why.message;
	if (store_update(tokens, key, note_result, &look, e))
		return -1;
	return look.failure ? error_set(e, why.kind, "%s", why.message) : 0;
}

/* ---- what it means for the account ---- */

static bool has_some(const struct usage *u)
{
	const struct usage_overage *overage = &u->overage;

	if (usage_remaining(u) >= ENOUGH)
		return true;
	return usage_remaining(u) >= 0 && overage->enabled &&
	       (overage->cap <= 0 || overage->cap - overage->used >= ENOUGH);
}

struct verdict {
	const struct usage *usage;
	int64_t now;
};

/* For account_change(). */
static bool judge(struct account *a, void *context)
{
	const struct verdict *v = context;
	const struct usage *u = v->usage;
	/* The number is newer than the refusal, and may be of what was refused. */
	bool since = u->read_at > a->state_since && a->state_until - a->state_since > DAY;
	bool empty = usage_is_exhausted(u, true) && u->reset_at > v->now;
	bool changed = false;

	if (a->state != STATE_EXHAUSTED)
		return false;
	if (empty) {
		changed = a->state_until != u->reset_at;
		a->state_until = u->reset_at;
	} else if (account_usable(a, v->now) || (since && has_some(u))) {
		account_set_state(a, STATE_ACTIVE, NULL, v->now, 0);
		changed = true;
	}
	return changed;
}

int usage_settle(const struct store *tokens, struct account *a, const struct usage *u,
		 struct error *e)
{
	struct verdict v = { u, clock_wall() };
	int rc;

	if (!judge(a, &v))
		return 0;
	rc = account_change(tokens, a->id, judge, &v, NULL, e); /* 1: it has changed meanwhile */
	return rc < 0 ? -1 : rc == 0;
}
