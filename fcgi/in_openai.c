#include "common/base.h"
#include "fcgi/in.h"

#include "common/limits.h"
#include "fcgi/in_fields.h"
#include "fcgi/in_hints.h"
#include "fcgi/in_messages.h"
#include "fcgi/in_parts.h"
#include "fcgi/in_tools.h"

static int read_n(struct in *in, const cJSON *body, const char *name)
{
	int64_t n = 1;

	if (json_int(body, name, NULL, 1, 128, &n, in->e) < 0)
		return -1;
	return n == 1 ? 0 : json_error(NULL, name, in->e, "more than 1 is " UNSUPPORTED);
}

/* One text, where an empty one is none, or up to four. */
static int read_stop(struct in *in, const cJSON *body, const char *name)
{
	const cJSON *stop = json_member(body, name);

	if (cJSON_IsString(stop) && !stop->valuestring[0])
		return 0;
	if (cJSON_GetArraySize(stop) > 4)
		return json_error(NULL, name, in->e, "List should have at most 4 items");
	return in_stop_sequences(in, body, name, true);
}

static int read_reasoning_effort(struct in *in, const cJSON *body, const char *name)
{
	return in_fields_effort(in, body, name, NULL);
}

static int read_response_format(struct in *in, const cJSON *body, const char *name)
{
	struct json_at at = { .key = name };
	const cJSON *format = NULL;

	if (json_object(body, name, NULL, &format, in->e) < 0)
		return -1;
	return in_fields_format(in, format, &at);
}

static int read_modalities(struct in *in, const cJSON *body, const char *name)
{
	const cJSON *list = NULL, *item;

	if (json_array(body, name, NULL, &list, in->e) < 0)
		return -1;
	cJSON_ArrayForEach (item, list) {
		if (!cJSON_IsString(item) || strcmp(item->valuestring, "text") != 0)
			return json_error(NULL, name, in->e, "only 'text' is supported");
	}
	return 0;
}

/* In the order in which errors are reported; of the two limits the later one wins. */
static const struct in_field fields[] = {
	{ "model", in_fields_model },
	{ "n", read_n },
	{ "logprobs", in_fields_refuse_true },
	{ "top_logprobs", in_fields_top_logprobs },
	{ "messages", in_messages_read },
	{ "max_tokens", in_fields_max_tokens },
	{ "max_completion_tokens", in_fields_max_tokens },
	{ "stream", in_fields_stream },
	{ "stream_options", in_fields_stream_options },
	{ "stream_options", in_hints_field },
	{ "tools", in_tools_field },
	{ "functions", in_tools_functions },
	{ "web_search_options", in_tools_search_options },
	{ "tools", in_tools_search },
	{ "tool_choice", in_tools_choice },
	{ "function_call", in_tools_function_call },
	{ "parallel_tool_calls", in_fields_parallel },
	{ "response_format", read_response_format },
	{ "reasoning_effort", read_reasoning_effort },
	{ "modalities", read_modalities },
	{ "audio", in_fields_refuse },
	{ "stop", read_stop },
	{ "temperature", in_fields_temperature },
	{ "top_p", in_fields_fraction },
	{ "presence_penalty", in_fields_penalty },
	{ "frequency_penalty", in_fields_penalty },
	{ "prompt_cache_key", in_fields_conversation },
	{ "logit_bias", in_hints_field },
	{ "metadata", in_hints_field },
	{ "moderation", in_hints_field },
	{ "prediction", in_hints_field },
	{ "prompt_cache_options", in_hints_field },
	{ "prompt_cache_retention", in_hints_field },
	{ "safety_identifier", in_hints_field },
	{ "seed", in_hints_field },
	{ "service_tier", in_hints_field },
	{ "store", in_hints_field },
	{ "user", in_hints_field },
	{ "verbosity", in_hints_field },
};

/* Cursor sends bodies of the Responses API here, and wants Chat Completions back. */
static bool is_responses(const cJSON *body)
{
	return json_member(body, "input") && !json_member(body, "messages");
}

int in_openai(const cJSON *body, struct arena *arena, struct chat *chat, struct error *e)
{
	struct in in;

	if (is_responses(body))
		return in_responses(body, arena, chat, e);
	in_init(&in, arena, chat, e);
	if (in_read_fields(&in, body, fields, ARRAY_SIZE(fields)))
		return -1;
	return in_finish(&in);
}
