#include "common/base.h"
#include "fcgi/in.h"

#include "common/limits.h"
#include "fcgi/in_blocks.h"
#include "fcgi/in_search.h"
#include "fcgi/in_shape.h"
#include "fcgi/in_text.h"
#include "fcgi/in_typed.h"

#define BILLING_HEADER "x-anthropic-billing-header:"

static int read_model(struct in *in, const cJSON *body, const char *name)
{
	if (in_need_name(in, body, name, NULL, &in->chat->model))
		return -1;
	return 0;
}

static int read_max_tokens(struct in *in, const cJSON *body, const char *name)
{
	int rc;

	if (in->count_only)
		return 0;
	rc = json_int(body, name, NULL, 1, INT32_MAX, &in->chat->max_tokens, in->e);
	if (rc == 0)
		return json_error(NULL, name, in->e, "Field required");
	return rc < 0 ? -1 : 0;
}

/* The first block of Claude Code changes with every request and means nothing to a model. */
static bool is_billing_header(struct span text)
{
	const size_t len = strlen(BILLING_HEADER);

	return text.len >= len && memcmp(text.at, BILLING_HEADER, len) == 0;
}

static int read_system(struct in *in, const cJSON *body, const char *name)
{
	struct json_at at = { .key = name };
	const cJSON *system = json_member(body, name);
	struct in_texts texts = { .count = 0 };

	if (!system)
		return 0;
	if (in_text_all(in, system, &at, &texts))
		return -1;
	for (size_t i = 0; i < texts.count; i++) {
		if (!cJSON_IsArray(system) || !is_billing_header(texts.at[i]))
			in_texts_add(in, &in->system, texts.at[i]);
	}
	return 0;
}

static int read_stream(struct in *in, const cJSON *body, const char *name)
{
	return json_bool(body, name, NULL, &in->chat->stream, in->e) < 0 ? -1 : 0;
}

static int read_stop_sequences(struct in *in, const cJSON *body, const char *name)
{
	const cJSON *list = NULL;

	if (json_array(body, name, NULL, &list, in->e) < 0)
		return -1;
	return in_stop_sequences(in, body, name, false);
}

static int read_fraction(struct in *in, const cJSON *body, const char *name)
{
	return in_check_number(in, body, name, 0, 1);
}

static int read_top_k(struct in *in, const cJSON *body, const char *name)
{
	int64_t top_k;

	return json_int(body, name, NULL, 0, INT32_MAX, &top_k, in->e) < 0 ? -1 : 0;
}

/* Claude Code 2.0 and older: "user_<hex>_account_<uuid>_session_<uuid>"; since 2.1 a JSON object in
 * a string. Any other text names a user, not a conversation. */
static int read_metadata(struct in *in, const cJSON *body, const char *name)
{
	static const char mark[] = "_session_";
	struct json_at at = { .key = name };
	struct error ignored = { .kind = ERR_NONE };
	const cJSON *metadata = NULL;
	const char *user = NULL, *session;
	cJSON *tree;

	if (json_object(body, name, NULL, &metadata, in->e) < 0 ||
	    (metadata && json_text(metadata, "user_id", &at, &user, in->e) < 0))
		return -1;
	if (!user)
		return 0;
	session = strstr(user, mark);
	if (user[0] != '{') {
		if (session && session[strlen(mark)])
			in->chat->conversation = session + strlen(mark);
		return 0;
	}
	tree = json_parse(span_of(user), &ignored);
	session = json_text_or(tree, "session_id", "");
	if (session[0])
		in->chat->conversation = arena_strndup(in->arena, session, strlen(session));
	cJSON_Delete(tree);
	return 0;
}

static bool name_is_valid(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_-");

	return len >= 1 && len <= LIMIT_TOOL_NAME && !name[len];
}

static int read_client_tool(struct in *in, const cJSON *json, const struct json_at *at,
			    struct tool *tool)
{
	struct json_at inside = { .up = at, .key = "custom" };

	*tool = (struct tool){ .description = "", .schema = json_member(json, "input_schema") };
	if (json_need_text(json, "name", &inside, &tool->name, in->e) ||
	    json_text(json, "description", &inside, &tool->description, in->e) < 0)
		return -1;
	if (!name_is_valid(tool->name))
		return json_error(&inside, "name", in->e,
				  "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'");
	if (!tool->schema)
		return json_error(&inside, "input_schema", in->e, "Field required");
	if (in_check_schema(in, tool->schema, &inside, "input_schema") ||
	    in_typed_check(in, json, &inside))
		return -1;
	in_typed_examples(in, json, tool);
	return 0;
}

/* What a search tool may say without effect here. */
static int check_search(struct in *in, const cJSON *json, const char *type,
			const struct json_at *at)
{
	static const struct in_member location_members[] = {
		{ .name = "type", .types = IN_TEXT, .required = true, .values = { "approximate" } },
		{ .name = "city", .types = IN_TEXT },
		{ .name = "country", .types = IN_TEXT },
		{ .name = "region", .types = IN_TEXT },
		{ .name = "timezone", .types = IN_TEXT },
		{ .name = NULL },
	};
	static const struct in_member members[] = {
		{ .name = "user_location", .types = IN_OBJECT, .members = location_members },
		{ .name = "response_inclusion",
		  .types = IN_TEXT,
		  .values = { "full", "excluded" } },
		{ .name = NULL },
	};
	const struct json_at inside = { .up = at, .key = type };

	return in_typed_check(in, json, &inside) || in_shape_check(in, json, &inside, members) ? -1
											       : 0;
}

static int read_tool_of(struct in *in, const cJSON *json, const char *type,
			const struct json_at *at, struct tool *tool)
{
	if (strcmp(type, "custom") == 0)
		return read_client_tool(in, json, at, tool);
	if (!in_search_is_type(type))
		return in_typed_read(in, json, type, at, tool);
	return check_search(in, json, type, at) ? -1 : in_search_tool(in, json, type, at, tool);
}

static int read_tool(struct in *in, const cJSON *json, const struct json_at *at)
{
	struct tool *tool = &in->chat->tools[in->chat->tool_count];
	struct json_at inside = { .up = at, .key = "custom" };
	bool deferred = false;

	if (in_shape_type(in, json, at, IN_OBJECT) ||
	    json_text(json, "type", at, &inside.key, in->e) < 0 ||
	    read_tool_of(in, json, inside.key, at, tool) ||
	    json_bool(json, "defer_loading", &inside, &deferred, in->e) < 0)
		return -1;
	if (in_blocks_offers(in, tool->name, deferred))
		in->chat->tool_count++;
	else if (in_search_is_type(inside.key)) /* what is hidden is not run either */
		in->chat->search = NULL;
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
		return json_error(NULL, name, in->e, "List should have at most %d items",
				  LIMIT_TOOLS);
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
	struct json_at at = { .key = name };
	struct chat *chat = in->chat;
	const cJSON *choice = NULL;
	const char *type, *tool;

	if (json_object(body, name, NULL, &choice, in->e) < 0)
		return -1;
	if (!choice)
		return 0;
	if (json_need_text(choice, "type", &at, &type, in->e) ||
	    json_bool(choice, "disable_parallel_tool_use", &at, &chat->one_call, in->e) < 0)
		return -1;
	if (strcmp(type, "auto") == 0)
		return 0;
	if (strcmp(type, "none") == 0) {
		chat->tool_choice = CHOICE_NONE;
		return 0;
	}
	if (strcmp(type, "any") == 0) {
		chat->tool_choice = CHOICE_ANY;
		return chat->tool_count ? 0
					: json_error(NULL, name, in->e,
						     "may only be specified while providing tools");
	}
	if (strcmp(type, "tool") == 0)
		return json_need_text(choice, "name", &at, &tool, in->e)
			       ? -1
			       : in_forced_tool(in, tool, &at, "name");
	return json_error(NULL, name, in->e,
			  "Input tag '%.64s' found using 'type' does not match any of the "
			  "expected tags: 'auto', 'any', 'tool', 'none'",
			  type);
}

/* With interleaved thinking, which only tools make possible, the budget spans several answers. */
static int read_thinking_budget(struct in *in, const cJSON *thinking, const struct json_at *at)
{
	struct json_at inside = { .up = at, .key = "enabled" };
	struct chat *chat = in->chat;
	int rc = json_int(thinking, "budget_tokens", &inside, 1024, INT32_MAX,
			  &chat->thinking_budget, in->e);

	if (rc == 0)
		return json_error(&inside, "budget_tokens", in->e, "Field required");
	if (rc > 0 && chat->max_tokens && chat->max_tokens <= chat->thinking_budget &&
	    !chat->tool_count)
		return error_set(in->e, ERR_REQUEST,
				 "`max_tokens` must be greater than `thinking.budget_tokens`");
	return rc < 0 ? -1 : 0;
}

/* Before a call there is no thinking, behind its result there is. */
static enum thinking between_tools(const struct in *in)
{
	const struct chat *chat = in->chat;
	size_t count =
		chat->message_count ? chat->messages[chat->message_count - 1].block_count : 0;

	for (size_t i = in->block_count - count; i < in->block_count; i++) {
		if (in->blocks[i].kind == BLOCK_TOOL_RESULT)
			return THINKING_ON;
	}
	return THINKING_OFF;
}

static int read_thinking(struct in *in, const cJSON *body, const char *name)
{
	struct json_at at = { .key = name };
	struct chat *chat = in->chat;
	const cJSON *thinking = NULL;
	const char *type, *display = "summarized";
	int rc = 0;

	if (json_object(body, name, NULL, &thinking, in->e) < 0)
		return -1;
	if (!thinking)
		return 0;
	if (json_need_text(thinking, "type", &at, &type, in->e) ||
	    json_text(thinking, "display", &at, &display, in->e) < 0)
		return -1;
	chat->thinking_omitted = strcmp(display, "omitted") == 0;
	chat->thinking = THINKING_ON;
	if (strcmp(type, "between_tools") == 0)
		chat->thinking = between_tools(in);
	else if (strcmp(type, "disabled") == 0)
		chat->thinking = THINKING_OFF;
	else if (strcmp(type, "enabled") == 0)
		rc = read_thinking_budget(in, thinking, &at);
	else if (strcmp(type, "adaptive") != 0)
		return json_error(NULL, name, in->e,
				  "Input tag '%.64s' found using 'type' does not match any of the "
				  "expected tags: 'adaptive', 'between_tools', 'disabled', "
				  "'enabled'",
				  type);
	if (!rc && chat->thinking == THINKING_ON &&
	    (chat->tool_choice == CHOICE_ANY || chat->tool_choice == CHOICE_TOOL))
		return error_set(in->e, ERR_REQUEST,
				 "Thinking may not be enabled when tool_choice forces tool use.");
	return rc;
}

static int read_format(struct in *in, const cJSON *from, const struct json_at *up, const char *name)
{
	struct json_at at = { .up = up, .key = name };
	const cJSON *format = NULL;
	const char *type;

	if (json_object(from, name, up, &format, in->e) < 0)
		return -1;
	if (!format)
		return 0;
	if (json_need_text(format, "type", &at, &type, in->e))
		return -1;
	if (strcmp(type, "json_schema") != 0)
		return json_error(&at, "type", in->e, "Input should be 'json_schema'");
	return in_schema(in, json_member(format, "schema"), &at, "schema");
}

static int read_output_config(struct in *in, const cJSON *body, const char *name)
{
	struct json_at at = { .key = name };
	const cJSON *config = NULL;

	if (json_object(body, name, NULL, &config, in->e) < 0)
		return -1;
	if (read_format(in, config, &at, "format"))
		return -1;
	return in_blocks_effort(in, config, &at);
}

static int read_output_format(struct in *in, const cJSON *body, const char *name)
{
	return read_format(in, body, NULL, name);
}

static int refuse(struct in *in, const cJSON *body, const char *name)
{
	if (json_member(body, name))
		return json_error(NULL, name, in->e, "not supported by this gateway");
	return 0;
}

static int refuse_filled(struct in *in, const cJSON *body, const char *name)
{
	const cJSON *list = NULL;

	if (json_array(body, name, NULL, &list, in->e) < 0)
		return -1;
	return list && list->child ? refuse(in, body, name) : 0;
}

/* It asks for a summary in place of an answer. Who counts gets the number for the conversation. */
static int read_compaction(struct in *in, const cJSON *body, const char *name)
{
	if (in_shape_field(in, body, name))
		return -1;
	return in->count_only ? 0 : refuse(in, body, name);
}

/* In the order in which errors are reported. tools follow messages, whose mentions they need;
 * messages follow output_config, because a message's own effort wins; tool_choice follows tools,
 * and thinking both. */
static const struct in_field fields[] = {
	{ "model", read_model },
	{ "max_tokens", read_max_tokens },
	{ "output_config", in_shape_field },
	{ "output_config", read_output_config },
	{ "messages", in_blocks_messages },
	{ "system", read_system },
	{ "stream", read_stream },
	{ "stop_sequences", read_stop_sequences },
	{ "temperature", read_fraction },
	{ "top_p", read_fraction },
	{ "top_k", read_top_k },
	{ "metadata", read_metadata },
	{ "tools", read_tools },
	{ "tool_choice", read_tool_choice },
	{ "thinking", in_shape_field },
	{ "thinking", read_thinking },
	{ "output_format", read_output_format },
	{ "mcp_servers", refuse_filled },
	{ "thread", refuse },
	{ "betas", in_shape_field },
	{ "billing_policy", in_shape_field },
	{ "cache_control", in_shape_field },
	{ "compaction", read_compaction },
	{ "container", in_shape_field },
	{ "context_management", in_shape_field },
	{ "diagnostics", in_shape_field },
	{ "fallback_credit_token", in_shape_field },
	{ "fallbacks", in_shape_field },
	{ "inference_geo", in_shape_field },
	{ "safeguards", in_shape_field },
	{ "service_tier", in_shape_field },
	{ "speed", in_shape_field },
	{ "tags", in_shape_field },
};

static int read_body(struct in *in, const cJSON *body)
{
	if (in_read_fields(in, body, fields, ARRAY_SIZE(fields)))
		return -1;
	if (in_finish(in))
		return -1;
	if (in->chat->prefill.len &&
	    strchr(" \t\r\n", in->chat->prefill.at[in->chat->prefill.len - 1]))
		return error_field(in->e, "messages",
				   "final assistant content cannot end with trailing whitespace");
	return 0;
}

int in_anthropic(const cJSON *body, struct arena *arena, struct chat *chat, struct error *e)
{
	struct in in;

	in_init(&in, arena, chat, e);
	return read_body(&in, body);
}

int in_anthropic_count(const cJSON *body, struct arena *arena, struct chat *chat, struct error *e)
{
	struct in in;

	in_init(&in, arena, chat, e);
	in.count_only = true;
	return read_body(&in, body);
}
