/*
 * Activation codes in files of other programs: their machine, their days, and the accounts that
 * they bring.
 */
#include "common/base.h"
#include "tests/unit/import_tests.h"

#include "common/clock.h"
#include "common/import_plan.h"
#include "common/keys.h"
#include "tests/unit/scratch.h"

/* The code that entry of the file has. */
static const struct import_code *code_of(const struct import *i, size_t entry)
{
	return &i->entries[entry - 1].code;
}

static void codes_come_with_their_machine_and_days(void)
{
	const struct import_code *c;
	struct error e = { 0 };
	struct import i;

	clock_set_wall(1795255200); /* 2026-11-21T10:00:00Z */
	load(&i, "codes.json");
	c = code_of(&i, 1);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&c->text), "act-4ZJ6-NK46-QJBG-DTZD");
	CU_ASSERT_TRUE(c->alone && c->key.code.is);
	CU_ASSERT_EQUAL(c->key.pool, POOL_OWN);
	CU_ASSERT_EQUAL(c->key.code.days, 30);
	CU_ASSERT_EQUAL(c->key.code.first_used_at, 1770783784); /* 2026-02-11T04:23:04Z */
	CU_ASSERT_EQUAL(c->key.expires_at, 1770783784 + 30 * 86400);
	CU_ASSERT_EQUAL(code_check_machine(&c->key.code, "c0a08047cb478115587f035b8c1245cc", &e),
			0);
	CU_ASSERT_EQUAL(code_check_machine(&c->key.code, "c0a08047", &e), -1);
	c = code_of(&i, 2); /* not activated: for the first machine, and its days have not begun */
	CU_ASSERT_TRUE(c->key.code.one_machine && !*c->key.code.machine_hash);
	CU_ASSERT_EQUAL(c->key.code.days, 90);
	CU_ASSERT_EQUAL(c->key.expires_at, 0);
	CU_ASSERT_TRUE(code_waits(&c->key));
	CU_ASSERT_EQUAL(code_of(&i, 3)->key.expires_at, 1770783784); /* no days: it has ended */
	c = code_of(&i, 4);
	CU_ASSERT_EQUAL(c->key.expires_at, 1893542400); /* the end of 2030-01-01 */
	CU_ASSERT_STRING_EQUAL(c->key.name, "Bea");
	import_release(&i);

	load(&i, "user-credentials.json");
	c = code_of(&i, 1);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&c->text), "act-USER001");
	CU_ASSERT_FALSE(c->alone || c->key.code.one_machine);
	CU_ASSERT_EQUAL(c->key.expires_at, 0);
	CU_ASSERT_STRING_EQUAL(c->key.name, "User A");
	import_release(&i);
	clock_set_wall(0);
}

static void codes_that_no_header_can_hold_are_refused(void)
{
	CU_ASSERT_TRUE(
		begins(refusal("[{\"code\":\"A B\",\"active\":true}]"), "its activation code"));
	CU_ASSERT_TRUE(begins(refusal("[{\"code\":\"\",\"active\":true}]"), "its activation code"));
	CU_ASSERT_STRING_EQUAL(refusal("[{\"code\":12345678,\"active\":true}]"),
			       "code: must be a text, in quotes");
	CU_ASSERT_STRING_EQUAL(refusal("{\"act-1\":{\"activation_code\":12345678}}"),
			       "activation_code: must be a text, in quotes");
	CU_ASSERT_TRUE(begins(refusal("[{\"code\":\"A\",\"active\":true,\"machineId\":\"a b\"}]"),
			      "machineId:"));
	CU_ASSERT_TRUE(
		begins(refusal("[{\"code\":\"A\",\"active\":true,\"expiresDate\":\"soon\"}]"),
		       "expiresDate:"));
}

/* What would be done with each of the entries, as verdicts of both kinds. */
static void planned(struct import *i, const struct roster *r, const struct store *keys,
		    enum import_verdict verdict, const char *words)
{
	struct import_plan *plans = xcalloc(i->count, sizeof(*plans));
	struct error e = { 0 };

	CU_ASSERT_EQUAL(import_plan(plans, i, r, keys, &e), 0);
	CU_ASSERT_EQUAL(import_verdict(&plans[0]), verdict);
	CU_ASSERT_PTR_NOT_NULL(strstr(plans[0].reason, words));
	free(plans);
}

static void an_account_goes_to_the_code_that_brings_it(void)
{
	char dir[SCRATCH_SIZE], text[KEY_TEXT_SIZE] = "act-user001";
	struct key key = { .code = { .is = true } }, found;
	struct roster none = { NULL, 0 };
	struct error e = { 0 };
	struct store keys;
	struct import i;

	scratch_store(dir, "keys", &keys);
	load(&i, "user-credentials.json");
	planned(&i, &none, NULL, IMPORT_ADD, "can be guessed");
	CU_ASSERT_STRING_EQUAL(i.entries[0].account.owner, i.entries[0].code.key.id);
	import_release(&i);

	CU_ASSERT_EQUAL(keys_add_known(&keys, "User A", &key, text, &e), 0);
	CU_ASSERT_EQUAL(keys_named(&keys, "User A", &found, &e), 1);
	load(&i, "user-credentials.json");
	planned(&i, &none, &keys, IMPORT_ADD, "the code is there already, User A");
	CU_ASSERT_STRING_EQUAL(i.entries[0].account.owner, found.id);
	import_release(&i);

	load(&i, "codes.json"); /* a name that is taken */
	snprintf(i.entries[0].code.key.name, KEY_NAME_SIZE, "User A");
	planned(&i, &none, &keys, IMPORT_ADD, "code User A (2), serves nobody without");
	import_release(&i);
	store_close(&keys);
	scratch_remove(dir);
}

CU_TestInfo import_code_tests[] = {
	{ "codes come with their machine and days", codes_come_with_their_machine_and_days },
	{ "codes that no header can hold are refused", codes_that_no_header_can_hold_are_refused },
	{ "an account goes to the code that brings it",
	  an_account_goes_to_the_code_that_brings_it },
	CU_TEST_INFO_NULL,
};
