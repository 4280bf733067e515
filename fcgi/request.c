#include "common/base.h"
#include "fcgi/request.h"

#include "common/account.h"
#include "common/hex.h"
#include "common/ids.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/log.h"

/* A body so far beyond every limit is not even read to its end. */
#define DRAIN_LIMIT (8 * LIMIT_BODY)
#define LARGE_BODY  MB(1)

static const char *param_or_empty(struct conn *conn, const char *name)
{
	const char *value = conn_param(conn, name);

	return value ? value : "";
}

void request_init(struct request *r, struct site *site, struct conn *conn)
{
	*r = (struct request){ .site = site, .conn = conn };
	ledger_open(&r->ledger);
	gate_init(&r->gate);
	ids_make(r->id, sizeof(r->id), "req_", 24);
	log_set_request(r->id);
	arena_init(&r->arena);
	buf_init(&r->body, 0);
	r->method = param_or_empty(conn, "REQUEST_METHOD");
	/* Joined they are the full path in every hosting mode; PATH_INFO alone is not. */
	r->path_info = param_or_empty(conn, "PATH_INFO");
	r->path =
		arena_format(&r->arena, "%s%s", param_or_empty(conn, "SCRIPT_NAME"), r->path_info);
	r->response = (struct response){ .conn = conn,
					 .request_id = r->id,
					 .head = strcmp(r->method, "HEAD") == 0 };
}

void request_release(struct request *r)
{
	if (r->own)
		account_release(r->own);
	free(r->own);
	r->own = NULL;
	cJSON_Delete(r->json);
	buf_release(&r->body);
	arena_release(&r->arena);
	log_set_request("");
}

const char *request_shown_path(struct request *r)
{
	const char *code = strcasestr(r->path, "/" CODE_PREFIX);

	if (!code)
		return r->path;
	return arena_format(&r->arena, "%.*s/" CODE_PREFIX "***", (int)(code - r->path), r->path);
}

const char *request_segment(struct request *r)
{
	return arena_strndup(&r->arena, r->rest, strcspn(r->rest, "/"));
}

const char *request_header(struct request *r, const char *name)
{
	return conn_param(r->conn, name);
}

static const char *decode_query(struct arena *arena, const char *text, size_t len)
{
	char *out = arena_strndup(arena, text, len), *to = out;

	for (size_t i = 0; i < len; i++) {
		int high = text[i] == '%' && i + 2 < len ? hex_digit(text[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(text[i + 2]) : -1;

		*to = text[i] == '+' ? ' ' : text[i];
		if (low >= 0) {
			*to = (char)(high << 4 | low);
			i += 2;
		}
		to++;
	}
	*to = '\0';
	return out;
}

const char *request_query(struct request *r, const char *name)
{
	const char *at = param_or_empty(r->conn, "QUERY_STRING");
	size_t name_len = strlen(name);

	while (*at) {
		size_t len = strcspn(at, "&");

		if (len > name_len && at[name_len] == '=' && strncmp(at, name, name_len) == 0)
			return decode_query(&r->arena, at + name_len + 1, len - name_len - 1);
		at += len + (at[len] == '&');
	}
	return NULL;
}

static int read_all(struct request *r, size_t limit)
{
	char chunk[8192]; /* libfcgi has no more at once; a stream keeps its stack to the end */
	size_t total = 0;
	ssize_t got;

	while ((got = conn_read(r->conn, chunk, sizeof(chunk))) > 0) {
		total += (size_t)got;
		if (total <= limit)
			buf_add(&r->body, chunk, (size_t)got);
		else if (total > DRAIN_LIMIT)
			break;
	}
	if (got < 0)
		return error_set(&r->error, ERR_GONE, "the request body broke off");
	if (total > limit)
		return error_set(&r->error, ERR_TOO_LARGE,
				 "Request exceeds the maximum size of %zu bytes", limit);
	return 0;
}

int request_read_body(struct request *r, size_t limit)
{
	const char *length = conn_param(r->conn, "CONTENT_LENGTH");
	size_t declared = length ? strtoul(length, NULL, 10) : 0;

	/* Declared too long: nothing of it is kept. */
	r->body.max = declared > limit ? 0 : limit;
	if (read_all(r, limit))
		return -1;
	r->large = r->body.size > LARGE_BODY;
	if (length && r->body.len < declared)
		return error_set(&r->error, ERR_GONE, "the request body broke off");
	return 0;
}

int request_json(struct request *r)
{
	const char *encoding = request_header(r, "HTTP_CONTENT_ENCODING");
	struct error why = { 0 };

	if (encoding && *encoding && strcasecmp(encoding, "identity") != 0)
		return error_set(&r->error, ERR_REQUEST,
				 "content-encoding: %.40s request bodies are not supported",
				 encoding);
	r->json = json_parse(buf_span(&r->body), &why);
	if (!r->json)
		return error_set(&r->error, ERR_REQUEST, "The request body is %s", why.message);
	if (!cJSON_IsObject(r->json))
		return error_set(&r->error, ERR_REQUEST, "The request body must be a JSON object");
	/* The tree has all of it: a stream would keep up to twice its bytes to the end. */
	if (!r->response.copy)
		buf_release(&r->body);
	return 0;
}
