/*
 * POST /health/stream: a stream that costs no account, by which `kiroctl stream-test` measures what
 * stands between us and a client. Events: "hello" (how the request came in), "tick" as often as the
 * query says, each with the time at which it was sent, then a silence in which only the pings of
 * every stream go out, then "end".
 *
 *   events       20  ticks
 *   interval_ms 100  between two of them
 *   silence       0  seconds
 */
#include "common/base.h"
#include "fcgi/api.h"

#include "common/clock.h"
#include "common/limits.h"
#include "fcgi/sse.h"

#include <poll.h>

struct plan {
	int events, interval_ms, silence;
};

struct setting {
	const char *name;
	int most;
	size_t offset;
};

/* clang-format off */
static const struct setting settings[] = {
	{ "events",      1000, offsetof(struct plan, events) },
	{ "interval_ms", 1000, offsetof(struct plan, interval_ms) },
	{ "silence",     600,  offsetof(struct plan, silence) },
};
/* clang-format on */

static int read_plan(struct request *r, struct plan *plan)
{
	*plan = (struct plan){ .events = 20, .interval_ms = 100 };
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		const char *text = request_query(r, settings[i].name);
		char *end;
		long value;

		if (!text)
			continue;
		value = strtol(text, &end, 10);
		if (!*text || *end || value < 0 || value > settings[i].most)
			return error_set(&r->error, ERR_REQUEST, "%s: must be 0 to %d",
					 settings[i].name, settings[i].most);
		memcpy((char *)plan + settings[i].offset, &(int){ (int)value }, sizeof(int));
	}
	return 0;
}

static int send_event(struct request *r, struct buf *wire)
{
	int rc;

	sse_end(wire);
	rc = response_write(&r->response, buf_span(wire));
	buf_reset(wire);
	return rc ? error_set(&r->error, ERR_GONE, "the client has left") : 0;
}

/* mod_proxy_fcgi names itself in a variable; mod_fcgid and lighttpd do not differ. */
static const char *transport(struct request *r)
{
	const char *file = conn_param(r->conn, "SCRIPT_FILENAME");

	if (getenv("GATEWAY_INTERFACE"))
		return "cgi";
	return file && strncmp(file, "proxy:", 6) == 0 ? "mod_proxy_fcgi" : "fastcgi";
}

static int send_hello(struct request *r, struct buf *wire)
{
	bool authorization = request_header(r, "HTTP_AUTHORIZATION") ||
			     request_header(r, "REDIRECT_HTTP_AUTHORIZATION");
	struct jsonw w;

	sse_begin(wire, "hello", &w);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "server", conn_param(r->conn, "SERVER_SOFTWARE"));
	jsonw_text_member(&w, "transport", transport(r));
	jsonw_bool_member(&w, "authorization", authorization);
	jsonw_int_member(&w, "body_bytes", (int64_t)r->body.len);
	jsonw_end(&w);
	return send_event(r, wire);
}

static int send_numbered(struct request *r, struct buf *wire, const char *name, int n)
{
	struct jsonw w;

	sse_begin(wire, name, &w);
	jsonw_begin_object(&w);
	jsonw_int_member(&w, "n", n);
	jsonw_int_member(&w, "at_ms", clock_ticks() - r->ledger.began);
	jsonw_end(&w);
	return send_event(r, wire);
}

/* -1: the client has left meanwhile. */
static int wait_ms(struct request *r, int64_t ms)
{
	struct pollfd watched = { .fd = r->conn->watch_fd, .events = POLLIN };

	if (poll(&watched, 1, (int)ms) > 0) {
		if (conn_gone(r->conn))
			return error_set(&r->error, ERR_GONE, "the client has left");
		poll(NULL, 0, (int)ms); /* not what we listen for, and it stays there */
	}
	return 0;
}

static int keep_silent(struct request *r, struct buf *wire, int seconds)
{
	int64_t left = (int64_t)seconds * 1000;
	int64_t most = (int64_t)r->site->config->ping_interval * 1000;
	int rc = 0;

	for (int n = 0; left > 0 && !rc; n++) {
		int64_t step = left < most ? left : most;

		rc = wait_ms(r, step);
		left -= step;
		if (!rc && left > 0)
			rc = send_numbered(r, wire, "ping", n);
	}
	return rc;
}

int api_stream(struct request *r)
{
	struct plan plan;
	struct buf wire;
	int rc;

	if (read_plan(r, &plan) || gate_stream(r))
		return -1;
	buf_init(&wire, KB(4));
	response_begin_stream(&r->response, true);
	rc = send_hello(r, &wire);
	for (int n = 0; n < plan.events && !rc; n++) {
		rc = wait_ms(r, plan.interval_ms);
		if (!rc)
			rc = send_numbered(r, &wire, "tick", n);
	}
	if (!rc)
		rc = keep_silent(r, &wire, plan.silence);
	if (!rc)
		rc = send_numbered(r, &wire, "end", plan.events);
	buf_release(&wire);
	return rc;
}
