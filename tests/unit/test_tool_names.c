#include "common/base.h"
#include "common/limits.h"
#include "fcgi/tool_names.h"

#include <CUnit/CUnit.h>

struct fixture {
	struct arena arena;
	struct tool_names names;
};

static void setup(struct fixture *f)
{
	arena_init(&f->arena);
	tool_names_init(&f->names, &f->arena);
}

static bool accepted(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char all[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	return name[0] && strchr(letters, name[0]) && strlen(name) <= 64 &&
	       strspn(name, all) == strlen(name);
}

static void tool_names_keep_a_name_that_fits(void)
{
	static const char longest[] =
		"a23456789012345678901234567890123456789012345678901234567890_-64";
	struct fixture f;

	setup(&f);
	CU_ASSERT_EQUAL(strlen(longest), 64);
	CU_ASSERT_STRING_EQUAL(tool_names_add(&f.names, "Read"), "Read");
	CU_ASSERT_STRING_EQUAL(tool_names_add(&f.names, longest), longest);
	CU_ASSERT_STRING_EQUAL(tool_names_add(&f.names, "Read"), "Read");
	CU_ASSERT_EQUAL(f.names.count, 2);
	CU_ASSERT_STRING_EQUAL(tool_names_client(&f.names, "Read"), "Read");
	CU_ASSERT_STRING_EQUAL(tool_names_client(&f.names, "invented"), "invented");
	arena_release(&f.arena);
}

static void tool_names_shorten_and_map_back(void)
{
	static const char *const odd[] = {
		"mcp__a_server_with_a_long_name__and_a_tool_with_an_even_longer_name_1",
		"mcp__a_server_with_a_long_name__and_a_tool_with_an_even_longer_name_2",
		"9lives",
		"_private",
		"-dash",
		"a.b",
		"a b",
		"\xC3\xA9t\xC3\xA9",
		"\xE6\x90\x9C",
		"",
	};
	struct fixture f;

	setup(&f);
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
		CU_ASSERT_TRUE(accepted(tool_names_add(&f.names, odd[i])));
	CU_ASSERT_EQUAL(f.names.count, ARRAY_SIZE(odd));
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		const char *name = tool_names_add(&f.names, odd[i]);

		CU_ASSERT_STRING_EQUAL(tool_names_client(&f.names, name), odd[i]);
	}
	arena_release(&f.arena);
}

/* The first 8 digits of SHA-256("a.b"), from sha256sum. */
static void tool_names_show_the_hash(void)
{
	struct fixture f;

	setup(&f);
	CU_ASSERT_STRING_EQUAL(tool_names_add(&f.names, "a.b"), "a_b_2e7336dc");
	arena_release(&f.arena);
}

static void tool_names_survive_collisions_on_purpose(void)
{
	struct fixture f;
	const char *taken[40];

	/* Each round takes the short name that "a.b" would get as a name of its own. */
	setup(&f);
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		struct fixture round;
		const char *next;

		setup(&round);
		for (size_t k = 0; k < i; k++)
			tool_names_add(&round.names, taken[k]);
		next = tool_names_add(&round.names, "a.b");
		CU_ASSERT_TRUE(accepted(next));
		taken[i] = arena_strndup(&f.arena, next, strlen(next));
		for (size_t k = 0; k < i; k++)
			CU_ASSERT_STRING_NOT_EQUAL(taken[k], next);
		arena_release(&round.arena);
	}
	arena_release(&f.arena);
}

static void tool_names_give_a_late_fitting_name_another_when_its_own_is_taken(void)
{
	struct fixture f;
	const char *made, *own;

	setup(&f);
	made = tool_names_add(&f.names, "a.b");
	own = tool_names_add(&f.names, arena_strndup(&f.arena, made, strlen(made)));
	CU_ASSERT_STRING_NOT_EQUAL(made, own);
	CU_ASSERT_STRING_EQUAL(tool_names_client(&f.names, made), "a.b");
	CU_ASSERT_STRING_EQUAL(tool_names_client(&f.names, own), made);
	arena_release(&f.arena);
}

/* Or a client could choose 80,000 ids of calls that meet: each lookup would walk over all of them.
 */
static void places_cannot_be_foreseen(void)
{
	struct text_map maps[2];
	struct arena arena;
	size_t value;

	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		text_map_init(&maps[i], &arena);
		for (size_t k = 0; k < 1000; k++)
			text_map_put(&maps[i], arena_format(&arena, "toolu_%zu", k), k);
		CU_ASSERT_TRUE(text_map_get(&maps[i], "toolu_777", &value));
		CU_ASSERT_EQUAL(value, 777);
		CU_ASSERT_FALSE(text_map_get(&maps[i], "toolu_1000", NULL));
	}
	CU_ASSERT_NOT_EQUAL(maps[0].seed, maps[1].seed);
	arena_release(&arena);
}

CU_TestInfo tool_names_tests[] = {
	{ "places_cannot_be_foreseen", places_cannot_be_foreseen },
	{ "keep a name that fits", tool_names_keep_a_name_that_fits },
	{ "shorten and map back", tool_names_shorten_and_map_back },
	{ "show the hash", tool_names_show_the_hash },
	{ "survive collisions on purpose", tool_names_survive_collisions_on_purpose },
	{ "give a late fitting name another when its own is taken",
	  tool_names_give_a_late_fitting_name_another_when_its_own_is_taken },
	CU_TEST_INFO_NULL,
};
