/*
 * in_fields.h - plain fields that both OpenAI APIs have; each is a reader for a struct in_field
 * row.
 */
#ifndef FCGI_IN_FIELDS_H
#define FCGI_IN_FIELDS_H

#include "fcgi/in_common.h"

typedef int in_field_reader(struct in *in, const cJSON *body, const char *name);

in_field_reader in_fields_model, in_fields_stream, in_fields_stream_options, in_fields_max_tokens,
	in_fields_parallel, in_fields_conversation;

/* Sampling: no control of the upstream, but ranges are checked. */
in_field_reader in_fields_temperature, in_fields_fraction, in_fields_penalty;

/* What is refused when it asks for something. */
in_field_reader in_fields_refuse, in_fields_refuse_true, in_fields_top_logprobs;

/* The member "effort" or "reasoning_effort" of `from`. */
int in_fields_effort(struct in *in, const cJSON *from, const char *name, const struct json_at *at);

/* {"type": "text" | "json_object" | "json_schema", ...}; the schema stands beside the type, or in a
 * member "json_schema". NULL is fine. */
int in_fields_format(struct in *in, const cJSON *format, const struct json_at *at);

#endif
