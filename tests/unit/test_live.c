#include "common/base.h"
#include "common/live.h"
#include "common/log.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>

#define NOW INT64_C(1795000000)
#define MS  (NOW * 1000)

static char dir[SCRATCH_SIZE];
static struct live *live, *other; /* another process's view of the same directory */
static uint64_t one, two;
static struct live_view view;

static void begin(void)
{
	static const struct log_options quiet = { .file = "/dev/null" };

	log_open(&quiet);
	scratch_make(dir);
	live = live_new(dir);
	other = live_new(dir);
	one = live_key("acc_1");
	two = live_key("acc_2");
}

static void end(void)
{
	static const struct log_options loud = { .level = LOG_INFO };

	live_free(live);
	live_free(other);
	scratch_remove(dir);
	log_open(&loud);
}

static int64_t rest_of(struct live *l, uint64_t account, int64_t now)
{
	live_look(l, account, now * 1000, &view);
	return view.rest_until;
}

static void spending_counts_from_a_reading_in_all_processes(void)
{
	begin();
	live_look(live, one, MS, &view);
	CU_ASSERT_EQUAL(view.spent_since, 0);
	live_spend(live, one, NOW, 0.0125);
	live_spend(other, one, NOW, 2);
	live_spend(other, one, NOW, -1);
	live_spend(other, one, NOW, NAN);
	live_spend(other, two, NOW, 7);
	live_look(live, one, MS, &view);
	CU_ASSERT_EQUAL(view.spent_since, NOW);
	CU_ASSERT_DOUBLE_EQUAL(view.spent, 2.013, 1e-9);
	live_spend(live, one, NOW + 1800, 3);
	live_look(other, one, MS, &view);
	CU_ASSERT_EQUAL(view.spent_since, NOW + 1800);
	CU_ASSERT_DOUBLE_EQUAL(view.spent, 3, 1e-9);
	for (int i = 0; i < 10; i++)
		live_spend(live, one, NOW + 1800, 1e6);
	live_look(other, one, MS, &view);
	CU_ASSERT_DOUBLE_EQUAL(view.spent, 4294967.295, 1e-6); /* and no overflow */
	end();
}

static int rest_elsewhere(void *context)
{
	(void)context;
	live_rest(other, one, ERR_UP_RATE, NOW, NOW + 7);
	return 0;
}

static void rest_holds_for_all_processes(void)
{
	begin();
	CU_ASSERT_EQUAL(rest_of(live, one, NOW), 0);
	CU_ASSERT_EQUAL(scratch_run(rest_elsewhere, NULL), 0);
	CU_ASSERT_EQUAL(rest_of(live, one, NOW), NOW + 7);
	CU_ASSERT_EQUAL(view.rest_why, ERR_UP_RATE);
	CU_ASSERT_EQUAL(rest_of(live, one, NOW + 6), NOW + 7);
	CU_ASSERT_EQUAL(rest_of(live, one, NOW + 7), 0);
	CU_ASSERT_EQUAL(rest_of(live, two, NOW), 0);
	live_wake(live, one);
	live_wake(live, two);
	CU_ASSERT_EQUAL(rest_of(other, one, NOW), 0);
	end();
}

static void of_two_rests_the_later_end_holds(void)
{
	begin();
	live_rest(live, one, ERR_UP_RATE, NOW, NOW + 60);
	live_rest(other, one, ERR_UP_OVERLOAD, NOW + 1, NOW + 4);
	CU_ASSERT_EQUAL(rest_of(live, one, NOW + 2), NOW + 60);
	CU_ASSERT_EQUAL(view.rest_why, ERR_UP_RATE);
	live_rest(other, one, ERR_UP_OVERLOAD, NOW + 58, NOW + 61);
	CU_ASSERT_EQUAL(rest_of(live, one, NOW + 60), NOW + 61);
	CU_ASSERT_EQUAL(view.rest_why, ERR_UP_OVERLOAD);
	end();
}

static void clock_that_is_set_back_ends_a_rest(void)
{
	begin();
	live_rest(live, one, ERR_UP_RATE, NOW, NOW + 60);
	CU_ASSERT_EQUAL(rest_of(live, one, NOW - 86400), 0);
	live_rest(live, one, ERR_UP_RATE, NOW - 86400, NOW - 86400 + 5);
	CU_ASSERT_EQUAL(rest_of(live, one, NOW - 86400), NOW - 86400 + 5);
	live_look(live, two, MS, &view);
	CU_ASSERT_TRUE(live_start(live, two, &view, MS, 1000));
	live_look(live, two, MS - 86400000, &view);
	CU_ASSERT_EQUAL(view.next, 0);
	end();
}

static void starts_are_in_turn_and_keep_their_pace(void)
{
	struct live_view first, second;

	begin();
	live_look(live, one, MS, &first);
	live_look(other, one, MS, &second);
	CU_ASSERT_EQUAL(first.turn, 0);
	CU_ASSERT_TRUE(live_start(live, one, &first, MS, 500));
	CU_ASSERT_FALSE(live_start(other, one, &second, MS, 500)); /* it was too late */
	live_look(other, one, MS + 499, &second);
	CU_ASSERT_EQUAL(second.started, MS);
	CU_ASSERT_EQUAL(second.next, MS + 500);
	live_look(other, one, MS + 500, &second);
	CU_ASSERT_EQUAL(second.next, 0);
	live_look(other, two, MS, &view);
	CU_ASSERT_TRUE(live_start(other, two, &view, MS, 0));
	live_look(live, two, MS, &view);
	CU_ASSERT_TRUE(view.turn > second.turn);
	end();
}

static void limit_is_kept_over_processes(void)
{
	int held[3];

	begin();
	for (int i = 0; i < 3; i++)
		held[i] = live_hold(i % 2 ? live : other, one, 3);
	CU_ASSERT_TRUE(held[0] >= 0 && held[1] >= 0 && held[2] >= 0);
	CU_ASSERT_EQUAL(live_hold(live, one, 3), LIVE_FULL);
	CU_ASSERT_EQUAL(live_hold(live, one, 1), LIVE_FULL);
	CU_ASSERT_EQUAL(live_count(other, one), 3);
	CU_ASSERT_EQUAL(live_count(other, two), 0);
	close(held[1]);
	CU_ASSERT_EQUAL(live_count(live, one), 2);
	held[1] = live_hold(live, one, 3);
	CU_ASSERT_TRUE(held[1] >= 0);
	for (int i = 0; i < 3; i++)
		close(held[i]);
	end();
}

/* Tells the pipe what it holds, then waits for its end. */
static int hold_for_ever(void *context)
{
	const int *to = context;
	int held[2] = { live_hold(live, one, 2), live_hold(live, one, 2) };
	char answer = held[0] >= 0 && held[1] >= 0 ? 'y' : 'n';

	if (write(*to, &answer, 1) != 1)
		return 1;
	for (;;)
		pause();
}

static void killed_holder_holds_no_more(void)
{
	int ends[2], held;
	char answer = 0;
	pid_t child;

	begin();
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	child = scratch_start(hold_for_ever, &ends[1]);
	CU_ASSERT_EQUAL(read(ends[0], &answer, 1), 1);
	CU_ASSERT_EQUAL(answer, 'y');
	CU_ASSERT_EQUAL(live_hold(live, one, 2), LIVE_FULL);
	CU_ASSERT_EQUAL(live_count(live, one), 2);
	kill(child, SIGKILL);
	CU_ASSERT_EQUAL(scratch_wait(child), -1);
	CU_ASSERT_EQUAL(live_count(live, one), 0);
	held = live_hold(live, one, 2);
	CU_ASSERT_TRUE(held >= 0);
	close(held);
	close(ends[0]);
	close(ends[1]);
	end();
}

static _Atomic int holders, most;

static void *hold_often(void *context)
{
	struct live *l = context;

	for (int i = 0; i < 300; i++) {
		int fd = live_hold(l, two, 3), now;

		if (fd < 0)
			continue;
		now = ++holders;
		if (now > most)
			most = now;
		holders--;
		close(fd);
	}
	return NULL;
}

static void threads_never_exceed_a_limit(void)
{
	pthread_t threads[8];

	begin();
	holders = most = 0;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, hold_often, i % 2 ? live : other);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_TRUE(most >= 1 && most <= 3);
	CU_ASSERT_EQUAL(live_count(live, two), 0);
	end();
}

static void without_a_limit_all_are_counted(void)
{
	int held[200];

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(held); i++) {
		held[i] = live_hold(live, one, 0);
		CU_ASSERT_TRUE(held[i] >= 0);
	}
	CU_ASSERT_EQUAL(live_count(other, one), (int)ARRAY_SIZE(held));
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		close(held[i]);
	end();
}

static void conversation_is_bound_for_a_time(void)
{
	begin();
	CU_ASSERT_EQUAL(live_bound(live, "talk", NOW, 60), 0);
	live_bind(other, "talk", one, NOW);
	CU_ASSERT_EQUAL(live_bound(live, "talk", NOW, 60), one);
	CU_ASSERT_EQUAL(live_bound(live, "talk", NOW + 59, 60), one);
	CU_ASSERT_EQUAL(live_bound(live, "talk", NOW + 60, 60), 0);
	CU_ASSERT_EQUAL(live_bound(live, "other talk", NOW, 60), 0);
	live_bind(live, "talk", two, NOW + 30);
	CU_ASSERT_EQUAL(live_bound(other, "talk", NOW + 80, 60), two);
	end();
}

/* Twice as many conversations as there is room for: the late ones are all known, in a file of the
 * same size, and nothing of what they are called is in it. */
static void old_conversations_make_room(void)
{
	char talk[32], path[SCRATCH_SIZE + 32], word[] = "word-of-the-client";
	const unsigned all = 2 * LIMIT_AFFINITY_SLOTS;
	unsigned known = 0;
	struct stat st;
	char *bytes;
	int fd;

	begin();
	live_bind(live, word, one, NOW);
	for (unsigned i = 0; i < all; i++) {
		snprintf(talk, sizeof(talk), "talk %u", i);
		live_bind(live, talk, two, NOW + i);
	}
	for (unsigned i = all - 1000; i < all; i++) {
		snprintf(talk, sizeof(talk), "talk %u", i);
		known += live_bound(other, talk, NOW + all, all) == two;
	}
	CU_ASSERT_EQUAL(known, 1000);
	snprintf(path, sizeof(path), "%s/affinity.map", dir);
	fd = open(path, O_RDONLY);
	CU_ASSERT_EQUAL_FATAL(fstat(fd, &st), 0);
	bytes = xmalloc((size_t)st.st_size);
	CU_ASSERT_EQUAL(read(fd, bytes, (size_t)st.st_size), st.st_size);
	CU_ASSERT_PTR_NULL(memmem(bytes, (size_t)st.st_size, word, strlen(word)));
	free(bytes);
	close(fd);
	end();
}

static void without_a_directory_a_process_goes_on_alone(void)
{
	begin();
	scratch_remove(dir);
	live_rest(live, one, ERR_UP_RATE, NOW, NOW + 5);
	CU_ASSERT_EQUAL(rest_of(live, one, NOW), NOW + 5);
	CU_ASSERT_EQUAL(rest_of(other, one, NOW), 0);
	CU_ASSERT_EQUAL(live_hold(live, one, 1), LIVE_UNKNOWN);
	CU_ASSERT_EQUAL(live_count(live, one), LIVE_UNKNOWN);
	end();
}

CU_TestInfo live_tests[] = {
	{ "spending counts from a reading in all processes",
	  spending_counts_from_a_reading_in_all_processes },
	{ "rest holds for all processes", rest_holds_for_all_processes },
	{ "of two rests the later end holds", of_two_rests_the_later_end_holds },
	{ "clock that is set back ends a rest", clock_that_is_set_back_ends_a_rest },
	{ "starts are in turn and keep their pace", starts_are_in_turn_and_keep_their_pace },
	{ "limit is kept over processes", limit_is_kept_over_processes },
	{ "killed holder holds no more", killed_holder_holds_no_more },
	{ "threads never exceed a limit", threads_never_exceed_a_limit },
	{ "without a limit all are counted", without_a_limit_all_are_counted },
	{ "conversation is bound for a time", conversation_is_bound_for_a_time },
	{ "old conversations make room", old_conversations_make_room },
	{ "without a directory a process goes on alone",
	  without_a_directory_a_process_goes_on_alone },
	CU_TEST_INFO_NULL,
};
