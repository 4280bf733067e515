/*
 * out_message.h - the members of a message of the Messages API that its events and a whole answer
 * share.
 *
 * Clients' types have every one of them without a question mark, most as something or null: so what
 * this gateway knows nothing of is null, and read without a look whether it is there.
 */
#ifndef FCGI_OUT_MESSAGE_H
#define FCGI_OUT_MESSAGE_H

#include "fcgi/out.h"

/* {"id" ... without content, stop and usage: the object stays open. */
void out_message_head(const struct out *o, struct jsonw *w);

void out_message_usage(const struct answer_usage *usage, struct jsonw *w);

/* How the answer ended; NULL: it goes on. */
void out_message_stop(const struct event *stop, struct jsonw *w);

/* Of the block of a call: all but its type and input. */
void out_message_call(const struct event *call, struct jsonw *w);

/* The block with a search's results. */
void out_message_result(const struct event *result, struct jsonw *w);

#endif
