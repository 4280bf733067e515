/*
 * Logins as data that another process goes on with, and the forms and addresses they are made of.
 * The flows themselves are tested end to end in tests/cli/login.test.mjs.
 */
#include "common/base.h"
#include "common/login.h"

#include "common/clock.h"
#include "common/form.h"
#include "common/idp.h"
#include "common/limits.h"
#include "tests/unit/fake_login.h"

#include <CUnit/CUnit.h>

#define NOW INT64_C(1800000000)

static struct fake_login service;
static struct config config;
static struct login_service s;
static struct login l;
static struct account a;
static struct error e;

static void begin(void)
{
	static char version[] = "9.8.7";

	fake_login_start(&service);
	error_clear(&e);
	config = (struct config){ .social_url = service.url,
				  .oidc_url = service.url,
				  .signin_url = service.url,
				  .connect_timeout = 5,
				  .kiro_version = version };
	s = (struct login_service){ .config = &config, .watch_fd = -1 };
	CU_ASSERT_EQUAL_FATAL(http_client_new(&s.http, &(struct http_options){ 0 }, &e), 0);
	clock_set_wall(NOW);
	login_init(&l);
	account_init(&a);
}

static void end(void)
{
	login_release(&l);
	account_release(&a);
	http_client_free(s.http);
	fake_login_stop(&service);
	clock_set_wall(0);
}

/* What another process does: only the text goes over. */
static void hand_over(void)
{
	struct buf json;

	buf_init(&json, LIMIT_RECORD);
	login_write(&l, &json);
	login_release(&l);
	CU_ASSERT_EQUAL_FATAL(login_read(&l, buf_span(&json), &e), 0);
	buf_wipe(&json);
}

static void start_google(void)
{
	const struct login_request ask = { .method = LOGIN_GOOGLE };

	service.status = 200;
	service.answer = "{\"deviceCode\":\"D-1\",\"userCode\":\"ABCD\",\"verificationUri\":"
			 "\"https://x.example/d\",\"expiresInMilliseconds\":600000,"
			 "\"intervalInMilliseconds\":5000}";
	CU_ASSERT_EQUAL_FATAL(login_start(&s, &ask, &l, &e), 0);
}

static void login_goes_on_in_another_process(void)
{
	begin();
	start_google();
	CU_ASSERT_STRING_EQUAL(l.url, "https://x.example/d");
	CU_ASSERT_EQUAL(l.expires_at, NOW + 600);
	hand_over();
	CU_ASSERT_STRING_EQUAL(l.code, "ABCD");
	CU_ASSERT_EQUAL(l.interval, 5);

	service.answer = "{\"status\":\"authorization_pending\"}";
	CU_ASSERT_EQUAL(login_poll(&s, &l, &a, &e), LOGIN_PENDING);
	CU_ASSERT_STRING_EQUAL(service.body, "{\"deviceCode\":\"D-1\",\"clientId\":\"kiro-cli\"}");
	service.answer = "{\"status\":\"slow_down\"}";
	CU_ASSERT_EQUAL(login_poll(&s, &l, &a, &e), LOGIN_SLOW_DOWN);
	hand_over();
	CU_ASSERT_EQUAL(l.interval, 10);

	service.answer = "{\"status\":\"authorized\",\"accessToken\":\"A\",\"refreshToken\":\"R\","
			 "\"expiresIn\":900,\"identityProvider\":\"Google\"}";
	CU_ASSERT_EQUAL(login_poll(&s, &l, &a, &e), LOGIN_DONE);
	CU_ASSERT_EQUAL(a.kind, KIND_SOCIAL);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&a.refresh_token), "R");
	CU_ASSERT_EQUAL(a.expires_at, NOW + 900);
	end();
}

static void late_login_is_over_without_asking(void)
{
	begin();
	start_google();
	clock_set_wall(NOW + 600);
	CU_ASSERT_EQUAL(login_poll(&s, &l, &a, &e), LOGIN_EXPIRED);
	CU_ASSERT_EQUAL(service.count, 1);
	end();
}

static void tokens_without_a_refresh_token_are_no_login(void)
{
	begin();
	start_google();
	service.answer = "{\"status\":\"authorized\",\"accessToken\":\"A\",\"expiresIn\":900}";
	CU_ASSERT_EQUAL(login_poll(&s, &l, &a, &e), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_UP_DAMAGED);
	CU_ASSERT_FALSE(login_may_go_on(&e));
	end();
}

static void refusal_does_not_show_the_device_code(void)
{
	begin();
	start_google();
	secret_set(&l.device_code, "D-SECRET-OF-SIXTEEN");
	l.method = LOGIN_BUILDER_ID;
	service.status = 400;
	service.answer = "{\"error\":\"invalid_grant\",\"error_description\":\"no "
			 "D-SECRET-OF-SIXTEEN here\"}";
	CU_ASSERT_EQUAL(login_poll(&s, &l, &a, &e), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_LOGIN);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "invalid_grant"));
	CU_ASSERT_PTR_NULL(strstr(e.message, "D-SECRET"));
	end();
}

static void address_must_be_of_this_login(void)
{
	const struct login_request ask = { .method = LOGIN_PORTAL };
	char url[256];

	begin();
	CU_ASSERT_EQUAL_FATAL(login_start(&s, &ask, &l, &e), 0);
	CU_ASSERT_TRUE(l.by_callback);
	hand_over();
	CU_ASSERT_EQUAL(strlen(secret_reveal(&l.state)), 10);
	CU_ASSERT_EQUAL(strlen(secret_reveal(&l.verifier)), 43);
	CU_ASSERT_PTR_NULL(strstr(l.url, secret_reveal(&l.verifier)));
	CU_ASSERT_EQUAL(
		login_callback(&s, &l, "http://localhost:49153/oauth/callback?code=c", &a, &e), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_REQUEST);
	error_clear(&e);
	snprintf(url, sizeof(url), "http://localhost/?state=%s&error=access_denied",
		 secret_reveal(&l.state));
	CU_ASSERT_EQUAL(login_callback(&s, &l, url, &a, &e), LOGIN_DENIED);
	CU_ASSERT_EQUAL(login_poll(&s, &l, &a, &e), -1);
	CU_ASSERT_EQUAL(service.count, 0);
	end();
}

static void text_that_is_no_login_is_refused(void)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{}",
		"{\"v\":2,\"method\":\"google\",\"interval\":1}",
		"{\"v\":1,\"method\":\"telepathy\",\"interval\":1}",
		"{\"v\":1,\"method\":\"google\",\"interval\":0}",
		"{\"v\":1,\"method\":\"google\",\"interval\":1,\"by_callback\":true}",
		"{\"v\":1,\"method\":\"portal\",\"interval\":1,\"by_callback\":false}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		error_clear(&e);
		login_init(&l);
		CU_ASSERT_EQUAL(login_read(&l, span_of(texts[i]), &e), -1);
		CU_ASSERT_EQUAL(e.kind, ERR_STORE);
		login_release(&l);
	}
	error_clear(&e);
	login_init(&l);
	CU_ASSERT_EQUAL(
		login_read(&l, span_of("{\"v\":1,\"method\":\"google\",\"interval\":1}"), &e), 0);
	login_release(&l);
}

static void form_values_are_decoded(void)
{
	static const struct {
		const char *url, *value; /* of "a" */
	} rows[] = {
		{ "http://x/?a=b%20c%2Bd+e", "b c+d e" },
		{ "?ab=1&a=2#a=3", "2" },
		{ "?b=1&a", "" },
		{ "?a=%41", "A" },
		{ "?a=%4", NULL },
		{ "?a=%zz", NULL },
		{ "?a=x%00y", NULL },
		{ "?b=1#?a=2", NULL },
		{ "a=1", NULL },
		{ "?", NULL },
	};
	struct buf text;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *value = form_value(rows[i].url, "a");

		CU_ASSERT_EQUAL(value == NULL, rows[i].value == NULL);
		if (value && rows[i].value)
			CU_ASSERT_STRING_EQUAL(value, rows[i].value);
		free(value);
	}
	buf_init(&text, LIMIT_URL);
	form_add(&text, "a", "x y&z");
	form_add(&text, "none", NULL);
	form_add(&text, "b", "");
	CU_ASSERT_STRING_EQUAL(text.at, "a=x%20y%26z&b=");
	buf_release(&text);
}

static void identity_providers_must_be_listed(void)
{
	static const struct {
		const char *hosts, *url;
		bool good;
	} rows[] = {
		{ NULL, "https://login.microsoftonline.com/t/v2.0", true },
		{ "", "https://LOGIN.microsoftonline.us", true },
		{ "", "https://login.microsoftonline.com:8443/t", false },
		{ "", "https://login.microsoftonline.com.evil.example/t", false },
		{ "", "https://me@login.microsoftonline.com/t", false },
		{ "", "http://login.microsoftonline.com/t", false },
		{ "", "http://127.0.0.1:9/t", false },
		{ "127.0.0.1:9", "http://127.0.0.1:9/t", true },
		{ "127.0.0.1", "http://127.0.0.1:9/t", false },
		{ "a.example, b.example", "https://b.example/x", true },
		{ "a.example", "http://a.example/x", false },
		{ "a.example", "https://a.example?x", false },
		{ "a.example", "https://a.example\\@b.example/", false },
		{ "a.example", "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct config c = { .idp_hosts = (char *)(uintptr_t)rows[i].hosts };

		error_clear(&e);
		CU_ASSERT_EQUAL(idp_check(&c, rows[i].url, "x", ERR_LOGIN, &e) == 0, rows[i].good);
	}
}

CU_TestInfo login_tests[] = {
	{ "a login goes on in another process", login_goes_on_in_another_process },
	{ "a late login is over without asking", late_login_is_over_without_asking },
	{ "no refresh token, no login", tokens_without_a_refresh_token_are_no_login },
	{ "a refusal does not show the device code", refusal_does_not_show_the_device_code },
	{ "an address must be of this login", address_must_be_of_this_login },
	{ "text that is no login is refused", text_that_is_no_login_is_refused },
	{ "form values are decoded", form_values_are_decoded },
	{ "identity providers must be listed", identity_providers_must_be_listed },
	CU_TEST_INFO_NULL,
};
