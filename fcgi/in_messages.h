/*
 * in_messages.h - messages of Chat Completions into the house shape (part of in_openai).
 */
#ifndef FCGI_IN_MESSAGES_H
#define FCGI_IN_MESSAGES_H

#include "fcgi/in_common.h"

/* body.messages: required; roles system, developer, user, assistant, tool and function. */
int in_messages_read(struct in *in, const cJSON *body, const char *name);

#endif
