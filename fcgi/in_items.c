#include "common/base.h"
#include "fcgi/in_items.h"

#include "common/limits.h"
#include "common/log.h"
#include "fcgi/base64.h"
#include "fcgi/in_hints.h"
#include "fcgi/in_parts.h"
#include "fcgi/in_tools.h"

/* ---- messages ---- */

static int read_message(struct in *in, const cJSON *item, const struct json_at *at)
{
	struct json_at content_at = { .up = at, .key = "content" };
	struct in_parts parts;
	const char *role;

	if (json_need_text(item, "role", at, &role, in->e))
		return -1;
	if (strcmp(role, "user") == 0)
		return in_parts_user(in, item, at);
	if (in_parts_read(in, json_member(item, "content"), IN_TEXT_PARTS, &content_at, &parts))
		return -1;
	if (strcmp(role, "assistant") == 0)
		in_parts_add(in, ROLE_ASSISTANT, at->index, &parts);
	else if (strcmp(role, "developer") == 0 || strcmp(role, "system") == 0)
		in_parts_add_system(in, at->index, &parts);
	else
		return json_error(at, "role", in->e,
				  "Input should be 'developer', 'system', 'user' or 'assistant'");
	return 0;
}

/* Our own encrypted_content is base64 of {"signature": "..."}; of any other value we know nothing.
 */
static const char *read_signature(struct in *in, const char *encrypted)
{
	struct error ignored = { .kind = ERR_NONE };
	const char *signature;
	struct span content;
	cJSON *tree;

	if (!base64_decode(span_of(encrypted), in->arena, &content))
		return NULL;
	tree = json_parse(content, &ignored);
	signature = json_text_or(tree, "signature", NULL);
	if (signature)
		signature = arena_strndup(in->arena, signature, strlen(signature));
	cJSON_Delete(tree);
	return signature;
}

static int read_reasoning(struct in *in, const cJSON *item, const struct json_at *at)
{
	struct json_at summary_at = { .up = at, .key = "summary" };
	struct json_at content_at = { .up = at, .key = "content" };
	struct block block = { .kind = BLOCK_THINKING };
	struct in_texts texts = { .count = 0 };
	const char *encrypted = "";
	struct in_parts parts;

	/* The content is the whole reasoning of models that show it: a signature is of the summary.
	 */
	if (in_parts_read(in, json_member(item, "content"), IN_TEXT_PARTS, &content_at, &parts) ||
	    in_parts_read(in, json_member(item, "summary"), IN_TEXT_PARTS, &summary_at, &parts) ||
	    json_text(item, "encrypted_content", at, &encrypted, in->e) < 0)
		return -1;
	for (size_t i = 0; i < parts.count; i++)
		in_texts_add(in, &texts, parts.blocks[i].text);
	block.text = in_texts_join(in, &texts, "\n\n");
	block.signature = read_signature(in, encrypted);
	if (block.text.len || block.signature)
		*in_add(in, ROLE_ASSISTANT, at->index) = block;
	return 0;
}

/* ---- calls and their results ---- */

static int read_call_name(struct in *in, const cJSON *item, const struct json_at *at,
			  struct block *out)
{
	const char *name, *space = NULL;

	if (in_need_name(in, item, "call_id", at, &out->id) ||
	    in_need_name(in, item, "name", at, &name) ||
	    json_text(item, "namespace", at, &space, in->e) < 0)
		return -1;
	out->name = in_tools_name(in, space && space[0] ? space : NULL, name);
	return 0;
}

static int read_function_call(struct in *in, const cJSON *item, const struct json_at *at)
{
	struct block block = { .kind = BLOCK_TOOL_USE };
	const char *arguments = "";

	if (read_call_name(in, item, at, &block) ||
	    json_text(item, "arguments", at, &arguments, in->e) < 0)
		return -1;
	block.input_json = in_parts_arguments(in, arguments);
	*in_add(in, ROLE_ASSISTANT, at->index) = block;
	return 0;
}

static int read_custom_call(struct in *in, const cJSON *item, const struct json_at *at)
{
	struct block block = { .kind = BLOCK_TOOL_USE };
	const char *input = "";

	if (read_call_name(in, item, at, &block) || json_text(item, "input", at, &input, in->e) < 0)
		return -1;
	block.input_json = in_parts_input(in, input);
	*in_add(in, ROLE_ASSISTANT, at->index) = block;
	return 0;
}

static int read_output(struct in *in, const cJSON *item, const struct json_at *at)
{
	struct json_at output_at = { .up = at, .key = "output" };
	struct in_parts parts;
	const char *id;

	if (in_need_name(in, item, "call_id", at, &id) ||
	    in_parts_read(in, json_member(item, "output"), IN_ALL_PARTS, &output_at, &parts))
		return -1;
	in_parts_add_result(in, id, at->index, &parts);
	return 0;
}

static int read_search_call(struct in *in, const cJSON *item, const struct json_at *at)
{
	struct block block = { .kind = BLOCK_TOOL_USE, .name = "tool_search" };

	if (in_need_name(in, item, "call_id", at, &block.id) ||
	    json_object(item, "arguments", at, &block.input, in->e) < 0)
		return -1;
	*in_add(in, ROLE_ASSISTANT, at->index) = block;
	return 0;
}

/* Tools of other namespaces that would be called the same are no repetition: they are refused. */
static bool is_known(const struct in *in, const struct tool *tool, size_t count)
{
	const struct tool *known = in_find_tool(in, tool->name, count);
	const char *space = tool->space ? tool->space : "";

	return known && strcmp(known->space ? known->space : "", space) == 0;
}

/* Searches may find a tool again. names: of all that the item brings. */
static int add_tools(struct in *in, const cJSON *item, const struct json_at *at,
		     struct in_texts *names)
{
	struct json_at tools_at = { .up = at, .key = "tools" };
	struct chat *chat = in->chat;
	const cJSON *tools = NULL;
	size_t kept = chat->tool_count;

	if (json_array(item, "tools", at, &tools, in->e) < 0 || in_tools_read(in, tools, &tools_at))
		return -1;
	for (size_t i = kept; i < chat->tool_count; i++) {
		in_texts_add(in, names, span_of(chat->tools[i].name));
		if (!is_known(in, &chat->tools[i], kept))
			chat->tools[kept++] = chat->tools[i];
	}
	chat->tool_count = kept;
	return 0;
}

static int read_more_tools(struct in *in, const cJSON *item, const struct json_at *at)
{
	struct in_texts names = { .count = 0 };

	return add_tools(in, item, at, &names);
}

/* What the client found can be called from now on; the model is told the names. */
static int read_search_output(struct in *in, const cJSON *item, const struct json_at *at)
{
	struct in_texts names = { .count = 0 };
	struct block *text = arena_array(in->arena, 1, sizeof(*text));
	struct in_parts parts = { .blocks = text, .count = 1 };
	const char *id;

	if (in_need_name(in, item, "call_id", at, &id) || add_tools(in, item, at, &names))
		return -1;
	*text = (struct block){ .kind = BLOCK_TEXT };
	text->text = names.count ? in_texts_join(in, &names, ", ") : span_of("none");
	text->text = span_of(arena_format(in->arena, "Tools now available: %.*s",
					  (int)text->text.len, text->text.at));
	in_parts_add_result(in, id, at->index, &parts);
	return 0;
}

/* ---- all of them ---- */

/* What the service itself did in an earlier turn: its outcome stands in the answer's text. */
static int skip(struct in *in, const cJSON *item, const struct json_at *at)
{
	(void)in;
	(void)at;
	log_line(LOG_DEBUG, "%s item ignored", json_text_or(item, "type", ""));
	return 0;
}

/* What the AI SDK sends unless told not to; it may be {"id"} alone. */
static int refuse_reference(struct in *in, const cJSON *item, const struct json_at *at)
{
	(void)item;
	return json_error(at, "type", in->e,
			  "'item_reference' items are " UNSUPPORTED
			  ", which keeps no answers: set store to false and send the items");
}

static const struct {
	const char *type;
	in_item_reader *read;
} item_rows[] = {
	{ "message", read_message },
	{ "reasoning", read_reasoning },
	{ "function_call", read_function_call },
	{ "function_call_output", read_output },
	{ "custom_tool_call", read_custom_call },
	{ "custom_tool_call_output", read_output },
	{ "additional_tools", read_more_tools },
	{ "tool_search_call", read_search_call },
	{ "tool_search_output", read_search_output },
	{ "web_search_call", skip },
	{ "item_reference", refuse_reference },
};

static int read_item(struct in *in, const cJSON *item, const struct json_at *at)
{
	const bool named = json_member(item, "id") && !json_member(item, "role");
	const char *type = named ? "item_reference" : "message";

	if (json_text(item, "type", at, &type, in->e) < 0 ||
	    in_shape_check(in, item, at, in_hints_item))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(item_rows); i++) {
		if (strcmp(type, item_rows[i].type) == 0)
			return item_rows[i].read(in, item, at);
	}
	return json_error(at, "type", in->e, "'%.64s' items are " UNSUPPORTED, type);
}

int in_items_instructions(struct in *in, const cJSON *body, const char *name)
{
	struct json_at at = { .key = name };
	const cJSON *instructions = json_member(body, name);

	if (!instructions)
		return 0;
	if (in_shape_type(in, instructions, &at, IN_TEXT | IN_ARRAY))
		return -1;
	if (cJSON_IsString(instructions) && instructions->valuestring[0])
		in_texts_add(in, &in->system, span_of(instructions->valuestring));
	return in_each(in, instructions, &at, read_message);
}

/* Codex repeats a turn whose stream was lost with the items that were done: the answer goes on
 * behind them. */
static void go_on(struct in *in)
{
	const struct chat *chat = in->chat;

	if (chat->message_count && chat->messages[chat->message_count - 1].role == ROLE_ASSISTANT)
		in_add_text(in, ROLE_USER, in->last_index, span_of("Continue."));
}

int in_items_read(struct in *in, const cJSON *body, const char *name)
{
	struct json_at at = { .key = name };
	const cJSON *input = json_member(body, name);

	if (!input)
		return in_parts_missing(in, name);
	if (in_shape_type(in, input, &at, IN_TEXT | IN_ARRAY))
		return -1;
	if (cJSON_IsString(input) && input->valuestring[0])
		in_add_text(in, ROLE_USER, 0, span_of(input->valuestring));
	if (in_each(in, input, &at, read_item))
		return -1;
	if (!in->chat->message_count && !in->system.count)
		return json_error(NULL, name, in->e, "at least one message is required");
	go_on(in);
	return 0;
}
