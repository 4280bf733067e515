/* What a renewal sends, when, and what the answers mean. */
#include "common/base.h"
#include "tests/unit/refresh_tests.h"

#define ARN "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABC"

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
	CU_TEST_INFO_NULL,
};
