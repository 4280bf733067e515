/*
 * in_anthropic, in_count, in_openai, in_responses: a client's body. Refused, or with every model
 * the upstream's body is JSON that keeps the upstream's rules (up_rules.h), and every tool name
 * finds back to the client's.
 *
 * up_request: two bytes choose model and options, each further one builds a piece of a
 * conversation in the house shape, so that no reader stands before it.
 */
#include "common/base.h"
#include "tests/fuzz/fuzz.h"

#include "common/json.h"
#include "fcgi/fetch.h"
#include "fcgi/in.h"
#include "fcgi/tokens.h"
#include "fcgi/up_request.h"
#include "tests/unit/up_rules.h"

#define MESSAGES_MAX 48
#define BLOCKS_MAX   256
#define TOOLS_MAX    12

typedef int reader(const cJSON *body, struct arena *arena, struct chat *chat, struct error *e);

static const char *const model_ids[] = {
	"claude-sonnet-4.5", "claude-opus-5",	"gpt-5.6-sol",
	"deepseek-3.2",	     "claude-opus-4.6", "claude-opus-5.5"
};

static void require_told(int rc, const struct error *e)
{
	fuzz_require(rc == 0 || rc == -1, "a result of %d", rc);
	fuzz_require((rc != 0) == (e->kind != ERR_NONE), "%d, and an error of kind %d", rc,
		     e->kind);
	fuzz_require(!rc || e->kind == ERR_REQUEST || e->kind == ERR_CONTEXT ||
			     e->kind == ERR_TOO_LARGE,
		     "a client's mistake told as %s", error_row(e)->name);
	fuzz_require(!rc || *e->message, "an error that says nothing");
}

static void require_names(const struct tool_names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		const struct tool_name *n = &names->items[i];

		fuzz_require(is_up_name(n->upstream), "tool name %s", n->upstream);
		fuzz_require(strcmp(tool_names_client(names, n->upstream), n->client) == 0,
			     "%s does not find back to %s", n->upstream, n->client);
	}
}

static void write_up(const struct chat *chat, const struct model *model, unsigned choices,
		     struct arena *arena)
{
	char answer[] = "It is so.", words[] = "It is not.";
	const struct up_again again = { .answer = { .at = answer, .len = strlen(answer) },
					.words = { .at = words, .len = strlen(words) } };
	bool sent_reasoning = false;
	const struct up_request_options options = {
		.origin = "AI_EDITOR",
		.agent_mode = choices & 1 ? "vibe" : NULL,
		.profile_arn = choices & 2 ? "arn" : NULL,
		.conversation_id = "c-1",
		.continuation_id = "k-1",
		.again = choices & 4 ? &again : NULL,
		.documents = choices & 8,
		.reasoning = choices & 16,
		.sent_reasoning = &sent_reasoning,
	};
	struct error e = { .kind = ERR_NONE };
	struct tool_names names;
	struct buf body;
	int rc;

	tool_names_init(&names, arena);
	buf_init(&body, LIMIT_UP_BODY);
	rc = up_request_write(chat, model, &options, &names, arena, &body, &e);
	require_told(rc, &e);
	if (!rc) {
		cJSON *out = json_parse(buf_span(&body), &e);
		const char *rule;

		fuzz_require(out, "upstream's body is %s", e.message);
		rule = broken_rule(out);
		fuzz_require(!rule, "rule %s: %.20000s", rule, body.at);
		require_names(&names);
		cJSON_Delete(out);
	}
	buf_release(&body);
}

static void read_body(struct span input, reader *read, bool counting)
{
	static const struct config config = { .fetch_allow = (char *)"" };
	struct error e = { .kind = ERR_NONE };
	cJSON *tree = json_parse(input, &e);
	struct chat chat = { 0 };
	struct arena arena;
	int rc;

	if (!cJSON_IsObject(tree)) {
		cJSON_Delete(tree);
		return;
	}
	arena_init(&arena);
	rc = read(tree, &arena, &chat, &e);
	if (!rc)
		rc = fetch_check(&config, &chat, &e);
	require_told(rc, &e);
	if (!rc)
		fuzz_require(tokens_of_chat(&chat) > 0, "no tokens");
	for (size_t i = 0; !rc && !counting && i < ARRAY_SIZE(model_ids); i++)
		write_up(&chat, models_row(model_ids[i]), (unsigned)input.len + (unsigned)i * 5,
			 &arena);
	arena_release(&arena);
	cJSON_Delete(tree);
}

void fuzz_in_anthropic(struct span input)
{
	read_body(input, in_anthropic, false);
}

void fuzz_in_count(struct span input)
{
	read_body(input, in_anthropic_count, true);
}

void fuzz_in_openai(struct span input)
{
	read_body(input, in_openai, false);
}

void fuzz_in_responses(struct span input)
{
	read_body(input, in_responses, false);
}

/* ---- conversations in the house shape ---- */

struct maker {
	struct span input;
	struct arena *arena;
	struct chat chat;
	struct message messages[MESSAGES_MAX + 1];
	struct block blocks[BLOCKS_MAX + 1], inner[BLOCKS_MAX];
	struct tool tools[TOOLS_MAX];
	size_t block_count, inner_count;
};

static const char *any_name(struct maker *m)
{
	static const char *const names[] = {
		"Read",
		"read",
		"Bash",
		"a-b",
		"_x",
		"9lives",
		"mcp__server__tool",
		"m\xC3\xBCll",
		"a_name_that_is_longer_than_the_sixty_four_characters_that_upstream_takes",
		"a_name_that_is_longer_than_the_sixty_four_characters_that_upstream_Takes",
		" ",
		"t__3b2f1c00",
	};

	return names[fuzz_byte(&m->input) % ARRAY_SIZE(names)];
}

static const char *any_id(struct maker *m)
{
	static const char *const ids[] = {
		"toolu_1",
		"toolu_2",
		"toolu_3",
		"tooluse_4",
		"call 5",
		"\xF0\x9F\x98\x80",
		"an_id_that_is_longer_than_the_sixty_four_characters_that_the_upstream_takes",
		"toolu_01ABCDEFGHIJKLMNOPQRSTUVWX",
	};

	return ids[fuzz_byte(&m->input) % ARRAY_SIZE(ids)];
}

static struct span any_text(struct maker *m)
{
	static const char *const texts[] = {
		"x", "two words", "{}", "line\nline", "\xC3\xA9", "<thinking>a</thinking>\n\nb", " "
	};

	return span_of(texts[fuzz_byte(&m->input) % ARRAY_SIZE(texts)]);
}

/* As the readers leave them: none with a choice at its root. */
static cJSON *any_tree(struct maker *m)
{
	static const char *const trees[] = {
		"{\"type\":\"object\"}",
		"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":"
		"[\"a\"]}",
		"{\"type\":\"string\"}",
		"{\"type\":[\"object\",\"null\"],\"properties\":null,\"required\":null}",
		"{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"type\":\"object\",\"properties\":{"
		"\"b\":{\"$ref\":\"#/$defs/a\"}}}}}",
		"{\"properties\":{\"a\":{\"allOf\":[{\"type\":\"string\"}],\"format\":\"uri\"}},"
		"\"additionalProperties\":false}",
		"{}",
	};

	return cJSON_Parse(trees[fuzz_byte(&m->input) % ARRAY_SIZE(trees)]);
}

static struct block *inner_blocks(struct maker *m, size_t *count)
{
	struct block *first = &m->inner[m->inner_count];
	size_t wanted = fuzz_byte(&m->input) % 4;

	for (*count = 0; *count < wanted && m->inner_count < BLOCKS_MAX; ++*count) {
		const unsigned kind = fuzz_byte(&m->input) % 4;

		m->inner[m->inner_count++] =
			kind < 3 ? (struct block){ .kind = BLOCK_TEXT, .text = any_text(m) }
				 : (struct block){ .kind = BLOCK_IMAGE,
						   .text = span_of("iVBORw0KGgo="),
						   .format = "png" };
	}
	return first;
}

static void make_block(struct maker *m, enum role role)
{
	struct block *b = &m->blocks[m->block_count++];

	switch (fuzz_byte(&m->input) % 8) {
	case 0:
	case 1:
		*b = (struct block){ .kind = BLOCK_TEXT, .text = any_text(m) };
		break;
	case 2:
		*b = (struct block){ .kind = BLOCK_IMAGE,
				     .text = span_of("iVBORw0KGgo="),
				     .format = "png" };
		break;
	case 3:
		*b = (struct block){ .kind = BLOCK_DOCUMENT,
				     .text = span_of("JVBERi0xLjQK"),
				     .format = "pdf",
				     .path = "messages.0.content.0",
				     .number = ++m->chat.document_count };
		b->name = arena_format(m->arena, "doc%zu", b->number);
		break;
	case 4:
		*b = (struct block){ .kind = BLOCK_THINKING,
				     .text = any_text(m),
				     .signature = fuzz_byte(&m->input) % 2 ? "c2ln" : NULL };
		break;
	default:
		*b = (struct block){ .id = any_id(m) };
		if (role == ROLE_ASSISTANT) {
			b->kind = BLOCK_TOOL_USE;
			b->name = any_name(m);
			b->input_json = span_of(fuzz_byte(&m->input) % 2 ? "{\"a\":[1]}" : "");
		} else {
			b->kind = BLOCK_TOOL_RESULT;
			b->is_error = fuzz_byte(&m->input) % 2;
			b->blocks = inner_blocks(m, &b->block_count);
		}
	}
	/* what only one of the two says */
	if (role == ROLE_ASSISTANT && (b->kind == BLOCK_IMAGE || b->kind == BLOCK_DOCUMENT))
		*b = (struct block){ .kind = BLOCK_TEXT, .text = span_of("said") };
	if (role == ROLE_USER && b->kind == BLOCK_THINKING)
		b->kind = BLOCK_TEXT;
}

static void make_messages(struct maker *m)
{
	struct chat *chat = &m->chat;

	while (m->input.len && chat->message_count < MESSAGES_MAX &&
	       m->block_count < BLOCKS_MAX - 8) {
		struct message *message = &m->messages[chat->message_count];
		size_t wanted = 1 + fuzz_byte(&m->input) % 6;

		*message = (struct message){ .role = chat->message_count % 2 ? ROLE_ASSISTANT
									     : ROLE_USER,
					     .client_index = chat->message_count,
					     .blocks = &m->blocks[m->block_count] };
		for (; message->block_count < wanted; message->block_count++)
			make_block(m, message->role);
		chat->message_count++;
	}
	if (chat->message_count && chat->messages[chat->message_count - 1].role == ROLE_ASSISTANT)
		chat->message_count--;
}

/* The conversation ends with the assistant's words, as in_finish() leaves them. */
static void make_prefill(struct maker *m)
{
	struct block *b = &m->blocks[m->block_count++];
	struct message *message = &m->messages[m->chat.message_count++];

	m->chat.prefill = span_of("{");
	*b = (struct block){ .kind = BLOCK_TEXT, .text = m->chat.prefill };
	*message = (struct message){ .role = ROLE_ASSISTANT, .blocks = b, .block_count = 1 };
}

static void make_tools(struct maker *m)
{
	struct chat *chat = &m->chat;
	size_t wanted = fuzz_byte(&m->input) % TOOLS_MAX;

	while (chat->tool_count < wanted) {
		struct tool *tool = &m->tools[chat->tool_count++];

		*tool = (struct tool){ .name = any_name(m),
				       .description = fuzz_byte(&m->input) % 3 ? "d" : "",
				       .schema = any_tree(m) };
	}
}

static void make_wishes(struct maker *m)
{
	struct chat *chat = &m->chat;
	const unsigned choices = fuzz_byte(&m->input);

	chat->system = choices & 1 ? any_text(m) : span_of("");
	chat->one_call = choices & 2;
	chat->format = choices & 4 ? FORMAT_JSON : FORMAT_TEXT;
	chat->thinking = choices & 8 ? THINKING_ON : THINKING_DEFAULT;
	chat->tool_choice = (enum tool_choice)(choices >> 4 & 3);
	if (!chat->tool_count && chat->tool_choice > CHOICE_NONE)
		chat->tool_choice = CHOICE_AUTO;
	if (chat->tool_choice == CHOICE_TOOL)
		chat->forced_tool = chat->tools[choices % chat->tool_count].name;
}

void fuzz_up_request(struct span input)
{
	struct maker *m = xcalloc(1, sizeof(*m));
	const unsigned model = fuzz_byte(&input), options = fuzz_byte(&input);
	struct arena arena;

	arena_init(&arena);
	m->input = input;
	m->arena = &arena;
	m->chat.messages = m->messages;
	m->chat.tools = m->tools;
	make_tools(m);
	make_wishes(m);
	make_messages(m);
	if (m->chat.message_count && options & 32)
		make_prefill(m);
	if (m->chat.message_count)
		write_up(&m->chat, models_row(model_ids[model % ARRAY_SIZE(model_ids)]), options,
			 &arena);
	for (size_t i = 0; i < m->chat.tool_count; i++)
		cJSON_Delete((cJSON *)m->tools[i].schema);
	arena_release(&arena);
	free(m);
}
