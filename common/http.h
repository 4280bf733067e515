/*
 * http.h - one HTTP exchange at a time per calling thread, over libcurl (http.c alone includes it,
 * and http_url.c its reader of URLs).
 *
 * An http_client is shared by all threads of a process: it pools connections (last used first),
 * shares DNS and TLS sessions, and parses the CA bundle once. TLS is always verified.
 * Time is kept here and not by libcurl: connect, first byte, silence between bytes, whole.
 */
#ifndef COMMON_HTTP_H
#define COMMON_HTTP_H

#include "common/base.h"
#include "common/buf.h"
#include "common/error.h"

struct http_client;

struct http_options {
	const char *ca_file;   /* NULL or "": the system's bundle */
	const char *proxy_url; /* http://, https://, socks5://, socks5h://; NULL or "": none */
};

struct http_header {
	const char *name, *value; /* value NULL: the header is left out */
};

/* What came before the body. Texts are "" where the header is absent. */
struct http_reply {
	int status;
	int retry_after; /* seconds, 0: not given */
	int64_t date;	 /* of the server's clock, seconds since 1970; 0: not given */
	char content_type[96];
	char request_id[96];  /* x-amzn-requestid */
	char error_type[128]; /* x-amzn-errortype */
	/* From the start of the exchange, filled at its end. 0: not reached, or a kept connection.
	 */
	int64_t connect_us, first_byte_us;
	char server[96];
};

struct http_request {
	const char *method, *url;
	const struct http_header *headers;
	size_t header_count;
	struct span body;

	int connect_ms;		    /* > 0, as the next two */
	int first_byte_ms, idle_ms; /* first_byte_ms: from when there is a connection */
	int total_ms;		    /* 0: no limit */
	const char *proxy;	    /* NULL: the client's; "direct": none */
	bool once; /* must not reach the peer twice: no kept connection, where libcurl would resend
		    */

	bool compressed;  /* the answer may be, as most clients say; it is unpacked here */
	bool public_only; /* https to a public address, by a direct connection of its own */

	/* Body bytes as they come, status and headers known. Non-zero ends the exchange with that
	 * value; *e is then the callback's to fill. */
	int (*on_bytes)(void *context, const struct http_reply *reply, struct span bytes,
			struct error *e);

	/* Optional. Behind each on_bytes() series that one read of the socket has made: libcurl
	 * calls for each chunk of the transfer coding. 0, or -1 to end the exchange (with *e
	 * filled). */
	int (*on_read)(void *context, struct error *e);

	/* Optional. The peer has begun to answer and has the whole body, which is not needed again.
	 */
	void (*on_sent)(void *context);

	/* Optional. Called when it last said so (ms from then) and at the start; returns the next
	 * distance, or -1 to end the exchange (with *e filled). */
	int (*on_tick)(void *context, struct error *e);

	/* Optional. Descriptor to watch for input or hang-up while we wait, -1: none.
	 * on_watch returns 0: do not watch any more; 1: watch on; -1: end (with *e filled). */
	int watch_fd;
	int (*on_watch)(void *context, struct error *e);

	void *context;
};

int http_client_new(struct http_client **out, const struct http_options *options, struct error *e);
void http_client_free(struct http_client *client);

/* 0: the exchange is complete (whatever the status); *reply is filled. -1: *e is one of
 * ERR_UP_NETWORK (reply->status tells if the answer had begun; also where no connection came about
 * in time), ERR_UP_TIMEOUT, or a callback's. */
int http_run(struct http_client *client, const struct http_request *request,
	     struct http_reply *reply, struct error *e);

/* The same with the body collected, at most body->max bytes (ERR_UP_DAMAGED beyond). on_watch is
 * honoured, on_bytes and on_tick are not. */
int http_fetch(struct http_client *client, const struct http_request *request,
	       struct http_reply *reply, struct buf *body, struct error *e);

/* ---- URLs: http_url.c ---- */

/* True and "host" or "host:port" (in lower case) in out when url is https:// without a user. */
bool http_https_host(const char *url, char *out, size_t size);

/* -1 unless url is https://, or http:// to a loopback host; without user, query or fragment. */
int http_check_base_url(const char *url, struct error *e);

#endif
