/*
 * in_hints.h - what both OpenAI APIs have and what has no effect here: its shape is checked.
 */
#ifndef FCGI_IN_HINTS_H
#define FCGI_IN_HINTS_H

#include "fcgi/in_shape.h"

/* A top-level field of a request, for struct in_field. */
int in_hints_field(struct in *in, const cJSON *body, const char *name);

/* Members for in_shape_check(). grammar: of a custom tool's format, or of the object in it. */
extern const struct in_member in_hints_message[], in_hints_image[], in_hints_item[],
	in_hints_tool[], in_hints_format[], in_hints_grammar[], in_hints_schema[],
	in_hints_search[];

#endif
