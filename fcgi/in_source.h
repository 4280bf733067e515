/*
 * in_source.h - Messages API: the blocks that bring something to look at, image, document and
 * search_result, from whatever source they name.
 */
#ifndef FCGI_IN_SOURCE_H
#define FCGI_IN_SOURCE_H

#include "fcgi/in_common.h"

/* `at` names the block with its type: "messages.0.content.1.image". 0 or -1. */
int in_source_image(struct in *in, const cJSON *json, const struct json_at *at, struct block *out);
int in_source_document(struct in *in, const cJSON *json, const struct json_at *at,
		       struct block *out);
int in_source_search_result(struct in *in, const cJSON *json, const struct json_at *at,
			    struct block *out);

#endif
