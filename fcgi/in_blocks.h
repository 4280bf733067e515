/*
 * in_blocks.h - messages of the Messages API into the house shape (part of in_anthropic), and its
 * blocks alone, for clients that send them elsewhere.
 */
#ifndef FCGI_IN_BLOCKS_H
#define FCGI_IN_BLOCKS_H

#include "fcgi/in_common.h"

/* body.messages: required, roles user, assistant and system. */
int in_blocks_messages(struct in *in, const cJSON *body, const char *name);

/* Whether blocks of this type may stand in the content of that role. */
bool in_blocks_knows(const char *type, enum role role);
/* Such a block. 1: in *out, 0: it says nothing, -1. */
int in_blocks_read(struct in *in, const cJSON *json, enum role role, const struct json_at *at,
		   struct block *out);

/* output_config.effort of a request or a message. */
int in_blocks_effort(struct in *in, const cJSON *output_config, const struct json_at *at);

/* Whether the model may see a tool of the request, when all messages have been read. */
bool in_blocks_offers(const struct in *in, const char *tool, bool deferred);

#endif
