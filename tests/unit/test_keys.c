#include "common/base.h"
#include "common/clock.h"
#include "common/key_memory.h"
#include "common/keys.h"
#include "common/limits.h"
#include "common/log.h"
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

static bool take_all(void *context, size_t index, struct span now)
{
	(void)context, (void)index;
	return !now.len;
}

/* So many keys as cheaply as it goes: they have a name, a hash and nothing else. */
static void add_many(size_t count)
{
	struct record *records = xcalloc(count, sizeof(*records));

	for (size_t i = 0; i < count; i++) {
		struct key key = { .role = KEY_USER, .added_at = 1 };
		char *store_key;
		struct buf json;

		snprintf(key.name, sizeof(key.name), "n%zu", i);
		snprintf(key.id, sizeof(key.id), "key_%016zx", i);
		snprintf(key.hash, sizeof(key.hash), "%064zx", i);
		buf_init(&json, KB(4));
		key_write(&key, &json);
		CU_ASSERT_FATAL(asprintf(&store_key, "k/%s", key.hash) > 0);
		records[i] = (struct record){ store_key, buf_span(&json) };
	}
	CU_ASSERT_EQUAL(store_merge(&s, records, count, take_all, NULL, &e), 0);
	for (size_t i = 0; i < count; i++) {
		free((char *)(uintptr_t)records[i].key);
		free((char *)(uintptr_t)records[i].json.at);
	}
	free(records);
}

/* One whose checksum is wrong, and one of another version. */
static void damage_two(void)
{
	CU_ASSERT_EQUAL(store_put(&s, "k/0", span_of("{\"v\":99,\"name\":\"later\"}"), &e), 0);
	scratch_damage(s.path, "to-be-damaged");
}

static void end_key(struct key *key, const void *context)
{
	(void)context;
	key->revoked_at = 1;
}

static void damage_of_one_key_keeps_no_other_from_being_denied(void)
{
	static const char *const names[] = { "to-be-damaged", "one", "two", "three" };
	struct log_options quiet = { .file = "/dev/null" }, loud = { .level = LOG_INFO };
	char text[KEY_TEXT_SIZE], one[KEY_TEXT_SIZE] = "";
	struct key key;
	size_t count;

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		text[0] = '\0';
		CU_ASSERT_EQUAL(add(names[i], i == 1 ? one : text), 0);
	}
	damage_two();
	log_open(&quiet);
	CU_ASSERT_EQUAL(keys_change(&s, "one", end_key, NULL, &e), 0);
	CU_ASSERT_EQUAL(e.kind, ERR_NONE);
	CU_ASSERT_EQUAL(keys_find(&s, one, &key, &e), 1);
	CU_ASSERT_EQUAL(key.revoked_at, 1);
	CU_ASSERT_EQUAL(keys_remove(&s, "two", &e), 0);
	CU_ASSERT_EQUAL(keys_named(&s, "three", &key, &e), 1);
	CU_ASSERT_EQUAL(e.kind, ERR_NONE);
	CU_ASSERT_EQUAL(keys_count(&s, &count, &e), -1);
	CU_ASSERT_EQUAL(count, 2);
	error_clear(&e);
	/* It may be among the damaged ones. */
	CU_ASSERT_EQUAL(keys_named(&s, "two", &key, &e), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_STORE);
	error_clear(&e);
	CU_ASSERT_EQUAL(keys_change(&s, "to-be-damaged", end_key, NULL, &e), -1);
	error_clear(&e);
	CU_ASSERT_EQUAL(keys_remove(&s, "to-be-damaged", &e), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_STORE);
	/* A name or a secret that is taken cannot be told from one that is not. */
	text[0] = '\0';
	CU_ASSERT_EQUAL(add("four", text), -1);
	error_clear(&e);
	CU_ASSERT_EQUAL(keys_rotate(&s, "three", 5, text, &e), -1);
	log_open(&loud);
	end();
}

static void keys_end_at_their_limit(void)
{
	char one[KEY_TEXT_SIZE] = "", more[KEY_TEXT_SIZE] = "", again[KEY_TEXT_SIZE] = "";
	size_t count;

	begin();
	add_many(LIMIT_KEYS - 1);
	CU_ASSERT_EQUAL(add("the last", one), 0);
	CU_ASSERT_EQUAL(add("one more", more), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_REQUEST);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "100000 keys"));
	CU_ASSERT_EQUAL(keys_remove(&s, "n7", &e), 0);
	CU_ASSERT_EQUAL(add("one more", again), 0);
	CU_ASSERT_EQUAL(keys_count(&s, &count, &e), 0);
	CU_ASSERT_EQUAL(count, LIMIT_KEYS);
	end();
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

static void a_record_of_an_older_version_is_a_key_without_limits(void)
{
	static const char *const old =
		"{\"v\":1,\"rev\":1,\"name\":\"laptop\",\"prefix\":\"sixt\",\"hash\":\"%s\","
		"\"added_at\":1790000000}";
	char hash[SECRET_HASH_SIZE], record[512], store_key[STORE_KEY_SIZE];
	struct key key;

	begin();
	secret_hash("sixteen-chars-ok", hash);
	snprintf(record, sizeof(record), old, hash);
	snprintf(store_key, sizeof(store_key), "k/%s", hash);
	CU_ASSERT_EQUAL(store_put(&s, store_key, span_of(record), &e), 0);
	CU_ASSERT_EQUAL_FATAL(keys_find(&s, "sixteen-chars-ok", &key, &e), 1);
	CU_ASSERT_STRING_EQUAL(key.name, "laptop");
	CU_ASSERT_EQUAL(strncmp(key.id, "key_", 4), 0);
	CU_ASSERT_EQUAL(strncmp(key.id + 4, hash, 16), 0);
	CU_ASSERT_EQUAL(key.role, KEY_USER);
	CU_ASSERT_EQUAL(key.pool, POOL_SHARED);
	CU_ASSERT_PTR_NULL(key_refusal(&key, INT64_MAX, record));
	CU_ASSERT_TRUE(key_allows_model(&key, "claude-opus-4.8"));
	for (int m = 0; m < KEY_MEASURES; m++) {
		for (int w = 0; w < KEY_WINDOWS; w++)
			CU_ASSERT_EQUAL(key.limits[m][w], 0);
	}
	end();
}

/* An id is made of the hash where there is none: of half a character it would be one that no
 * program reads again. */
static void a_record_whose_hash_is_none_is_refused(void)
{
	static const char *const wrong[] = { "", "abc", "image/pngarn:\xF0\x9F\x98\x80",
					     "ABCDEF0123456789ABCDEF0123456789"
					     "ABCDEF0123456789ABCDEF0123456789" };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		cJSON *record = cJSON_CreateObject();
		struct key key;

		cJSON_AddStringToObject(record, "name", "laptop");
		cJSON_AddStringToObject(record, "hash", wrong[i]);
		error_clear(&e);
		CU_ASSERT_EQUAL(key_read(&key, record, &e), -1);
		CU_ASSERT_EQUAL(e.kind, ERR_STORE);
		CU_ASSERT_STRING_EQUAL(e.message, "client key record: hash: no SHA-256 in "
						  "hexadecimal digits");
		cJSON_Delete(record);
	}
	error_clear(&e);
}

static void restrict_models(struct key *key, const void *context)
{
	snprintf(key->models, sizeof(key->models), "%s", (const char *)context);
}

static void a_rotated_key_keeps_all_but_its_secret(void)
{
	char first[KEY_TEXT_SIZE] = "", second[KEY_TEXT_SIZE] = "", third[KEY_TEXT_SIZE] = "";
	const struct key settings = { .role = KEY_OPERATOR, .max_streams = 3 };
	struct key old, fresh;
	char words[LIMIT_ERROR_TEXT];
	size_t count;

	begin();
	clock_set_wall(1800000000);
	CU_ASSERT_EQUAL(keys_add(&s, "ann", &settings, first, &e), 0);
	CU_ASSERT_EQUAL(keys_rotate(&s, "ann", 1800000100, second, &e), 0);
	CU_ASSERT_EQUAL_FATAL(keys_find(&s, first, &old, &e), 1);
	CU_ASSERT_EQUAL_FATAL(keys_find(&s, second, &fresh, &e), 1);
	CU_ASSERT_EQUAL(old.ends_at, 1800000100);
	CU_ASSERT_EQUAL(fresh.ends_at, 0);
	CU_ASSERT_STRING_EQUAL(old.id, fresh.id);
	CU_ASSERT_EQUAL(fresh.role, KEY_OPERATOR);
	CU_ASSERT_EQUAL(fresh.max_streams, 3);
	CU_ASSERT_PTR_NULL(key_refusal(&old, 1800000099, words));
	CU_ASSERT_PTR_NOT_NULL(key_refusal(&old, 1800000100, words));
	CU_ASSERT_EQUAL(keys_named(&s, "ann", &old, &e), 1);
	CU_ASSERT_STRING_EQUAL(old.hash, fresh.hash);

	CU_ASSERT_EQUAL(keys_change(&s, "ann", restrict_models, "claude-*", &e), 0);
	CU_ASSERT_EQUAL(keys_find(&s, first, &old, &e), 1);
	CU_ASSERT_STRING_EQUAL(old.models, "claude-*"); /* no way around it by the old one */
	clock_set_wall(1800000200);
	CU_ASSERT_EQUAL(keys_rotate(&s, "ann", 1800000200, third, &e), 0);
	CU_ASSERT_EQUAL(keys_find(&s, first, &old, &e), 0); /* over: forgotten */
	CU_ASSERT_EQUAL(keys_count(&s, &count, &e), 0);
	CU_ASSERT_EQUAL(count, 2);
	CU_ASSERT_EQUAL(keys_remove(&s, "ann", &e), 0);
	CU_ASSERT_EQUAL(keys_count(&s, &count, &e), 0);
	CU_ASSERT_EQUAL(count, 0);
	CU_ASSERT_EQUAL(keys_rotate(&s, "ann", 0, third, &e), 1);
	clock_set_wall(0);
	end();
}

/* As many secrets as a name may have: while they are good no more, and then not for ever so. */
static void secrets_that_ended_make_room(void)
{
	char text[KEY_TEXT_SIZE] = "", last[KEY_TEXT_SIZE] = "";
	size_t count;

	begin();
	clock_set_wall(1800000000);
	add("ann", text);
	for (int i = 0; i < 15; i++) {
		text[0] = '\0';
		CU_ASSERT_EQUAL(keys_rotate(&s, "ann", 1800000100, text, &e), 0);
	}
	CU_ASSERT_EQUAL(keys_rotate(&s, "ann", 1800000100, last, &e), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "16 secrets"));
	error_clear(&e);
	CU_ASSERT_EQUAL(keys_count(&s, &count, &e), 0);
	CU_ASSERT_EQUAL(count, 16);
	clock_set_wall(1800000101);
	last[0] = '\0';
	CU_ASSERT_EQUAL(keys_rotate(&s, "ann", 1800000200, last, &e), 0);
	CU_ASSERT_EQUAL(keys_count(&s, &count, &e), 0);
	CU_ASSERT_EQUAL(count, 2);
	clock_set_wall(0);
	end();
}

static int rotate_once(void *context)
{
	char text[KEY_TEXT_SIZE] = "";
	struct error why = { 0 };

	(void)context;
	return keys_rotate(&s, "ann", 1900000000, text, &why);
}

static int count_newest(void *context, const struct key *key)
{
	*(int *)context += !key->ends_at;
	return 0;
}

static void of_rotations_at_once_one_secret_is_the_newest(void)
{
	char text[KEY_TEXT_SIZE] = "";
	pid_t pids[8];
	int newest = 0;
	size_t count;

	begin();
	add("ann", text);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = scratch_start(rotate_once, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		CU_ASSERT_EQUAL(scratch_wait(pids[i]), 0);
	CU_ASSERT_EQUAL(keys_each(&s, count_newest, &newest, &e), 0);
	CU_ASSERT_EQUAL(newest, 1);
	CU_ASSERT_EQUAL(keys_count(&s, &count, &e), 0);
	CU_ASSERT_EQUAL(count, 9);
	end();
}

/* Changes are made through the store that another process would have opened. */
static void remembered_key_is_never_older_than_the_store(void)
{
	struct key_memory *m = key_memory_new();
	char text[KEY_TEXT_SIZE] = "", late[KEY_TEXT_SIZE] = "";
	struct store other;
	struct key key;

	begin();
	CU_ASSERT_EQUAL(add("laptop", text), 0);
	CU_ASSERT_EQUAL_FATAL(store_open(&other, dir, "keys", 0, &e), 0);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(key_memory_find(m, &s, text, &key, &e), 1);
		CU_ASSERT_STRING_EQUAL(key.name, "laptop");
		CU_ASSERT_EQUAL(key.revoked_at, 0);
	}
	CU_ASSERT_EQUAL(key_memory_find(m, &s, "kiro-nobody", &key, &e), 0);
	CU_ASSERT_EQUAL(keys_change(&other, "laptop", end_key, NULL, &e), 0);
	CU_ASSERT_EQUAL(key_memory_find(m, &s, text, &key, &e), 1);
	CU_ASSERT_EQUAL(key.revoked_at, 1);
	CU_ASSERT_EQUAL(keys_add(&other, "late", NULL, late, &e), 0);
	CU_ASSERT_EQUAL(key_memory_find(m, &s, late, &key, &e), 1);
	CU_ASSERT_EQUAL(keys_remove(&other, "laptop", &e), 0);
	CU_ASSERT_EQUAL(key_memory_find(m, &s, text, &key, &e), 0);
	CU_ASSERT_EQUAL(key_memory_find(m, &s, late, &key, &e), 1);
	store_close(&other);
	CU_ASSERT_EQUAL(unlink(s.path), 0);
	CU_ASSERT_EQUAL(key_memory_find(m, &s, late, &key, &e), -1);
	key_memory_free(m);
	end();
}

CU_TestInfo keys_tests[] = {
	{ "remembered key is never older than the store",
	  remembered_key_is_never_older_than_the_store },
	{ "damage of one key keeps no other from being denied",
	  damage_of_one_key_keeps_no_other_from_being_denied },
	{ "keys end at their limit", keys_end_at_their_limit },
	{ "made key is found and is not stored", made_key_is_found_and_is_not_stored },
	{ "given key is taken when strong", given_key_is_taken_when_strong },
	{ "names and keys are unique", names_and_keys_are_unique },
	{ "bad names are refused", bad_names_are_refused },
	{ "removed key is unknown", removed_key_is_unknown },
	{ "each gives every key", each_gives_every_key },
	{ "unreadable store is no unknown key", unreadable_store_is_no_unknown_key },
	{ "two who add one name are told apart", two_who_add_one_name_are_told_apart },
	{ "a_record_of_an_older_version_is_a_key_without_limits",
	  a_record_of_an_older_version_is_a_key_without_limits },
	{ "a record whose hash is none is refused", a_record_whose_hash_is_none_is_refused },
	{ "secrets_that_ended_make_room", secrets_that_ended_make_room },
	{ "a_rotated_key_keeps_all_but_its_secret", a_rotated_key_keeps_all_but_its_secret },
	{ "of_rotations_at_once_one_secret_is_the_newest",
	  of_rotations_at_once_one_secret_is_the_newest },
	CU_TEST_INFO_NULL,
};
