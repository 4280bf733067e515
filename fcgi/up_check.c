#include "common/base.h"
#include "fcgi/up_check.h"

#include "common/json.h"
#include "common/limits.h"
#include "common/utf8.h"
#include "fcgi/up_schema.h"

/* Nesting in front of a tool's schema and of a call's input, in upstream's body. */
#define SCHEMA_AT 9
#define INPUT_AT  7

static size_t text_bytes(const struct block *blocks, size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += blocks[i].kind == BLOCK_TEXT ? blocks[i].text.len : 0;
	return bytes;
}

static size_t text_characters(const struct block *blocks, size_t count)
{
	size_t all = 0;

	for (size_t i = 0; i < count; i++)
		all += blocks[i].kind == BLOCK_TEXT ? utf8_count(blocks[i].text) : 0;
	return all;
}

/* The words that make Claude Code compact the conversation. */
static int too_long(const struct message *m, const char *what, size_t count, int limit,
		    struct error *e)
{
	if (e->kind == ERR_NONE)
		snprintf(e->field, sizeof(e->field), "messages.%zu", m->client_index);
	return error_set(
		e, ERR_CONTEXT,
		"prompt is too long: %s messages.%zu has %zu characters, the upstream takes "
		"at most %d",
		what, m->client_index, count, limit);
}

/* Bytes first: most conversations need no counting. */
static int check_text(const struct message *m, struct span system, struct error *e)
{
	size_t count;

	if (text_bytes(m->blocks, m->block_count) + system.len <= LIMIT_UP_TEXT)
		return 0;
	count = text_characters(m->blocks, m->block_count) + utf8_count(system);
	if (count <= LIMIT_UP_TEXT)
		return 0;
	return too_long(m, system.len ? "the text of system and" : "the text of", count,
			LIMIT_UP_TEXT, e);
}

static int check_result(const struct message *m, const struct block *result, struct error *e)
{
	char what[96];
	size_t count;

	if (text_bytes(result->blocks, result->block_count) <= LIMIT_UP_RESULT)
		return 0;
	count = text_characters(result->blocks, result->block_count);
	if (count <= LIMIT_UP_RESULT)
		return 0;
	snprintf(what, sizeof(what), "the tool_result for %.64s in", result->id);
	return too_long(m, what, count, LIMIT_UP_RESULT, e);
}

static size_t tree_depth(const cJSON *tree)
{
	const cJSON *child;
	size_t deepest = 0;

	cJSON_ArrayForEach (child, tree) {
		size_t depth = tree_depth(child);

		deepest = depth > deepest ? depth : deepest;
	}
	return cJSON_IsObject(tree) || cJSON_IsArray(tree) ? deepest + 1 : 0;
}

static size_t json_depth(struct span json)
{
	size_t depth = 0, deepest = 0;
	bool quoted = false;

	for (size_t i = 0; i < json.len; i++) {
		char c = json.at[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			deepest = ++depth > deepest ? depth : deepest;
		else if (!quoted && (c == '}' || c == ']'))
			depth--;
	}
	return deepest;
}

static int check_input(const struct message *m, const struct block *use, struct error *e)
{
	char field[32];

	if (INPUT_AT + (use->input ? tree_depth(use->input) : json_depth(use->input_json)) <=
	    LIMIT_JSON_DEPTH)
		return 0;
	snprintf(field, sizeof(field), "messages.%zu", m->client_index);
	return error_field(e, field,
			   "the input of the tool call %.64s is nested too deep: at most %d",
			   use->id, LIMIT_JSON_DEPTH - INPUT_AT);
}

/* "Could not process image" makes Claude Code go on without its images. */
static int check_image(const struct block *image, const struct model *model, struct error *e)
{
	if (model->images)
		return 0;
	return error_field(e, image->path ? image->path : "messages",
			   "Could not process image: the model %s does not take images", model->id);
}

static int check_block(const struct message *m, const struct block *block,
		       const struct model *model, struct error *e)
{
	switch (block->kind) {
	case BLOCK_IMAGE:
		return check_image(block, model, e);
	case BLOCK_TOOL_USE:
		return check_input(m, block, e);
	case BLOCK_TOOL_RESULT:
		for (size_t i = 0; i < block->block_count; i++) {
			if (check_block(m, &block->blocks[i], model, e))
				return -1;
		}
		return check_result(m, block, e);
	case BLOCK_TEXT:
	case BLOCK_DOCUMENT:
	case BLOCK_THINKING:
		return 0;
	}
	return 0;
}

static int check_tools(const struct chat *chat, struct error *e)
{
	for (size_t i = 0; i < chat->tool_count; i++) {
		const struct tool *tool = &chat->tools[i];

		if (SCHEMA_AT + tree_depth(tool->schema) > LIMIT_JSON_DEPTH)
			return error_field(e, "tools",
					   "the input_schema of the tool %.64s is nested too deep: "
					   "at most %d",
					   tool->name, LIMIT_JSON_DEPTH - SCHEMA_AT);
		if (up_schema_check(tool->name, tool->schema, e))
			return -1;
	}
	return 0;
}

int up_check_chat(const struct chat *chat, const struct model *model, struct error *e)
{
	bool first = true; /* the system text stands in front of the first user's turn */

	for (size_t i = 0; i < chat->message_count; i++) {
		const struct message *m = &chat->messages[i];

		if (m->role == ROLE_USER &&
		    check_text(m, first ? chat->system : (struct span){ "", 0 }, e))
			return -1;
		first = first && m->role != ROLE_USER;
		for (size_t k = 0; k < m->block_count; k++) {
			if (check_block(m, &m->blocks[k], model, e))
				return -1;
		}
	}
	return check_tools(chat, e);
}

/* The largest parts of a request, by their names. */
#define SUSPECTS 3

struct survey {
	size_t images, documents, media_bytes;
	struct suspect {
		char name[96];
		size_t bytes;
	} suspects[SUSPECTS]; /* largest first */
};

static void suspect(struct survey *s, size_t bytes, const char *format, ...) PRINTF_LIKE(3, 4);

static void suspect(struct survey *s, size_t bytes, const char *format, ...)
{
	size_t at = SUSPECTS;
	va_list args;

	while (at && bytes > s->suspects[at - 1].bytes)
		at--;
	if (at == SUSPECTS)
		return;
	memmove(&s->suspects[at + 1], &s->suspects[at], (SUSPECTS - at - 1) * sizeof(*s->suspects));
	s->suspects[at].bytes = bytes;
	va_start(args, format);
	vsnprintf(s->suspects[at].name, sizeof(s->suspects[at].name), format, args);
	va_end(args);
}

/* A rough size of its JSON; the text lengths are what counts. */
static size_t tree_bytes(const cJSON *tree)
{
	size_t bytes = tree && tree->string ? strlen(tree->string) + 4 : 4;
	const cJSON *child;

	if (cJSON_IsString(tree))
		bytes += strlen(tree->valuestring);
	cJSON_ArrayForEach (child, tree)
		bytes += tree_bytes(child);
	return bytes;
}

static void survey_block(struct survey *s, const struct message *m, const struct block *block)
{
	const size_t index = m->client_index;
	bool media = block->kind == BLOCK_IMAGE || block->kind == BLOCK_DOCUMENT;

	s->images += block->kind == BLOCK_IMAGE;
	s->documents += block->kind == BLOCK_DOCUMENT;
	s->media_bytes += media ? block->text.len : 0;
	if (media)
		suspect(s, block->text.len, "%.80s", block->path ? block->path : "an image");
	else if (block->kind == BLOCK_TEXT)
		suspect(s, block->text.len, "a text in messages.%zu", index);
	else if (block->kind == BLOCK_TOOL_USE)
		suspect(s, block->input ? tree_bytes(block->input) : block->input_json.len,
			"the input of %.40s in messages.%zu", block->name, index);
	else if (block->kind == BLOCK_TOOL_RESULT)
		suspect(s, text_bytes(block->blocks, block->block_count),
			"the tool_result for %.40s in messages.%zu", block->id, index);
	for (size_t i = 0; block->kind == BLOCK_TOOL_RESULT && i < block->block_count; i++) {
		if (block->blocks[i].kind != BLOCK_TEXT)
			survey_block(s, m, &block->blocks[i]);
	}
}

static void survey_chat(struct survey *s, const struct chat *chat)
{
	suspect(s, chat->system.len, "the system text");
	for (size_t i = 0; i < chat->message_count; i++) {
		const struct message *m = &chat->messages[i];

		for (size_t k = 0; k < m->block_count; k++)
			survey_block(s, m, &m->blocks[k]);
	}
	for (size_t i = 0; i < chat->tool_count; i++) {
		const struct tool *tool = &chat->tools[i];

		suspect(s, strlen(tool->description), "the description of the tool %.64s",
			tool->name);
		suspect(s, tree_bytes(tool->schema), "the input_schema of the tool %.64s",
			tool->name);
	}
}

static void describe(const struct chat *chat, const struct survey *s, size_t body_bytes, char *out,
		     size_t size)
{
	size_t len;

	snprintf(out, size,
		 "%zu bytes, %zu messages, %zu tools, %zu images, %zu documents; the largest "
		 "parts: ",
		 body_bytes, chat->message_count, chat->tool_count, s->images, s->documents);
	for (size_t i = 0; i < SUSPECTS && s->suspects[i].bytes; i++) {
		len = strlen(out);
		snprintf(out + len, size - len, "%s%s (%zu bytes)", i ? ", " : "",
			 s->suspects[i].name, s->suspects[i].bytes);
	}
}

/* "toolConfig.tools.3.toolSpec..." counts the tools that were sent. */
static void name_tool(const struct chat *chat, struct error *failure)
{
	const char *at = strstr(failure->message, "tools.");
	unsigned index;

	if (!at || sscanf(at, "tools.%u.", &index) != 1 || index >= chat->tool_count ||
	    chat->tool_choice == CHOICE_NONE || chat->tool_choice == CHOICE_TOOL)
		return;
	snprintf(strchr(failure->message, '\0'),
		 sizeof(failure->message) - strlen(failure->message), " (the tool %.64s)",
		 chat->tools[index].name);
}

/* Bytes, not tokens: with a field, nobody adds numbers of the window to it. */
static void too_large(struct error *failure, const char *what)
{
	snprintf(failure->field, sizeof(failure->field), "messages");
	error_set(failure, ERR_CONTEXT,
		  "prompt is too long: the upstream takes about %d bytes, the request has %s",
		  LIMIT_UP_BODY_SEEN, what);
}

void up_check_explain(const struct chat *chat, size_t body_bytes, struct error *failure)
{
	const int up_status = failure->up_status;
	struct survey s = { .images = 0 };
	char what[LIMIT_ERROR_TEXT];

	name_tool(chat, failure);
	if (!strcasestr(failure->message, "improperly formed request"))
		return;
	survey_chat(&s, chat);
	describe(chat, &s, body_bytes, what, sizeof(what));
	error_clear(failure);
	if (body_bytes <= LIMIT_UP_BODY_SEEN)
		error_set(failure, ERR_UP_INVALID,
			  "the upstream refused the request as improperly formed and does not say "
			  "why; it has %s",
			  what);
	else if (s.media_bytes > body_bytes / 2)
		error_set(failure, ERR_UP_INVALID,
			  "image exceeds what the upstream takes in one request, about %d bytes "
			  "(capability_rejected: media_budget): it has %s",
			  LIMIT_UP_BODY_SEEN, what);
	else
		too_large(failure, what);
	failure->up_status = up_status;
}
