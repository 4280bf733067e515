#include "common/base.h"
#include "fcgi/up_call.h"

#include "common/account_store.h"
#include "common/clock.h"
#include "tests/unit/scene.h"

#include <CUnit/CUnit.h>

static const struct step refused[] = { { ERR_UP_TOKEN, 0, ENDLESS } };

static void a_refused_token_is_renewed_once(void)
{
	static const struct step once[] = { { ERR_UP_TOKEN, 0, 1 }, { 0 } };
	struct scene s;

	scene_begin(&s);
	scene_put(&s, "acc_1", KIND_SOCIAL, NOW + 3600);
	CU_ASSERT_EQUAL(scene_request_met(&s, once).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.sent, 2);
	CU_ASSERT_EQUAL(s.login.count, 1);
	scene_is(&s, "acc_1", STATE_ACTIVE, 0);
	/* refused again at once: a token that new will not do better anew */
	clock_set_wall(NOW + 29);
	CU_ASSERT_EQUAL(scene_request_met(&s, once).kind, ERR_UP_TOKEN);
	CU_ASSERT_EQUAL(s.sent, 1);
	CU_ASSERT_EQUAL(s.login.count, 1);
	scene_end(&s);
}

/* The old token is refused, then renewed, then the profile is told to the new one. status is of the
 * request that comes next. */
static void tell_profile(struct fake_login *f)
{
	f->status = f->count == 1 ? 0 : 200;
	f->answer = f->count == 1 ? "{\"message\":\"Invalid token\"}"
				  : "{\"profiles\":[{\"arn\":"
				    "\"arn:aws:codewhisperer:us-east-1:1:profile/P\"}]}";
}

/* Where the token goes first does not matter. */
static void a_token_that_is_refused_for_the_profile_is_renewed_too(void)
{
	struct scene s;

	scene_begin(&s);
	scene_put(&s, "acc_1", KIND_IDC, NOW + 3600);
	s.login.status = 403;
	s.login.meanwhile = tell_profile;
	CU_ASSERT_EQUAL(scene_request(&s).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.login.count, 3);
	CU_ASSERT_PTR_NOT_NULL(strstr(s.login.request, "Bearer access-1"));
	CU_ASSERT_EQUAL(s.sent, 1);
	scene_is(&s, "acc_1", STATE_ACTIVE, 0);
	scene_end(&s);
}

/* With a request every half minute for a day: renewals stay few, and the reason is to be seen. */
static void a_token_that_no_renewal_mends_costs_few_renewals(void)
{
	struct error told;
	struct scene s;

	scene_begin(&s);
	scene_put(&s, "acc_1", KIND_SOCIAL, NOW + 10 * 86400);
	s.login.generation = 0;
	told = scene_request_met(&s, refused);
	CU_ASSERT_EQUAL(told.kind, ERR_UP_TOKEN);
	CU_ASSERT_EQUAL(told.retry_after, 60);
	CU_ASSERT_EQUAL(s.sent, 2);
	scene_is(&s, "acc_1", STATE_REFUSED, NOW + 60);
	for (int64_t now = NOW + 30; now < NOW + 86400; now += 30) {
		clock_set_wall(now);
		told = scene_request(&s);
		CU_ASSERT_EQUAL(error_kinds[told.kind].status, 403);
		CU_ASSERT(told.retry_after > 0);
		s.left = ENDLESS;
	}
	/* 1, 2, 4 .. 1024 minutes, and each life of a token once: it is good for an hour */
	CU_ASSERT(s.login.count >= 11 && s.login.count <= 12);
	CU_ASSERT(s.sent <= 2 * 12);
	scene_end(&s);
}

/* Whatever keeps a refused token from being renewed: it says nothing of the next account. */
static void another_account_serves_where_a_refused_token_cannot_be_renewed(void)
{
	static const struct step once[] = { { ERR_UP_TOKEN, 0, 1 }, { 0 } };
	struct scene s;

	scene_begin(&s);
	s.login.status = 200;
	s.login.answer = "{\"without\":\"a token\"}"; /* ERR_UP_DAMAGED: no other_account */
	scene_put(&s, "acc_1", KIND_SOCIAL, NOW + 3600);
	scene_put(&s, "acc_2", KIND_API_KEY, 0);
	CU_ASSERT_EQUAL(scene_request_met(&s, once).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.login.count, 1);
	CU_ASSERT_EQUAL(s.sent, 2);
	CU_ASSERT_STRING_EQUAL(s.last, "acc_2");
	scene_is(&s, "acc_1", STATE_REFUSED, NOW + 60);
	scene_end(&s);
}

static void a_renewal_that_fails_is_not_repeated_by_each_request(void)
{
	struct error told;
	struct scene s;

	scene_begin(&s);
	scene_put(&s, "acc_1", KIND_SOCIAL, NOW + 3600);
	s.login.status = 503;
	s.login.answer = "{}";
	told = scene_request_met(&s, refused);
	CU_ASSERT_EQUAL(told.kind, ERR_UP_OVERLOAD);
	CU_ASSERT_EQUAL(told.retry_after, 60);
	CU_ASSERT_EQUAL(s.login.count, 1);
	scene_is(&s, "acc_1", STATE_REFUSED, NOW + 60);
	clock_set_wall(NOW + 31);
	CU_ASSERT_EQUAL(scene_request(&s).kind, ERR_UP_REFUSED);
	CU_ASSERT_EQUAL(s.login.count, 1);
	CU_ASSERT_EQUAL(s.sent, 1);
	scene_end(&s);
}

static void *renew_elsewhere(void *context)
{
	const struct scene *s = context;
	const struct refresher r = site_refresher(s->site);
	struct error e = { .kind = ERR_NONE };
	struct account a;
	int rc;

	account_init(&a);
	rc = account_load(&s->site->tokens, "acc_1", &a, &e);
	if (rc == 1)
		rc = refresh_account(&r, &a, REFRESH_FORCED, 0, &e);
	account_release(&a);
	return (void *)(intptr_t)rc;
}

/* Whoever is at it will have a token in a moment: the account is none that is refused. */
static void an_account_that_another_one_renews_does_not_rest(void)
{
	pthread_t other;
	struct scene s;
	void *renewed;

	scene_begin(&s);
	scene_put(&s, "acc_1", KIND_SOCIAL, NOW + 3600);
	s.login.delay_ms = 4500; /* longer than a request waits */
	pthread_create(&other, NULL, renew_elsewhere, &s);
	for (int i = 0; i < 5000 && !s.login.count; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	CU_ASSERT_EQUAL(scene_request_met(&s, refused).kind, ERR_BUSY);
	scene_is(&s, "acc_1", STATE_ACTIVE, 0);
	pthread_join(other, &renewed);
	CU_ASSERT_EQUAL((intptr_t)renewed, 1);
	s.steps = NULL;
	CU_ASSERT_EQUAL(scene_request(&s).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.login.count, 1);
	scene_end(&s);
}

static void a_login_service_that_is_down_is_asked_seldom(void)
{
	static const struct step fine[] = { { 0 } };
	struct error told;
	struct scene s;

	scene_begin(&s);
	scene_put(&s, "acc_1", KIND_SOCIAL, NOW - 1);
	s.login.status = 503;
	s.login.answer = "{}";
	CU_ASSERT_EQUAL(scene_request_met(&s, fine).kind, ERR_UP_OVERLOAD);
	CU_ASSERT_EQUAL(s.login.count, 1);
	clock_set_wall(NOW + 9);
	told = scene_request(&s);
	CU_ASSERT_EQUAL(told.kind, ERR_UP_OVERLOAD);
	CU_ASSERT_EQUAL(told.retry_after, 1);
	CU_ASSERT_EQUAL(s.login.count, 1);
	scene_is(&s, "acc_1", STATE_ACTIVE, 0);
	s.login.status = 0;
	clock_set_wall(NOW + 10);
	CU_ASSERT_EQUAL(scene_request(&s).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.login.count, 2);
	scene_end(&s);
}

static void an_api_key_that_is_refused_rests_at_once(void)
{
	struct scene s;

	scene_begin(&s);
	scene_put(&s, "acc_1", KIND_API_KEY, 0);
	CU_ASSERT_EQUAL(scene_request_met(&s, refused).kind, ERR_UP_TOKEN);
	CU_ASSERT_EQUAL(s.sent, 1);
	CU_ASSERT_EQUAL(s.login.count, 0);
	scene_is(&s, "acc_1", STATE_REFUSED, NOW + 60);
	scene_end(&s);
}

/* Whatever keeps one account from being sent to, another may serve. */
static void an_account_that_cannot_be_readied_is_passed_over(void)
{
	static const struct step fine[] = { { 0 } };
	static const int statuses[] = { 400, 403, 429, 503 };

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		struct scene s;

		scene_begin(&s);
		scene_put(&s, "acc_1", KIND_SOCIAL, NOW - 1);
		scene_put(&s, "acc_2", KIND_API_KEY, 0);
		s.login.status = statuses[i];
		s.login.answer = "{\"error\":\"invalid_grant\"}";
		for (int n = 0; n < 2; n++) { /* whoever is first in turn */
			CU_ASSERT_EQUAL(scene_request_met(&s, fine).kind, ERR_NONE);
			CU_ASSERT_STRING_EQUAL(s.last, "acc_2");
		}
		CU_ASSERT(s.login.count >= 1);
		scene_is(&s, "acc_1",
			 statuses[i] == 400 || statuses[i] == 403 ? STATE_INVALID : STATE_ACTIVE,
			 0);
		scene_end(&s);
	}
}

CU_TestInfo up_call_token_tests[] = {
	{ "a refused token is renewed once", a_refused_token_is_renewed_once },
	{ "a token that is refused for the profile is renewed too",
	  a_token_that_is_refused_for_the_profile_is_renewed_too },
	{ "a token that no renewal mends costs few renewals",
	  a_token_that_no_renewal_mends_costs_few_renewals },
	{ "another account serves where a refused token cannot be renewed",
	  another_account_serves_where_a_refused_token_cannot_be_renewed },
	{ "a renewal that fails is not repeated by each request",
	  a_renewal_that_fails_is_not_repeated_by_each_request },
	{ "an account that another one renews does not rest",
	  an_account_that_another_one_renews_does_not_rest },
	{ "a login service that is down is asked seldom",
	  a_login_service_that_is_down_is_asked_seldom },
	{ "an api key that is refused rests at once", an_api_key_that_is_refused_rests_at_once },
	{ "an account that cannot be readied is passed over",
	  an_account_that_cannot_be_readied_is_passed_over },
	CU_TEST_INFO_NULL,
};
