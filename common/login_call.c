#include "common/base.h"
#include "common/login_call.h"

#include "common/json.h"
#include "common/limits.h"

#define TOTAL_MS    30000
#define SOCIAL_HOST "https://prod.us-east-1.auth.desktop.kiro.dev"
#define SIGNIN_HOST "https://app.kiro.dev"

/* ---- where ---- */

static bool is_set(const char *url)
{
	return url && *url;
}

void login_url_social(const struct config *config, const char *path, struct buf *url)
{
	buf_add_format(url, "%s%s", is_set(config->social_url) ? config->social_url : SOCIAL_HOST,
		       path);
}

void login_url_signin(const struct config *config, const char *path, struct buf *url)
{
	buf_add_format(url, "%s%s", is_set(config->signin_url) ? config->signin_url : SIGNIN_HOST,
		       path);
}

static void add_regional(const char *configured, const char *service, const char *region,
			 const char *path, struct buf *url)
{
	if (is_set(configured))
		buf_add_format(url, "%s%s", configured, path);
	else
		buf_add_format(url, "https://%s.%s.amazonaws.com%s", service, region, path);
}

void login_url_oidc(const struct config *config, const char *region, const char *path,
		    struct buf *url)
{
	add_regional(config->oidc_url, "oidc", region, path, url);
}

void login_url_portal(const struct config *config, const char *region, const char *path,
		      struct buf *url)
{
	add_regional(config->portal_url, "portal.sso", region, path, url);
}

/* ---- the exchange ---- */

static int stop(void *context, struct error *e)
{
	(void)context;
	return error_set(e, ERR_GONE, "interrupted");
}

static int fetch(struct login_call *c, const char *authorization, struct buf *body, struct error *e)
{
	const struct http_header headers[] = {
		{ "Authorization", authorization },
		{ "Content-Type", c->body.len ? c->content_type : NULL },
		{ "Accept", "application/json, text/plain, */*" },
		{ "User-Agent", c->agent },
		{ "Referer", c->referer },
	};
	int connect_ms = c->config->connect_timeout * 1000;
	const struct http_request request = { .method = c->method,
					      .url = c->url,
					      .headers = headers,
					      .header_count = ARRAY_SIZE(headers),
					      .body = c->body,
					      .first_byte_ms = TOTAL_MS,
					      .idle_ms = TOTAL_MS,
					      .total_ms = TOTAL_MS,
					      .connect_ms =
						      connect_ms > TOTAL_MS ? TOTAL_MS : connect_ms,
					      .proxy = c->proxy,
					      .once = true,
					      .watch_fd = c->watch_fd,
					      .on_watch = stop };

	return http_fetch(c->http, &request, &c->reply, body, e);
}

int login_call(struct login_call *c, struct error *e)
{
	struct error unread = { .kind = ERR_NONE };
	struct buf body, authorization;
	int rc;

	buf_init(&body, LIMIT_UP_REPLY);
	buf_init(&authorization, LIMIT_SECRET_FILE + 16);
	if (c->bearer)
		buf_add_format(&authorization, "Bearer %s", secret_reveal(c->bearer));
	rc = fetch(c, c->bearer ? authorization.at : NULL, &body, e);
	if (!rc)
		c->tree = json_parse(buf_span(&body), &unread);
	buf_wipe(&authorization);
	buf_wipe(&body);
	return rc;
}

/* cJSON keeps copies of the tokens: wiped before they go back to the heap. */
void login_call_release(struct login_call *c)
{
	for (cJSON *item = c->tree ? c->tree->child : NULL; item; item = item->next) {
		if (cJSON_IsString(item))
			explicit_bzero(item->valuestring, strlen(item->valuestring));
	}
	cJSON_Delete(c->tree);
	c->tree = NULL;
}

const char *login_quote(const cJSON *tree, char *out, size_t size)
{
	const char *code = json_text_or(tree, "error", json_text_or(tree, "__type", ""));
	const char *text =
		json_text_or(tree, "error_description",
			     json_text_or(tree, "message", json_text_or(tree, "Message", "")));

	snprintf(out, size, "%.80s%s%.240s", code, *code && *text ? ": " : "", text);
	for (char *at = out; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7F)
			*at = ' ';
	}
	return out;
}
