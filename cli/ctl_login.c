/*
 * kiroctl login: from a person at a browser, or a secret on standard input, to an account.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/ctl_account.h"
#include "cli/ctl_login.h"
#include "common/import.h"
#include "common/limits.h"

#include <sysexits.h>

struct way {
	const char *name;
	int (*run)(struct login_run *run, const struct way *way, struct error *e);
	enum login_method method;
	const char *needs[2]; /* options, or NULL */
};

static struct login_request request_of(const struct login_run *run, enum login_method method)
{
	struct ctl *c = run->ctl;

	return (struct login_request){
		.method = method,
		.region = ctl_value(c, "region"),
		.start_url = ctl_value(c, "start-url"),
		.issuer_url = ctl_value(c, "issuer-url"),
		.client_id = ctl_value(c, "client-id"),
		.scopes = ctl_value(c, "scopes"),
		.login_hint = ctl_value(c, "login-hint"),
		.audience = ctl_value(c, "audience"),
		.proxy = ctl_value(c, "proxy"),
	};
}

static int by_browser(struct login_run *run, const struct way *way, struct error *e)
{
	bool browser = way->method == LOGIN_IDC && ctl_value(run->ctl, "browser");
	struct login_request ask = request_of(run, browser ? LOGIN_IDC_BROWSER : way->method);

	if (login_start(&run->service, &ask, &run->login, e))
		return -1;
	return ctl_login_wait(run, e);
}

static int by_api_key(struct login_run *run, const struct way *way, struct error *e)
{
	const char *region = ctl_value(run->ctl, "region"), *proxy = ctl_value(run->ctl, "proxy");
	struct account *a = &run->account;
	char reason[IMPORT_REASON_SIZE];

	(void)way;
	if (prompt_secret(&run->prompt, "Kiro API key (it is not shown): ", &a->api_key, e))
		return -1;
	a->kind = KIND_API_KEY;
	a->region = region ? xstrdup(region) : NULL;
	a->proxy_url = proxy ? xstrdup(proxy) : NULL;
	return import_check(a, reason) ? error_set(e, ERR_REQUEST, "%s", reason) : 0;
}

static int by_sso_token(struct login_run *run, const struct way *way, struct error *e)
{
	const char *start_url = ctl_value(run->ctl, "start-url");
	struct login_request ask = request_of(run, start_url ? LOGIN_IDC : way->method);
	struct secret cookie = { .hidden = NULL };
	int rc;

	fputs("kiroctl: warning: x-amz-sso_authn is the cookie of your whole AWS access portal "
	      "session: who has it can\n"
	      "do all that you can do there. It is used now and not stored; clear it from where "
	      "you copied it, and sign\n"
	      "out of the portal afterwards. kiroctl login builder-id and idc get the same without "
	      "it.\n",
	      stderr);
	rc = prompt_secret(&run->prompt, "x-amz-sso_authn (it is not shown): ", &cookie, e);
	if (!rc)
		rc = login_start(&run->service, &ask, &run->login, e);
	if (!rc)
		rc = login_approve(&run->service, &run->login, &cookie, e);
	secret_release(&cookie);
	run->approved = true;
	return rc ? -1 : ctl_login_wait(run, e);
}

static const struct way ways[] = {
	{ "builder-id", by_browser, LOGIN_BUILDER_ID, { NULL } },
	{ "idc", by_browser, LOGIN_IDC, { "start-url" } },
	{ "google", by_browser, LOGIN_GOOGLE, { NULL } },
	{ "github", by_browser, LOGIN_GITHUB, { NULL } },
	{ "portal", by_browser, LOGIN_PORTAL, { NULL } },
	{ "external-idp", by_browser, LOGIN_EXTERNAL_IDP, { "issuer-url", "client-id" } },
	{ "api-key", by_api_key, LOGIN_METHODS, { NULL } },
	{ "sso-token", by_sso_token, LOGIN_BUILDER_ID, { NULL } },
};

/* Where other programs on this machine keep their logins: these files and no others. */
static const struct {
	const char *name, *path; /* below the home directory */
} stores[] = {
	{ "kiro-ide", ".aws/sso/cache/kiro-auth-token.json" },
	{ "kiro-cli", ".local/share/kiro-cli/data.sqlite3" },
};

static int take_store(struct ctl *c, const char *below, struct error *e)
{
	const struct ctl_option *o = c->command->options;
	const char *home = getenv("HOME");
	char path[LIMIT_URL];

	for (; o->name; o++) {
		if (ctl_value(c, o->name))
			return ctl_usage(c, "login %s: takes no --%s: see kiroctl account set",
					 c->operands[0], o->name);
	}
	if (c->operand_count > 1)
		return ctl_import(c, c->operands[1], true, false, e);
	if (!home || !*home)
		return error_set(e, ERR_REQUEST, "HOME is not set: give the file");
	snprintf(path, sizeof(path), "%s/%s", home, below);
	return ctl_import(c, path, true, false, e);
}

/* Options that do nothing for the other methods. */
static int check_options(struct ctl *c, const struct way *way)
{
	static const struct {
		const char *option, *ways[5];
	} rows[] = {
		{ "region", { "idc", "builder-id", "sso-token", "api-key" } },
		{ "start-url", { "idc", "builder-id", "sso-token" } },
		{ "browser", { "idc" } },
		{ "issuer-url", { "external-idp" } },
		{ "client-id", { "external-idp" } },
		{ "scopes", { "external-idp" } },
		{ "login-hint", { "external-idp" } },
		{ "audience", { "external-idp" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool takes = !ctl_value(c, rows[i].option);

		for (size_t n = 0; rows[i].ways[n]; n++)
			takes |= strcmp(rows[i].ways[n], way->name) == 0;
		if (!takes)
			return ctl_usage(c, "login %s: takes no --%s: that is for %s", way->name,
					 rows[i].option, rows[i].ways[0]);
	}
	return 0;
}

/* What can go wrong without the person goes wrong before the person has done anything. */
static int prepare(struct login_run *run, struct error *e)
{
	const char *name = ctl_value(run->ctl, "account");
	const char *label = ctl_value(run->ctl, "label");
	struct ctl *c = run->ctl;
	struct roster r;
	int rc;

	if (label && !import_label_good(label))
		return error_set(e, ERR_REQUEST, "--label: has control characters");
	if (ctl_create(c, e) || ctl_tokens(c, e) || ctl_http(c, e))
		return -1;
	roster_init(&r);
	rc = name && !ctl_account_find(c, &r, name, e) ? -1 : prompt_begin(&run->prompt, e);
	roster_release(&r);
	run->service = (struct login_service){ c->config, c->http, run->prompt.signals };
	return rc;
}

static int run_way(struct ctl *c, const struct way *way, struct error *e)
{
	struct login_run run = { .ctl = c, .prompt = { .signals = -1 } };
	int rc = check_options(c, way);

	if (rc)
		return rc;
	for (size_t i = 0; i < ARRAY_SIZE(way->needs) && way->needs[i]; i++) {
		if (!ctl_value(c, way->needs[i]))
			return ctl_usage(c, "login %s: --%s is missing", way->name, way->needs[i]);
	}
	login_init(&run.login);
	account_init(&run.account);
	rc = prepare(&run, e);
	if (!rc)
		rc = way->run(&run, way, e);
	if (!rc)
		rc = ctl_login_store(&run, e);
	if (rc < 0 && e->kind == ERR_GONE)
		rc = ctl_login_interrupted(&run);
	else if (rc < 0)
		rc = ctl_login_failed(&run, error_exit_code(e), "failed", e->message);
	prompt_end(&run.prompt);
	login_release(&run.login);
	account_release(&run.account);
	return rc;
}

int ctl_login(struct ctl *c, struct error *e)
{
	const char *name = c->operands[0];

	for (size_t i = 0; i < ARRAY_SIZE(stores); i++) {
		if (strcmp(stores[i].name, name) == 0)
			return take_store(c, stores[i].path, e);
	}
	if (c->operand_count > 1)
		return ctl_usage(c, "login %s: unexpected argument: %s", name, c->operands[1]);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (strcmp(ways[i].name, name) == 0)
			return run_way(c, &ways[i], e);
	}
	return ctl_usage(
		c,
		"login: unknown method %s; the methods are builder-id, idc, google, github, "
		"portal, external-idp, api-key, sso-token, kiro-ide and kiro-cli",
		name);
}
