#include "common/base.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/password.h"
#include "common/store.h"
#include "fcgi/admin.h"
#include "fcgi/sessions.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>

#define PASSWORD "correct horse battery"

static char dir[SCRATCH_SIZE];

static void a_password_is_kept_as_a_yescrypt_hash(void)
{
	char hash[PASSWORD_HASH_SIZE];
	size_t records, damaged;
	struct error e = { 0 };
	struct store keys;

	scratch_store(dir, "keys", &keys);
	CU_ASSERT_EQUAL(password_load(&keys, hash, &e), 0);
	CU_ASSERT_EQUAL(password_set(&keys, PASSWORD, &e), 0);
	CU_ASSERT_EQUAL(password_load(&keys, hash, &e), 1);
	CU_ASSERT_EQUAL(strncmp(hash, "$y$", 3), 0);
	CU_ASSERT_PTR_NULL(strstr(hash, "horse"));
	CU_ASSERT_TRUE(password_is(hash, PASSWORD));
	CU_ASSERT_FALSE(password_is(hash, "correct horse batterz"));
	CU_ASSERT_FALSE(password_is(hash, ""));
	CU_ASSERT_FALSE(password_is("*0", PASSWORD));
	CU_ASSERT_FALSE(password_is("", ""));
	CU_ASSERT_EQUAL(store_verify(&keys, &records, &damaged, &e), 0);
	CU_ASSERT_EQUAL(records, 1); /* a backup takes it, doctor counts it */
	CU_ASSERT_EQUAL(damaged, 0);
	CU_ASSERT_EQUAL(password_remove(&keys, &e), 0);
	CU_ASSERT_EQUAL(password_load(&keys, hash, &e), 0);
	store_close(&keys);
	scratch_remove(dir);
}

static void a_weak_password_is_refused(void)
{
	static const char *const weak[] = { "", "elevenchars" };
	char hash[PASSWORD_HASH_SIZE];
	struct error e = { 0 };
	struct store keys;

	scratch_store(dir, "keys", &keys);
	for (size_t i = 0; i < ARRAY_SIZE(weak); i++) {
		CU_ASSERT_EQUAL(password_set(&keys, weak[i], &e), -1);
		CU_ASSERT_EQUAL(e.kind, ERR_REQUEST);
		error_clear(&e);
	}
	CU_ASSERT_EQUAL(password_load(&keys, hash, &e), 0);
	store_close(&keys);
	scratch_remove(dir);
}

static void a_session_is_good_in_every_process_until_it_ends(void)
{
	char text[SESSION_TEXT_SIZE], other[SESSION_TEXT_SIZE];
	struct sessions *one = sessions_new(scratch_make(dir)), *two = sessions_new(dir);
	int64_t now = clock_wall(), until = 0;
	struct error e = { 0 };

	CU_ASSERT_EQUAL(sessions_open(one, "hash", now + 60, text, &e), 0);
	CU_ASSERT_EQUAL(strlen(text), 43);
	CU_ASSERT_EQUAL(sessions_find(two, text, "hash", &until, &e), 1);
	CU_ASSERT_EQUAL(until, now + 60);
	CU_ASSERT_EQUAL(sessions_find(two, text, "another password", &until, &e), 0);
	snprintf(other, sizeof(other), "%s", text);
	other[42] = other[42] == 'a' ? 'b' : 'a';
	CU_ASSERT_EQUAL(sessions_find(two, other, "hash", &until, &e), 0);
	clock_set_wall(now + 61);
	CU_ASSERT_EQUAL(sessions_find(two, text, "hash", &until, &e), 0);
	clock_set_wall(now);
	CU_ASSERT_EQUAL(sessions_close(two, text, &e), 0);
	CU_ASSERT_EQUAL(sessions_find(one, text, "hash", &until, &e), 0);
	clock_set_wall(0);
	sessions_free(one);
	sessions_free(two);
	scratch_remove(dir);
}

static void who_guesses_too_often_waits_longer_and_longer(void)
{
	struct sessions *one = sessions_new(scratch_make(dir)), *two = sessions_new(dir);
	int64_t now = clock_wall();
	struct error e = { 0 };
	int before = 0;

	clock_set_wall(now);
	for (int i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(sessions_guess(i % 2 ? one : two, "192.0.2.1", &e), 0);
	for (int i = 0; i < 6; i++) {
		CU_ASSERT_EQUAL(sessions_guess(i % 2 ? one : two, "192.0.2.1", &e), -1);
		CU_ASSERT_EQUAL(e.kind, ERR_LOCKED);
		CU_ASSERT_TRUE(e.retry_after > before);
		before = e.retry_after;
		clock_set_wall(now += e.retry_after);
		error_clear(&e);
		CU_ASSERT_EQUAL(sessions_guess(one, "192.0.2.1", &e), 0);
	}
	CU_ASSERT_EQUAL(sessions_guess(one, "192.0.2.2", &e), 0); /* somebody else */
	sessions_guessed(two, "192.0.2.1");
	CU_ASSERT_EQUAL(sessions_guess(one, "192.0.2.1", &e), 0);
	clock_set_wall(0);
	sessions_free(one);
	sessions_free(two);
	scratch_remove(dir);
}

/* Others make everybody wait for a moment, but who is refused for that has not guessed wrong. */
static void who_is_refused_for_others_has_not_guessed(void)
{
	struct sessions *s = sessions_new(scratch_make(dir));
	int64_t now = clock_wall();
	struct error e = { 0 };
	char address[32];

	clock_set_wall(now);
	for (int i = 0; i < 60; i++) {
		snprintf(address, sizeof(address), "198.51.100.%d", i);
		CU_ASSERT_EQUAL(sessions_guess(s, address, &e), 0);
		if (i < 29)
			continue;
		/* the owner, always a moment too late */
		CU_ASSERT_EQUAL(sessions_guess(s, "192.0.2.1", &e), -1);
		CU_ASSERT_EQUAL(e.kind, ERR_LOCKED);
		CU_ASSERT_TRUE(e.retry_after > 0 && e.retry_after <= 2);
		error_clear(&e);
		clock_set_wall(now += 2);
	}
	CU_ASSERT_EQUAL(sessions_guess(s, "192.0.2.1", &e), 0);
	clock_set_wall(0);
	sessions_free(s);
	scratch_remove(dir);
}

static void a_clock_that_was_set_back_locks_nobody_out(void)
{
	struct sessions *s = sessions_new(scratch_make(dir));
	int64_t now = clock_wall();
	struct error e = { 0 };

	clock_set_wall(now + 86400);
	for (int i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(sessions_guess(s, "192.0.2.1", &e), i < 5 ? 0 : -1);
	clock_set_wall(now);
	error_clear(&e);
	CU_ASSERT_EQUAL(sessions_guess(s, "192.0.2.1", &e), 0);
	CU_ASSERT_EQUAL(sessions_guess(s, "192.0.2.1", &e), -1); /* its guesses count still */
	CU_ASSERT_TRUE(e.retry_after > 0 && e.retry_after <= 900);
	clock_set_wall(0);
	sessions_free(s);
	scratch_remove(dir);
}

/* Of a host that other programs share. */
static void a_session_is_found_behind_the_cookies_of_others(void)
{
	char text[SESSION_TEXT_SIZE], header[512], found[ADMIN_COOKIE_SIZE],
		hash[PASSWORD_HASH_SIZE];
	const char *const params[] = { "REQUEST_METHOD=GET", header, NULL };
	struct config config = { .state_dir = dir };
	struct site site = { .config = &config, .stores_open = true };
	struct buf out;
	struct conn_memory memory = { .params = params, .out = &out };
	struct error e = { 0 };
	struct conn conn;
	struct request r;
	int64_t until = 0;

	scratch_store(dir, "keys", &site.keys);
	pthread_mutex_init(&site.lock, NULL);
	site.sessions = sessions_new(dir);
	buf_init(&out, 0);
	conn_init_memory(&conn, &memory);
	CU_ASSERT_EQUAL(password_set(&site.keys, PASSWORD, &e), 0);
	CU_ASSERT_EQUAL(password_load(&site.keys, hash, &e), 1);
	CU_ASSERT_EQUAL(sessions_open(site.sessions, hash, clock_wall() + 60, text, &e), 0);
	snprintf(header, sizeof(header),
		 "HTTP_COOKIE=a=1; b=2; c=3; d=4; e=5; f=6; g=7; h=8; i=9; kiro_admin=stale; "
		 "kiro_admin=%s",
		 text);
	request_init(&r, &site, &conn);
	CU_ASSERT_EQUAL(admin_session(&r, found, &until), 1);
	CU_ASSERT_STRING_EQUAL(found, text);
	request_release(&r);
	sessions_free(site.sessions);
	pthread_mutex_destroy(&site.lock);
	store_close(&site.keys);
	scratch_remove(dir);
}

static void a_network_of_ipv6_is_one_guesser(void)
{
	char address[40];
	struct sessions *s = sessions_new(scratch_make(dir));
	struct error e = { 0 };

	for (int i = 0; i < 5; i++) {
		snprintf(address, sizeof(address), "2001:db8::%d", i + 1);
		CU_ASSERT_EQUAL(sessions_guess(s, address, &e), 0);
	}
	CU_ASSERT_EQUAL(sessions_guess(s, "2001:db8::77", &e), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_LOCKED);
	sessions_free(s);
	scratch_remove(dir);
}

static int read_end(const char *body, struct key *key, struct error *e)
{
	cJSON *tree = json_parse(span_of(body), e);
	int rc;

	error_clear(e);
	rc = admin_read_key(tree, key, e);
	cJSON_Delete(tree);
	return rc;
}

/* A form sends the whole record back, the end of a key that is over with it. */
static void an_end_that_is_over_may_stay_but_not_be_set(void)
{
	struct key key = { .expires_at = 1577836800 }; /* 2020-01-01 */
	struct error e = { 0 };

	CU_ASSERT_EQUAL(read_end("{\"expires_at\":\"2020-01-01T00:00:00Z\"}", &key, &e), 0);
	CU_ASSERT_EQUAL(read_end("{\"expires_at\":\"2020-01-02T00:00:00Z\"}", &key, &e), -1);
	CU_ASSERT_STRING_EQUAL(e.field, "expires_at");
	CU_ASSERT_EQUAL(key.expires_at, 1577836800);
	CU_ASSERT_EQUAL(read_end("{\"expires_at\":\"\"}", &key, &e), 0);
	CU_ASSERT_EQUAL(key.expires_at, 0);
	CU_ASSERT_EQUAL(read_end("{\"expires_at\":\"2020-01-01T00:00:00Z\"}", &key, &e), -1);
	error_clear(&e);
}

CU_TestInfo admin_tests[] = {
	{ "a_password_is_kept_as_a_yescrypt_hash", a_password_is_kept_as_a_yescrypt_hash },
	{ "a_weak_password_is_refused", a_weak_password_is_refused },
	{ "a_session_is_good_in_every_process_until_it_ends",
	  a_session_is_good_in_every_process_until_it_ends },
	{ "who_is_refused_for_others_has_not_guessed", who_is_refused_for_others_has_not_guessed },
	{ "who_guesses_too_often_waits_longer_and_longer",
	  who_guesses_too_often_waits_longer_and_longer },
	{ "a_clock_that_was_set_back_locks_nobody_out",
	  a_clock_that_was_set_back_locks_nobody_out },
	{ "a_session_is_found_behind_the_cookies_of_others",
	  a_session_is_found_behind_the_cookies_of_others },
	{ "a_network_of_ipv6_is_one_guesser", a_network_of_ipv6_is_one_guesser },
	{ "an_end_that_is_over_may_stay_but_not_be_set",
	  an_end_that_is_over_may_stay_but_not_be_set },
	CU_TEST_INFO_NULL,
};
