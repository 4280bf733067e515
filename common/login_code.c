/*
 * Authorization codes with PKCE (RFC 7636). The browser ends at an address on the person's own
 * machine, where nobody listens; the person hands us that address.
 *
 *   OIDC      GET  /authorize?response_type=code&client_id&redirect_uri&scopes&state&code_challenge
 *                  &code_challenge_method=S256
 *             POST /token {clientId, clientSecret, grantType, redirectUri, code, codeVerifier}
 *   external  GET  {issuer}/.well-known/openid-configuration -> authorization_endpoint,
 *                  token_endpoint; the code by GET as above with scope, login_hint?, audience?
 *             POST token_endpoint, form: grant_type, client_id, code, redirect_uri, code_verifier,
 *                  scope
 *   sign-in   GET  /signin?state&code_challenge&code_challenge_method=S256&redirect_uri
 *                  &redirect_from=kirocli; ends at redirect_uri/oauth/callback or /signin/callback
 *                  with login_option and code (google, github), or issuer_url and idc_region
 *                  (builderid, awsidc, internal), or issuer_url, client_id, scopes, login_hint,
 *                  audience (external_idp)
 *             POST social /oauth/token {code, code_verifier, redirect_uri}; redirect_uri ends with
 *                  ?login_option=...
 */
#include "common/base.h"
#include "common/login_parts.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/form.h"
#include "common/idp.h"
#include "common/ids.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/region.h"

#include <openssl/evp.h>

/* One of the ports that the sign-in page accepts; a high one, so that hardly anything listens. */
#define PORT	      "49153"
#define OIDC_REDIRECT "http://127.0.0.1:" PORT "/oauth/callback"
#define IDP_REDIRECT  "http://localhost:" PORT "/oauth/callback"
#define SIGNIN_HOME   "http://localhost:" PORT
#define LIFETIME      600 /* s: as long as a device code lives */
#define STATE_SIZE    33
#define SIGNIN_STATE  10 /* characters: the sign-in page wants no others */
#define OIDC_SCOPES                                                                                \
	"codewhisperer:completions codewhisperer:analysis codewhisperer:conversations "            \
	"codewhisperer:transformations codewhisperer:taskassist"
#define IDP_SCOPES "openid profile email offline_access"
#define OFFLINE	   "offline_access"

/* base64url without padding of up to 32 bytes. */
static void encode(const unsigned char *bytes, size_t len, char out[static 48])
{
	int end = EVP_EncodeBlock((unsigned char *)out, bytes, (int)len);

	while (end && out[end - 1] == '=')
		out[--end] = '\0';
	for (char *at = out; *at; at++)
		*at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
}

/* A new verifier and state; the parameters that tell the page of them go to the URL. */
static void challenge(struct login *l, size_t state_len, struct buf *url)
{
	unsigned char bytes[32], hash[DIGEST_SIZE];
	char verifier[48], text[48], state[STATE_SIZE];

	ids_random(bytes, sizeof(bytes));
	encode(bytes, sizeof(bytes), verifier);
	digest_sha256(span_of(verifier), hash);
	encode(hash, sizeof(hash), text);
	ids_make(state, sizeof(state), "", state_len);
	secret_set(&l->verifier, verifier);
	secret_set(&l->state, state);
	form_add(url, "state", state);
	form_add(url, "code_challenge", text);
	form_add(url, "code_challenge_method", "S256");
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(verifier, sizeof(verifier));
}

/* The link is complete: it is what the person opens next. */
static int show(struct login *l, const struct buf *url, struct error *e)
{
	if (url->failed)
		return error_set(e, ERR_REQUEST, "the sign-in link becomes too long");
	login_set(&l->url, url->at);
	login_set(&l->page, NULL);
	login_set(&l->code, NULL);
	l->by_callback = true;
	l->expires_at = clock_wall() + LIFETIME;
	l->interval = 1;
	return 0;
}

int login_start_idc_browser(const struct login_service *s, struct login *l,
			    const struct login_request *ask, struct error *e)
{
	struct buf url;
	int rc;

	(void)ask;
	login_set(&l->redirect_uri, OIDC_REDIRECT);
	if (login_register(s, l, l->redirect_uri, e))
		return -1;
	buf_init(&url, LIMIT_URL);
	login_url_oidc(s->config, l->region, "/authorize?", &url);
	form_add(&url, "response_type", "code");
	form_add(&url, "client_id", l->client_id);
	form_add(&url, "redirect_uri", l->redirect_uri);
	form_add(&url, "scopes", OIDC_SCOPES);
	challenge(l, STATE_SIZE - 1, &url);
	rc = show(l, &url, e);
	buf_wipe(&url);
	return rc;
}

/* ---- the company's own provider ---- */

/* Adds offline_access where it is missing: without it there is no refresh token. */
static void set_scopes(struct login *l, const char *wanted)
{
	struct buf text;

	buf_init(&text, LIMIT_URL);
	buf_add_text(&text, wanted && *wanted ? wanted : IDP_SCOPES);
	if (!strstr(text.at, OFFLINE))
		buf_add_text(&text, " " OFFLINE);
	login_set(&l->scopes, text.at);
	buf_release(&text);
}

/* 0: *authorize (the caller frees it) and l->token_endpoint are what the issuer says of itself. */
static int discover(const struct login_service *s, struct login *l, char **authorize,
		    struct error *e)
{
	struct login_call x = { .url = NULL };
	const char *page, *tokens;
	size_t len = strlen(l->issuer_url);
	struct buf url;
	int rc;

	buf_init(&url, LIMIT_URL);
	buf_add(&url, l->issuer_url, len - (l->issuer_url[len - 1] == '/'));
	buf_add_text(&url, "/.well-known/openid-configuration");
	rc = login_send(s, l, url.at, NULL, NULL, &x, e);
	page = json_text_or(x.tree, "authorization_endpoint", "");
	tokens = json_text_or(x.tree, "token_endpoint", "");
	if (!rc && x.reply.status / 100 != 2)
		rc = login_refused(l, &x, "asking the identity provider where to log in", e);
	if (!rc)
		rc = idp_check(s->config, page, "the provider's authorization_endpoint", ERR_LOGIN,
			       e) || idp_check(s->config, tokens, "the provider's token_endpoint",
					       ERR_LOGIN, e)
			     ? -1
			     : 0;
	if (!rc) {
		*authorize = xstrdup(page);
		login_set(&l->token_endpoint, tokens);
	}
	login_call_release(&x);
	buf_release(&url);
	return rc;
}

int login_start_external(const struct login_service *s, struct login *l,
			 const struct login_request *ask, struct error *e)
{
	char *authorize = NULL;
	struct buf url;
	int rc;

	if (!ask->issuer_url || !ask->client_id || !*ask->client_id)
		return error_set(e, ERR_REQUEST,
				 "the identity provider's issuer URL and the client id are needed");
	if (idp_check(s->config, ask->issuer_url, "the issuer URL", ERR_REQUEST, e))
		return -1;
	login_set(&l->issuer_url, ask->issuer_url);
	login_set(&l->client_id, ask->client_id);
	login_set(&l->redirect_uri, IDP_REDIRECT);
	set_scopes(l, ask->scopes);
	if (discover(s, l, &authorize, e))
		return -1;
	buf_init(&url, LIMIT_URL);
	buf_add_format(&url, "%s?", authorize);
	form_add(&url, "response_type", "code");
	form_add(&url, "client_id", l->client_id);
	form_add(&url, "redirect_uri", l->redirect_uri);
	form_add(&url, "scope", l->scopes);
	form_add(&url, "login_hint", ask->login_hint);
	form_add(&url, "audience", ask->audience);
	challenge(l, STATE_SIZE - 1, &url);
	rc = show(l, &url, e);
	buf_wipe(&url);
	free(authorize);
	return rc;
}

/* ---- Kiro's sign-in page ---- */

int login_start_portal(const struct login_service *s, struct login *l,
		       const struct login_request *ask, struct error *e)
{
	struct buf url;
	int rc;

	(void)ask;
	buf_init(&url, LIMIT_URL);
	login_url_signin(s->config, "/signin?", &url);
	challenge(l, SIGNIN_STATE, &url);
	form_add(&url, "redirect_uri", SIGNIN_HOME);
	form_add(&url, "redirect_from", "kirocli");
	rc = show(l, &url, e);
	buf_wipe(&url);
	return rc;
}

/* ---- what the browser ended at ---- */

static int need_code(const char *url, struct secret *code, struct error *e)
{
	char *text = form_value(url, "code");

	secret_set(code, text);
	secret_free(text);
	if (secret_present(code))
		return 0;
	return error_set(e, ERR_REQUEST,
			 "the address holds no code: copy the whole address from the browser");
}

/* One exchange of a code for tokens. LOGIN_DONE or -1. */
static int exchange(const struct login_service *s, struct login *l, const char *url,
		    const char *content_type, struct buf *body, enum account_kind kind,
		    const char *provider, struct account *account, struct error *e)
{
	struct login_call x = { .url = NULL };
	int rc = login_send(s, l, url, content_type, body, &x, e);

	if (!rc && x.reply.status / 100 != 2)
		rc = login_refused(l, &x, "turning the code into tokens", e);
	if (!rc)
		rc = login_take(l, kind, provider, x.tree, account, e);
	login_call_release(&x);
	return rc ? -1 : LOGIN_DONE;
}

int login_finish_idc_browser(const struct login_service *s, struct login *l, const char *url,
			     struct account *account, struct error *e)
{
	struct secret code = { .hidden = NULL };
	struct buf to, body;
	struct jsonw w;
	int rc;

	if (need_code(url, &code, e))
		return -1;
	buf_init(&to, LIMIT_URL);
	buf_init(&body, LIMIT_RECORD);
	login_url_oidc(s->config, l->region, "/token", &to);
	jsonw_init(&w, &body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "clientId", l->client_id);
	jsonw_text_member(&w, "clientSecret", secret_reveal(&l->client_secret));
	jsonw_text_member(&w, "grantType", "authorization_code");
	jsonw_text_member(&w, "redirectUri", l->redirect_uri);
	jsonw_text_member(&w, "code", secret_reveal(&code));
	jsonw_text_member(&w, "codeVerifier", secret_reveal(&l->verifier));
	jsonw_end(&w);
	rc = exchange(s, l, to.at, LOGIN_JSON, &body, KIND_IDC, "Enterprise", account, e);
	buf_wipe(&body);
	buf_release(&to);
	secret_release(&code);
	return rc;
}

int login_finish_external(const struct login_service *s, struct login *l, const char *url,
			  struct account *account, struct error *e)
{
	struct secret code = { .hidden = NULL };
	struct buf body;
	int rc;

	/* A login that was read from a store is not trusted more than a file. */
	if (idp_check(s->config, l->token_endpoint ? l->token_endpoint : "", "token_endpoint",
		      ERR_LOGIN, e) ||
	    need_code(url, &code, e))
		return -1;
	buf_init(&body, LIMIT_RECORD);
	form_add(&body, "grant_type", "authorization_code");
	form_add(&body, "client_id", l->client_id);
	form_add(&body, "code", secret_reveal(&code));
	form_add(&body, "redirect_uri", l->redirect_uri);
	form_add(&body, "code_verifier", secret_reveal(&l->verifier));
	form_add(&body, "scope", l->scopes);
	rc = exchange(s, l, l->token_endpoint, LOGIN_FORM, &body, KIND_EXTERNAL_IDP, "ExternalIdp",
		      account, e);
	buf_wipe(&body);
	secret_release(&code);
	return rc;
}

/* The social service wants to hear at which address exactly the code was handed out. */
static int finish_social(const struct login_service *s, struct login *l, const char *url,
			 const char *option, struct account *account, struct error *e)
{
	bool other_path = strstr(url, "/signin/callback?") != NULL;
	struct secret code = { .hidden = NULL };
	struct buf to, body;
	struct jsonw w;
	char redirect[128];
	int rc;

	if (need_code(url, &code, e))
		return -1;
	snprintf(redirect, sizeof(redirect), SIGNIN_HOME "%s?login_option=%s",
		 other_path ? "/signin/callback" : "/oauth/callback", option);
	buf_init(&to, LIMIT_URL);
	buf_init(&body, LIMIT_RECORD);
	login_url_social(s->config, "/oauth/token", &to);
	jsonw_init(&w, &body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "code", secret_reveal(&code));
	jsonw_text_member(&w, "code_verifier", secret_reveal(&l->verifier));
	jsonw_text_member(&w, "redirect_uri", redirect);
	jsonw_end(&w);
	rc = exchange(s, l, to.at, LOGIN_JSON, &body, KIND_SOCIAL,
		      strcmp(option, "github") == 0 ? "Github" : "Google", account, e);
	buf_wipe(&body);
	buf_release(&to);
	secret_release(&code);
	return rc;
}

/* Where the sign-in page leads on: another login, in this one's place. */
static int go_on(const struct login_service *s, struct login *l, const struct login_request *ask,
		 struct error *e)
{
	struct login next;
	int rc;

	login_init(&next);
	rc = login_start(s, ask, &next, e);
	if (rc) {
		login_release(&next);
		return -1;
	}
	login_release(l);
	*l = next;
	return LOGIN_PENDING;
}

static const struct {
	const char *option;
	enum login_method method;
} options[] = {
	{ "google", LOGIN_GOOGLE },	   { "github", LOGIN_GITHUB },
	{ "builderid", LOGIN_BUILDER_ID }, { "awsidc", LOGIN_IDC },
	{ "internal", LOGIN_IDC },	   { "external_idp", LOGIN_EXTERNAL_IDP },
};

static int finish_option(const struct login_service *s, struct login *l, const char *url,
			 size_t row, struct account *account, struct error *e)
{
	static const char *const names[] = { "issuer_url", "idc_region", "client_id",
					     "scopes",	   "login_hint", "audience" };
	enum login_method method = options[row].method;
	char *values[ARRAY_SIZE(names)], *proxy = l->proxy ? xstrdup(l->proxy) : NULL;
	int rc;

	if (method == LOGIN_GOOGLE || method == LOGIN_GITHUB) {
		free(proxy);
		return finish_social(s, l, url, options[row].option, account, e);
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		values[i] = form_value(url, names[i]);
	const struct login_request ask = {
		.method = method,
		.region = method == LOGIN_IDC ? values[1] : NULL,
		.start_url = method == LOGIN_IDC ? values[0] : NULL,
		.issuer_url = values[0],
		.client_id = values[2],
		.scopes = values[3],
		.login_hint = values[4],
		.audience = values[5],
		.proxy = proxy,
	};
	rc = go_on(s, l, &ask, e);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		free(values[i]);
	free(proxy);
	return rc;
}

int login_finish_portal(const struct login_service *s, struct login *l, const char *url,
			struct account *account, struct error *e)
{
	char *option = form_value(url, "login_option");
	size_t row = 0;
	int rc;

	while (option && row < ARRAY_SIZE(options) && strcmp(options[row].option, option) != 0)
		row++;
	if (!option || row == ARRAY_SIZE(options))
		rc = error_set(e, ERR_REQUEST,
			       "the address names no kind of login that we know (login_option)");
	else
		rc = finish_option(s, l, url, row, account, e);
	free(option);
	return rc;
}
