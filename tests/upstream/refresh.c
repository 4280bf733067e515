/*
 * refresh.c - tokens for refresh tokens: the social service's endpoint and OIDC's /token.
 *
 * A refresh token is good once. The control API scripts delays, errors and lost answers.
 */
#include "base.h"
#include "handlers.h"

/* Copies the script if it applies to that account, and counts its use. body: free() it. */
static void take_script(struct standin *app, const char *account, struct refresh_script *out)
{
	struct refresh_script *s = &app->refresh;
	bool applies;

	pthread_mutex_lock(&app->lock);
	applies = !*s->account || !strcmp(s->account, account);
	*out = applies ? *s : (struct refresh_script){ 0 };
	out->body = applies ? xstrdup(s->body) : NULL;
	if (applies && s->times && !--s->times) {
		free(s->body);
		*s = (struct refresh_script){ 0 };
	}
	pthread_mutex_unlock(&app->lock);
}

static void refuse(struct exchange *x, int status, const char *error, const char *member,
		   const char *text)
{
	cJSON *out = cJSON_CreateObject();

	if (error)
		cJSON_AddStringToObject(out, "error", error);
	cJSON_AddStringToObject(out, member, text);
	journal_refused(&x->app->journal, x->entry, text);
	exchange_answer(x, status, out);
}

static void hand_out(struct exchange *x, const struct grant *g, bool social, bool keep)
{
	cJSON *out = cJSON_CreateObject();

	cJSON_AddStringToObject(out, "accessToken", g->access);
	/* The social service always names one; OIDC leaves out what did not change. */
	if (social || !keep)
		cJSON_AddStringToObject(out, "refreshToken", g->refresh);
	cJSON_AddNumberToObject(out, "expiresIn", (double)g->expires_in_s);
	if (social)
		cJSON_AddStringToObject(out, "profileArn", g->arn);
	else
		cJSON_AddStringToObject(out, "tokenType", "Bearer");
	exchange_answer(x, 200, out);
}

static void answer_grant(struct exchange *x, const struct grant *g, bool social, bool keep)
{
	switch (g->result) {
	case GRANT_OK:
		hand_out(x, g, social, keep);
		break;
	case GRANT_WRONG_CLIENT:
		refuse(x, 400, "invalid_client", "error_description", "Invalid client provided");
		break;
	case GRANT_SPENT:
		refuse(x, 400, "invalid_grant", social ? "message" : "error_description",
		       "Invalid refresh token provided");
		break;
	case GRANT_UNKNOWN:
		if (social)
			refuse(x, 401, NULL, "message", "Bad credentials");
		else
			refuse(x, 400, "invalid_grant", "error_description",
			       "Invalid refresh token provided");
		break;
	}
}

static void refresh(struct exchange *x, unsigned kinds, const char *client_id, const char *secret)
{
	struct accounts *accounts = &x->app->accounts;
	const char *token = json_str(x->body, "refreshToken");
	bool social = kinds == KINDS_SOCIAL;
	char account[LIMIT_NAME + 1] = "";
	struct refresh_script script;
	struct grant grant = { .result = GRANT_UNKNOWN };
	bool refused;

	accounts_owner(accounts, token, account);
	journal_note(&x->app->journal, x->entry, account, NULL);
	take_script(x->app, account, &script);
	/* A scripted error leaves the token as it was: the service never looked at it. */
	refused = script.status != 0;
	accounts_refresh_begin(accounts, token, kinds, client_id, secret, !script.keep, refused,
			       &grant);
	conn_wait(x->conn, script.delay_ns);
	accounts_refresh_end(accounts, token);
	if (script.drop_answer)
		x->close = true;
	else if (refused)
		exchange_answer_text(x, script.status, NULL, NULL, script.body);
	else
		answer_grant(x, &grant, social, script.keep);
	free(script.body);
}

void refresh_social(struct exchange *x)
{
	if (json_str(x->body, "refreshToken"))
		refresh(x, KINDS_SOCIAL, NULL, NULL);
	else
		refuse(x, 400, NULL, "message", "refreshToken is required");
}

/* POST /token serves two grants; the other one is login.c's. */
void refresh_oidc(struct exchange *x)
{
	const char *grant = json_str(x->body, "grantType");
	const char *id = json_str(x->body, "clientId"), *secret = json_str(x->body, "clientSecret");

	if (!grant || !id || !secret)
		refuse(x, 400, "invalid_request", "error_description",
		       "grantType, clientId and clientSecret are required");
	else if (!strcmp(grant, "urn:ietf:params:oauth:grant-type:device_code"))
		login_oidc_poll(x);
	else if (!strcmp(grant, "authorization_code"))
		code_oidc_token(x);
	else if (strcmp(grant, "refresh_token"))
		refuse(x, 400, "unsupported_grant_type", "error_description",
		       "The grants are refresh_token, device_code and authorization_code");
	else if (!json_str(x->body, "refreshToken"))
		refuse(x, 400, "invalid_request", "error_description", "refreshToken is required");
	else
		refresh(x, KINDS_OIDC, id, secret);
}
