#include "common/base.h"
#include "cli/ctl_facts.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/live.h"
#include "common/log.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>

#define NOW 1764000000

static char dir[SCRATCH_SIZE];
static struct config config;
static struct ctl c;
static struct live *live;
static struct account a;
static struct facts facts;
static struct error e;

static void begin(void)
{
	static const struct log_options quiet = { .file = "/dev/null" };

	log_open(&quiet);
	c = (struct ctl){ .json = false };
	scratch_store(dir, "tokens", &c.tokens);
	config = (struct config){ .state_dir = dir, .usage_interval = 1800, .refresh_ahead = 600 };
	c.config = &config;
	live = live_new(dir);
	clock_set_wall(NOW);
	account_init(&a);
	a.id = xstrdup("acc_1");
	secret_set(&a.access_token, "access-0");
	a.expires_at = NOW + 3600;
}

static void end(void)
{
	static const struct log_options loud = { .level = LOG_INFO };

	live_free(live);
	live_free(c.live);
	account_release(&a);
	store_close(&c.tokens);
	scratch_remove(dir);
	clock_set_wall(0);
	log_open(&loud);
}

/* The record of an answer with these members, read `age` seconds ago. */
static void put_usage(const char *members, const char *overage, int64_t age)
{
	char body[512];
	struct usage u;
	struct buf json;

	snprintf(body, sizeof(body),
		 "{\"nextDateReset\":1764547200,\"usageBreakdown\":{%s},"
		 "\"overageConfiguration\":{\"overageStatus\":\"%s\"}}",
		 members, overage);
	clock_set_wall(NOW - age);
	CU_ASSERT_EQUAL_FATAL(usage_read(&u, span_of(body), &e), 0);
	clock_set_wall(NOW);
	buf_init(&json, LIMIT_RECORD);
	usage_to_record(&u, &json);
	CU_ASSERT_EQUAL(store_put(&c.tokens, "u/acc_1", buf_span(&json), &e), 0);
	buf_release(&json);
	ctl_facts_read(&c, &a, &facts);
}

static void facts_of_an_unknown_account_are_empty(void)
{
	char out[CTL_FACT_SIZE];

	begin();
	ctl_facts_read(&c, &a, &facts);
	CU_ASSERT_STRING_EQUAL(ctl_facts_amount(&facts, out), "");
	CU_ASSERT_STRING_EQUAL(ctl_facts_percent(&facts, out), "");
	CU_ASSERT_STRING_EQUAL(ctl_facts_reset(&facts, out), "");
	CU_ASSERT_STRING_EQUAL(ctl_facts_used(&facts, out), "");
	CU_ASSERT_STRING_EQUAL(ctl_facts_state(&a, &facts, out), "active");
	end();
}

static void facts_show_numbers_as_people_read_them(void)
{
	static const struct row {
		const char *members, *amount, *percent;
		int64_t age;
	} rows[] = {
		{ "\"currentUsage\":12,\"currentUsageWithPrecision\":12.345,\"usageLimit\":1000",
		  "12.35/1000", "1%", 0 },
		{ "\"currentUsage\":5,\"usageLimit\":50", "5/50", "10%", 3600 },
		{ "\"currentUsage\":5,\"usageLimit\":50", "~5/50", "~10%", 3601 },
		/* not all of it is used */
		{ "\"currentUsageWithPrecision\":49.99,\"usageLimit\":50", "49.99/50", "99%", 0 },
		{ "\"currentUsageWithPrecision\":472.5,\"usageLimit\":50", "472.5/50", "945%", 0 },
		{ "\"currentUsage\":1234567,\"usageLimit\":10000000", "1234567/10000000", "12%",
		  0 },
		{ "\"currentUsage\":5", "5/-", "", 0 },
	};
	char out[CTL_FACT_SIZE];

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		put_usage(rows[i].members, "ENABLED", rows[i].age);
		CU_ASSERT_STRING_EQUAL(ctl_facts_amount(&facts, out), rows[i].amount);
		CU_ASSERT_STRING_EQUAL(ctl_facts_percent(&facts, out), rows[i].percent);
		CU_ASSERT_STRING_EQUAL(ctl_facts_reset(&facts, out), "2025-12-01");
	}
	end();
}

static void facts_tell_the_last_use_and_a_rest(void)
{
	struct live_view view;
	char out[CTL_FACT_SIZE];

	begin();
	live_look(live, live_key("acc_1"), (int64_t)NOW * 1000, &view);
	CU_ASSERT_TRUE(live_start(live, live_key("acc_1"), &view, (NOW - 200) * (int64_t)1000, 0));
	ctl_facts_read(&c, &a, &facts);
	CU_ASSERT_STRING_EQUAL(ctl_facts_used(&facts, out), "3m ago");
	CU_ASSERT_STRING_EQUAL(ctl_facts_state(&a, &facts, out), "active");
	live_rest(live, live_key("acc_1"), ERR_UP_RATE, NOW, NOW + 30);
	ctl_facts_read(&c, &a, &facts);
	CU_ASSERT_STRING_EQUAL(ctl_facts_state(&a, &facts, out), "resting 30s");
	CU_ASSERT_STRING_EQUAL(facts.rest_why, "up_rate");
	clock_set_wall(NOW + 30);
	ctl_facts_read(&c, &a, &facts);
	CU_ASSERT_STRING_EQUAL(ctl_facts_state(&a, &facts, out), "active");
	end();
}

static void facts_tell_the_state(void)
{
	char out[CTL_FACT_SIZE];

	begin();
	account_set_state(&a, STATE_EXHAUSTED, "quota", NOW, NOW + 10 * 86400 + 5);
	ctl_facts_read(&c, &a, &facts);
	CU_ASSERT_STRING_EQUAL(ctl_facts_state(&a, &facts, out), "exhausted 10d");
	account_set_state(&a, STATE_DISABLED, "by hand", NOW, 0);
	CU_ASSERT_STRING_EQUAL(ctl_facts_state(&a, &facts, out), "disabled");
	account_set_state(&a, STATE_ACTIVE, NULL, NOW, 0);
	put_usage("\"currentUsage\":50,\"usageLimit\":50", "DISABLED", 0);
	CU_ASSERT_STRING_EQUAL(ctl_facts_state(&a, &facts, out), "active, nothing left");
	put_usage("\"currentUsage\":50,\"usageLimit\":50", "ENABLED", 0);
	CU_ASSERT_STRING_EQUAL(ctl_facts_state(&a, &facts, out), "active, overage");
	end();
}

static void facts_tell_when_the_token_is_due(void)
{
	char out[CTL_FACT_SIZE];

	begin();
	ctl_facts_read(&c, &a, &facts);
	CU_ASSERT_STRING_EQUAL(ctl_facts_refresh(&facts, out), "in 50m");
	a.expires_at = NOW + 600;
	ctl_facts_read(&c, &a, &facts);
	CU_ASSERT_STRING_EQUAL(ctl_facts_refresh(&facts, out), "due");
	secret_set(&a.access_token, NULL);
	ctl_facts_read(&c, &a, &facts);
	CU_ASSERT_STRING_EQUAL(ctl_facts_refresh(&facts, out), "due");
	a.kind = KIND_API_KEY;
	ctl_facts_read(&c, &a, &facts);
	CU_ASSERT_STRING_EQUAL(ctl_facts_refresh(&facts, out), "");
	end();
}

CU_TestInfo facts_tests[] = {
	{ "of an unknown account are empty", facts_of_an_unknown_account_are_empty },
	{ "show numbers as people read them", facts_show_numbers_as_people_read_them },
	{ "tell the last use and a rest", facts_tell_the_last_use_and_a_rest },
	{ "tell the state", facts_tell_the_state },
	{ "tell when the token is due", facts_tell_when_the_token_is_due },
	CU_TEST_INFO_NULL,
};
