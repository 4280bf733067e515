#include "common/base.h"
#include "common/roster.h"
#include "common/usage_store.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/log.h"
#include "tests/unit/fake_login.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>

#define NOW	 1764000000
#define RESET	 1764547200
#define INTERVAL 1800

#define ANSWER(used, limit, overage)                                                               \
	"{\"nextDateReset\":1764547200.0,\"usageBreakdownList\":[{\"resourceType\":\"CREDIT\","    \
	"\"currentUsage\":" used ",\"usageLimit\":" limit "}],\"overageConfiguration\":{"          \
	"\"overageStatus\":\"" overage "\"}}"

static char dir[SCRATCH_SIZE];
static struct store s;
static struct fake_login upstream;
static struct config config;
static struct http_client *http;
static struct account a;
static struct usage u;
static struct error e;

static void begin(void)
{
	static const struct log_options quiet = { .file = "/dev/null" };
	static char version[] = "9.8.7";
	struct buf json;

	log_open(&quiet);
	scratch_store(dir, "tokens", &s);
	error_clear(&e);
	fake_login_start(&upstream);
	config = (struct config){ .management_url = upstream.url,
				  .upstream_region = version,
				  .usage_interval = INTERVAL,
				  .connect_timeout = 5,
				  .kiro_version = version,
				  .node_version = version,
				  .system_version = version };
	CU_ASSERT_EQUAL_FATAL(http_client_new(&http, &(struct http_options){ 0 }, &e), 0);
	clock_set_wall(NOW);
	account_init(&a);
	a.id = xstrdup("acc_1");
	secret_set(&a.access_token, "access-0");
	secret_set(&a.refresh_token, "refresh-0");
	buf_init(&json, LIMIT_RECORD);
	account_write(&a, &json);
	CU_ASSERT_EQUAL_FATAL(store_put(&s, "a/acc_1", buf_span(&json), &e), 0);
	buf_release(&json);
}

static void end(void)
{
	static const struct log_options loud = { .level = LOG_INFO };

	http_client_free(http);
	fake_login_stop(&upstream);
	account_release(&a);
	store_close(&s);
	scratch_remove(dir);
	clock_set_wall(0);
	log_open(&loud);
}

static int look(int64_t now, int status, const char *answer)
{
	clock_set_wall(now);
	upstream.status = status;
	upstream.answer = answer;
	error_clear(&e);
	return usage_look(http, &config, &s, &a, &u, &e);
}

/* The account's record gets this state, then is judged by a usage of that answer read at `read`. */
static int settle(enum account_state state, int64_t since, int64_t until, int64_t read,
		  const char *answer, int64_t now)
{
	struct usage seen = { .read_at = 0 };
	struct buf json;
	int rc;

	clock_set_wall(read);
	if (answer)
		CU_ASSERT_EQUAL(usage_read(&seen, span_of(answer), &e), 0);
	clock_set_wall(now);
	account_set_state(&a, state, "quota", since, until);
	buf_init(&json, LIMIT_RECORD);
	account_write(&a, &json);
	CU_ASSERT_EQUAL_FATAL(store_put(&s, "a/acc_1", buf_span(&json), &e), 0);
	buf_release(&json);
	rc = usage_settle(&s, &a, &seen, &e);
	CU_ASSERT(rc >= 0);
	return rc;
}

static bool record_says(const char *words)
{
	return strstr(scratch_get(&s, "a/acc_1", &e), words) != NULL;
}

static void usage_is_asked_once_an_interval(void)
{
	begin();
	CU_ASSERT_EQUAL(look(NOW, 200, ANSWER("5", "50", "DISABLED")), 0);
	CU_ASSERT_EQUAL(upstream.count, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(upstream.request, "Bearer access-0"));
	CU_ASSERT_EQUAL(usage_remaining(&u), 45);
	CU_ASSERT_EQUAL(look(NOW + INTERVAL - 1, 200, ANSWER("6", "50", "DISABLED")), 1);
	CU_ASSERT_EQUAL(upstream.count, 1);
	CU_ASSERT_EQUAL(usage_remaining(&u), 45); /* what is stored */
	CU_ASSERT_EQUAL(look(NOW + INTERVAL * 5 / 4, 200, ANSWER("7", "50", "DISABLED")), 0);
	CU_ASSERT_EQUAL(upstream.count, 2);
	CU_ASSERT_EQUAL(usage_get(&s, "acc_1", &u, &e), 1);
	CU_ASSERT_EQUAL(usage_remaining(&u), 43);
	CU_ASSERT_EQUAL(usage_get(&s, "acc_2", &u, &e), 0);
	/* a clock that was set back */
	CU_ASSERT_EQUAL(look(NOW, 200, ANSWER("8", "50", "DISABLED")), 0);
	end();
}

static void usage_that_failed_keeps_its_numbers(void)
{
	begin();
	CU_ASSERT_EQUAL(look(NOW, 200, ANSWER("5", "50", "DISABLED")), 0);
	CU_ASSERT_EQUAL(look(NOW + 2 * INTERVAL, 429, "{\"message\":\"Too many requests\"}"), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_UP_RATE);
	CU_ASSERT_EQUAL(usage_get(&s, "acc_1", &u, &e), 1);
	CU_ASSERT_EQUAL(usage_remaining(&u), 45);
	CU_ASSERT_EQUAL(u.read_at, NOW);
	CU_ASSERT_EQUAL(u.tried_at, NOW + 2 * INTERVAL);
	CU_ASSERT_STRING_EQUAL(u.failure, "Too many requests");
	CU_ASSERT_TRUE(usage_is_stale(&u, 365 * 86400));
	/* a failure is no reason to ask sooner */
	CU_ASSERT_EQUAL(look(NOW + 3 * INTERVAL - 1, 200, ANSWER("6", "50", "DISABLED")), 1);
	CU_ASSERT_EQUAL(upstream.count, 2);
	CU_ASSERT_EQUAL(look(NOW + 4 * INTERVAL, 200, ANSWER("6", "50", "DISABLED")), 0);
	CU_ASSERT_STRING_EQUAL(u.failure, "");
	CU_ASSERT_FALSE(usage_is_stale(&u, INTERVAL));
	end();
}

static void usage_that_never_came_is_unknown(void)
{
	begin();
	CU_ASSERT_EQUAL(look(NOW, 500, "{}"), -1);
	CU_ASSERT_EQUAL(usage_get(&s, "acc_1", &u, &e), 1);
	CU_ASSERT_EQUAL(usage_remaining(&u), USAGE_UNKNOWN);
	CU_ASSERT_EQUAL(u.read_at, 0);
	end();
}

/* While one process asks, another finds the look taken. */
static void look_too(struct fake_login *f)
{
	struct error other = { 0 };
	struct usage seen;

	f->meanwhile = NULL;
	CU_ASSERT_EQUAL(usage_look(http, &config, &s, &a, &seen, &other), 1);
}

static void usage_is_asked_by_one_process(void)
{
	begin();
	upstream.meanwhile = look_too;
	CU_ASSERT_EQUAL(look(NOW, 200, ANSWER("5", "50", "DISABLED")), 0);
	CU_ASSERT_EQUAL(upstream.count, 1);
	CU_ASSERT_EQUAL(usage_remaining(&u), 45);
	end();
}

static void usage_damaged_record_is_had_anew(void)
{
	begin();
	CU_ASSERT_EQUAL(store_put(&s, "u/acc_1", span_of("{\"v\":99}"), &e), 0);
	CU_ASSERT_EQUAL(usage_get(&s, "acc_1", &u, &e), -1);
	CU_ASSERT_EQUAL(look(NOW, 200, ANSWER("5", "50", "DISABLED")), 0);
	CU_ASSERT_EQUAL(usage_get(&s, "acc_1", &u, &e), 1);
	CU_ASSERT_EQUAL(usage_remaining(&u), 45);
	end();
}

static void usage_brings_exhausted_accounts_back(void)
{
	static const struct row {
		const char *answer; /* NULL: never read */
		int64_t since, until, read, now;
		bool active;
	} rows[] = {
		/* the reset date is behind */
		{ NULL, NOW, NOW + 60, 0, NOW + 60, true },
		{ NULL, NOW, NOW + 60, 0, NOW + 59, false },
		/* of a clock that was set back since: no allowance is longer than a month */
		{ NULL, NOW + 3650 * INT64_C(86400), NOW + 3660 * INT64_C(86400), 0, NOW, true },
		/* a number read after the refusal shows some */
		{ ANSWER("5", "50", "DISABLED"), NOW, RESET, NOW + 10, NOW + 20, true },
		{ ANSWER("5", "50", "DISABLED"), NOW, RESET, NOW - 10, NOW + 20, false },
		{ ANSWER("49", "50", "DISABLED"), NOW, RESET, NOW + 10, NOW + 20, true },
		/* less than one request is none */
		{ ANSWER("49.5", "50", "DISABLED"), NOW, RESET, NOW + 10, NOW + 20, false },
		{ ANSWER("50", "50", "DISABLED"), NOW, RESET, NOW + 10, NOW + 20, false },
		/* what returns within a day is another allowance than the month's credits */
		{ ANSWER("5", "50", "DISABLED"), NOW, NOW + 86400, NOW + 10, NOW + 20, false },
		{ ANSWER("5", "50", "DISABLED"), NOW, NOW + 86400, NOW + 10, NOW + 86400, true },
		{ ANSWER("5", "50", "DISABLED"), NOW, NOW + 86401, NOW + 10, NOW + 20, true },
		/* overage was switched on */
		{ ANSWER("50", "50", "ENABLED"), NOW, RESET, NOW + 10, NOW + 20, true },
	};

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		int rc = settle(STATE_EXHAUSTED, r->since, r->until, r->read, r->answer, r->now);

		CU_ASSERT_EQUAL(rc, r->active);
		CU_ASSERT_EQUAL(a.state, r->active ? STATE_ACTIVE : STATE_EXHAUSTED);
		CU_ASSERT_EQUAL(record_says("\"state\":\"active\""), r->active);
	}
	end();
}

/* The pool's guess of an hour becomes the real date. */
static void usage_tells_how_long_exhaustion_lasts(void)
{
	begin();
	CU_ASSERT_EQUAL(settle(STATE_EXHAUSTED, NOW, NOW + 3600, NOW + 10,
			       ANSWER("50", "50", "DISABLED"), NOW + 20),
			1);
	CU_ASSERT_EQUAL(a.state, STATE_EXHAUSTED);
	CU_ASSERT_EQUAL(a.state_until, RESET);
	CU_ASSERT_TRUE(record_says("\"state\":\"exhausted\""));
	CU_ASSERT_TRUE(record_says("\"state_until\":1764547200"));
	CU_ASSERT_TRUE(record_says("\"state_reason\":\"quota\""));
	CU_ASSERT_EQUAL(usage_settle(&s, &a, &u, &e), 0); /* nothing more to change */
	end();
}

static void usage_leaves_other_states_alone(void)
{
	static const enum account_state states[] = { STATE_ACTIVE, STATE_SUSPENDED, STATE_INVALID,
						     STATE_DISABLED };

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		CU_ASSERT_EQUAL(settle(states[i], NOW, 0, NOW + 10, ANSWER("50", "50", "DISABLED"),
				       NOW + 20),
				0);
		CU_ASSERT_EQUAL(a.state, states[i]);
	}
	end();
}

static void usage_goes_with_its_account(void)
{
	begin();
	CU_ASSERT_EQUAL(look(NOW, 200, ANSWER("5", "50", "DISABLED")), 0);
	CU_ASSERT_EQUAL(roster_remove(&s, "acc_1", &e), 0);
	CU_ASSERT_STRING_EQUAL(scratch_get(&s, "u/acc_1", &e), NONE);
	end();
}

CU_TestInfo usage_store_tests[] = {
	{ "is asked once an interval", usage_is_asked_once_an_interval },
	{ "keeps its numbers when a look fails", usage_that_failed_keeps_its_numbers },
	{ "that never came is unknown", usage_that_never_came_is_unknown },
	{ "is asked by one process", usage_is_asked_by_one_process },
	{ "a damaged record is had anew", usage_damaged_record_is_had_anew },
	{ "brings exhausted accounts back", usage_brings_exhausted_accounts_back },
	{ "tells how long exhaustion lasts", usage_tells_how_long_exhaustion_lasts },
	{ "goes with its account", usage_goes_with_its_account },
	{ "leaves other states alone", usage_leaves_other_states_alone },
	CU_TEST_INFO_NULL,
};
