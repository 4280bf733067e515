/*
 * reply.h - the answer to a chat that no script covers: it says what it is and what it heard.
 *
 * "@call NAME {json}@" in the text makes it call that tool, if the request offers it.
 */
#ifndef STANDIN_REPLY_H
#define STANDIN_REPLY_H

#include "exchange.h"

/* To be freed with script_free(). user: the current userInputMessage of a valid request. */
struct script *reply_new(const struct exchange *x, const cJSON *user);

#endif
