#include "common/base.h"
#include "fcgi/in_parts.h"

#include "common/jsonw.h"
#include "common/limits.h"

int in_parts_missing(struct in *in, const char *name)
{
	error_field(in->e, name, "Missing required parameter");
	snprintf(in->e->message, sizeof(in->e->message), "Missing required parameter: '%s'.", name);
	return -1;
}

/* A string, or an array of text parts (refusals too, of an assistant): empty ones left out. */
static int read_texts(struct in *in, const cJSON *content, const struct json_at *at,
		      struct in_texts *texts)
{
	struct json_at item_at = { .up = at };
	const cJSON *item;

	if (!content)
		return 0;
	if (cJSON_IsString(content)) {
		if (content->valuestring[0])
			in_texts_add(in, texts, span_of(content->valuestring));
		return 0;
	}
	if (!cJSON_IsArray(content))
		return json_error(at, NULL, in->e, "Input should be a string or an array of parts");
	cJSON_ArrayForEach (item, content) {
		const char *type = json_text_or(item, "type", "");
		const char *text;

		if (strcmp(type, "text") != 0 && strcmp(type, "refusal") != 0)
			return json_error(&item_at, "type", in->e, "Input should be 'text'");
		if (json_need_text(item, type, &item_at, &text, in->e))
			return -1;
		if (text[0])
			in_texts_add(in, texts, span_of(text));
		item_at.index++;
	}
	return 0;
}

/* Only data URLs: fetching what a client names would open this host's network to it. */
static int read_image_part(struct in *in, const cJSON *part, const struct json_at *at, size_t index)
{
	static const char mark[] = ";base64,";
	const cJSON *image = json_member(part, "image_url");
	const char *url =
		cJSON_IsString(image) ? image->valuestring : json_text_or(image, "url", NULL);
	const char *data;
	struct block block;

	if (!url)
		return json_error(at, "image_url", in->e, "Field required");
	if (strncasecmp(url, "data:", 5) != 0)
		return json_error(at, "image_url", in->e,
				  "URL images are not supported, send a base64 data URL");
	data = strchr(url, ',');
	if (!data || data - url < (ptrdiff_t)strlen(mark) ||
	    memcmp(data + 1 - strlen(mark), mark, strlen(mark)) != 0)
		return json_error(at, "image_url", in->e, "Input should be a base64 data URL");
	if (in_image(in, span_of(data + 1), at, "image_url", &block))
		return -1;
	*in_add(in, ROLE_USER, index) = block;
	return 0;
}

static int refuse_file_part(struct in *in, const cJSON *part, const struct json_at *at)
{
	const char *data = json_text_or(json_member(part, "file"), "file_data", "");

	if (strncasecmp(data, "data:application/pdf", 20) == 0)
		return json_error(at, "file", in->e, "this model does not support PDF input");
	return json_error(at, "file", in->e, "files are " UNSUPPORTED ", send a text part");
}

static int read_user_part(struct in *in, const cJSON *part, const struct json_at *at, size_t index)
{
	const char *type = NULL, *text;

	if (!cJSON_IsObject(part))
		return json_error(at, NULL, in->e, "Input should be an object");
	if (json_need_text(part, "type", at, &type, in->e))
		return -1;
	if (strcmp(type, "text") == 0) {
		if (json_need_text(part, "text", at, &text, in->e))
			return -1;
		if (text[0])
			in_add_text(in, ROLE_USER, index, span_of(text));
		return 0;
	}
	if (strcmp(type, "image_url") == 0)
		return read_image_part(in, part, at, index);
	if (strcmp(type, "file") == 0)
		return refuse_file_part(in, part, at);
	if (strcmp(type, "input_audio") == 0)
		return json_error(at, "input_audio", in->e, "audio input is " UNSUPPORTED);
	return json_error(at, "type", in->e, "Input should be 'text' or 'image_url'");
}

static int read_user(struct in *in, const cJSON *message, const struct json_at *at)
{
	struct json_at content_at = { .up = at, .key = "content" };
	struct json_at item_at = { .up = &content_at };
	const cJSON *content = json_member(message, "content"), *part;
	const size_t before = in->block_count;

	if (cJSON_IsString(content)) {
		if (content->valuestring[0])
			in_add_text(in, ROLE_USER, at->index, span_of(content->valuestring));
	} else if (!cJSON_IsArray(content)) {
		return json_error(at, "content", in->e,
				  "Input should be a string or an array of parts");
	}
	cJSON_ArrayForEach (part, content) {
		if (read_user_part(in, part, &item_at, at->index))
			return -1;
		item_at.index++;
	}
	if (in->block_count == before)
		return json_error(at, "content", in->e, "user messages must not be empty");
	return 0;
}

/* Broken arguments stay visible to the model as {"__raw_arguments": "..."}. */
static struct span wrap_arguments(struct in *in, const char *arguments)
{
	struct span copy;
	struct jsonw w;
	struct buf out;

	buf_init(&out, LIMIT_UP_BODY * 4); /* escaping grows a byte to six at most */
	jsonw_init(&w, &out);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "__raw_arguments", arguments);
	jsonw_end(&w);
	copy.at = arena_strndup(in->arena, out.at, out.len);
	copy.len = out.len;
	buf_release(&out);
	return copy;
}

/* arguments: "" is {}, an object's text stays as it is. */
static struct span read_arguments(struct in *in, const char *arguments)
{
	struct error ignored = { .kind = ERR_NONE };
	cJSON *tree;
	bool good;

	if (!arguments[strspn(arguments, " \t\r\n")])
		return (struct span){ "", 0 };
	tree = json_parse(span_of(arguments), &ignored);
	good = cJSON_IsObject(tree);
	cJSON_Delete(tree);
	return good ? span_of(arguments) : wrap_arguments(in, arguments);
}

static int read_call(struct in *in, const cJSON *call, const struct json_at *at, size_t index)
{
	struct json_at inside = { .up = at, .key = "function" };
	struct block block = { .kind = BLOCK_TOOL_USE };
	const char *type = "function", *arguments = "";
	const cJSON *function = NULL;

	if (!cJSON_IsObject(call))
		return json_error(at, NULL, in->e, "Input should be an object");
	if (json_text(call, "type", at, &type, in->e) < 0)
		return -1;
	if (strcmp(type, "function") != 0)
		return json_error(at, "type", in->e, "'%.64s' tool calls are " UNSUPPORTED, type);
	if (json_need_text(call, "id", at, &block.id, in->e) ||
	    json_object(call, "function", at, &function, in->e) < 0)
		return -1;
	if (!function)
		return json_error(at, "function", in->e, "Field required");
	if (json_need_text(function, "name", &inside, &block.name, in->e) ||
	    json_text(function, "arguments", &inside, &arguments, in->e) < 0)
		return -1;
	if (!block.id[0] || !block.name[0])
		return json_error(block.id[0] ? &inside : at, block.id[0] ? "name" : "id", in->e,
				  "Input should not be empty");
	block.input_json = read_arguments(in, arguments);
	*in_add(in, ROLE_ASSISTANT, index) = block;
	return 0;
}

/* An assistant message without text and calls (clients keep failed answers so) says nothing. */
static int read_assistant(struct in *in, const cJSON *message, const struct json_at *at)
{
	struct json_at content_at = { .up = at, .key = "content" };
	struct json_at calls_at = { .up = at, .key = "tool_calls" };
	struct json_at call_at = { .up = &calls_at };
	struct in_texts texts = { .count = 0 };
	const cJSON *calls = NULL, *call;
	const char *refusal = "";

	if (json_member(message, "function_call"))
		return json_error(at, "function_call", in->e, UNSUPPORTED ", use tool_calls");
	if (read_texts(in, json_member(message, "content"), &content_at, &texts) ||
	    json_text(message, "refusal", at, &refusal, in->e) < 0 ||
	    json_array(message, "tool_calls", at, &calls, in->e) < 0)
		return -1;
	if (refusal[0])
		in_texts_add(in, &texts, span_of(refusal));
	for (size_t i = 0; i < texts.count; i++)
		in_add_text(in, ROLE_ASSISTANT, at->index, texts.at[i]);
	cJSON_ArrayForEach (call, calls) {
		if (read_call(in, call, &call_at, at->index))
			return -1;
		call_at.index++;
	}
	return 0;
}

static int read_tool_message(struct in *in, const cJSON *message, const struct json_at *at)
{
	struct json_at content_at = { .up = at, .key = "content" };
	struct block result = { .kind = BLOCK_TOOL_RESULT };
	struct in_texts texts = { .count = 0 };

	if (json_need_text(message, "tool_call_id", at, &result.id, in->e) ||
	    read_texts(in, json_member(message, "content"), &content_at, &texts))
		return -1;
	result.blocks = arena_array(in->arena, texts.count, sizeof(*result.blocks));
	for (; result.block_count < texts.count; result.block_count++)
		result.blocks[result.block_count] =
			(struct block){ .kind = BLOCK_TEXT, .text = texts.at[result.block_count] };
	*in_add(in, ROLE_USER, at->index) = result;
	return 0;
}

/* Before the conversation: the system text. Later: a reminder in the user's turn. */
static int read_system(struct in *in, const cJSON *message, const struct json_at *at)
{
	struct json_at content_at = { .up = at, .key = "content" };
	struct in_texts texts = { .count = 0 };

	if (read_texts(in, json_member(message, "content"), &content_at, &texts))
		return -1;
	if (in->block_count) {
		in_add_reminder(in, at->index, &texts);
		return 0;
	}
	for (size_t i = 0; i < texts.count; i++)
		in_texts_add(in, &in->system, texts.at[i]);
	return 0;
}

static int refuse_function_message(struct in *in, const cJSON *message, const struct json_at *at)
{
	(void)message;
	return json_error(at, "role", in->e, "'function' messages are " UNSUPPORTED ", use 'tool'");
}

static int read_message(struct in *in, const cJSON *message, const struct json_at *at)
{
	static const struct {
		const char *role;
		int (*read)(struct in *in, const cJSON *message, const struct json_at *at);
	} roles[] = {
		{ "system", read_system },     { "developer", read_system },
		{ "user", read_user },	       { "assistant", read_assistant },
		{ "tool", read_tool_message }, { "function", refuse_function_message },
	};
	const char *role;

	if (!cJSON_IsObject(message))
		return json_error(at, NULL, in->e, "Input should be an object");
	if (json_need_text(message, "role", at, &role, in->e))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		if (strcmp(role, roles[i].role) == 0)
			return roles[i].read(in, message, at);
	}
	return json_error(at, "role", in->e,
			  "Input should be 'system', 'developer', 'user', 'assistant' or 'tool'");
}

int in_parts_messages(struct in *in, const cJSON *body, const char *name)
{
	struct json_at list_at = { .key = name };
	struct json_at at = { .up = &list_at };
	const cJSON *messages = NULL, *message;

	if (json_array(body, name, NULL, &messages, in->e) < 0)
		return -1;
	if (!messages)
		return in_parts_missing(in, name);
	cJSON_ArrayForEach (message, messages) {
		if (at.index == LIMIT_MESSAGES)
			return json_error(NULL, name, in->e, "at most %d messages are taken",
					  LIMIT_MESSAGES);
		if (read_message(in, message, &at))
			return -1;
		at.index++;
	}
	if (!in->chat->message_count && !in->system.count)
		return json_error(NULL, name, in->e, "at least one message is required");
	return 0;
}
