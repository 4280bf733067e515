/*
 * sso.c - the AWS access portal: who has its session cookie may approve a device code.
 */
#include "base.h"
#include "handlers.h"

/* The bearer must be the cookie that the control API set. */
static bool has_cookie(struct exchange *x)
{
	const char *value = http_header(&x->request, "authorization");
	bool good;

	pthread_mutex_lock(&x->app->lock);
	good = value && *x->app->device.cookie && !strncasecmp(value, "Bearer ", 7) &&
	       !strcmp(value + 7, x->app->device.cookie);
	pthread_mutex_unlock(&x->app->lock);
	if (!good)
		login_refuse(x, 401, "UnauthorizedException", "Session token not found or invalid");
	return good;
}

void sso_who(struct exchange *x)
{
	cJSON *out;

	if (!has_cookie(x))
		return;
	out = cJSON_CreateObject();
	cJSON_AddStringToObject(out, "username", "someone");
	exchange_answer(x, 200, out);
}

void sso_session(struct exchange *x)
{
	char hex[33];
	cJSON *out;

	if (!has_cookie(x))
		return;
	random_hex(hex, 16);
	pthread_mutex_lock(&x->app->lock);
	snprintf(x->app->device.session, sizeof(x->app->device.session), "session-%s", hex);
	pthread_mutex_unlock(&x->app->lock);
	out = cJSON_CreateObject();
	cJSON_AddStringToObject(out, "token", x->app->device.session);
	exchange_answer(x, 200, out);
}

static bool has_session(struct exchange *x)
{
	const char *session = json_str(x->body, "userSessionId");
	const char *referer = http_header(&x->request, "referer");
	bool good;

	pthread_mutex_lock(&x->app->lock);
	good = session && *session && !strcmp(session, x->app->device.session) && referer &&
	       !strcmp(referer, "https://view.awsapps.com/");
	pthread_mutex_unlock(&x->app->lock);
	if (!good)
		login_refuse(x, 400, "invalid_request", "userSessionId or Referer");
	return good;
}

void sso_accept(struct exchange *x)
{
	const char *code = json_str(x->body, "userCode");
	cJSON *out, *context;

	if (!has_session(x))
		return;
	if (!code || strcmp(code, "STAN-DINX")) {
		login_refuse(x, 400, "invalid_request", "userCode");
		return;
	}
	out = cJSON_CreateObject();
	context = cJSON_AddObjectToObject(out, "deviceContext");
	cJSON_AddStringToObject(context, "deviceContextId", "standin-device-context");
	cJSON_AddStringToObject(context, "clientId", "standin");
	cJSON_AddStringToObject(context, "clientType", "public");
	exchange_answer(x, 200, out);
}

void sso_associate(struct exchange *x)
{
	const char *id = json_str(json_object(x->body, "deviceContext"), "deviceContextId");

	if (!has_session(x))
		return;
	if (!id || strcmp(id, "standin-device-context")) {
		login_refuse(x, 400, "invalid_request", "deviceContext");
		return;
	}
	login_approve(x->app);
	exchange_answer_text(x, 200, NULL, NULL, NULL);
}
