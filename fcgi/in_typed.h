/*
 * in_typed.h - tools of the Messages API that have a type instead of a schema.
 */
#ifndef FCGI_IN_TYPED_H
#define FCGI_IN_TYPED_H

#include "fcgi/in_common.h"

/* A tool that the client executes and whose schema is public knowledge: fills *tool with name,
 * description and schema. 0; -1: a type that is not served, the error names the tool. */
int in_typed_read(struct in *in, const cJSON *json, const char *type, const struct json_at *at,
		  struct tool *tool);

/* Fields that every tool may have: their shape. But for the next, they have no effect here. */
int in_typed_check(struct in *in, const cJSON *json, const struct json_at *at);

/* input_examples, which were checked, behind the tool's description: the upstream has no member for
 * them. */
void in_typed_examples(struct in *in, const cJSON *json, struct tool *tool);

#endif
