#include "common/base.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/seal.h"
#include "common/store.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>
#include <gdbm.h>

/* NIST's AES-256-GCM test case 14 in other words: key, nonce and 16 bytes of text all zero. */
static const char zero_text_sealed[] = "\xce\xa7\x40\x3d\x4d\x60\x6b\x6e\x07\x4e\xc5\xd3\xba\xf3"
				       "\x9d\x18\xd0\xd1\xc8\xa7\x99\x99\x6b\xf0\x26\x5b\x98\xb5"
				       "\xd4\x8a\xb9\x19";

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_B "ffffffffffffffffffffffffffffffff00000000000000000000000000000000"

static char dir[SCRATCH_SIZE], key_file[SCRATCH_SIZE + 8];
static struct store s;
static struct error e;

static void write_keys(const char *text)
{
	scratch_write(key_file, text, strlen(text));
}

static void begin(void)
{
	static const struct log_options quiet = { .file = "/dev/null" };

	log_open(&quiet);
	scratch_store(dir, "tokens", &s);
	snprintf(key_file, sizeof(key_file), "%s/key", dir);
	error_clear(&e);
}

static void end(void)
{
	static const struct log_options loud = { .level = LOG_INFO };

	store_close(&s);
	scratch_remove(dir);
	log_open(&loud);
}

static int reopen(const char *keys)
{
	store_close(&s);
	error_clear(&e);
	if (keys)
		write_keys(keys);
	return store_open_sealed(&s, dir, "tokens", 0, keys ? key_file : NULL, &e);
}

static int put(const char *key, const char *json)
{
	error_clear(&e);
	return store_put(&s, key, span_of(json), &e);
}

static const char *get(const char *key)
{
	error_clear(&e);
	return scratch_get(&s, key, &e);
}

/* Does any file of the store hold these bytes? */
static bool on_disk(const char *text)
{
	const char *const paths[] = { s.path, s.spill_path };
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct buf bytes;

		buf_init(&bytes, MB(4));
		CU_ASSERT_EQUAL(buf_read_file(&bytes, paths[i]), 0);
		found |= memmem(bytes.at, bytes.len, text, strlen(text)) != NULL;
		buf_release(&bytes);
	}
	return found;
}

static void seal_is_aes_256_gcm(void)
{
	static const unsigned char zeros[SEAL_KEY];
	struct seal *seal = seal_of_key(zeros), *other;
	char id[SEAL_ID_SIZE];
	struct buf value, plain;

	buf_init(&value, 4096);
	buf_init(&plain, 4096);
	CU_ASSERT_EQUAL(seal_write(seal, span_of("place"), span_of("hello"), &value), 0);
	CU_ASSERT_EQUAL(value.len, SEAL_OVERHEAD + 5);
	CU_ASSERT_NSTRING_EQUAL(value.at, "E1", 2);
	CU_ASSERT_STRING_EQUAL(seal_id_of(buf_span(&value), id), seal_id(seal));
	CU_ASSERT_EQUAL(seal_read(seal, span_of("place"), buf_span(&value), &plain), 0);
	CU_ASSERT_STRING_EQUAL(plain.at, "hello");
	memset(value.at + 6, 0, 12); /* the nonce, then ciphertext and tag of the test case */
	value.len = 18;
	buf_add(&value, zero_text_sealed, 32);
	buf_reset(&plain);
	CU_ASSERT_EQUAL(seal_read(seal, span_of(""), buf_span(&value), &plain), 0);
	CU_ASSERT_EQUAL(plain.len, 16);
	CU_ASSERT_EQUAL(memcmp(plain.at, zeros, 16), 0);
	other = seal_of_key((const unsigned char *)KEY_A);
	CU_ASSERT_EQUAL(seal_read(other, span_of(""), buf_span(&value), &plain), -1);
	seal_free(other);
	seal_free(seal);
	buf_release(&value);
	buf_release(&plain);
}

static void seal_refuses_every_flipped_byte_and_other_places(void)
{
	struct seal *seal = seal_of_key((const unsigned char *)KEY_A);
	struct buf value, plain;

	buf_init(&value, 4096);
	buf_init(&plain, 4096);
	seal_write(seal, span_of("tokens/a/1"), span_of("{\"token\":1}"), &value);
	for (size_t i = 0; i < value.len; i++) {
		value.at[i] ^= 1;
		CU_ASSERT_EQUAL(seal_read(seal, span_of("tokens/a/1"), buf_span(&value), &plain),
				-1);
		value.at[i] ^= 1;
		CU_ASSERT_EQUAL(seal_read(seal, span_of("tokens/a/1"), (struct span){ value.at, i },
					  &plain),
				-1);
	}
	CU_ASSERT_EQUAL(seal_read(seal, span_of("tokens/a/2"), buf_span(&value), &plain), -1);
	CU_ASSERT_EQUAL(plain.len, 0);
	CU_ASSERT_EQUAL(seal_read(seal, span_of("tokens/a/1"), buf_span(&value), &plain), 0);
	seal_free(seal);
	buf_release(&value);
	buf_release(&plain);
}

static void key_file_is_checked(void)
{
	static const struct {
		const char *text;
		const char *says;
	} bad[] = {
		{ "", "holds no key" },
		{ "# nothing\n\n", "holds no key" },
		{ KEY_A "0\n", "line 1" },
		{ "#x\n" KEY_A "\nabc\n", "line 3" },
		{ "g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "line 1" },
	};
	struct seal *seal = NULL;

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		error_clear(&e);
		write_keys(bad[i].text);
		CU_ASSERT_EQUAL(seal_load(&seal, key_file, &e), -1);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.message, bad[i].says));
		CU_ASSERT_PTR_NULL(strstr(e.message, "00112233"));
	}
	write_keys("# two\n" KEY_A "\r\n" KEY_B "\n");
	CU_ASSERT_EQUAL(chmod(key_file, 0644), 0);
	error_clear(&e);
	CU_ASSERT_EQUAL(seal_load(&seal, key_file, &e), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "0644"));
	CU_ASSERT_EQUAL(chmod(key_file, 0640), 0);
	error_clear(&e);
	CU_ASSERT_EQUAL(seal_load(&seal, key_file, &e), 0);
	CU_ASSERT_TRUE(seal_has(seal, seal_id(seal)));
	CU_ASSERT_FALSE(seal_has(seal, "00000000"));
	seal_free(seal);
	unlink(key_file);
	CU_ASSERT_EQUAL(mkfifo(key_file, 0600), 0); /* nobody writes to it: not waited for */
	CU_ASSERT_EQUAL(seal_load(&seal, key_file, &e), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "has mode 0600"));
	error_clear(&e);
	unlink(key_file);
	CU_ASSERT_EQUAL(seal_load(&seal, key_file, &e), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, strerror(ENOENT)));
	end();
}

static void sealed_store_shows_nothing_on_disk(void)
{
	begin();
	CU_ASSERT_EQUAL(reopen(KEY_A), 0);
	CU_ASSERT_EQUAL(put("a/1", "{\"token\":\"very-secret\"}"), 0);
	CU_ASSERT_EQUAL(store_spill(&s, "a/2", span_of("{\"token\":\"very-secret\"}"), &e), 0);
	CU_ASSERT_FALSE(on_disk("very-secret"));
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"token\":\"very-secret\"}");
	CU_ASSERT_EQUAL(store_room(&s, &e), 0);
	CU_ASSERT_STRING_EQUAL(get("a/2"), "{\"token\":\"very-secret\"}");
	CU_ASSERT_FALSE(on_disk("very-secret"));
	CU_ASSERT_EQUAL(store_patch(&s, "a/1", span_of("{\"token\":\"new-secret\"}"), &e), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"token\":\"new-secret\",\"rev\":1}");
	CU_ASSERT_FALSE(on_disk("new-secret"));
	end();
}

/* As somebody does who may write the file and does not have the key. */
static void move_value(const char *from, const char *to)
{
	GDBM_FILE db = gdbm_open(s.path, 0, GDBM_WRITER | GDBM_NOLOCK, 0600, NULL);
	datum key = { (char *)(uintptr_t)from, (int)strlen(from) }, value;

	CU_ASSERT_PTR_NOT_NULL_FATAL(db);
	value = gdbm_fetch(db, key);
	CU_ASSERT_PTR_NOT_NULL_FATAL(value.dptr);
	key = (datum){ (char *)(uintptr_t)to, (int)strlen(to) };
	CU_ASSERT_EQUAL(gdbm_store(db, key, value, GDBM_REPLACE), 0);
	free(value.dptr);
	gdbm_close(db);
}

static void a_record_does_not_open_under_another_name(void)
{
	begin();
	CU_ASSERT_EQUAL(reopen(KEY_A), 0);
	CU_ASSERT_EQUAL(put("a/1", "{\"n\":1}"), 0);
	CU_ASSERT_EQUAL(put("a/2", "{\"n\":2}"), 0);
	move_value("a/1", "a/2");
	CU_ASSERT_EQUAL(reopen(KEY_A), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":1}");
	CU_ASSERT_STRING_EQUAL(get("a/2"), NONE);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "a/2"));
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "damaged"));
	end();
}

/* The bytes of the whole directory entry stay as they are, whoever comes without the key. */
static void missing_or_wrong_key_changes_nothing(void)
{
	struct buf before, after;

	begin();
	buf_init(&before, MB(4));
	buf_init(&after, MB(4));
	CU_ASSERT_EQUAL(reopen(KEY_A), 0);
	CU_ASSERT_EQUAL(put("a/1", "{\"n\":1}"), 0);
	CU_ASSERT_EQUAL(buf_read_file(&before, s.path), 0);
	CU_ASSERT_EQUAL(reopen(NULL), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "state_key_file"));
	CU_ASSERT_EQUAL(reopen(KEY_B), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "does not hold that key"));
	CU_ASSERT_EQUAL(reopen(KEY_A), 0);
	CU_ASSERT_EQUAL(buf_read_file(&after, s.path), 0);
	CU_ASSERT_EQUAL(before.len, after.len);
	CU_ASSERT_EQUAL(memcmp(before.at, after.at, before.len), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":1}");
	buf_release(&before);
	buf_release(&after);
	end();
}

/* A process that has the store open from before it was encrypted. */
static void writer_without_the_key_is_refused(void)
{
	struct store old;

	begin();
	put("a/1", "{\"n\":1}");
	CU_ASSERT_EQUAL_FATAL(store_open(&old, dir, "tokens", 0, &e), 0);
	CU_ASSERT_EQUAL(reopen(KEY_A), 0);
	CU_ASSERT_EQUAL(put("a/2", "{\"n\":2}"), 0);
	error_clear(&e);
	CU_ASSERT_EQUAL(store_put(&old, "a/1", span_of("{\"n\":3}"), &e), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "state_key_file"));
	error_clear(&e);
	CU_ASSERT_EQUAL(store_patch(&old, "a/1", span_of("{\"n\":4}"), &e), 1); /* it waits */
	CU_ASSERT_EQUAL(put("a/3", "{}"), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":4,\"rev\":1}");
	store_close(&old);
	end();
}

static void rekey_moves_everything_to_the_first_key(void)
{
	size_t records = 0;

	begin();
	put("a/1", "{\"secret\":\"plain-one\"}");
	CU_ASSERT_EQUAL(reopen(KEY_A), 0);
	CU_ASSERT_EQUAL(put("a/2", "{\"n\":2}"), 0);
	CU_ASSERT_TRUE(on_disk("plain-one")); /* not written since */
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"secret\":\"plain-one\"}");
	CU_ASSERT_EQUAL(store_rekey(&s, false, &records, &e), 0);
	CU_ASSERT_EQUAL(records, 2);
	CU_ASSERT_FALSE(on_disk("plain-one"));
	CU_ASSERT_EQUAL(reopen(KEY_B "\n" KEY_A), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"secret\":\"plain-one\"}");
	CU_ASSERT_EQUAL(store_rekey(&s, false, &records, &e), 0);
	CU_ASSERT_EQUAL(reopen(KEY_B), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"secret\":\"plain-one\"}");
	CU_ASSERT_STRING_EQUAL(get("a/2"), "{\"n\":2}");
	CU_ASSERT_EQUAL(reopen(KEY_A), -1);
	CU_ASSERT_EQUAL(reopen(KEY_B), 0);
	CU_ASSERT_EQUAL(store_rekey(&s, true, &records, &e), 0);
	CU_ASSERT_EQUAL(reopen(NULL), 0);
	CU_ASSERT_STRING_EQUAL(get("a/2"), "{\"n\":2}");
	end();
}

CU_TestInfo seal_tests[] = {
	{ "seal is AES-256-GCM", seal_is_aes_256_gcm },
	{ "seal refuses every flipped byte and other places",
	  seal_refuses_every_flipped_byte_and_other_places },
	{ "key file is checked", key_file_is_checked },
	{ "a record does not open under another name", a_record_does_not_open_under_another_name },
	{ "sealed store shows nothing on disk", sealed_store_shows_nothing_on_disk },
	{ "missing or wrong key changes nothing", missing_or_wrong_key_changes_nothing },
	{ "writer without the key is refused", writer_without_the_key_is_refused },
	{ "rekey moves everything to the first key", rekey_moves_everything_to_the_first_key },
	CU_TEST_INFO_NULL,
};
