/*
 * request.h - one client request: where it goes, its body, its answer, and all memory of both.
 */
#ifndef FCGI_REQUEST_H
#define FCGI_REQUEST_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/error.h"
#include "common/keys.h"
#include "fcgi/app.h"
#include "fcgi/conn.h"
#include "fcgi/gate.h"
#include "fcgi/ledger.h"
#include "fcgi/response.h"

#include <cjson/cJSON.h>

struct account;
struct route;
struct dialect;

struct request {
	struct site *site; /* held for the whole request */
	struct conn *conn; /* borrowed */
	char id[32];	   /* "req_" and 24 characters */
	const char *method;
	const char *path;	       /* full, decoded, in the arena */
	const char *path_info;	       /* its part below the program, "" where that is not told */
	const struct route *route;     /* NULL: no such path */
	const char *rest;	       /* what a route's trailing "*" stood for */
	const struct dialect *dialect; /* whose error envelope; never NULL after routing */
	struct key key;		       /* who asks */
	struct account *own;	       /* it brought its own credentials; owned. NULL: the pool's */
	struct gate gate;
	struct arena arena;
	struct buf body; /* until request_json(), unless it is captured */
	bool large;	 /* much memory is free again behind the request */
	cJSON *json;	 /* of the body, by request_json() */
	struct response response;
	struct error error;
	struct ledger ledger;
	/* Of the admin API, for the audit log; texts are in the arena. */
	struct {
		int64_t begun; /* number of the line that announced it; 0: none is under way */
		const char *action, *target, *detail;
		bool listed; /* target is what was touched */
	} change;
};

void request_init(struct request *r, struct site *site, struct conn *conn);
void request_release(struct request *r);

/* The path for logs and messages: an older gateway's have a user's activation code in them, which
 * is a secret. */
const char *request_shown_path(struct request *r);

/* What stands for the "*" of the route, up to the next "/"; in the arena. */
const char *request_segment(struct request *r);

/* Header by its CGI name, "HTTP_X_API_KEY"; NULL when absent. */
const char *request_header(struct request *r, const char *name);

/* A parameter of the query string, decoded, in the arena; NULL when absent. */
const char *request_query(struct request *r, const char *name);

/* Reads the body to its end whatever happens (some web servers lose an early answer); what is
 * beyond the limit is dropped and ERR_TOO_LARGE set. */
int request_read_body(struct request *r, size_t limit);

/* Parses the body into r->json: an object. */
int request_json(struct request *r);

#endif
