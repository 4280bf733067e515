/*
 * refresh_tests.h - for the tests of refresh: an account in a store, the caller's copy of it, and a
 * login service that renews it. Each file that includes this has them for itself.
 */
#ifndef TESTS_UNIT_REFRESH_TESTS_H
#define TESTS_UNIT_REFRESH_TESTS_H

#include "common/base.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/refresh.h"
#include "tests/unit/fake_login.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>

#define NOW 1800000000

static char dir[SCRATCH_SIZE];
static struct store s;
static struct fake_login login;
static struct config config;
static struct refresher r;
static struct account a; /* the caller's copy */
static struct error e;

static inline void put_account(const struct account *account)
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
static inline void stored(struct account *out)
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

static inline void begin(enum account_kind kind)
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

static inline void end(void)
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

static inline int refresh(enum refresh_mode mode)
{
	error_clear(&e);
	return refresh_account(&r, &a, mode, 600, &e);
}

/* Both the caller's account and the record hold these tokens. */
static inline void has_tokens(const char *access, const char *refresh_token, const char *previous)
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

#endif
