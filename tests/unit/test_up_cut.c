#include "common/base.h"
#include "fcgi/up_cut.h"

#include "tests/unit/filter_tests.h"

struct row {
	const char *answer, *want;
	int64_t max_tokens;
	bool one_call;
	const char *stops[4];
};

static void run(const struct row *row, size_t piece, struct seen *s)
{
	struct chat chat = { .max_tokens = row->max_tokens,
			     .one_call = row->one_call,
			     .stop_sequences = (const char **)row->stops };
	struct up_cut c;

	while (chat.stop_count < ARRAY_SIZE(row->stops) && row->stops[chat.stop_count])
		chat.stop_count++;
	seen_init(s);
	up_cut_init(&c, &chat, 33, see, s);
	feed(row->answer, piece, up_cut_event, &c, s);
	up_cut_release(&c);
}

static void check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t piece = 1; piece <= strlen(rows[i].answer); piece++) {
			struct seen s;

			run(&rows[i], piece, &s);
			expect_seen(&s, rows[i].want, rows[i].answer, piece);
			seen_release(&s);
		}
	}
}

static void text_ends_before_a_stop_sequence_wherever_it_is_cut(void)
{
	static const struct row rows[] = {
		{ "X:before END after|S", "X:before |S:seq=END|1", .stops = { "END" } },
		{ "X:END|S", "S:seq=END|1", .stops = { "END" } },
		{ "X:EN EEND|S", "X:EN E|S:seq=END|1", .stops = { "END" } },
		{ "X:ends with EN|S", "X:ends with EN|S", .stops = { "END" } },
		{ "X:aabaabaac|S", "X:aab|S:seq=aabaac|1", .stops = { "aabaac" } },
		{ "X:aabaabaabaac!|S", "X:aabaab|S:seq=aabaac|1", .stops = { "aabaac", "baabx" } },
		{ "X:ababcababd|S", "X:abab|S:seq=cababd|1", .stops = { "abababd", "cababd" } },
		{ "X:aaab|C:{}|X:aaac|S", "X:aaab|C:{}|S:tool|1", .stops = { "aaac" } },
		{ "X:aaa|C:{}|X:ac|S", "X:aaa|C:{}|X:ac|S", .stops = { "aaac" } },
		{ "X:abcd|S", "X:a|S:seq=bc|1", .stops = { "abcd", "bc" } },
		{ "X:xabc|S", "X:x|S:seq=abc|1", .stops = { "bc", "abc", "c" } },
		{ "X:one\n\nHuman: two|S", "X:one|S:seq=\n\nHuman:|1",
		  .stops = { "\n\nHuman:", "##" } },
		{ "X:\xC3\xA9\xE2\x82\xAC!|S", "X:\xC3\xA9|S:seq=\xE2\x82\xAC|1",
		  .stops = { "\xE2\x82\xAC" } },
		{ "X:\xE2\x82\xAD|S", "X:\xE2\x82\xAD|S", .stops = { "\xE2\x82\xAC" } },
		{ "T:END|X:a END|S", "T:END|X:a |S:seq=END|1", .stops = { "END" } },
		{ "X:a|C:{\"x\":\"END\"}|S:tool", "X:a|C:{\"x\":\"END\"}|S:tool",
		  .stops = { "END" } },
		{ "X:EN|C:{}|X:D|S:tool", "X:EN|C:{}|X:D|S:tool", .stops = { "END" } },
		{ "C:{}|X:no END|S:tool", "C:{}|X:no |S:tool|1", .stops = { "END" } },
	};

	check(rows, ARRAY_SIZE(rows));
}

/* A long sequence and an answer that is nearly all of it: each character is looked at once. By
 * looking at what is held from its beginning this took 4,000,000,000 steps. */
static void long_sequences_are_looked_for_once(void)
{
	static char sequence[LIMIT_STOP_SEQUENCE + 1], answer[2 * LIMIT_STOP_SEQUENCE + 64];
	const char *stops[LIMIT_STOP_SEQUENCES];
	struct chat chat = { .stop_sequences = stops, .stop_count = ARRAY_SIZE(stops) };
	struct up_cut c;
	struct seen s;

	for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
		stops[i] = sequence;
	memset(sequence, 'a', LIMIT_STOP_SEQUENCE);
	sequence[LIMIT_STOP_SEQUENCE - 1] = 'b';
	memset(answer, 'a', sizeof(answer) - 1);
	memcpy(answer, "X:", 2);
	memcpy(answer + sizeof(answer) - 8, "abcd|S", 7);
	seen_init(&s);
	up_cut_init(&c, &chat, 33, see, &s);
	feed(answer, 1, up_cut_event, &c, &s);
	CU_ASSERT_EQUAL(s.last, EVENT_STOP);
	CU_ASSERT_EQUAL(memchr(s.text.at, 'b', 4096), NULL);
	CU_ASSERT_PTR_NOT_NULL(strstr(s.text.at, "|S:seq=aaaa"));
	CU_ASSERT_EQUAL(strcspn(s.text.at + 3, "|"), sizeof(answer) - 8 - LIMIT_STOP_SEQUENCE);
	up_cut_release(&c);
	seen_release(&s);
}

static void held_back_text_is_never_more_than_may_become_a_match(void)
{
	static const char *stops[] = { "<stop>", "\n\n" };
	struct chat chat = { .stop_sequences = stops, .stop_count = 2 };
	struct error e = { .kind = ERR_NONE };
	struct event event = { .kind = EVENT_TEXT, .text = { "all of it, but <sto", 19 } };
	struct up_cut c;
	struct seen s;

	seen_init(&s);
	up_cut_init(&c, &chat, 1, see, &s);
	CU_ASSERT_EQUAL(up_cut_event(&c, &event, &e), 0);
	CU_ASSERT_STRING_EQUAL(s.text.at, "|X:all of it, but ");
	event.text = span_of("m");
	CU_ASSERT_EQUAL(up_cut_event(&c, &event, &e), 0);
	CU_ASSERT_STRING_EQUAL(s.text.at, "|X:all of it, but <stom");
	up_cut_release(&c);
	seen_release(&s);
}

/* By tokens.c a short word is below one token and a half, and the space before it is nearly free.
 */
static void small_limits_are_taken_at_their_word(void)
{
	static const struct row rows[] = {
		{ "X:Hello there, you|S", "X:Hello|S:max|1", .max_tokens = 1 },
		{ "X:Hello|S", "X:Hello|S", .max_tokens = 1 },
		{ "X:\xF0\x9F\x98\x80\xF0\x9F\x98\x80|S", "X:\xF0\x9F\x98\x80|S:max|1",
		  .max_tokens = 1 },
		{ "T:long and longer reasoning|X:yes|S", "T:long and longer reasoning|X:yes|S",
		  .max_tokens = 1 },
		{ "C:{\"a\":\"many many tokens in here\"}|S:tool",
		  "C:{\"a\":\"many many tokens in here\"}|S:tool", .max_tokens = 2 },
		{ "C:{\"a\":\"many many tokens in here\"}|C:{}|S:tool",
		  "C:{\"a\":\"many many tokens in here\"}|S:max|1", .max_tokens = 2 },
		{ "C:{\"a\":\"many many tokens in here\"}|X:b|S:tool",
		  "C:{\"a\":\"many many tokens in here\"}|S:max|1", .max_tokens = 2 },
		{ "X:Hello END|S", "X:Hello|S:max|1", .max_tokens = 1, .stops = { "END" } },
	};

	check(rows, ARRAY_SIZE(rows));
}

static void large_limits_leave_the_estimate_its_error(void)
{
	static const struct {
		int64_t max, least, most; /* words handed out of 2,000 */
	} rows[] = {
		{ 64, 40, 90 },
		{ 1000, 1000, 1400 },
		{ 4000, 2000, 2000 },
	};
	struct buf answer;

	buf_init(&answer, KB(64));
	buf_add_text(&answer, "X:");
	for (int i = 0; i < 2000; i++)
		buf_add_text(&answer, "word ");
	buf_add_text(&answer, "|S");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row row = { .answer = answer.at, .max_tokens = rows[i].max };
		int64_t words;
		struct seen s;

		run(&row, 97, &s);
		words = (int64_t)(s.text.len - 3) / 5;
		CU_ASSERT(words >= rows[i].least && words <= rows[i].most);
		CU_ASSERT(s.usage.output <= rows[i].max);
		CU_ASSERT_EQUAL(s.usage.measured, rows[i].most == 2000);
		seen_release(&s);
	}
	buf_release(&answer);
}

static void one_call_is_enough_where_no_more_are_wanted(void)
{
	static const struct row rows[] = {
		{ "X:a|C:{\"x\":1}|C:{}|S:tool", "X:a|C:{\"x\":1}|S:tool|1", .one_call = true },
		{ "C:{}|X:and|S:tool", "C:{}|S:tool|1", .one_call = true },
		{ "C:{}|S:tool", "C:{}|S:tool", .one_call = true },
		{ "X:none|S", "X:none|S", .one_call = true },
	};

	check(rows, ARRAY_SIZE(rows));
}

static void an_early_end_has_estimated_usage(void)
{
	const struct row row = { .answer = "T:three words here|X:one two END|S",
				 .stops = { "END" } };
	struct seen s;

	run(&row, 3, &s);
	CU_ASSERT_FALSE(s.usage.measured);
	CU_ASSERT_EQUAL(s.usage.input, 33);
	CU_ASSERT(s.usage.output >= 3 && s.usage.output <= 10);
	seen_release(&s);
}

/* 164 is cut at an estimate of 214: 64 at their word, of the other 100 half more. */
static void what_is_left_of_a_limit_is_cut_where_the_whole_would_be(void)
{
	CU_ASSERT_EQUAL(up_cut_rest(64, 14), 50);
	CU_ASSERT_EQUAL(up_cut_rest(10, 12), -2);
	CU_ASSERT_EQUAL(up_cut_rest(164, 214), 0);
	CU_ASSERT_EQUAL(up_cut_rest(164, 150), 64);
	CU_ASSERT_EQUAL(up_cut_rest(164, 100), 97); /* cut at 97 + 33 / 2 = 113 */
	CU_ASSERT_EQUAL(up_cut_rest(164, 0), 164);
}

CU_TestInfo up_cut_tests[] = {
	{ "long_sequences_are_looked_for_once", long_sequences_are_looked_for_once },
	{ "text_ends_before_a_stop_sequence_wherever_it_is_cut",
	  text_ends_before_a_stop_sequence_wherever_it_is_cut },
	{ "held_back_text_is_never_more_than_may_become_a_match",
	  held_back_text_is_never_more_than_may_become_a_match },
	{ "small_limits_are_taken_at_their_word", small_limits_are_taken_at_their_word },
	{ "large_limits_leave_the_estimate_its_error", large_limits_leave_the_estimate_its_error },
	{ "one_call_is_enough_where_no_more_are_wanted",
	  one_call_is_enough_where_no_more_are_wanted },
	{ "an_early_end_has_estimated_usage", an_early_end_has_estimated_usage },
	{ "what_is_left_of_a_limit_is_cut_where_the_whole_would_be",
	  what_is_left_of_a_limit_is_cut_where_the_whole_would_be },
	CU_TEST_INFO_NULL,
};
