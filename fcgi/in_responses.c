#include "common/base.h"
#include "fcgi/in.h"

#include "fcgi/in_fields.h"
#include "fcgi/in_hints.h"
#include "fcgi/in_items.h"
#include "fcgi/in_parts.h"
#include "fcgi/in_tools.h"

/* A summary must be asked for: without it the reasoning stays with the model, its signature travels
 * as encrypted_content. */
static int read_reasoning(struct in *in, const cJSON *body, const char *name)
{
	struct json_at at = { .key = name };
	const cJSON *reasoning = NULL;
	const char *summary = NULL;

	if (in_hints_field(in, body, name) ||
	    json_object(body, name, NULL, &reasoning, in->e) < 0 ||
	    in_fields_effort(in, reasoning, "effort", &at) ||
	    json_text(reasoning, "generate_summary", &at, &summary, in->e) < 0 ||
	    json_text(reasoning, "summary", &at, &summary, in->e) < 0)
		return -1;
	in->chat->thinking_omitted =
		in->chat->thinking == THINKING_ON && (!summary || strcmp(summary, "none") == 0);
	return 0;
}

static int read_text(struct in *in, const cJSON *body, const char *name)
{
	struct json_at at = { .key = name };
	struct json_at format_at = { .up = &at, .key = "format" };
	const cJSON *text = NULL, *format = NULL;

	if (json_object(body, name, NULL, &text, in->e) < 0 ||
	    json_object(text, "format", &at, &format, in->e) < 0)
		return -1;
	return in_fields_format(in, format, &format_at);
}

static int read_include(struct in *in, const cJSON *body, const char *name)
{
	struct json_at list_at = { .key = name };
	struct json_at at = { .up = &list_at };
	const cJSON *list = NULL, *item;

	if (json_array(body, name, NULL, &list, in->e) < 0)
		return -1;
	cJSON_ArrayForEach (item, list) {
		if (in_shape_type(in, item, &at, IN_TEXT))
			return -1;
		if (strcmp(item->valuestring, "message.output_text.logprobs") == 0)
			return json_error(&at, NULL, in->e, "logprobs is not supported");
		at.index++;
	}
	return 0;
}

/* In the order in which errors are reported. The input may bring tools, which a choice can name. */
static const struct in_field fields[] = {
	{ "model", in_fields_model },
	{ "previous_response_id", in_fields_refuse },
	{ "conversation", in_fields_refuse },
	{ "prompt", in_fields_refuse },
	{ "background", in_fields_refuse_true },
	{ "top_logprobs", in_fields_top_logprobs },
	{ "include", read_include },
	{ "tools", in_tools_field },
	{ "instructions", in_items_instructions },
	{ "input", in_items_read },
	{ "max_tool_calls", in_tools_search },
	{ "stream", in_fields_stream },
	{ "stream_options", in_fields_stream_options },
	{ "stream_options", in_hints_field },
	{ "max_output_tokens", in_fields_max_tokens },
	{ "tool_choice", in_tools_choice },
	{ "parallel_tool_calls", in_fields_parallel },
	{ "reasoning", read_reasoning },
	{ "text", read_text },
	{ "text", in_hints_field },
	{ "temperature", in_fields_temperature },
	{ "top_p", in_fields_fraction },
	{ "prompt_cache_key", in_fields_conversation },
	{ "client_metadata", in_hints_field },
	{ "context_management", in_hints_field },
	{ "metadata", in_hints_field },
	{ "moderation", in_hints_field },
	{ "prompt_cache_options", in_hints_field },
	{ "prompt_cache_retention", in_hints_field },
	{ "safety_identifier", in_hints_field },
	{ "service_tier", in_hints_field },
	{ "store", in_hints_field },
	{ "truncation", in_hints_field },
	{ "user", in_hints_field },
};

int in_responses(const cJSON *body, struct arena *arena, struct chat *chat, struct error *e)
{
	struct in in;

	in_init(&in, arena, chat, e);
	in.flat_tools = true;
	chat->echo = body;
	if (in_read_fields(&in, body, fields, ARRAY_SIZE(fields)))
		return -1;
	return in_finish(&in);
}
