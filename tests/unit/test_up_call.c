#include "common/base.h"
#include "fcgi/up_call.h"

#include "common/clock.h"
#include "common/limits.h"
#include "fcgi/up_pool.h"
#include "tests/unit/scene.h"

#include <CUnit/CUnit.h>

/* ---- the loop ---- */

static void passing_failures_are_tried_again_after_a_pause(void)
{
	static const enum error_kind kinds[] = { ERR_UP_OVERLOAD, ERR_UP_CAPACITY, ERR_UP_NETWORK };
	struct scene s;

	scene_begin(&s);
	scene_put(&s, "acc_1", KIND_API_KEY, 0);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int times = i ? 1 : 2;
		const struct step steps[] = { { kinds[i], 0, times }, { 0 } };
		int64_t began = clock_ticks();

		CU_ASSERT_EQUAL(scene_request_met(&s, steps).kind, ERR_NONE);
		CU_ASSERT_EQUAL(s.sent, times + 1);
		CU_ASSERT(clock_ticks() - began >= (i ? 200 : 200 + 400));
	}
	scene_is(&s, "acc_1", STATE_ACTIVE, 0);
	scene_end(&s);
}

/* Whatever keeps an account from being used at all: it says nothing of the next. */
static void another_account_serves_where_one_cannot_be_readied(void)
{
	struct scene s;

	scene_begin(&s);
	s.login.status = 200;
	s.login.answer = "{\"without\":\"a token\"}"; /* ERR_UP_DAMAGED: no other_account */
	scene_put(&s, "acc_1", KIND_SOCIAL, NOW - 10);
	scene_put(&s, "acc_2", KIND_API_KEY, 0);
	CU_ASSERT_EQUAL(scene_request(&s).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.login.count, 1);
	CU_ASSERT_EQUAL(s.sent, 1);
	CU_ASSERT_STRING_EQUAL(s.last, "acc_2");
	scene_end(&s);
}

static void tries_are_bounded_per_account_and_request(void)
{
	static const struct step endless[] = { { ERR_UP_OVERLOAD, 0, ENDLESS } };
	struct scene s;

	scene_begin(&s);
	scene_put(&s, "acc_1", KIND_API_KEY, 0);
	CU_ASSERT_EQUAL(scene_request_met(&s, endless).kind, ERR_UP_OVERLOAD);
	CU_ASSERT_EQUAL(s.sent, LIMIT_ACCOUNT_TRIES);
	scene_put(&s, "acc_2", KIND_API_KEY, 0);
	scene_put(&s, "acc_3", KIND_API_KEY, 0);
	scene_put(&s, "acc_4", KIND_API_KEY, 0);
	CU_ASSERT_EQUAL(scene_request_met(&s, endless).kind, ERR_UP_OVERLOAD);
	CU_ASSERT_EQUAL(s.sent, LIMIT_TRIES);
	scene_end(&s);
}

static void an_account_has_no_second_try_after_so_long(void)
{
	static const struct step once[] = { { ERR_UP_OVERLOAD, 0, 1 }, { 0 } };
	struct scene s;

	scene_begin(&s);
	scene_put(&s, "acc_1", KIND_API_KEY, 0);
	s.takes_ms = LIMIT_RETRY_MS - 10000; /* less what a busy machine may need */
	CU_ASSERT_EQUAL(scene_request_met(&s, once).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.sent, 2);
	s.takes_ms = LIMIT_RETRY_MS + 1;
	CU_ASSERT_EQUAL(scene_request_met(&s, once).kind, ERR_UP_OVERLOAD);
	CU_ASSERT_EQUAL(s.sent, 1);
	scene_end(&s);
}

static void a_long_retry_after_is_left_to_the_client(void)
{
	static const struct step later[] = { { ERR_UP_CAPACITY, 3, ENDLESS } };
	static const struct step soon[] = { { ERR_UP_CAPACITY, LIMIT_PAUSE_MS / 1000, 1 }, { 0 } };
	struct error told;
	struct scene s;

	scene_begin(&s);
	scene_put(&s, "acc_1", KIND_API_KEY, 0);
	told = scene_request_met(&s, later);
	CU_ASSERT_EQUAL(s.sent, 1);
	CU_ASSERT_EQUAL(told.retry_after, 3);
	CU_ASSERT_EQUAL(scene_request_met(&s, soon).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.sent, 2);
	scene_end(&s);
}

static void nothing_is_tried_again_when_the_client_has_seen_a_part_or_left(void)
{
	static const struct step endless[] = { { ERR_UP_OVERLOAD, 0, ENDLESS } };
	struct scene s;

	scene_begin(&s);
	scene_put(&s, "acc_1", KIND_API_KEY, 0);
	scene_put(&s, "acc_2", KIND_API_KEY, 0);
	s.shown = true;
	CU_ASSERT_EQUAL(scene_request_met(&s, endless).kind, ERR_UP_OVERLOAD);
	CU_ASSERT_EQUAL(s.sent, 1);
	s.shown = false;
	s.leaves = true;
	CU_ASSERT_EQUAL(scene_request_met(&s, endless).kind, ERR_GONE);
	CU_ASSERT_EQUAL(s.sent, 1);
	scene_end(&s);
}

/* Of three failures the client hears the one that time mends. */
static void the_client_hears_what_helps_it_most(void)
{
	static const struct step mixed[] = { { ERR_UP_QUOTA, 0, 1 },
					     { ERR_UP_RATE, 9, 1 },
					     { ERR_UP_SUSPENDED, 0, ENDLESS } };
	struct error told;
	struct scene s;

	scene_begin(&s);
	scene_put(&s, "acc_1", KIND_API_KEY, 0);
	scene_put(&s, "acc_2", KIND_API_KEY, 0);
	scene_put(&s, "acc_3", KIND_API_KEY, 0);
	told = scene_request_met(&s, mixed);
	CU_ASSERT_EQUAL(s.sent, 3);
	CU_ASSERT_EQUAL(told.kind, ERR_UP_RATE);
	CU_ASSERT_EQUAL(told.retry_after, 9);
	scene_end(&s);
}

static void retry_after_is_when_the_first_account_is_back(void)
{
	static const struct step quota[] = { { ERR_UP_QUOTA, 86400, 1 },
					     { ERR_UP_QUOTA, 7200, 1 },
					     { ERR_UP_QUOTA, 90000, ENDLESS } };
	struct error told;
	struct scene s;

	scene_begin(&s);
	scene_put(&s, "acc_1", KIND_API_KEY, 0);
	scene_put(&s, "acc_2", KIND_API_KEY, 0);
	scene_put(&s, "acc_3", KIND_API_KEY, 0);
	told = scene_request_met(&s, quota);
	CU_ASSERT_EQUAL(told.kind, ERR_UP_QUOTA);
	CU_ASSERT_EQUAL(told.retry_after, 7200);
	CU_ASSERT_STRING_EQUAL(told.message, "the upstream's words");
	told = scene_request(&s);
	CU_ASSERT_EQUAL(s.sent, 3);
	CU_ASSERT_EQUAL(told.retry_after, 7200);
	scene_end(&s);
}

static void put_many(struct scene *s, int count)
{
	char id[16];

	for (int i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "acc_%c", 'a' + i);
		scene_put(s, id, KIND_API_KEY, 0);
	}
}

/* The accounts that were tried are gone for a day, but one request has not tried them all. */
static void out_of_tries_is_no_reason_to_stay_away(void)
{
	static const struct step quota[] = { { ERR_UP_QUOTA, 86400, LIMIT_TRIES }, { 0 } };
	struct error told;
	struct scene s;

	scene_begin(&s);
	put_many(&s, LIMIT_TRIES + 1);
	told = scene_request_met(&s, quota);
	CU_ASSERT_EQUAL(s.sent, LIMIT_TRIES);
	CU_ASSERT_EQUAL(told.kind, ERR_BUSY);
	CU_ASSERT_EQUAL(told.retry_after, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(told.message, "the upstream's words"));
	CU_ASSERT_EQUAL(scene_request(&s).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.sent, LIMIT_TRIES + 1);
	scene_end(&s);
}

static void out_of_tries_and_accounts_tells_when_one_is_back(void)
{
	static const struct step quota[] = { { ERR_UP_QUOTA, 86400, LIMIT_TRIES - 1 },
					     { ERR_UP_QUOTA, 7200, 1 },
					     { 0 } };
	struct error told;
	struct scene s;

	scene_begin(&s);
	put_many(&s, LIMIT_TRIES);
	told = scene_request_met(&s, quota);
	CU_ASSERT_EQUAL(s.sent, LIMIT_TRIES);
	CU_ASSERT_EQUAL(told.kind, ERR_UP_QUOTA);
	CU_ASSERT_EQUAL(told.retry_after, 7200);
	scene_end(&s);
}

/* Those that were tried do not rest: nobody knows when they do better, but not in a day. */
static void out_of_tries_tells_no_later_time_than_that_of_the_tried(void)
{
	static const struct step slow[] = { { ERR_UP_OVERLOAD, 0, LIMIT_TRIES }, { 0 } };
	struct error told, e = { .kind = ERR_UP_QUOTA, .retry_after = 86400 };
	struct account away = { .id = "acc_z" };
	struct scene s;

	scene_begin(&s);
	put_many(&s, LIMIT_TRIES);
	scene_put(&s, "acc_z", KIND_API_KEY, 0);
	up_pool_book(s.site->pool, &s.site->tokens, &away, &e, NOW);
	scene_is(&s, "acc_z", STATE_EXHAUSTED, NOW + 86400);
	s.takes_ms = LIMIT_RETRY_MS + 1; /* else each had a second try */
	told = scene_request_met(&s, slow);
	CU_ASSERT_EQUAL(s.sent, LIMIT_TRIES);
	CU_ASSERT_EQUAL(told.kind, ERR_UP_OVERLOAD);
	CU_ASSERT_EQUAL(told.retry_after, 0);
	scene_end(&s);
}

/* The one that needs a login comes back by nobody's clock, the other one by its own. */
static void a_dead_login_hides_no_account_that_comes_back(void)
{
	static const struct step fine[] = { { 0 } };
	struct error told, e = { .kind = ERR_UP_QUOTA, .retry_after = 7200 };
	struct account away = { .id = "acc_2" };
	struct scene s;

	scene_begin(&s);
	scene_put(&s, "acc_1", KIND_SOCIAL, NOW - 1);
	scene_put(&s, "acc_2", KIND_API_KEY, 0);
	up_pool_book(s.site->pool, &s.site->tokens, &away, &e, NOW);
	s.login.status = 400;
	s.login.answer = "{\"error\":\"invalid_grant\"}";
	told = scene_request_met(&s, fine);
	CU_ASSERT_EQUAL(s.sent, 0);
	CU_ASSERT_EQUAL(told.kind, ERR_LOGIN);
	CU_ASSERT_EQUAL(told.retry_after, 7200);
	scene_end(&s);
}

/* ---- probes ---- */

static const struct step suspended[] = { { ERR_UP_SUSPENDED, 0, ENDLESS } };

static void suspend(struct scene *s)
{
	scene_begin(s);
	scene_put(s, "acc_1", KIND_API_KEY, 0);
	CU_ASSERT_EQUAL(scene_request_met(s, suspended).kind, ERR_UP_SUSPENDED);
	CU_ASSERT_EQUAL(s->sent, 1);
	scene_is(s, "acc_1", STATE_SUSPENDED, NOW + 6 * 3600);
	clock_set_wall(NOW + 6 * 3600 - 1);
	CU_ASSERT_EQUAL(scene_request(s).kind, ERR_UP_SUSPENDED);
	CU_ASSERT_EQUAL(s->sent, 1);
	clock_set_wall(NOW + 6 * 3600);
}

static void another_request(struct scene *s)
{
	int sent = s->sent;

	CU_ASSERT_EQUAL(scene_request(s).kind, ERR_UP_SUSPENDED);
	CU_ASSERT_EQUAL(s->sent, sent);
}

static void one_request_tries_a_suspended_account(void)
{
	static const struct step fine[] = { { 0 } };
	struct scene s;

	suspend(&s);
	s.meanwhile = another_request;
	CU_ASSERT_EQUAL(scene_request_met(&s, fine).kind, ERR_NONE);
	CU_ASSERT_PTR_NULL(s.meanwhile);
	scene_is(&s, "acc_1", STATE_ACTIVE, 0);
	CU_ASSERT_EQUAL(scene_request(&s).kind, ERR_NONE);
	scene_end(&s);
}

static void a_probe_that_fails_lengthens_the_rest(void)
{
	struct error told;
	struct scene s;

	suspend(&s);
	told = scene_request_met(&s, suspended);
	CU_ASSERT_EQUAL(told.retry_after, 12 * 3600);
	scene_is(&s, "acc_1", STATE_SUSPENDED, NOW + 18 * 3600);
	CU_ASSERT_EQUAL(scene_request(&s).kind, ERR_UP_SUSPENDED);
	CU_ASSERT_EQUAL(s.sent, 1);
	scene_end(&s);
}

static void a_probe_that_tells_nothing_is_repeated_soon(void)
{
	static const struct step wrong[] = { { ERR_UP_TIMEOUT, 0, 1 }, { 0 } };
	struct scene s;

	suspend(&s);
	CU_ASSERT_EQUAL(scene_request_met(&s, wrong).kind, ERR_UP_TIMEOUT);
	scene_is(&s, "acc_1", STATE_SUSPENDED, NOW + 6 * 3600 + 60);
	clock_set_wall(NOW + 6 * 3600 + 60);
	CU_ASSERT_EQUAL(scene_request(&s).kind, ERR_NONE);
	scene_is(&s, "acc_1", STATE_ACTIVE, 0);
	scene_end(&s);
}

/* The client of a probe loses nothing while there is another account, whoever is first in turn. */
static void a_probe_that_fails_leaves_the_request_to_another_account(void)
{
	static const struct step once[] = { { ERR_UP_SUSPENDED, 0, 1 }, { 0 } };
	struct scene s;

	suspend(&s);
	scene_put(&s, "acc_2", KIND_API_KEY, 0);
	CU_ASSERT_EQUAL(scene_request_met(&s, once).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.sent, 2);
	scene_end(&s);
}

CU_TestInfo up_call_tests[] = {
	{ "passing failures are tried again after a pause",
	  passing_failures_are_tried_again_after_a_pause },
	{ "another account serves where one cannot be readied",
	  another_account_serves_where_one_cannot_be_readied },
	{ "tries are bounded per account and request", tries_are_bounded_per_account_and_request },
	{ "an account has no second try after so long",
	  an_account_has_no_second_try_after_so_long },
	{ "a long retry-after is left to the client", a_long_retry_after_is_left_to_the_client },
	{ "nothing is tried again when the client has seen a part or left",
	  nothing_is_tried_again_when_the_client_has_seen_a_part_or_left },
	{ "the client hears what helps it most", the_client_hears_what_helps_it_most },
	{ "retry-after is when the first account is back",
	  retry_after_is_when_the_first_account_is_back },
	{ "out of tries is no reason to stay away", out_of_tries_is_no_reason_to_stay_away },
	{ "out of tries and accounts tells when one is back",
	  out_of_tries_and_accounts_tells_when_one_is_back },
	{ "out of tries tells no later time than that of the tried",
	  out_of_tries_tells_no_later_time_than_that_of_the_tried },
	{ "a dead login hides no account that comes back",
	  a_dead_login_hides_no_account_that_comes_back },
	{ "one request tries a suspended account", one_request_tries_a_suspended_account },
	{ "a probe that fails lengthens the rest", a_probe_that_fails_lengthens_the_rest },
	{ "a probe that tells nothing is repeated soon",
	  a_probe_that_tells_nothing_is_repeated_soon },
	{ "a probe that fails leaves the request to another account",
	  a_probe_that_fails_leaves_the_request_to_another_account },
	CU_TEST_INFO_NULL,
};
