/*
 * login.c - device logins: OIDC's (register, authorize, poll /token) and the social service's.
 *
 * Nobody has to type the user code: the control API says how many polls come back pending and
 * how it ends. An authorized login makes an account, named device-1, device-2, ...
 */
#include "base.h"
#include "handlers.h"

#define CLIENT	       "standin-client-"
#define SECRET	       "standin-secret-"
#define BUILDER_ID_URL "https://view.awsapps.com/start"

struct login {
	char code[48];
	bool social, builder_id, github, approved;
	char *client_id, *client_secret; /* OIDC; of the social service the id alone */
	int drops, slow_downs, pending;	 /* polls that end so */
	int64_t interval_ns, last_poll_ns, ends_ns;
	struct login *next;
};

static void free_login(struct login *l)
{
	free(l->client_id);
	free(l->client_secret);
	free(l);
}

void logins_free(struct login *list)
{
	while (list) {
		struct login *next = list->next;

		free_login(list);
		list = next;
	}
}

void login_refuse(struct exchange *x, int status, const char *error, const char *description)
{
	cJSON *out = cJSON_CreateObject();

	cJSON_AddStringToObject(out, "error", error);
	cJSON_AddStringToObject(out, "error_description", description);
	journal_refused(&x->app->journal, x->entry, description);
	exchange_answer(x, status, out);
}

static void refuse(struct exchange *x, const char *error, const char *description)
{
	login_refuse(x, 400, error, description);
}

void login_register(struct exchange *x)
{
	const char *type = json_str(x->body, "clientType");
	char hex[33], id[64], secret[64];
	cJSON *out;

	if (!json_str(x->body, "clientName") || !type || strcmp(type, "public")) {
		refuse(x, "invalid_client_metadata", "clientName, and clientType public");
		return;
	}
	random_hex(hex, 16);
	snprintf(id, sizeof(id), CLIENT "%s", hex);
	snprintf(secret, sizeof(secret), SECRET "%s", hex);
	out = cJSON_CreateObject();
	cJSON_AddStringToObject(out, "clientId", id);
	cJSON_AddStringToObject(out, "clientSecret", secret);
	cJSON_AddNumberToObject(out, "clientIdIssuedAt", (double)clock_wall_s());
	cJSON_AddNumberToObject(out, "clientSecretExpiresAt",
				(double)(clock_wall_s() + 90 * 86400));
	code_register(x, id);
	exchange_answer(x, 200, out);
}

/* A client's secret is told from its id, so that none need be remembered. */
bool login_registered(const char *id, const char *secret)
{
	size_t id_len = strlen(CLIENT), secret_len = strlen(SECRET);

	return id && secret && !strncmp(id, CLIENT, id_len) &&
	       !strncmp(secret, SECRET, secret_len) && !strcmp(id + id_len, secret + secret_len);
}

static struct login *start(struct standin *app, bool social)
{
	struct login *l = xcalloc(1, sizeof(*l));

	random_hex(l->code, 20);
	l->social = social;
	pthread_mutex_lock(&app->lock);
	l->drops = app->device.drops;
	l->slow_downs = app->device.slow_downs;
	l->pending = app->device.pending;
	l->interval_ns = app->device.interval_s * INT64_C(1000000000);
	l->last_poll_ns = clock_mono_ns();
	l->ends_ns = l->last_poll_ns + app->device.expires_in_s * INT64_C(1000000000);
	pthread_mutex_unlock(&app->lock);
	return l;
}

/* Only once it is filled in: from here on a poll may take it away. */
static void file(struct standin *app, struct login *l)
{
	pthread_mutex_lock(&app->lock);
	l->next = app->logins;
	app->logins = l;
	pthread_mutex_unlock(&app->lock);
}

void login_oidc_start(struct exchange *x)
{
	const char *id = json_str(x->body, "clientId"), *secret = json_str(x->body, "clientSecret");
	const char *url = json_str(x->body, "startUrl");
	struct login *l;
	cJSON *out;

	if (!login_registered(id, secret)) {
		refuse(x, "invalid_client", "The client is not registered");
		return;
	}
	if (!url) {
		refuse(x, "invalid_request", "startUrl is required");
		return;
	}
	l = start(x->app, false);
	l->client_id = xstrdup(id);
	l->client_secret = xstrdup(secret);
	l->builder_id = !strncmp(url, BUILDER_ID_URL, strlen(BUILDER_ID_URL));
	out = cJSON_CreateObject();
	cJSON_AddStringToObject(out, "deviceCode", l->code);
	cJSON_AddStringToObject(out, "userCode", "STAN-DINX");
	cJSON_AddStringToObject(out, "verificationUri", "https://example.invalid/device");
	cJSON_AddStringToObject(out, "verificationUriComplete",
				"https://example.invalid/device?user_code=STAN-DINX");
	cJSON_AddNumberToObject(out, "expiresIn", (double)x->app->device.expires_in_s);
	cJSON_AddNumberToObject(out, "interval", (double)x->app->device.interval_s);
	file(x->app, l);
	exchange_answer(x, 200, out);
}

void login_social_start(struct exchange *x)
{
	const char *provider = json_str(x->body, "loginProvider");
	struct login *l;
	cJSON *out;

	if (!json_str(x->body, "clientId") || !provider ||
	    (strcmp(provider, "Google") && strcmp(provider, "Github"))) {
		refuse(x, "invalid_request", "clientId, and loginProvider Google or Github");
		return;
	}
	l = start(x->app, true);
	l->client_id = xstrdup(json_str(x->body, "clientId"));
	l->github = !strcmp(provider, "Github");
	out = cJSON_CreateObject();
	cJSON_AddStringToObject(out, "deviceCode", l->code);
	cJSON_AddStringToObject(out, "userCode", "STAN-DINX");
	cJSON_AddStringToObject(out, "verificationUri", "https://example.invalid/device");
	cJSON_AddStringToObject(out, "verificationUriComplete",
				"https://example.invalid/device?user_code=STAN-DINX");
	cJSON_AddNumberToObject(out, "expiresInMilliseconds", x->app->device.expires_in_s * 1e3);
	cJSON_AddNumberToObject(out, "intervalInMilliseconds", x->app->device.interval_s * 1e3);
	file(x->app, l);
	exchange_answer(x, 200, out);
}

/* What one more poll of this login hears. RFC 8628: who asks faster than told is told to slow
 * down, by 5 s more each time. */
static const char *next_state(const struct standin *app, struct login *l)
{
	int64_t now = clock_mono_ns(), since = now - l->last_poll_ns;

	l->last_poll_ns = now;
	if (l->drops-- > 0)
		return "drop";
	if (l->slow_downs-- > 0 || since < l->interval_ns - l->interval_ns / 10) {
		l->interval_ns += INT64_C(5000000000);
		return "slow_down";
	}
	if (l->approved)
		return "authorized";
	if (now >= l->ends_ns)
		return "expired_token";
	return l->pending-- > 0 ? "authorization_pending" : app->device.result;
}

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* The state of that login after one more poll; one that is over is taken out for the caller. */
static const char *poll_login(struct exchange *x, bool social, struct login **over)
{
	const char *code = json_str(x->body, "deviceCode"), *state = "invalid_token";
	const char *id = json_str(x->body, "clientId"), *secret = json_str(x->body, "clientSecret");
	struct standin *app = x->app;

	*over = NULL;
	pthread_mutex_lock(&app->lock);
	for (struct login **at = &app->logins; code && *at; at = &(*at)->next) {
		struct login *l = *at;

		if (strcmp(l->code, code) || l->social != social)
			continue;
		if (!same(id, l->client_id) || (!social && !same(secret, l->client_secret)))
			break;
		state = next_state(app, l);
		if (!strcmp(state, "drop") || !strcmp(state, "slow_down") ||
		    !strcmp(state, "authorization_pending"))
			break;
		*over = l;
		*at = l->next;
		break;
	}
	pthread_mutex_unlock(&app->lock);
	return state;
}

void login_approve(struct standin *app)
{
	struct login *l;

	pthread_mutex_lock(&app->lock);
	for (l = app->logins; l && l->social; l = l->next)
		;
	if (l)
		l->approved = true;
	pthread_mutex_unlock(&app->lock);
}

cJSON *login_account(struct exchange *x, const char *kind, const char *client_id,
		     const char *client_secret)
{
	cJSON *spec = cJSON_CreateObject(), *out = NULL;
	const char *why;
	char name[32];

	pthread_mutex_lock(&x->app->lock);
	snprintf(name, sizeof(name), "device-%d", ++x->app->device.made);
	if (*x->app->device.user)
		cJSON_AddStringToObject(spec, "user", x->app->device.user);
	pthread_mutex_unlock(&x->app->lock);
	cJSON_AddStringToObject(spec, "name", name);
	cJSON_AddStringToObject(spec, "kind", kind);
	if (client_id)
		cJSON_AddStringToObject(spec, "clientId", client_id);
	if (client_secret)
		cJSON_AddStringToObject(spec, "clientSecret", client_secret);
	accounts_put(&x->app->accounts, spec, &out, &why);
	cJSON_Delete(spec);
	journal_note(&x->app->journal, x->entry, name, NULL);
	return out;
}

static void copy(cJSON *to, const cJSON *from, const char *name)
{
	cJSON_AddItemToObject(to, name, cJSON_Duplicate(json_get(from, name), true));
}

static cJSON *tokens(struct exchange *x, const struct login *l)
{
	const char *kind = l->social ? "social" : l->builder_id ? "builder-id" : "idc";
	cJSON *account = login_account(x, kind, l->social ? NULL : l->client_id, l->client_secret);
	cJSON *out = cJSON_CreateObject();

	copy(out, account, "accessToken");
	copy(out, account, "refreshToken");
	copy(out, account, "expiresIn");
	if (l->social)
		copy(out, account, "profileArn");
	else
		cJSON_AddStringToObject(out, "tokenType", "Bearer");
	cJSON_Delete(account);
	return out;
}

void login_oidc_poll(struct exchange *x)
{
	struct login *over;
	const char *state = poll_login(x, false, &over);

	if (!strcmp(state, "drop"))
		x->close = true;
	else if (!strcmp(state, "authorized"))
		exchange_answer(x, 200, tokens(x, over));
	else if (!strcmp(state, "invalid_token"))
		refuse(x, "invalid_grant", "Invalid device code provided");
	else
		refuse(x, state, "The device login is not authorized");
	if (over)
		free_login(over);
}

void login_social_poll(struct exchange *x)
{
	struct login *over;
	const char *state = poll_login(x, true, &over);
	cJSON *out;

	if (!strcmp(state, "drop")) {
		x->close = true;
		return;
	}
	if (!strcmp(state, "authorized")) {
		out = tokens(x, over);
		cJSON_AddStringToObject(out, "identityProvider",
					over->github ? "Github" : "Google");
	} else {
		out = cJSON_CreateObject();
	}
	cJSON_AddStringToObject(out, "status", state);
	exchange_answer(x, 200, out);
	if (over)
		free_login(over);
}
