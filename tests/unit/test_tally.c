#include "common/base.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/tally.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>
#include <signal.h>

#define NOW	  INT64_C(1795255200) /* 2026-11-21T10:00:00Z */
#define DAY	  86400
#define PROCESSES 16
#define EACH	  200

static char dir[SCRATCH_SIZE];
static struct config config;
static struct error e;
static const struct tally_row one = { .key_id = "key_0123456789abcdef",
				      .key = "laptop",
				      .account = "acc_1",
				      .model = "claude-sonnet-4.5",
				      .counts = { 1, 2, 3, 4, 5, 6, 7, 8 } };

static void begin(void)
{
	static const struct log_options quiet = { .file = "/dev/null" };

	log_open(&quiet);
	scratch_make(dir);
	config = (struct config){ .state_dir = dir, .state_key_file = NULL, .usage_retention = 40 };
	error_clear(&e);
}

static void end(void)
{
	static const struct log_options loud = { .level = LOG_INFO };

	scratch_remove(dir);
	log_open(&loud);
}

static int book(void *context)
{
	struct tally *t = tally_new(dir);

	(void)context;
	for (int i = 0; i < EACH; i++)
		tally_book(t, &one, NOW);
	tally_free(t);
	return 0;
}

struct sum {
	size_t rows;
	int64_t counts[TALLY_COUNTS];
	struct tally_row last;
};

static int add(void *context, const struct tally_row *row)
{
	struct sum *s = context;

	s->rows++;
	s->last = *row;
	for (int i = 0; i < TALLY_COUNTS; i++)
		s->counts[i] += row->counts[i];
	return 0;
}

static struct sum sum_of(int first, int last)
{
	struct sum s = { .rows = 0 };

	CU_ASSERT_EQUAL(tally_each(&config, first, last, add, &s, &e), 0);
	return s;
}

static bool is_times(const struct sum *s, int64_t times)
{
	for (int i = 0; i < TALLY_COUNTS; i++) {
		if (s->counts[i] != one.counts[i] * times)
			return false;
	}
	return true;
}

static size_t fold(int64_t now)
{
	size_t changed = 99;

	CU_ASSERT_EQUAL(tally_fold(&config, now, &changed, &e), 0);
	return changed;
}

static bool has_map(void)
{
	char path[SCRATCH_SIZE + 32];

	snprintf(path, sizeof(path), "%s/usage-20261121.map", dir);
	return access(path, F_OK) == 0;
}

static void sums_of_sixteen_processes_are_exact(void)
{
	pid_t pids[PROCESSES];
	struct sum s;

	begin();
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = scratch_start(book, NULL);
	for (int i = 0; i < PROCESSES; i++)
		CU_ASSERT_EQUAL(scratch_wait(pids[i]), 0);
	s = sum_of(20261121, 20261121);
	CU_ASSERT_TRUE(is_times(&s, PROCESSES * EACH));
	CU_ASSERT_EQUAL(s.rows, 1);
	CU_ASSERT_STRING_EQUAL(s.last.key_id, one.key_id);
	CU_ASSERT_STRING_EQUAL(s.last.key, one.key);
	CU_ASSERT_STRING_EQUAL(s.last.account, one.account);
	CU_ASSERT_STRING_EQUAL(s.last.model, one.model);
	CU_ASSERT_EQUAL(sum_of(20261122, 20261130).rows, 0);
	end();
}

static void folds_are_absolute_and_the_file_goes_after_two_later_ones(void)
{
	struct sum s;

	begin();
	book(NULL);
	CU_ASSERT_EQUAL(fold(NOW), 1);
	CU_ASSERT_EQUAL(fold(NOW), 0); /* nothing is new */
	book(NULL);
	CU_ASSERT_EQUAL(fold(NOW), 1);
	s = sum_of(0, 99999999);
	CU_ASSERT_TRUE(is_times(&s, 2 * EACH));
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_TRUE(has_map());
		fold(NOW + DAY);
		s = sum_of(20261101, 20261131);
		CU_ASSERT_TRUE(is_times(&s, 2 * EACH));
	}
	CU_ASSERT_FALSE(has_map());
	fold(NOW + DAY);
	CU_ASSERT_EQUAL(fold(NOW + DAY), 0);
	s = sum_of(20261121, 20261121);
	CU_ASSERT_TRUE(is_times(&s, 2 * EACH));
	end();
}

/* Set aside in the middle of the day: what was folded of it stays, the new one adds. */
static void a_map_made_anew_adds_to_the_lost_one(void)
{
	char path[SCRATCH_SIZE + 32];
	struct sum s;

	begin();
	book(NULL);
	fold(NOW);
	snprintf(path, sizeof(path), "%s/usage-20261121.map", dir);
	CU_ASSERT_EQUAL(unlink(path), 0);
	book(NULL);
	s = sum_of(20261121, 20261121);
	CU_ASSERT_TRUE(is_times(&s, 2 * EACH));
	fold(NOW);
	fold(NOW);
	s = sum_of(20261121, 20261121);
	CU_ASSERT_TRUE(is_times(&s, 2 * EACH));
	end();
}

static void old_days_go(void)
{
	begin();
	book(NULL);
	for (int i = 0; i < 4; i++)
		fold(NOW + DAY);
	fold(NOW + 40 * DAY);
	CU_ASSERT_EQUAL(sum_of(0, 99999999).rows, 1);
	fold(NOW + 41 * DAY);
	CU_ASSERT_EQUAL(sum_of(0, 99999999).rows, 0);
	end();
}

static int book_and_fold(void *context)
{
	struct error why = { 0 };
	size_t changed;

	(void)context;
	for (;;) {
		book(NULL);
		tally_fold(&config, NOW, &changed, &why);
	}
	return 0;
}

/* What stands in the map is what was booked, and the store never shows more than that, wherever the
 * fold was killed; one that is repeated ends with the map's own numbers. */
static void a_killed_fold_loses_and_doubles_nothing(void)
{
	begin();
	for (int i = 0; i < 20; i++) {
		const struct timespec pause = { .tv_nsec = 1000000L * (3 + i * 2) };
		pid_t pid = scratch_start(book_and_fold, NULL);
		struct sum before, after;

		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		scratch_wait(pid);
		before = sum_of(20261121, 20261121); /* the map's */
		CU_ASSERT_EQUAL(before.rows <= 1, true);
		fold(NOW);
		fold(NOW);
		after = sum_of(20261121, 20261121);
		CU_ASSERT_EQUAL(memcmp(before.counts, after.counts, sizeof(before.counts)), 0);
	}
	for (int i = 0; i < 3; i++) { /* until the map has gone: the store alone */
		struct sum map = sum_of(20261121, 20261121), stored;

		fold(NOW + DAY);
		stored = sum_of(20261121, 20261121);
		CU_ASSERT_EQUAL(memcmp(map.counts, stored.counts, sizeof(map.counts)), 0);
	}
	CU_ASSERT_FALSE(has_map());
	end();
}

static void days_are_those_of_utc(void)
{
	CU_ASSERT_EQUAL(tally_day(NOW), 20261121);
	CU_ASSERT_EQUAL(tally_day(NOW + 14 * 3600 - 1), 20261121);
	CU_ASSERT_EQUAL(tally_day(NOW + 14 * 3600), 20261122);
}

/* As many keys with accounts and models a day as there are slots; then a key's sums go on in one
 * row, if it has that one; and what nobody has a row for is not counted. */
static void a_full_file_counts_what_it_knows_and_the_rest_of_a_key_in_one_row(void)
{
	struct tally_row other = one, foreign = one;
	struct tally *t;
	struct sum s;

	begin();
	t = tally_new(dir);
	snprintf(other.account, sizeof(other.account), "(other)");
	snprintf(other.model, sizeof(other.model), "(other)");
	tally_book(t, &one, NOW);
	tally_book(t, &other, NOW);
	scratch_fill_map(dir, "usage-20261121.map", LIMIT_USAGE_SLOTS);
	snprintf(other.model, sizeof(other.model), "another-model");
	snprintf(foreign.key_id, sizeof(foreign.key_id), "key_foreign");
	tally_book(t, &one, NOW);
	tally_book(t, &other, NOW);
	tally_book(t, &foreign, NOW);
	tally_free(t);
	s = sum_of(20261121, 20261121);
	CU_ASSERT_EQUAL(s.rows, 2);
	CU_ASSERT_EQUAL(s.counts[TALLY_REQUESTS], 4);
	end();
}

CU_TestInfo tally_tests[] = {
	{ "sums_of_sixteen_processes_are_exact", sums_of_sixteen_processes_are_exact },
	{ "folds_are_absolute_and_the_file_goes_after_two_later_ones",
	  folds_are_absolute_and_the_file_goes_after_two_later_ones },
	{ "a_map_made_anew_adds_to_the_lost_one", a_map_made_anew_adds_to_the_lost_one },
	{ "old_days_go", old_days_go },
	{ "a_killed_fold_loses_and_doubles_nothing", a_killed_fold_loses_and_doubles_nothing },
	{ "days_are_those_of_utc", days_are_those_of_utc },
	{ "a_full_file_counts_what_it_knows_and_the_rest_of_a_key_in_one_row",
	  a_full_file_counts_what_it_knows_and_the_rest_of_a_key_in_one_row },
	CU_TEST_INFO_NULL,
};
