/*
 * in_text.h - Messages API: text blocks where only their texts matter: in system prompts,
 * documents, search results. Empty texts are left out.
 */
#ifndef FCGI_IN_TEXT_H
#define FCGI_IN_TEXT_H

#include "fcgi/in_common.h"
#include "fcgi/in_shape.h"

/* Of a text block, beside type and text; ends with a NULL name. */
extern const struct in_member in_text_members[];

/* A block that must be of type text. 0 or -1. */
int in_text_add(struct in *in, const cJSON *block, const struct json_at *at,
		struct in_texts *texts);

/* A string, or an array of text blocks and nothing else. 0 or -1. */
int in_text_all(struct in *in, const cJSON *content, const struct json_at *at,
		struct in_texts *texts);

#endif
