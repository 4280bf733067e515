/*
 * http.h - HTTP/1.1 as a server: one request in, one whole answer out.
 *
 * Streams are written by sink.c; everything else goes through http_answer().
 */
#ifndef STANDIN_HTTP_H
#define STANDIN_HTTP_H

#include "conn.h"
#include "text.h"

struct http_header {
	char *name, *value; /* name in lower case */
};

struct request {
	char method[16];
	char *path;  /* percent-encoding kept, without the query */
	char *query; /* after the '?', "" if there was none */
	struct http_header headers[LIMIT_HEADERS];
	size_t header_count;
	struct text body;
	bool keep_alive;
};

/*
 * 1: a whole request; 0: the client closed between requests; else the negative status to
 * answer before closing. r is to be released in every case.
 */
int http_read(struct conn *c, struct request *r);
void http_release(struct request *r);

const char *http_header(const struct request *r, const char *name); /* lower case; NULL if absent */

/* True if the header's media type, without parameters, is this one. */
bool http_content_is(const struct request *r, const char *type);

char *http_decode(const char *at, size_t len); /* percent-encoded text; free() it */

/* A percent-decoded query parameter, NULL if absent; free() it. */
char *http_query(const struct request *r, const char *name);

/* extra: further header lines, each ended by CRLF; may be NULL. body may be empty. 0 or -1. */
int http_answer(struct conn *c, const struct request *r, int status, const char *content_type,
		const char *extra, const char *body, size_t len);

const char *http_reason(int status);

#endif
