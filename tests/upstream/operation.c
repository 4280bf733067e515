#include "base.h"
#include "operation.h"
#include "handlers.h"
#include "player.h"

static const struct operation operations[] = {
	{ "GenerateAssistantResponse", "POST", "/generateAssistantResponse", PLANE_CHAT,
	  chat_answer },
	{ "SendMessage", "POST", "/SendMessageStreaming", PLANE_CHAT, chat_answer },
	{ "InvokeMCP", "POST", "/mcp", PLANE_CHAT, mcp_answer },
	{ "GetUsageLimits", "GET", "/getUsageLimits", PLANE_CONTROL, service_usage },
	{ "ListAvailableModels", "GET", "/ListAvailableModels", PLANE_CONTROL, service_models },
	{ "ListAvailableModels", "GET", "/List-Available-Models/", PLANE_CONTROL, service_models },
	{ "ListAvailableProfiles", NULL, NULL, PLANE_CONTROL, service_profiles },
	{ "GetProfile", NULL, NULL, PLANE_CONTROL, service_profile },
	{ "GetFeatureConfiguration", NULL, NULL, PLANE_CONTROL, service_features },
	{ "GetUserInfo", "POST", "/GetUserInfo", PLANE_CONTROL, service_user },
	{ "SocialRefresh", "POST", "/refreshToken", PLANE_AUTH, refresh_social },
	{ "SocialDeviceAuthorization", "POST", "/oauth/device/authorization", PLANE_AUTH,
	  login_social_start },
	{ "SocialDevicePoll", "POST", "/oauth/device/poll", PLANE_AUTH, login_social_poll },
	{ "OidcRegisterClient", "POST", "/client/register", PLANE_AUTH, login_register },
	{ "OidcDeviceAuthorization", "POST", "/device_authorization", PLANE_AUTH,
	  login_oidc_start },
	{ "OidcToken", "POST", "/token", PLANE_AUTH, refresh_oidc },
	{ "OidcAuthorize", "GET", "/authorize", PLANE_AUTH, code_oidc_page },
	{ "Signin", "GET", "/signin", PLANE_AUTH, code_signin_page },
	{ "SocialToken", "POST", "/oauth/token", PLANE_AUTH, code_social_token },
	{ "IdpDiscovery", "GET", "/idp/.well-known/openid-configuration", PLANE_AUTH,
	  code_idp_discovery },
	{ "IdpAuthorize", "GET", "/idp/authorize", PLANE_AUTH, code_idp_page },
	{ "IdpToken", "POST", "/idp/token", PLANE_FORM, code_idp_token },
	{ "PortalWhoAmI", "GET", "/token/whoAmI", PLANE_AUTH, sso_who },
	{ "PortalSession", "POST", "/session/device", PLANE_AUTH, sso_session },
	{ "OidcAcceptUserCode", "POST", "/device_authorization/accept_user_code", PLANE_AUTH,
	  sso_accept },
	{ "OidcAssociateToken", "POST", "/device_authorization/associate_token", PLANE_AUTH,
	  sso_associate },
};

/* Which planes a service's targets reach, and whose rules then hold. */
static const struct service {
	const char *name;
	bool krs, chat, control;
} services[] = {
	{ "AmazonCodeWhispererStreamingService", false, true, false },
	{ "AmazonQDeveloperStreamingService", false, true, false },
	{ "AmazonCodeWhispererService", false, false, true }, /* management.* takes it, too */
	{ "KiroRuntimeService", true, true, true },
	{ "KiroControlPlaneBearerService", true, false, true },
};

static const struct operation *find_path(const struct request *r, bool *other_method)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		const struct operation *op = &operations[i];

		if (!op->path || strcmp(op->path, r->path))
			continue;
		if (!strcmp(op->method, r->method))
			return op;
		*other_method = true;
	}
	return NULL;
}

/* Service.Operation; the profile decides which services there are. */
static const struct operation *find_target(const struct exchange *x, const char *target,
					   const struct service **service)
{
	const char *dot = target ? strrchr(target, '.') : NULL;

	*service = NULL;
	for (size_t i = 0; dot && i < ARRAY_SIZE(services); i++) {
		if (strlen(services[i].name) == (size_t)(dot - target) &&
		    !strncmp(services[i].name, target, (size_t)(dot - target)))
			*service = &services[i];
	}
	if (!*service || ((*service)->krs && x->app->profile == PROFILE_RTS) ||
	    (!(*service)->krs && (*service)->chat && x->app->profile == PROFILE_KRS))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		const struct operation *op = &operations[i];

		if (!strcmp(op->name, dot + 1) &&
		    ((op->plane == PLANE_CHAT && (*service)->chat) ||
		     (op->plane == PLANE_CONTROL && (*service)->control)))
			return op;
	}
	return NULL;
}

static int route(struct exchange *x, struct problem *p)
{
	const char *target = http_header(&x->request, "x-amz-target");
	const struct service *service = NULL;
	bool other_method = false;

	x->krs = x->app->profile == PROFILE_KRS;
	if (!strcmp(x->request.path, "/") && !strcmp(x->request.method, "POST")) {
		x->rpc = true;
		x->operation = find_target(x, target, &service);
		if (service)
			x->krs = service->krs || x->app->profile == PROFILE_KRS;
	} else {
		x->operation = find_path(&x->request, &other_method);
	}
	if (x->operation)
		return 0;
	return problem_set(p, other_method ? 405 : 404, "UnknownOperationException", NULL,
			   "The requested operation is not recognized by the service.",
			   "no operation for %s %s target %s", x->request.method, x->request.path,
			   target ? target : "(none)");
}

static int check_content_type(const struct exchange *x, struct problem *p)
{
	const struct request *r = &x->request;

	if (!strcmp(r->method, "GET"))
		return 0;
	if (x->operation->plane == PLANE_FORM) {
		if (http_content_is(r, "application/x-www-form-urlencoded"))
			return 0;
		return problem_set(p, 415, "UnsupportedMediaTypeException", NULL, "Expected a form",
				   "content-type is not that of a form");
	}
	if (x->rpc) {
		if (http_content_is(r, "application/x-amz-json-1.0"))
			return 0;
		return problem_set(p, 400, "SerializationException", NULL,
				   "Expected content type application/x-amz-json-1.0",
				   "content-type is not application/x-amz-json-1.0");
	}
	if (http_content_is(r, "application/json") ||
	    (x->operation->plane == PLANE_AUTH && http_content_is(r, "application/x-amz-json-1.1")))
		return 0;
	return problem_set(p, 415, "UnsupportedMediaTypeException", NULL,
			   "Expected content type application/json",
			   "content-type is not application/json");
}

/* API keys and external tokens must say so; social ones must not (upstream.md 1.4). */
static const char *const token_types[KIND_COUNT] = {
	[KIND_BUILDER_ID] = "SSO_OIDC",
	[KIND_IDC] = "SSO_OIDC",
	[KIND_EXTERNAL_IDP] = "EXTERNAL_IDP",
	[KIND_API_KEY] = "API_KEY",
};

static int check_token_type(const struct exchange *x, struct problem *p)
{
	const char *given = http_header(&x->request, "tokentype");
	const char *wanted = token_types[x->who.kind];
	bool needed = x->who.kind == KIND_EXTERNAL_IDP || x->who.kind == KIND_API_KEY;

	if (!given && !needed)
		return 0;
	if (given && wanted && !strcmp(given, wanted))
		return 0;
	problem_bearer(p, given ? "TokenType does not fit this kind of token"
				: "TokenType is missing for this kind of token");
	return -1;
}

static int check_bearer(struct exchange *x, struct problem *p)
{
	const char *value = http_header(&x->request, "authorization");
	int rc;

	if (x->operation->plane == PLANE_AUTH || x->operation->plane == PLANE_FORM)
		return 0;
	if (!value || strncasecmp(value, "Bearer ", 7) || !value[7]) {
		rc = problem_bearer(p, "no bearer token");
	} else {
		switch (accounts_identify(&x->app->accounts, value + 7, &x->who)) {
		case BEARER_OK:
			rc = check_token_type(x, p);
			break;
		case BEARER_EXPIRED:
			rc = problem_bearer(p, "the access token has expired");
			break;
		default:
			rc = problem_bearer(p, "unknown access token");
			break;
		}
	}
	if (rc && x->rpc)
		p->status = x->app->rpc_denied_status;
	return rc;
}

static cJSON *read_form(const char *at)
{
	cJSON *out = cJSON_CreateObject();

	while (*at) {
		size_t len = strcspn(at, "&"), name = strcspn(at, "=&");
		char *key = http_decode(at, name);
		char *value = http_decode(at + name + (name < len), len - name - (name < len));

		cJSON_AddStringToObject(out, key, value);
		free(key);
		free(value);
		at += len + (at[len] == '&');
	}
	return out;
}

static int read_body(struct exchange *x, struct problem *p)
{
	const char *why;

	if (!strcmp(x->request.method, "GET"))
		return 0;
	if (x->operation->plane == PLANE_FORM) {
		x->body = read_form(x->request.body.at ? x->request.body.at : "");
		return 0;
	}
	x->body = json_read(x->request.body.at, x->request.body.len, &why);
	if (cJSON_IsObject(x->body))
		return 0;
	return problem_invalid(p, "REQUEST_BODY_INVALID_JSON", "Improperly formed request.",
			       "the body is %s", x->body ? "no JSON object" : why);
}

/* A scripted answer in place of the operation's own: scripts named ":Operation". */
static bool answer_canned(struct exchange *x)
{
	char name[LIMIT_NAME + 2];
	const struct script *s;
	bool done = false;

	snprintf(name, sizeof(name), ":%s", x->operation->name);
	s = library_take(&x->app->library, name);
	if (!s)
		return false;
	journal_note(&x->app->journal, x->entry, NULL, s->name);
	if (s->status && !conn_wait(x->conn, s->first_byte_ns))
		exchange_answer_text(x, s->status, s->content_type, s->http_headers, s->http_body);
	done = s->status != 0;
	library_done(&x->app->library, s);
	return done;
}

static void answer(struct exchange *x)
{
	struct journal *journal = &x->app->journal;
	struct problem problem, denied;
	size_t depth = json_depth(x->request.body.at, x->request.body.len);
	size_t size = x->request.body.len;
	int routed = route(x, &problem);
	int read = routed ? 0 : read_body(x, &problem);
	bool refused = !routed && (check_content_type(x, &denied) || check_bearer(x, &denied));

	x->entry = journal_open(journal, &x->request, routed ? "Unknown" : x->operation->name,
				x->body != NULL && x->operation->plane != PLANE_FORM);
	journal_note(journal, x->entry, x->who.name, NULL);
	x->body_size = size;
	x->body_depth = depth;
	if (routed)
		exchange_refuse(x, &problem);
	else if (refused)
		exchange_refuse(x, &denied);
	else if (answer_canned(x))
		;
	else if (read)
		exchange_refuse(x, &problem);
	else
		x->operation->handle(x);
	journal_close(journal, x->entry, x->status, x->sent, x->conn);
}

static bool is_control(const struct request *r)
{
	return !strncmp(r->path, "/_control/", 10) || !strcmp(r->path, "/_health");
}

/* Not HTTP, or beyond a limit: nothing further on this connection can be understood. */
static void refuse_request(struct exchange *x, int status)
{
	x->request.keep_alive = false;
	http_answer(x->conn, &x->request, status, NULL, NULL, NULL, 0);
}

void operation_serve(void *context, struct conn *c)
{
	bool go_on = true;

	while (go_on && !c->gone) {
		struct exchange x = { .app = context, .conn = c };
		int rc = http_read(c, &x.request);

		random_uuid(x.request_id);
		if (rc < 0)
			refuse_request(&x, -rc);
		else if (rc > 0 && is_control(&x.request))
			control_answer(&x);
		else if (rc > 0)
			answer(&x);
		go_on = rc > 0 && x.request.keep_alive && !x.close;
		identity_release(&x.who);
		cJSON_Delete(x.body);
		http_release(&x.request);
	}
}
