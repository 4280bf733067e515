#include "common/base.h"
#include "fcgi/in_messages.h"

#include "common/limits.h"
#include "fcgi/in_hints.h"
#include "fcgi/in_parts.h"

static int read_system(struct in *in, const cJSON *message, const struct json_at *at)
{
	struct json_at content_at = { .up = at, .key = "content" };
	struct in_parts parts;

	if (in_parts_read(in, json_member(message, "content"), IN_TEXT_PARTS, &content_at, &parts))
		return -1;
	in_parts_add_system(in, at->index, &parts);
	return 0;
}

/* A call as {"name", payload: text}, `payload` named by its kind. */
static int read_call_body(struct in *in, const cJSON *body, const char *payload,
			  const struct json_at *at, struct block *out)
{
	const char *text = "";

	if (in_need_name(in, body, "name", at, &out->name) ||
	    json_text(body, payload, at, &text, in->e) < 0)
		return -1;
	out->input_json = strcmp(payload, "input") == 0 ? in_parts_input(in, text)
							: in_parts_arguments(in, text);
	return 0;
}

static int read_call(struct in *in, const cJSON *call, const struct json_at *at, size_t index)
{
	struct json_at inside = { .up = at };
	struct block block = { .kind = BLOCK_TOOL_USE };
	const char *type = "function";
	const cJSON *body = NULL;
	bool custom;

	if (in_shape_type(in, call, at, IN_OBJECT) || json_text(call, "type", at, &type, in->e) < 0)
		return -1;
	custom = strcmp(type, "custom") == 0;
	if (!custom && strcmp(type, "function") != 0)
		return json_error(at, "type", in->e, "'%.64s' tool calls are " UNSUPPORTED, type);
	inside.key = custom ? "custom" : "function";
	if (in_need_name(in, call, "id", at, &block.id) ||
	    json_object(call, inside.key, at, &body, in->e) < 0)
		return -1;
	if (!body)
		return json_error(at, inside.key, in->e, "Field required");
	if (read_call_body(in, body, custom ? "input" : "arguments", &inside, &block))
		return -1;
	*in_add(in, ROLE_ASSISTANT, index) = block;
	return 0;
}

/* The legacy form names no id; the next function message answers it. */
static int read_function_call(struct in *in, const cJSON *message, const struct json_at *at)
{
	struct json_at inside = { .up = at, .key = "function_call" };
	struct block block = { .kind = BLOCK_TOOL_USE };
	const cJSON *body = NULL;
	int rc = json_object(message, "function_call", at, &body, in->e);

	if (rc <= 0)
		return rc;
	if (read_call_body(in, body, "arguments", &inside, &block))
		return -1;
	block.id = in->function_id = arena_format(in->arena, "function_%zu", at->index);
	*in_add(in, ROLE_ASSISTANT, at->index) = block;
	return 0;
}

/* An assistant message without text and calls (clients keep failed answers so) says nothing. */
static int read_assistant(struct in *in, const cJSON *message, const struct json_at *at)
{
	struct json_at content_at = { .up = at, .key = "content" };
	struct json_at calls_at = { .up = at, .key = "tool_calls" };
	struct json_at call_at = { .up = &calls_at };
	const cJSON *calls = NULL, *call;
	const char *refusal = "";
	struct in_parts parts;

	if (json_member(message, "audio"))
		return json_error(at, "audio", in->e, "audio is " UNSUPPORTED);
	if (in_parts_read(in, json_member(message, "content"), IN_ASSISTANT_PARTS, &content_at,
			  &parts) ||
	    json_text(message, "refusal", at, &refusal, in->e) < 0 ||
	    json_array(message, "tool_calls", at, &calls, in->e) < 0)
		return -1;
	in_parts_add(in, ROLE_ASSISTANT, at->index, &parts);
	if (refusal[0])
		in_add_text(in, ROLE_ASSISTANT, at->index, span_of(refusal));
	cJSON_ArrayForEach (call, calls) {
		if (read_call(in, call, &call_at, at->index))
			return -1;
		call_at.index++;
	}
	return read_function_call(in, message, at);
}

static int read_result(struct in *in, const cJSON *message, const char *id,
		       const struct json_at *at)
{
	struct json_at content_at = { .up = at, .key = "content" };
	struct in_parts parts;

	if (in_parts_read(in, json_member(message, "content"), IN_ALL_PARTS, &content_at, &parts))
		return -1;
	in_parts_add_result(in, id, at->index, &parts);
	return 0;
}

static int read_tool_message(struct in *in, const cJSON *message, const struct json_at *at)
{
	const char *id;

	if (in_need_name(in, message, "tool_call_id", at, &id))
		return -1;
	return read_result(in, message, id, at);
}

static int read_function_message(struct in *in, const cJSON *message, const struct json_at *at)
{
	const char *name;

	if (in_need_name(in, message, "name", at, &name))
		return -1;
	return read_result(in, message, in->function_id ? in->function_id : name, at);
}

static int read_message(struct in *in, const cJSON *message, const struct json_at *at)
{
	static const struct {
		const char *role;
		int (*read)(struct in *in, const cJSON *message, const struct json_at *at);
	} roles[] = {
		{ "system", read_system },     { "developer", read_system },
		{ "user", in_parts_user },     { "assistant", read_assistant },
		{ "tool", read_tool_message }, { "function", read_function_message },
	};
	const char *role;

	if (json_need_text(message, "role", at, &role, in->e) ||
	    in_shape_check(in, message, at, in_hints_message))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		if (strcmp(role, roles[i].role) == 0)
			return roles[i].read(in, message, at);
	}
	return json_error(at, "role", in->e,
			  "Input should be 'system', 'developer', 'user', 'assistant', 'tool' or "
			  "'function'");
}

/* Calls at the very end wait for results that only the client can give: said in the API's words. */
static int check_answered(struct in *in, const struct json_at *at)
{
	const struct json_at last = { .up = at, .index = in->last_index };
	const struct block *block = in->block_count ? &in->blocks[in->block_count - 1] : NULL;

	if (!block || block->kind != BLOCK_TOOL_USE)
		return 0;
	return json_error(
		&last, NULL, in->e,
		"An assistant message with 'tool_calls' must be followed by tool messages "
		"responding to each 'tool_call_id'. The following tool_call_ids did not "
		"have response messages: %.64s",
		block->id);
}

int in_messages_read(struct in *in, const cJSON *body, const char *name)
{
	const struct json_at at = { .key = name };
	const cJSON *messages = NULL;

	if (json_array(body, name, NULL, &messages, in->e) < 0)
		return -1;
	if (!messages)
		return in_parts_missing(in, name);
	if (in_each(in, messages, &at, read_message))
		return -1;
	if (!in->chat->message_count && !in->system.count)
		return json_error(NULL, name, in->e, "at least one message is required");
	return check_answered(in, &at);
}
