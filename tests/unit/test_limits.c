/*
 * Every limit of common/limits.h: what is at it is taken, one more is not. Each has a row in one of
 * two tables: limits[], with a probe that is asked for both; elsewhere[], with the test that shows
 * it, or why none can. A limit without a row fails.
 */
#include "common/base.h"
#include "common/limits.h"
#include "tests/unit/limit_probes.h"

#include <CUnit/CUnit.h>
#include <ctype.h>

#define ROW(limit, probe)                                                                          \
	{                                                                                          \
#limit, (size_t)(limit), probe                                                     \
	}
#define SIZE_OF(limit, probe)                                                                      \
	{                                                                                          \
#limit, (size_t)(limit)-1, probe                                                   \
	} /* of a buffer with its NUL */

static const struct {
	const char *name;
	size_t most;
	bool (*takes)(size_t n);
} limits[] = {
	ROW(LIMIT_BODY, takes_body),
	ROW(LIMIT_JSON_DEPTH, takes_depth),
	ROW(LIMIT_JSON_NODES, takes_values),
	ROW(LIMIT_MESSAGES, takes_messages),
	ROW(LIMIT_TOOLS, takes_tools),
	ROW(LIMIT_TOOL_NAME, takes_tool_name),
	ROW(LIMIT_UP_TOOL_NAME, sends_name_as_it_is),
	ROW(LIMIT_STOP_SEQUENCES, takes_stop_sequences),
	ROW(LIMIT_STOP_SEQUENCE, takes_long_stop_sequence),
	ROW(LIMIT_UP_BODY_SEEN, is_no_matter_of_size),
	ROW(LIMIT_IMAGE, takes_image_bytes),
	ROW(LIMIT_IMAGE_SIDE, takes_image_side),
	ROW(LIMIT_MANY_IMAGE_SIDE, takes_side_of_many),
	ROW(LIMIT_FEW_IMAGES, takes_wide_images),
	ROW(LIMIT_TOOL_INPUT, takes_arguments),
	ROW(LIMIT_ANSWER, takes_text),
	ROW(LIMIT_EVENT, writes_event),
	ROW(LIMIT_CONFIG_FILE, loads_config),
	ROW(LIMIT_SECRET_FILE, loads_secret),
	ROW(LIMIT_RECORD, stores_record),
	ROW(LIMIT_ACCOUNTS, keeps_accounts),
	ROW(LIMIT_CAPTURE, captures),
	SIZE_OF(LIMIT_LOG_LINE / 8, logs),
	SIZE_OF(LIMIT_URL, takes_url),
	SIZE_OF(LIMIT_ERROR_TEXT, tells),
};

#define SLOTS "a hash table: which name finds no place is chance. It is filled in test_mapfile.c"

/* file, test: where it stands. Without a file: why there is no test. */
static const struct {
	const char *name, *file, *test;
} elsewhere[] = {
	{ "LIMIT_ADMIN_BODY", "tests/cases/limits.test.mjs", "LIMIT_ADMIN_BODY" },
	{ "LIMIT_TOOL_DESC", "tests/unit/test_up_request.c",
	  "up_request_sends_descriptions_and_images_up_to_their_limits" },
	{ "LIMIT_IMAGES", "tests/unit/test_up_request.c",
	  "up_request_sends_descriptions_and_images_up_to_their_limits" },
	{ "LIMIT_DOCUMENTS", "tests/unit/test_up_media.c", "only_the_latest_five_documents_go" },
	{ "LIMIT_DOCUMENT_NAME", "tests/unit/test_in_document.c", "long_titles_are_cut" },
	{ "LIMIT_UP_BODY", "tests/unit/test_up_request.c",
	  "up_request_says_when_the_body_is_too_large" },
	{ "LIMIT_UP_TEXT", "tests/unit/test_up_check.c", "texts_have_the_upstreams_limits" },
	{ "LIMIT_UP_RESULT", "tests/unit/test_up_check.c", "results_have_their_own_limit" },
	{ "LIMIT_UP_ERROR", "tests/cases/limits.test.mjs", "LIMIT_UP_ERROR" },
	{ "LIMIT_UP_REPLY", "tests/cases/limits.test.mjs", "LIMIT_UP_REPLY" },
	{ "LIMIT_FRAME", "tests/unit/test_eventstream.c",
	  "eventstream_judges_lengths_by_the_prelude" },
	{ "LIMIT_FRAME_HEADERS", "tests/unit/test_eventstream.c",
	  "eventstream_takes_1024_headers_and_not_one_more" },
	{ "LIMIT_OPEN_TOOLS", "tests/unit/test_up_event_tool.c",
	  "up_event_limits_calls_and_arguments" },
	{ "LIMIT_CREDITS", "tests/unit/test_up_event_end.c", "up_event_never_tells_absurd_usage" },
	{ "LIMIT_TRIES", "tests/unit/test_up_call.c", "tries_are_bounded_per_account_and_request" },
	{ "LIMIT_ACCOUNT_TRIES", "tests/unit/test_up_call.c",
	  "tries_are_bounded_per_account_and_request" },
	{ "LIMIT_PAUSE_MS", "tests/unit/test_up_call.c",
	  "a_long_retry_after_is_left_to_the_client" },
	{ "LIMIT_RETRY_MS", "tests/unit/test_up_call.c",
	  "an_account_has_no_second_try_after_so_long" },
	{ "LIMIT_HEADERS", NULL,
	  "our own headers: none of a client's length is among them, and they have one kilobyte" },
	{ "LIMIT_IMPORT_FILE", "tests/cases/limits.test.mjs", "LIMIT_IMPORT_FILE" },
	{ "LIMIT_BUNDLE", "tests/cases/limits.test.mjs", "LIMIT_BUNDLE" },
	{ "LIMIT_MODELS", "tests/unit/test_catalogue.c", "catalogues_list_so_many_models" },
	{ "LIMIT_KEYS", "tests/unit/test_keys.c", "keys_end_at_their_limit" },
	{ "LIMIT_CAPTURE_BODY", "tests/cases/limits.test.mjs", "LIMIT_CAPTURE_BODY" },
	{ "LIMIT_LIVE_SLOTS", NULL, SLOTS },
	{ "LIMIT_CALIBRATION_SLOTS", NULL, SLOTS },
	{ "LIMIT_METRIC_SLOTS", "tests/unit/test_metrics.c", "LIMIT_METRIC_SLOTS + 500" },
	{ "LIMIT_AFFINITY_SLOTS", "tests/unit/test_live.c", "2 * LIMIT_AFFINITY_SLOTS" },
	{ "LIMIT_ACTIVATION_SLOTS", "tests/cases/codes.test.mjs", "is full" },
	{ "LIMIT_USAGE_SLOTS", NULL, SLOTS },
	{ "LIMIT_QUOTA_SLOTS", NULL, SLOTS },
};

static void each_is_taken_at_it_and_not_one_over(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		bool at = limits[i].takes(limits[i].most);
		bool over = limits[i].takes(limits[i].most + 1);

		CU_ASSERT_TRUE(at);
		CU_ASSERT_FALSE(over);
		if (!at || over)
			fprintf(stderr, "%s: %zu %s, one more %s\n", limits[i].name, limits[i].most,
				at ? "taken" : "refused", over ? "taken" : "refused");
	}
}

static void tests_elsewhere_are_there(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++) {
		struct buf text;

		CU_ASSERT_TRUE(elsewhere[i].test && *elsewhere[i].test);
		if (!elsewhere[i].file)
			continue;
		buf_init(&text, MB(1));
		CU_ASSERT_EQUAL(buf_read_file(&text, elsewhere[i].file), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(text.at, elsewhere[i].test));
		if (!strstr(text.at, elsewhere[i].test))
			fprintf(stderr, "%s: no %s in %s\n", elsewhere[i].name, elsewhere[i].test,
				elsewhere[i].file);
		buf_release(&text);
	}
}

/* "LIMIT_LOG_LINE / 8" is a row of LIMIT_LOG_LINE. */
static bool is_row_of(const char *row, const char *name, size_t len)
{
	return strncmp(row, name, len) == 0 && (!row[len] || row[len] == ' ');
}

static int rows_of(const char *name, size_t len)
{
	int rows = 0;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		rows += is_row_of(limits[i].name, name, len);
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
		rows += is_row_of(elsewhere[i].name, name, len);
	return rows;
}

static void every_limit_has_a_row(void)
{
	static const char define[] = "#define ";
	size_t found = 0;
	struct buf text;

	buf_init(&text, MB(1));
	CU_ASSERT_EQUAL_FATAL(buf_read_file(&text, "common/limits.h"), 0);
	for (const char *at = text.at; (at = strstr(at, "#define LIMIT_")); found++) {
		size_t len = 0;
		int rows;

		at += strlen(define);
		while (isupper((unsigned char)at[len]) || at[len] == '_')
			len++;
		rows = rows_of(at, len);
		CU_ASSERT_EQUAL(rows, 1);
		if (rows != 1)
			fprintf(stderr, "%.*s has %d rows in %s\n", (int)len, at, rows, __FILE__);
	}
	CU_ASSERT_EQUAL(found, ARRAY_SIZE(limits) + ARRAY_SIZE(elsewhere));
	buf_release(&text);
}

CU_TestInfo limits_tests[] = {
	{ "each is taken at it and not one over", each_is_taken_at_it_and_not_one_over },
	{ "tests elsewhere are there", tests_elsewhere_are_there },
	{ "every limit has a row", every_limit_has_a_row },
	CU_TEST_INFO_NULL,
};
