#include "common/base.h"
#include "fcgi/in_fields.h"

#include "fcgi/in_hints.h"
#include "fcgi/in_parts.h"

int in_fields_model(struct in *in, const cJSON *body, const char *name)
{
	int rc = json_text(body, name, NULL, &in->chat->model, in->e);

	return rc < 0 ? -1 : rc == 0 || !in->chat->model[0] ? in_parts_missing(in, name) : 0;
}

int in_fields_stream(struct in *in, const cJSON *body, const char *name)
{
	return json_bool(body, name, NULL, &in->chat->stream, in->e) < 0 ? -1 : 0;
}

int in_fields_stream_options(struct in *in, const cJSON *body, const char *name)
{
	struct json_at at = { .key = name };
	const cJSON *options = NULL;

	if (json_object(body, name, NULL, &options, in->e) < 0)
		return -1;
	return json_bool(options, "include_usage", &at, &in->chat->include_usage, in->e) < 0 ? -1
											     : 0;
}

int in_fields_max_tokens(struct in *in, const cJSON *body, const char *name)
{
	return json_int(body, name, NULL, 1, INT32_MAX, &in->chat->max_tokens, in->e) < 0 ? -1 : 0;
}

int in_fields_parallel(struct in *in, const cJSON *body, const char *name)
{
	bool parallel = true;

	if (json_bool(body, name, NULL, &parallel, in->e) < 0)
		return -1;
	in->chat->one_call |= !parallel;
	return 0;
}

int in_fields_conversation(struct in *in, const cJSON *body, const char *name)
{
	const char *key = "";

	if (json_text(body, name, NULL, &key, in->e) < 0)
		return -1;
	if (key[0])
		in->chat->conversation = key;
	return 0;
}

int in_fields_temperature(struct in *in, const cJSON *body, const char *name)
{
	return in_check_number(in, body, name, 0, 2);
}

int in_fields_fraction(struct in *in, const cJSON *body, const char *name)
{
	return in_check_number(in, body, name, 0, 1);
}

int in_fields_penalty(struct in *in, const cJSON *body, const char *name)
{
	return in_check_number(in, body, name, -2, 2);
}

int in_fields_refuse(struct in *in, const cJSON *body, const char *name)
{
	return json_member(body, name) ? json_error(NULL, name, in->e, UNSUPPORTED) : 0;
}

int in_fields_refuse_true(struct in *in, const cJSON *body, const char *name)
{
	bool wanted = false;

	if (json_bool(body, name, NULL, &wanted, in->e) < 0)
		return -1;
	return wanted ? json_error(NULL, name, in->e, "%s is not supported", name) : 0;
}

int in_fields_top_logprobs(struct in *in, const cJSON *body, const char *name)
{
	int64_t count = 0;

	if (json_int(body, name, NULL, 0, 20, &count, in->e) < 0)
		return -1;
	return count ? json_error(NULL, name, in->e, "%s is not supported", name) : 0;
}

int in_fields_effort(struct in *in, const cJSON *from, const char *name, const struct json_at *at)
{
	struct chat *chat = in->chat;
	const char *effort = NULL;
	int rc = json_text(from, name, at, &effort, in->e);

	if (rc <= 0)
		return rc;
	if (strcmp(effort, "none") == 0 || strcmp(effort, "minimal") == 0) {
		chat->thinking = THINKING_OFF;
		chat->effort = EFFORT_DEFAULT;
		return 0;
	}
	if (!in_effort(in, effort))
		return json_error(at, name, in->e,
				  "Input should be 'none', 'minimal', 'low', 'medium', 'high', "
				  "'xhigh' or 'max'");
	chat->thinking = THINKING_ON;
	return 0;
}

static int read_schema(struct in *in, const cJSON *format, const struct json_at *at)
{
	struct json_at inside = { .up = at, .key = "json_schema" };
	const cJSON *nested = NULL, *schema = NULL;
	int rc = json_object(format, "json_schema", at, &nested, in->e);

	if (rc < 0)
		return -1;
	if (rc) {
		format = nested;
		at = &inside;
	}
	if (in_shape_check(in, format, at, in_hints_schema) ||
	    json_object(format, "schema", at, &schema, in->e) < 0)
		return -1;
	in->chat->format = schema ? FORMAT_SCHEMA : FORMAT_JSON;
	in->chat->schema = schema;
	return 0;
}

int in_fields_format(struct in *in, const cJSON *format, const struct json_at *at)
{
	const char *type;

	if (!format)
		return 0;
	if (json_need_text(format, "type", at, &type, in->e))
		return -1;
	if (strcmp(type, "json_schema") == 0)
		return read_schema(in, format, at);
	if (strcmp(type, "json_object") == 0)
		in->chat->format = FORMAT_JSON;
	else if (strcmp(type, "text") != 0)
		return json_error(at, "type", in->e,
				  "Input should be 'text', 'json_object' or 'json_schema'");
	return 0;
}
