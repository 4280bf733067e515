/*
 * out_response.h - the response object of Responses: in events that tell how an answer stands, and
 * as a whole answer.
 */
#ifndef FCGI_OUT_RESPONSE_H
#define FCGI_OUT_RESPONSE_H

#include "fcgi/out.h"

/* How an answer stands: while it goes on, only the status. brief: without what it repeats of the
 * request. */
struct ending {
	const char *status, *reason; /* reason: why it is incomplete */
	const struct answer_usage *usage;
	const struct error *failure;
	bool brief;
};

/* Without output: an answer shows it item by item. */
extern const struct ending in_progress, still_in_progress;

void out_response_write(const struct out *o, const struct ending *ending, struct jsonw *w);

#endif
