#include "common/base.h"
#include "fcgi/in.h"

#include "common/limits.h"
#include "fcgi/in_parts.h"

static int read_model(struct in *in, const cJSON *body, const char *name)
{
	int rc = json_text(body, name, NULL, &in->chat->model, in->e);

	return rc < 0 ? -1 : rc == 0 || !in->chat->model[0] ? in_parts_missing(in, name) : 0;
}

static int read_tool(struct in *in, const cJSON *json, const struct json_at *at)
{
	struct json_at inside = { .up = at, .key = "function" };
	struct tool tool = { .description = "" };
	const cJSON *function = NULL;
	const char *type;

	if (!cJSON_IsObject(json))
		return json_error(at, NULL, in->e, "Input should be an object");
	if (json_need_text(json, "type", at, &type, in->e))
		return -1;
	if (strcmp(type, "function") != 0)
		return json_error(at, "type", in->e, "'%.64s' tools are " UNSUPPORTED, type);
	if (json_object(json, "function", at, &function, in->e) < 0)
		return -1;
	if (!function)
		return json_error(at, "function", in->e, "Field required");
	if (json_need_text(function, "name", &inside, &tool.name, in->e) ||
	    json_text(function, "description", &inside, &tool.description, in->e) < 0)
		return -1;
	if (!tool.name[0] || strlen(tool.name) > LIMIT_TOOL_NAME)
		return json_error(&inside, "name", in->e, "Input should have 1 to %d bytes",
				  LIMIT_TOOL_NAME);
	tool.schema = json_member(function, "parameters");
	if (in_check_schema(in, tool.schema, &inside, "parameters"))
		return -1;
	in->chat->tools[in->chat->tool_count++] = tool;
	return 0;
}

static int read_tools(struct in *in, const cJSON *body, const char *name)
{
	struct json_at list_at = { .key = name };
	struct json_at at = { .up = &list_at };
	const cJSON *tools = NULL, *tool;
	size_t count = 0;

	if (json_array(body, name, NULL, &tools, in->e) < 0)
		return -1;
	cJSON_ArrayForEach (tool, tools)
		count++;
	if (count > LIMIT_TOOLS)
		return json_error(NULL, name, in->e, "at most %d tools are taken", LIMIT_TOOLS);
	in->chat->tools = arena_array(in->arena, count, sizeof(*in->chat->tools));
	cJSON_ArrayForEach (tool, tools) {
		if (read_tool(in, tool, &at))
			return -1;
		at.index++;
	}
	return 0;
}

static int read_tool_choice(struct in *in, const cJSON *body, const char *name)
{
	const cJSON *choice = json_member(body, name);
	const char *mode = cJSON_IsString(choice) ? choice->valuestring : "";

	if (!choice || strcmp(mode, "auto") == 0)
		return 0;
	if (strcmp(mode, "none") != 0)
		return json_error(NULL, name, in->e,
				  "only 'auto' and 'none' are supported by this gateway");
	in->chat->tool_choice = CHOICE_NONE;
	return 0;
}

static int read_parallel(struct in *in, const cJSON *body, const char *name)
{
	bool parallel = true;

	if (json_bool(body, name, NULL, &parallel, in->e) < 0)
		return -1;
	return parallel ? 0 : json_error(NULL, name, in->e, "false is " UNSUPPORTED);
}

static int read_stream(struct in *in, const cJSON *body, const char *name)
{
	return json_bool(body, name, NULL, &in->chat->stream, in->e) < 0 ? -1 : 0;
}

static int read_stream_options(struct in *in, const cJSON *body, const char *name)
{
	struct json_at at = { .key = name };
	const cJSON *options = NULL;

	if (json_object(body, name, NULL, &options, in->e) < 0)
		return -1;
	return json_bool(options, "include_usage", &at, &in->chat->include_usage, in->e) < 0 ? -1
											     : 0;
}

static int read_max_tokens(struct in *in, const cJSON *body, const char *name)
{
	return json_int(body, name, NULL, 1, INT32_MAX, &in->chat->max_tokens, in->e) < 0 ? -1 : 0;
}

static int read_reasoning_effort(struct in *in, const cJSON *body, const char *name)
{
	static const struct {
		const char *name;
		enum thinking thinking;
		enum effort effort;
	} efforts[] = {
		{ "none", THINKING_OFF, EFFORT_DEFAULT },
		{ "minimal", THINKING_OFF, EFFORT_DEFAULT },
		{ "low", THINKING_ON, EFFORT_LOW },
		{ "medium", THINKING_ON, EFFORT_MEDIUM },
		{ "high", THINKING_ON, EFFORT_HIGH },
		{ "xhigh", THINKING_ON, EFFORT_XHIGH },
		{ "max", THINKING_ON, EFFORT_MAX },
	};
	const char *effort = NULL;
	int rc = json_text(body, name, NULL, &effort, in->e);

	for (size_t i = 0; rc == 1 && i < ARRAY_SIZE(efforts); i++) {
		if (strcmp(effort, efforts[i].name) == 0) {
			in->chat->thinking = efforts[i].thinking;
			in->chat->effort = efforts[i].effort;
			return 0;
		}
	}
	if (rc == 1)
		return json_error(NULL, name, in->e,
				  "Input should be 'none', 'minimal', 'low', 'medium', 'high', "
				  "'xhigh' or 'max'");
	return rc;
}

static int read_response_format(struct in *in, const cJSON *body, const char *name)
{
	struct json_at at = { .key = name };
	const cJSON *format = NULL;
	const char *type;

	if (json_object(body, name, NULL, &format, in->e) < 0)
		return -1;
	if (!format)
		return 0;
	if (json_need_text(format, "type", &at, &type, in->e))
		return -1;
	if (strcmp(type, "text") != 0)
		return json_error(NULL, name, in->e, "'%.64s' is " UNSUPPORTED, type);
	return 0;
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

static int read_n(struct in *in, const cJSON *body, const char *name)
{
	int64_t n = 1;

	if (json_int(body, name, NULL, 1, 128, &n, in->e) < 0)
		return -1;
	return n == 1 ? 0 : json_error(NULL, name, in->e, "more than 1 is " UNSUPPORTED);
}

static int refuse_true(struct in *in, const cJSON *body, const char *name)
{
	bool wanted = false;

	if (json_bool(body, name, NULL, &wanted, in->e) < 0)
		return -1;
	return wanted ? json_error(NULL, name, in->e, "%s is not supported", name) : 0;
}

static int read_top_logprobs(struct in *in, const cJSON *body, const char *name)
{
	int64_t count = 0;

	if (json_int(body, name, NULL, 0, 20, &count, in->e) < 0)
		return -1;
	return count ? json_error(NULL, name, in->e, "%s is not supported", name) : 0;
}

/* A string or list that must be absent or empty. */
static int refuse_filled(struct in *in, const cJSON *body, const char *name)
{
	const cJSON *item = json_member(body, name);

	if (!item || (cJSON_IsArray(item) && !item->child))
		return 0;
	return json_error(NULL, name, in->e, UNSUPPORTED);
}

static int read_temperature(struct in *in, const cJSON *body, const char *name)
{
	return in_check_number(in, body, name, 0, 2);
}

static int read_fraction(struct in *in, const cJSON *body, const char *name)
{
	return in_check_number(in, body, name, 0, 1);
}

static int read_penalty(struct in *in, const cJSON *body, const char *name)
{
	return in_check_number(in, body, name, -2, 2);
}

static int read_conversation(struct in *in, const cJSON *body, const char *name)
{
	const char *key = "";

	if (json_text(body, name, NULL, &key, in->e) < 0)
		return -1;
	if (key[0])
		in->chat->conversation = key;
	return 0;
}

/* In the order in which errors are reported; of the two limits the later one wins. */
static const struct in_field fields[] = {
	{ "model", read_model },
	{ "n", read_n },
	{ "logprobs", refuse_true },
	{ "top_logprobs", read_top_logprobs },
	{ "messages", in_parts_messages },
	{ "max_tokens", read_max_tokens },
	{ "max_completion_tokens", read_max_tokens },
	{ "stream", read_stream },
	{ "stream_options", read_stream_options },
	{ "tools", read_tools },
	{ "tool_choice", read_tool_choice },
	{ "parallel_tool_calls", read_parallel },
	{ "functions", refuse_filled },
	{ "function_call", refuse_filled },
	{ "response_format", read_response_format },
	{ "reasoning_effort", read_reasoning_effort },
	{ "modalities", read_modalities },
	{ "stop", refuse_filled },
	{ "temperature", read_temperature },
	{ "top_p", read_fraction },
	{ "presence_penalty", read_penalty },
	{ "frequency_penalty", read_penalty },
	{ "prompt_cache_key", read_conversation },
	{ "audio", NULL },
	{ "logit_bias", NULL },
	{ "metadata", NULL },
	{ "moderation", NULL },
	{ "prediction", NULL },
	{ "prompt_cache_options", NULL },
	{ "prompt_cache_retention", NULL },
	{ "safety_identifier", NULL },
	{ "seed", NULL },
	{ "service_tier", NULL },
	{ "store", NULL },
	{ "user", NULL },
	{ "verbosity", NULL },
	{ "web_search_options", NULL },
};

int in_openai(const cJSON *body, struct arena *arena, struct chat *chat, struct error *e)
{
	struct in in;

	in_init(&in, arena, chat, e);
	if (in_read_fields(&in, body, fields, ARRAY_SIZE(fields)))
		return -1;
	return in_finish(&in);
}
