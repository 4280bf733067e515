/*
 * Device codes (RFC 8628), in two dialects:
 *
 *   OIDC    POST /client/register
 *                {clientName, clientType: "public", scopes, grantTypes?, redirectUris?, issuerUrl?}
 *                -> {clientId, clientSecret}
 *           POST /device_authorization  {clientId, clientSecret, startUrl}
 *                -> {deviceCode, userCode, verificationUri, verificationUriComplete, expiresIn,
 *                    interval}
 *           POST /token  {clientId, clientSecret, grantType, deviceCode}
 *                -> tokens, or 400 {error, error_description}
 *
 *   social  POST /oauth/device/authorization  {clientId, loginProvider}
 *                -> as above, but expiresInMilliseconds, intervalInMilliseconds
 *           POST /oauth/device/poll  {deviceCode, clientId}
 *                -> always 200, {status, tokens...}
 *
 * And the AWS access portal, which approves a device code for who has its session cookie:
 *
 *   GET  portal /token/whoAmI; POST portal /session/device {} -> {token}     Bearer: the cookie
 *   POST oidc /device_authorization/accept_user_code {userCode, userSessionId: token}
 *                                        -> {deviceContext}
 *   POST oidc /device_authorization/associate_token {deviceContext, userSessionId}
 */
#include "common/base.h"
#include "common/login_parts.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"

#define CLIENT_NAME	 "kiro-fcgi"
#define SOCIAL_CLIENT	 "kiro-cli" /* the name that the social service knows device logins by */
#define DEVICE_GRANT	 "urn:ietf:params:oauth:grant-type:device_code"
#define DEFAULT_INTERVAL 5		       /* RFC 8628, 3.2 */
#define SLOWER		 5		       /* RFC 8628, 3.5 */
#define LONGEST_INTERVAL 60		       /* s */
#define DEFAULT_LIFETIME 600		       /* s */
#define MOST_DATE	 INT64_C(253402300799) /* the last second of 9999 */
#define LONGEST_LIFETIME 3600
#define PORTAL_REFERER	 "https://view.awsapps.com/"

static const char *const scopes[] = { "codewhisperer:completions", "codewhisperer:analysis",
				      "codewhisperer:conversations",
				      "codewhisperer:transformations", "codewhisperer:taskassist" };

static void write_list(struct jsonw *w, const char *key, const char *const *texts, size_t count)
{
	jsonw_begin_array_member(w, key);
	for (size_t i = 0; i < count; i++)
		jsonw_text(w, texts[i]);
	jsonw_end(w);
}

/* redirect_uri NULL: for device codes. */
static void write_client(struct buf *body, const struct login *l, const char *redirect_uri)
{
	static const char *const device[] = { DEVICE_GRANT, "refresh_token" };
	static const char *const browser[] = { "authorization_code", "refresh_token" };
	struct jsonw w;

	jsonw_init(&w, body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "clientName", CLIENT_NAME);
	jsonw_text_member(&w, "clientType", "public");
	write_list(&w, "scopes", scopes, ARRAY_SIZE(scopes));
	write_list(&w, "grantTypes", redirect_uri ? browser : device, 2);
	if (redirect_uri)
		write_list(&w, "redirectUris", &redirect_uri, 1);
	if (redirect_uri)
		jsonw_text_member(&w, "issuerUrl", l->start_url);
	jsonw_end(&w);
}

/* A POST of JSON to an OIDC path; 0: *x holds a 2xx answer. */
static int post_oidc(const struct login_service *s, const struct login *l, const char *path,
		     const struct buf *body, const char *what, struct login_call *x,
		     struct error *e)
{
	struct buf url;
	int rc;

	buf_init(&url, LIMIT_URL);
	login_url_oidc(s->config, l->region, path, &url);
	rc = login_send(s, l, url.at, LOGIN_JSON, body, x, e);
	buf_release(&url);
	if (!rc && x->reply.status / 100 != 2)
		rc = login_refused(l, x, what, e);
	return rc;
}

static int64_t within(double value, int64_t otherwise, int64_t most)
{
	return value < 1 ? otherwise : value > (double)most ? most : (int64_t)value;
}

int login_register(const struct login_service *s, struct login *l, const char *redirect_uri,
		   struct error *e)
{
	struct login_call x = { .url = NULL };
	struct buf body;
	int rc;

	buf_init(&body, LIMIT_RECORD);
	write_client(&body, l, redirect_uri);
	rc = post_oidc(s, l, "/client/register", &body, "registering with AWS", &x, e);
	if (!rc) {
		login_set(&l->client_id, json_text_or(x.tree, "clientId", NULL));
		secret_set(&l->client_secret, json_text_or(x.tree, "clientSecret", NULL));
		l->client_expires_at =
			within(json_number_or(x.tree, "clientSecretExpiresAt", 0), 0, MOST_DATE);
		if (!l->client_id || !secret_present(&l->client_secret))
			rc = error_set(e, ERR_UP_DAMAGED,
				       "the registration's answer holds no client");
	}
	login_call_release(&x);
	buf_wipe(&body);
	return rc;
}

/* What to show and how to wait. unit: of its times, 1 or 1000 to the second. */
static int take_device(struct login *l, const cJSON *tree, const char *lifetime,
		       const char *interval, double unit, struct error *e)
{
	const char *page = json_text_or(tree, "verificationUri", NULL);
	const char *url = json_text_or(tree, "verificationUriComplete", page);

	secret_set(&l->device_code, json_text_or(tree, "deviceCode", NULL));
	if (!secret_present(&l->device_code) || !url)
		return error_set(e, ERR_UP_DAMAGED, "the answer holds no device code and link");
	login_set(&l->url, url);
	login_set(&l->page, page);
	login_set(&l->code, json_text_or(tree, "userCode", NULL));
	l->by_callback = false;
	l->expires_at = clock_wall() + within(json_number_or(tree, lifetime, 0) / unit,
					      DEFAULT_LIFETIME, LONGEST_LIFETIME);
	l->interval = (int)within(json_number_or(tree, interval, 0) / unit, DEFAULT_INTERVAL,
				  LONGEST_INTERVAL);
	return 0;
}

int login_start_oidc(const struct login_service *s, struct login *l,
		     const struct login_request *ask, struct error *e)
{
	struct login_call x = { .url = NULL };
	struct buf body;
	struct jsonw w;
	int rc;

	(void)ask;
	if (login_register(s, l, NULL, e))
		return -1;
	buf_init(&body, LIMIT_RECORD);
	jsonw_init(&w, &body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "clientId", l->client_id);
	jsonw_text_member(&w, "clientSecret", secret_reveal(&l->client_secret));
	jsonw_text_member(&w, "startUrl", l->start_url);
	jsonw_end(&w);
	rc = post_oidc(s, l, "/device_authorization", &body, "asking AWS for a code", &x, e);
	if (!rc)
		rc = take_device(l, x.tree, "expiresIn", "interval", 1, e);
	login_call_release(&x);
	buf_wipe(&body);
	return rc;
}

static const char *social_provider(const struct login *l)
{
	return l->method == LOGIN_GITHUB ? "Github" : "Google";
}

/* A POST of JSON to the social service. */
static int post_social(const struct login_service *s, const struct login *l, const char *path,
		       const struct buf *body, struct login_call *x, struct error *e)
{
	struct buf url;
	int rc;

	buf_init(&url, LIMIT_URL);
	login_url_social(s->config, path, &url);
	rc = login_send(s, l, url.at, LOGIN_JSON, body, x, e);
	buf_release(&url);
	return rc;
}

int login_start_social(const struct login_service *s, struct login *l,
		       const struct login_request *ask, struct error *e)
{
	struct login_call x = { .url = NULL };
	struct buf body;
	struct jsonw w;
	int rc;

	(void)ask;
	buf_init(&body, LIMIT_RECORD);
	jsonw_init(&w, &body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "clientId", SOCIAL_CLIENT);
	jsonw_text_member(&w, "loginProvider", social_provider(l));
	jsonw_end(&w);
	rc = post_social(s, l, "/oauth/device/authorization", &body, &x, e);
	if (!rc && x.reply.status / 100 != 2)
		rc = login_refused(l, &x, "asking Kiro for a code", e);
	if (!rc)
		rc = take_device(l, x.tree, "expiresInMilliseconds", "intervalInMilliseconds", 1000,
				 e);
	login_call_release(&x);
	buf_wipe(&body);
	return rc;
}

/* ---- polls ---- */

static const struct {
	const char *word;
	enum login_step step;
} words[] = {
	{ "authorization_pending", LOGIN_PENDING },
	{ "slow_down", LOGIN_SLOW_DOWN },
	{ "expired_token", LOGIN_EXPIRED },
	{ "access_denied", LOGIN_DENIED },
	{ "authorized", LOGIN_DONE },
};

/* The step that the service's word stands for; -1: none of them. */
static int step_of(struct login *l, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i].word, word) != 0)
			continue;
		if (words[i].step == LOGIN_SLOW_DOWN)
			l->interval += SLOWER;
		return words[i].step;
	}
	return -1;
}

int login_poll_oidc(const struct login_service *s, struct login *l, struct account *account,
		    struct error *e)
{
	const char *provider = l->method == LOGIN_BUILDER_ID ? "BuilderId" : "Enterprise";
	struct login_call x = { .url = NULL };
	struct buf url, body;
	struct jsonw w;
	int rc;

	buf_init(&url, LIMIT_URL);
	buf_init(&body, LIMIT_RECORD);
	login_url_oidc(s->config, l->region, "/token", &url);
	jsonw_init(&w, &body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "clientId", l->client_id);
	jsonw_text_member(&w, "clientSecret", secret_reveal(&l->client_secret));
	jsonw_text_member(&w, "grantType", DEVICE_GRANT);
	jsonw_text_member(&w, "deviceCode", secret_reveal(&l->device_code));
	jsonw_end(&w);
	rc = login_send(s, l, url.at, LOGIN_JSON, &body, &x, e);
	if (!rc && x.reply.status / 100 == 2 && json_member(x.tree, "accessToken")) {
		rc = login_take(l, KIND_IDC, provider, x.tree, account, e);
		rc = rc ? rc : LOGIN_DONE;
	} else if (!rc) {
		rc = step_of(l, json_text_or(x.tree, "error", ""));
		if (rc < 0 && !x.tree && x.reply.status < 429)
			rc = LOGIN_PENDING; /* nothing of the service's: somebody on the way */
		else if (rc < 0)
			rc = login_refused(l, &x, "asking AWS for the tokens", e);
	}
	login_call_release(&x);
	buf_wipe(&body);
	buf_release(&url);
	return rc;
}

int login_poll_social(const struct login_service *s, struct login *l, struct account *account,
		      struct error *e)
{
	struct login_call x = { .url = NULL };
	struct buf body;
	struct jsonw w;
	int rc;

	buf_init(&body, LIMIT_RECORD);
	jsonw_init(&w, &body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "deviceCode", secret_reveal(&l->device_code));
	jsonw_text_member(&w, "clientId", SOCIAL_CLIENT);
	jsonw_end(&w);
	rc = post_social(s, l, "/oauth/device/poll", &body, &x, e);
	if (!rc) {
		rc = step_of(l, json_text_or(x.tree, "status", json_text_or(x.tree, "error", "")));
		if (rc < 0 && !x.tree && x.reply.status < 429)
			rc = LOGIN_PENDING;
		else if (rc < 0)
			rc = error_set(e, x.reply.status < 429 ? ERR_LOGIN : ERR_UP_OVERLOAD,
				       "asking Kiro for the tokens: it answered %d %.40s",
				       x.reply.status, json_text_or(x.tree, "status", ""));
	}
	if (rc == LOGIN_DONE) {
		rc = login_take(l, KIND_SOCIAL,
				json_text_or(x.tree, "identityProvider", social_provider(l)),
				x.tree, account, e);
		rc = rc ? rc : LOGIN_DONE;
	}
	login_call_release(&x);
	buf_wipe(&body);
	return rc;
}

/* ---- approval by the access portal's session ---- */

/* The portal's token for one device; the caller releases it. */
static int portal_session(const struct login_service *s, const struct login *l,
			  const struct secret *cookie, struct secret *token, struct error *e)
{
	static const struct {
		const char *path, *what;
		bool post;
	} calls[] = {
		{ "/token/whoAmI", "asking the portal whose session it is", false },
		{ "/session/device", "asking the portal for a device session", true },
	};
	struct buf url, body;
	int rc = 0;

	buf_init(&url, LIMIT_URL);
	buf_init(&body, LIMIT_URL);
	buf_add_text(&body, "{}");
	for (size_t i = 0; i < ARRAY_SIZE(calls) && !rc; i++) {
		struct login_call x = { .bearer = cookie };

		buf_reset(&url);
		login_url_portal(s->config, l->region, calls[i].path, &url);
		rc = login_send(s, l, url.at, LOGIN_JSON, calls[i].post ? &body : NULL, &x, e);
		if (!rc && x.reply.status / 100 != 2)
			rc = login_refused(l, &x, calls[i].what, e);
		if (!rc && calls[i].post)
			secret_set(token, json_text_or(x.tree, "token", NULL));
		login_call_release(&x);
	}
	if (!rc && !secret_present(token))
		rc = error_set(e, ERR_UP_DAMAGED, "the portal's answer holds no device session");
	buf_release(&body);
	buf_release(&url);
	return rc;
}

/* One of the two steps by which a session takes a device code; context: of the step before. */
static int accept_step(const struct login_service *s, const struct login *l, const char *path,
		       const struct secret *session, cJSON **context, struct error *e)
{
	struct login_call x = { .referer = PORTAL_REFERER };
	struct buf body;
	struct jsonw w;
	int rc;

	buf_init(&body, LIMIT_RECORD);
	jsonw_init(&w, &body);
	jsonw_begin_object(&w);
	if (*context) {
		jsonw_key(&w, "deviceContext");
		jsonw_tree(&w, *context);
	} else {
		jsonw_text_member(&w, "userCode", l->code);
	}
	jsonw_text_member(&w, "userSessionId", secret_reveal(session));
	jsonw_end(&w);
	rc = post_oidc(s, l, path, &body, "approving the device", &x, e);
	if (!rc && !*context) {
		*context = cJSON_DetachItemFromObject(x.tree, "deviceContext");
		if (!cJSON_IsObject(*context))
			rc = error_set(e, ERR_UP_DAMAGED, "the answer holds no device context");
	}
	login_call_release(&x);
	buf_wipe(&body);
	return rc;
}

int login_approve(const struct login_service *s, const struct login *l, const struct secret *cookie,
		  struct error *e)
{
	struct secret session = { .hidden = NULL };
	cJSON *context = NULL;
	int rc = portal_session(s, l, cookie, &session, e);

	if (!rc)
		rc = accept_step(s, l, "/device_authorization/accept_user_code", &session, &context,
				 e);
	if (!rc)
		rc = accept_step(s, l, "/device_authorization/associate_token", &session, &context,
				 e);
	cJSON_Delete(context);
	secret_release(&session);
	return rc;
}
