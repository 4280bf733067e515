/*
 * limit_headers.h - what is left of a key's own limits, in the headers of the API that it speaks:
 *
 *   anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset}   reset: RFC 3339
 *   x-ratelimit-{limit,remaining,reset}-{requests,tokens}           reset: "59s", "14h0m0s"
 *
 * Of several windows the one with the least left is told, the next that would refuse. Tokens of the
 * answer under way are counted at its end, so they are not in it yet. There is no header for
 * credits, none for a measure without a limit, and none of an upstream's limits: those we do not
 * know.
 */
#ifndef FCGI_LIMIT_HEADERS_H
#define FCGI_LIMIT_HEADERS_H

#include "fcgi/request.h"

/* For a door that counts, once it has counted; also where it refused. */
void limit_headers(struct request *r);

#endif
