/*
 * in.h - the dialects' readers: a request body as a JSON tree in, the house shape out.
 *
 * What is allocated lies in the arena; texts stay borrowed from the tree. Errors name the field in
 * the client API's own path notation ("messages.0.content.1.source: ..."). A field that we cannot
 * serve is an error, never dropped; fields that change nothing we could honour (sampling, caching
 * hints, metadata) are accepted, as listed in the README.
 */
#ifndef FCGI_IN_H
#define FCGI_IN_H

#include "common/arena.h"
#include "common/error.h"
#include "fcgi/chat.h"

int in_anthropic(const cJSON *body, struct arena *arena, struct chat *chat, struct error *e);
/* count_tokens: the same body without max_tokens and stream. */
int in_anthropic_count(const cJSON *body, struct arena *arena, struct chat *chat, struct error *e);
int in_openai(const cJSON *body, struct arena *arena, struct chat *chat, struct error *e);
int in_responses(const cJSON *body, struct arena *arena, struct chat *chat, struct error *e);

#endif
