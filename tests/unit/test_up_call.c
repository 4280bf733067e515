#include "common/base.h"
#include "fcgi/up_call.h"

#include "common/account_store.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/log.h"
#include "fcgi/up_pool.h"
#include "tests/unit/fake_login.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>

#define NOW	1800000000
#define ENDLESS 100

/* What the upstream says to the next tries, in order; then it answers. */
struct step {
	enum error_kind kind;
	int retry_after;
	int times;
};

/* An installation of its own, whose upstream is send_step(). */
struct scene {
	char dir[SCRATCH_SIZE];
	struct fake_login login;
	struct app app;
	struct site *site;
	const struct step *steps;
	int left; /* of the first step */
	int sent;
	char last[64];			    /* account that was tried last */
	bool shown;			    /* the client has seen a part */
	bool leaves;			    /* while it waits */
	int64_t takes_ms;		    /* each try, as it seems */
	void (*meanwhile)(struct scene *s); /* during the next try; NULL: nothing */
};

static int send_step(struct up_call *call, const struct account *account, struct error *e)
{
	struct scene *s = call->context;
	const struct step *step = s->steps;

	s->sent++;
	call->began -= s->takes_ms;
	snprintf(s->last, sizeof(s->last), "%s", account->id);
	if (s->meanwhile) {
		void (*meanwhile)(struct scene *) = s->meanwhile;

		s->meanwhile = NULL;
		meanwhile(s);
	}
	if (!step || !step->kind)
		return 0;
	if (!--s->left) {
		s->steps++;
		s->left = s->steps->times;
	}
	e->retry_after = step->retry_after;
	return error_set(e, step->kind, "the upstream's words");
}

static bool sink_committed(void *context)
{
	return ((struct scene *)context)->shown;
}

static int sink_tick(void *context, struct error *e)
{
	if (((struct scene *)context)->leaves)
		return error_set(e, ERR_GONE, "the client has left");
	return 1000;
}

/* One request of a client. Returns what it is told. */
static struct error request(struct scene *s)
{
	const struct up_sink sink = {
		.tick = sink_tick, .committed = sink_committed, .watch_fd = -1, .context = s
	};
	struct error e = { .kind = ERR_NONE };
	struct arena arena;
	struct up_call call = {
		.site = s->site, .arena = &arena, .sink = &sink, .send = send_step, .context = s
	};

	arena_init(&arena);
	up_call_run(&call, &e);
	arena_release(&arena);
	return e;
}

static struct error request_met(struct scene *s, const struct step *steps)
{
	s->steps = steps;
	s->left = steps->times;
	s->sent = 0;
	return request(s);
}

static void put(struct scene *s, const char *id, enum account_kind kind, int64_t expires_at)
{
	struct error e = { .kind = ERR_NONE };
	char key[STORE_KEY_SIZE];
	struct account a;
	struct buf json;

	account_init(&a);
	a.id = xstrdup(id);
	a.label = xstrdup(id);
	a.kind = kind;
	secret_set(&a.access_token, "access-0");
	secret_set(&a.refresh_token, "refresh-0");
	secret_set(&a.api_key, "key");
	a.expires_at = expires_at;
	a.client_id = xstrdup("client");
	secret_set(&a.client_secret, "client-secret");
	buf_init(&json, LIMIT_RECORD);
	account_write(&a, &json);
	snprintf(key, sizeof(key), "a/%s", id);
	CU_ASSERT_EQUAL_FATAL(store_put(&s->site->tokens, key, buf_span(&json), &e), 0);
	buf_release(&json);
	account_release(&a);
}

static void is(struct scene *s, const char *id, enum account_state state, int64_t until)
{
	struct error e = { .kind = ERR_NONE };
	char key[STORE_KEY_SIZE];
	struct account a;
	cJSON *tree;

	snprintf(key, sizeof(key), "a/%s", id);
	account_init(&a);
	tree = json_parse(span_of(scratch_get(&s->site->tokens, key, &e)), &e);
	CU_ASSERT_EQUAL_FATAL(account_read(&a, tree, &e), 0);
	CU_ASSERT_EQUAL(a.state, state);
	CU_ASSERT_EQUAL(a.state_until, until);
	account_release(&a);
	cJSON_Delete(tree);
}

static void write_config(const struct scene *s, char *path, size_t size)
{
	char text[512];

	snprintf(path, size, "%s/kiro.json", s->dir);
	snprintf(text, sizeof(text),
		 "{ \"state_dir\": \"%s\", \"log\": { \"file\": \"/dev/null\" },"
		 " \"upstream\": { \"social_url\": \"%s\", \"oidc_url\": \"%s\","
		 " \"management_url\": \"%s\" } }",
		 s->dir, s->login.url, s->login.url, s->login.url);
	scratch_write(path, text, strlen(text));
}

static void begin(struct scene *s)
{
	struct error e = { .kind = ERR_NONE };
	char path[256];

	*s = (struct scene){ .sent = 0 };
	scratch_make(s->dir);
	fake_login_start(&s->login);
	write_config(s, path, sizeof(path));
	CU_ASSERT_EQUAL_FATAL(store_create(s->dir, "tokens", 0, &e), 0);
	CU_ASSERT_EQUAL_FATAL(store_create(s->dir, "keys", 0, &e), 0);
	CU_ASSERT_EQUAL_FATAL(app_init(&s->app, path, "kiro.fcgi", &e), 0);
	s->site = app_site(&s->app);
	CU_ASSERT_EQUAL_FATAL(site_open_stores(s->site, &e), 0);
	clock_set_wall(NOW);
}

static void end(struct scene *s)
{
	static const struct log_options loud = { .level = LOG_INFO };

	site_drop(s->site);
	app_release(&s->app);
	fake_login_stop(&s->login);
	clock_set_wall(0);
	log_open(&loud);
	scratch_remove(s->dir);
}

/* ---- the loop ---- */

static void passing_failures_are_tried_again_after_a_pause(void)
{
	static const enum error_kind kinds[] = { ERR_UP_OVERLOAD, ERR_UP_CAPACITY, ERR_UP_NETWORK };
	struct scene s;

	begin(&s);
	put(&s, "acc_1", KIND_API_KEY, 0);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int times = i ? 1 : 2;
		const struct step steps[] = { { kinds[i], 0, times }, { 0 } };
		int64_t began = clock_ticks();

		CU_ASSERT_EQUAL(request_met(&s, steps).kind, ERR_NONE);
		CU_ASSERT_EQUAL(s.sent, times + 1);
		CU_ASSERT(clock_ticks() - began >= (i ? 200 : 200 + 400));
	}
	is(&s, "acc_1", STATE_ACTIVE, 0);
	end(&s);
}

/* Whatever keeps an account from being used at all: it says nothing of the next. */
static void another_account_serves_where_one_cannot_be_readied(void)
{
	struct scene s;

	begin(&s);
	s.login.status = 200;
	s.login.answer = "{\"without\":\"a token\"}"; /* ERR_UP_DAMAGED: no other_account */
	put(&s, "acc_1", KIND_SOCIAL, NOW - 10);
	put(&s, "acc_2", KIND_API_KEY, 0);
	CU_ASSERT_EQUAL(request(&s).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.login.count, 1);
	CU_ASSERT_EQUAL(s.sent, 1);
	CU_ASSERT_STRING_EQUAL(s.last, "acc_2");
	end(&s);
}

static void tries_are_bounded_per_account_and_request(void)
{
	static const struct step endless[] = { { ERR_UP_OVERLOAD, 0, ENDLESS } };
	struct scene s;

	begin(&s);
	put(&s, "acc_1", KIND_API_KEY, 0);
	CU_ASSERT_EQUAL(request_met(&s, endless).kind, ERR_UP_OVERLOAD);
	CU_ASSERT_EQUAL(s.sent, LIMIT_ACCOUNT_TRIES);
	put(&s, "acc_2", KIND_API_KEY, 0);
	put(&s, "acc_3", KIND_API_KEY, 0);
	put(&s, "acc_4", KIND_API_KEY, 0);
	CU_ASSERT_EQUAL(request_met(&s, endless).kind, ERR_UP_OVERLOAD);
	CU_ASSERT_EQUAL(s.sent, LIMIT_TRIES);
	end(&s);
}

static void an_account_has_no_second_try_after_so_long(void)
{
	static const struct step once[] = { { ERR_UP_OVERLOAD, 0, 1 }, { 0 } };
	struct scene s;

	begin(&s);
	put(&s, "acc_1", KIND_API_KEY, 0);
	s.takes_ms = LIMIT_RETRY_MS - 10000; /* less what a busy machine may need */
	CU_ASSERT_EQUAL(request_met(&s, once).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.sent, 2);
	s.takes_ms = LIMIT_RETRY_MS + 1;
	CU_ASSERT_EQUAL(request_met(&s, once).kind, ERR_UP_OVERLOAD);
	CU_ASSERT_EQUAL(s.sent, 1);
	end(&s);
}

static void a_long_retry_after_is_left_to_the_client(void)
{
	static const struct step later[] = { { ERR_UP_CAPACITY, 3, ENDLESS } };
	static const struct step soon[] = { { ERR_UP_CAPACITY, LIMIT_PAUSE_MS / 1000, 1 }, { 0 } };
	struct error told;
	struct scene s;

	begin(&s);
	put(&s, "acc_1", KIND_API_KEY, 0);
	told = request_met(&s, later);
	CU_ASSERT_EQUAL(s.sent, 1);
	CU_ASSERT_EQUAL(told.retry_after, 3);
	CU_ASSERT_EQUAL(request_met(&s, soon).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.sent, 2);
	end(&s);
}

static void nothing_is_tried_again_when_the_client_has_seen_a_part_or_left(void)
{
	static const struct step endless[] = { { ERR_UP_OVERLOAD, 0, ENDLESS } };
	struct scene s;

	begin(&s);
	put(&s, "acc_1", KIND_API_KEY, 0);
	put(&s, "acc_2", KIND_API_KEY, 0);
	s.shown = true;
	CU_ASSERT_EQUAL(request_met(&s, endless).kind, ERR_UP_OVERLOAD);
	CU_ASSERT_EQUAL(s.sent, 1);
	s.shown = false;
	s.leaves = true;
	CU_ASSERT_EQUAL(request_met(&s, endless).kind, ERR_GONE);
	CU_ASSERT_EQUAL(s.sent, 1);
	end(&s);
}

/* Of three failures the client hears the one that time mends. */
static void the_client_hears_what_helps_it_most(void)
{
	static const struct step mixed[] = { { ERR_UP_QUOTA, 0, 1 },
					     { ERR_UP_RATE, 9, 1 },
					     { ERR_UP_SUSPENDED, 0, ENDLESS } };
	struct error told;
	struct scene s;

	begin(&s);
	put(&s, "acc_1", KIND_API_KEY, 0);
	put(&s, "acc_2", KIND_API_KEY, 0);
	put(&s, "acc_3", KIND_API_KEY, 0);
	told = request_met(&s, mixed);
	CU_ASSERT_EQUAL(s.sent, 3);
	CU_ASSERT_EQUAL(told.kind, ERR_UP_RATE);
	CU_ASSERT_EQUAL(told.retry_after, 9);
	end(&s);
}

static void retry_after_is_when_the_first_account_is_back(void)
{
	static const struct step quota[] = { { ERR_UP_QUOTA, 86400, 1 },
					     { ERR_UP_QUOTA, 7200, 1 },
					     { ERR_UP_QUOTA, 90000, ENDLESS } };
	struct error told;
	struct scene s;

	begin(&s);
	put(&s, "acc_1", KIND_API_KEY, 0);
	put(&s, "acc_2", KIND_API_KEY, 0);
	put(&s, "acc_3", KIND_API_KEY, 0);
	told = request_met(&s, quota);
	CU_ASSERT_EQUAL(told.kind, ERR_UP_QUOTA);
	CU_ASSERT_EQUAL(told.retry_after, 7200);
	CU_ASSERT_STRING_EQUAL(told.message, "the upstream's words");
	told = request(&s);
	CU_ASSERT_EQUAL(s.sent, 3);
	CU_ASSERT_EQUAL(told.retry_after, 7200);
	end(&s);
}

static void put_many(struct scene *s, int count)
{
	char id[16];

	for (int i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "acc_%c", 'a' + i);
		put(s, id, KIND_API_KEY, 0);
	}
}

/* The accounts that were tried are gone for a day, but one request has not tried them all. */
static void out_of_tries_is_no_reason_to_stay_away(void)
{
	static const struct step quota[] = { { ERR_UP_QUOTA, 86400, LIMIT_TRIES }, { 0 } };
	struct error told;
	struct scene s;

	begin(&s);
	put_many(&s, LIMIT_TRIES + 1);
	told = request_met(&s, quota);
	CU_ASSERT_EQUAL(s.sent, LIMIT_TRIES);
	CU_ASSERT_EQUAL(told.kind, ERR_BUSY);
	CU_ASSERT_EQUAL(told.retry_after, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(told.message, "the upstream's words"));
	CU_ASSERT_EQUAL(request(&s).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.sent, LIMIT_TRIES + 1);
	end(&s);
}

static void out_of_tries_and_accounts_tells_when_one_is_back(void)
{
	static const struct step quota[] = { { ERR_UP_QUOTA, 86400, LIMIT_TRIES - 1 },
					     { ERR_UP_QUOTA, 7200, 1 },
					     { 0 } };
	struct error told;
	struct scene s;

	begin(&s);
	put_many(&s, LIMIT_TRIES);
	told = request_met(&s, quota);
	CU_ASSERT_EQUAL(s.sent, LIMIT_TRIES);
	CU_ASSERT_EQUAL(told.kind, ERR_UP_QUOTA);
	CU_ASSERT_EQUAL(told.retry_after, 7200);
	end(&s);
}

/* Those that were tried do not rest: nobody knows when they do better, but not in a day. */
static void out_of_tries_tells_no_later_time_than_that_of_the_tried(void)
{
	static const struct step slow[] = { { ERR_UP_OVERLOAD, 0, LIMIT_TRIES }, { 0 } };
	struct error told, e = { .kind = ERR_UP_QUOTA, .retry_after = 86400 };
	struct account away = { .id = "acc_z" };
	struct scene s;

	begin(&s);
	put_many(&s, LIMIT_TRIES);
	put(&s, "acc_z", KIND_API_KEY, 0);
	up_pool_book(s.site->pool, &s.site->tokens, &away, &e, NOW);
	is(&s, "acc_z", STATE_EXHAUSTED, NOW + 86400);
	s.takes_ms = LIMIT_RETRY_MS + 1; /* else each had a second try */
	told = request_met(&s, slow);
	CU_ASSERT_EQUAL(s.sent, LIMIT_TRIES);
	CU_ASSERT_EQUAL(told.kind, ERR_UP_OVERLOAD);
	CU_ASSERT_EQUAL(told.retry_after, 0);
	end(&s);
}

/* The one that needs a login comes back by nobody's clock, the other one by its own. */
static void a_dead_login_hides_no_account_that_comes_back(void)
{
	static const struct step fine[] = { { 0 } };
	struct error told, e = { .kind = ERR_UP_QUOTA, .retry_after = 7200 };
	struct account away = { .id = "acc_2" };
	struct scene s;

	begin(&s);
	put(&s, "acc_1", KIND_SOCIAL, NOW - 1);
	put(&s, "acc_2", KIND_API_KEY, 0);
	up_pool_book(s.site->pool, &s.site->tokens, &away, &e, NOW);
	s.login.status = 400;
	s.login.answer = "{\"error\":\"invalid_grant\"}";
	told = request_met(&s, fine);
	CU_ASSERT_EQUAL(s.sent, 0);
	CU_ASSERT_EQUAL(told.kind, ERR_LOGIN);
	CU_ASSERT_EQUAL(told.retry_after, 7200);
	end(&s);
}

/* ---- tokens ---- */

static const struct step refused[] = { { ERR_UP_TOKEN, 0, ENDLESS } };

static void a_refused_token_is_renewed_once(void)
{
	static const struct step once[] = { { ERR_UP_TOKEN, 0, 1 }, { 0 } };
	struct scene s;

	begin(&s);
	put(&s, "acc_1", KIND_SOCIAL, NOW + 3600);
	CU_ASSERT_EQUAL(request_met(&s, once).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.sent, 2);
	CU_ASSERT_EQUAL(s.login.count, 1);
	is(&s, "acc_1", STATE_ACTIVE, 0);
	/* refused again at once: a token that new will not do better anew */
	clock_set_wall(NOW + 29);
	CU_ASSERT_EQUAL(request_met(&s, once).kind, ERR_UP_TOKEN);
	CU_ASSERT_EQUAL(s.sent, 1);
	CU_ASSERT_EQUAL(s.login.count, 1);
	end(&s);
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

	begin(&s);
	put(&s, "acc_1", KIND_IDC, NOW + 3600);
	s.login.status = 403;
	s.login.meanwhile = tell_profile;
	CU_ASSERT_EQUAL(request(&s).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.login.count, 3);
	CU_ASSERT_PTR_NOT_NULL(strstr(s.login.request, "Bearer access-1"));
	CU_ASSERT_EQUAL(s.sent, 1);
	is(&s, "acc_1", STATE_ACTIVE, 0);
	end(&s);
}

/* With a request every half minute for a day: renewals stay few, and the reason is to be seen. */
static void a_token_that_no_renewal_mends_costs_few_renewals(void)
{
	struct error told;
	struct scene s;

	begin(&s);
	put(&s, "acc_1", KIND_SOCIAL, NOW + 10 * 86400);
	s.login.generation = 0;
	told = request_met(&s, refused);
	CU_ASSERT_EQUAL(told.kind, ERR_UP_TOKEN);
	CU_ASSERT_EQUAL(told.retry_after, 60);
	CU_ASSERT_EQUAL(s.sent, 2);
	is(&s, "acc_1", STATE_REFUSED, NOW + 60);
	for (int64_t now = NOW + 30; now < NOW + 86400; now += 30) {
		clock_set_wall(now);
		told = request(&s);
		CU_ASSERT_EQUAL(error_kinds[told.kind].status, 403);
		CU_ASSERT(told.retry_after > 0);
		s.left = ENDLESS;
	}
	/* 1, 2, 4 .. 1024 minutes, and each life of a token once: it is good for an hour */
	CU_ASSERT(s.login.count >= 11 && s.login.count <= 12);
	CU_ASSERT(s.sent <= 2 * 12);
	end(&s);
}

/* Whatever keeps a refused token from being renewed: it says nothing of the next account. */
static void another_account_serves_where_a_refused_token_cannot_be_renewed(void)
{
	static const struct step once[] = { { ERR_UP_TOKEN, 0, 1 }, { 0 } };
	struct scene s;

	begin(&s);
	s.login.status = 200;
	s.login.answer = "{\"without\":\"a token\"}"; /* ERR_UP_DAMAGED: no other_account */
	put(&s, "acc_1", KIND_SOCIAL, NOW + 3600);
	put(&s, "acc_2", KIND_API_KEY, 0);
	CU_ASSERT_EQUAL(request_met(&s, once).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.login.count, 1);
	CU_ASSERT_EQUAL(s.sent, 2);
	CU_ASSERT_STRING_EQUAL(s.last, "acc_2");
	is(&s, "acc_1", STATE_REFUSED, NOW + 60);
	end(&s);
}

static void a_renewal_that_fails_is_not_repeated_by_each_request(void)
{
	struct error told;
	struct scene s;

	begin(&s);
	put(&s, "acc_1", KIND_SOCIAL, NOW + 3600);
	s.login.status = 503;
	s.login.answer = "{}";
	told = request_met(&s, refused);
	CU_ASSERT_EQUAL(told.kind, ERR_UP_OVERLOAD);
	CU_ASSERT_EQUAL(told.retry_after, 60);
	CU_ASSERT_EQUAL(s.login.count, 1);
	is(&s, "acc_1", STATE_REFUSED, NOW + 60);
	clock_set_wall(NOW + 31);
	CU_ASSERT_EQUAL(request(&s).kind, ERR_UP_REFUSED);
	CU_ASSERT_EQUAL(s.login.count, 1);
	CU_ASSERT_EQUAL(s.sent, 1);
	end(&s);
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

	begin(&s);
	put(&s, "acc_1", KIND_SOCIAL, NOW + 3600);
	s.login.delay_ms = 4500; /* longer than a request waits */
	pthread_create(&other, NULL, renew_elsewhere, &s);
	for (int i = 0; i < 5000 && !s.login.count; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	CU_ASSERT_EQUAL(request_met(&s, refused).kind, ERR_BUSY);
	is(&s, "acc_1", STATE_ACTIVE, 0);
	pthread_join(other, &renewed);
	CU_ASSERT_EQUAL((intptr_t)renewed, 1);
	s.steps = NULL;
	CU_ASSERT_EQUAL(request(&s).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.login.count, 1);
	end(&s);
}

static void a_login_service_that_is_down_is_asked_seldom(void)
{
	static const struct step fine[] = { { 0 } };
	struct error told;
	struct scene s;

	begin(&s);
	put(&s, "acc_1", KIND_SOCIAL, NOW - 1);
	s.login.status = 503;
	s.login.answer = "{}";
	CU_ASSERT_EQUAL(request_met(&s, fine).kind, ERR_UP_OVERLOAD);
	CU_ASSERT_EQUAL(s.login.count, 1);
	clock_set_wall(NOW + 9);
	told = request(&s);
	CU_ASSERT_EQUAL(told.kind, ERR_UP_OVERLOAD);
	CU_ASSERT_EQUAL(told.retry_after, 1);
	CU_ASSERT_EQUAL(s.login.count, 1);
	is(&s, "acc_1", STATE_ACTIVE, 0);
	s.login.status = 0;
	clock_set_wall(NOW + 10);
	CU_ASSERT_EQUAL(request(&s).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.login.count, 2);
	end(&s);
}

static void an_api_key_that_is_refused_rests_at_once(void)
{
	struct scene s;

	begin(&s);
	put(&s, "acc_1", KIND_API_KEY, 0);
	CU_ASSERT_EQUAL(request_met(&s, refused).kind, ERR_UP_TOKEN);
	CU_ASSERT_EQUAL(s.sent, 1);
	CU_ASSERT_EQUAL(s.login.count, 0);
	is(&s, "acc_1", STATE_REFUSED, NOW + 60);
	end(&s);
}

/* Whatever keeps one account from being sent to, another may serve. */
static void an_account_that_cannot_be_readied_is_passed_over(void)
{
	static const struct step fine[] = { { 0 } };
	static const int statuses[] = { 400, 403, 429, 503 };

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		struct scene s;

		begin(&s);
		put(&s, "acc_1", KIND_SOCIAL, NOW - 1);
		put(&s, "acc_2", KIND_API_KEY, 0);
		s.login.status = statuses[i];
		s.login.answer = "{\"error\":\"invalid_grant\"}";
		for (int n = 0; n < 2; n++) { /* whoever is first in turn */
			CU_ASSERT_EQUAL(request_met(&s, fine).kind, ERR_NONE);
			CU_ASSERT_STRING_EQUAL(s.last, "acc_2");
		}
		CU_ASSERT(s.login.count >= 1);
		is(&s, "acc_1",
		   statuses[i] == 400 || statuses[i] == 403 ? STATE_INVALID : STATE_ACTIVE, 0);
		end(&s);
	}
}

/* ---- probes ---- */

static const struct step suspended[] = { { ERR_UP_SUSPENDED, 0, ENDLESS } };

static void suspend(struct scene *s)
{
	begin(s);
	put(s, "acc_1", KIND_API_KEY, 0);
	CU_ASSERT_EQUAL(request_met(s, suspended).kind, ERR_UP_SUSPENDED);
	CU_ASSERT_EQUAL(s->sent, 1);
	is(s, "acc_1", STATE_SUSPENDED, NOW + 6 * 3600);
	clock_set_wall(NOW + 6 * 3600 - 1);
	CU_ASSERT_EQUAL(request(s).kind, ERR_UP_SUSPENDED);
	CU_ASSERT_EQUAL(s->sent, 1);
	clock_set_wall(NOW + 6 * 3600);
}

static void another_request(struct scene *s)
{
	int sent = s->sent;

	CU_ASSERT_EQUAL(request(s).kind, ERR_UP_SUSPENDED);
	CU_ASSERT_EQUAL(s->sent, sent);
}

static void one_request_tries_a_suspended_account(void)
{
	static const struct step fine[] = { { 0 } };
	struct scene s;

	suspend(&s);
	s.meanwhile = another_request;
	CU_ASSERT_EQUAL(request_met(&s, fine).kind, ERR_NONE);
	CU_ASSERT_PTR_NULL(s.meanwhile);
	is(&s, "acc_1", STATE_ACTIVE, 0);
	CU_ASSERT_EQUAL(request(&s).kind, ERR_NONE);
	end(&s);
}

static void a_probe_that_fails_lengthens_the_rest(void)
{
	struct error told;
	struct scene s;

	suspend(&s);
	told = request_met(&s, suspended);
	CU_ASSERT_EQUAL(told.retry_after, 12 * 3600);
	is(&s, "acc_1", STATE_SUSPENDED, NOW + 18 * 3600);
	CU_ASSERT_EQUAL(request(&s).kind, ERR_UP_SUSPENDED);
	CU_ASSERT_EQUAL(s.sent, 1);
	end(&s);
}

static void a_probe_that_tells_nothing_is_repeated_soon(void)
{
	static const struct step wrong[] = { { ERR_UP_TIMEOUT, 0, 1 }, { 0 } };
	struct scene s;

	suspend(&s);
	CU_ASSERT_EQUAL(request_met(&s, wrong).kind, ERR_UP_TIMEOUT);
	is(&s, "acc_1", STATE_SUSPENDED, NOW + 6 * 3600 + 60);
	clock_set_wall(NOW + 6 * 3600 + 60);
	CU_ASSERT_EQUAL(request(&s).kind, ERR_NONE);
	is(&s, "acc_1", STATE_ACTIVE, 0);
	end(&s);
}

/* The client of a probe loses nothing while there is another account, whoever is first in turn. */
static void a_probe_that_fails_leaves_the_request_to_another_account(void)
{
	static const struct step once[] = { { ERR_UP_SUSPENDED, 0, 1 }, { 0 } };
	struct scene s;

	suspend(&s);
	put(&s, "acc_2", KIND_API_KEY, 0);
	CU_ASSERT_EQUAL(request_met(&s, once).kind, ERR_NONE);
	CU_ASSERT_EQUAL(s.sent, 2);
	end(&s);
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
	{ "one request tries a suspended account", one_request_tries_a_suspended_account },
	{ "a probe that fails lengthens the rest", a_probe_that_fails_lengthens_the_rest },
	{ "a probe that tells nothing is repeated soon",
	  a_probe_that_tells_nothing_is_repeated_soon },
	{ "a probe that fails leaves the request to another account",
	  a_probe_that_fails_leaves_the_request_to_another_account },
	CU_TEST_INFO_NULL,
};
