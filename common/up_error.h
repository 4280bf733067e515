/*
 * up_error.h - what the upstream's refusals mean: one classifier for HTTP error bodies and for
 * exceptions inside a stream. Judged by reason, then type, then message, then status, because the
 * status is unreliable (quota was seen as 400, 402 and 429).
 */
#ifndef COMMON_UP_ERROR_H
#define COMMON_UP_ERROR_H

#include "common/error.h"

struct up_refusal {
	int status;	     /* HTTP status, 0: inside a stream */
	const char *type;    /* exception name with or without namespace, "" unknown */
	int retry_after;     /* seconds from the header, 0: none */
	struct span payload; /* {"__type","message","reason","retryAfterMilliseconds"}, or any */
};

/* Always -1; *e gets kind, upstream's own words (cut to length), retry_after and up_status. A
 * payload that is no JSON object (a proxy's HTML page) is never quoted. */
int up_error_set(const struct up_refusal *refusal, struct error *e);

#endif
