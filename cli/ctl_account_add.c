/*
 * kiroctl account add.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/ctl_account.h"
#include "common/import.h"
#include "common/roster.h"
#include "common/clock.h"

/* Options that are members of an account as they stand. */
static const struct {
	const char *option;
	size_t at;
} texts[] = {
	{ "client-id", offsetof(struct account, client_id) },
	{ "provider", offsetof(struct account, provider) },
	{ "start-url", offsetof(struct account, start_url) },
	{ "token-endpoint", offsetof(struct account, token_endpoint) },
	{ "scopes", offsetof(struct account, scopes) },
};

static int read_secrets(struct ctl *c, struct account *a, struct error *e)
{
	const char *refresh = ctl_value(c, "refresh-token-file");
	const char *secret = ctl_value(c, "client-secret-file");
	const char *key = ctl_value(c, "api-key-file");

	if (refresh && ctl_read_secret(c, "--refresh-token-file", refresh, &a->refresh_token, e))
		return -1;
	if (secret && ctl_read_secret(c, "--client-secret-file", secret, &a->client_secret, e))
		return -1;
	if (key)
		return ctl_read_secret(c, "--api-key-file", key, &a->api_key, e);
	if (!refresh)
		secret_set(&a->api_key, getenv("KIRO_API_KEY"));
	return 0;
}

static int read_kind(struct ctl *c, struct account *a, struct error *e)
{
	const char *name = ctl_value(c, "kind"), *provider = NULL;

	if (name && import_method(name, &a->kind, &provider))
		return error_set(e, ERR_REQUEST,
				 "--kind: \"%.40s\" is not social, idc, external_idp or api_key",
				 name);
	if (!name)
		a->kind = secret_present(&a->api_key) ? KIND_API_KEY
			  : a->token_endpoint	      ? KIND_EXTERNAL_IDP
			  : a->client_id	      ? KIND_IDC
						      : KIND_SOCIAL;
	if (provider && !a->provider)
		a->provider = xstrdup(provider);
	return 0;
}

static int read_options(struct ctl *c, struct account *a, struct error *e)
{
	char reason[IMPORT_REASON_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *value = ctl_value(c, texts[i].option);

		if (value && *value)
			*(char **)((char *)a + texts[i].at) = xstrdup(value);
	}
	if (read_secrets(c, a, e) || ctl_account_read_settings(c, a, e) || read_kind(c, a, e))
		return -1;
	if (!secret_present(&a->refresh_token) && !secret_present(&a->api_key))
		return error_set(e, ERR_REQUEST,
				 "no credential: give --refresh-token-file or --api-key-file");
	if (import_check(a, reason))
		return error_set(e, ERR_REQUEST, "%s", reason);
	return 0;
}

static void print_added(const struct ctl *c, const struct account *a)
{
	struct jsonw w;
	struct buf out;

	if (!c->json) {
		puts(a->id);
		return;
	}
	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	facts_write_account(&w, a, NULL);
	ctl_print_json(&out);
	buf_release(&out);
}

int ctl_account_add(struct ctl *c, struct error *e)
{
	struct account *same;
	struct account a;
	struct roster r;
	int rc;

	account_init(&a);
	roster_init(&r);
	rc = read_options(c, &a, e);
	if (!rc)
		rc = ctl_create(c, e) || ctl_tokens(c, e) ? -1 : roster_load(&r, &c->tokens, e);
	if (!rc && (roster_match(&r, &a, &same) == ROSTER_SAME))
		rc = error_set(e, ERR_REQUEST, "this credential is there already: account %s (%s)",
			       same->id, same->label ? same->label : "");
	if (!rc) {
		roster_enroll(&a, clock_wall());
		rc = roster_put(&c->tokens, &a, e);
	}
	if (!rc) {
		ctl_touched(c, a.id);
		print_added(c, &a);
	}
	roster_release(&r);
	account_release(&a);
	return rc;
}
