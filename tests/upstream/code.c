/*
 * code.c - authorization codes with PKCE: OIDC's, the sign-in page's and an identity provider's.
 *
 * The pages stand for a person who agrees at once (or does not, as /_control/device has it): they
 * redirect to where the client is listening. A code is good once, for the client, the redirect URI
 * and the verifier that it was asked for with.
 */
#include "base.h"
#include "handlers.h"

#include <openssl/evp.h>

#define IDP_CLIENT "standin-idp-client"

/* A code that was handed out; or, with code "", a redirect URI that a client registered. */
struct auth_code {
	char code[48];
	char *client_id, *redirect_uri, *challenge;
	struct auth_code *next;
};

static void free_code(struct auth_code *c)
{
	free(c->client_id);
	free(c->redirect_uri);
	free(c->challenge);
	free(c);
}

void codes_free(struct auth_code *list)
{
	while (list) {
		struct auth_code *next = list->next;

		free_code(list);
		list = next;
	}
}

static void file(struct exchange *x, struct auth_code *c)
{
	pthread_mutex_lock(&x->app->lock);
	c->next = x->app->codes;
	x->app->codes = c;
	pthread_mutex_unlock(&x->app->lock);
}

void code_register(struct exchange *x, const char *client_id)
{
	const cJSON *uri;

	cJSON_ArrayForEach (uri, json_array(x->body, "redirectUris")) {
		struct auth_code *c = xcalloc(1, sizeof(*c));

		c->client_id = xstrdup(client_id);
		c->redirect_uri = xstrdup(uri->valuestring);
		file(x, c);
	}
}

static bool may_redirect(struct exchange *x, const char *client_id, const char *uri)
{
	bool found = false;

	pthread_mutex_lock(&x->app->lock);
	for (const struct auth_code *c = x->app->codes; c && !found; c = c->next)
		found = !*c->code && !strcmp(c->client_id, client_id) &&
			!strcmp(c->redirect_uri, uri);
	pthread_mutex_unlock(&x->app->lock);
	return found;
}

/* ---- pages ---- */

static void redirect(struct exchange *x, const char *uri, const char *query)
{
	char *location = xformat("location: %s%c%s\r\n", uri, strchr(uri, '?') ? '&' : '?', query);

	exchange_answer_text(x, 302, NULL, location, NULL);
	free(location);
}

/* What every page wants; false: refused. */
static bool check_page(struct exchange *x, const char *state, const char *challenge)
{
	char *method = http_query(&x->request, "code_challenge_method");
	bool good = state && *state && challenge && strlen(challenge) == 43 && method &&
		    !strcmp(method, "S256");

	if (!good)
		login_refuse(x, 400, "invalid_request",
			     "state, code_challenge of 43 characters, code_challenge_method S256");
	free(method);
	return good;
}

/* The person agrees, or not; at: what the code will have to be redeemed with. */
static void agree(struct exchange *x, const char *client_id, const char *uri, const char *challenge,
		  const char *state)
{
	struct auth_code *c;
	char *query;

	if (strcmp(x->app->device.result, "authorized")) {
		query = xformat("error=%s&error_description=The+person+said+no&state=%s",
				x->app->device.result, state);
		redirect(x, uri, query);
		free(query);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	random_hex(c->code, 20);
	c->client_id = xstrdup(client_id);
	c->redirect_uri = xstrdup(uri);
	c->challenge = xstrdup(challenge);
	query = xformat("code=%s&state=%s", c->code, state);
	file(x, c);
	redirect(x, uri, query);
	free(query);
}

void code_oidc_page(struct exchange *x)
{
	char *id = http_query(&x->request, "client_id"),
	     *type = http_query(&x->request, "response_type");
	char *uri = http_query(&x->request, "redirect_uri");
	char *state = http_query(&x->request, "state"), *scopes = http_query(&x->request, "scopes");
	char *challenge = http_query(&x->request, "code_challenge");

	if (!id || !uri || !may_redirect(x, id, uri))
		login_refuse(x, 400, "invalid_request", "client_id or redirect_uri not registered");
	else if (!type || strcmp(type, "code") || !scopes)
		login_refuse(x, 400, "invalid_request", "response_type code, and scopes");
	else if (check_page(x, state, challenge))
		agree(x, id, uri, challenge, state);
	free(id);
	free(type);
	free(uri);
	free(state);
	free(scopes);
	free(challenge);
}

static bool is_signin_home(const char *uri)
{
	static const char *const ports[] = { "3128",  "4649",  "6588",	"8008",	 "9091",
					     "49153", "50153", "51153", "52153", "53153" };
	static const char start[] = "http://localhost:";

	for (size_t i = 0; uri && i < ARRAY_SIZE(ports); i++) {
		if (!strncmp(uri, start, strlen(start)) && !strcmp(uri + strlen(start), ports[i]))
			return true;
	}
	return false;
}

/* Where a choice leads that is no social login: on to another login. */
static char *lead_on(struct exchange *x, const char *option)
{
	const char *host = http_header(&x->request, "host");

	if (!strcmp(option, "external_idp"))
		return xformat("issuer_url=http%%3A%%2F%%2F%s%%2Fidp&client_id=" IDP_CLIENT
			       "&scopes=openid+profile",
			       host);
	return xformat("issuer_url=https%%3A%%2F%%2Fd-1234567890.awsapps.com%%2Fstart"
		       "&idc_region=eu-west-1");
}

static void choose(struct exchange *x, const char *home, const char *challenge, const char *state)
{
	const char *option = x->app->device.option;
	char *uri = xformat("%s/oauth/callback?login_option=%s", home, option), *query, *more;

	if (!strcmp(option, "google") || !strcmp(option, "github")) {
		agree(x, "", uri, challenge, state);
	} else {
		more = lead_on(x, option);
		query = xformat("%s&state=%s", more, state);
		redirect(x, uri, query);
		free(query);
		free(more);
	}
	free(uri);
}

void code_signin_page(struct exchange *x)
{
	char *state = http_query(&x->request, "state"),
	     *home = http_query(&x->request, "redirect_uri");
	char *from = http_query(&x->request, "redirect_from");
	char *challenge = http_query(&x->request, "code_challenge");

	if (!is_signin_home(home) || !from || strcmp(from, "kirocli") || !state ||
	    strlen(state) != 10)
		login_refuse(x, 400, "invalid_request",
			     "redirect_uri, redirect_from, or state of 10 characters");
	else if (check_page(x, state, challenge))
		choose(x, home, challenge, state);
	free(state);
	free(home);
	free(from);
	free(challenge);
}

void code_idp_discovery(struct exchange *x)
{
	const char *host = http_header(&x->request, "host");
	static const char *const names[][2] = { { "issuer", "" },
						{ "authorization_endpoint", "/authorize" },
						{ "token_endpoint", "/token" } };
	cJSON *out = cJSON_CreateObject();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *url = xformat("http://%s/idp%s", host ? host : "", names[i][1]);

		cJSON_AddStringToObject(out, names[i][0], url);
		free(url);
	}
	exchange_answer(x, 200, out);
}

void code_idp_page(struct exchange *x)
{
	static const char start[] = "http://localhost:";
	char *id = http_query(&x->request, "client_id"),
	     *uri = http_query(&x->request, "redirect_uri");
	char *state = http_query(&x->request, "state"), *scope = http_query(&x->request, "scope");
	char *challenge = http_query(&x->request, "code_challenge");

	if (!id || strcmp(id, IDP_CLIENT) || !uri || strncmp(uri, start, strlen(start)))
		login_refuse(x, 400, "unauthorized_client", "client_id or redirect_uri");
	else if (!scope || !strstr(scope, "offline_access"))
		login_refuse(x, 400, "invalid_scope", "no offline_access: no refresh token");
	else if (check_page(x, state, challenge))
		agree(x, id, uri, challenge, state);
	free(id);
	free(uri);
	free(state);
	free(scope);
	free(challenge);
}

/* ---- codes for tokens ---- */

/* base64url(SHA-256(verifier)), RFC 7636. */
static bool verifies(const char *verifier, const char *challenge)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	char text[64];
	unsigned len = 0;

	if (!verifier || strlen(verifier) < 43 ||
	    !EVP_Digest(verifier, strlen(verifier), hash, &len, EVP_sha256(), NULL))
		return false;
	EVP_EncodeBlock((unsigned char *)text, hash, (int)len);
	for (char *at = text; *at; at++)
		*at = *at == '+' ? '-' : *at == '/' ? '_' : *at == '=' ? '\0' : *at;
	return !strcmp(text, challenge);
}

/* Any try spends the code. NULL, or why it is refused. */
static const char *redeem(struct exchange *x, const char *code, const char *client_id,
			  const char *uri, const char *verifier)
{
	const char *why = "the code is unknown or was used before";
	struct auth_code *found = NULL;

	pthread_mutex_lock(&x->app->lock);
	for (struct auth_code **at = &x->app->codes; code && *code && *at; at = &(*at)->next) {
		if (strcmp((*at)->code, code))
			continue;
		found = *at;
		*at = found->next;
		break;
	}
	pthread_mutex_unlock(&x->app->lock);
	if (!found)
		return why;
	why = !client_id || strcmp(found->client_id, client_id) ? "it is another client's code"
	      : !uri || strcmp(found->redirect_uri, uri)	? "the redirect URI is another one"
	      : !verifies(verifier, found->challenge)		? "the verifier does not fit"
								: NULL;
	free_code(found);
	return why;
}

/* Copies a member of the account under the name that the answer has for it. */
static void hand_over(cJSON *to, const char *as, const cJSON *account, const char *name)
{
	cJSON_AddItemToObject(to, as, cJSON_Duplicate(json_get(account, name), true));
}

static void answer_camel(struct exchange *x, cJSON *account, bool social)
{
	cJSON *out = cJSON_CreateObject();

	hand_over(out, "accessToken", account, "accessToken");
	hand_over(out, "refreshToken", account, "refreshToken");
	hand_over(out, "expiresIn", account, "expiresIn");
	if (social)
		hand_over(out, "profileArn", account, "profileArn");
	exchange_answer(x, 200, out);
	cJSON_Delete(account);
}

void code_oidc_token(struct exchange *x)
{
	const char *id = json_str(x->body, "clientId"), *secret = json_str(x->body, "clientSecret");
	const char *why = "the client's secret is wrong";

	if (login_registered(id, secret))
		why = redeem(x, json_str(x->body, "code"), id, json_str(x->body, "redirectUri"),
			     json_str(x->body, "codeVerifier"));
	if (why)
		login_refuse(x, 400, "invalid_grant", why);
	else
		answer_camel(x, login_account(x, "idc", id, secret), false);
}

void code_social_token(struct exchange *x)
{
	const char *why =
		redeem(x, json_str(x->body, "code"), "", json_str(x->body, "redirect_uri"),
		       json_str(x->body, "code_verifier"));

	if (why)
		login_refuse(x, 400, "invalid_grant", why);
	else
		answer_camel(x, login_account(x, "social", NULL, NULL), true);
}

static void answer_snake(struct exchange *x, const char *access, const char *refresh, double life)
{
	cJSON *out = cJSON_CreateObject();
	char text[32];

	snprintf(text, sizeof(text), "%.0f", life);
	cJSON_AddStringToObject(out, "token_type", "Bearer");
	cJSON_AddStringToObject(out, "access_token", access);
	cJSON_AddStringToObject(out, "refresh_token", refresh);
	cJSON_AddStringToObject(out, "expires_in", text); /* some providers write it so */
	exchange_answer(x, 200, out);
}

static void renew_idp(struct exchange *x)
{
	const char *token = json_str(x->body, "refresh_token");
	const char *scope = json_str(x->body, "scope");
	struct grant grant;

	if (!scope || !strstr(scope, "offline_access")) {
		login_refuse(x, 400, "invalid_scope", "the scopes of the login must be sent again");
		return;
	}
	accounts_refresh_begin(&x->app->accounts, token ? token : "", 1u << KIND_EXTERNAL_IDP, NULL,
			       NULL, true, false, &grant);
	accounts_refresh_end(&x->app->accounts, token ? token : "");
	if (grant.result == GRANT_OK)
		answer_snake(x, grant.access, grant.refresh, (double)grant.expires_in_s);
	else
		login_refuse(x, 400, "invalid_grant", "the refresh token is spent or unknown");
}

void code_idp_token(struct exchange *x)
{
	const char *grant = json_str(x->body, "grant_type"), *id = json_str(x->body, "client_id");
	const char *why;
	cJSON *account;

	if (!id || strcmp(id, IDP_CLIENT)) {
		login_refuse(x, 400, "unauthorized_client", "client_id");
	} else if (grant && !strcmp(grant, "refresh_token")) {
		renew_idp(x);
	} else {
		why = grant && !strcmp(grant, "authorization_code")
			      ? redeem(x, json_str(x->body, "code"), id,
				       json_str(x->body, "redirect_uri"),
				       json_str(x->body, "code_verifier"))
			      : "grant_type";
		if (why) {
			login_refuse(x, 400, "invalid_grant", why);
			return;
		}
		account = login_account(x, "external_idp", NULL, NULL);
		answer_snake(x, json_str(account, "accessToken"), json_str(account, "refreshToken"),
			     json_num(account, "expiresIn", 0));
		cJSON_Delete(account);
	}
}
