#include "common/base.h"
#include "fcgi/tokens.h"

#include <CUnit/CUnit.h>

/* Lowest and highest count of three public vocabularies: cl100k, o200k and an older Claude one. */
static int64_t tokens_of_text(const char *text)
{
	struct token_count count = { 0 };

	token_count_add(&count, span_of(text), 0);
	return token_count_value(&count);
}

static void tokens_lie_within_the_band_of_real_tokenizers(void)
{
	static const struct {
		const char *text;
		int64_t low, high;
	} rows[] = {
		{ "All human beings are born free and equal in dignity and rights. They "
		  "are endowed with reason and conscience and should act towards one "
		  "another in a spirit of brotherhood.",
		  33, 33 },
		{ "int main(void)\n{\n\tfor (int i = 0; i < 10; i++) {\n"
		  "\t\tprintf(\"%d\\n\", i * i);\n\t}\n\treturn 0;\n}\n",
		  38, 46 },
		{ "{\"type\":\"object\",\"properties\":{\"file_path\":{\"description\":"
		  "\"The absolute path to the file\",\"type\":\"string\"},\"limit\":"
		  "{\"type\":\"number\"}},\"required\":[\"file_path\"],"
		  "\"additionalProperties\":false}",
		  40, 43 },
		{ "人人生而自由,在尊严和权利上一律平等。他们赋"
		  "有理性和良心,并应以兄弟关系的精神相对待。",
		  37, 52 },
		{ "Todos los seres humanos nacen libres e iguales en dignidad y derechos "
		  "y, dotados como están de razón y conciencia, deben comportarse "
		  "fraternalmente los unos con los otros.",
		  38, 49 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t count = tokens_of_text(rows[i].text);

		CU_ASSERT_TRUE(count * 100 >= rows[i].low * 70);
		CU_ASSERT_TRUE(count * 100 <= rows[i].high * 130);
	}
}

static void tokens_of_nothing_and_little(void)
{
	struct chat chat = { 0 };

	CU_ASSERT_EQUAL(tokens_of_text(""), 0);
	CU_ASSERT_EQUAL(tokens_of_text("a"), 1);
	CU_ASSERT_EQUAL(tokens_of_chat(&chat), 1);
}

static void tokens_count_every_part_of_a_chat(void)
{
	cJSON *tree = cJSON_Parse("{\"type\":\"object\",\"properties\":{\"path\":{\"type\":"
				  "\"string\"}},\"required\":[\"path\"]}");
	struct block blocks[] = {
		{ .kind = BLOCK_TEXT, .text = { "Some words here", 15 } },
		{ .kind = BLOCK_TOOL_USE, .name = "Read", .id = "t", .input = tree },
		{ .kind = BLOCK_IMAGE, .format = "png" },
	};
	struct message message = { .blocks = blocks };
	struct tool tool = { .name = "Read",
			     .description = "Reads a file from the disk.",
			     .schema = tree };
	struct chat chat = { .messages = &message, .message_count = 1, .tools = &tool };
	int64_t before = tokens_of_chat(&chat), now;

	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
		message.block_count = i + 1;
		now = tokens_of_chat(&chat);
		CU_ASSERT_TRUE(now > before);
		before = now;
	}
	chat.tool_count = 1;
	now = tokens_of_chat(&chat);
	CU_ASSERT_TRUE(now >= before + 30 && now <= before + 70);
	chat.system = (struct span){ "You are a careful reader.", 25 };
	CU_ASSERT_TRUE(tokens_of_chat(&chat) > now);
	cJSON_Delete(tree);
}

static void tokens_are_of_what_is_sent(void)
{
	cJSON *tree = cJSON_Parse("{\"type\":\"object\",\"properties\":{\"path\":{\"type\":"
				  "\"string\"}},\"required\":[\"path\"]}");
	struct tool tools[] = { { .name = "Read", .description = "Reads a file.", .schema = tree },
				{ .name = "Write", .description = "Writes.", .schema = tree } };
	struct chat none = { .tools = tools }, one = { .tools = tools, .tool_count = 1 };
	struct chat both = { .tools = tools, .tool_count = 2 };

	both.tool_choice = CHOICE_NONE;
	CU_ASSERT_EQUAL(tokens_of_chat(&both), tokens_of_chat(&none));
	both.tool_choice = CHOICE_TOOL;
	both.forced_tool = "Read";
	CU_ASSERT_EQUAL(tokens_of_chat(&both), tokens_of_chat(&one));
	both.tool_choice = CHOICE_ANY;
	CU_ASSERT_TRUE(tokens_of_chat(&both) > tokens_of_chat(&one));
	none.format = FORMAT_SCHEMA;
	none.schema = tree;
	CU_ASSERT_TRUE(tokens_of_chat(&none) > 15);
	cJSON_Delete(tree);
}

static void tokens_are_not_of_text_where_a_loop_has_reasoning(void)
{
	struct block hi = { .kind = BLOCK_TEXT, .text = { "hi", 2 } };
	struct block answer[] = { { .kind = BLOCK_THINKING, .text = { "", 0 } },
				  { .kind = BLOCK_TOOL_USE, .name = "f", .id = "t" } };
	struct block result = { .kind = BLOCK_TOOL_RESULT, .id = "t" };
	struct message messages[] = {
		{ .blocks = &hi, .block_count = 1 },
		{ .role = ROLE_ASSISTANT, .blocks = answer, .block_count = 2 },
		{ .blocks = &result, .block_count = 1 },
		{ .role = ROLE_ASSISTANT, .blocks = &hi, .block_count = 1 },
		{ .blocks = &hi, .block_count = 1 }
	};
	struct chat chat = { .messages = messages, .message_count = 3 };

	CU_ASSERT_TRUE(tokens_are_of_text(&chat)); /* without signature it is not sent */
	/* of the gateway's own: base64(SHA-256("")) */
	answer[0].signature = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
	CU_ASSERT_TRUE(tokens_are_of_text(&chat));
	answer[0].signature = "c2ln";
	CU_ASSERT_FALSE(tokens_are_of_text(&chat));
	chat.thinking = THINKING_OFF;
	CU_ASSERT_TRUE(tokens_are_of_text(&chat));
	chat.thinking = THINKING_ON;
	chat.message_count = 5; /* that loop is over */
	CU_ASSERT_TRUE(tokens_are_of_text(&chat));
}

static void tokens_of_a_text_in_pieces_are_those_of_the_whole(void)
{
	static const char text[] =
		"Two words, 12345 {\"a\": \xE4\xBA\xBA\xC3\xA9}\n\n\xF0\x9F\x98\x80!";

	for (size_t piece = 1; piece <= strlen(text); piece++) {
		struct token_count count = { 0 };

		for (size_t at = 0; at < strlen(text); at += piece) {
			size_t left = strlen(text) - at;

			token_count_add(&count,
					(struct span){ text + at, left < piece ? left : piece }, 0);
		}
		CU_ASSERT_EQUAL(token_count_value(&count), tokens_of_text(text));
	}
}

static void tokens_that_do_not_fit_are_left_out_by_whole_characters(void)
{
	static const struct {
		const char *text;
		int64_t max;
		size_t fits;
	} rows[] = {
		{ "word word word", 100, 14 },
		{ "word word", 1, 4 },			       /* the word is finished */
		{ "wordswithoutanyendorspacesinthem", 1, 19 }, /* but not for ever */
		{ "\xF0\x9F\x98\x80\xF0\x9F\x98\x80", 1, 4 },  /* one at least */
		{ "\xE4\xBA\xBA\xE4\xBA\xBA\xE4\xBA\xBA", 2, 6 },
		{ "", 1, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct token_count count = { 0 };
		size_t fits = token_count_add(&count, span_of(rows[i].text), rows[i].max);

		CU_ASSERT_EQUAL(fits, rows[i].fits);
		CU_ASSERT_EQUAL(token_count_add(&count, span_of(rows[i].text + fits), rows[i].max),
				0);
	}
}

CU_TestInfo tokens_tests[] = {
	{ "lie within the band of real tokenizers", tokens_lie_within_the_band_of_real_tokenizers },
	{ "of nothing and little", tokens_of_nothing_and_little },
	{ "count every part of a chat", tokens_count_every_part_of_a_chat },
	{ "are of what is sent", tokens_are_of_what_is_sent },
	{ "are not of text where a loop has reasoning",
	  tokens_are_not_of_text_where_a_loop_has_reasoning },
	{ "of a text in pieces are those of the whole",
	  tokens_of_a_text_in_pieces_are_those_of_the_whole },
	{ "that do not fit are left out by whole characters",
	  tokens_that_do_not_fit_are_left_out_by_whole_characters },
	CU_TEST_INFO_NULL,
};
