/*
 * in_shape.h - fields of the Messages API that have no effect here: only their shape is checked, so
 * that a client learns of its mistakes as it would from the API.
 */
#ifndef FCGI_IN_SHAPE_H
#define FCGI_IN_SHAPE_H

#include "fcgi/in_common.h"

enum in_shape {
	SHAPE_TEXT,
	SHAPE_BOOL,
	SHAPE_OBJECT,
	SHAPE_ARRAY,
	SHAPE_TEXTS,   /* array of texts */
	SHAPE_OBJECTS, /* array of objects, each with a type */
	SHAPE_TEXT_OR_OBJECT,
	SHAPE_CACHE_CONTROL, /* {"type":"ephemeral","ttl":"5m"|"1h"} */
	SHAPE_CITATIONS,     /* {"enabled":bool} */
	SHAPE_EDITS,	     /* {"edits":OBJECTS} */
	SHAPE_DISPLAY,	     /* {"display":"summarized"|"omitted"|"updates"} */
};

struct in_member {
	const char *name;
	enum in_shape shape;
	const char *values[4]; /* TEXT: the allowed ones; none: any text */
};

/* Absent and null members are fine. 0 or -1. */
int in_shape_check(struct in *in, const cJSON *json, const struct json_at *at,
		   const struct in_member *members, size_t count);
int in_shape_cache_control(struct in *in, const cJSON *json, const struct json_at *at);

/* A top-level field of a request, for struct in_field. */
int in_shape_field(struct in *in, const cJSON *body, const char *name);

#endif
