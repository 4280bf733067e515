#include "base.h"
#include "http.h"

#include <ctype.h>

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 204, "No Content" },
	{ 302, "Found" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
};

const char *http_reason(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Scripted";
}

/* Waits until the read-ahead holds the whole head; its length with the empty line, 0, or -1. */
static ssize_t await_head(struct conn *c)
{
	for (;;) {
		const char *start = c->in + c->in_at;
		size_t ready = c->in_end - c->in_at;
		const char *end = memmem(start, ready, "\r\n\r\n", 4);
		ssize_t got;

		if (end)
			return end - start + 4;
		if (ready == sizeof(c->in))
			return -431;
		got = conn_fill(c);
		if (got < 0 || (!got && ready))
			return -400;
		if (!got)
			return 0;
	}
}

static int parse_line(struct request *r, char *line)
{
	char *target = strchr(line, ' '), *version, *query;

	if (!target || target == line || (size_t)(target - line) >= sizeof(r->method))
		return -400;
	*target++ = 0;
	version = strchr(target, ' ');
	if (!version || *target != '/')
		return -400;
	*version++ = 0;
	if (strcmp(version, "HTTP/1.1") && strcmp(version, "HTTP/1.0"))
		return -400;
	r->keep_alive = version[7] == '1';
	memcpy(r->method, line, strlen(line) + 1);
	query = strchr(target, '?');
	if (query)
		*query++ = 0;
	r->path = xstrdup(target);
	r->query = xstrdup(query ? query : "");
	return 0;
}

static int parse_header(struct request *r, char *line)
{
	char *colon = strchr(line, ':'), *value, *end;

	if (!colon || colon == line || isspace((unsigned char)colon[-1]) || *line == ' ')
		return -400;
	if (r->header_count == LIMIT_HEADERS)
		return -431;
	*colon = 0;
	value = colon + 1 + strspn(colon + 1, " \t");
	for (end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t');)
		*--end = 0;
	for (char *p = line; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	r->headers[r->header_count++] =
		(struct http_header){ .name = xstrdup(line), .value = xstrdup(value) };
	return 0;
}

static int parse_head(struct request *r, char *head)
{
	char *line = head, *next;
	int rc = 0;

	for (bool first = true; *line && !rc; line = next, first = false) {
		next = strstr(line, "\r\n");
		*next = 0;
		next += 2;
		if (!*line)
			break;
		rc = first ? parse_line(r, line) : parse_header(r, line);
	}
	return rc;
}

static int read_exactly(struct conn *c, struct text *into, size_t len)
{
	char piece[64 * 1024];

	while (len) {
		ssize_t got = conn_read(c, piece, len < sizeof(piece) ? len : sizeof(piece));

		if (got <= 0)
			return -400;
		text_add(into, piece, (size_t)got);
		len -= (size_t)got;
	}
	return 0;
}

static int read_line(struct conn *c, char *line, size_t size)
{
	size_t len = 0;

	while (len < size && conn_read(c, line + len, 1) == 1) {
		if (line[len++] != '\n')
			continue;
		if (len < 2 || line[len - 2] != '\r')
			return -400;
		line[len - 2] = 0;
		return 0;
	}
	return -400;
}

static int read_chunked(struct conn *c, struct text *body)
{
	char line[256], *end;

	for (;;) {
		unsigned long size;
		int rc = read_line(c, line, sizeof(line));

		if (rc)
			return rc;
		size = strtoul(line, &end, 16);
		if (end == line || (*end && *end != ';'))
			return -400;
		if (size > LIMIT_BODY - body->len)
			return -413;
		if (!size)
			break;
		rc = read_exactly(c, body, size);
		if (!rc)
			rc = read_line(c, line, sizeof(line));
		if (rc || *line)
			return -400;
	}
	while (!read_line(c, line, sizeof(line))) {
		if (!*line)
			return 0;
	}
	return -400;
}

static int read_body(struct conn *c, struct request *r)
{
	const char *length = http_header(r, "content-length");
	const char *coding = http_header(r, "transfer-encoding");
	const char *expect = http_header(r, "expect");
	struct iovec go_on = { .iov_base = "HTTP/1.1 100 Continue\r\n\r\n", .iov_len = 25 };
	unsigned long size;
	char *end;

	text_add(&r->body, "", 0);
	if (coding && length)
		return -400;
	if (!coding && !length)
		return 0;
	if (expect && !strcasecmp(expect, "100-continue") && conn_write(c, &go_on, 1))
		return -400;
	if (coding)
		return strcasecmp(coding, "chunked") ? -501 : read_chunked(c, &r->body);
	errno = 0;
	size = strtoul(length, &end, 10);
	if (errno || !isdigit((unsigned char)*length) || *end)
		return -400;
	return size > LIMIT_BODY ? -413 : read_exactly(c, &r->body, size);
}

int http_read(struct conn *c, struct request *r)
{
	const char *connection;
	ssize_t head_len;
	char *head;
	int rc;

	memset(r, 0, sizeof(*r));
	head_len = await_head(c);
	if (head_len <= 0)
		return (int)head_len;
	head = xstrndup(c->in + c->in_at, (size_t)head_len);
	c->in_at += (size_t)head_len;
	rc = strlen(head) == (size_t)head_len ? parse_head(r, head) : -400;
	free(head);
	if (!rc && !http_header(r, "host"))
		rc = -400;
	if (!rc)
		rc = read_body(c, r);
	if (rc)
		return rc;
	connection = http_header(r, "connection");
	if (connection && !strcasecmp(connection, "close"))
		r->keep_alive = false;
	return 1;
}

void http_release(struct request *r)
{
	for (size_t i = 0; i < r->header_count; i++) {
		free(r->headers[i].name);
		free(r->headers[i].value);
	}
	free(r->path);
	free(r->query);
	text_release(&r->body);
	memset(r, 0, sizeof(*r));
}

const char *http_header(const struct request *r, const char *name)
{
	for (size_t i = 0; i < r->header_count; i++) {
		if (!strcmp(r->headers[i].name, name))
			return r->headers[i].value;
	}
	return NULL;
}

bool http_content_is(const struct request *r, const char *type)
{
	const char *value = http_header(r, "content-type");
	size_t len = strlen(type);

	if (!value || strncasecmp(value, type, len))
		return false;
	value += len;
	value += strspn(value, " ");
	return !*value || *value == ';';
}

static int hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

char *http_decode(const char *at, size_t len)
{
	char *out = xmalloc(len + 1), *to = out;

	for (size_t i = 0; i < len; i++) {
		if (at[i] == '%' && i + 2 < len && hex_digit(at[i + 1]) >= 0 &&
		    hex_digit(at[i + 2]) >= 0) {
			*to++ = (char)(hex_digit(at[i + 1]) * 16 + hex_digit(at[i + 2]));
			i += 2;
		} else {
			*to++ = at[i] == '+' ? ' ' : at[i];
		}
	}
	*to = 0;
	return out;
}

char *http_query(const struct request *r, const char *name)
{
	size_t name_len = strlen(name);

	for (const char *at = r->query; *at;) {
		size_t len = strcspn(at, "&");

		if (len > name_len && !strncmp(at, name, name_len) && at[name_len] == '=')
			return http_decode(at + name_len + 1, len - name_len - 1);
		at += len + (at[len] == '&');
	}
	return NULL;
}

int http_answer(struct conn *c, const struct request *r, int status, const char *content_type,
		const char *extra, const char *body, size_t len)
{
	char *head = xformat("HTTP/1.1 %d %s\r\n%s%s%scontent-length: %zu\r\n%s%s\r\n", status,
			     http_reason(status), content_type ? "content-type: " : "",
			     content_type ? content_type : "", content_type ? "\r\n" : "", len,
			     extra ? extra : "", r->keep_alive ? "" : "connection: close\r\n");
	struct iovec parts[] = { { .iov_base = head, .iov_len = strlen(head) },
				 { .iov_base = (void *)(uintptr_t)body, .iov_len = len } };
	int rc = conn_write(c, parts, body && len ? 2 : 1);

	free(head);
	return rc;
}
