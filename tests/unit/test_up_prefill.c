#include "common/base.h"
#include "fcgi/up_prefill.h"

#include "tests/unit/filter_tests.h"

static const struct {
	const char *prefill, *answer, *want;
} rows[] = {
	/* plain text */
	{ "The answer is", "X: 42.|S", "X: 42.|S" },
	{ "The answer is", "X:The answer is 42.|S", "X: 42.|S" },
	{ "The answer is", "X:\n The answer is 42.|S", "X: 42.|S" },
	{ "The answer is", "X:The answer was 42.|S", "X:The answer was 42.|S" },
	{ "The answer is", "X:The answer|S", "X:The answer|S" },
	{ "The answer is", "X:The answer is|S", "S" },
	{ "The answer is", "T:The answer is|X: 42|S", "T:The answer is|X: 42|S" },
	{ "The answer is", "X:The ans|C:{}|S:tool", "X:The ans|C:{}|S:tool" },
	{ "a", "X:a a|S", "X: a|S" },
	{ "\xE2\x82\xAC", "X:\xE2\x82\xAD|S", "X:\xE2\x82\xAD|S" },
	{ "[Scene: a wood]", "X: It rains [much].|S", "X: It rains [much].|S" },
	{ "[Scene", "X: one] and more|S", "X: one] and more|S" },
	{ "f() {\n", "X:  if (x) { y(); }\n}|S", "X:  if (x) { y(); }\n}|S" },

	/* a lone { */
	{ "{", "X:\"title\": \"x\"}|S", "X:\"title\": \"x\"}|S" },
	{ "{", "X:\n  \"a\": {\"b\": 1}\n}|S", "X:\n  \"a\": {\"b\": 1}\n}|S" },
	{ "{", "X:{\"title\": \"x\"}|S", "X:\"title\": \"x\"}|S" },
	{ "{", "X: { \"title\": \"x\" }|S", "X: \"title\": \"x\" }|S" },
	{ "{", "X:```json\n{\"title\": \"x\"}\n```|S", "X:\"title\": \"x\"}|S" },
	{ "{", "X:Here you are: {\"a\": \"}\\\"\"} Good?|S", "X:\"a\": \"}\\\"\"}|S" },
	{ "{", "X:}|S", "X:}|S" },
	{ "{", "X:no JSON at all|S", "X:no JSON at all|S" },
	{ "{", "X:\"cut|S:max", "X:\"cut|S:max" },
	{ "```json\n{", "X:\"a\": 1}\n```|S", "X:\"a\": 1}|S" },
	{ "```json\n{", "X:```json\n{\"a\": 1}\n```|S", "X:\"a\": 1}|S" },

	/* more of a value */
	{ "{\"a\":", "X: 1}|S", "X: 1}|S" },
	{ "{\"a\":", "X:{\"a\": 1}|S", "X: 1}|S" },
	{ "{\"a\":", "X:```json\n{ \"a\": 1}\n```|S", "X: 1}|S" },
	{ "{\"a\": \"x", "X:yz\"} Done.|S", "X:yz\"}|S" },
	{ "[", "X:1, 2]\n|S", "X:1, 2]|S" },
	{ "[", "X:[1, 2]|S", "X:1, 2]|S" },
};

static void what_the_answer_repeats_is_cut_wherever_the_text_is(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t piece = 1; piece <= strlen(rows[i].answer); piece++) {
			struct up_prefill p;
			struct seen s;

			seen_init(&s);
			up_prefill_init(&p, span_of(rows[i].prefill), see, &s);
			feed(rows[i].answer, piece, up_prefill_event, &p, &s);
			expect_seen(&s, rows[i].want, rows[i].answer, piece);
			up_prefill_release(&p);
			seen_release(&s);
		}
	}
}

/* As a request without one has it: the sanitizers watch. */
static void no_prefill_is_no_json(void)
{
	CU_ASSERT_EQUAL(up_prefill_json((struct span){ NULL, 0 }).len, 0);
}

/* The whole of a long text is said again, in small pieces: each is looked at once. */
static void a_long_repetition_is_looked_at_once(void)
{
	const size_t len = KB(512);
	struct error e = { .kind = ERR_NONE };
	char *text = xcalloc(1, len + 1);
	struct up_prefill p;
	struct seen s;

	memset(text, 'a', len);
	seen_init(&s);
	up_prefill_init(&p, (struct span){ text, len }, see, &s);
	CU_ASSERT_EQUAL(feed_pieces(EVENT_TEXT, span_of(text), 1, up_prefill_event, &p, &e), 0);
	CU_ASSERT_EQUAL(s.text.len, 0);
	CU_ASSERT_EQUAL(feed_pieces(EVENT_TEXT, span_of("bc"), 1, up_prefill_event, &p, &e), 0);
	CU_ASSERT_STRING_EQUAL(s.text.at, "|X:bc");
	up_prefill_release(&p);
	seen_release(&s);
	free(text);
}

CU_TestInfo up_prefill_tests[] = {
	{ "a_long_repetition_is_looked_at_once", a_long_repetition_is_looked_at_once },
	{ "no_prefill_is_no_json", no_prefill_is_no_json },
	{ "what_the_answer_repeats_is_cut_wherever_the_text_is",
	  what_the_answer_repeats_is_cut_wherever_the_text_is },
	CU_TEST_INFO_NULL,
};
