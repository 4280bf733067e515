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

#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"

#include <ctype.h>

#define SOCIAL_HOST	 "https://prod.us-east-1.auth.desktop.kiro.dev"
#define TOTAL_MS	 30000
#define DEFAULT_LIFETIME 3600
#define LONGEST_LIFETIME (400 * 86400LL)
#define LONGEST_TOKEN	 KB(16) /* three of them have to fit into a record */
#define LONGEST_REGION	 32

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
	const char *base = *c->config->social_url ? c->config->social_url : SOCIAL_HOST;
	struct jsonw w;

	(void)e;
	buf_add_format(&c->url, "%s/refreshToken", base);
	jsonw_init(&w, &c->body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "refreshToken", secret_reveal(c->refresh_token));
	jsonw_end(&w);
	return 0;
}

/* The region becomes part of a host name, and imported files are not to choose the host. */
static bool is_region(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) &&
		    text[i] != '-')
			return false;
	}
	return len > 0 && len <= LONGEST_REGION;
}

static int build_idc(struct call *c, struct error *e)
{
	const struct account *a = c->account;
	const char *region = a->auth_region ? a->auth_region : "us-east-1";
	struct jsonw w;

	if (!is_region(region))
		return error_set(e, ERR_STORE, "auth_region of the account is not a region's name");
	if (*c->config->oidc_url)
		buf_add_format(&c->url, "%s/token", c->config->oidc_url);
	else
		buf_add_format(&c->url, "https://oidc.%s.amazonaws.com/token", region);
	jsonw_init(&w, &c->body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "clientId", a->client_id);
	jsonw_text_member(&w, "clientSecret", secret_reveal(&a->client_secret));
	jsonw_text_member(&w, "grantType", "refresh_token");
	jsonw_text_member(&w, "refreshToken", secret_reveal(c->refresh_token));
	jsonw_end(&w);
	return 0;
}

static void add_field(struct buf *form, const char *name, const char *value)
{
	buf_add_format(form, "%s%s=", form->len ? "&" : "", name);
	for (const char *at = value; *at; at++) {
		if (isalnum((unsigned char)*at) || strchr("-._~", *at))
			buf_add_char(form, *at);
		else
			buf_add_format(form, "%%%02X", (unsigned char)*at);
	}
}

/* The endpoint comes with the account, from a file that somebody made: without this list it would
 * be a way to have our tokens sent anywhere, or our host ask its own network. */
static bool is_known_idp(const char *url)
{
	static const char *const hosts[] = { "login.microsoftonline.com",
					     "login.microsoftonline.us", "login.microsoftonline.cn",
					     "login.partner.microsoftonline.cn" };
	static const char *const loopback[] = { "127.0.0.1", "localhost", "[::1]" };
	const char *host = strstr(url, "://");
	size_t len;

	if (!host)
		return false;
	host += 3;
	len = strcspn(host, "/");
	for (size_t i = 0; i < ARRAY_SIZE(hosts) && strncmp(url, "https:", 6) == 0; i++) {
		if (len == strlen(hosts[i]) && strncasecmp(host, hosts[i], len) == 0)
			return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(loopback); i++) {
		size_t name = strlen(loopback[i]);

		if (len >= name && strncasecmp(host, loopback[i], name) == 0 &&
		    (len == name || host[name] == ':'))
			return true;
	}
	return false;
}

static int build_external_idp(struct call *c, struct error *e)
{
	const struct account *a = c->account;

	if (http_check_base_url(a->token_endpoint, &(struct error){ .kind = ERR_NONE }) ||
	    !is_known_idp(a->token_endpoint))
		return error_set(e, ERR_STORE,
				 "token_endpoint is not the https address of a known identity "
				 "provider (login.microsoftonline.com, .us, .cn)");
	buf_add_text(&c->url, a->token_endpoint);
	add_field(&c->body, "grant_type", "refresh_token");
	add_field(&c->body, "refresh_token", secret_reveal(c->refresh_token));
	add_field(&c->body, "client_id", a->client_id);
	if (a->scopes)
		add_field(&c->body, "scope", a->scopes);
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

/* What the service says, fit for a log: short, printable, without our secrets. */
static void quote_refusal(const struct call *c, const cJSON *tree, char *out, size_t size)
{
	const char *code = json_text_or(tree, "error", json_text_or(tree, "__type", ""));
	const char *text =
		json_text_or(tree, "error_description",
			     json_text_or(tree, "message", json_text_or(tree, "Message", "")));

	snprintf(out, size, "%.80s%s%.240s", code, *code && *text ? ": " : "", text);
	account_scrub(c->account, out);
	for (char *at = out; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7F)
			*at = ' ';
	}
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

static int refused(const struct call *c, const struct http_reply *reply, const cJSON *tree,
		   struct error *e)
{
	char text[400];

	quote_refusal(c, tree, text, sizeof(text));
	error_set(e, kind_of(reply->status, tree), "the login service answered %d%s%s%s",
		  reply->status, *text ? " (" : "", text, *text ? ")" : "");
	e->up_status = reply->status;
	e->retry_after = reply->retry_after;
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

void renewal_release(struct renewal *n)
{
	secret_release(&n->access_token);
	secret_release(&n->refresh_token);
	free(n->profile_arn);
	*n = (struct renewal){ .lifetime = 0 };
}

/* cJSON keeps copies of the tokens: wiped before they go back to the heap. */
static void wipe_tree(cJSON *tree)
{
	for (cJSON *item = tree ? tree->child : NULL; item; item = item->next) {
		if (cJSON_IsString(item))
			explicit_bzero(item->valuestring, strlen(item->valuestring));
	}
	cJSON_Delete(tree);
}

static int send(struct call *c, struct http_client *http, const struct auth_method *method,
		struct renewal *out, struct error *e)
{
	const struct http_header headers[] = {
		{ "Content-Type", method->content_type },
		{ "Accept", "application/json, text/plain, */*" },
		{ "User-Agent", c->agent },
	};
	int connect_ms = c->config->connect_timeout * 1000;
	struct http_request request = { .method = "POST",
					.url = c->url.at,
					.headers = headers,
					.header_count = ARRAY_SIZE(headers),
					.body = buf_span(&c->body),
					.first_byte_ms = TOTAL_MS,
					.idle_ms = TOTAL_MS,
					.total_ms = TOTAL_MS,
					.connect_ms = connect_ms > TOTAL_MS ? TOTAL_MS : connect_ms,
					.proxy = c->account->proxy_url,
					.once = true, /* a second use would kill the token */
					.watch_fd = -1 };
	struct error unread = { .kind = ERR_NONE };
	struct http_reply reply;
	struct buf body;
	cJSON *tree;
	int rc;

	buf_init(&body, LIMIT_UP_REPLY);
	rc = http_fetch(http, &request, &reply, &body, e);
	if (!rc) {
		tree = json_parse(buf_span(&body), &unread);
		if (reply.status / 100 == 2)
			rc = accept_reply(method->names, tree, out, e);
		else
			rc = refused(c, &reply, tree, e);
		wipe_tree(tree);
	}
	buf_wipe(&body);
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
