#include "common/base.h"
#include "common/login.h"

#include "common/clock.h"
#include "common/form.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/login_parts.h"
#include "common/region.h"
#include "common/renew.h"

#define VERSION 1 /* of what login_write() writes */

const char *const login_method_names[LOGIN_METHODS] = {
	[LOGIN_BUILDER_ID] = "builder-id",   [LOGIN_IDC] = "idc",
	[LOGIN_IDC_BROWSER] = "idc-browser", [LOGIN_GOOGLE] = "google",
	[LOGIN_GITHUB] = "github",	     [LOGIN_EXTERNAL_IDP] = "external-idp",
	[LOGIN_PORTAL] = "portal",
};

static const struct method {
	login_starter *start;
	login_poller *poll;	/* of device logins */
	login_finisher *finish; /* of the others */
	bool needs_start_url;
} methods[LOGIN_METHODS] = {
	[LOGIN_BUILDER_ID] = { login_start_oidc, login_poll_oidc, NULL, false },
	[LOGIN_IDC] = { login_start_oidc, login_poll_oidc, NULL, true },
	[LOGIN_IDC_BROWSER] = { login_start_idc_browser, NULL, login_finish_idc_browser, true },
	[LOGIN_GOOGLE] = { login_start_social, login_poll_social, NULL, false },
	[LOGIN_GITHUB] = { login_start_social, login_poll_social, NULL, false },
	[LOGIN_EXTERNAL_IDP] = { login_start_external, NULL, login_finish_external, false },
	[LOGIN_PORTAL] = { login_start_portal, NULL, login_finish_portal, false },
};

#define AT(member) offsetof(struct login, member)

/* What a login is made of, as login_write() names it. */
static const struct member {
	const char *name;
	size_t at;
	bool secret;
} members[] = {
	{ "url", AT(url), false },
	{ "page", AT(page), false },
	{ "code", AT(code), false },
	{ "region", AT(region), false },
	{ "start_url", AT(start_url), false },
	{ "issuer_url", AT(issuer_url), false },
	{ "token_endpoint", AT(token_endpoint), false },
	{ "client_id", AT(client_id), false },
	{ "scopes", AT(scopes), false },
	{ "redirect_uri", AT(redirect_uri), false },
	{ "proxy", AT(proxy), false },
	{ "client_secret", AT(client_secret), true },
	{ "device_code", AT(device_code), true },
	{ "verifier", AT(verifier), true },
	{ "state", AT(state), true },
};

static void *member_of(const struct login *l, const struct member *m)
{
	return (char *)(uintptr_t)l + m->at;
}

void login_init(struct login *l)
{
	*l = (struct login){ .interval = 0 };
}

void login_release(struct login *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (members[i].secret)
			secret_release(member_of(l, &members[i]));
		else
			free(*(char **)member_of(l, &members[i]));
	}
	login_init(l);
}

void login_set(char **to, const char *text)
{
	char *copy = text ? xstrdup(text) : NULL;

	free(*to);
	*to = copy;
}

/* ---- the exchange ---- */

int login_send(const struct login_service *s, const struct login *l, const char *url,
	       const char *content_type, const struct buf *body, struct login_call *x,
	       struct error *e)
{
	char agent[128];

	snprintf(agent, sizeof(agent), "KiroIDE-%s", s->config->kiro_version);
	*x = (struct login_call){ .config = s->config,
				  .http = s->http,
				  .method = body ? "POST" : "GET",
				  .url = url,
				  .content_type = content_type,
				  .agent = agent,
				  .proxy = l->proxy,
				  .referer = x->referer,
				  .bearer = x->bearer,
				  .body = body ? buf_span(body) : span_of(NULL),
				  .watch_fd = s->watch_fd };
	if (body && body->failed)
		return error_set(e, ERR_REQUEST, "what the login has to send is too long");
	return login_call(x, e);
}

int login_refused(const struct login *l, const struct login_call *x, const char *what,
		  struct error *e)
{
	enum error_kind kind = x->reply.status == 429	? ERR_UP_RATE
			       : x->reply.status >= 500 ? ERR_UP_OVERLOAD
							: ERR_LOGIN;
	char text[LOGIN_QUOTE_SIZE];

	login_quote(x->tree, text, sizeof(text));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (members[i].secret)
			secret_scrub(text, member_of(l, &members[i]));
	}
	error_set(e, kind, "%s: the service answered %d%s%s%s", what, x->reply.status,
		  *text ? " (" : "", text, *text ? ")" : "");
	e->up_status = x->reply.status;
	e->retry_after = x->reply.retry_after;
	return -1;
}

int login_take(const struct login *l, enum account_kind kind, const char *provider,
	       const cJSON *answer, struct account *account, struct error *e)
{
	struct renewal n = { .lifetime = 0 };
	int64_t now = clock_wall();

	if (renewal_read(kind, answer, &n, e))
		return -1;
	if (!secret_present(&n.refresh_token)) {
		renewal_release(&n);
		return error_set(e, ERR_UP_DAMAGED,
				 "the service handed out no refresh token: the login would end "
				 "within the hour");
	}
	account->kind = kind;
	login_set(&account->provider, provider);
	login_set(&account->auth_region, kind == KIND_IDC ? l->region : NULL);
	login_set(&account->start_url, l->start_url);
	login_set(&account->issuer_url, l->issuer_url);
	login_set(&account->token_endpoint, l->token_endpoint);
	login_set(&account->client_id, l->client_id);
	login_set(&account->scopes, l->scopes);
	login_set(&account->proxy_url, l->proxy);
	secret_set(&account->client_secret, secret_reveal(&l->client_secret));
	secret_set(&account->access_token, secret_reveal(&n.access_token));
	secret_set(&account->refresh_token, secret_reveal(&n.refresh_token));
	account_set_profile(account, n.profile_arn);
	account->expires_at = now + n.lifetime;
	account->client_expires_at = l->client_expires_at;
	account->refreshed_at = now;
	renewal_release(&n);
	return 0;
}

/* ---- the calls ---- */

static int check_start_url(const char *url, struct error *e)
{
	if (url && strncmp(url, "https://", 8) == 0 && url[8] && !strpbrk(url, " \t\r\n\"\\"))
		return 0;
	return error_set(
		e, ERR_REQUEST,
		"the start URL is missing or is none: it is the address of your "
		"company's AWS access portal, such as https://d-1234567890.awsapps.com/start");
}

int login_start(const struct login_service *s, const struct login_request *ask, struct login *out,
		struct error *e)
{
	const struct method *m = &methods[ask->method];
	const char *region = ask->region ? ask->region : LOGIN_REGION;

	if (!region_valid(region, strlen(region)))
		return error_set(e, ERR_REQUEST, "\"%.40s\" is not a region such as us-east-1",
				 region);
	if ((ask->start_url || m->needs_start_url) && check_start_url(ask->start_url, e))
		return -1;
	out->method = ask->method;
	login_set(&out->region, region);
	login_set(&out->start_url, ask->start_url);
	login_set(&out->proxy, ask->proxy);
	if (ask->method == LOGIN_BUILDER_ID && !ask->start_url)
		login_set(&out->start_url, LOGIN_BUILDER_ID_URL);
	return m->start(s, out, ask, e);
}

int login_poll(const struct login_service *s, struct login *l, struct account *account,
	       struct error *e)
{
	if (l->by_callback)
		return error_set(e, ERR_REQUEST,
				 "this login goes on with the address at which "
				 "the browser ended");
	if (clock_wall() >= l->expires_at)
		return LOGIN_EXPIRED;
	return methods[l->method].poll(s, l, account, e);
}

/* What the address says went wrong: LOGIN_DENIED, or -1. */
static int read_refusal(const char *url, const char *code, struct error *e)
{
	char *text = form_value(url, "error_description");

	if (strcmp(code, "access_denied") != 0) {
		for (char *at = text; at && *at; at++)
			*at = (unsigned char)*at < ' ' || *at == 0x7F ? ' ' : *at;
		error_set(e, ERR_LOGIN, "the sign-in page answered %.40s%s%.200s", code,
			  text ? ": " : "", text ? text : "");
	}
	free(text);
	return e->kind == ERR_NONE ? LOGIN_DENIED : -1;
}

int login_callback(const struct login_service *s, struct login *l, const char *url,
		   struct account *account, struct error *e)
{
	char *state = form_value(url, "state"), *refusal = form_value(url, "error");
	int rc;

	if (!l->by_callback)
		rc = error_set(e, ERR_REQUEST, "this login does not end at an address of ours");
	else if (!state || !secret_equal(state, secret_reveal(&l->state)))
		rc = error_set(e, ERR_REQUEST,
			       "this is not the address at which this login ended (its "
			       "\"state\" is %s): copy the whole address from the browser",
			       state ? "that of another login" : "missing");
	else if (clock_wall() >= l->expires_at)
		rc = LOGIN_EXPIRED;
	else if (refusal)
		rc = read_refusal(url, refusal, e);
	else
		rc = methods[l->method].finish(s, l, url, account, e);
	free(refusal);
	free(state);
	return rc;
}

bool login_may_go_on(const struct error *e)
{
	return e->kind == ERR_UP_NETWORK || e->kind == ERR_UP_TIMEOUT ||
	       e->kind == ERR_UP_OVERLOAD || e->kind == ERR_UP_RATE;
}

/* ---- as data ---- */

void login_write(const struct login *l, struct buf *json)
{
	struct jsonw w;

	jsonw_init(&w, json);
	jsonw_begin_object(&w);
	jsonw_int_member(&w, "v", VERSION);
	jsonw_text_member(&w, "method", login_method_names[l->method]);
	jsonw_bool_member(&w, "by_callback", l->by_callback);
	jsonw_int_member(&w, "expires_at", l->expires_at);
	jsonw_int_member(&w, "interval", l->interval);
	jsonw_int_member(&w, "client_expires_at", l->client_expires_at);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		void *at = member_of(l, &members[i]);

		jsonw_text_member(&w, members[i].name,
				  !members[i].secret   ? *(char **)at
				  : secret_present(at) ? secret_reveal(at)
						       : NULL);
	}
	jsonw_end(&w);
}

static int read_tree(struct login *l, const cJSON *tree)
{
	const char *method = json_text_or(tree, "method", "");
	size_t m = 0;

	while (m < LOGIN_METHODS && strcmp(login_method_names[m], method) != 0)
		m++;
	if (m == LOGIN_METHODS || (int)json_number_or(tree, "v", 0) != VERSION)
		return -1;
	l->method = (enum login_method)m;
	l->by_callback = cJSON_IsTrue(json_member(tree, "by_callback"));
	l->expires_at = (int64_t)json_number_or(tree, "expires_at", 0);
	l->interval = (int)json_number_or(tree, "interval", 0);
	l->client_expires_at = (int64_t)json_number_or(tree, "client_expires_at", 0);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const char *text = json_text_or(tree, members[i].name, NULL);

		if (members[i].secret)
			secret_set(member_of(l, &members[i]), text);
		else
			login_set(member_of(l, &members[i]), text);
	}
	return l->by_callback == !methods[m].finish || l->interval < 1 ? -1 : 0;
}

int login_read(struct login *l, struct span json, struct error *e)
{
	struct error why = { .kind = ERR_NONE };
	struct login_call whole = { .tree = json_parse(json, &why) };
	int rc = whole.tree && !read_tree(l, whole.tree)
			 ? 0
			 : error_set(e, ERR_STORE, "this is not a login under way");

	login_call_release(&whole);
	return rc;
}
