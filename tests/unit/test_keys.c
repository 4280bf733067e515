#include "common/base.h"
#include "common/clock.h"
#include "common/keys.h"
#include "common/limits.h"
#include "common/secret.h"
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

static int add(const char *name, char text[static KEY_TEXT_SIZE])
{
	error_clear(&e);
	return keys_add(&s, name, NULL, text, &e);
}

static void made_key_is_found_and_is_not_stored(void)
{
	char text[KEY_TEXT_SIZE] = "", other[KEY_TEXT_SIZE];
	struct key key;
	struct buf file;

	begin();
	clock_set_wall(1800000000);
	CU_ASSERT_EQUAL(add("laptop", text), 0);
	CU_ASSERT_EQUAL(strlen(text), 48);
	CU_ASSERT_EQUAL(strncmp(text, "kiro-", 5), 0);
	CU_ASSERT_EQUAL(keys_find(&s, text, &key, &e), 1);
	CU_ASSERT_STRING_EQUAL(key.name, "laptop");
	CU_ASSERT_EQUAL(key.added_at, 1800000000);
	CU_ASSERT_EQUAL(strlen(key.prefix), 9);
	CU_ASSERT_EQUAL(strncmp(text, key.prefix, 9), 0);
	buf_init(&file, MB(1));
	CU_ASSERT_EQUAL(buf_read_file(&file, s.path), 0);
	CU_ASSERT_PTR_NULL(memmem(file.at, file.len, text, strlen(text)));
	CU_ASSERT_PTR_NULL(memmem(file.at, file.len, text + 16, 16));
	buf_release(&file);

	snprintf(other, sizeof(other), "%s", text);
	for (size_t i = 0; i < strlen(text); i++) {
		other[i] ^= 1;
		CU_ASSERT_EQUAL(keys_find(&s, other, &key, &e), 0);
		other[i] ^= 1;
	}
	other[47] = '\0';
	CU_ASSERT_EQUAL(keys_find(&s, other, &key, &e), 0);
	CU_ASSERT_EQUAL(keys_find(&s, "", &key, &e), 0);
	CU_ASSERT_EQUAL(e.kind, ERR_NONE);
	clock_set_wall(0);
	end();
}

static void given_key_is_taken_when_strong(void)
{
	char good[KEY_TEXT_SIZE] = "sixteen-chars-ok";
	char weak[][KEY_TEXT_SIZE] = { "123456", "changeme", "fifteen-chars-x", "CHANGEME" };
	char blank[KEY_TEXT_SIZE] = "has blanks in the middle";
	struct key key;
	size_t count;

	begin();
	CU_ASSERT_EQUAL(add("mine", good), 0);
	CU_ASSERT_STRING_EQUAL(good, "sixteen-chars-ok");
	CU_ASSERT_EQUAL(keys_find(&s, good, &key, &e), 1);
	CU_ASSERT_STRING_EQUAL(key.prefix, "sixt");
	for (size_t i = 0; i < ARRAY_SIZE(weak); i++) {
		CU_ASSERT_EQUAL(add("weak", weak[i]), -1);
		CU_ASSERT_EQUAL(e.kind, ERR_REQUEST);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "too weak"));
	}
	CU_ASSERT_EQUAL(add("blank", blank), -1);
	error_clear(&e);
	CU_ASSERT_EQUAL(keys_count(&s, &count, &e), 0);
	CU_ASSERT_EQUAL(count, 1);
	end();
}

static void names_and_keys_are_unique(void)
{
	char text[KEY_TEXT_SIZE] = "", second[KEY_TEXT_SIZE] = "";
	size_t count;

	begin();
	CU_ASSERT_EQUAL(add("laptop", text), 0);
	CU_ASSERT_EQUAL(add("laptop", second), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "laptop"));
	CU_ASSERT_EQUAL(add("phone", text), -1);
	CU_ASSERT_PTR_NULL(strstr(e.message, text));
	error_clear(&e);
	CU_ASSERT_EQUAL(keys_count(&s, &count, &e), 0);
	CU_ASSERT_EQUAL(count, 1);
	end();
}

static void bad_names_are_refused(void)
{
	char longest[65], text[KEY_TEXT_SIZE] = "";
	const char *bad[] = { "", "a\nb", "\x7F", "\xC3", longest };

	begin();
	memset(longest, 'n', 64);
	longest[64] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CU_ASSERT_EQUAL(add(bad[i], text), -1);
		CU_ASSERT_EQUAL(e.kind, ERR_REQUEST);
	}
	CU_ASSERT_EQUAL(add(longest + 1, text), 0);
	end();
}

static void removed_key_is_unknown(void)
{
	char text[KEY_TEXT_SIZE] = "", other[KEY_TEXT_SIZE] = "";
	struct key key;

	begin();
	add("one", text);
	add("two", other);
	CU_ASSERT_EQUAL(keys_remove(&s, "one", &e), 0);
	CU_ASSERT_EQUAL(keys_remove(&s, "one", &e), 1);
	CU_ASSERT_EQUAL(keys_find(&s, text, &key, &e), 0);
	CU_ASSERT_EQUAL(keys_find(&s, other, &key, &e), 1);
	CU_ASSERT_STRING_EQUAL(key.name, "two");
	end();
}

static int see(void *context, const struct key *key)
{
	int *seen = context;

	seen[strcmp(key->name, "one") == 0 ? 0 : 1]++;
	return 0;
}

static void each_gives_every_key(void)
{
	char text[KEY_TEXT_SIZE] = "", other[KEY_TEXT_SIZE] = "";
	int seen[2] = { 0, 0 };

	begin();
	add("one", text);
	add("two", other);
	CU_ASSERT_EQUAL(keys_each(&s, see, seen, &e), 0);
	CU_ASSERT_EQUAL(seen[0], 1);
	CU_ASSERT_EQUAL(seen[1], 1);
	end();
}

static void unreadable_store_is_no_unknown_key(void)
{
	struct key key;

	begin();
	CU_ASSERT_EQUAL(truncate(s.path, 0), 0);
	CU_ASSERT_EQUAL(keys_find(&s, "sixteen-chars-ok", &key, &e), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_STORE);
	end();
}

/* Both add the name "same" with keys of their own: one of them must fail. */
static int add_same(void *context)
{
	char text[KEY_TEXT_SIZE] = "";

	(void)context;
	return add("same", text) ? 1 : 0;
}

static void two_who_add_one_name_are_told_apart(void)
{
	size_t count;

	begin();
	for (int i = 0; i < 10; i++) {
		pid_t first = scratch_start(add_same, NULL), second = scratch_start(add_same, NULL);
		int failed = scratch_wait(first) + scratch_wait(second);

		CU_ASSERT_EQUAL(failed, 1);
		CU_ASSERT_EQUAL(keys_count(&s, &count, &e), 0);
		CU_ASSERT_EQUAL(count, 1);
		CU_ASSERT_EQUAL(keys_remove(&s, "same", &e), 0);
	}
	end();
}

CU_TestInfo keys_tests[] = {
	{ "made key is found and is not stored", made_key_is_found_and_is_not_stored },
	{ "given key is taken when strong", given_key_is_taken_when_strong },
	{ "names and keys are unique", names_and_keys_are_unique },
	{ "bad names are refused", bad_names_are_refused },
	{ "removed key is unknown", removed_key_is_unknown },
	{ "each gives every key", each_gives_every_key },
	{ "unreadable store is no unknown key", unreadable_store_is_no_unknown_key },
	{ "two who add one name are told apart", two_who_add_one_name_are_told_apart },
	CU_TEST_INFO_NULL,
};
