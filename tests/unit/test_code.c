#include "common/base.h"
#include "common/clock.h"
#include "common/code_add.h"
#include "common/json.h"
#include "common/keys.h"
#include "common/limits.h"
#include "common/roster.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>

#define NOW INT64_C(1795255200) /* 2026-11-21T10:00:00Z */
#define DAY INT64_C(86400)

static char dir[SCRATCH_SIZE];
static struct store s;
static struct error e;

static void begin(void)
{
	clock_set_wall(NOW);
	scratch_store(dir, "keys", &s);
	error_clear(&e);
}

static void end(void)
{
	store_close(&s);
	scratch_remove(dir);
	clock_set_wall(0);
}

static struct key a_code(void)
{
	return (struct key){ .role = KEY_USER, .pool = POOL_OWN, .code = { .is = true } };
}

static void made_codes_have_the_form_of_codes(void)
{
	struct key settings = a_code(), found;
	char one[KEY_TEXT_SIZE] = "", two[KEY_TEXT_SIZE] = "";

	begin();
	CU_ASSERT_EQUAL(keys_add(&s, "ann", &settings, one, &e), 0);
	CU_ASSERT_EQUAL(keys_add(&s, "bob", &settings, two, &e), 0);
	CU_ASSERT_EQUAL(strlen(one), 4 + 7 * 4 + 6);
	CU_ASSERT_EQUAL(strspn(one + 4, "0123456789ABCDEFGHJKMNPQRSTVWXYZ-"), 34);
	CU_ASSERT_STRING_NOT_EQUAL(one, two);
	CU_ASSERT_EQUAL(keys_find(&s, one, &found, &e), 1);
	CU_ASSERT_STRING_EQUAL(found.name, "ann");
	CU_ASSERT_TRUE(found.code.is);
	CU_ASSERT_EQUAL(strlen(found.prefix), 8);
	CU_ASSERT_EQUAL(found.pool, POOL_OWN);
	end();
}

static void codes_do_not_tell_capitals_and_keys_do(void)
{
	char code[KEY_TEXT_SIZE] = "act-4ZJ6-nk46-QJBG-DTZD", key[KEY_TEXT_SIZE] = "";
	struct key settings = a_code(), found;

	begin();
	CU_ASSERT_EQUAL(keys_add(&s, "ann", &settings, code, &e), 0);
	CU_ASSERT_STRING_EQUAL(code, "act-4ZJ6-NK46-QJBG-DTZD");
	CU_ASSERT_EQUAL(keys_find(&s, "act-4zj6-nk46-qjbg-dtzd", &found, &e), 1);
	CU_ASSERT_EQUAL(keys_find(&s, "ACT-4ZJ6-NK46-QJBG-DTZD", &found, &e), 1);
	CU_ASSERT_EQUAL(keys_find(&s, "act-4zj6-nk46-qjbg-dtze", &found, &e), 0);
	CU_ASSERT_EQUAL(keys_find(&s, "4ZJ6-NK46-QJBG-DTZD", &found, &e), 0);
	CU_ASSERT_EQUAL(keys_add(&s, "laptop", NULL, key, &e), 0);
	key[5] ^= 0x20;
	CU_ASSERT_EQUAL(keys_find(&s, key, &found, &e), 0);
	end();
}

/* What another gateway gave out works on; nobody makes such a code anew. */
static void weak_codes_come_from_other_gateways_only(void)
{
	char weak[KEY_TEXT_SIZE] = "act-user001", other[KEY_TEXT_SIZE] = "kiro-0123456789abcdef";
	struct key settings = a_code(), found;

	begin();
	CU_ASSERT_EQUAL(keys_add(&s, "ann", &settings, weak, &e), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "too weak"));
	error_clear(&e);
	CU_ASSERT_EQUAL(keys_add_known(&s, "ann", &settings, weak, &e), 0);
	CU_ASSERT_EQUAL(keys_find(&s, "act-user001", &found, &e), 1);
	CU_ASSERT_STRING_EQUAL(found.prefix, "act-");
	CU_ASSERT_EQUAL(keys_add(&s, "bob", &settings, other, &e), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "begins with act-"));
	end();
}

static void a_rotated_code_is_a_code_of_the_same_machine(void)
{
	char old[KEY_TEXT_SIZE] = "", fresh[KEY_TEXT_SIZE] = "";
	struct key settings = a_code(), found;

	begin();
	code_bind(&settings.code, "machine-of-ann");
	CU_ASSERT_EQUAL(keys_add(&s, "ann", &settings, old, &e), 0);
	CU_ASSERT_EQUAL(keys_rotate(&s, "ann", NOW + 60, fresh, &e), 0);
	CU_ASSERT_EQUAL(strncmp(fresh, "act-", 4), 0);
	CU_ASSERT_EQUAL(keys_find(&s, fresh, &found, &e), 1);
	CU_ASSERT_TRUE(found.code.is);
	CU_ASSERT_EQUAL(code_check_machine(&found.code, "machine-of-ann", &e), 0);
	CU_ASSERT_EQUAL(code_check_machine(&found.code, "another", &e), -1);
	end();
}

static int checked(const struct code *code, const char *machine)
{
	error_clear(&e);
	return code_check_machine(code, machine, &e);
}

static void a_code_is_for_its_machine(void)
{
	struct code code = { .is = true };

	CU_ASSERT_EQUAL(checked(&code, NULL), 0);
	CU_ASSERT_EQUAL(checked(&code, "x"), 0);
	code_bind(&code, NULL);
	CU_ASSERT_EQUAL(checked(&code, NULL), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_FORBIDDEN);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "device mismatch"));
	CU_ASSERT_EQUAL(checked(&code, "any at all"), 0);
	code_bind(&code, "c0a08047cb478115587f035b8c1245cc");
	CU_ASSERT_STRING_EQUAL(code.machine, "c0a08047...");
	CU_ASSERT_EQUAL(checked(&code, "c0a08047cb478115587f035b8c1245cc"), 0);
	CU_ASSERT_EQUAL(checked(&code, "c0a08047cb478115587f035b8c1245cd"), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "device mismatch"));
	CU_ASSERT_EQUAL(checked(&code, NULL), -1);
	code_bind(&code, "tiny");
	CU_ASSERT_STRING_EQUAL(code.machine, "t...");
	CU_ASSERT_FALSE(code_machine_good(""));
	CU_ASSERT_FALSE(code_machine_good("a b"));
	CU_ASSERT_FALSE(code_machine_good("a\n"));
	CU_ASSERT_TRUE(code_machine_good("A1-b2_c3:d4"));
}

static void days_begin_with_the_first_use(void)
{
	struct key key = a_code();

	CU_ASSERT_FALSE(code_waits(&key));
	code_set_days(&key, 30);
	CU_ASSERT_EQUAL(key.expires_at, 0);
	CU_ASSERT_TRUE(code_waits(&key));
	code_use(&key, "ann's", NOW);
	CU_ASSERT_FALSE(code_waits(&key));
	CU_ASSERT_EQUAL(key.expires_at, NOW + 30 * DAY);
	CU_ASSERT_FALSE(key.code.one_machine);
	code_use(&key, "ann's", NOW + DAY);
	CU_ASSERT_EQUAL(key.expires_at, NOW + 30 * DAY);
	code_set_days(&key, 60);
	CU_ASSERT_EQUAL(key.expires_at, NOW + 60 * DAY);
	code_set_days(&key, 0);
	CU_ASSERT_EQUAL(key.expires_at, 0);

	key = a_code();
	code_set_days(&key, 30);
	key.expires_at = NOW + DAY; /* an earlier end stays */
	code_use(&key, NULL, NOW);
	CU_ASSERT_EQUAL(key.expires_at, NOW + DAY);
}

static void the_first_machine_has_it(void)
{
	struct key key = a_code();

	code_bind(&key.code, NULL);
	CU_ASSERT_TRUE(code_waits(&key));
	code_use(&key, "first", NOW);
	code_use(&key, "second", NOW);
	CU_ASSERT_EQUAL(checked(&key.code, "first"), 0);
	CU_ASSERT_EQUAL(checked(&key.code, "second"), -1);
	code_bind(&key.code, NULL); /* a reset */
	code_use(&key, "second", NOW + DAY);
	CU_ASSERT_EQUAL(checked(&key.code, "second"), 0);
	CU_ASSERT_EQUAL(key.code.first_used_at, NOW);
}

static void records_keep_all_of_a_code(void)
{
	struct key key = a_code(), read;
	struct buf json;
	cJSON *tree;

	error_clear(&e);
	snprintf(key.name, sizeof(key.name), "ann");
	snprintf(key.hash, sizeof(key.hash), "%064d", 7);
	code_set_days(&key, 30);
	code_bind(&key.code, NULL);
	for (int round = 0; round < 2; round++) {
		buf_init(&json, LIMIT_RECORD);
		key_write(&key, &json);
		tree = json_parse(buf_span(&json), &e);
		CU_ASSERT_EQUAL_FATAL(key_read(&read, tree, &e), 0);
		CU_ASSERT_EQUAL(memcmp(&read.code, &key.code, sizeof(key.code)), 0);
		CU_ASSERT_EQUAL(read.expires_at, key.expires_at);
		CU_ASSERT_PTR_NULL(strstr(json.at, "secret-machine"));
		cJSON_Delete(tree);
		buf_release(&json);
		memset(&key.code.machine, 0, sizeof(key.code.machine));
		code_use(&key, "secret-machine-id-0123456789", NOW);
	}
}

static void a_refused_code_is_called_one(void)
{
	char words[LIMIT_ERROR_TEXT];
	struct key key = a_code();

	key.expires_at = NOW;
	CU_ASSERT_STRING_EQUAL(key_refusal(&key, NOW, words),
			       "this activation code expired at 2026-11-21T10:00:00Z");
}

/* A copy of the tokens' file cannot be made: a directory is in its place. */
static void a_code_comes_with_its_account_or_not_at_all(void)
{
	char tokens_dir[SCRATCH_SIZE], text[KEY_TEXT_SIZE] = "";
	struct account account;
	struct key key = a_code(), found;
	struct store tokens;

	begin();
	scratch_store(tokens_dir, "tokens", &tokens);
	account_init(&account);
	account.id = xstrdup("acc_1");
	account.kind = KIND_API_KEY;
	secret_set(&account.api_key, "ksk_0123456789abcdef0123456789abcdef");
	CU_ASSERT_EQUAL(roster_put(&tokens, &account, &e), 0);
	CU_ASSERT_EQUAL_FATAL(mkdir(tokens.new_path, 0700), 0);
	CU_ASSERT_EQUAL(code_add(&s, &tokens, "ann", &key, &account, text, &e), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, tokens.path));
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "the activation code was not added"));
	error_clear(&e);
	CU_ASSERT_EQUAL(keys_named(&s, "ann", &found, &e), 0);

	CU_ASSERT_EQUAL(rmdir(tokens.new_path), 0);
	key = a_code();
	*text = '\0';
	CU_ASSERT_EQUAL(code_add(&s, &tokens, "ann", &key, &account, text, &e), 0);
	CU_ASSERT_EQUAL(keys_find(&s, text, &found, &e), 1);
	CU_ASSERT_STRING_EQUAL(account.owner, found.id);
	CU_ASSERT_EQUAL(code_add(&s, &tokens, "ann", &key, NULL, text, &e), -1); /* is there */
	error_clear(&e);
	CU_ASSERT_EQUAL(keys_named(&s, "ann", &found, &e), 1);
	account_release(&account);
	store_close(&tokens);
	scratch_remove(tokens_dir);
	end();
}

CU_TestInfo code_tests[] = {
	{ "a_code_comes_with_its_account_or_not_at_all",
	  a_code_comes_with_its_account_or_not_at_all },
	{ "made_codes_have_the_form_of_codes", made_codes_have_the_form_of_codes },
	{ "codes_do_not_tell_capitals_and_keys_do", codes_do_not_tell_capitals_and_keys_do },
	{ "weak_codes_come_from_other_gateways_only", weak_codes_come_from_other_gateways_only },
	{ "a_rotated_code_is_a_code_of_the_same_machine",
	  a_rotated_code_is_a_code_of_the_same_machine },
	{ "a_code_is_for_its_machine", a_code_is_for_its_machine },
	{ "days_begin_with_the_first_use", days_begin_with_the_first_use },
	{ "the_first_machine_has_it", the_first_machine_has_it },
	{ "records_keep_all_of_a_code", records_keep_all_of_a_code },
	{ "a_refused_code_is_called_one", a_refused_code_is_called_one },
	CU_TEST_INFO_NULL,
};
