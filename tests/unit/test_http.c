#include "common/base.h"
#include "common/clock.h"
#include "common/http.h"

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

/* A peer for one connection: takes a request, sends the pieces with pauses, then closes. */
struct peer {
	const char *const *pieces; /* NULL at the end; "" is a pause of 300 ms */
	bool hold;		   /* wait for the other side's close, and note it */

	int fd, port;
	bool closed_by_client;
	char request[4096];
	pthread_t thread;
};

static void *serve(void *context)
{
	struct peer *p = context;
	int c = accept(p->fd, NULL, NULL);
	size_t len = 0;
	ssize_t got;

	while (len < sizeof(p->request) - 1 && !strstr(p->request, "\r\n\r\n") &&
	       (got = recv(c, p->request + len, sizeof(p->request) - 1 - len, 0)) > 0)
		len += (size_t)got;
	for (const char *const *piece = p->pieces; *piece; piece++) {
		if (!**piece)
			usleep(300000);
		else if (send(c, *piece, strlen(*piece), MSG_NOSIGNAL) < 0)
			break;
	}
	if (p->hold) {
		char rest[64];

		while ((got = recv(c, rest, sizeof(rest), 0)) > 0)
			;
		p->closed_by_client = got == 0 || errno == ECONNRESET;
	}
	close(c);
	return NULL;
}

static void peer_start(struct peer *p)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);

	p->fd = socket(AF_INET, SOCK_STREAM, 0);
	CU_ASSERT_EQUAL_FATAL(bind(p->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(p->fd, 1), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(p->fd, (struct sockaddr *)&at, &size), 0);
	p->port = ntohs(at.sin_port);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&p->thread, NULL, serve, p), 0);
}

static void peer_stop(struct peer *p)
{
	pthread_join(p->thread, NULL);
	close(p->fd);
}

struct fetched {
	struct http_reply reply;
	struct buf body;
	struct error error;
	int rc;
};

static void fetch(struct fetched *f, int port, struct http_request *r)
{
	struct http_options options = { NULL, NULL };
	struct http_client *client = NULL;
	char url[64];

	memset(f, 0, sizeof(*f));
	buf_init(&f->body, KB(64));
	snprintf(url, sizeof(url), "%s//127.0.0.1:%d/x", r->url ? r->url : "http:", port);
	r->url = url;
	r->method = r->method ? r->method : "POST";
	r->connect_ms = r->connect_ms ? r->connect_ms : 5000;
	r->first_byte_ms = r->first_byte_ms ? r->first_byte_ms : 10000;
	r->idle_ms = r->idle_ms ? r->idle_ms : 10000;
	CU_ASSERT_EQUAL_FATAL(http_client_new(&client, &options, &f->error), 0);
	f->rc = r->on_bytes ? http_run(client, r, &f->reply, &f->error)
			    : http_fetch(client, r, &f->reply, &f->body, &f->error);
	http_client_free(client);
}

static void fetch_from(struct fetched *f, struct peer *p, struct http_request *r)
{
	peer_start(p);
	fetch(f, p->port, r);
	peer_stop(p);
}

static void reply_headers_and_body_arrive(void)
{
	static const char *const pieces[] = {
		"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Type: a/b\r\n"
		"x-amzn-RequestId: id-1\r\nX-Amzn-ErrorType: T:x\r\n"
		"Content-Length: 5\r\n\r\nhe",
		"llo", NULL
	};
	struct http_header headers[] = { { "authorization", "Bearer t" }, { "accept", NULL } };
	struct http_request r = { .headers = headers, .header_count = 2, .body = { "{}", 2 } };
	struct fetched f;
	struct peer p = { .pieces = pieces };

	fetch_from(&f, &p, &r);
	CU_ASSERT_EQUAL(f.rc, 0);
	CU_ASSERT_EQUAL(f.reply.status, 429);
	CU_ASSERT_EQUAL(f.reply.retry_after, 7);
	CU_ASSERT_STRING_EQUAL(f.reply.content_type, "a/b");
	CU_ASSERT_STRING_EQUAL(f.reply.request_id, "id-1");
	CU_ASSERT_STRING_EQUAL(f.reply.error_type, "T:x");
	CU_ASSERT_STRING_EQUAL(f.body.at, "hello");
	CU_ASSERT_PTR_NOT_NULL(strstr(p.request, "POST /x HTTP/1.1\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(p.request, "authorization: Bearer t\r\n"));
	CU_ASSERT_PTR_NULL(strcasestr(p.request, "accept:"));
	CU_ASSERT_PTR_NULL(strcasestr(p.request, "expect:"));
	buf_release(&f.body);
}

static void cut_answers_are_network_errors(void)
{
	static const char *const cut[] = { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", NULL };
	static const char *const chunked[] = {
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"2\r\nhe\r\n",
		NULL
	};
	static const char *const nothing[] = { NULL };
	static const char *const *const all[] = { cut, chunked, nothing };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct http_request r = { .body = { "", 0 } };
		struct fetched f;
		struct peer p = { .pieces = all[i] };

		fetch_from(&f, &p, &r);
		CU_ASSERT_EQUAL(f.rc, -1);
		CU_ASSERT_EQUAL(f.error.kind, ERR_UP_NETWORK);
		CU_ASSERT_EQUAL(f.reply.status, i < 2 ? 200 : 0);
		buf_release(&f.body);
	}
}

static void closed_port_is_a_network_error(void)
{
	static const char *const nothing[] = { NULL };
	struct http_request r = { .body = { "", 0 } };
	struct fetched f;
	struct peer p = { .pieces = nothing };

	fetch_from(&f, &p, &r);
	buf_release(&f.body);
	fetch(&f, p.port, &r); /* nobody listens any more */
	CU_ASSERT_EQUAL(f.error.kind, ERR_UP_NETWORK);
	CU_ASSERT_EQUAL(f.reply.status, 0);
	buf_release(&f.body);
}

static void silence_is_a_timeout_and_closes_the_connection(void)
{
	static const char *const silent[] = { "", NULL };
	static const char *const stalls[] = { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", "",
					      NULL };

	for (int i = 0; i < 2; i++) {
		struct http_request r = { .body = { "", 0 }, .first_byte_ms = 200, .idle_ms = 200 };
		struct fetched f;
		struct peer p = { .pieces = i ? stalls : silent, .hold = true };

		fetch_from(&f, &p, &r);
		CU_ASSERT_EQUAL(f.error.kind, ERR_UP_TIMEOUT);
		CU_ASSERT_TRUE(p.closed_by_client);
		buf_release(&f.body);
	}
}

/* The request was not sent, so that it may go again, unlike one that nobody answers: also where the
 * peer may think for less time than a connection may take. */
static void no_connection_in_time_is_a_network_error(void)
{
	static const char *const silent[] = { "", NULL };

	for (int first_byte_ms = 0; first_byte_ms <= 100; first_byte_ms += 100) {
		struct http_request r = { .url = "https:",
					  .body = { "", 0 },
					  .connect_ms = 200,
					  .first_byte_ms = first_byte_ms };
		struct fetched f;
		struct peer p = { .pieces = silent, .hold = true };

		fetch_from(&f, &p, &r);
		CU_ASSERT_EQUAL(f.error.kind, ERR_UP_NETWORK);
		CU_ASSERT_EQUAL(f.reply.status, 0);
		CU_ASSERT_TRUE(p.closed_by_client);
		buf_release(&f.body);
	}
}

static void total_limit_ends_a_lively_answer(void)
{
	static const char *const lively[] = { "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n",
					      "a",
					      "",
					      "b",
					      "",
					      "c",
					      "",
					      "d",
					      "",
					      "e",
					      NULL };
	struct http_request r = { .body = { "", 0 }, .idle_ms = 5000, .total_ms = 500 };
	struct fetched f;
	struct peer p = { .pieces = lively, .hold = true };

	fetch_from(&f, &p, &r);
	CU_ASSERT_EQUAL(f.error.kind, ERR_UP_TIMEOUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(f.error.message, "longer than the limit"));
	buf_release(&f.body);
}

struct watched {
	int ticks, watches, bytes;
};

static int on_bytes(void *context, const struct http_reply *reply, struct span bytes,
		    struct error *e)
{
	(void)reply;
	((struct watched *)context)->bytes += (int)bytes.len;
	return bytes.at[0] == 'X' ? error_set(e, ERR_UP_DAMAGED, "an X") : 0;
}

static int on_tick(void *context, struct error *e)
{
	(void)e;
	((struct watched *)context)->ticks++;
	return 100;
}

static int on_watch(void *context, struct error *e)
{
	((struct watched *)context)->watches++;
	return error_set(e, ERR_GONE, "gone");
}

/* The client does not read: its first bytes are taken slower than the upstream may be silent. */
static int on_bytes_slowly(void *context, const struct http_reply *reply, struct span bytes,
			   struct error *e)
{
	if (!((struct watched *)context)->bytes)
		usleep(1600000);
	return on_bytes(context, reply, bytes, e);
}

static void a_slow_client_is_no_silent_upstream(void)
{
	static const char *const pieces[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab", "", "", "", "", "", "", "cd", NULL
	};
	struct watched w = { 0 };
	struct http_request r = {
		.body = { "", 0 }, .idle_ms = 1500, .on_bytes = on_bytes_slowly, .context = &w
	};
	struct fetched f;
	struct peer p = { .pieces = pieces };

	fetch_from(&f, &p, &r);
	CU_ASSERT_EQUAL(f.rc, 0);
	CU_ASSERT_EQUAL(w.bytes, 4);
	buf_release(&f.body);
}

static void callbacks_end_the_exchange(void)
{
	static const char *const pieces[] = { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", "",
					      "Xcd", NULL };
	struct watched w = { 0 };
	struct http_request r = { .body = { "", 0 },
				  .on_bytes = on_bytes,
				  .on_tick = on_tick,
				  .watch_fd = -1,
				  .context = &w };
	struct fetched f;
	struct peer p = { .pieces = pieces, .hold = true };

	fetch_from(&f, &p, &r);
	CU_ASSERT_EQUAL(f.error.kind, ERR_UP_DAMAGED);
	CU_ASSERT_EQUAL(w.bytes, 5);
	CU_ASSERT_TRUE(w.ticks >= 2);
	CU_ASSERT_TRUE(p.closed_by_client);
	buf_release(&f.body);
}

static void a_hang_up_on_the_watched_side_ends_the_exchange(void)
{
	static const char *const pieces[] = { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab",
					      NULL };
	struct watched w = { 0 };
	struct http_request r = { .body = { "", 0 },
				  .on_bytes = on_bytes,
				  .on_tick = on_tick,
				  .on_watch = on_watch,
				  .context = &w };
	struct fetched f;
	struct peer p = { .pieces = pieces, .hold = true };
	int pair[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	r.watch_fd = pair[0];
	close(pair[1]);
	fetch_from(&f, &p, &r);
	CU_ASSERT_EQUAL(f.error.kind, ERR_GONE);
	CU_ASSERT_EQUAL(w.watches, 1);
	CU_ASSERT_TRUE(p.closed_by_client);
	close(pair[0]);
	buf_release(&f.body);
}

static void header_injection_is_refused(void)
{
	struct http_header headers[] = { { "authorization", "Bearer t\r\nx-evil: 1" } };
	struct http_request r = { .headers = headers, .header_count = 1, .body = { "", 0 } };
	struct fetched f;

	fetch(&f, 9, &r);
	CU_ASSERT_EQUAL(f.error.kind, ERR_INTERNAL);
	buf_release(&f.body);
}

CU_TestInfo http_tests[] = {
	{ "reply_headers_and_body_arrive", reply_headers_and_body_arrive },
	{ "cut_answers_are_network_errors", cut_answers_are_network_errors },
	{ "closed_port_is_a_network_error", closed_port_is_a_network_error },
	{ "silence_is_a_timeout_and_closes_the_connection",
	  silence_is_a_timeout_and_closes_the_connection },
	{ "no_connection_in_time_is_a_network_error", no_connection_in_time_is_a_network_error },
	{ "total_limit_ends_a_lively_answer", total_limit_ends_a_lively_answer },
	{ "a slow client is no silent upstream", a_slow_client_is_no_silent_upstream },
	{ "callbacks_end_the_exchange", callbacks_end_the_exchange },
	{ "a_hang_up_on_the_watched_side_ends_the_exchange",
	  a_hang_up_on_the_watched_side_ends_the_exchange },
	{ "header_injection_is_refused", header_injection_is_refused },
	CU_TEST_INFO_NULL,
};
