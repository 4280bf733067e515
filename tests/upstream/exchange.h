/*
 * exchange.h - one request on its way through a handler, and the ways to answer it.
 */
#ifndef STANDIN_EXCHANGE_H
#define STANDIN_EXCHANGE_H

#include "problem.h"
#include "standin.h"

struct operation;

struct exchange {
	struct standin *app;
	struct conn *conn;
	struct request request;
	const struct operation *operation;
	bool rpc; /* awsJson: POST / and x-amz-target; else restJson */
	bool krs; /* the new service's rules; else the old one's */
	cJSON *body;
	size_t body_size, body_depth; /* bytes, and how deep it nests */
	struct identity who;
	struct entry *entry;
	char request_id[37];
	int status;    /* what was answered */
	uint64_t sent; /* bytes of a stream */
	bool close;    /* the connection ends with this answer */
};

/* Sends the JSON (and deletes it). */
void exchange_answer(struct exchange *x, int status, cJSON *body);

/* Sends the text as it is. headers: lines with CRLF, or NULL; content_type NULL: the protocol's. */
void exchange_answer_text(struct exchange *x, int status, const char *content_type,
			  const char *headers, const char *body);

/* Sends the error in the shape that this service has. */
void exchange_refuse(struct exchange *x, const struct problem *p);

/* application/json, or application/x-amz-json-1.0 under awsJson. */
const char *exchange_content_type(const struct exchange *x);

#endif
