#include "common/base.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/rest.h"
#include "common/usage.h"

#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>

#define NOW    1795000000
#define MINUTE 60
#define HOUR   3600
#define DAY    86400

/* A store with one active account, "acc_1". */
struct scene {
	char dir[SCRATCH_SIZE];
	struct store tokens;
};

static void set_up(struct scene *s)
{
	static const struct log_options quiet = { .level = LOG_ERROR };
	struct error e = { .kind = ERR_NONE };
	struct account a;
	struct buf json;

	log_open(&quiet);
	scratch_store(s->dir, "tokens", &s->tokens);
	account_init(&a);
	a.id = xstrdup("acc_1");
	a.label = xstrdup("one");
	secret_set(&a.access_token, "access-0");
	secret_set(&a.refresh_token, "refresh-0");
	buf_init(&json, LIMIT_RECORD);
	account_write(&a, &json);
	CU_ASSERT_EQUAL_FATAL(store_put(&s->tokens, "a/acc_1", buf_span(&json), &e), 0);
	buf_release(&json);
	account_release(&a);
}

static void tear_down(struct scene *s)
{
	static const struct log_options loud = { .level = LOG_INFO };

	store_close(&s->tokens);
	scratch_remove(s->dir);
	log_open(&loud);
}

/* The record as it is now, in an account to be released. */
static struct account look(const struct scene *s)
{
	struct error e = { .kind = ERR_NONE };
	struct account a;
	cJSON *tree = json_parse(span_of(scratch_get(&s->tokens, "a/acc_1", &e)), &e);

	account_init(&a);
	CU_ASSERT_EQUAL_FATAL(account_read(&a, tree, &e), 0);
	cJSON_Delete(tree);
	return a;
}

static void is_at_rest(const struct scene *s, enum account_state state, int64_t until)
{
	struct account a = look(s);

	CU_ASSERT_EQUAL(a.state, state);
	CU_ASSERT_EQUAL(a.state_until, until);
	account_release(&a);
}

static void set_state(const struct scene *s, enum account_state state)
{
	struct error e = { .kind = ERR_NONE };
	struct account a = look(s);
	struct buf json;

	account_set_state(&a, state, "by the test", NOW, 0);
	buf_init(&json, LIMIT_RECORD);
	account_write(&a, &json);
	CU_ASSERT_EQUAL(store_put(&s->tokens, "a/acc_1", buf_span(&json), &e), 0);
	buf_release(&json);
	account_release(&a);
}

/* Returns the retry_after that the failure has then. */
static int meets(const struct scene *s, const struct account *a, enum error_kind kind, int64_t now)
{
	struct error failure = { .kind = ERR_NONE };

	error_set(&failure, kind, "upstream's words");
	CU_ASSERT_TRUE(rest_book(&s->tokens, a, &failure, now));
	return failure.retry_after;
}

static int claims(const struct scene *s, struct account *a, int64_t now)
{
	struct error e = { .kind = ERR_NONE };

	return rest_claim(&s->tokens, a, now, &e);
}

/* Each failed probe doubles the rest, up to a limit. */
static void climbs(enum error_kind kind, enum account_state state, int64_t first, int64_t longest)
{
	int64_t now = NOW, length = first;
	struct scene s;
	struct account a;

	set_up(&s);
	for (int n = 0; n < 14; n++) {
		a = look(&s);
		if (n)
			CU_ASSERT_EQUAL(claims(&s, &a, now), 1);
		CU_ASSERT_EQUAL(meets(&s, &a, kind, now), length);
		is_at_rest(&s, state, now + length);
		account_release(&a);
		now += length;
		length = 2 * length < longest ? 2 * length : longest;
	}
	CU_ASSERT_EQUAL(length, longest);
	a = look(&s);
	CU_ASSERT_STRING_EQUAL(a.state_reason, "upstream's words");
	CU_ASSERT_EQUAL(a.state_since, NOW);
	rest_end(&s.tokens, &a, now);
	account_release(&a);
	is_at_rest(&s, STATE_ACTIVE, 0);
	a = look(&s);
	CU_ASSERT_EQUAL(meets(&s, &a, kind, now), first); /* from the beginning again */
	account_release(&a);
	tear_down(&s);
}

static void rest_doubles_with_each_probe_that_fails(void)
{
	climbs(ERR_UP_SUSPENDED, STATE_SUSPENDED, 6 * HOUR, 7 * DAY);
	climbs(ERR_UP_TOKEN, STATE_REFUSED, MINUTE, DAY);
	climbs(ERR_UP_REFUSED, STATE_REFUSED, 15 * MINUTE, DAY);
}

static void rest_has_no_part_in_failures_that_pass(void)
{
	static const enum error_kind kinds[] = { ERR_UP_RATE,	 ERR_UP_CAPACITY, ERR_UP_OVERLOAD,
						 ERR_UP_INVALID, ERR_UP_DENIED,	  ERR_CONTEXT,
						 ERR_MODEL,	 ERR_UP_NETWORK,  ERR_GONE };
	struct scene s;
	struct account a;

	set_up(&s);
	a = look(&s);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct error failure = { .kind = kinds[i] };

		CU_ASSERT_FALSE(rest_book(&s.tokens, &a, &failure, NOW));
	}
	account_release(&a);
	is_at_rest(&s, STATE_ACTIVE, 0);
	tear_down(&s);
}

/* Requests that were under way together meet the same: that is one rest. */
static void rest_counts_failures_of_one_moment_once(void)
{
	struct account first, second;
	struct scene s;

	set_up(&s);
	first = look(&s);
	second = look(&s);
	meets(&s, &first, ERR_UP_SUSPENDED, NOW);
	meets(&s, &second, ERR_UP_SUSPENDED, NOW + 30);
	is_at_rest(&s, STATE_SUSPENDED, NOW + 6 * HOUR);
	meets(&s, &second, ERR_UP_QUOTA, NOW + 31);
	is_at_rest(&s, STATE_SUSPENDED, NOW + 6 * HOUR);
	account_release(&first);
	account_release(&second);
	tear_down(&s);
}

static void rest_leaves_what_a_person_has_to_do(void)
{
	static const enum account_state states[] = { STATE_DISABLED, STATE_INVALID };
	struct account a;
	struct scene s;

	set_up(&s);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		a = look(&s); /* a request under way */
		set_state(&s, states[i]);
		meets(&s, &a, ERR_UP_QUOTA, NOW);
		is_at_rest(&s, states[i], 0);
		rest_end(&s.tokens, &a, NOW);
		is_at_rest(&s, states[i], 0);
		account_release(&a);
		set_state(&s, STATE_ACTIVE);
	}
	tear_down(&s);
}

/* The probe was answered, or somebody enabled the account: what it meets behind that is the first.
 */
static void rest_begins_anew_once_the_account_was_active(void)
{
	struct account a;
	struct scene s;

	set_up(&s);
	for (int n = 0; n < 2; n++) { /* two rests: 6 and 12 hours */
		a = look(&s);
		meets(&s, &a, ERR_UP_SUSPENDED, NOW + n * DAY);
		account_release(&a);
	}
	a = look(&s);
	CU_ASSERT_EQUAL(claims(&s, &a, NOW + 3 * DAY), 1);
	rest_end(&s.tokens, &a, NOW + 3 * DAY);
	is_at_rest(&s, STATE_ACTIVE, 0);
	CU_ASSERT_EQUAL(meets(&s, &a, ERR_UP_SUSPENDED, NOW + 3 * DAY), 6 * HOUR);
	is_at_rest(&s, STATE_SUSPENDED, NOW + 3 * DAY + 6 * HOUR);
	account_release(&a);
	tear_down(&s);
}

static int claim_in_child(void *context)
{
	const struct scene *s = context;
	struct error e = { .kind = ERR_NONE };
	struct account a = look(s);
	int rc = rest_claim(&s->tokens, &a, NOW + DAY, &e);

	account_release(&a);
	return rc;
}

static void rest_gives_the_probe_to_one_of_all_processes(void)
{
	pid_t children[8];
	struct account a;
	struct scene s;
	int claimed = 0;

	set_up(&s);
	a = look(&s);
	meets(&s, &a, ERR_UP_SUSPENDED, NOW);
	for (size_t i = 0; i < ARRAY_SIZE(children); i++)
		children[i] = scratch_start(claim_in_child, &s);
	for (size_t i = 0; i < ARRAY_SIZE(children); i++)
		claimed += scratch_wait(children[i]);
	CU_ASSERT_EQUAL(claimed, 1);
	account_release(&a);
	tear_down(&s);
}

static void rest_gives_a_lost_probe_to_the_next(void)
{
	struct account a, b;
	struct scene s;

	set_up(&s);
	a = look(&s);
	meets(&s, &a, ERR_UP_TOKEN, NOW);
	account_release(&a);
	a = look(&s);
	b = look(&s);
	CU_ASSERT_EQUAL(claims(&s, &a, NOW + MINUTE - 1), 0);
	CU_ASSERT_EQUAL(claims(&s, &a, NOW + MINUTE), 1);
	CU_ASSERT_EQUAL(claims(&s, &b, NOW + MINUTE), 0);
	CU_ASSERT_EQUAL(claims(&s, &b, NOW + 6 * MINUTE), 1);
	/* the first one, late, has no say any more */
	rest_return(&s.tokens, &a, NOW + 7 * MINUTE);
	is_at_rest(&s, STATE_REFUSED, NOW + 11 * MINUTE);
	rest_return(&s.tokens, &b, NOW + 7 * MINUTE);
	is_at_rest(&s, STATE_REFUSED, NOW + 8 * MINUTE);
	account_release(&a);
	a = look(&s);
	CU_ASSERT_EQUAL(claims(&s, &a, NOW + 8 * MINUTE), 1);
	CU_ASSERT_EQUAL(meets(&s, &a, ERR_UP_TOKEN, NOW + 8 * MINUTE), 2 * MINUTE);
	account_release(&a);
	account_release(&b);
	tear_down(&s);
}

/* Ten years ago nothing was booked: the clock was wrong then, or the account would rest that long.
 */
static void rest_of_a_clock_that_was_set_back_is_over(void)
{
	const int64_t wrong = NOW + 3650 * (int64_t)DAY;
	struct account a;
	struct scene s;

	set_up(&s);
	a = look(&s);
	meets(&s, &a, ERR_UP_SUSPENDED, wrong);
	account_release(&a);
	a = look(&s);
	CU_ASSERT_TRUE(account_usable(&a, NOW));
	CU_ASSERT_EQUAL(claims(&s, &a, NOW), 1);
	is_at_rest(&s, STATE_SUSPENDED, NOW + 5 * MINUTE); /* one at a time, as always */
	CU_ASSERT_EQUAL(meets(&s, &a, ERR_UP_QUOTA, NOW), HOUR);
	is_at_rest(&s, STATE_EXHAUSTED, NOW + HOUR);
	account_release(&a);
	a = look(&s);
	set_state(&s, STATE_ACTIVE);
	meets(&s, &a, ERR_UP_QUOTA, wrong);
	meets(&s, &a, ERR_UP_QUOTA, NOW);
	is_at_rest(&s, STATE_EXHAUSTED, NOW + HOUR);
	account_release(&a);
	tear_down(&s);
}

static void note_reset(const struct scene *s, const char *date)
{
	struct usage u = { .read_at = NOW, .tried_at = NOW };
	struct error e = { .kind = ERR_NONE };
	struct buf json;

	CU_ASSERT_EQUAL(clock_parse(date, &u.reset_at), 0);
	buf_init(&json, LIMIT_RECORD);
	usage_to_record(&u, &json);
	CU_ASSERT_EQUAL(store_put(&s->tokens, USAGE_PREFIX "acc_1", buf_span(&json), &e), 0);
	buf_release(&json);
}

static void rest_of_a_quota_ends_when_the_allowance_returns(void)
{
	static const struct expected {
		const char *now;
		enum error_period period;
		int retry_after;
		const char *until, *reset; /* the usage record's, NULL: there is none */
	} rows[] = {
		{ "2026-11-21T10:00:00Z", PERIOD_MONTH, 0, "2026-12-01T00:00:00Z", NULL },
		{ "2026-12-31T23:59:59Z", PERIOD_MONTH, 0, "2027-01-01T00:00:00Z", NULL },
		{ "2026-12-01T00:00:00Z", PERIOD_MONTH, 0, "2027-01-01T00:00:00Z", NULL },
		{ "2026-11-21T10:00:00Z", PERIOD_MONTH, 86400, "2026-11-22T10:00:00Z", NULL },
		{ "2026-11-30T10:00:00Z", PERIOD_DAY, 0, "2026-12-01T00:00:00Z", NULL },
		{ "2026-11-30T10:00:00Z", PERIOD_DAY, 60, "2026-11-30T10:01:00Z", NULL },
		{ "2026-11-21T10:00:00Z", PERIOD_UNKNOWN, 0, "2026-11-21T11:00:00Z", NULL },
		{ "2026-11-21T10:00:00Z", PERIOD_UNKNOWN, 7200, "2026-11-21T12:00:00Z", NULL },
		{ "2026-11-21T10:00:00Z", PERIOD_HOUR, 0, "2026-11-21T11:00:00Z", NULL },
		{ "2026-11-21T10:00:00Z", PERIOD_MONTH, 1000000000, "2027-01-22T10:00:00Z", NULL },
		/* the service's own date comes first, while it is ahead and likely */
		{ "2026-11-21T10:00:00Z", PERIOD_MONTH, 60, "2026-11-25T08:00:00Z",
		  "2026-11-25T08:00:00Z" },
		{ "2026-11-21T10:00:00Z", PERIOD_UNKNOWN, 0, "2026-11-25T08:00:00Z",
		  "2026-11-25T08:00:00Z" },
		{ "2026-11-21T10:00:00Z", PERIOD_MONTH, 0, "2026-12-01T00:00:00Z",
		  "2026-11-20T08:00:00Z" },
		{ "2026-11-21T10:00:00Z", PERIOD_MONTH, 0, "2026-12-01T00:00:00Z",
		  "2056-11-20T08:00:00Z" },
		{ "2026-11-21T10:00:00Z", PERIOD_DAY, 0, "2026-11-22T00:00:00Z",
		  "2026-11-25T08:00:00Z" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error failure = { .kind = ERR_UP_QUOTA,
					 .period = rows[i].period,
					 .retry_after = rows[i].retry_after,
					 .message = "used up" };
		int64_t now = 0, until = 0;
		struct account a;
		struct scene s;

		set_up(&s);
		if (rows[i].reset)
			note_reset(&s, rows[i].reset);
		CU_ASSERT_EQUAL(clock_parse(rows[i].now, &now), 0);
		CU_ASSERT_EQUAL(clock_parse(rows[i].until, &until), 0);
		a = look(&s);
		CU_ASSERT_TRUE(rest_book(&s.tokens, &a, &failure, now));
		CU_ASSERT_EQUAL(failure.retry_after, until - now);
		is_at_rest(&s, STATE_EXHAUSTED, until);
		account_release(&a);
		a = look(&s);
		CU_ASSERT_FALSE(rest_needs_claim(&a));
		CU_ASSERT_TRUE(account_usable(&a, until));
		account_release(&a);
		tear_down(&s);
	}
}

CU_TestInfo rest_tests[] = {
	{ "doubles with each probe that fails", rest_doubles_with_each_probe_that_fails },
	{ "has no part in failures that pass", rest_has_no_part_in_failures_that_pass },
	{ "counts failures of one moment once", rest_counts_failures_of_one_moment_once },
	{ "leaves what a person has to do", rest_leaves_what_a_person_has_to_do },
	{ "begins anew once the account was active", rest_begins_anew_once_the_account_was_active },
	{ "gives the probe to one of all processes", rest_gives_the_probe_to_one_of_all_processes },
	{ "gives a lost probe to the next", rest_gives_a_lost_probe_to_the_next },
	{ "of a clock that was set back is over", rest_of_a_clock_that_was_set_back_is_over },
	{ "of a quota ends when the allowance returns",
	  rest_of_a_quota_ends_when_the_allowance_returns },
	CU_TEST_INFO_NULL,
};
