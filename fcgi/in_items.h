/*
 * in_items.h - items of Responses into the house shape (part of in_responses).
 */
#ifndef FCGI_IN_ITEMS_H
#define FCGI_IN_ITEMS_H

#include "fcgi/in_common.h"

/* body.input: required; a string, or an array of items. */
int in_items_read(struct in *in, const cJSON *body, const char *name);

/* body.instructions: a string, or an array of messages; in front of everything. */
int in_items_instructions(struct in *in, const cJSON *body, const char *name);

#endif
