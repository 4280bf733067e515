/*
 * What an import stores: all its accounts in one step of their store, all its codes in one of
 * theirs, or nothing.
 */
#include "common/base.h"
#include "common/import_plan.h"

#include "common/keys.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/store_parts.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>

#define LOGIN(n) "\"refreshToken\":\"FAKE-refresh-store-" #n "-00000000000\""
#define USER(n)                                                                                    \
	"\"act-user00" #n "\":{\"activation_code\":\"act-user00" #n "\",\"user_name\":\"User " #n  \
	"\",\"credentials\":{" LOGIN(n) "}}"

static const char two_codes[] = "{" USER(1) "," USER(2) "}";
static const char one_known[] = "[{" LOGIN(1) ",\"email\":\"ann@example.com\"},{" LOGIN(3) "}]";
#define ARN "arn:aws:codewhisperer:us-east-1:123456789012:profile/AAAAAAAAAAAA"
static const char both_are_ann[] = "[{" LOGIN(1) ",\"profileArn\":\"" ARN "\"},"
						 "{" LOGIN(9) ",\"email\":\"ann@example.com\"}]";

static char tokens_dir[SCRATCH_SIZE], keys_dir[SCRATCH_SIZE];
static struct store tokens, keys;
static struct error e;

static struct import import;
static struct import_plan *plans;
static struct roster roster;

static void begin(void)
{
	scratch_store(tokens_dir, "tokens", &tokens);
	scratch_store(keys_dir, "keys", &keys);
	error_clear(&e);
}

static void end(void)
{
	store_close(&tokens);
	store_close(&keys);
	scratch_remove(tokens_dir);
	scratch_remove(keys_dir);
}

static void plan(const char *text)
{
	struct error unread = { .kind = ERR_NONE };

	error_clear(&e);
	import = (struct import){ .entries = NULL };
	roster_init(&roster);
	CU_ASSERT_EQUAL_FATAL(import_read(&import, "text", span_of(text), &e), 0);
	roster_load(&roster, &tokens, &unread);
	plans = xcalloc(import.count, sizeof(*plans));
	CU_ASSERT_EQUAL(import_plan(plans, &import, &roster, &keys, &e), 0);
}

/* How it went, and whether the accounts were stored. */
static int carry_out(bool *accounts)
{
	return import_carry_out(&tokens, &keys, plans, &import, accounts, &e);
}

static void forget(void)
{
	free(plans);
	roster_release(&roster);
	import_release(&import);
}

static int64_t generation(const struct store *s)
{
	struct meta meta;

	CU_ASSERT_EQUAL(store_meta(s, &meta, &e), 0);
	return meta.generation;
}

static size_t records(const struct store *s)
{
	size_t good = 0, bad = 0;

	CU_ASSERT_EQUAL(store_verify(s, &good, &bad, &e), 0);
	CU_ASSERT_EQUAL(bad, 0);
	return good;
}

static void each_store_is_written_once(void)
{
	int64_t before, codes;
	bool accounts;

	begin();
	before = generation(&tokens);
	codes = generation(&keys);
	plan(two_codes);
	CU_ASSERT_EQUAL(carry_out(&accounts), 0);
	CU_ASSERT_TRUE(accounts);
	CU_ASSERT_PTR_NOT_NULL(strstr(plans[1].reason, import.entries[1].account.id));
	forget();
	CU_ASSERT_EQUAL(generation(&tokens), before + 1);
	CU_ASSERT_EQUAL(generation(&keys), codes + 1);
	CU_ASSERT_EQUAL(records(&tokens), 2);
	CU_ASSERT_EQUAL(records(&keys), 2);

	plan(one_known); /* one gets an e-mail, one is new */
	CU_ASSERT_EQUAL(plans[0].verdict, IMPORT_UPDATE);
	CU_ASSERT_EQUAL(plans[1].verdict, IMPORT_ADD);
	CU_ASSERT_EQUAL(carry_out(&accounts), 0);
	CU_ASSERT_STRING_EQUAL(plans[0].account->email, "ann@example.com");
	forget();
	CU_ASSERT_EQUAL(generation(&tokens), before + 2);
	CU_ASSERT_EQUAL(generation(&keys), codes + 1);
	CU_ASSERT_EQUAL(records(&tokens), 3);

	plan(one_known); /* nothing is new in it */
	CU_ASSERT_EQUAL(carry_out(&accounts), 0);
	forget();
	CU_ASSERT_EQUAL(generation(&tokens), before + 2);
	end();
}

/* One knows the stored account by its token, the other by its e-mail: the second sees what the
 * first has changed. */
static void two_entries_of_one_account_are_merged_in_turn(void)
{
	struct account *ann;
	bool accounts;

	begin();
	plan("[{" LOGIN(1) ",\"email\":\"ann@example.com\"}]");
	CU_ASSERT_EQUAL(carry_out(&accounts), 0);
	forget();
	plan(both_are_ann);
	CU_ASSERT_EQUAL(plans[0].verdict, IMPORT_UPDATE);
	CU_ASSERT_EQUAL(plans[1].verdict, IMPORT_UPDATE);
	CU_ASSERT_EQUAL(carry_out(&accounts), 0);
	forget();
	CU_ASSERT_EQUAL(records(&tokens), 1);
	CU_ASSERT_EQUAL(roster_load(&roster, &tokens, &e), 0);
	ann = roster.accounts;
	CU_ASSERT_STRING_EQUAL(ann->profile_arn, ARN);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&ann->refresh_token),
			       "FAKE-refresh-store-9-00000000000");
	CU_ASSERT_STRING_EQUAL(secret_reveal(&ann->previous_refresh_token),
			       "FAKE-refresh-store-1-00000000000");
	roster_release(&roster);
	end();
}

/* What is known of an account by its person, what by its credential: whichever of the two stored
 * ones the roster begins with. */
static void a_credential_tells_more_than_a_person(void)
{
	static const char both[] = "[{" LOGIN(1) ",\"email\":\"ann@example.com\"},"
						 "{" LOGIN(2) ",\"email\":\"bob@example.com\"}]";
	static const char mixed[] = "[{" LOGIN(1) ",\"email\":\"bob@example.com\"},"
						  "{" LOGIN(2) ",\"email\":\"ann@example.com\"}]";
	bool accounts;

	begin();
	plan(both);
	CU_ASSERT_EQUAL(carry_out(&accounts), 0);
	forget();
	plan(mixed);
	for (size_t i = 0; i < 2; i++) {
		const struct account *known = plans[i].account;

		CU_ASSERT_EQUAL(plans[i].match, ROSTER_SAME);
		CU_ASSERT_STRING_EQUAL(secret_reveal(&known->refresh_token),
				       secret_reveal(&import.entries[i].account.refresh_token));
	}
	forget();
	end();
}

static void a_code_that_came_before_is_kept_once(void)
{
	static const char file[] =
		"{" USER(1) ",\"again\":{\"activation_code\":\"ACT-USER001\","
			    "\"user_name\":\"Again\",\"credentials\":{" LOGIN(3) "}}," USER(2) "}";
	bool accounts;

	begin();
	plan(file);
	CU_ASSERT_EQUAL(plans[0].code, IMPORT_ADD);
	CU_ASSERT_EQUAL(plans[1].code, IMPORT_KEEP);
	CU_ASSERT_STRING_EQUAL(plans[1].code_reason, "the code came before");
	CU_ASSERT_EQUAL(plans[2].code, IMPORT_ADD);
	CU_ASSERT_EQUAL(carry_out(&accounts), 0);
	forget();
	CU_ASSERT_EQUAL(records(&keys), 2);
	end();
}

static bool take_any(void *context, size_t index, struct span now)
{
	(void)context, (void)index, (void)now;
	return true;
}

/* All but one place is taken. */
static void fill(void)
{
	struct record *all = xcalloc(LIMIT_ACCOUNTS, sizeof(*all));
	static char names[LIMIT_ACCOUNTS][16];

	for (size_t i = 0; i + 1 < LIMIT_ACCOUNTS; i++) {
		snprintf(names[i], sizeof(names[i]), "a/%zu", i);
		all[i] = (struct record){ names[i], span_of("{}") };
	}
	CU_ASSERT_EQUAL(store_merge(&tokens, all, LIMIT_ACCOUNTS - 1, take_any, NULL, &e), 0);
	free(all);
}

static void what_is_too_much_is_not_begun(void)
{
	struct log_options quiet = { .file = "/dev/null" }, loud = { .level = LOG_INFO };
	int64_t before, codes;
	bool accounts;

	begin();
	fill();
	before = generation(&tokens);
	codes = generation(&keys);
	log_open(&quiet);
	plan(two_codes);
	log_open(&loud);
	CU_ASSERT_EQUAL(carry_out(&accounts), -1);
	CU_ASSERT_FALSE(accounts);
	CU_ASSERT_EQUAL(e.kind, ERR_REQUEST);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "there are 9999 accounts"));
	forget();
	error_clear(&e);
	CU_ASSERT_EQUAL(generation(&tokens), before);
	CU_ASSERT_EQUAL(generation(&keys), codes);
	end();
}

/* Somebody takes a code's name between the look and the deed. */
static void codes_come_all_or_none_and_the_next_time_mends_it(void)
{
	struct key template = { .role = KEY_USER }, ann, *owner;
	char text[KEY_TEXT_SIZE] = "";
	bool accounts;

	begin();
	plan(two_codes);
	CU_ASSERT_EQUAL(keys_add(&keys, "User 2", &template, text, &e), 0);
	CU_ASSERT_EQUAL(carry_out(&accounts), -1);
	CU_ASSERT_TRUE(accounts);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "User 2"));
	forget();
	error_clear(&e);
	CU_ASSERT_EQUAL(records(&tokens), 2);
	CU_ASSERT_EQUAL(records(&keys), 1);

	plan(two_codes);
	CU_ASSERT_EQUAL(plans[0].verdict, IMPORT_KEEP);
	CU_ASSERT_EQUAL(plans[0].code, IMPORT_ADD);
	CU_ASSERT_EQUAL(carry_out(&accounts), 0);
	CU_ASSERT_EQUAL(keys_named(&keys, "User 2 (2)", &ann, &e), 1);
	owner = &import.entries[1].code.key;
	CU_ASSERT_STRING_EQUAL(owner->id, ann.id);
	for (size_t i = 0; i < roster.count; i++) /* the accounts have had their owners all along */
		CU_ASSERT_TRUE(strcmp(roster.accounts[i].owner, ann.id) == 0 ||
			       strcmp(roster.accounts[i].owner, import.entries[0].code.key.id) ==
				       0);
	forget();
	CU_ASSERT_EQUAL(records(&tokens), 2);
	CU_ASSERT_EQUAL(records(&keys), 3);
	end();
}

/* Two imports of one file at a time, as a button that was pressed twice makes them: a second
 * account of the same login would use up the first one's tokens. */
static void the_same_login_is_not_added_twice(void)
{
	struct import_plan *earlier;
	struct import first;
	bool accounts;

	begin();
	plan(two_codes);
	first = import;
	earlier = plans;
	roster_release(&roster);
	plan(one_known); /* LOGIN(1) is in both */
	CU_ASSERT_EQUAL(plans[0].verdict, IMPORT_ADD);
	CU_ASSERT_EQUAL(import_carry_out(&tokens, &keys, earlier, &first, &accounts, &e), 0);
	CU_ASSERT_EQUAL(carry_out(&accounts), -1);
	CU_ASSERT_FALSE(accounts);
	CU_ASSERT_EQUAL(e.kind, ERR_REQUEST);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, first.entries[0].account.id));
	CU_ASSERT_PTR_NULL(strstr(e.message, "FAKE-refresh"));
	forget();
	free(earlier);
	import_release(&first);
	error_clear(&e);
	CU_ASSERT_EQUAL(records(&tokens), 2);

	plan(one_known);
	CU_ASSERT_EQUAL(plans[0].verdict, IMPORT_UPDATE);
	CU_ASSERT_EQUAL(carry_out(&accounts), 0);
	forget();
	CU_ASSERT_EQUAL(records(&tokens), 3);
	end();
}

/* Of a new account its key or its refresh token decides, also where that is used up by now. */
static void a_credential_is_known_whatever_it_is_there(void)
{
	static const struct {
		const char *key, *token;
		int rc;
	} rows[] = {
		{ NULL, "FAKE-new", 0 },
		{ "ksk_FAKE1", NULL, 0 },
		{ "ksk_FAKE2", NULL, 0 },
		{ NULL, "FAKE-another", 0 },
		{ NULL, "FAKE-used-up", -1 },
		{ "ksk_FAKE1", NULL, -1 },
		{ NULL, "FAKE-another", -1 },
		{ NULL, "FAKE-anothers", 0 },
		{ NULL, NULL, 0 },
		{ NULL, NULL, 0 },
	};

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct account a;

		account_init(&a);
		a.kind = rows[i].key ? KIND_API_KEY : KIND_SOCIAL;
		secret_set(&a.api_key, rows[i].key);
		secret_set(&a.refresh_token, rows[i].token);
		secret_set(&a.previous_refresh_token, i ? NULL : "FAKE-used-up");
		roster_enroll(&a, 1790000000);
		CU_ASSERT_EQUAL(roster_put(&tokens, &a, &e), rows[i].rc);
		CU_ASSERT_EQUAL(e.kind, rows[i].rc ? ERR_REQUEST : ERR_NONE);
		error_clear(&e);
		account_release(&a);
	}
	CU_ASSERT_EQUAL(records(&tokens), 7);
	end();
}

static bool renew(struct account *stored, void *context)
{
	stored->refreshed_at = 1790000000;
	account_set_state(stored, *(enum account_state *)context, NULL, 1790000000, 0);
	return true;
}

/* A list of accounts has no dates. Imported again later, it must not put its first tokens, long
 * used up, in the place of those that were renewed since, nor another login's client beside them.
 */
static void tokens_without_a_date_replace_none_that_work(void)
{
	enum account_state active = STATE_ACTIVE, invalid = STATE_INVALID;
	bool accounts;

	begin();
	plan("[{" LOGIN(1) ",\"email\":\"ann@example.com\"}]");
	CU_ASSERT_EQUAL(carry_out(&accounts), 0);
	forget();
	plan("[{" LOGIN(9) ",\"email\":\"ann@example.com\"}]"); /* neither has proved itself */
	CU_ASSERT_EQUAL(plans[0].verdict, IMPORT_UPDATE);
	CU_ASSERT_EQUAL(roster_change(&tokens, plans[0].account, renew, &active, &e), 0);
	forget();
	plan("[{" LOGIN(9) ",\"email\":\"ann@example.com\"}]");
	CU_ASSERT_EQUAL(plans[0].verdict, IMPORT_KEEP);
	CU_ASSERT_EQUAL(roster_change(&tokens, plans[0].account, renew, &invalid, &e), 0);
	forget();
	plan("[{" LOGIN(9) ",\"email\":\"ann@example.com\"}]");
	CU_ASSERT_EQUAL(plans[0].verdict, IMPORT_UPDATE);
	forget();
	end();
}

CU_TestInfo import_store_tests[] = {
	{ "each store is written once", each_store_is_written_once },
	{ "two entries of one account are merged in turn",
	  two_entries_of_one_account_are_merged_in_turn },
	{ "a credential tells more than a person", a_credential_tells_more_than_a_person },
	{ "a code that came before is kept once", a_code_that_came_before_is_kept_once },
	{ "what is too much is not begun", what_is_too_much_is_not_begun },
	{ "codes come all or none, and the next time mends it",
	  codes_come_all_or_none_and_the_next_time_mends_it },
	{ "the same login is not added twice", the_same_login_is_not_added_twice },
	{ "a credential is known whatever it is there",
	  a_credential_is_known_whatever_it_is_there },
	{ "tokens without a date replace none that work",
	  tokens_without_a_date_replace_none_that_work },
	CU_TEST_INFO_NULL,
};
