#include "common/base.h"
#include "fcgi/tokens.h"

#include "fcgi/signature.h"
#include "fcgi/up_tools.h"
#include "fcgi/up_turns.h"

/* All prices are in thousandths of a token. Set against three public byte-pair vocabularies (an
 * older Claude one, cl100k, o200k): English prose, code, JSON, Markdown and Chinese came out within
 * 25 % of each, other languages within 40 % of their middle. The service's own tokenizers are not
 * public. */
#define TOKEN 1000

#define IMAGE_TOKENS                                                                               \
	1500		  /* a picture of about 1,050 pixels a side; the dimensions are not read   \
			   */
#define MESSAGE_TOKENS 4  /* role and turn markers */
#define TOOL_TOKENS    12 /* markup around one tool or call */
#define CALL_TOKENS    12

enum class {
	LETTER,
	DIGIT,
	SPACE,
	BREAK,
	MARK,
	TAIL,
	LATIN,
	WORDS,
	KANA,
	IDEOGRAPH,
	EMOJI,
	CLASSES
};

/* What a run of bytes of one class costs: its first byte, and each further one. TAIL is the rest of
 * a character of several bytes, which its first byte has paid for. */
static const struct {
	int64_t first, next;
} prices[CLASSES] = {
	/* clang-format off */
	[LETTER]    = { 740, 120 },   /* words, parts of identifiers */
	[DIGIT]     = { 700, 330 },   /* three to a token */
	[SPACE]     = { 40, 40 },     /* one joins the next word; indentation is cheap */
	[BREAK]     = { 560, 150 },   /* newline, tab */
	[MARK]      = { 800, 280 },   /* punctuation: pairs like ":" and "}," share a token */
	[TAIL]      = { 0, 0 },
	[LATIN]     = { 700, 450 },   /* two bytes: Latin with accents, Greek, Cyrillic, ... */
	[WORDS]     = { 900, 900 },   /* three bytes: Indic, Thai, typographic marks */
	[KANA]      = { 900, 900 },   /* three bytes: Japanese syllables, CJK punctuation */
	[IDEOGRAPH] = { 720, 720 },   /* three bytes: Chinese characters, Hangul */
	[EMOJI]     = { 2000, 2000 }, /* four bytes */
	/* clang-format on */
};

/* clang-format off */
static const unsigned char class_of[256] = {
	[0x00 ... 0x08] = MARK, ['\t'] = BREAK, ['\n'] = BREAK, [0x0B ... 0x1F] = MARK,
	[' '] = SPACE,
	['!' ... '/'] = MARK, ['0' ... '9'] = DIGIT, [':' ... '@'] = MARK,
	['A' ... 'Z'] = LETTER, ['[' ... '`'] = MARK, ['a' ... 'z'] = LETTER, ['{' ... 0x7F] = MARK,
	[0x80 ... 0xBF] = TAIL, [0xC0 ... 0xDF] = LATIN, [0xE0 ... 0xE2] = WORDS,
	[0xE3] = KANA, [0xE4 ... 0xED] = IDEOGRAPH, [0xEE ... 0xEF] = WORDS,
	[0xF0 ... 0xFF] = EMOJI,
};
/* clang-format on */

/* Every byte of every answer and request goes this way: the limit stays out of it. */
static void count_all(struct token_count *c, struct span text)
{
	int64_t price = c->price;
	int before = c->before;

	for (size_t i = 0; i < text.len; i++) {
		int class = class_of[(unsigned char)text.at[i]];

		if (class == TAIL)
			continue;
		price += class + 1 == before ? prices[class].next : prices[class].first;
		before = class + 1;
	}
	c->price = price;
	c->before = before;
}

static int64_t text_price(struct span text)
{
	struct token_count c = { 0 };

	count_all(&c, text);
	return c.price;
}

/* A tree's JSON text, without writing it. */
static int64_t tree_price(const cJSON *tree)
{
	const int64_t marks = prices[MARK].first + prices[MARK].next;
	int64_t price = 0;
	const cJSON *child;

	if (cJSON_IsString(tree))
		return text_price(span_of(tree->valuestring)) + marks;
	if (!cJSON_IsObject(tree) && !cJSON_IsArray(tree))
		return TOKEN;
	cJSON_ArrayForEach (child, tree) {
		if (child->string)
			price += text_price(span_of(child->string)) + marks;
		price += tree_price(child);
	}
	return price + marks;
}

static int64_t block_price(const struct block *block)
{
	int64_t price = 0;

	switch (block->kind) {
	case BLOCK_TEXT:
		return text_price(block->text);
	case BLOCK_IMAGE:
		return IMAGE_TOKENS * TOKEN;
	case BLOCK_DOCUMENT: /* base64 is 4/3 of the document, whose text is at most all of it */
		return (int64_t)block->text.len / 4 * 3 / 4 * TOKEN;
	case BLOCK_THINKING:
		return 0; /* not sent, or its length says nothing: has_reasoning() */
	case BLOCK_TOOL_USE:
		price = block->input ? tree_price(block->input) : text_price(block->input_json);
		return CALL_TOKENS * TOKEN + text_price(span_of(block->name)) + price;
	case BLOCK_TOOL_RESULT:
		for (size_t i = 0; i < block->block_count; i++)
			price += block_price(&block->blocks[i]);
		return CALL_TOKENS * TOKEN + price;
	}
	return 0;
}

static int64_t rounded(int64_t price)
{
	return (price + TOKEN / 2) / TOKEN;
}

int64_t tokens_of_chat(const struct chat *chat)
{
	int64_t price = text_price(chat->system);

	for (size_t i = 0; i < chat->message_count; i++) {
		const struct message *m = &chat->messages[i];

		price += MESSAGE_TOKENS * TOKEN;
		for (size_t k = 0; k < m->block_count; k++)
			price += block_price(&m->blocks[k]);
	}
	for (size_t i = 0; i < chat->tool_count; i++) {
		const struct tool *tool = &chat->tools[i];

		if (!up_tools_offered(chat, tool))
			continue;
		price += TOOL_TOKENS * TOKEN + text_price(span_of(tool->name)) +
			 text_price(span_of(tool->description));
		price += tool->schema ? tree_price(tool->schema)
				      : text_price(span_of(tool->schema_json));
	}
	if (chat->format == FORMAT_SCHEMA)
		price += tree_price(chat->schema);
	return price < TOKEN ? 1 : rounded(price);
}

int64_t tokens_scaled(int64_t tokens, double factor)
{
	int64_t scaled = (int64_t)((double)tokens * factor + 0.5);

	return tokens && scaled < 1 ? 1 : scaled;
}

/* The tool loop under way brings reasoning of the upstream's, which goes there again: a summary or
 * nothing, and in its signature all that was thought. */
static bool has_reasoning(const struct chat *chat)
{
	if (chat->thinking == THINKING_OFF)
		return false;
	for (size_t i = up_turns_loop(chat); i < chat->message_count; i++) {
		const struct message *m = &chat->messages[i];

		for (size_t k = 0; k < m->block_count; k++) {
			const struct block *b = &m->blocks[k];

			if (b->kind == BLOCK_THINKING &&
			    signature_is_upstreams(b->text, b->signature))
				return true;
		}
	}
	return false;
}

static bool is_text(const struct block *block)
{
	for (size_t i = 0; block->kind == BLOCK_TOOL_RESULT && i < block->block_count; i++) {
		if (!is_text(&block->blocks[i]))
			return false;
	}
	return block->kind != BLOCK_IMAGE && block->kind != BLOCK_DOCUMENT;
}

bool tokens_are_of_text(const struct chat *chat)
{
	for (size_t i = 0; i < chat->message_count; i++) {
		const struct message *m = &chat->messages[i];

		for (size_t k = 0; k < m->block_count; k++) {
			if (!is_text(&m->blocks[k]))
				return false;
		}
	}
	return !has_reasoning(chat);
}

int64_t token_count_value(const struct token_count *c)
{
	return c->price && c->price < TOKEN ? 1 : rounded(c->price);
}

static bool fits(const struct token_count *c, enum class class, int64_t price, int64_t max)
{
	bool in_word = class == LETTER && c->before == LETTER + 1;

	return !c->price || c->price + price <= (max + (in_word ? 2 : 0)) * TOKEN;
}

size_t token_count_add(struct token_count *c, struct span text, int64_t max)
{
	if (!max) {
		count_all(c, text);
		return text.len;
	}
	for (size_t i = 0; i < text.len; i++) {
		unsigned class = class_of[(unsigned char)text.at[i]];
		int64_t price;

		if (class == TAIL)
			continue;
		price = (int)class + 1 == c->before ? prices[class].next : prices[class].first;
		if (!fits(c, class, price, max))
			return i;
		c->price += price;
		c->before = (int)class + 1;
	}
	return text.len;
}
