/* What a login or an import that is found again does to the account that is there. */
#include "common/base.h"
#include "common/merge.h"

#include <CUnit/CUnit.h>

static struct account login_of(const char *refresh_token, const char *client_secret, int64_t ends)
{
	struct account a;

	account_init(&a);
	a.kind = KIND_IDC;
	a.id = xstrdup("acc_1");
	a.email = xstrdup("ann@example.invalid");
	secret_set(&a.refresh_token, refresh_token);
	secret_set(&a.client_secret, client_secret);
	a.client_expires_at = ends;
	return a;
}

static void token_that_was_renewed_meanwhile_stays(void)
{
	struct account stored = login_of("second", "client-1", 100);
	struct account old = login_of("first", "client-0", 50);

	secret_set(&stored.previous_refresh_token, "first");
	CU_ASSERT_FALSE(merge_account(&stored, &old));
	CU_ASSERT_STRING_EQUAL(secret_reveal(&stored.refresh_token), "second");
	CU_ASSERT_STRING_EQUAL(secret_reveal(&stored.client_secret), "client-1");
	account_release(&stored);
	account_release(&old);
}

static void client_brings_its_own_end(void)
{
	struct account stored = login_of("first", "client-1", 100);
	struct account same = login_of("first", "client-1", 0), later = login_of("second", "c2", 0);

	CU_ASSERT_TRUE(merge_account(&stored, &same));
	CU_ASSERT_EQUAL(stored.client_expires_at, 100);
	CU_ASSERT_TRUE(merge_account(&stored, &later));
	CU_ASSERT_EQUAL(stored.client_expires_at, 0); /* of the new one nothing is known */
	CU_ASSERT_STRING_EQUAL(secret_reveal(&stored.previous_refresh_token), "first");
	account_release(&stored);
	account_release(&same);
	account_release(&later);
}

CU_TestInfo merge_tests[] = {
	{ "token that was renewed meanwhile stays", token_that_was_renewed_meanwhile_stays },
	{ "client brings its own end", client_brings_its_own_end },
	CU_TEST_INFO_NULL,
};
