#include "common/base.h"
#include "fcgi/up_wishes.h"

#include "common/jsonw.h"
#include "common/limits.h"
#include "fcgi/up_prefill.h"

#define JSON_OBJECT "Answer with one JSON object only: no other text, no code fence."
#define JSON_SCHEMA                                                                                \
	"Answer with one JSON value only, no other text, no code fence. It must fit this JSON "    \
	"schema:"
#define GO_ON                                                                                      \
	"Continue your last message exactly where it ends. Write the continuation only: repeat "   \
	"nothing of it, say nothing about it."
#define GO_ON_JSON                                                                                 \
	"Continue your last message exactly where it ends. It is the beginning of a JSON value: "  \
	"write the rest of that value only, no other text, no code fence."

static const char *calls(const struct chat *chat, struct tool_names *names, struct arena *arena)
{
	const bool one = chat->one_call;

	if (chat->tool_choice == CHOICE_TOOL)
		return arena_format(arena,
				    one ? "You must call the tool %s now, exactly once."
					: "You must call the tool %s now.",
				    tool_names_add(names, chat->forced_tool));
	if (chat->tool_choice == CHOICE_ANY)
		return one ? "You must call exactly one of the tools now."
			   : "You must call at least one of the tools now.";
	return one && chat->tool_count && chat->tool_choice == CHOICE_AUTO
		       ? "Call at most one tool in your answer."
		       : NULL;
}

static const char *schema(const struct chat *chat, struct arena *arena)
{
	struct jsonw w;
	struct buf text;
	const char *words;

	buf_init(&text, LIMIT_BODY * 2);
	buf_add_text(&text, JSON_SCHEMA "\n");
	jsonw_init(&w, &text);
	jsonw_tree(&w, chat->schema);
	words = arena_strndup(arena, text.at, text.len);
	buf_release(&text);
	return words;
}

/* The texts of the last turn, at most one for each wish. */
struct words {
	struct block blocks[4];
	size_t count;
};

static void add(struct words *words, struct span text)
{
	if (text.len)
		words->blocks[words->count++] = (struct block){ .kind = BLOCK_TEXT, .text = text };
}

/* messages with room for one more, whose texts are these. */
static void append(struct chat *chat, enum role role, const struct block *blocks, size_t count,
		   struct arena *arena)
{
	struct message *messages =
		arena_array(arena, chat->message_count + 1, sizeof(*chat->messages));
	struct message *last = &messages[chat->message_count];

	if (chat->message_count) /* not with a system prompt alone */
		memcpy(messages, chat->messages, chat->message_count * sizeof(*messages));
	*last = (struct message){ .role = role,
				  .blocks = arena_array(arena, count, sizeof(*blocks)),
				  .block_count = count };
	memcpy(last->blocks, blocks, count * sizeof(*blocks));
	chat->messages = messages;
	chat->message_count++;
}

const struct chat *up_wishes_add(const struct chat *chat, const struct up_again *again,
				 struct tool_names *names, struct arena *arena)
{
	const bool asked_before = again && again->words.len;
	struct words words = { .count = 0 };
	struct chat *copy;

	if (asked_before)
		add(&words, buf_span(&again->words));
	else if (chat->prefill.len)
		add(&words, span_of(up_prefill_json(chat->prefill).len ? GO_ON_JSON : GO_ON));
	add(&words, span_of(calls(chat, names, arena)));
	if (chat->format == FORMAT_JSON)
		add(&words, span_of(JSON_OBJECT));
	else if (chat->format == FORMAT_SCHEMA)
		add(&words, span_of(schema(chat, arena)));
	if (!words.count)
		return chat;

	copy = arena_alloc(arena, sizeof(*copy));
	*copy = *chat;
	if (asked_before && again->answer.len) {
		const struct block answer = { .kind = BLOCK_TEXT,
					      .text = buf_span(&again->answer) };

		append(copy, ROLE_ASSISTANT, &answer, 1, arena);
	}
	append(copy, ROLE_USER, words.blocks, words.count, arena);
	return copy;
}
