#include "common/base.h"
#include "fcgi/response.h"

#include "common/limits.h"

static const struct reason {
	int status;
	const char *text;
} reasons[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 204, "No Content" },
	{ 304, "Not Modified" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 429, "Too Many Requests" },
	{ 500, "Internal Server Error" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 529, "Overloaded" },
};

static const char *reason_of(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].text;
	}
	return "Unknown";
}

bool response_may_echo(const char *value)
{
	for (const char *c = value; *c; c++) {
		if (*c < ' ' || *c > '~') /* bytes from 0x80 on too, signed or not */
			return false;
	}
	return true;
}

static void add_head(struct response *r, struct buf *head, int status)
{
	r->started = true;
	r->status = status;
	/* By pieces: printf() was 3 % of a small request's instructions. */
	buf_add_text(head, "Status: ");
	buf_add_int(head, status);
	buf_add_char(head, ' ');
	buf_add_text(head, reason_of(status));
	/* request-id is the Messages API's name, x-request-id OpenAI's. */
	buf_add_text(head, "\r\nrequest-id: ");
	buf_add_text(head, r->request_id);
	buf_add_text(head, "\r\nx-request-id: ");
	buf_add_text(head, r->request_id);
	buf_add_text(head, "\r\n");
	if (r->extra)
		buf_add_text(head, r->extra);
	if (r->cors_origin)
		buf_add_format(head,
			       "access-control-allow-origin: %s\r\nvary: origin\r\n"
			       "access-control-expose-headers: request-id, x-request-id, "
			       "retry-after, x-should-retry\r\n",
			       r->cors_origin);
}

static void keep(struct response *r, struct span body)
{
	size_t room = r->copy ? r->copy->max - r->copy->len : 0;

	if (!r->copy)
		return;
	buf_add(r->copy, body.at, body.len < room ? body.len : room);
	r->copy->failed |= body.len > room;
}

static int send(struct response *r, struct buf *head, struct span body, bool flush)
{
	int (*give)(struct conn * c, struct span bytes) = flush ? conn_write : conn_put;
	int rc;

	buf_add_text(head, "\r\n");
	if (!r->head && body.len) {
		buf_add(head, body.at, body.len);
		r->bytes += body.len;
		keep(r, body);
	}
	rc = head->failed ? -1 : give(r->conn, buf_span(head));
	buf_release(head);
	return rc;
}

static void add_body_headers(const struct response *r, struct buf *head, const char *content_type,
			     size_t len)
{
	buf_add_text(head, "content-type: ");
	buf_add_text(head, content_type);
	buf_add_text(head, r->may_keep ? "\r\ncache-control: no-cache\r\ncontent-length: "
				       : "\r\ncache-control: no-store\r\ncontent-length: ");
	buf_add_int(head, (int64_t)len);
	buf_add_text(head, "\r\n");
}

int response_whole(struct response *r, int status, const char *content_type, struct span body)
{
	struct buf head;

	buf_init(&head, LIMIT_HEADERS + body.len);
	add_head(r, &head, status);
	add_body_headers(r, &head, content_type, body.len);
	return send(r, &head, body, false);
}

int response_error(struct response *r, int status, const struct error *failure, const char *allow,
		   struct span body)
{
	const struct error_row *row = error_row(failure);
	struct buf head;

	buf_init(&head, LIMIT_HEADERS + body.len);
	add_head(r, &head, status);
	buf_add_format(&head, "x-should-retry: %s\r\n", row->client_retries ? "true" : "false");
	if (failure->retry_after)
		buf_add_format(&head, "retry-after: %d\r\n", failure->retry_after);
	if (allow)
		buf_add_format(&head, "allow: %s\r\n", allow);
	add_body_headers(r, &head, "application/json", body.len);
	return send(r, &head, body, false);
}

int response_empty(struct response *r, int status, const char *allow)
{
	struct buf head;

	buf_init(&head, LIMIT_HEADERS);
	add_head(r, &head, status);
	if (allow)
		buf_add_format(&head, "allow: %s\r\n", allow);
	/* Apache's CGI wants a type even where there is no body. */
	buf_add_text(&head, "content-type: application/json\r\n");
	return send(r, &head, span_of(""), false);
}

int response_preflight(struct response *r, const char *allow, const char *asked_headers)
{
	struct buf head;

	buf_init(&head, LIMIT_HEADERS);
	add_head(r, &head, 204);
	buf_add_format(&head, "allow: %s\r\ncontent-type: application/json\r\n", allow);
	if (r->cors_origin) {
		buf_add_format(&head,
			       "access-control-allow-methods: %s\r\n"
			       "access-control-max-age: 86400\r\n",
			       allow);
		/* Echoed: clients grow new x-stainless-* headers. */
		if (asked_headers && response_may_echo(asked_headers))
			buf_add_format(&head, "access-control-allow-headers: %.1000s\r\n",
				       asked_headers);
	}
	return send(r, &head, span_of(""), false);
}

int response_begin_stream(struct response *r, bool more)
{
	struct buf head;

	buf_init(&head, LIMIT_HEADERS);
	add_head(r, &head, 200);
	/* X-Accel-Buffering speaks to an nginx in front. No Content-Length, no compression. */
	buf_add_text(&head, "content-type: text/event-stream; charset=utf-8\r\n"
			    "cache-control: no-cache\r\nx-accel-buffering: no\r\n");
	return send(r, &head, span_of(""), !more);
}

int response_write(struct response *r, struct span bytes)
{
	r->bytes += bytes.len;
	keep(r, bytes);
	return conn_write(r->conn, bytes);
}
