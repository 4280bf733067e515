/*
 * Who may come in to the panel and its API.
 *
 *   Host             a page of another name that was made to lead here (DNS rebinding) is refused:
 *                    over plain HTTP the host is an address or localhost, else one of admin.hosts.
 *   Origin           where a browser sends it, it is this very host.
 *   Sec-Fetch-Site   likewise, where it is sent.
 *   cookie           HttpOnly, SameSite=Strict, for the panel's path alone.
 *   X-CSRF-Token     for every change: a digest of the cookie, which only our own page is told.
 */
#include "common/base.h"
#include "fcgi/admin.h"

#include "common/list.h"
#include "common/log.h"
#include "common/password.h"
#include "common/secret.h"
#include "fcgi/peer.h"
#include "fcgi/sessions.h"

#define MOST_TRIED 8 /* cookies of our name in one request */

#define SECURITY_HEADERS                                                                           \
	"content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; "       \
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; "          \
	"frame-ancestors 'none'\r\n"                                                               \
	"x-content-type-options: nosniff\r\nx-frame-options: DENY\r\n"                             \
	"referrer-policy: no-referrer\r\ncross-origin-opener-policy: same-origin\r\n"              \
	"cross-origin-resource-policy: same-origin\r\n"

/* ---- where it comes from ---- */

static int check_host(struct request *r, const char *host)
{
	const char *list = r->site->config->admin_hosts, *name;

	if (!host || !*host || !response_may_echo(host))
		return error_set(&r->error, ERR_FORBIDDEN, "the request names no host");
	name = peer_host_name(r, host);
	if (*list ? list_names(list, name) : peer_over_https(r) || peer_is_own_name(name))
		return 0;
	return error_set(&r->error, ERR_FORBIDDEN,
			 "the panel does not answer under the name %.100s: its owner may add it to "
			 "admin.hosts%s",
			 name, *list ? "" : ", or serve it over HTTPS");
}

int admin_check_origin(struct request *r)
{
	const char *host = request_header(r, "HTTP_HOST");
	const char *origin = request_header(r, "HTTP_ORIGIN");
	const char *site = request_header(r, "HTTP_SEC_FETCH_SITE");
	const char *mode = request_header(r, "HTTP_SEC_FETCH_MODE");

	r->response.extra = SECURITY_HEADERS;
	r->response.cors_origin = NULL;
	if (check_host(r, host))
		return -1;
	if (origin && *origin && !peer_is_same_origin(r, origin, host))
		return error_set(&r->error, ERR_FORBIDDEN,
				 "this request comes from a page of another origin");
	/* A link on another page may lead to the panel; nothing else may. */
	if (site && *site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0 &&
	    !(mode && strcmp(mode, "navigate") == 0 && strcmp(r->method, "GET") == 0))
		return error_set(&r->error, ERR_FORBIDDEN,
				 "this request comes from a page of another site");
	return 0;
}

/* ---- the session ---- */

const char *admin_mount(struct request *r)
{
	const char *uri = conn_param(r->conn, "REQUEST_URI");
	const char *path = uri && *uri == '/' ? uri : r->path;
	size_t end = strcspn(path, "?#");

	for (const char *at = path; (at = strstr(at, "/admin")) && at < path + end; at++) {
		if (at[6] && !strchr("/?#", at[6]))
			continue;
		return arena_strndup(&r->arena, path, (size_t)(at + 6 - path));
	}
	return "/";
}

void admin_token(const char *cookie, char out[static ADMIN_TOKEN_SIZE])
{
	char text[ADMIN_COOKIE_SIZE + 8];

	snprintf(text, sizeof(text), "csrf:%s", cookie);
	secret_hash(text, out);
	explicit_bzero(text, sizeof(text));
}

static int look(struct request *r, const char *hash, const char *value, size_t len,
		char cookie[static ADMIN_COOKIE_SIZE], int64_t *expires_at)
{
	if (len == 0 || len >= SESSION_TEXT_SIZE)
		return 0;
	snprintf(cookie, ADMIN_COOKIE_SIZE, "%.*s", (int)len, value);
	return sessions_find(r->site->sessions, cookie, hash, expires_at, &r->error);
}

/* A cookie of the same name for a path above ours may stand beside it: each is tried. */
int admin_session(struct request *r, char cookie[static ADMIN_COOKIE_SIZE], int64_t *expires_at)
{
	const char *at = request_header(r, "HTTP_COOKIE");
	const size_t name_len = strlen(ADMIN_COOKIE "=");
	char hash[PASSWORD_HASH_SIZE];
	int rc = admin_stores(r) ? -1 : password_load(&r->site->keys, hash, &r->error);

	if (rc < 0)
		return -1;
	if (!rc)
		return error_set(&r->error, ERR_NOT_CONFIGURED,
				 "No password is set: the owner of this installation runs "
				 "\"kiroctl admin passwd\"");
	for (int tried = 0; at && *at && tried < MOST_TRIED;) {
		size_t len = strcspn(at, ";");

		if (len > name_len && strncmp(at, ADMIN_COOKIE "=", name_len) == 0) {
			rc = look(r, hash, at + name_len, len - name_len, cookie, expires_at);
			if (rc)
				return rc;
			tried++;
		}
		at += len;
		at += strspn(at, "; ");
	}
	return 0;
}

static bool is_json(struct request *r)
{
	const char *type = conn_param(r->conn, "CONTENT_TYPE");

	return type && strncasecmp(type, "application/json", 16) == 0 &&
	       (!type[16] || strchr("; ", type[16]));
}

static bool has_body(struct request *r)
{
	const char *length = conn_param(r->conn, "CONTENT_LENGTH");

	return length && *length && strcmp(length, "0") != 0;
}

int admin_check_session(struct request *r)
{
	const char *given = request_header(r, "HTTP_X_CSRF_TOKEN");
	char cookie[ADMIN_COOKIE_SIZE], token[ADMIN_TOKEN_SIZE];
	int64_t expires_at;
	int rc = admin_session(r, cookie, &expires_at);

	if (rc < 0)
		return -1;
	if (!rc)
		return error_set(&r->error, ERR_AUTH, "not signed in");
	admin_token(cookie, token);
	explicit_bzero(cookie, sizeof(cookie));
	if (strcmp(r->method, "GET") == 0)
		return 0;
	if (!given || !secret_equal(given, token))
		return error_set(&r->error, ERR_FORBIDDEN,
				 "a change needs the session's token in X-CSRF-Token");
	if (has_body(r) && !is_json(r))
		return error_set(&r->error, ERR_REQUEST, "content-type: must be application/json");
	return 0;
}
