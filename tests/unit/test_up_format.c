#include "common/base.h"
#include "fcgi/up_format.h"

#include "fcgi/up_forced.h"
#include "tests/unit/filter_tests.h"

#define SCHEMA                                                                                     \
	"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],"  \
	"\"additionalProperties\":false}"

static void again_init(struct up_again *again)
{
	buf_init(&again->answer, LIMIT_ANSWER);
	buf_init(&again->words, LIMIT_ERROR_TEXT * 2);
}

static void again_release(struct up_again *again)
{
	buf_release(&again->answer);
	buf_release(&again->words);
}

struct row {
	enum format format;
	const char *answer, *first,
		*last; /* what comes of it, when another try may follow or not */
};

static void the_first_value_that_fits_is_handed_out_alone(void)
{
	static const struct row rows[] = {
		{ FORMAT_SCHEMA, "X:{\"a\": \"x\"}|S", "X:{\"a\": \"x\"}|S", NULL },
		{ FORMAT_SCHEMA, "X:\n```json\n{\"a\":\"x\"}\n```\n|S", "X:{\"a\":\"x\"}|S", NULL },
		{ FORMAT_SCHEMA, "X:See [1]: {\"a\":\"}\\\"\"} as {told}|S",
		  "X:{\"a\":\"}\\\"\"}|S", NULL },
		{ FORMAT_SCHEMA, "X:{\"b\":1} or {\"a\":\"y\"}|S", "X:{\"a\":\"y\"}|S", NULL },
		{ FORMAT_SCHEMA, "T:{\"a\":\"no\"}|X:{\"a\":\"x\"}|S",
		  "T:{\"a\":\"no\"}|X:{\"a\":\"x\"}|S", NULL },
		{ FORMAT_SCHEMA, "X:{\"a\":7}|S", "E:up_unmet", "X:{\"a\":7}|S" },
		{ FORMAT_SCHEMA, "X:I cannot.|S", "E:up_unmet", "X:I cannot.|S" },
		{ FORMAT_SCHEMA, "T:hm|X:{\"a\":|S", "E:up_unmet", "T:hm|X:{\"a\":|S" },
		{ FORMAT_SCHEMA, "X:{\"a\":|S:max", "X:{\"a\":|S:max", NULL },
		{ FORMAT_SCHEMA, "X:So:|C:{}|S:tool", "X:So:|C:{}|S:tool", NULL },
		{ FORMAT_SCHEMA, "S:refusal", "S:refusal", NULL },
		{ FORMAT_JSON, "X:Sure: {\"x\":[1]}.|S", "X:{\"x\":[1]}|S", NULL },
		{ FORMAT_JSON, "X:[1,{\"x\":2}]|S", "X:{\"x\":2}|S", NULL },
		{ FORMAT_JSON, "X:7|S", "E:up_unmet", "X:7|S" },
		{ FORMAT_JSON, "X:{\"\xC3\xA9\":\"\xF0\x9F\x98\x80\"}|S",
		  "X:{\"\xC3\xA9\":\"\xF0\x9F\x98\x80\"}|S", NULL },
	};
	cJSON *schema = cJSON_Parse(SCHEMA);

	for (size_t i = 0; i < ARRAY_SIZE(rows) * 2; i++) {
		const struct row *row = &rows[i / 2];
		struct chat chat = { .format = row->format, .schema = schema };
		const bool last = i % 2;
		const char *want = last && row->last ? row->last : row->first;

		for (size_t piece = 1; piece <= strlen(row->answer); piece++) {
			struct up_format f;
			struct up_again again;
			struct seen s;

			again_init(&again);
			seen_init(&s);
			up_format_init(&f, &chat, last ? NULL : &again, see, &s);
			feed(row->answer, piece, up_format_event, &f, &s);
			expect_seen(&s, want, row->answer, piece);
			CU_ASSERT_EQUAL(again.words.len > 0, strncmp(want, "E:", 2) == 0);
			up_format_release(&f);
			seen_release(&s);
			again_release(&again);
		}
	}
	cJSON_Delete(schema);
}

static void the_model_is_told_what_is_wrong(void)
{
	cJSON *schema = cJSON_Parse(SCHEMA);
	struct chat chat = { .format = FORMAT_SCHEMA, .schema = schema };
	struct up_format f;
	struct up_again again;
	struct seen s;

	again_init(&again);
	seen_init(&s);
	up_format_init(&f, &chat, &again, see, &s);
	feed("T:hm|X:Here: {\"a\":7}|S", 4, up_format_event, &f, &s);
	CU_ASSERT_STRING_EQUAL(again.answer.at, "Here: {\"a\":7}");
	CU_ASSERT_STRING_EQUAL(again.words.at,
			       "Your answer is not the JSON that was asked for: a: should be of "
			       "type string");
	up_format_release(&f);
	seen_release(&s);
	again_release(&again);
	cJSON_Delete(schema);
}

static void a_forced_call_is_waited_for(void)
{
	static const struct row rows[] = {
		{ 0, "X:Let me|C:{\"a\":1}|S:tool", "X:Let me|C:{\"a\":1}|S:tool", NULL },
		{ 0, "T:hm|X:Let|C:{}|X:and|C:{}|S:tool", "T:hm|X:Let|C:{}|X:and|C:{}|S:tool",
		  NULL },
		{ 0, "T:hm|X:No.|S", "E:up_unmet", "T:hm|X:No.|S" },
		{ 0, "X:No.|S:max", "X:No.|S:max", NULL },
		{ 0, "X:No.|S:refusal", "X:No.|S:refusal", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows) * 2; i++) {
		const struct row *row = &rows[i / 2];
		const bool last = i % 2;
		const char *want = last && row->last ? row->last : row->first;

		for (size_t piece = 1; piece <= strlen(row->answer); piece++) {
			struct up_forced f;
			struct up_again again;
			struct seen s;

			again_init(&again);
			seen_init(&s);
			up_forced_init(&f, last ? NULL : &again, see, &s);
			feed(row->answer, piece, up_forced_event, &f, &s);
			expect_seen(&s, want, row->answer, piece);
			if (*want == 'E')
				CU_ASSERT_STRING_EQUAL(again.answer.at, "No.");
			up_forced_release(&f);
			seen_release(&s);
			again_release(&again);
		}
	}
}

CU_TestInfo up_format_tests[] = {
	{ "the_first_value_that_fits_is_handed_out_alone",
	  the_first_value_that_fits_is_handed_out_alone },
	{ "the_model_is_told_what_is_wrong", the_model_is_told_what_is_wrong },
	{ "a_forced_call_is_waited_for", a_forced_call_is_waited_for },
	CU_TEST_INFO_NULL,
};
