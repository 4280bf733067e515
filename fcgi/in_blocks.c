#include "common/base.h"
#include "fcgi/in_blocks.h"

#include "common/limits.h"
#include "fcgi/in_search.h"
#include "fcgi/in_shape.h"
#include "fcgi/in_source.h"
#include "fcgi/in_text.h"

/* Where a block may stand. */
enum place { IN_USER = 1, IN_ASSISTANT = 2, IN_RESULT = 4 };

/* What a reader made of a block. */
enum made { MADE_EMPTY, MADE_BLOCK, MADE_NOTHING };

/* `at` names the block with its type: "messages.0.content.1.image". MADE_... or -1. */
typedef int block_reader(struct in *in, const cJSON *json, const struct json_at *at,
			 struct block *out);

static block_reader read_text, read_image, read_document, read_search_result, read_found,
	read_thinking, read_redacted, read_tool_use, read_tool_result, read_tool_reference,
	read_unsupported;

/* Members without effect here. */
static const struct in_member transformation_members[] = {
	{ .name = "oversized_image", .types = IN_TEXT, .values = { "downsize", "error" } },
	{ .name = NULL },
};

static const struct in_member image_members[] = {
	{ .name = "transformations", .types = IN_OBJECT, .members = transformation_members },
	{ .name = NULL },
};

static const struct in_member result_members[] = {
	{ .name = "toolset_name", .types = IN_TEXT },
	{ .name = NULL },
};

static const struct in_member caller_members[] = {
	{ .name = "type", .types = IN_TEXT, .required = true },
	{ .name = NULL },
};

static const struct in_member call_members[] = {
	{ .name = "caller", .types = IN_OBJECT, .members = caller_members },
	{ .name = "toolset_name", .types = IN_TEXT },
	{ .name = NULL },
};

static const struct in_member hit_members[] = {
	{ .name = "type", .types = IN_TEXT, .required = true },
	{ .name = "url", .types = IN_TEXT },
	{ .name = "title", .types = IN_TEXT },
	{ .name = "encrypted_content", .types = IN_TEXT },
	{ .name = "page_age", .types = IN_TEXT },
	{ .name = "error_code", .types = IN_TEXT },
	{ .name = NULL },
};

static const struct in_member found_members[] = {
	{ .name = "content",
	  .types = IN_ARRAY | IN_OBJECT,
	  .items = IN_OBJECT,
	  .members = hit_members },
	{ .name = NULL },
};

static const struct in_member upload_members[] = {
	{ .name = "file_id", .types = IN_TEXT, .required = true },
	{ .name = NULL },
};

static const struct in_member no_members[] = { { .name = NULL } };

static const struct block_row {
	const char *type;
	unsigned places;
	block_reader *read;
	const struct in_member *members;
} block_rows[] = {
	{ "text", IN_USER | IN_ASSISTANT | IN_RESULT, read_text, in_text_members },
	{ "image", IN_USER | IN_RESULT, read_image, image_members },
	{ "tool_result", IN_USER, read_tool_result, result_members },
	{ "tool_reference", IN_RESULT, read_tool_reference, no_members },
	{ "tool_use", IN_ASSISTANT, read_tool_use, call_members },
	{ "thinking", IN_ASSISTANT, read_thinking, no_members },
	{ "redacted_thinking", IN_ASSISTANT, read_redacted, no_members },
	{ "document", IN_USER | IN_RESULT, read_document, in_shape_citations },
	{ "search_result", IN_USER | IN_RESULT, read_search_result, in_shape_citations },
	{ "container_upload", IN_USER, read_unsupported, upload_members },
	{ "server_tool_use", IN_ASSISTANT, read_tool_use, call_members },
	{ "web_search_tool_result", IN_ASSISTANT | IN_USER, read_found, found_members },
	{ "web_fetch_tool_result", IN_ASSISTANT | IN_USER, read_unsupported, no_members },
	{ "mcp_tool_use", IN_ASSISTANT, read_unsupported, no_members },
	{ "mcp_tool_result", IN_ASSISTANT | IN_USER, read_unsupported, no_members },
};

static const struct block_row *row_of(const char *type, enum place place)
{
	for (size_t i = 0; i < ARRAY_SIZE(block_rows); i++) {
		if ((block_rows[i].places & (unsigned)place) &&
		    strcmp(block_rows[i].type, type) == 0)
			return &block_rows[i];
	}
	return NULL;
}

static int unknown_type(struct in *in, const char *type, enum place place, const struct json_at *at)
{
	char known[LIMIT_ERROR_TEXT] = "";
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(block_rows); i++) {
		if (!(block_rows[i].places & (unsigned)place) ||
		    block_rows[i].read == read_unsupported)
			continue;
		snprintf(known + len, sizeof(known) - len, "%s'%s'", len ? ", " : "",
			 block_rows[i].type);
		len += strlen(known + len);
	}
	return json_error(at, NULL, in->e,
			  "Input tag '%.64s' found using 'type' does not match any of the expected "
			  "tags: %s",
			  type, known);
}

static int read_block(struct in *in, const cJSON *json, enum place place, const struct json_at *at,
		      struct block *out)
{
	struct json_at inside = { .up = at };
	const struct block_row *row;
	const char *type;

	if (in_shape_type(in, json, at, IN_OBJECT) ||
	    json_need_text(json, "type", at, &type, in->e))
		return -1;
	row = row_of(type, place);
	if (!row)
		return unknown_type(in, type, place, at);
	inside.key = row->type;
	if (in_shape_check(in, json, &inside, in_shape_cache_control) ||
	    in_shape_check(in, json, &inside, row->members))
		return -1;
	return row->read(in, json, &inside, out);
}

static enum place place_of(enum role role)
{
	return role == ROLE_USER ? IN_USER : IN_ASSISTANT;
}

bool in_blocks_knows(const char *type, enum role role)
{
	return row_of(type, place_of(role)) != NULL;
}

int in_blocks_read(struct in *in, const cJSON *json, enum role role, const struct json_at *at,
		   struct block *out)
{
	int made = read_block(in, json, place_of(role), at, out);

	return made < 0 ? -1 : made == MADE_BLOCK;
}

static int read_text(struct in *in, const cJSON *json, const struct json_at *at, struct block *out)
{
	const char *text;

	if (json_need_text(json, "text", at, &text, in->e))
		return -1;
	*out = (struct block){ .kind = BLOCK_TEXT, .text = span_of(text) };
	return out->text.len ? MADE_BLOCK : MADE_EMPTY;
}

static int read_image(struct in *in, const cJSON *json, const struct json_at *at, struct block *out)
{
	return in_source_image(in, json, at, out) ? -1 : MADE_BLOCK;
}

static int read_document(struct in *in, const cJSON *json, const struct json_at *at,
			 struct block *out)
{
	return in_source_document(in, json, at, out) ? -1 : MADE_BLOCK;
}

static int read_search_result(struct in *in, const cJSON *json, const struct json_at *at,
			      struct block *out)
{
	return in_source_search_result(in, json, at, out) ? -1 : MADE_BLOCK;
}

static int read_unsupported(struct in *in, const cJSON *json, const struct json_at *at,
			    struct block *out)
{
	(void)json;
	(void)out;
	return json_error(at->up, NULL, in->e, "'%s' blocks are not supported by this gateway",
			  at->key);
}

/* Only its maker could read it. */
static int read_redacted(struct in *in, const cJSON *json, const struct json_at *at,
			 struct block *out)
{
	const char *data;

	(void)out;
	return json_need_text(json, "data", at, &data, in->e) ? -1 : MADE_NOTHING;
}

/* Any signature is welcome: clients send "" where a server gave none. */
static int read_thinking(struct in *in, const cJSON *json, const struct json_at *at,
			 struct block *out)
{
	const char *text, *signature = NULL;

	if (json_need_text(json, "thinking", at, &text, in->e) ||
	    json_text(json, "signature", at, &signature, in->e) < 0)
		return -1;
	*out = (struct block){ .kind = BLOCK_THINKING,
			       .text = span_of(text),
			       .signature = signature };
	return MADE_BLOCK;
}

static int read_tool_use(struct in *in, const cJSON *json, const struct json_at *at,
			 struct block *out)
{
	*out = (struct block){ .kind = BLOCK_TOOL_USE, .input_json = { "", 0 } };
	if (in_need_name(in, json, "id", at, &out->id) ||
	    in_need_name(in, json, "name", at, &out->name) ||
	    json_object(json, "input", at, &out->input, in->e) < 0)
		return -1;
	text_map_put(&in->mentioned, out->name, 0);
	return MADE_BLOCK;
}

/* One text for all references of a result; it stands where the first one stood. */
static int read_tool_reference(struct in *in, const cJSON *json, const struct json_at *at,
			       struct block *out)
{
	const char *name;

	if (in_need_name(in, json, "tool_name", at, &name))
		return -1;
	text_map_put(&in->mentioned, name, 0);
	*out = (struct block){ .kind = BLOCK_TEXT, .text = span_of(name), .name = name };
	return MADE_BLOCK;
}

/* read_tool_reference() left blocks with a name: join them, "Tools now available: A, B". */
static void join_references(struct in *in, struct block *result)
{
	struct in_texts names = { .count = 0 }, line = { .count = 0 };
	struct block *first = NULL;
	size_t kept = 0;

	for (size_t i = 0; i < result->block_count; i++) {
		struct block *b = &result->blocks[i];
		bool reference = b->kind == BLOCK_TEXT && b->name;

		if (reference)
			in_texts_add(in, &names, b->text);
		if (reference && first)
			continue;
		result->blocks[kept] = *b;
		if (reference)
			first = &result->blocks[kept];
		kept++;
	}
	result->block_count = kept;
	if (!first)
		return;
	in_texts_add(in, &line, span_of("Tools now available:"));
	in_texts_add(in, &line, in_texts_join(in, &names, ", "));
	*first = (struct block){ .kind = BLOCK_TEXT, .text = in_texts_join(in, &line, " ") };
}

static int read_result_content(struct in *in, const cJSON *content, const struct json_at *at,
			       struct block *result)
{
	struct json_at item_at = { .up = at };
	const cJSON *item;
	size_t count = 0;

	if (cJSON_IsString(content)) {
		result->blocks = arena_alloc(in->arena, sizeof(*result->blocks));
		result->blocks[0] =
			(struct block){ .kind = BLOCK_TEXT, .text = span_of(content->valuestring) };
		result->block_count = result->blocks[0].text.len > 0;
		return 0;
	}
	if (in_shape_type(in, content, at, IN_TEXT | IN_ARRAY))
		return -1;
	cJSON_ArrayForEach (item, content)
		count++;
	result->blocks = arena_array(in->arena, count, sizeof(*result->blocks));
	cJSON_ArrayForEach (item, content) {
		int made = read_block(in, item, IN_RESULT, &item_at,
				      &result->blocks[result->block_count]);

		if (made < 0)
			return -1;
		result->block_count += made == MADE_BLOCK;
		item_at.index++;
	}
	join_references(in, result);
	return 0;
}

static int read_tool_result(struct in *in, const cJSON *json, const struct json_at *at,
			    struct block *out)
{
	struct json_at inside = { .up = at, .key = "content" };
	const cJSON *content = json_member(json, "content");
	struct block result = { .kind = BLOCK_TOOL_RESULT };

	if (in_need_name(in, json, "tool_use_id", at, &result.id) ||
	    json_bool(json, "is_error", at, &result.is_error, in->e) < 0)
		return -1;
	if (content && read_result_content(in, content, &inside, &result))
		return -1;
	*out = result;
	return MADE_BLOCK;
}

static int read_found(struct in *in, const cJSON *json, const struct json_at *at, struct block *out)
{
	return in_search_result(in, json, at, out) ? -1 : MADE_BLOCK;
}

static int read_content(struct in *in, const cJSON *content, enum role role,
			const struct json_at *at, size_t index)
{
	const enum place place = place_of(role);
	struct json_at item_at = { .up = at };
	struct block block;
	const cJSON *item;
	bool any = false;

	if (cJSON_IsString(content) && content->valuestring[0]) {
		in_add_text(in, role, index, span_of(content->valuestring));
		return 0;
	}
	if (in_shape_type(in, content, at, IN_TEXT | IN_ARRAY))
		return -1;
	cJSON_ArrayForEach (item, content) {
		int made = read_block(in, item, place, &item_at, &block);

		if (made < 0)
			return -1;
		if (made == MADE_BLOCK)
			*in_add(in, block.kind == BLOCK_TOOL_RESULT ? ROLE_USER : role, index) =
				block; /* a server tool's result stands in the assistant's turn */
		any = any || made != MADE_EMPTY;
		item_at.index++;
	}
	/* An answer that was a stop sequence or a refusal comes back without content. */
	if (any || (role == ROLE_ASSISTANT && !content->child))
		return 0;
	if (cJSON_IsArray(content) && !content->child)
		return json_error(at, NULL, in->e, "all messages must have non-empty content");
	return error_field(in->e, "messages", "text content blocks must be non-empty");
}

int in_blocks_effort(struct in *in, const cJSON *output_config, const struct json_at *at)
{
	const char *effort = NULL;

	if (json_text(output_config, "effort", at, &effort, in->e) < 0)
		return -1;
	if (!effort || in_effort(in, effort))
		return 0;
	return json_error(at, "effort", in->e,
			  "Input should be 'low', 'medium', 'high', 'xhigh' or 'max'");
}

/* From here on the model is offered a tool of the request, or no longer. The upstream knows one
 * list of tools: what was said last counts. */
static int read_tool_change(struct in *in, const cJSON *json, const char *type,
			    const struct json_at *at)
{
	struct json_at inside = { .up = at, .key = type };
	struct json_at tool_at = { .up = &inside, .key = "tool" };
	const cJSON *tool = NULL;
	const char *kind, *name;

	if (in_shape_check(in, json, &inside, in_shape_cache_control) ||
	    json_object(json, "tool", &inside, &tool, in->e) < 0)
		return -1;
	if (!tool)
		return json_error(&tool_at, NULL, in->e, "Field required");
	if (json_need_text(tool, "type", &tool_at, &kind, in->e))
		return -1;
	if (strcmp(kind, "tool_reference") != 0)
		return json_error(&tool_at, "type", in->e, "Input should be 'tool_reference'");
	if (in_need_name(in, tool, "name", &tool_at, &name))
		return -1;
	text_map_put(&in->mentioned, name, strcmp(type, "tool_removal") == 0);
	return 0;
}

bool in_blocks_offers(const struct in *in, const char *tool, bool deferred)
{
	size_t withdrawn;

	return text_map_get(&in->mentioned, tool, &withdrawn) ? !withdrawn : !deferred;
}

static int read_system_content(struct in *in, const cJSON *content, const struct json_at *at,
			       struct in_texts *texts)
{
	struct json_at item_at = { .up = at };
	const cJSON *item;

	if (!cJSON_IsArray(content))
		return in_text_all(in, content, at, texts);
	cJSON_ArrayForEach (item, content) {
		const char *type = json_text_or(item, "type", "");
		bool change =
			strcmp(type, "tool_addition") == 0 || strcmp(type, "tool_removal") == 0;

		if (change ? read_tool_change(in, item, type, &item_at)
			   : in_text_add(in, item, &item_at, texts))
			return -1;
		item_at.index++;
	}
	return 0;
}

/* What was said for one turn only: clients leave it in place, and the API shows it no more once a
 * user message follows, which may bring results only. */
static bool is_cleared(const struct in *in, const cJSON *message, const struct json_at *at)
{
	return at->index < in->last_user &&
	       strcmp(json_text_or(message, "clear_at", ""), "next_user_message") == 0;
}

static int read_system_message(struct in *in, const cJSON *message, const struct json_at *at)
{
	struct json_at content_at = { .up = at, .key = "content" };
	const cJSON *content = json_member(message, "content");
	struct in_texts texts = { .count = 0 };

	if (content && read_system_content(in, content, &content_at, &texts))
		return -1;
	if (!is_cleared(in, message, at))
		in_add_reminder(in, at->index, &texts);
	return 0;
}

static int read_message(struct in *in, const cJSON *message, const struct json_at *at)
{
	static const struct in_member members[] = {
		{ .name = "clear_at",
		  .types = IN_TEXT,
		  .values = { "next_user_message", "never" } },
		{ .name = NULL },
	};
	struct json_at content_at = { .up = at, .key = "content" };
	struct json_at config_at = { .up = at, .key = "output_config" };
	const cJSON *config = NULL, *content;
	const char *role;

	if (json_need_text(message, "role", at, &role, in->e) ||
	    in_shape_check(in, message, at, members) ||
	    json_object(message, "output_config", at, &config, in->e) < 0 ||
	    in_blocks_effort(in, config, &config_at))
		return -1;
	if (strcmp(role, "system") == 0)
		return read_system_message(in, message, at);
	if (strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0)
		return json_error(at, "role", in->e, "Input should be 'user' or 'assistant'");
	content = json_member(message, "content");
	if (!content)
		return json_error(at, "content", in->e, "Field required");
	return read_content(in, content, role[0] == 'u' ? ROLE_USER : ROLE_ASSISTANT, &content_at,
			    at->index);
}

/* 0: there is none behind the first message. */
static size_t last_user(const cJSON *messages)
{
	const cJSON *message;
	size_t index = 0, last = 0;

	cJSON_ArrayForEach (message, messages) {
		if (strcmp(json_text_or(message, "role", ""), "user") == 0)
			last = index;
		index++;
	}
	return last;
}

int in_blocks_messages(struct in *in, const cJSON *body, const char *name)
{
	const struct json_at at = { .key = name };
	const cJSON *messages = NULL;

	if (json_array(body, name, NULL, &messages, in->e) < 0)
		return -1;
	if (!messages)
		return json_error(NULL, name, in->e, "Field required");
	in->last_user = last_user(messages);
	if (in_each(in, messages, &at, read_message))
		return -1;
	if (!in->chat->message_count)
		return json_error(NULL, name, in->e, "at least one message is required");
	return in_check_many_images(in);
}
