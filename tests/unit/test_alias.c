#include "common/base.h"
#include "common/alias.h"
#include "common/limits.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>

static char dir[SCRATCH_SIZE];
static struct store s;
static struct error e;

static void begin(void)
{
	scratch_store(dir, "keys", &s);
	error_clear(&e);
}

static void end(void)
{
	store_close(&s);
	scratch_remove(dir);
}

static void alias_is_set_replaced_and_removed(void)
{
	struct alias alias;
	struct buf json;

	begin();
	CU_ASSERT_EQUAL(alias_find(&s, "gpt-4o", &alias, &e), 0);
	CU_ASSERT_EQUAL(alias_set(&s, "gpt-4o", "claude-sonnet-4.5", &e), 0);
	CU_ASSERT_EQUAL(alias_find(&s, "gpt-4o", &alias, &e), 1);
	CU_ASSERT_STRING_EQUAL(alias.name, "gpt-4o");
	CU_ASSERT_STRING_EQUAL(alias.target, "claude-sonnet-4.5");
	CU_ASSERT_EQUAL(alias_set(&s, "gpt-4o", "auto", &e), 0);
	CU_ASSERT_EQUAL(alias_find(&s, "gpt-4o", &alias, &e), 1);
	CU_ASSERT_STRING_EQUAL(alias.target, "auto");
	buf_init(&json, LIMIT_RECORD);
	CU_ASSERT_EQUAL(store_get(&s, "m/gpt-4o", &json, &e), 1);
	CU_ASSERT_STRING_EQUAL(json.at, "{\"v\":1,\"rev\":2,\"target\":\"auto\"}");
	buf_release(&json);
	CU_ASSERT_EQUAL(alias_remove(&s, "gpt-4o", &e), 0);
	CU_ASSERT_EQUAL(alias_remove(&s, "gpt-4o", &e), 1);
	CU_ASSERT_EQUAL(alias_find(&s, "gpt-4o", &alias, &e), 0);
	end();
}

static void bad_names_are_refused(void)
{
	char longest[ALIAS_SIZE + 1];
	const char *bad[] = { "", "a b", "a\n", "\xC3\xA4", longest };
	struct alias alias;

	begin();
	memset(longest, 'n', ALIAS_SIZE);
	longest[ALIAS_SIZE] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		error_clear(&e);
		CU_ASSERT_EQUAL(alias_set(&s, bad[i], "auto", &e), -1);
		CU_ASSERT_EQUAL(e.kind, ERR_REQUEST);
		error_clear(&e);
		CU_ASSERT_EQUAL(alias_set(&s, "auto", bad[i], &e), -1);
		error_clear(&e);
		CU_ASSERT_EQUAL(alias_find(&s, bad[i], &alias, &e), 0);
		CU_ASSERT_EQUAL(alias_remove(&s, bad[i], &e), 1);
	}
	CU_ASSERT_EQUAL(alias_set(&s, longest + 1, "auto", &e), 0);
	CU_ASSERT_EQUAL(alias_find(&s, longest + 1, &alias, &e), 1);
	CU_ASSERT_STRING_EQUAL(alias.name, longest + 1);
	end();
}

static int see(void *context, const struct alias *alias)
{
	CU_ASSERT_STRING_EQUAL(alias->target, "auto");
	++*(int *)context;
	return 0;
}

static void each_gives_aliases_only(void)
{
	int seen = 0;

	begin();
	alias_set(&s, "one", "auto", &e);
	alias_set(&s, "vendor/two", "auto", &e);
	store_put(&s, "k/00", span_of("{}"), &e);
	CU_ASSERT_EQUAL(alias_each(&s, see, &seen, NULL, &e), 0);
	CU_ASSERT_EQUAL(seen, 2);
	end();
}

static void unreadable_record_is_an_error(void)
{
	struct alias alias;
	int seen = 0;

	begin();
	store_put(&s, "m/one", span_of("{\"v\":1}"), &e);
	CU_ASSERT_EQUAL(alias_find(&s, "one", &alias, &e), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_STORE);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "one"));

	/* and hides no other */
	error_clear(&e);
	alias_set(&s, "two", "auto", &e);
	alias_set(&s, "a-first", "auto", &e);
	CU_ASSERT_EQUAL(alias_each(&s, see, &seen, NULL, &e), -1);
	CU_ASSERT_EQUAL(seen, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "one"));
	end();
}

CU_TestInfo alias_tests[] = {
	{ "alias is set, replaced and removed", alias_is_set_replaced_and_removed },
	{ "bad names are refused", bad_names_are_refused },
	{ "each gives aliases only", each_gives_aliases_only },
	{ "unreadable record is an error", unreadable_record_is_an_error },
	CU_TEST_INFO_NULL,
};
