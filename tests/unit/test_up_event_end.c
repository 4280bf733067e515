/* How an answer ends: its reason, what is missing, what it has cost. */
#include "common/base.h"
#include "tests/unit/event_tests.h"

static void up_event_maps_every_stop_reason(void)
{
	static const struct expected {
		const char *name, *text, *tool;
	} expected[] = {
		{ "END_TURN", "T(a)!(end_turn)", "C(i,n)A({})E!(tool_use)" },
		{ "end_turn", "T(a)!(end_turn)", "C(i,n)A({})E!(tool_use)" },
		{ "TOOL_USE", "T(a)!(end_turn)", "C(i,n)A({})E!(tool_use)" },
		{ "MAX_TOKENS", "T(a)!(max_tokens)", "C(i,n)A({})E!(max_tokens)" },
		{ "CONTENT_FILTERED", "T(a)!(refusal)", "C(i,n)A({})E!(tool_use)" },
		{ "MODEL_CONTEXT_WINDOW_EXCEEDED", "T(a)!(context)", "C(i,n)A({})E!(tool_use)" },
		{ "PAUSE_TURN", "T(a)!(pause)", "C(i,n)A({})E!(tool_use)" },
		{ "UNKNOWN", "T(a)!(end_turn)", "C(i,n)A({})E!(tool_use)" },
		{ "BRAND_NEW", "T(a)!(end_turn)", "C(i,n)A({})E!(tool_use)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct play p;

		play_begin(&p);
		text(&p, "{\"content\":\"a\"}");
		trailer(&p, expected[i].name);
		TOLD(&p, expected[i].text);
		play_end(&p);
		play_begin(&p);
		tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":true}");
		trailer(&p, expected[i].name);
		TOLD(&p, expected[i].tool);
		play_end(&p);
	}
}

static void up_event_tells_a_refusal_with_its_explanation(void)
{
	struct play p;

	play_begin(&p);
	event(&p, "metadataEvent",
	      "{\"stopReason\":\"END_TURN\",\"stopDetails\":{\"refusal\":{\"category\":\"x\","
	      "\"explanation\":\"because\"}}}");
	finish(&p);
	TOLD(&p, "!(refusal)because");
	CU_ASSERT_EQUAL(p.rc, 0);
	play_end(&p);
}

static void up_event_calls_an_answer_without_marker_truncated(void)
{
	struct play p;

	play_begin(&p); /* nothing at all */
	finish(&p);
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_TRUNCATED);
	play_end(&p);

	play_begin(&p); /* text only */
	text(&p, "{\"content\":\"a\"}");
	finish(&p);
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_TRUNCATED);
	TOLD(&p, "T(a)");
	play_end(&p);

	play_begin(&p); /* a marker that is not the last word */
	event(&p, "contextUsageEvent", "{\"contextUsagePercentage\":1}");
	text(&p, "{\"content\":\"a\"}");
	finish(&p);
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_TRUNCATED);
	play_end(&p);

	play_begin(&p);
	event(&p, "metadataEvent", "{}");
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":true}");
	finish(&p);
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_TRUNCATED);
	play_end(&p);

	play_begin(&p); /* a repeated stop says nothing new */
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":true}");
	event(&p, "metadataEvent", "{}");
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":true}");
	finish(&p);
	CU_ASSERT_EQUAL(p.rc, 0);
	play_end(&p);

	play_begin(&p); /* inside a call, whatever upstream says */
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"{\"}");
	trailer(&p, "MAX_TOKENS");
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_TRUNCATED);
	TOLD(&p, "C(i,n)A({)");
	play_end(&p);
}

static void up_event_takes_each_of_three_markers(void)
{
	static const char *const markers[][2] = {
		{ "metadataEvent", "{}" },
		{ "contextUsageEvent", "{\"contextUsagePercentage\":12.5}" },
		{ "meteringEvent", "{\"usage\":0.02,\"unit\":\"credit\"}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(markers); i++) {
		struct play p;

		play_begin(&p);
		text(&p, "{\"content\":\"a\"}");
		event(&p, markers[i][0], markers[i][1]);
		finish(&p);
		TOLD(&p, "T(a)!(end_turn)");
		play_end(&p);
	}
}

static void up_event_calls_an_answer_without_content_empty(void)
{
	static const struct expected {
		const char *stop;
		enum error_kind kind;
	} expected[] = {
		{ "END_TURN", ERR_UP_EMPTY },	  { "TOOL_USE", ERR_UP_EMPTY },
		{ "PAUSE_TURN", ERR_UP_EMPTY },	  { "MAX_TOKENS", ERR_NONE },
		{ "CONTENT_FILTERED", ERR_NONE }, { "MODEL_CONTEXT_WINDOW_EXCEEDED", ERR_NONE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct play p;

		play_begin(&p);
		event(&p, "reasoningContentEvent", "{\"text\":\"only thought\"}");
		trailer(&p, expected[i].stop);
		CU_ASSERT_EQUAL(p.error.kind, expected[i].kind);
		CU_ASSERT_EQUAL(strstr(p.told.at, "!(") != NULL, expected[i].kind == ERR_NONE);
		play_end(&p);
	}
}

static void up_event_prefers_measured_usage(void)
{
	struct play p;

	play_begin(&p);
	text(&p, "{\"content\":\"a\"}");
	event(&p, "metadataEvent",
	      "{\"tokenUsage\":{\"uncachedInputTokens\":10,\"outputTokens\":20,\"totalTokens\":130,"
	      "\"cacheReadInputTokens\":60,\"cacheWriteInputTokens\":40}}");
	event(&p, "contextUsageEvent", "{\"contextUsagePercentage\":50}");
	event(&p, "meteringEvent", "{\"usage\":0.25,\"unit\":\"credit\"}");
	finish(&p);
	CU_ASSERT(p.usage.measured);
	CU_ASSERT_EQUAL(p.usage.input, 10);
	CU_ASSERT_EQUAL(p.usage.output, 20);
	CU_ASSERT_EQUAL(p.usage.cache_read, 60);
	CU_ASSERT_EQUAL(p.usage.cache_write, 40);
	CU_ASSERT_EQUAL(p.usage.credits, 0.25);
	play_end(&p);
}

static void up_event_derives_usage_from_the_percentage(void)
{
	struct play p;

	play_begin(&p);
	text(&p, "{\"content\":\"a\"}");
	event(&p, "contextUsageEvent", "{\"contextUsagePercentage\":12.5}");
	finish(&p);
	CU_ASSERT(!p.usage.measured);
	CU_ASSERT(p.usage.output >= 1);
	CU_ASSERT_EQUAL(p.usage.input + p.usage.output, 25000); /* of a window of 200,000 */
	play_end(&p);
}

static void up_event_never_goes_below_what_was_told_at_the_start(void)
{
	struct play p;

	play_begin(&p);
	text(&p, "{\"content\":\"a\"}");
	event(&p, "contextUsageEvent", "{\"contextUsagePercentage\":0.1}");
	finish(&p);
	CU_ASSERT_EQUAL(p.usage.input, 500); /* not 200 - 1 */
	play_end(&p);
}

static void up_event_estimates_usage_where_nothing_is_told(void)
{
	static const char *const metadata[] = {
		"{}",
		"{\"tokenUsage\":{\"uncachedInputTokens\":0,\"outputTokens\":0,\"totalTokens\":0}}",
		"{\"tokenUsage\":{\"totalTokens\":7}}",
		"{\"tokenUsage\":{\"uncachedInputTokens\":-5,\"outputTokens\":1}}",
		"{\"tokenUsage\":\"none\"}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(metadata); i++) {
		struct play p;

		play_begin(&p);
		text(&p, "{\"content\":\"a\"}");
		event(&p, "metadataEvent", metadata[i]);
		event(&p, "contextUsageEvent", "{\"contextUsagePercentage\":0}");
		finish(&p);
		CU_ASSERT(!p.usage.measured);
		CU_ASSERT_EQUAL(p.usage.input, 1000);
		CU_ASSERT_EQUAL(p.usage.output, 1);
		play_end(&p);
	}
}

static void up_event_never_tells_absurd_usage(void)
{
	static const struct {
		const char *metered;
		double credits;
	} rows[] = {
		{ "{\"usage\":-1}", 0 },	{ "{\"usage\":1000000}", LIMIT_CREDITS },
		{ "{\"usage\":1000000.5}", 0 }, { "{\"usage\":1e300}", 0 },
		{ "{\"usage\":\"1\"}", 0 },
	};
	struct play p;

	play_begin(&p);
	text(&p, "{\"content\":\"a\"}");
	event(&p, "metadataEvent",
	      "{\"tokenUsage\":{\"uncachedInputTokens\":1e300,\"outputTokens\":0,\"totalTokens\":1,"
	      "\"cacheReadInputTokens\":-7}}");
	event(&p, "meteringEvent", "{\"usage\":-1}");
	finish(&p);
	CU_ASSERT(p.usage.input > 0);
	CU_ASSERT_EQUAL(p.usage.output, 1);
	CU_ASSERT_EQUAL(p.usage.cache_read, 0);
	CU_ASSERT_EQUAL(p.usage.credits, 0);
	play_end(&p);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		play_begin(&p);
		text(&p, "{\"content\":\"a\"}");
		event(&p, "meteringEvent", rows[i].metered);
		finish(&p);
		CU_ASSERT_EQUAL(p.usage.credits, rows[i].credits);
		play_end(&p);
	}
}

CU_TestInfo up_event_end_tests[] = {
	{ "maps every stop reason", up_event_maps_every_stop_reason },
	{ "tells a refusal with its explanation", up_event_tells_a_refusal_with_its_explanation },
	{ "calls an answer without marker truncated",
	  up_event_calls_an_answer_without_marker_truncated },
	{ "takes each of three markers", up_event_takes_each_of_three_markers },
	{ "calls an answer without content empty", up_event_calls_an_answer_without_content_empty },
	{ "prefers measured usage", up_event_prefers_measured_usage },
	{ "derives usage from the percentage", up_event_derives_usage_from_the_percentage },
	{ "never goes below what was told at the start",
	  up_event_never_goes_below_what_was_told_at_the_start },
	{ "estimates usage where nothing is told", up_event_estimates_usage_where_nothing_is_told },
	{ "never tells absurd usage", up_event_never_tells_absurd_usage },
	CU_TEST_INFO_NULL,
};
