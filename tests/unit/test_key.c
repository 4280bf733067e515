#include "common/base.h"
#include "common/key.h"

#include <CUnit/CUnit.h>

static void patterns_are_of_models(void)
{
	static const struct {
		const char *models, *id;
		bool may;
	} rows[] = {
		{ "", "anything", true },
		{ "claude-sonnet-4.5", "claude-sonnet-4.5", true },
		{ "claude-sonnet-4-5", "claude-sonnet-4.5", true },
		{ "Claude-Sonnet-*", "claude-sonnet-4", true },
		{ "claude-haiku-*, claude-sonnet-4", "claude-sonnet-4", true },
		{ "claude-haiku-*, claude-sonnet-4", "claude-sonnet-4.5", false },
		{ "claude-haiku-?", "claude-haiku-4", true },
		{ "claude-haiku-?", "claude-haiku-4.5", false },
		{ "claude", "claude-sonnet-4", false },
		{ "*", "auto", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct key key = { .rev = 0 };

		snprintf(key.models, sizeof(key.models), "%s", rows[i].models);
		CU_ASSERT_EQUAL(key_allows_model(&key, rows[i].id), rows[i].may);
	}
}

static void accounts_are_for_their_owners(void)
{
	static const struct {
		enum key_pool pool;
		const char *list, *owner;
		bool may;
	} rows[] = {
		{ POOL_SHARED, "", NULL, true },       { POOL_SHARED, "", "key_me", true },
		{ POOL_SHARED, "", "key_you", false }, { POOL_OWN, "", NULL, false },
		{ POOL_OWN, "", "key_me", true },      { POOL_OWN, "", "key_you", false },
		{ POOL_NONE, "", NULL, false },	       { POOL_NONE, "", "key_me", false },
		{ POOL_SHARED, "acc_1", NULL, true },  { POOL_SHARED, "acc_2,acc_1", NULL, true },
		{ POOL_SHARED, "acc_2", NULL, false }, { POOL_SHARED, "acc_1", "key_you", false },
	};
	const struct key nobody = { .rev = 0 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct key key = { .id = "key_me", .pool = rows[i].pool };

		snprintf(key.accounts, sizeof(key.accounts), "%s", rows[i].list);
		CU_ASSERT_EQUAL(key_allows_account(&key, "acc_1", rows[i].owner), rows[i].may);
	}
	CU_ASSERT_TRUE(key_allows_account(&nobody, "acc_1", NULL));
	CU_ASSERT_FALSE(key_allows_account(&nobody, "acc_1", "key_me"));
}

static void limits_are_read_and_written(void)
{
	static const char *const bad[] = { "100",	 "/minute", "0/minute", "-1/day",
					   "1.5/minute", "5/hour",  "0x10/day", "nan/day",
					   "1e30/day",	 "9/day,x" };
	int64_t limits[KEY_WINDOWS] = { 1, 1, 1 };
	struct error e = { .kind = ERR_NONE };
	char text[KEY_LIMIT_SIZE];

	CU_ASSERT_EQUAL(key_limits_parse("100/minute, 7/month", MEASURE_REQUESTS, limits, &e), 0);
	CU_ASSERT_EQUAL(limits[WINDOW_MINUTE], 100);
	CU_ASSERT_EQUAL(limits[WINDOW_DAY], 0);
	CU_ASSERT_EQUAL(limits[WINDOW_MONTH], 7);
	CU_ASSERT_STRING_EQUAL(key_limits_format(MEASURE_REQUESTS, limits, text),
			       "100/minute,7/month");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		error_clear(&e);
		CU_ASSERT_EQUAL(key_limits_parse(bad[i], MEASURE_REQUESTS, limits, &e), -1);
		CU_ASSERT_EQUAL(limits[WINDOW_MINUTE], 100); /* untouched */
	}
	error_clear(&e);
	CU_ASSERT_EQUAL(key_limits_parse("2.5/month", MEASURE_CREDITS, limits, &e), 0);
	CU_ASSERT_EQUAL(limits[WINDOW_MONTH], 2500000);
	CU_ASSERT_STRING_EQUAL(key_limits_format(MEASURE_CREDITS, limits, text), "2.5/month");
	CU_ASSERT_EQUAL(key_limits_parse("none", MEASURE_CREDITS, limits, &e), 0);
	CU_ASSERT_EQUAL(limits[WINDOW_MONTH], 0);
}

CU_TestInfo key_tests[] = {
	{ "patterns_are_of_models", patterns_are_of_models },
	{ "accounts_are_for_their_owners", accounts_are_for_their_owners },
	{ "limits_are_read_and_written", limits_are_read_and_written },
	CU_TEST_INFO_NULL,
};
