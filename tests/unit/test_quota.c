#include "common/base.h"
#include "common/clock.h"
#include "common/limits.h"
#include "common/quota.h"
#include "common/tally.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>

#define NOW	  INT64_C(1795255200) /* 2026-11-21T10:00:00Z */
#define PROCESSES 16
#define TRIES	  50

static char dir[SCRATCH_SIZE];
static struct config config;
static struct quota *quota;
static struct key key;
static struct error e;

static void begin(void)
{
	scratch_make(dir);
	config = (struct config){ .state_dir = dir };
	quota = quota_new(&config);
	key = (struct key){ .id = "key_0123456789abcdef", .name = "laptop" };
	error_clear(&e);
}

static void end(void)
{
	quota_free(quota);
	scratch_remove(dir);
}

static int enter(int64_t now)
{
	error_clear(&e);
	return quota_enter(quota, &key, now, &e);
}

static int ask_often(void *context)
{
	struct quota *own = quota_new(&config);
	int in = 0;

	(void)context;
	for (int i = 0; i < TRIES; i++) {
		struct error why = { 0 };

		in += quota_enter(own, &key, NOW, &why) == 0;
	}
	quota_free(own);
	return in;
}

static void of_sixteen_processes_exactly_the_limit_gets_in(void)
{
	static const enum key_window windows[] = { WINDOW_MINUTE, WINDOW_DAY, WINDOW_MONTH };

	for (size_t w = 0; w < ARRAY_SIZE(windows); w++) {
		pid_t pids[PROCESSES];
		int in = 0;

		begin();
		key.limits[MEASURE_REQUESTS][windows[w]] = 100;
		for (int i = 0; i < PROCESSES; i++)
			pids[i] = scratch_start(ask_often, NULL);
		for (int i = 0; i < PROCESSES; i++)
			in += scratch_wait(pids[i]);
		CU_ASSERT_EQUAL(in, 100);
		CU_ASSERT_EQUAL(enter(NOW), -1);
		end();
	}
}

static void each_window_begins_anew_at_its_time(void)
{
	static const struct {
		enum key_window window;
		int64_t last, next; /* moments of this window and of the next */
		enum error_kind kind;
		int wait;
	} rows[] = {
		{ WINDOW_MINUTE, NOW + 59, NOW + 60, ERR_KEY_RATE, 60 },
		{ WINDOW_DAY, NOW + 14 * 3600 - 1, NOW + 14 * 3600, ERR_KEY_LIMIT, 14 * 3600 },
		{ WINDOW_MONTH, NOW + 14 * 3600 + 9 * 86400 - 1, NOW + 14 * 3600 + 9 * 86400,
		  ERR_KEY_LIMIT, 14 * 3600 + 9 * 86400 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		begin();
		key.limits[MEASURE_REQUESTS][rows[i].window] = 2;
		CU_ASSERT_EQUAL(enter(NOW), 0);
		CU_ASSERT_EQUAL(enter(NOW), 0);
		CU_ASSERT_EQUAL(enter(NOW), -1);
		CU_ASSERT_EQUAL(e.kind, rows[i].kind);
		CU_ASSERT_EQUAL(e.retry_after, rows[i].wait);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "2 requests per"));
		CU_ASSERT_PTR_NOT_NULL(strstr(e.message, key_window_names[rows[i].window]));
		CU_ASSERT_EQUAL(enter(rows[i].last), -1);
		CU_ASSERT_EQUAL(enter(rows[i].next), 0);
		end();
	}
}

static void what_was_spent_is_checked_before_and_booked_after(void)
{
	begin();
	key.limits[MEASURE_TOKENS][WINDOW_DAY] = 1000;
	key.limits[MEASURE_CREDITS][WINDOW_MONTH] = 2500000;
	CU_ASSERT_EQUAL(enter(NOW), 0);
	quota_book(quota, key.id, NOW, 999, 2499999);
	CU_ASSERT_EQUAL(enter(NOW), 0); /* below both */
	quota_book(quota, key.id, NOW, 1, 0);
	CU_ASSERT_EQUAL(enter(NOW), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_KEY_LIMIT);
	CU_ASSERT_EQUAL(enter(NOW + 86400), 0);
	quota_book(quota, key.id, NOW + 86400, 0, 1);
	CU_ASSERT_EQUAL(enter(NOW + 86400), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_KEY_BUDGET);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "2.5 credits per month"));
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "2026-12-01T00:00:00Z"));
	CU_ASSERT_EQUAL(enter(NOW + 10 * 86400), 0);
	end();
}

/* Who comes again when the shorter window is over is refused again. */
static void of_two_that_are_reached_the_longer_window_is_told(void)
{
	begin();
	key.limits[MEASURE_TOKENS][WINDOW_MINUTE] = 10;
	key.limits[MEASURE_REQUESTS][WINDOW_DAY] = 1;
	CU_ASSERT_EQUAL(enter(NOW), 0);
	quota_book(quota, key.id, NOW, 10, 0);
	CU_ASSERT_EQUAL(enter(NOW), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_KEY_LIMIT);
	CU_ASSERT_EQUAL(e.retry_after, 14 * 3600);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "1 requests per day"));
	end();
}

static void who_did_not_come_in_is_not_counted(void)
{
	struct quota_view view;

	begin();
	key.limits[MEASURE_REQUESTS][WINDOW_MINUTE] = 1;
	CU_ASSERT_EQUAL(enter(NOW), 0);
	CU_ASSERT_EQUAL(enter(NOW), -1);
	quota_look(quota, key.id, NOW, &view);
	for (int w = 0; w < KEY_WINDOWS; w++)
		CU_ASSERT_EQUAL(view.used[MEASURE_REQUESTS][w], 1);
	CU_ASSERT_EQUAL(view.used_at, NOW);
	quota_return(quota, &key, NOW);
	CU_ASSERT_EQUAL(enter(NOW), 0);
	end();
}

/* A process that was held up between its look at the clock and the count. */
static void a_late_one_counts_in_the_window_that_has_begun(void)
{
	begin();
	key.limits[MEASURE_REQUESTS][WINDOW_MINUTE] = 2;
	CU_ASSERT_EQUAL(enter(NOW + 60), 0);
	CU_ASSERT_EQUAL(enter(NOW + 59), 0);
	CU_ASSERT_EQUAL(enter(NOW + 60), -1);
	CU_ASSERT_EQUAL(enter(NOW - 3600), 0); /* the clock was set back */
	end();
}

static void a_lost_file_begins_with_what_usage_says(void)
{
	struct tally_row row = { .key_id = "key_0123456789abcdef",
				 .key = "laptop",
				 .account = "acc_1",
				 .model = "claude-sonnet-4.5",
				 .counts = { [TALLY_REQUESTS] = 7,
					     [TALLY_INPUT] = 10,
					     [TALLY_OUTPUT] = 20,
					     [TALLY_CACHE_READ] = 30,
					     [TALLY_CACHE_WRITE] = 40,
					     [TALLY_CREDITS] = 5 } };
	struct tally *tally;
	struct quota_view view;

	begin();
	tally = tally_new(dir);
	tally_book(tally, &row, NOW - 86400);
	tally_book(tally, &row, NOW);
	row.key_id[4] = 'x';
	tally_book(tally, &row, NOW); /* another's */
	key.limits[MEASURE_TOKENS][WINDOW_MONTH] = 200;
	CU_ASSERT_EQUAL(enter(NOW), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_KEY_BUDGET);
	quota_look(quota, key.id, NOW, &view);
	CU_ASSERT_EQUAL(view.used[MEASURE_REQUESTS][WINDOW_MINUTE], 0);
	CU_ASSERT_EQUAL(view.used[MEASURE_REQUESTS][WINDOW_DAY], 7);
	CU_ASSERT_EQUAL(view.used[MEASURE_REQUESTS][WINDOW_MONTH], 14);
	CU_ASSERT_EQUAL(view.used[MEASURE_TOKENS][WINDOW_DAY], 100);
	CU_ASSERT_EQUAL(view.used[MEASURE_TOKENS][WINDOW_MONTH], 200);
	CU_ASSERT_EQUAL(view.used[MEASURE_CREDITS][WINDOW_MONTH], 10);
	tally_free(tally);
	end();
}

static void without_a_file_a_limit_lets_nobody_in(void)
{
	begin();
	config.state_dir = (char[]){ "/nonexistent/kiro" };
	key.limits[MEASURE_REQUESTS][WINDOW_DAY] = 5;
	CU_ASSERT_EQUAL(enter(NOW), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_STORE);
	key.limits[MEASURE_REQUESTS][WINDOW_DAY] = 0;
	CU_ASSERT_EQUAL(enter(NOW), 0);
	end();
}

/* Places are never given back: each key that ever asked has one. */
static void a_full_file_lets_no_new_key_with_limits_in(void)
{
	struct key known;

	begin();
	key.limits[MEASURE_REQUESTS][WINDOW_DAY] = 2;
	known = key;
	CU_ASSERT_EQUAL(enter(NOW), 0);
	scratch_fill_map(dir, "limits.map", LIMIT_QUOTA_SLOTS);
	snprintf(key.id, sizeof(key.id), "key_new");
	CU_ASSERT_EQUAL(enter(NOW), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_STORE);
	key.limits[MEASURE_REQUESTS][WINDOW_DAY] = 0;
	CU_ASSERT_EQUAL(enter(NOW), 0);
	key = known;
	CU_ASSERT_EQUAL(enter(NOW), 0);
	CU_ASSERT_EQUAL(enter(NOW), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_KEY_LIMIT);
	end();
}

CU_TestInfo quota_tests[] = {
	{ "of_sixteen_processes_exactly_the_limit_gets_in",
	  of_sixteen_processes_exactly_the_limit_gets_in },
	{ "each_window_begins_anew_at_its_time", each_window_begins_anew_at_its_time },
	{ "what_was_spent_is_checked_before_and_booked_after",
	  what_was_spent_is_checked_before_and_booked_after },
	{ "of_two_that_are_reached_the_longer_window_is_told",
	  of_two_that_are_reached_the_longer_window_is_told },
	{ "who_did_not_come_in_is_not_counted", who_did_not_come_in_is_not_counted },
	{ "a_late_one_counts_in_the_window_that_has_begun",
	  a_late_one_counts_in_the_window_that_has_begun },
	{ "a_lost_file_begins_with_what_usage_says", a_lost_file_begins_with_what_usage_says },
	{ "without_a_file_a_limit_lets_nobody_in", without_a_file_a_limit_lets_nobody_in },
	{ "a_full_file_lets_no_new_key_with_limits_in",
	  a_full_file_lets_no_new_key_with_limits_in },
	CU_TEST_INFO_NULL,
};
