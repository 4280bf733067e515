/*
 * response.h - what goes back: status line, headers, bodies. `started` is the fact on which failure
 * handling turns: before it an error has an HTTP status, after it only an event in the stream.
 */
#ifndef FCGI_RESPONSE_H
#define FCGI_RESPONSE_H

#include "common/buf.h"
#include "common/error.h"
#include "fcgi/conn.h"

struct response {
	struct conn *conn;	 /* borrowed */
	const char *request_id;	 /* borrowed */
	const char *cors_origin; /* allowed origin to name, NULL: none */
	const char *extra;	 /* further header lines, each with CRLF, NULL: none; borrowed */
	bool may_keep;		 /* a browser may keep it, and asks with its ETag before use */
	bool head;		 /* HEAD: headers only */
	bool started;
	int status;	  /* sent */
	size_t bytes;	  /* of bodies sent */
	struct buf *copy; /* of the body, body_capture.c; NULL: none */
};

/* Of a client's header: visible ASCII and spaces only, so that it may stand in one of ours. */
bool response_may_echo(const char *value);

/* All return 0, or -1 when the client has left. */
int response_whole(struct response *r, int status, const char *content_type, struct span body);
/* allow: the methods for an Allow header, or NULL. */
int response_error(struct response *r, int status, const struct error *failure, const char *allow,
		   struct span body);
int response_empty(struct response *r, int status, const char *allow);
int response_preflight(struct response *r, const char *allow, const char *asked_headers);

/* more: something is written at once, with which the head may leave. */
int response_begin_stream(struct response *r, bool more);
int response_write(struct response *r, struct span bytes); /* flushed */

#endif
