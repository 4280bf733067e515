#include "common/base.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/usage.h"
#include "fcgi/up_pool.h"

#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>
#include <signal.h>

#define NOW    1795000000
#define PLACES 64

/* The choices of accounts.strategy, by their place in its row. */
enum strategy { OPTIMAL, AUTO, SEQUENTIAL, FIRST, PRIORITY, ROUND_ROBIN, RANDOM };

static char dir[SCRATCH_SIZE];
static struct config config;
static struct store tokens;
static struct up_pool *pool, *other; /* two processes' */
static struct error e;
static int64_t now_ms;
static int places[PLACES]; /* of requests in flight */
static size_t place_count;
static int busy_ms; /* of the last pick, 0: it was not "busy" */

static void begin(enum strategy strategy)
{
	static const struct log_options quiet = { .file = "/dev/null" };

	log_open(&quiet);
	scratch_store(dir, "tokens", &tokens);
	config = (struct config){ .state_dir = dir,
				  .strategy = (int)strategy,
				  .affinity_minutes = 60 };
	pool = up_pool_new(&config);
	other = up_pool_new(&config);
	now_ms = NOW * INT64_C(1000);
	clock_set_wall(NOW);
	place_count = 0;
	error_clear(&e);
}

static void leave(void)
{
	while (place_count)
		close(places[--place_count]);
}

static void end(void)
{
	static const struct log_options loud = { .level = LOG_INFO };

	leave();
	clock_set_wall(0);
	up_pool_free(pool);
	up_pool_free(other);
	store_close(&tokens);
	scratch_remove(dir);
	log_open(&loud);
}

/* What an account of these tests may differ in. */
struct having {
	int priority, max_inflight;
	enum account_state state;
	int64_t until;
};

/* "one" is acc_one, and was added after those before it. */
static void add(const char *name, struct having what)
{
	static int64_t added = NOW - 1000;
	char key[STORE_KEY_SIZE];
	struct account a;
	struct buf json;

	account_init(&a);
	snprintf(key, sizeof(key), "a/acc_%s", name);
	a.id = xstrdup(key + 2);
	a.label = xstrdup(name);
	a.kind = KIND_SOCIAL;
	a.priority = what.priority;
	a.max_inflight = what.max_inflight;
	a.added_at = added++;
	secret_set(&a.access_token, "access-0");
	secret_set(&a.refresh_token, "refresh-0");
	account_set_state(&a, what.state, "for this test", NOW, what.until);
	buf_init(&json, LIMIT_RECORD);
	account_write(&a, &json);
	CU_ASSERT_EQUAL_FATAL(store_put(&tokens, key, buf_span(&json), &e), 0);
	account_release(&a);
	buf_release(&json);
}

static int64_t read_at = NOW - 60;

/* What kiro-refresh has read of it. */
static void add_usage(const char *name, double used, double limit, bool overage, int64_t reset_at)
{
	char key[STORE_KEY_SIZE];
	struct usage usage = { .reset_at = reset_at,
			       .read_at = read_at,
			       .resource = "CREDIT",
			       .part_count = 1,
			       .parts = { { .kind = USAGE_PLAN, .used = used, .limit = limit } },
			       .overage.enabled = overage };
	struct buf json;

	snprintf(key, sizeof(key), "u/acc_%s", name);
	buf_init(&json, LIMIT_RECORD);
	usage_to_record(&usage, &json);
	CU_ASSERT_EQUAL_FATAL(store_put(&tokens, key, buf_span(&json), &e), 0);
	buf_release(&json);
}

#define PLAIN ((struct having){ .priority = 0 })

/* The name of the account that is picked; "busy", or the kind of the failure. A request of it is in
 * flight until leave(). */
static const char *pick_as(struct up_pool *p, const struct up_pool_wish *wish)
{
	static char name[64];
	struct account out;
	int place, rc;

	account_init(&out);
	error_clear(&e);
	rc = up_pool_pick(p, &tokens, wish, now_ms, &out, &place, &e);
	busy_ms = rc > 0 ? rc : 0;
	if (place >= 0 && place_count < PLACES)
		places[place_count++] = place;
	snprintf(name, sizeof(name), "%s",
		 rc < 0	  ? error_row(&e)->name
		 : rc > 0 ? "busy"
			  : out.id + strlen("acc_"));
	account_release(&out);
	return name;
}

static const char *pick(struct up_pool *p)
{
	return pick_as(p, &(const struct up_pool_wish){ .tried_count = 0 });
}

static const char *talk(struct up_pool *p, const char *conversation)
{
	return pick_as(p, &(const struct up_pool_wish){ .conversation = conversation });
}

/* What this account just met, over there. */
static void fail(struct up_pool *p, const char *name, enum error_kind kind, int retry_after)
{
	struct error failure = { .kind = ERR_NONE };
	struct account a;
	char id[64];

	account_init(&a);
	snprintf(id, sizeof(id), "acc_%s", name);
	a.id = xstrdup(id);
	a.label = xstrdup(name);
	error_set(&failure, kind, "upstream's words");
	failure.retry_after = retry_after;
	up_pool_book(p, &tokens, &a, &failure, now_ms / 1000);
	account_release(&a);
}

/* Both processes are asked by turns; " " between the names. */
static const char *picks(int count)
{
	static char text[256];
	size_t len = 0;

	for (int i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? " " : "",
					pick(i % 2 ? other : pool));
	return text;
}

/* ---- who is chosen ---- */

static void strategies_choose_as_they_are_called(void)
{
	static const struct {
		enum strategy strategy;
		const char *chosen;
	} rows[] = {
		/* of whose allowance nothing is known: the longest unused */
		{ OPTIMAL, "one two three one two three" },
		{ AUTO, "one two three one two three" },
		{ SEQUENTIAL, "one one one one one one" },
		{ FIRST, "one one one one one one" },
		{ PRIORITY, "one one one one one one" },
		{ ROUND_ROBIN, "one two three one two three" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		begin(rows[i].strategy);
		add("one", PLAIN);
		add("two", PLAIN);
		add("three", PLAIN);
		CU_ASSERT_STRING_EQUAL(picks(6), rows[i].chosen);
		end();
	}
}

static void random_chooses_each_of_them(void)
{
	unsigned seen[3] = { 0 };

	begin(RANDOM);
	add("one", PLAIN);
	add("two", PLAIN);
	add("three", PLAIN);
	for (int i = 0; i < 300; i++) {
		const char *name = pick(pool);

		seen[name[0] == 'o' ? 0 : name[1] == 'w' ? 1 : 2]++;
		leave();
	}
	/* each misses 300 times with a probability of 1e-53 */
	CU_ASSERT_TRUE(seen[0] && seen[1] && seen[2]);
	CU_ASSERT_EQUAL(seen[0] + seen[1] + seen[2], 300);
	end();
}

static void credits_of_answers_are_gone_until_the_next_reading(void)
{
	begin(OPTIMAL);
	add("one", PLAIN);
	add("two", PLAIN);
	add_usage("one", 0, 100, false, 0);
	add_usage("two", 5, 100, false, 0);
	CU_ASSERT_STRING_EQUAL(picks(2), "one one");
	up_pool_spend(pool, &tokens, "acc_one", 4.5);
	CU_ASSERT_STRING_EQUAL(picks(2), "one one");
	up_pool_spend(other, &tokens, "acc_one", 0.6);
	CU_ASSERT_STRING_EQUAL(picks(2), "two two");
	up_pool_spend(other, &tokens, "acc_two", 1000);
	CU_ASSERT_STRING_EQUAL(picks(2), "one one");
	read_at += 1800;
	add_usage("one", 5.1, 100, false, 0);
	add_usage("two", 6, 100, false, 0);
	CU_ASSERT_STRING_EQUAL(picks(2), "one one");
	up_pool_spend(pool, &tokens, "acc_one", 1);
	CU_ASSERT_STRING_EQUAL(picks(2), "two two");
	end();
}

static void sequential_goes_on_where_one_can_no_more(void)
{
	begin(SEQUENTIAL);
	add("one", PLAIN);
	add("two", PLAIN);
	CU_ASSERT_STRING_EQUAL(picks(2), "one one");
	fail(other, "one", ERR_UP_RATE, 7);
	CU_ASSERT_STRING_EQUAL(picks(2), "two two");
	now_ms += 7000;
	CU_ASSERT_STRING_EQUAL(picks(2), "one one");
	end();
}

static void priority_comes_before_any_strategy(void)
{
	begin(ROUND_ROBIN);
	add("spare", (struct having){ .priority = 5 });
	add("one", PLAIN);
	add("two", PLAIN);
	CU_ASSERT_STRING_EQUAL(picks(4), "one two one two");
	fail(pool, "one", ERR_UP_RATE, 7);
	CU_ASSERT_STRING_EQUAL(picks(2), "two two");
	fail(pool, "two", ERR_UP_RATE, 7);
	CU_ASSERT_STRING_EQUAL(picks(2), "spare spare");
	end();
}

static void longest_unused_is_next_after_a_rest(void)
{
	begin(ROUND_ROBIN);
	add("one", PLAIN);
	add("two", PLAIN);
	add("three", PLAIN);
	CU_ASSERT_STRING_EQUAL(picks(2), "one two");
	fail(pool, "three", ERR_UP_RATE, 5);
	CU_ASSERT_STRING_EQUAL(picks(2), "one two");
	now_ms += 5000;
	CU_ASSERT_STRING_EQUAL(picks(4), "three one two three");
	end();
}

static void those_tried_and_those_set_aside_are_left_out(void)
{
	static const char *const tried[] = { "acc_one" };

	begin(SEQUENTIAL);
	add("one", PLAIN);
	add("off", (struct having){ .state = STATE_DISABLED });
	add("dead", (struct having){ .state = STATE_INVALID });
	add("empty", (struct having){ .state = STATE_EXHAUSTED, .until = NOW + 60 });
	add("two", PLAIN);
	CU_ASSERT_STRING_EQUAL(pick(pool), "one");
	CU_ASSERT_STRING_EQUAL(
		pick_as(pool, &(const struct up_pool_wish){ .tried = tried, .tried_count = 1 }),
		"two");
	end();
}

static void optimal_takes_most_that_is_left(void)
{
	begin(OPTIMAL);
	add("low", PLAIN);
	add("unknown", PLAIN);
	add("high", PLAIN);
	add("half", PLAIN);
	add_usage("low", 990, 1000, false, NOW + 86400);
	add_usage("high", 100, 10000, false, NOW + 86400); /* not the share of it, the amount */
	add_usage("half", 25, 50, false, NOW + 86400);
	CU_ASSERT_STRING_EQUAL(picks(2), "high high");
	fail(pool, "high", ERR_UP_RATE, 7);
	CU_ASSERT_STRING_EQUAL(picks(2), "half half");
	add_usage("high", 10000, 10000, false, NOW + 86400);
	add_usage("half", 40, 50, false, NOW + 86400); /* as much as low has */
	now_ms += 7000;
	CU_ASSERT_STRING_EQUAL(picks(4), "low half low half");
	fail(pool, "low", ERR_UP_RATE, 7);
	fail(pool, "half", ERR_UP_RATE, 7);
	CU_ASSERT_STRING_EQUAL(picks(1), "unknown");
	end();
}

static void used_up_account_rests_until_its_reset(void)
{
	static const struct {
		bool allowed, enabled;
		int64_t reset_at;
		const char *then, *later; /* now, and after the reset date */
	} rows[] = {
		{ false, false, NOW + 600, "up_quota", "one" },
		{ false, true, NOW + 600, "up_quota", "one" },
		{ true, false, NOW + 600, "up_quota", "one" },
		{ true, true, NOW + 600, "one", "one" },
		{ false, false, NOW - 1, "one", "one" }, /* an old number says nothing */
		{ false, false, 0, "one", "one" },	 /* no date: the upstream will say */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		begin(OPTIMAL);
		config.overage = rows[i].allowed;
		add("one", PLAIN);
		add_usage("one", 1000, 1000, rows[i].enabled, rows[i].reset_at);
		CU_ASSERT_STRING_EQUAL(pick(pool), rows[i].then);
		CU_ASSERT_EQUAL(e.retry_after, strcmp(rows[i].then, "one") ? 600 : 0);
		now_ms += 600000;
		CU_ASSERT_STRING_EQUAL(pick(pool), rows[i].later);
		end();
	}
}

/* ---- conversations ---- */

static void conversation_keeps_its_account_in_all_processes(void)
{
	begin(ROUND_ROBIN);
	add("one", PLAIN);
	add("two", PLAIN);
	CU_ASSERT_STRING_EQUAL(talk(pool, "a"), "one");
	CU_ASSERT_STRING_EQUAL(talk(other, "a"), "one");
	CU_ASSERT_STRING_EQUAL(talk(other, "b"), "two");
	CU_ASSERT_STRING_EQUAL(talk(pool, "b"), "two");
	CU_ASSERT_STRING_EQUAL(talk(pool, "a"), "one");
	CU_ASSERT_STRING_EQUAL(talk(pool, "a"), "one");
	config.affinity_minutes = 0;
	CU_ASSERT_STRING_EQUAL(talk(pool, "a"), "two");
	end();
}

static void conversation_that_was_silent_is_placed_anew(void)
{
	begin(ROUND_ROBIN);
	add("one", PLAIN);
	add("two", PLAIN);
	CU_ASSERT_STRING_EQUAL(talk(pool, "a"), "one");
	now_ms += 59 * 60000; /* each request keeps it */
	CU_ASSERT_STRING_EQUAL(talk(pool, "a"), "one");
	now_ms += 59 * 60000;
	CU_ASSERT_STRING_EQUAL(talk(pool, "a"), "one");
	now_ms += 60 * 60000;
	CU_ASSERT_STRING_EQUAL(talk(pool, "a"), "two");
	end();
}

static void conversation_leaves_an_account_that_rests(void)
{
	begin(SEQUENTIAL);
	add("one", PLAIN);
	add("two", PLAIN);
	CU_ASSERT_STRING_EQUAL(talk(pool, "a"), "one");
	fail(other, "one", ERR_UP_RATE, 7);
	CU_ASSERT_STRING_EQUAL(talk(pool, "a"), "two");
	now_ms += 7000; /* what upstream has cached of it is there now */
	CU_ASSERT_STRING_EQUAL(talk(pool, "a"), "two");
	CU_ASSERT_STRING_EQUAL(talk(pool, "b"), "one");
	end();
}

static void conversation_comes_back_to_an_account_that_was_busy(void)
{
	begin(SEQUENTIAL);
	add("one", (struct having){ .max_inflight = 1 });
	add("two", PLAIN);
	CU_ASSERT_STRING_EQUAL(talk(pool, "a"), "one");
	CU_ASSERT_STRING_EQUAL(talk(other, "a"), "two");
	leave();
	CU_ASSERT_STRING_EQUAL(talk(other, "a"), "one");
	end();
}

/* ---- limits ---- */

static void requests_in_flight_are_limited_over_processes(void)
{
	begin(SEQUENTIAL);
	config.max_inflight = 2;
	add("one", PLAIN);
	add("two", (struct having){ .max_inflight = 1 });
	CU_ASSERT_STRING_EQUAL(picks(4), "one one two busy");
	leave();
	CU_ASSERT_STRING_EQUAL(picks(4), "one one two busy");
	fail(pool, "one", ERR_UP_RATE, 7);
	CU_ASSERT_STRING_EQUAL(pick(pool), "busy"); /* one rests, but two will be free */
	end();
}

static int serve_until_killed(void *context)
{
	(void)context;
	if (strcmp(pick(other), "one") != 0)
		return 1;
	kill(getpid(), SIGKILL);
	return 2;
}

static void killed_process_serves_no_more(void)
{
	begin(SEQUENTIAL);
	config.max_inflight = 1;
	add("one", PLAIN);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(scratch_run(serve_until_killed, NULL), -1);
	CU_ASSERT_STRING_EQUAL(picks(2), "one busy");
	end();
}

static void starts_of_an_account_keep_their_distance(void)
{
	begin(SEQUENTIAL);
	config.min_interval_ms = 1000;
	add("one", PLAIN);
	add("two", PLAIN);
	CU_ASSERT_STRING_EQUAL(picks(3), "one two busy");
	now_ms += 999;
	CU_ASSERT_STRING_EQUAL(picks(1), "busy");
	now_ms += 1;
	CU_ASSERT_STRING_EQUAL(picks(3), "one two busy");
	config.interval_jitter_ms = 1000;
	now_ms += 1000;
	CU_ASSERT_STRING_EQUAL(picks(3), "one two busy");
	now_ms += 2000; /* both at the latest */
	CU_ASSERT_STRING_EQUAL(picks(3), "one two busy");
	end();
}

/* Who waits for a busy one does not sleep through the end of another one's rest. */
static void a_rest_that_ends_sooner_is_what_is_waited_for(void)
{
	const char *const tried[] = { "acc_two" };
	const struct up_pool_wish without_two = { .tried = tried, .tried_count = 1 };

	begin(SEQUENTIAL);
	config.min_interval_ms = 20000;
	add("one", PLAIN);
	add("two", PLAIN);
	fail(other, "two", ERR_UP_RATE, 3);
	CU_ASSERT_STRING_EQUAL(picks(2), "one busy");
	CU_ASSERT_EQUAL(busy_ms, 3000);
	CU_ASSERT_STRING_EQUAL(pick_as(pool, &without_two), "busy"); /* it is no good to this one */
	CU_ASSERT_EQUAL(busy_ms, 20000);
	now_ms += 1500;
	CU_ASSERT_STRING_EQUAL(pick(pool), "busy");
	CU_ASSERT_EQUAL(busy_ms, 1500);
	now_ms += 1500;
	CU_ASSERT_STRING_EQUAL(pick(pool), "two");
	fail(other, "two", ERR_UP_QUOTA, 3600);
	CU_ASSERT_STRING_EQUAL(pick(pool), "busy");
	CU_ASSERT_EQUAL(busy_ms, 17000);
	end();
}

/* ---- nobody ---- */

static void who_finds_nobody_learns_why_and_when(void)
{
	static const struct {
		enum error_kind met;
		int retry_after, later;
		const char *then;
		int wait;
	} rows[] = {
		{ ERR_UP_RATE, 7, 2, "up_rate", 5 },
		{ ERR_UP_RATE, 0, 0, "up_rate", 3 },
		{ ERR_UP_RATE, 7, 7, "one", 0 },
		{ ERR_UP_QUOTA, 0, 600, "up_quota", 3000 },
		{ ERR_UP_QUOTA, 60, 60, "one", 0 },
		{ ERR_UP_SUSPENDED, 0, 0, "up_suspended", 6 * 3600 },
		{ ERR_UP_CAPACITY, 0, 0, "one", 0 },
		{ ERR_UP_INVALID, 0, 0, "one", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		begin(OPTIMAL);
		add("one", PLAIN);
		CU_ASSERT_STRING_EQUAL(pick(pool), "one");
		fail(pool, "one", rows[i].met, rows[i].retry_after);
		now_ms += rows[i].later * 1000;
		CU_ASSERT_STRING_EQUAL(pick(other), rows[i].then);
		CU_ASSERT_EQUAL(e.retry_after, rows[i].wait);
		end();
	}
}

static void of_several_at_rest_the_first_to_be_back_is_told(void)
{
	begin(OPTIMAL);
	add("empty", (struct having){ .state = STATE_EXHAUSTED, .until = NOW + 86400 });
	add("locked", (struct having){ .state = STATE_SUSPENDED, .until = NOW + 3600 });
	add("off", (struct having){ .state = STATE_DISABLED });
	add("one", PLAIN);
	add("two", PLAIN);
	fail(pool, "one", ERR_UP_RATE, 40);
	fail(other, "two", ERR_UP_RATE, 30);
	CU_ASSERT_STRING_EQUAL(pick(pool), "up_rate");
	CU_ASSERT_EQUAL(e.retry_after, 30);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "30 seconds"));
	fail(pool, "two", ERR_UP_QUOTA, 7200);
	CU_ASSERT_STRING_EQUAL(pick(other), "up_rate");
	CU_ASSERT_EQUAL(e.retry_after, 40);
	fail(other, "one", ERR_UP_QUOTA, 7200);
	CU_ASSERT_STRING_EQUAL(pick(pool), "up_suspended");
	CU_ASSERT_EQUAL(e.retry_after, 3600);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "suspended"));
	end();
}

/* Readiness is by the same sight: what another process has met counts. */
static void usable_ones_are_counted_as_they_are_picked(void)
{
	size_t count;

	begin(OPTIMAL);
	add("one", PLAIN);
	add("two", PLAIN);
	CU_ASSERT_EQUAL(up_pool_count(pool, &tokens, NOW, &count, &e), 0);
	CU_ASSERT_EQUAL(count, 2);
	fail(other, "one", ERR_UP_RATE, 10);
	CU_ASSERT_EQUAL(up_pool_count(pool, &tokens, NOW, &count, &e), 0);
	CU_ASSERT_EQUAL(count, 1);
	CU_ASSERT_EQUAL(up_pool_count(pool, &tokens, NOW + 10, &count, &e), 0);
	CU_ASSERT_EQUAL(count, 2);
	end();
}

/* Who could not open the store's new file has not seen it, and looks again. */
static void store_that_could_not_be_opened_is_read_later(void)
{
	begin(OPTIMAL);
	add("one", PLAIN);
	CU_ASSERT_STRING_EQUAL(pick(pool), "one");
	add("one", (struct having){ .state = STATE_DISABLED });
	scratch_take_descriptors(true);
	CU_ASSERT_STRING_EQUAL(pick(pool), "store");
	scratch_take_descriptors(false);
	CU_ASSERT_STRING_EQUAL(pick(pool), "no_account");
	end();
}

CU_TestInfo up_pool_tests[] = {
	{ "strategies choose as they are called", strategies_choose_as_they_are_called },
	{ "random chooses each of them", random_chooses_each_of_them },
	{ "credits of answers are gone until the next reading",
	  credits_of_answers_are_gone_until_the_next_reading },
	{ "sequential goes on where one can no more", sequential_goes_on_where_one_can_no_more },
	{ "priority comes before any strategy", priority_comes_before_any_strategy },
	{ "longest unused is next after a rest", longest_unused_is_next_after_a_rest },
	{ "those tried and those set aside are left out",
	  those_tried_and_those_set_aside_are_left_out },
	{ "optimal takes most that is left", optimal_takes_most_that_is_left },
	{ "used-up account rests until its reset", used_up_account_rests_until_its_reset },
	{ "conversation keeps its account in all processes",
	  conversation_keeps_its_account_in_all_processes },
	{ "conversation that was silent is placed anew",
	  conversation_that_was_silent_is_placed_anew },
	{ "conversation leaves an account that rests", conversation_leaves_an_account_that_rests },
	{ "conversation comes back to an account that was busy",
	  conversation_comes_back_to_an_account_that_was_busy },
	{ "requests in flight are limited over processes",
	  requests_in_flight_are_limited_over_processes },
	{ "killed process serves no more", killed_process_serves_no_more },
	{ "starts of an account keep their distance", starts_of_an_account_keep_their_distance },
	{ "a rest that ends sooner is what is waited for",
	  a_rest_that_ends_sooner_is_what_is_waited_for },
	{ "who finds nobody learns why and when", who_finds_nobody_learns_why_and_when },
	{ "of several at rest the first to be back is told",
	  of_several_at_rest_the_first_to_be_back_is_told },
	{ "usable ones are counted as they are picked",
	  usable_ones_are_counted_as_they_are_picked },
	{ "store that could not be opened is read later",
	  store_that_could_not_be_opened_is_read_later },
	CU_TEST_INFO_NULL,
};
