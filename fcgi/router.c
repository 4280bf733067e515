#include "common/base.h"
#include "fcgi/router.h"

#include "common/limits.h"
#include "common/list.h"
#include "fcgi/admin.h"
#include "fcgi/api.h"
#include "fcgi/auth.h"
#include "fcgi/body_capture.h"
#include "fcgi/dialect.h"
#include "fcgi/limit_headers.h"
#include "fcgi/own_credentials.h"

#include <malloc.h>

#define PROBE_BODY KB(64) /* of HEAD and OPTIONS */

struct route {
	const char *method;
	const char *path; /* a "*" stands for one segment, as the last one for anything */
	enum guard guard;
	size_t body_limit;
	const struct dialect *dialect;
	int (*handle)(struct request *r);
};

/* clang-format off */
static const struct route routes[] = {
	{ "POST", "/v1/messages",              CHAT,   LIMIT_BODY, &dialect_anthropic, api_chat },
	{ "POST", "/v1/messages/count_tokens", CLIENT, LIMIT_BODY, &dialect_anthropic, api_count_tokens },
	{ "POST", "/v1/chat/completions",      CHAT,   LIMIT_BODY, &dialect_openai,    api_chat },
	{ "POST", "/v1/responses",             CHAT,   LIMIT_BODY, &dialect_responses, api_chat },
	{ "GET",  "/v1/models",                CLIENT, KB(64),     &dialect_anthropic, api_models },
	{ "GET",  "/v1/models/*",              CLIENT, KB(64),     &dialect_anthropic, api_model },
	{ "GET",  "/v1/usage",                 HOLDER, KB(64),     &dialect_anthropic, api_usage },

	/* The same doors as common wrong base URLs and older gateways name them. */
	{ "POST", "/cc/v1/messages",              CHAT,   LIMIT_BODY, &dialect_anthropic, api_chat },
	{ "POST", "/cc/v1/messages/count_tokens", CLIENT, LIMIT_BODY, &dialect_anthropic, api_count_tokens },
	{ "POST", "/v1/v1/messages",              CHAT,   LIMIT_BODY, &dialect_anthropic, api_chat },
	{ "POST", "/v1/v1/messages/count_tokens", CLIENT, LIMIT_BODY, &dialect_anthropic, api_count_tokens },
	{ "POST", "/anthropic/v1/messages",       CHAT,   LIMIT_BODY, &dialect_anthropic, api_chat },
	{ "POST", "/anthropic/v1/messages/count_tokens", CLIENT, LIMIT_BODY, &dialect_anthropic, api_count_tokens },
	{ "GET",  "/anthropic/v1/models",         CLIENT, KB(64),     &dialect_anthropic, api_models },
	{ "POST", "/messages",                    CHAT,   LIMIT_BODY, &dialect_anthropic, api_chat },
	{ "POST", "/messages/count_tokens",       CLIENT, LIMIT_BODY, &dialect_anthropic, api_count_tokens },
	{ "POST", "/chat/completions",            CHAT,   LIMIT_BODY, &dialect_openai,    api_chat },
	{ "POST", "/v1/v1/chat/completions",      CHAT,   LIMIT_BODY, &dialect_openai,    api_chat },
	{ "POST", "/responses",                   CHAT,   LIMIT_BODY, &dialect_responses, api_chat },
	{ "POST", "/v1/v1/responses",             CHAT,   LIMIT_BODY, &dialect_responses, api_chat },
	{ "GET",  "/models",                      CLIENT, KB(64),     &dialect_openai,    api_models },
	{ "GET",  "/models/*",                    CLIENT, KB(64),     &dialect_openai,    api_model },

	{ "GET",  "/",             OPEN, KB(64), &dialect_anthropic, api_root },
	{ "GET",  "/health",       OPEN, KB(64), &dialect_anthropic, api_ready },
	{ "GET",  "/health/live",  OPEN, KB(64), &dialect_anthropic, api_live },
	{ "GET",  "/health/ready", OPEN, KB(64), &dialect_anthropic, api_ready },
	{ "GET",  "/metrics",      OPEN, KB(64), &dialect_anthropic, api_metrics }, /* sees to its own token */
	{ "POST", "/health/stream", CLIENT, LIMIT_BODY, &dialect_anthropic, api_stream },
	/* Claude Code asks these at its start. */
	{ "GET",  "/api/hello",               OPEN, KB(64), &dialect_anthropic, api_ignore },
	{ "POST", "/api/event_logging/batch", OPEN, MB(4),  &dialect_anthropic, api_ignore },

	/* The admin API, and the panel that is made of it. */
	{ "GET",    "/admin/api/v1/session", PANEL, KB(64), &dialect_admin, api_admin_session },
	{ "POST",   "/admin/api/v1/session", PANEL, KB(64), &dialect_admin, api_admin_sign_in },
	{ "DELETE", "/admin/api/v1/session", ADMIN, KB(64), &dialect_admin, api_admin_sign_out },
	{ "GET",    "/admin/api/v1/health",  VIEWER, KB(64), &dialect_admin, api_admin_health },
	{ "GET",    "/admin/api/v1/config",  ADMIN, KB(64), &dialect_admin, api_admin_config },
	{ "POST",   "/admin/api/v1/reload",  ADMIN, KB(64), &dialect_admin, api_admin_reload },
	{ "GET",    "/admin/api/v1/usage",   VIEWER, KB(64), &dialect_admin, api_admin_usage },
	{ "GET",    "/admin/api/v1/usage.csv", VIEWER, KB(64), &dialect_admin, api_admin_usage_csv },
	{ "GET",    "/admin/api/v1/stats",   VIEWER, KB(64), &dialect_admin, api_admin_stats },
	{ "GET",    "/admin/api/v1/events",  OPERATOR, KB(64), &dialect_admin, api_admin_events },
	{ "GET",    "/admin/api/v1/accounts",           VIEWER, KB(64), &dialect_admin, api_admin_accounts },
	{ "POST",   "/admin/api/v1/accounts",           OPERATOR, KB(64), &dialect_admin, api_admin_account_add },
	{ "POST",   "/admin/api/v1/accounts/import",    OPERATOR, LIMIT_ADMIN_BODY, &dialect_admin, api_admin_import },
	{ "POST",   "/admin/api/v1/accounts/*/enable",  OPERATOR, KB(64), &dialect_admin, api_admin_account_action },
	{ "POST",   "/admin/api/v1/accounts/*/disable", OPERATOR, KB(64), &dialect_admin, api_admin_account_action },
	{ "POST",   "/admin/api/v1/accounts/*/refresh", OPERATOR, KB(64), &dialect_admin, api_admin_account_action },
	{ "POST",   "/admin/api/v1/accounts/*/reset",   OPERATOR, KB(64), &dialect_admin, api_admin_account_action },
	{ "POST",   "/admin/api/v1/accounts/*/test",    OPERATOR, KB(64), &dialect_admin, api_admin_account_action },
	{ "GET",    "/admin/api/v1/accounts/*",         VIEWER, KB(64), &dialect_admin, api_admin_account },
	{ "PATCH",  "/admin/api/v1/accounts/*",         OPERATOR, KB(64), &dialect_admin, api_admin_account_change },
	{ "DELETE", "/admin/api/v1/accounts/*",         OPERATOR, KB(64), &dialect_admin, api_admin_account_remove },
	{ "POST",   "/admin/api/v1/logins",             OPERATOR, KB(64), &dialect_admin, api_admin_login_start },
	{ "POST",   "/admin/api/v1/logins/*/poll",      OPERATOR, KB(64), &dialect_admin, api_admin_login_poll },
	{ "POST",   "/admin/api/v1/logins/*/callback",  OPERATOR, KB(64), &dialect_admin, api_admin_login_callback },
	{ "DELETE", "/admin/api/v1/logins/*",           OPERATOR, KB(64), &dialect_admin, api_admin_login_cancel },
	{ "GET",    "/admin/api/v1/keys",               ADMIN, KB(64), &dialect_admin, api_admin_keys },
	{ "POST",   "/admin/api/v1/keys",               ADMIN, KB(64), &dialect_admin, api_admin_key_add },
	{ "POST",   "/admin/api/v1/keys/*/rotate",      ADMIN, KB(64), &dialect_admin, api_admin_key_rotate },
	{ "POST",   "/admin/api/v1/keys/*/revoke",      ADMIN, KB(64), &dialect_admin, api_admin_key_revoke },
	{ "PATCH",  "/admin/api/v1/keys/*",             ADMIN, KB(64), &dialect_admin, api_admin_key_change },
	{ "DELETE", "/admin/api/v1/keys/*",             ADMIN, KB(64), &dialect_admin, api_admin_key_remove },
	{ "GET",    "/admin/api/v1/codes",              ADMIN, KB(64), &dialect_admin, api_admin_codes },
	{ "POST",   "/admin/api/v1/codes",              ADMIN, KB(64), &dialect_admin, api_admin_code_add },
	{ "POST",   "/admin/api/v1/codes/*/reset",      ADMIN, KB(64), &dialect_admin, api_admin_code_reset },
	{ "GET",    "/admin/api/v1/codes/*",            ADMIN, KB(64), &dialect_admin, api_admin_code },
	{ "PATCH",  "/admin/api/v1/codes/*",            ADMIN, KB(64), &dialect_admin, api_admin_code_change },
	{ "DELETE", "/admin/api/v1/codes/*",            ADMIN, KB(64), &dialect_admin, api_admin_code_remove },
	{ "GET",    "/admin/api/v1/models",             VIEWER, KB(64), &dialect_admin, api_admin_models },
	{ "GET",    "/admin/api/v1/models/test",        VIEWER, KB(64), &dialect_admin, api_admin_model_test },
	{ "PUT",    "/admin/api/v1/aliases/*",          ADMIN, KB(64), &dialect_admin, api_admin_alias_set },
	{ "GET",    "/admin/api/v1/openapi.json",       VIEWER, KB(64), &dialect_admin, api_panel_openapi },
	{ "DELETE", "/admin/api/v1/aliases/*",          ADMIN, KB(64), &dialect_admin, api_admin_alias_remove },

	{ "GET",    "/admin",   PANEL, KB(64), &dialect_admin, api_panel },
	{ "GET",    "/admin/",  PANEL, KB(64), &dialect_admin, api_panel },
	{ "GET",    "/admin/*", PANEL, KB(64), &dialect_admin, api_panel },

	/* The paths of older gateways, where they are safe: behind the same guard. */
	{ "GET",    "/api/health",            VIEWER, KB(64), &dialect_admin, api_admin_health },
	{ "GET",    "/api/config",            ADMIN, KB(64), &dialect_admin, api_admin_config },
	{ "POST",   "/api/config/hot-reload", ADMIN, KB(64), &dialect_admin, api_admin_reload },
	{ "GET",    "/api/models",            VIEWER, KB(64), &dialect_admin, api_admin_models },
	{ "GET",    "/api/logs/*",            OPERATOR, KB(64), &dialect_admin, api_admin_log },
	{ "GET",    "/api/accounts",          VIEWER, KB(64), &dialect_admin, api_admin_accounts },
	{ "POST",   "/api/accounts",          OPERATOR, KB(64), &dialect_admin, api_admin_account_add },
	{ "POST",   "/api/accounts/*/test",   OPERATOR, KB(64), &dialect_admin, api_admin_account_action },
	{ "POST",   "/api/accounts/*/reset",  OPERATOR, KB(64), &dialect_admin, api_admin_account_action },
	{ "DELETE", "/api/accounts/*",        OPERATOR, KB(64), &dialect_admin, api_admin_account_remove },
	{ "GET",    "/api/admin/user-credentials",     ADMIN, KB(64), &dialect_admin, api_admin_users },
	{ "POST",   "/api/admin/user-credentials",     ADMIN, KB(64), &dialect_admin, api_admin_user_add },
	{ "GET",    "/api/admin/user-credentials/stats", ADMIN, KB(64), &dialect_admin, api_admin_user_stats },
	{ "GET",    "/api/admin/user-credentials/*",   ADMIN, KB(64), &dialect_admin, api_admin_user },
	{ "DELETE", "/api/admin/user-credentials/*",   ADMIN, KB(64), &dialect_admin, api_admin_user_remove },
	{ "POST",   "/api/admin/reload-credentials",   ADMIN, KB(64), &dialect_admin, api_admin_reload },
};

/* Where our own part of a path may begin when the application is mounted below a prefix. */
static const char *const heads[] = { "/v1/", "/cc/v1/", "/anthropic/v1/", "/health", "/metrics", "/api/", "/messages", "/chat/completions", "/responses", "/models", "/admin" };
/* clang-format on */

/* Where the row's "*" begins in the path ("" without one), NULL: no match. */
static const char *row_matches(const struct route *row, const char *path)
{
	const char *star = strchr(row->path, '*'), *rest;
	size_t len = star ? (size_t)(star - row->path) : 0;

	if (!star)
		return strcmp(row->path, path) == 0 ? "" : NULL;
	rest = path + len;
	if (strncmp(row->path, path, len) != 0 || !*rest)
		return NULL;
	if (!star[1])
		return rest;
	len = strcspn(rest, "/");
	return len && strcmp(rest + len, star + 1) == 0 ? rest : NULL;
}

/* The row of that path and method; else the first of that path. */
static const struct route *find_row(const char *path, const char *method, const char **rest)
{
	const struct route *other = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		const char *at = row_matches(&routes[i], path);

		if (!at || (other && strcmp(routes[i].method, method) != 0))
			continue;
		*rest = at;
		other = &routes[i];
		if (strcmp(other->method, method) == 0)
			break;
	}
	return other;
}

static bool is_head(const char *at)
{
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		if (strncmp(at, heads[i], strlen(heads[i])) == 0)
			return true;
	}
	return false;
}

/* From one of our heads on, at a segment's start: the first with a row. A mount may look like a
 * head ("/api/v1/messages"), but behind "/v1/" everything is our own. */
static const struct route *find_below(const char *path, const char *method, const char **rest)
{
	const struct route *row = NULL;

	for (const char *at = strchr(path, '/'); at && !row; at = strchr(at + 1, '/')) {
		if (is_head(at))
			row = find_row(at, method, rest);
		if (strncmp(at, "/v1/", 4) == 0)
			break;
	}
	return row;
}

/* The whole path; else what the web server says is below the program; else the part from a head on:
 * "/kiro/v1/messages" behind a ProxyPass, where it cannot tell. */
static const struct route *find_route(const char *path, const char *info, const char *method,
				      const char **rest)
{
	const struct route *row = find_row(*path ? path : "/", method, rest);

	if (!row && *info)
		row = find_row(info, method, rest);
	return row ? row : find_below(path, method, rest);
}

const char *router_match(const char *path, const char *info)
{
	const char *rest;
	const struct route *row = find_route(path, info, "", &rest);

	return row ? row->path : NULL;
}

bool router_row(size_t index, struct router_row *out)
{
	const struct route *row = index < ARRAY_SIZE(routes) ? &routes[index] : NULL;

	if (row)
		*out = (struct router_row){ row->method, row->path, row->guard };
	return row != NULL;
}

/* GET rows answer HEAD too; HEAD on the others is a probe that the door exists. */
static void allowed_methods(const struct route *row, char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		size_t len = strlen(out);

		if (strcmp(routes[i].path, row->path) == 0)
			snprintf(out + len, size - len, "%s, ", routes[i].method);
	}
	snprintf(out + strlen(out), size - strlen(out), "HEAD, OPTIONS");
}

static void set_cors(struct request *r)
{
	const char *origin = request_header(r, "HTTP_ORIGIN");
	const char *allowed = r->site->config->cors_origins;

	if (origin && *origin && response_may_echo(origin) &&
	    (list_names(allowed, "*") || list_names(allowed, origin)))
		r->response.cors_origin = origin;
}

/* Whose envelope an unknown path gets: the API that its words belong to. */
static const struct dialect *guess_dialect(const struct request *r)
{
	if (strstr(r->path, "/admin"))
		return &dialect_admin;
	if (strstr(r->path, "/chat/") || strstr(r->path, "/completions") ||
	    strstr(r->path, "/responses") || strstr(r->path, "/embeddings"))
		return &dialect_openai;
	return &dialect_anthropic;
}

/* /v1/models belongs to both APIs: Anthropic's clients name their version. */
static const struct dialect *route_dialect(struct request *r)
{
	if ((r->route->handle == api_models || r->route->handle == api_model) &&
	    !request_header(r, "HTTP_ANTHROPIC_VERSION") && !request_header(r, "HTTP_X_API_KEY"))
		return &dialect_openai;
	return r->route->dialect;
}

/* r->route NULL: there is no such door, which r->error says. */
static void route(struct request *r)
{
	r->route = find_route(r->path, r->path_info, r->method, &r->rest);
	r->dialect = r->route ? route_dialect(r) : guess_dialect(r);
	r->ledger.route = r->route ? r->route->path : NULL;
	if (!r->route)
		error_set(&r->error, ERR_NOT_FOUND, "no such path: %.200s", request_shown_path(r));
}

static int check_method(struct request *r)
{
	if (strcmp(r->method, r->route->method) == 0)
		return 0;
	return error_set(&r->error, ERR_METHOD, "%.20s is not allowed here, use %s", r->method,
			 r->route->method);
}

static bool is_probe(const struct request *r)
{
	return strcmp(r->method, "HEAD") == 0 || strcmp(r->method, "OPTIONS") == 0;
}

/* HEAD and OPTIONS: probes, never authenticated, without effect. 1: answered. What they bring means
 * nothing, but the web server's next request comes behind it on the same connection. */
static int probe(struct request *r)
{
	const bool options = strcmp(r->method, "OPTIONS") == 0;
	char allowed[64];

	if (!is_probe(r))
		return 0;
	if (request_read_body(r, PROBE_BODY))
		return -1;
	allowed_methods(r->route, allowed, sizeof(allowed));
	if (options) {
		response_preflight(&r->response, allowed,
				   request_header(r, "HTTP_ACCESS_CONTROL_REQUEST_HEADERS"));
		return 1;
	}
	if (r->route->handle == api_ready)
		return api_ready(r) ? -1 : 1;
	response_empty(&r->response, 200, allowed);
	return 1;
}

/* Host and origin are looked at before anything is answered, probes included. */
static int check_place(struct request *r)
{
	return r->route->dialect == &dialect_admin ? admin_check_origin(r) : 0;
}

/* The admin API is open to the session of a person, and to keys of a role that may. */
static int check_guard(struct request *r)
{
	enum guard guard = r->route->guard;
	const char *keys[AUTH_MAX_KEYS];

	if (guard == PANEL)
		return 0;
	if (r->route->dialect == &dialect_admin && !auth_keys(r, keys))
		return admin_check_session(r);
	if (auth_enter(r, guard))
		return -1;
	return guard == CLIENT || guard == CHAT ? own_credentials_read(r) : 0;
}

static int serve(struct request *r)
{
	int rc = !r->route || check_place(r) ? -1 : 0;

	if (!rc) {
		rc = probe(r);
		if (rc > 0)
			return 0;
	}
	if (!rc)
		rc = check_method(r);
	if (!rc)
		rc = check_guard(r);
	if (!rc && (r->route->guard == CLIENT || r->route->guard == CHAT))
		body_capture_begin(r);
	/* The body is read to its end even when it is not wanted any more. */
	if (request_read_body(r, rc ? 0 : r->route->body_limit) && !rc)
		rc = -1;
	if (!rc && r->route->guard == CHAT) {
		rc = gate_enter(r);
		limit_headers(r);
	}
	if (!rc && (r->route->guard == OPERATOR || r->route->guard == ADMIN))
		rc = admin_announce_door(r, r->route->handle);
	return rc ? rc : r->route->handle(r);
}

static void send_error(struct request *r)
{
	char allowed[64] = "";
	const struct out_dialect *out = r->dialect->out;
	struct buf body;
	int status;

	if (r->response.started || r->error.kind == ERR_GONE)
		return; /* the handler has put it into the stream; or nobody listens */
	assert(r->error.kind != ERR_NONE);
	status = out->status ? out->status(&r->error) : error_row(&r->error)->status;
	buf_init(&body, LIMIT_UP_ERROR);
	out->error_body(&r->error, r->id, &body);
	if (r->error.kind == ERR_METHOD)
		allowed_methods(r->route, allowed, sizeof(allowed));
	response_error(&r->response, status, &r->error, *allowed ? allowed : NULL, buf_span(&body));
	buf_release(&body);
}

static void close_ledger(struct request *r)
{
	struct ledger *l = &r->ledger;

	l->id = r->id;
	l->client = conn_param(r->conn, "REMOTE_ADDR");
	if (!l->client)
		l->client = "";
	l->method = r->method;
	l->path = request_shown_path(r);
	l->dialect = r->dialect->name;
	l->key = &r->key;
	l->status = r->response.status;
	l->bytes = r->response.bytes;
	l->error = &r->error;
	ledger_close(l, r->site);
}

static void finish(struct request *r)
{
	struct site *site = r->site; /* NULL: router_fail() */
	const bool large = r->large;

	admin_outcome(r);
	if (r->error.kind != ERR_NONE)
		send_error(r);
	close_ledger(r);
	gate_leave(&r->gate);
	body_capture_end(r);
	request_release(r);
	if (site)
		site_drop(site);
	if (large)
		malloc_trim(0); /* its JSON tree was thousands of small pieces */
}

static void begin(struct request *r, struct app *app, struct conn *conn)
{
	request_init(r, app_site(app), conn);
	set_cors(r);
	route(r);
}

void router_serve(struct app *app, struct conn *conn)
{
	struct request r;

	begin(&r, app, conn);
	serve(&r);
	finish(&r);
}

/* What is answered at once and needs no key: that the gateway is full does not make it dead. */
static bool is_short(const struct request *r)
{
	return r->route && (r->route->guard == OPEN || is_probe(r));
}

void router_refuse(struct app *app, struct conn *conn)
{
	struct request r;

	begin(&r, app, conn);
	if (is_short(&r)) {
		serve(&r);
	} else {
		request_read_body(&r, 0);
		error_clear(&r.error);
		r.error.retry_after = 1;
		error_set(&r.error, ERR_BUSY,
			  "Overloaded: all %d streams of this gateway are in use",
			  r.site->config->max_streams);
	}
	finish(&r);
}

void router_fail(struct conn *conn, const struct error *why)
{
	struct request r;

	request_init(&r, NULL, conn);
	route(&r);
	request_read_body(&r, 0);
	r.error = *why;
	finish(&r);
}
