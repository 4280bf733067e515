#include "common/base.h"
#include "common/log.h"
#include "fcgi/up_pool.h"

#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>

#define NOW 1795000000

/* One account that just met this failure: what is said to the next request? */
static void next_request(enum error_kind kind, int retry_after, int64_t later, struct error *said)
{
	static const struct log_options quiet = { .level = LOG_ERROR };
	static const struct up_pool_wish any = { .tried_count = 0 };
	static const struct log_options loud = { .level = LOG_INFO };
	struct error e = { .kind = ERR_NONE };
	struct up_pool *pool = up_pool_new();
	struct account account, picked;
	char dir[SCRATCH_SIZE];
	struct store tokens;
	struct buf json;

	log_open(&quiet);
	scratch_store(dir, "tokens", &tokens);
	account_init(&account);
	account.id = xstrdup("acc_1");
	account.label = xstrdup("one");
	account.kind = KIND_SOCIAL;
	account.machine_id = xstrdup("0123abcd");
	secret_set(&account.access_token, "access-0");
	secret_set(&account.refresh_token, "refresh-0");
	buf_init(&json, LIMIT_RECORD);
	account_write(&account, &json);
	CU_ASSERT_EQUAL_FATAL(store_put(&tokens, "a/acc_1", buf_span(&json), &e), 0);

	account_init(&picked);
	CU_ASSERT_EQUAL_FATAL(up_pool_pick(pool, &tokens, &any, NOW, &picked, &e), 0);
	error_set(&e, kind, "upstream's words");
	e.retry_after = retry_after;
	up_pool_book(pool, &tokens, &picked, &e, NOW);
	account_release(&picked);
	account_init(&picked);
	*said = (struct error){ .kind = ERR_NONE };
	up_pool_pick(pool, &tokens, &any, NOW + later, &picked, said);

	account_release(&picked);
	account_release(&account);
	buf_release(&json);
	up_pool_free(pool);
	store_close(&tokens);
	scratch_remove(dir);
	log_open(&loud);
}

static void who_finds_nobody_learns_why_and_when(void)
{
	static const struct {
		enum error_kind met;
		int retry_after, later;
		enum error_kind said;
		int wait;
	} rows[] = {
		{ ERR_UP_RATE, 7, 2, ERR_UP_RATE, 5 },
		{ ERR_UP_RATE, 0, 0, ERR_UP_RATE, 3 },
		{ ERR_UP_RATE, 7, 7, ERR_NONE, 0 },
		{ ERR_UP_QUOTA, 0, 600, ERR_UP_QUOTA, 3000 },
		{ ERR_UP_QUOTA, 60, 60, ERR_NONE, 0 },
		{ ERR_UP_SUSPENDED, 0, 0, ERR_UP_SUSPENDED, 6 * 3600 },
		{ ERR_UP_CAPACITY, 0, 0, ERR_NONE, 0 },
		{ ERR_UP_INVALID, 0, 0, ERR_NONE, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error said;

		next_request(rows[i].met, rows[i].retry_after, rows[i].later, &said);
		CU_ASSERT_EQUAL(said.kind, rows[i].said);
		CU_ASSERT_EQUAL(said.retry_after, rows[i].wait);
	}
}

CU_TestInfo up_pool_tests[] = {
	{ "who finds nobody learns why and when", who_finds_nobody_learns_why_and_when },
	CU_TEST_INFO_NULL,
};
