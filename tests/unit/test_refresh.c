#include "common/base.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/refresh.h"
#include "tests/unit/fake_login.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define NOW 1800000000
#define ARN "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABC"

static char dir[SCRATCH_SIZE];
static struct store s;
static struct fake_login login;
static struct config config;
static struct refresher r;
static struct account a; /* the caller's copy */
static struct error e;

static void put_account(const struct account *account)
{
	struct buf json;
	char key[64];

	snprintf(key, sizeof(key), "a/%s", account->id);
	buf_init(&json, LIMIT_RECORD);
	account_write(account, &json);
	CU_ASSERT_EQUAL_FATAL(store_put(&s, key, buf_span(&json), &e), 0);
	buf_release(&json);
}

/* What is on disk. */
static void stored(struct account *out)
{
	struct error why = { .kind = ERR_NONE };
	struct buf json;
	cJSON *tree;

	account_init(out);
	buf_init(&json, LIMIT_RECORD);
	CU_ASSERT_EQUAL_FATAL(store_get(&s, "a/acc_1", &json, &why), 1);
	tree = json_parse(buf_span(&json), &why);
	CU_ASSERT_EQUAL_FATAL(account_read(out, tree, &why), 0);
	cJSON_Delete(tree);
	buf_release(&json);
}

static void begin(enum account_kind kind)
{
	static const struct log_options quiet = { .file = "/dev/null" };
	static char version[] = "9.8.7";

	log_open(&quiet);
	scratch_store(dir, "tokens", &s);
	error_clear(&e);
	fake_login_start(&login);
	config = (struct config){ .social_url = login.url,
				  .oidc_url = login.url,
				  .connect_timeout = 5,
				  .kiro_version = version };
	r = (struct refresher){ .config = &config, .tokens = &s };
	CU_ASSERT_EQUAL_FATAL(http_client_new(&r.http, &(struct http_options){ 0 }, &e), 0);
	clock_set_wall(NOW);

	account_init(&a);
	a.id = xstrdup("acc_1");
	a.label = xstrdup("me@example.org");
	a.kind = kind;
	a.machine_id = xstrdup("0123abcd");
	a.client_id = xstrdup("client id");
	secret_set(&a.client_secret, "client-secret-x");
	secret_set(&a.access_token, "access-0");
	secret_set(&a.refresh_token, "refresh-0");
	a.expires_at = NOW - 1;
	put_account(&a);
}

static void end(void)
{
	static const struct log_options loud = { .level = LOG_INFO };

	http_client_free(r.http);
	fake_login_stop(&login);
	account_release(&a);
	store_close(&s);
	scratch_remove(dir);
	clock_set_wall(0);
	log_open(&loud);
}

static int refresh(enum refresh_mode mode)
{
	error_clear(&e);
	return refresh_account(&r, &a, mode, 600, &e);
}

/* Both the caller's account and the record hold these tokens. */
static void has_tokens(const char *access, const char *refresh_token, const char *previous)
{
	struct account on_disk;

	stored(&on_disk);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&on_disk.access_token), access);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&on_disk.refresh_token), refresh_token);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&on_disk.previous_refresh_token), previous);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&a.access_token), access);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&a.refresh_token), refresh_token);
	CU_ASSERT_EQUAL(a.rev, on_disk.rev);
	CU_ASSERT_EQUAL(a.expires_at, on_disk.expires_at);
	CU_ASSERT_EQUAL(a.state, on_disk.state);
	account_release(&on_disk);
}

static void is_state(enum account_state state)
{
	struct account on_disk;

	stored(&on_disk);
	CU_ASSERT_EQUAL(on_disk.state, state);
	account_release(&on_disk);
}

/* ---- what is sent and what the reply means ---- */

static void social_renewal_is_as_documented(void)
{
	begin(KIND_SOCIAL);
	login.status = 200;
	login.answer = "{\"accessToken\":\"A\",\"refreshToken\":\"R\",\"expiresIn\":1800,"
		       "\"profileArn\":\"" ARN "\"}";
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), 1);
	CU_ASSERT_EQUAL(strncmp(login.request, "POST /refreshToken HTTP/1.1\r\n", 29), 0);
	CU_ASSERT_STRING_EQUAL(login.body, "{\"refreshToken\":\"refresh-0\"}");
	CU_ASSERT_PTR_NOT_NULL(strcasestr(login.request, "\r\nContent-Type: application/json\r\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strcasestr(login.request, "\r\nUser-Agent: KiroIDE-9.8.7-0123abcd\r\n"));
	has_tokens("A", "R", "refresh-0");
	CU_ASSERT_EQUAL(a.expires_at, NOW + 1800);
	CU_ASSERT_EQUAL(a.refreshed_at, NOW);
	CU_ASSERT_EQUAL(a.rev, 2);
	CU_ASSERT_STRING_EQUAL(a.profile_arn, ARN);
	CU_ASSERT_STRING_EQUAL(account_region(&a, "us-east-1"), "eu-central-1");
	CU_ASSERT_EQUAL(login.count, 1);
	end();
}

static void idc_renewal_is_as_documented(void)
{
	begin(KIND_IDC);
	login.status = 200;
	login.answer = "{\"accessToken\":\"A\",\"tokenType\":\"Bearer\"}";
	CU_ASSERT_EQUAL(refresh(REFRESH_SOFT), 1);
	CU_ASSERT_EQUAL(strncmp(login.request, "POST /token HTTP/1.1\r\n", 22), 0);
	CU_ASSERT_STRING_EQUAL(login.body,
			       "{\"clientId\":\"client id\",\"clientSecret\":\"client-secret-x\","
			       "\"grantType\":\"refresh_token\",\"refreshToken\":\"refresh-0\"}");
	has_tokens("A", "refresh-0", "");	   /* no new one: the old one stays */
	CU_ASSERT_EQUAL(a.expires_at, NOW + 3600); /* not told: an hour */
	end();
}

static void external_idp_renewal_is_as_documented(void)
{
	begin(KIND_SOCIAL);
	a.kind = KIND_EXTERNAL_IDP;
	a.scopes = xstrdup("api://x/a offline_access");
	a.token_endpoint = xmalloc(128);
	snprintf(a.token_endpoint, 128, "%s/tenant/oauth2/v2.0/token", login.url);
	config.idp_hosts = login.url + strlen("http://");
	put_account(&a);
	login.status = 200;
	login.answer = "{\"access_token\":\"A\",\"refresh_token\":\"R\",\"expires_in\":\"1200\"}";
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), 1);
	CU_ASSERT_EQUAL(strncmp(login.request, "POST /tenant/oauth2/v2.0/token HTTP/1.1\r\n", 41),
			0);
	CU_ASSERT_PTR_NOT_NULL(strcasestr(
		login.request, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
	CU_ASSERT_STRING_EQUAL(login.body,
			       "grant_type=refresh_token&refresh_token=refresh-0&"
			       "client_id=client%20id&scope=api%3A%2F%2Fx%2Fa%20offline_access");
	has_tokens("A", "R", "refresh-0");
	CU_ASSERT_EQUAL(a.expires_at, NOW + 1200);
	end();
}

static void foreign_token_hosts_are_refused(void)
{
	static const char *const endpoints[] = {
		"https://evil.example/token",
		"http://login.microsoftonline.com/token",
		"https://login.microsoftonline.com.evil.example/token",
		"https://login.microsoftonline.com@evil.example/token",
		"http://127.0.0.1.evil.example/token",
		"http://localhost@evil.example/token",
		"http://10.0.0.1/token",
		"file:///etc/passwd",
		"login.microsoftonline.com",
	};

	begin(KIND_SOCIAL);
	a.kind = KIND_EXTERNAL_IDP;
	for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
		free(a.token_endpoint);
		a.token_endpoint = xstrdup(endpoints[i]);
		put_account(&a);
		CU_ASSERT_EQUAL(refresh(REFRESH_HARD), -1);
		CU_ASSERT_EQUAL(e.kind, ERR_STORE);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "token_endpoint"));
	}
	a.kind = KIND_IDC;
	a.auth_region = xstrdup("us-east-1.evil.example/");
	put_account(&a);
	config.oidc_url = (char[]){ "" };
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "auth_region"));
	is_state(STATE_ACTIVE);
	CU_ASSERT_EQUAL(login.count, 0);
	end();
}

static void unreadable_replies_change_nothing(void)
{
	static const char *const answers[] = {
		"",
		"not json",
		"[]",
		"{}",
		"{\"accessToken\":7}",
		"{\"accessToken\":\"\"}",
		"{\"accessToken\":\"a b\"}",
		"{\"accessToken\":\"A\",\"refreshToken\":\"x\\ny\"}",
	};

	begin(KIND_SOCIAL);
	login.status = 200;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		login.answer = answers[i];
		CU_ASSERT_EQUAL(refresh(REFRESH_HARD), -1);
		CU_ASSERT_EQUAL(e.kind, ERR_UP_DAMAGED);
	}
	has_tokens("access-0", "refresh-0", "");
	end();
}

/* ---- when ---- */

static void fresh_token_is_left_alone(void)
{
	begin(KIND_SOCIAL);
	a.expires_at = NOW + 601;
	CU_ASSERT_EQUAL(refresh(REFRESH_SOFT), 0);
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), 0);
	CU_ASSERT_EQUAL(login.count, 0);
	a.expires_at = NOW + 600;
	put_account(&a);
	CU_ASSERT_EQUAL(refresh(REFRESH_SOFT), 1);
	CU_ASSERT_EQUAL(login.count, 1);
	end();
}

static void api_key_is_never_refreshed(void)
{
	begin(KIND_SOCIAL);
	a.kind = KIND_API_KEY;
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), 0);
	CU_ASSERT_EQUAL(refresh(REFRESH_FORCED), 0);
	CU_ASSERT_EQUAL(login.count, 0);
	end();
}

static void token_that_another_renewed_is_taken_over(void)
{
	struct account other;

	begin(KIND_SOCIAL);
	stored(&other);
	secret_set(&other.access_token, "access-by-another");
	other.expires_at = NOW + 3600;
	put_account(&other);
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), 0);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&a.access_token), "access-by-another");
	CU_ASSERT_EQUAL(login.count, 0);
	account_release(&other);
	end();
}

static void forced_renews_only_the_refused_token(void)
{
	struct account old;

	begin(KIND_SOCIAL);
	a.expires_at = NOW + 3600;
	put_account(&a);
	account_init(&old);
	account_copy(&old, &a);
	CU_ASSERT_EQUAL(refresh(REFRESH_FORCED), 1);
	has_tokens("access-1", "refresh-1", "refresh-0");
	error_clear(&e);
	CU_ASSERT_EQUAL(refresh_account(&r, &old, REFRESH_FORCED, 0, &e), 0);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&old.access_token), "access-1");
	CU_ASSERT_EQUAL(login.count, 1);
	account_release(&old);
	end();
}

/* ---- refusals ---- */

static void dead_token_is_noted_and_not_tried_again(void)
{
	struct account on_disk;

	begin(KIND_SOCIAL);
	secret_set(&a.previous_refresh_token, "refresh-before");
	put_account(&a);
	login.status = 400;
	login.answer = "{\"error\":\"invalid_grant\",\"error_description\":"
		       "\"token refresh-0 or refresh-before is\\nbad\"}";
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_LOGIN);
	CU_ASSERT_EQUAL(e.up_status, 400);
	CU_ASSERT_EQUAL(login.count, 2);
	CU_ASSERT_STRING_EQUAL(login.body, "{\"refreshToken\":\"refresh-before\"}");
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "me@example.org"));
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "kiroctl"));
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "invalid_grant"));
	CU_ASSERT_PTR_NULL(strstr(e.message, "refresh-0"));
	CU_ASSERT_PTR_NULL(strstr(e.message, "refresh-before"));
	CU_ASSERT_PTR_NULL(strchr(e.message, '\n'));
	stored(&on_disk);
	CU_ASSERT_EQUAL(on_disk.state, STATE_INVALID);
	CU_ASSERT_EQUAL(on_disk.state_since, NOW);
	CU_ASSERT_PTR_NOT_NULL(strstr(on_disk.state_reason, "invalid_grant"));
	CU_ASSERT_PTR_NULL(strstr(on_disk.state_reason, "refresh-0"));
	CU_ASSERT_STRING_EQUAL(secret_reveal(&on_disk.refresh_token), "refresh-0");
	account_release(&on_disk);
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_LOGIN);
	CU_ASSERT_EQUAL(login.count, 2);
	end();
}

static void forced_tries_an_invalid_account_and_revives_it(void)
{
	begin(KIND_SOCIAL);
	account_set_state(&a, STATE_INVALID, "test", NOW, 0);
	put_account(&a);
	CU_ASSERT_EQUAL(refresh(REFRESH_FORCED), 1);
	CU_ASSERT_EQUAL(a.state, STATE_ACTIVE);
	has_tokens("access-1", "refresh-1", "refresh-0");
	end();
}

static void disabled_account_stays_disabled(void)
{
	begin(KIND_SOCIAL);
	account_set_state(&a, STATE_DISABLED, "by hand", NOW, 0);
	put_account(&a);
	CU_ASSERT_EQUAL(refresh(REFRESH_FORCED), 1);
	is_state(STATE_DISABLED);
	login.status = 401;
	login.answer = "{\"message\":\"Bad credentials\"}";
	CU_ASSERT_EQUAL(refresh(REFRESH_FORCED), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_LOGIN);
	is_state(STATE_DISABLED);
	end();
}

/* The reply with refresh-7 was lost: the service still knows the token before it. */
static void previous_token_is_tried_once(void)
{
	begin(KIND_IDC);
	secret_set(&a.refresh_token, "refresh-7");
	secret_set(&a.previous_refresh_token, "refresh-3");
	put_account(&a);
	login.generation = 3;
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), 1);
	has_tokens("access-4", "refresh-4", "refresh-3");
	CU_ASSERT_EQUAL(login.count, 2);
	end();
}

static void transient_failures_leave_the_state_alone(void)
{
	static const struct {
		int status;
		const char *answer;
		enum error_kind kind;
	} failures[] = {
		{ 429, "{\"message\":\"slow\"}", ERR_UP_RATE },
		{ 500, "{\"error\":\"invalid_grant\"}", ERR_UP_OVERLOAD },
		{ 503, "", ERR_UP_OVERLOAD },
		{ 400, "{\"error\":\"slow_down\"}", ERR_UP_OVERLOAD },
		{ 400, "{\"__type\":\"ThrottlingException\"}", ERR_UP_OVERLOAD },
		{ 403, "<html>proxy</html>", ERR_UP_DENIED },
		{ 404, "{\"message\":\"no\"}", ERR_UP_DENIED },
		{ 302, "", ERR_UP_DENIED },
	};

	begin(KIND_SOCIAL);
	login.headers = "Retry-After: 17\r\nLocation: http://127.0.0.1:1/\r\n";
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		login.status = failures[i].status;
		login.answer = failures[i].answer;
		CU_ASSERT_EQUAL(refresh(REFRESH_HARD), -1);
		CU_ASSERT_EQUAL(e.kind, failures[i].kind);
		CU_ASSERT_EQUAL(e.up_status, failures[i].status);
		CU_ASSERT_EQUAL(e.retry_after, 17);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "me@example.org"));
		is_state(STATE_ACTIVE);
	}
	CU_ASSERT_EQUAL(login.count, (int)ARRAY_SIZE(failures)); /* one request each, no redirect */
	config.social_url = (char[]){ "http://127.0.0.1:1" };
	CU_ASSERT_EQUAL(refresh(REFRESH_HARD), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_UP_NETWORK);
	has_tokens("access-0", "refresh-0", "");
	end();
}

/* ---- what others do meanwhile ---- */

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

CU_TestInfo refresh_tests[] = {
	{ "social renewal is as documented", social_renewal_is_as_documented },
	{ "idc renewal is as documented", idc_renewal_is_as_documented },
	{ "external IdP renewal is as documented", external_idp_renewal_is_as_documented },
	{ "foreign token hosts are refused", foreign_token_hosts_are_refused },
	{ "unreadable replies change nothing", unreadable_replies_change_nothing },
	{ "fresh token is left alone", fresh_token_is_left_alone },
	{ "API key is never refreshed", api_key_is_never_refreshed },
	{ "token that another renewed is taken over", token_that_another_renewed_is_taken_over },
	{ "forced renews only the refused token", forced_renews_only_the_refused_token },
	{ "dead token is noted and not tried again", dead_token_is_noted_and_not_tried_again },
	{ "forced tries an invalid account and revives it",
	  forced_tries_an_invalid_account_and_revives_it },
	{ "disabled account stays disabled", disabled_account_stays_disabled },
	{ "previous token is tried once", previous_token_is_tried_once },
	{ "transient failures leave the state alone", transient_failures_leave_the_state_alone },
	{ "login during the refusal is used", login_during_the_refusal_is_used },
	{ "login during the renewal wins", login_during_the_renewal_wins },
	{ "edit during the request is kept", edit_during_the_request_is_kept },
	{ "removed account does not come back", removed_account_does_not_come_back },
	{ "taken account is not waited for when soft", taken_account_is_not_waited_for_when_soft },
	{ "hard wait has an end", hard_wait_has_an_end },
	{ "expired account is renewed exactly once", expired_account_is_renewed_exactly_once },
	{ "signal waits until the token is stored", signal_waits_until_the_token_is_stored },
	{ "rotated token survives a full disk", rotated_token_survives_a_full_disk },
	CU_TEST_INFO_NULL,
};
