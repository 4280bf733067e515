/*
 * in_parts.h - messages of Chat Completions into the house shape (part of in_openai).
 */
#ifndef FCGI_IN_PARTS_H
#define FCGI_IN_PARTS_H

#include "fcgi/in_common.h"

#define UNSUPPORTED "not supported by this gateway"

/* body.messages: required, roles system, developer, user, assistant and tool. */
int in_parts_messages(struct in *in, const cJSON *body, const char *name);

/* The API's own words for an absent field, which name it in quotes. Always -1. */
int in_parts_missing(struct in *in, const char *name);

#endif
