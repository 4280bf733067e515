/* What others do to the account meanwhile: people, other processes, a full disk. */
#include "common/base.h"
#include "tests/unit/refresh_tests.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* ---- people ---- */

static void log_in_anew(struct fake_login *f)
{
	struct account other;

	f->meanwhile = NULL;
	stored(&other);
	secret_set(&other.refresh_token, "refresh-5");
	put_account(&other);
	account_release(&other);
	f->generation = 5;
}

static void login_during_the_refusal_is_used(void)
{
	begin(KIND_SOCIAL);
	login.meanwhile = log_in_anew;
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), 1);
	has_tokens("access-6", "refresh-6", "refresh-5");
	CU_ASSERT_EQUAL(login.count, 2);
	end();
}

static void log_in_elsewhere(struct fake_login *f)
{
	struct account other;

	(void)f;
	stored(&other);
	secret_set(&other.refresh_token, "another-login");
	secret_set(&other.access_token, "its-access-token");
	other.expires_at = NOW + 900;
	put_account(&other);
	account_release(&other);
}

static void login_during_the_renewal_wins(void)
{
	begin(KIND_SOCIAL);
	login.meanwhile = log_in_elsewhere;
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), 0);
	has_tokens("its-access-token", "another-login", "");
	CU_ASSERT_EQUAL(login.count, 1);
	end();
}

static void rename_account(struct fake_login *f)
{
	struct account other;

	(void)f;
	stored(&other);
	free(other.label);
	other.label = xstrdup("renamed");
	account_set_state(&other, STATE_DISABLED, "by hand", NOW, 0);
	put_account(&other);
	account_release(&other);
}

static void edit_during_the_request_is_kept(void)
{
	begin(KIND_SOCIAL);
	login.meanwhile = rename_account;
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), 1);
	has_tokens("access-1", "refresh-1", "refresh-0");
	CU_ASSERT_STRING_EQUAL(a.label, "renamed");
	CU_ASSERT_EQUAL(a.state, STATE_DISABLED);
	end();
}

static void remove_account(struct fake_login *f)
{
	(void)f;
	store_remove(&s, "a/acc_1", &e);
}

static void removed_account_does_not_come_back(void)
{
	struct buf json;

	begin(KIND_SOCIAL);
	login.meanwhile = remove_account;
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_NO_ACCOUNT);
	buf_init(&json, LIMIT_RECORD);
	error_clear(&e);
	CU_ASSERT_EQUAL(store_get(&s, "a/acc_1", &json, &e), 0);
	buf_release(&json);
	end();
}

/* ---- many processes ---- */

/* In a child: a client of its own, connections do not survive fork(). */
static int refresh_in_child(void *context)
{
	http_client_new(&r.http, &(struct http_options){ 0 }, &e);
	return refresh(*(enum refresh_mode *)context) + 10;
}

static void wait_for_request(int count)
{
	for (int i = 0; i < 5000 && login.count < count; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	CU_ASSERT_EQUAL_FATAL(login.count, count);
}

static void taken_account_is_not_waited_for_when_soft(void)
{
	enum refresh_mode hard = REFRESH_HARD;
	pid_t pid;

	begin(KIND_SOCIAL);
	login.delay_ms = 500;
	pid = scratch_start(refresh_in_child, &hard);
	wait_for_request(1);
	CU_ASSERT_EQUAL(refresh(REFRESH_SOFT), 0);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&a.access_token), "access-0");
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), 0);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&a.access_token), "access-1");
	CU_ASSERT_EQUAL(scratch_wait(pid), 11);
	CU_ASSERT_EQUAL(login.count, 1);
	end();
}

static void hard_wait_has_an_end(void)
{
	enum refresh_mode hard = REFRESH_HARD;
	pid_t pid;

	begin(KIND_SOCIAL);
	login.delay_ms = 4500;
	pid = scratch_start(refresh_in_child, &hard);
	wait_for_request(1);
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_BUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "another process"));
	CU_ASSERT_EQUAL(scratch_wait(pid), 11);
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), 0);
	has_tokens("access-1", "refresh-1", "refresh-0");
	CU_ASSERT_EQUAL(login.count, 1);
	end();
}

#define PROCESSES 8
#define THREADS	  4

static void *refresh_in_thread(void *context)
{
	struct account mine;
	struct error why = { .kind = ERR_NONE };
	int rc;

	(void)context;
	account_init(&mine);
	account_copy(&mine, &a);
	rc = refresh_account(&r, &mine, REFRESH_HARD, 600, &why);
	if (strcmp(secret_reveal(&mine.access_token), "access-1") != 0)
		rc = -1;
	account_release(&mine);
	return (void *)(intptr_t)rc;
}

/* Exit code: how many of its threads made the renewal, 99: one failed. */
static int four_threads(void *context)
{
	pthread_t threads[THREADS];
	int renewed = 0;

	(void)context;
	http_client_new(&r.http, &(struct http_options){ 0 }, &e);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, refresh_in_thread, NULL);
	for (int i = 0; i < THREADS; i++) {
		void *rc;

		pthread_join(threads[i], &rc);
		if ((intptr_t)rc < 0)
			return 99;
		renewed += (int)(intptr_t)rc;
	}
	return renewed;
}

static void expired_account_is_renewed_exactly_once(void)
{
	pid_t pids[PROCESSES];
	int renewed = 0;

	begin(KIND_IDC);
	login.delay_ms = 150;
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = scratch_start(four_threads, NULL);
	for (int i = 0; i < PROCESSES; i++)
		renewed += scratch_wait(pids[i]);
	CU_ASSERT_EQUAL(renewed, 1);
	CU_ASSERT_EQUAL(login.count, 1);
	refresh(REFRESH_HARD);
	has_tokens("access-1", "refresh-1", "refresh-0");
	end();
}

static void signal_waits_until_the_token_is_stored(void)
{
	enum refresh_mode hard = REFRESH_HARD;
	struct account on_disk;
	int status;
	pid_t pid;

	begin(KIND_SOCIAL);
	login.delay_ms = 300;
	pid = scratch_start(refresh_in_child, &hard);
	wait_for_request(1);
	kill(pid, SIGTERM);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	stored(&on_disk);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&on_disk.refresh_token), "refresh-1");
	account_release(&on_disk);
	end();
}

/* No file may grow beyond 128 KB, so that the store, which is larger, cannot be copied. */
static int refresh_on_full_disk(void *context)
{
	struct rlimit limit = { KB(128), KB(128) };
	enum refresh_mode hard = REFRESH_HARD;

	(void)context;
	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit))
		return 99;
	if (refresh_in_child(&hard) != 11)
		return 1;
	if (strcmp(secret_reveal(&a.access_token), "access-1") != 0)
		return 2;
	/* What waits in the spill file must not be renewed with the token that it replaces. */
	secret_set(&a.access_token, "access-0");
	return refresh(REFRESH_FORCED) == -1 && e.kind == ERR_STORE ? 0 : 3;
}

static void rotated_token_survives_a_full_disk(void)
{
	char *big = xmalloc(60000);

	begin(KIND_SOCIAL);
	memset(big, '1', 59999);
	big[59999] = '\0';
	CU_ASSERT_EQUAL(store_put(&s, "x/1", span_of(big), &e), 0);
	CU_ASSERT_EQUAL(store_put(&s, "x/2", span_of(big), &e), 0);
	CU_ASSERT_EQUAL(scratch_run(refresh_on_full_disk, NULL), 0);
	CU_ASSERT_EQUAL(login.count, 1);
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), 0);
	has_tokens("access-1", "refresh-1", "refresh-0");
	CU_ASSERT_EQUAL(login.count, 1);
	free(big);
	end();
}

/* Others take all descriptors while the service answers. */
static int taken[512];
static size_t taken_count;

static void take_descriptors(struct fake_login *f)
{
	(void)f;
	while (taken_count < ARRAY_SIZE(taken) &&
	       (taken[taken_count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		taken_count++;
}

static void rotated_token_survives_a_want_of_descriptors(void)
{
	struct rlimit before, few;

	begin(KIND_SOCIAL);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){ 256, before.rlim_max };
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &few), 0);
	take_descriptors(NULL);
	for (int i = 0; i < 6; i++) /* enough to ask the service */
		close(taken[--taken_count]);
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_STORE);
	CU_ASSERT_EQUAL(login.count, 0);
	while (taken_count)
		close(taken[--taken_count]);

	login.meanwhile = take_descriptors;
	refresh(REFRESH_HARD); /* this request may fail */
	CU_ASSERT_TRUE(taken_count > 0 && taken_count < ARRAY_SIZE(taken));
	while (taken_count)
		close(taken[--taken_count]);
	setrlimit(RLIMIT_NOFILE, &before);
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), 0);
	has_tokens("access-1", "refresh-1", "refresh-0");
	CU_ASSERT_EQUAL(login.count, 1);
	end();
}

CU_TestInfo refresh_race_tests[] = {
	{ "login during the refusal is used", login_during_the_refusal_is_used },
	{ "login during the renewal wins", login_during_the_renewal_wins },
	{ "edit during the request is kept", edit_during_the_request_is_kept },
	{ "removed account does not come back", removed_account_does_not_come_back },
	{ "taken account is not waited for when soft", taken_account_is_not_waited_for_when_soft },
	{ "hard wait has an end", hard_wait_has_an_end },
	{ "expired account is renewed exactly once", expired_account_is_renewed_exactly_once },
	{ "signal waits until the token is stored", signal_waits_until_the_token_is_stored },
	{ "rotated token survives a full disk", rotated_token_survives_a_full_disk },
	{ "rotated token survives a want of descriptors",
	  rotated_token_survives_a_want_of_descriptors },
	CU_TEST_INFO_NULL,
};
