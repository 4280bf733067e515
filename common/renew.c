/*
 * Requests and replies:
 *   social        POST {social}/refreshToken  {"refreshToken"}
 *   idc           POST {oidc}/token  {"clientId","clientSecret","grantType","refreshToken"}
 *                 both answer {"accessToken","refreshToken"?,"expiresIn","profileArn"?}
 *   external_idp  POST token_endpoint, form: grant_type, refresh_token, client_id, scope
 *                 answers {"access_token","refresh_token"?,"expires_in"}
 * Refusals: {"error","error_description"} (OAuth) or {"message"}.
 */
#include "common/base.h"
#include "common/renew.h"

#include "common/form.h"
#include "common/idp.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/login_call.h"
#include "common/region.h"

#define DEFAULT_LIFETIME 3600
#define LONGEST_LIFETIME (400 * 86400LL)
#define LONGEST_TOKEN	 KB(16) /* three of them have to fit into a record */

struct call {
	const struct config *config;
	const struct account *account;
	const struct secret *refresh_token;
	struct buf url, body;
	char agent[192];
};

struct reply_names {
	const char *access, *refresh, *lifetime, *profile;
};

static const struct reply_names camel = { "accessToken", "refreshToken", "expiresIn",
					  "profileArn" };
static const struct reply_names snake = { "access_token", "refresh_token", "expires_in",
					  "profile_arn" };

/* ---- what to send ---- */

static int build_social(struct call *c, struct error *e)
{
	struct jsonw w;

	(void)e;
	login_url_social(c->config, "/refreshToken", &c->url);
	jsonw_init(&w, &c->body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "refreshToken", secret_reveal(c->refresh_token));
	jsonw_end(&w);
	return 0;
}

static int build_idc(struct call *c, struct error *e)
{
	const struct account *a = c->account;
	const char *region = a->auth_region ? a->auth_region : "us-east-1";
	struct jsonw w;

	if (!region_valid(region, strlen(region)))
		return error_set(e, ERR_STORE, "auth_region of the account is not a region's name");
	login_url_oidc(c->config, region, "/token", &c->url);
	jsonw_init(&w, &c->body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "clientId", a->client_id);
	jsonw_text_member(&w, "clientSecret", secret_reveal(&a->client_secret));
	jsonw_text_member(&w, "grantType", "refresh_token");
	jsonw_text_member(&w, "refreshToken", secret_reveal(c->refresh_token));
	jsonw_end(&w);
	return 0;
}

static int build_external_idp(struct call *c, struct error *e)
{
	const struct account *a = c->account;

	if (idp_check(c->config, a->token_endpoint, "token_endpoint", ERR_STORE, e))
		return -1;
	buf_add_text(&c->url, a->token_endpoint);
	form_add(&c->body, "grant_type", "refresh_token");
	form_add(&c->body, "refresh_token", secret_reveal(c->refresh_token));
	form_add(&c->body, "client_id", a->client_id);
	form_add(&c->body, "scope", a->scopes);
	return 0;
}

static const struct auth_method {
	int (*build)(struct call *c, struct error *e);
	const char *content_type;
	const struct reply_names *names;
} auth_methods[ACCOUNT_KINDS] = {
	[KIND_SOCIAL] = { build_social, "application/json", &camel },
	[KIND_IDC] = { build_idc, "application/json", &camel },
	[KIND_EXTERNAL_IDP] = { build_external_idp, "application/x-www-form-urlencoded", &snake },
	[KIND_API_KEY] = { NULL, NULL, NULL }, /* never expires */
};

/* ---- what came back ---- */

/* What the service says, without our secrets. */
static void quote_refusal(const struct call *c, const cJSON *tree, char *out, size_t size)
{
	login_quote(tree, out, size);
	account_scrub(c->account, out);
}

/* Answers in the form of a refusal that mean "later". */
static bool is_transient(const cJSON *tree)
{
	static const char *const codes[] = { "slow_down", "temporarily_unavailable", "server_error",
					     "internal_error", "authorization_pending" };
	const char *code = json_text_or(tree, "error", "");

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if (strcasecmp(code, codes[i]) == 0)
			return true;
	}
	return strcasestr(json_text_or(tree, "__type", ""), "throttl") != NULL;
}

/* 400, 401 and 403 are final when the service itself speaks (JSON, or a plain 401); a proxy or a
 * captive portal on the way speaks HTML and says nothing about the token. */
static enum error_kind kind_of(int status, const cJSON *tree)
{
	if (status == 429)
		return ERR_UP_RATE;
	if (status >= 500)
		return ERR_UP_OVERLOAD;
	if (status != 400 && status != 401 && status != 403)
		return ERR_UP_DENIED;
	if (is_transient(tree))
		return ERR_UP_OVERLOAD;
	return cJSON_IsObject(tree) || status == 401 ? ERR_LOGIN : ERR_UP_DENIED;
}

static int refused(const struct call *c, const struct login_call *x, struct error *e)
{
	char text[LOGIN_QUOTE_SIZE];

	quote_refusal(c, x->tree, text, sizeof(text));
	error_set(e, kind_of(x->reply.status, x->tree), "the login service answered %d%s%s%s",
		  x->reply.status, *text ? " (" : "", text, *text ? ")" : "");
	e->up_status = x->reply.status;
	e->retry_after = x->reply.retry_after;
	return -1;
}

/* It goes into a header, and three of them into a record. */
static bool is_token(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	return len > 0 && len <= LONGEST_TOKEN;
}

/* A number, or a number in a string. */
static int64_t read_lifetime(const cJSON *tree, const char *name)
{
	const char *text = json_text_or(tree, name, NULL);
	double seconds = text ? strtod(text, NULL) : json_number_or(tree, name, 0);

	return seconds >= 1 && seconds <= (double)LONGEST_LIFETIME ? (int64_t)seconds
								   : DEFAULT_LIFETIME;
}

static int accept_reply(const struct reply_names *names, const cJSON *tree, struct renewal *out,
			struct error *e)
{
	const char *access = json_text_or(tree, names->access, "");
	const char *refresh = json_text_or(tree, names->refresh, "");
	const char *profile = json_text_or(tree, names->profile, "");

	if (!is_token(access) || (*refresh && !is_token(refresh)))
		return error_set(e, ERR_UP_DAMAGED, "the login service's answer holds no %s",
				 is_token(access) ? "usable refresh token" : "access token");
	secret_set(&out->access_token, access);
	secret_set(&out->refresh_token, refresh);
	out->lifetime = read_lifetime(tree, names->lifetime);
	if (*profile)
		out->profile_arn = xstrdup(profile);
	return 0;
}

int renewal_read(enum account_kind kind, const cJSON *tree, struct renewal *out, struct error *e)
{
	return accept_reply(auth_methods[kind].names, tree, out, e);
}

void renewal_release(struct renewal *n)
{
	secret_release(&n->access_token);
	secret_release(&n->refresh_token);
	free(n->profile_arn);
	*n = (struct renewal){ .lifetime = 0 };
}

static int send(struct call *c, struct http_client *http, const struct auth_method *method,
		struct renewal *out, struct error *e)
{
	struct login_call x = { .config = c->config,
				.http = http,
				.method = "POST",
				.url = c->url.at,
				.content_type = method->content_type,
				.agent = c->agent,
				.proxy = c->account->proxy_url,
				.body = buf_span(&c->body),
				.watch_fd = -1 };
	int rc = login_call(&x, e);

	if (!rc && x.reply.status / 100 == 2)
		rc = accept_reply(method->names, x.tree, out, e);
	else if (!rc)
		rc = refused(c, &x, e);
	login_call_release(&x);
	return rc;
}

int renew(const struct config *config, struct http_client *http, const struct account *a,
	  const struct secret *refresh_token, struct renewal *out, struct error *e)
{
	const struct auth_method *method = &auth_methods[a->kind];
	struct call c = { .config = config, .account = a, .refresh_token = refresh_token };
	int rc;

	assert(method->build);
	buf_init(&c.url, LIMIT_URL);
	buf_init(&c.body, LIMIT_RECORD * 3); /* percent-encoding triples at worst */
	snprintf(c.agent, sizeof(c.agent), "KiroIDE-%s-%s", config->kiro_version,
		 a->machine_id ? a->machine_id : "");
	rc = method->build(&c, e);
	if (!rc && (c.url.failed || c.body.failed))
		rc = error_set(e, ERR_STORE, "the account's credentials are too long");
	if (!rc)
		rc = send(&c, http, method, out, e);
	buf_wipe(&c.body);
	buf_release(&c.url);
	return rc;
}

int renew_url(const struct config *config, const struct account *a, char *out, size_t size)
{
	const struct auth_method *method = &auth_methods[a->kind];
	struct call c = { .config = config, .account = a, .refresh_token = &a->refresh_token };
	struct error ignored = { .kind = ERR_NONE };
	int rc;

	if (!method->build)
		return -1;
	buf_init(&c.url, LIMIT_URL);
	buf_init(&c.body, LIMIT_RECORD * 3);
	rc = method->build(&c, &ignored);
	snprintf(out, size, "%s", c.url.at);
	buf_wipe(&c.body);
	buf_release(&c.url);
	return rc;
}
