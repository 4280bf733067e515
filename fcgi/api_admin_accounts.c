/*
 * Accounts: list, show, change, remove, and what asks the upstream for one.
 */
#include "common/base.h"
#include "fcgi/api.h"

#include "common/clock.h"
#include "common/facts.h"
#include "common/import_entry.h"
#include "common/json.h"
#include "common/keys.h"
#include "common/probe.h"
#include "common/usage_store.h"
#include "fcgi/admin.h"

static void write_account(struct request *r, struct jsonw *w, struct live *live,
			  const struct account *a)
{
	struct site *site = r->site;
	struct error ignored = {
		.kind = ERR_NONE
	}; /* usage that cannot be read is shown as none */
	struct facts facts;

	facts_read(site->config, &site->tokens, live, a, &facts, &ignored);
	facts_write_account(w, a, &facts);
}

static int send_account(struct request *r, struct account *a)
{
	struct admin_answer answer;
	struct live *live;

	if (admin_tag_account(r, a))
		return -1;
	live = live_new(r->site->config->state_dir);
	admin_begin(&answer);
	write_account(r, &answer.w, live, a);
	live_free(live);
	return admin_send(r, 200, &answer);
}

/* {"accounts": [...], "damage": "the record ... cannot be read" or null} */
int api_admin_accounts(struct request *r)
{
	struct error damage = { .kind = ERR_NONE };
	struct admin_answer a;
	struct roster roster;
	struct live *live;

	if (admin_stores(r))
		return -1;
	admin_etag(r, &r->site->tokens);
	live = live_new(r->site->config->state_dir);
	roster_init(&roster);
	roster_load(&roster, &r->site->tokens, &damage);
	admin_begin(&a);
	jsonw_begin_object(&a.w);
	jsonw_begin_array_member(&a.w, "accounts");
	for (size_t i = 0; i < roster.count; i++)
		write_account(r, &a.w, live, &roster.accounts[i]);
	jsonw_end(&a.w);
	jsonw_text_member(&a.w, "damage", damage.kind ? damage.message : NULL);
	jsonw_end(&a.w);
	roster_release(&roster);
	live_free(live);
	return admin_send(r, 200, &a);
}

int api_admin_account(struct request *r)
{
	struct account *a;
	struct roster roster;
	int rc;

	roster_init(&roster);
	a = admin_account(r, &roster);
	rc = a ? send_account(r, a) : -1;
	roster_release(&roster);
	return rc;
}

/* ---- changing ---- */

static const struct {
	const char *name;
	size_t at;
} texts[] = {
	{ "label", offsetof(struct account, label) },
	{ "region", offsetof(struct account, region) },
	{ "auth_region", offsetof(struct account, auth_region) },
	{ "upstream", offsetof(struct account, upstream) },
	{ "proxy", offsetof(struct account, proxy_url) },
};

/* Only what the body names is changed; "" takes the configured value. */
static int read_settings(const cJSON *body, struct account *a, struct error *e)
{
	const char *arn = NULL;
	int64_t priority = a->priority;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char **at = (char **)((char *)a + texts[i].at);
		const char *value = NULL;

		if (json_text(body, texts[i].name, NULL, &value, e) < 0)
			return -1;
		if (!value)
			continue;
		free(*at);
		*at = *value ? xstrdup(value) : NULL;
	}
	if (json_text(body, "profile_arn", NULL, &arn, e) < 0 ||
	    json_int(body, "priority", NULL, 0, 1000000, &priority, e) < 0 ||
	    json_int(body, "max_inflight", NULL, 0, LIVE_HOLDERS, &a->max_inflight, e) < 0)
		return -1;
	if (arn)
		account_set_profile(a, arn);
	a->priority = (int)priority;
	return 0;
}

struct settings {
	const cJSON *body;
	char owner[KEY_ID_SIZE]; /* "": nobody */
	bool owned;		 /* the body says whose it is */
};

/* By the name of a key or code; "": nobody's. Which accounts serve a key is for admins to say. */
static int find_owner(struct request *r, struct settings *s)
{
	const char *name = NULL;
	struct key key;
	int rc;

	if (json_text(r->json, "owner", NULL, &name, &r->error) < 0)
		return -1;
	s->owned = name != NULL;
	if (!s->owned)
		return 0;
	if (*r->key.name && r->key.role != KEY_ADMIN)
		return error_set(&r->error, ERR_FORBIDDEN,
				 "owner: only an admin may change whose an account is");
	if (!*name)
		return 0;
	rc = keys_named(&r->site->keys, name, &key, &r->error);
	if (!rc)
		return error_field(&r->error, "owner", "no key is called %.80s", name);
	if (rc > 0)
		memcpy(s->owner, key.id, sizeof(s->owner));
	return rc < 0 ? -1 : 0;
}

/* What is stored is changed, whatever became of it meanwhile: it was all checked before. */
static bool apply(struct account *stored, void *context)
{
	const struct settings *s = context;
	struct error ignored = { .kind = ERR_NONE };

	if (s->owned) {
		free(stored->owner);
		stored->owner = *s->owner ? xstrdup(s->owner) : NULL;
	}
	return read_settings(s->body, stored, &ignored) == 0;
}

static int check_names(const cJSON *body, struct error *e)
{
	static const char *const known[] = { "label",	    "region",	"auth_region",
					     "upstream",    "proxy",	"owner",
					     "profile_arn", "priority", "max_inflight" };

	return admin_check_members(body, known, ARRAY_SIZE(known), "cannot be changed", e);
}

static int change(struct request *r, const struct store *tokens, struct account *a)
{
	struct settings settings = { .body = r->json };
	char reason[IMPORT_REASON_SIZE];
	struct account changed;
	int rc;

	account_init(&changed);
	account_copy(&changed, a);
	rc = check_names(r->json, &r->error) || read_settings(r->json, &changed, &r->error) ||
			     find_owner(r, &settings)
		     ? -1
		     : 0;
	if (!rc && import_check(&changed, reason))
		rc = error_set(&r->error, ERR_REQUEST, "%s", reason);
	if (!rc)
		rc = roster_change(tokens, a, apply, &settings, &r->error);
	account_release(&changed);
	return rc;
}

int api_admin_account_change(struct request *r)
{
	const struct store *tokens;
	struct account *a;
	struct roster roster;
	int rc = -1;

	roster_init(&roster);
	if (!request_json(r) && (a = admin_account(r, &roster)) &&
	    (tokens = admin_match(r, &r->site->tokens)) && !change(r, tokens, a)) {
		admin_touched(r, a->id);
		admin_note(r, "account %s changed", a->id);
		rc = send_account(r, a);
	}
	roster_release(&roster);
	return rc;
}

int api_admin_account_remove(struct request *r)
{
	const struct store *tokens;
	struct account *a;
	struct roster roster;
	int rc = -1;

	roster_init(&roster);
	a = admin_account(r, &roster);
	if (a && (tokens = admin_match(r, &r->site->tokens)) &&
	    roster_remove(tokens, a->id, &r->error) >= 0) {
		admin_touched(r, a->id);
		admin_note(r, "account %s (%s) removed", a->id, a->label ? a->label : "");
		rc = admin_send_text(r, 200, "removed", a->id);
	}
	roster_release(&roster);
	return rc;
}

/* ---- actions ---- */

static int do_enable(struct request *r, struct account *a)
{
	return roster_enable(&r->site->tokens, a, &r->error) ? -1 : send_account(r, a);
}

static int do_disable(struct request *r, struct account *a)
{
	return roster_disable(&r->site->tokens, a, &r->error) ? -1 : send_account(r, a);
}

static int renew_now(struct request *r, struct account *a)
{
	struct refresher refresher = site_refresher(r->site);

	if (a->kind == KIND_API_KEY)
		return error_set(&r->error, ERR_REQUEST, "an API key has nothing to refresh");
	return refresh_account(&refresher, a, REFRESH_FORCED, 0, &r->error) < 0 ? -1 : 0;
}

static int do_refresh(struct request *r, struct account *a)
{
	return renew_now(r, a) ? -1 : send_account(r, a);
}

static int do_reset(struct request *r, struct account *a)
{
	if (roster_enable(&r->site->tokens, a, &r->error) ||
	    (a->kind != KIND_API_KEY && renew_now(r, a)))
		return -1;
	return send_account(r, a);
}

static int do_test(struct request *r, struct account *a)
{
	struct refresher refresher = site_refresher(r->site);
	struct admin_answer answer;
	struct usage usage = { .plan = "" };

	if (probe_account(&refresher, a, &usage, &r->error) ||
	    usage_keep(&r->site->tokens, a->id, &usage, &r->error))
		return -1;
	admin_begin(&answer);
	probe_write(&answer.w, a, &usage);
	return admin_send(r, 200, &answer);
}

static const struct {
	const char *name;
	int (*run)(struct request *r, struct account *a);
} actions[] = {
	{ "enable", do_enable }, { "disable", do_disable }, { "refresh", do_refresh },
	{ "reset", do_reset },	 { "test", do_test },
};

/* ".../accounts/ID/ACTION" */
int api_admin_account_action(struct request *r)
{
	const char *name = strrchr(r->path, '/') + 1;
	struct account *a;
	struct roster roster;
	int rc = -1;

	roster_init(&roster);
	a = admin_account(r, &roster);
	for (size_t i = 0; a && i < ARRAY_SIZE(actions); i++) {
		if (strcmp(actions[i].name, name) != 0)
			continue;
		admin_touched(r, a->id);
		admin_note(r, "account %s: %s", a->id, name);
		rc = actions[i].run(r, a);
		account_scrub(a, r->error.message); /* the upstream's words */
	}
	roster_release(&roster);
	return rc;
}
