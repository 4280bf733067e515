#include "common/base.h"
#include "common/envelope.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/store.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>
#include <pthread.h>
#include <sys/wait.h>

static char dir[SCRATCH_SIZE];
static struct store s;
static struct error e;

static void begin(void)
{
	scratch_store(dir, "tokens", &s);
	error_clear(&e);
}

static void end(void)
{
	store_close(&s);
	scratch_remove(dir);
}

static int put(const char *key, const char *json)
{
	error_clear(&e);
	return store_put(&s, key, span_of(json), &e);
}

static const char *get(const char *key)
{
	return scratch_get(&s, key, &e);
}

/* ---- records ---- */

static void store_gives_back_what_was_put(void)
{
	begin();
	CU_ASSERT_STRING_EQUAL(get("a/1"), NONE);
	CU_ASSERT_EQUAL(e.kind, ERR_NONE);
	CU_ASSERT_EQUAL(put("a/1", "{\"n\":1}"), 0);
	CU_ASSERT_EQUAL(put("a/2", "{\"n\":\"\xC3\xA4\"}"), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":1}");
	CU_ASSERT_STRING_EQUAL(get("a/2"), "{\"n\":\"\xC3\xA4\"}");
	CU_ASSERT_EQUAL(put("a/1", "{\"n\":10}"), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":10}");
	CU_ASSERT_EQUAL(store_remove(&s, "a/1", &e), 0);
	CU_ASSERT_EQUAL(store_remove(&s, "a/1", &e), 1);
	CU_ASSERT_STRING_EQUAL(get("a/1"), NONE);
	CU_ASSERT_STRING_EQUAL(get("a/2"), "{\"n\":\"\xC3\xA4\"}");
	end();
}

static void store_keeps_keys_and_records_within_limits(void)
{
	char key[STORE_KEY_SIZE + 1], *big = xmalloc(LIMIT_RECORD + 1);

	begin();
	memset(key, 'k', sizeof(key));
	key[STORE_KEY_SIZE - 1] = '\0';
	CU_ASSERT_EQUAL(put(key, "{}"), 0);
	key[STORE_KEY_SIZE - 1] = 'k';
	key[STORE_KEY_SIZE] = '\0';
	CU_ASSERT_EQUAL(put(key, "{}"), -1);
	CU_ASSERT_EQUAL(put("", "{}"), -1);
	CU_ASSERT_EQUAL(put("a/\n", "{}"), -1);
	CU_ASSERT_EQUAL(put("a/1", ""), -1);
	memset(big, '1', LIMIT_RECORD);
	big[LIMIT_RECORD - ENVELOPE_TRAILER] = '\0';
	CU_ASSERT_EQUAL(put("a/big", big), 0);
	CU_ASSERT_STRING_EQUAL(get("a/big"), big);
	big[LIMIT_RECORD - ENVELOPE_TRAILER] = '1';
	big[LIMIT_RECORD - ENVELOPE_TRAILER + 1] = '\0';
	CU_ASSERT_EQUAL(put("a/big2", big), -1);
	CU_ASSERT_STRING_EQUAL(get("a/big2"), NONE);
	CU_ASSERT_STRING_NOT_EQUAL(get("a/big"), NONE);
	free(big);
	end();
}

static int set_to(void *context, struct buf *json, struct error *why)
{
	(void)why;
	buf_reset(json);
	buf_add_text(json, context);
	return 0;
}

static int change_nothing(void *context, struct buf *json, struct error *why)
{
	(void)why;
	buf_add_text(json, "garbage");
	return *(int *)context;
}

static void update_leaves_the_store_alone_when_told_so(void)
{
	struct store_stamp stamp = { .inode = 0 };
	int minus = -1, five = 5;

	begin();
	put("a/1", "{\"n\":1}");
	store_changed(&s, &stamp, &e);
	CU_ASSERT_EQUAL(store_update(&s, "a/1", change_nothing, &minus, &e), -1);
	CU_ASSERT_EQUAL(store_update(&s, "a/1", change_nothing, &five, &e), 5);
	CU_ASSERT_EQUAL(store_update(&s, "a/1", set_to, (char[]){ "{\"n\":1}" }, &e), 0);
	CU_ASSERT_EQUAL(store_changed(&s, &stamp, &e), 0);
	CU_ASSERT_EQUAL(store_update(&s, "a/1", set_to, (char[]){ "{\"n\":2}" }, &e), 0);
	CU_ASSERT_EQUAL(store_changed(&s, &stamp, &e), 1);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":2}");
	CU_ASSERT_EQUAL(store_update(&s, "a/1", set_to, (char[]){ "" }, &e), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), NONE);
	end();
}

static int result; /* of work() */

/* Puts, reads what it put, changes that, removes, and looks at the store meanwhile. */
static int work(void *context, struct step *step, struct error *why)
{
	struct buf json;

	(void)context;
	buf_init(&json, LIMIT_RECORD);
	CU_ASSERT_EQUAL(step_put(step, "a/2", span_of("{\"n\":2}"), why), 0);
	CU_ASSERT_EQUAL(step_get(step, "a/2", &json, why), 1);
	CU_ASSERT_TRUE(span_is(buf_span(&json), "{\"n\":2}"));
	CU_ASSERT_EQUAL(step_update(step, "a/2", scratch_add_one, NULL, why), 0);
	CU_ASSERT_EQUAL(step_update(step, "a/1", scratch_add_one, NULL, why), 0);
	CU_ASSERT_EQUAL(step_update(step, "a/1", scratch_add_one, NULL, why), 0);
	CU_ASSERT_EQUAL(step_put(step, "a/9", span_of(""), why), 0);
	CU_ASSERT_EQUAL(step_get(step, "a/9", &json, why), 0);
	CU_ASSERT_EQUAL(json.len, 0);
	CU_ASSERT_EQUAL(step_put(step, "a/\n", span_of("{}"), why), -1);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":1}");
	CU_ASSERT_STRING_EQUAL(get("a/2"), NONE);
	CU_ASSERT_STRING_EQUAL(get("a/9"), "{\"n\":9}");
	buf_release(&json);
	return result;
}

static void step_is_seen_whole_or_not_at_all(void)
{
	struct store_stamp stamp = { .inode = 0 };
	size_t records, bad;

	begin();
	put("a/1", "{\"n\":1}");
	put("a/9", "{\"n\":9}");
	store_changed(&s, &stamp, &e);
	for (result = -1; result < 2; result += 2) {
		CU_ASSERT_EQUAL(store_step(&s, work, NULL, &e), result);
		CU_ASSERT_EQUAL(store_changed(&s, &stamp, &e), 0);
	}
	result = 0;
	CU_ASSERT_EQUAL(store_step(&s, work, NULL, &e), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":3}");
	CU_ASSERT_STRING_EQUAL(get("a/2"), "{\"n\":3}");
	CU_ASSERT_STRING_EQUAL(get("a/9"), NONE);
	CU_ASSERT_EQUAL(store_verify(&s, &records, &bad, &e), 0);
	CU_ASSERT_EQUAL(records, 2);
	CU_ASSERT_EQUAL(bad, 0);
	end();
}

static void step_of_an_expected_generation_is_made_of_no_other(void)
{
	struct store_expected expected = { .found = false };
	struct store mine;

	begin();
	put("a/1", "{\"n\":1}");
	store_changed(&s, &expected.stamp, &e);
	mine = s;
	mine.expected = &expected;
	put("a/2", "{\"n\":2}");
	CU_ASSERT_EQUAL(store_update(&mine, "a/1", scratch_add_one, NULL, &e), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_STALE);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":1}");
	error_clear(&e);
	store_changed(&s, &expected.stamp, &e);
	CU_ASSERT_EQUAL(store_update(&mine, "a/1", scratch_add_one, NULL, &e), 0);
	CU_ASSERT_EQUAL(store_update(&mine, "a/1", scratch_add_one, NULL, &e), 0); /* its own */
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":3}");
	end();
}

struct seen {
	int count, sum, stop_at;
};

static int see(void *context, const char *key, struct span json)
{
	struct seen *seen = context;

	CU_ASSERT_EQUAL(json.at[json.len - 1], '}');
	seen->count++;
	seen->sum += atoi(key + 2);
	return seen->stop_at == seen->count ? 77 : 0;
}

static void each_gives_the_keys_of_a_prefix(void)
{
	struct seen seen = { 0, 0, 0 };
	char key[16];

	begin();
	for (int i = 1; i <= 40; i++) {
		snprintf(key, sizeof(key), "a/%d", i);
		put(key, "{\"n\":1}");
	}
	put("b/500", "{\"n\":1}");
	CU_ASSERT_EQUAL(store_each(&s, "a/", see, &seen, NULL, &e), 0);
	CU_ASSERT_EQUAL(seen.count, 40);
	CU_ASSERT_EQUAL(seen.sum, 40 * 41 / 2);
	seen = (struct seen){ 0, 0, 7 };
	CU_ASSERT_EQUAL(store_each(&s, "a/", see, &seen, NULL, &e), 77);
	CU_ASSERT_EQUAL(seen.count, 7);
	seen = (struct seen){ 0, 0, 0 };
	CU_ASSERT_EQUAL(store_each(&s, "", see, &seen, NULL, &e), 0);
	CU_ASSERT_EQUAL(seen.count, 41); /* "!meta" is not a record */
	end();
}

/* ---- damage ---- */

static char *file_bytes(size_t *len)
{
	struct buf b;

	buf_init(&b, MB(16));
	CU_ASSERT_EQUAL_FATAL(buf_read_file(&b, s.path), 0);
	*len = b.len;
	return b.at;
}

static void damaged_record_is_refused_and_others_are_given(void)
{
	struct seen seen = { 0, 0, 0 };
	struct log_options quiet = { .file = "/dev/null" }, loud = { .level = LOG_INFO };
	size_t records, bad;

	begin();
	put("a/1", "{\"n\":1}");
	put("a/2", "{\"n\":\"needle\"}");
	put("a/3", "{\"n\":3}");
	scratch_damage(s.path, "needle");
	CU_ASSERT_STRING_EQUAL(get("a/2"), NONE);
	CU_ASSERT_EQUAL(e.kind, ERR_STORE);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "a/2"));
	CU_ASSERT_PTR_NULL(strstr(e.message, "needle"));
	error_clear(&e);
	log_open(&quiet);
	CU_ASSERT_EQUAL(store_each(&s, "a/", see, &seen, NULL, &e), -1);
	CU_ASSERT_EQUAL(seen.count, 2);
	error_clear(&e);
	CU_ASSERT_EQUAL(store_verify(&s, &records, &bad, &e), 0);
	log_open(&loud);
	CU_ASSERT_EQUAL(records, 2);
	CU_ASSERT_EQUAL(bad, 1);
	CU_ASSERT_EQUAL(store_update(&s, "a/2", set_to, (char[]){ "{}" }, &e), -1);
	CU_ASSERT_EQUAL(put("a/2", "{\"n\":2}"), 0);
	CU_ASSERT_STRING_EQUAL(get("a/2"), "{\"n\":2}");
	end();
}

static int open_again(void)
{
	store_close(&s);
	error_clear(&e);
	return store_open(&s, dir, "tokens", 0, &e);
}

/* How many of the records can be read, opened once or for each. */
static int count_read(struct record *records, int count, bool afresh)
{
	int found = 0;

	for (int i = 0; i < count; i++) {
		if (afresh)
			CU_ASSERT_EQUAL(open_again(), 0);
		found += strcmp(get(records[i].key), "{\"n\":1}") == 0;
	}
	return found;
}

static bool always(void *context, size_t index, struct span now)
{
	(void)context, (void)index, (void)now;
	return true;
}

/* GDBM refuses all of a handle that has met one damaged bucket, of the healthy ones too. */
static void damaged_bucket_does_not_hide_the_others(void)
{
	static char keys[400][16], junk[4096];
	struct record records[ARRAY_SIZE(keys)];
	int count = ARRAY_SIZE(keys), partly = 0;
	char *bytes, path[PATH_MAX];
	size_t len;

	begin();
	snprintf(path, sizeof(path), "%s", s.path);
	memset(junk, 'A', sizeof(junk));
	for (int i = 0; i < count; i++) {
		snprintf(keys[i], sizeof(keys[i]), "a/%d", i);
		records[i] = (struct record){ keys[i], span_of("{\"n\":1}") };
	}
	CU_ASSERT_EQUAL(store_merge(&s, records, (size_t)count, always, NULL, &e), 0);
	bytes = file_bytes(&len);
	for (size_t at = sizeof(junk); at + sizeof(junk) <= len; at += sizeof(junk)) {
		char *copy = xmalloc(len);
		int kept, fresh;

		memcpy(copy, bytes, len);
		memcpy(copy + at, junk, sizeof(junk));
		scratch_write(path, copy, len);
		free(copy);
		kept = open_again() ? count : count_read(records, count, false);
		if (kept > count - 50) /* a few records and no bucket, or all is refused */
			continue;
		fresh = count_read(records, count, true);
		CU_ASSERT_EQUAL(kept, fresh);
		partly += fresh > 0 && fresh < count;
	}
	CU_ASSERT_TRUE(partly > 0);
	free(bytes);
	end();
}

static void truncated_file_does_not_verify(void)
{
	struct log_options quiet = { .file = "/dev/null" }, loud = { .level = LOG_INFO };
	char key[16];
	size_t len, records = 0, bad = 0;
	char *bytes;
	int rc;

	begin();
	for (int i = 0; i < 30; i++) {
		snprintf(key, sizeof(key), "a/%d", i);
		put(key, "{\"n\":1}");
	}
	CU_ASSERT_EQUAL(store_verify(&s, &records, &bad, &e), 0);
	CU_ASSERT_EQUAL(records, 30);
	CU_ASSERT_EQUAL(bad, 0);
	bytes = file_bytes(&len);
	scratch_write(s.path, bytes, len - 8192);
	free(bytes);
	log_open(&quiet);
	rc = store_verify(&s, &records, &bad, &e);
	log_open(&loud);
	CU_ASSERT_TRUE(rc < 0 || bad > 0);
	end();
}

/* ---- many at once ---- */

#define WRITERS	 4
#define ROUNDS	 25
#define PATIENCE 12 /* waits of 5 seconds */

/* Who writes without a pause may keep the lock from others for longer than they wait, where the
 * disk is slow: that is told, and no loss. */
static bool add_one(const char *key)
{
	struct error why = { .kind = ERR_NONE };
	int rc = -1;

	for (int tries = 0; rc && tries < PATIENCE; tries++) {
		error_clear(&why);
		rc = store_update(&s, key, scratch_add_one, NULL, &why);
		if (rc && !strstr(why.message, "held by another process"))
			break;
	}
	return !rc;
}

static void *count_up(void *context)
{
	intptr_t failed = 0;

	for (int i = 0; i < ROUNDS; i++)
		failed += !add_one("a/shared") + !add_one(context);
	return (void *)failed;
}

/* Two threads of a process: the second one with a key of its own as well. */
static int writer(void *context)
{
	char second[32];
	pthread_t thread;
	void *failed_there, *failed_here;

	snprintf(second, sizeof(second), "%s-b", (char *)context);
	pthread_create(&thread, NULL, count_up, second);
	failed_here = count_up(context);
	pthread_join(thread, &failed_there);
	return failed_here || failed_there;
}

static void concurrent_writers_lose_nothing(void)
{
	char keys[WRITERS][32];
	pid_t pids[WRITERS];
	size_t records, bad;

	begin();
	for (int i = 0; i < WRITERS; i++) {
		snprintf(keys[i], sizeof(keys[i]), "a/%d", i);
		pids[i] = scratch_start(writer, keys[i]);
	}
	for (int i = 0; i < WRITERS; i++)
		CU_ASSERT_EQUAL(scratch_wait(pids[i]), 0);
	CU_ASSERT_STRING_EQUAL(get("a/shared"), "{\"n\":200}"); /* 4 x 2 x 25 */
	for (int i = 0; i < WRITERS; i++)
		CU_ASSERT_STRING_EQUAL(get(keys[i]), "{\"n\":25}");
	CU_ASSERT_EQUAL(store_verify(&s, &records, &bad, &e), 0);
	CU_ASSERT_EQUAL(records, 1 + 2 * WRITERS);
	CU_ASSERT_EQUAL(bad, 0);
	end();
}

/* A record whose length and every byte follow from its number. */
static int write_numbers(void *context)
{
	char json[4096];

	(void)context;
	for (int n = 1; n <= 150; n++) {
		int len = snprintf(json, sizeof(json), "{\"n\":%d,\"x\":\"", n);
		int more = 100 + n * 37 % 3000;

		memset(json + len, 'a' + n % 26, (size_t)more);
		snprintf(json + len + more, 3, "\"}");
		if (store_put(&s, "a/1", span_of(json), &e))
			return 1;
	}
	return 0;
}

static bool is_number_record(const char *json, int *n)
{
	const char *x = strstr(json, ",\"x\":\"");
	int more;

	*n = atoi(json + 5);
	more = 100 + *n * 37 % 3000;
	if (!x || strlen(x) != (size_t)more + 8)
		return false;
	for (int i = 0; i < more; i++) {
		if (x[6 + i] != 'a' + *n % 26)
			return false;
	}
	return true;
}

static void readers_see_whole_generations_in_order(void)
{
	int last = 0, n = 0, wrong = 0, status;
	pid_t pid;

	begin();
	put("a/1", "{\"n\":0}");
	pid = scratch_start(write_numbers, NULL);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		const char *json = get("a/1");

		if ((strcmp(json, "{\"n\":0}") != 0 && !is_number_record(json, &n)) || n < last)
			wrong++;
		last = n;
	}
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(is_number_record(get("a/1"), &n));
	CU_ASSERT_EQUAL(n, 150);
	end();
}

/* Inodes are reused at once, so that this would fail with a stamp of inode and kernel time. */
static void every_write_changes_the_stamp(void)
{
	struct store_stamp stamps[100];

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(stamps); i++) {
		put("a/1", i % 2 ? "{\"n\":1}" : "{\"n\":2}");
		CU_ASSERT_EQUAL(store_each(&s, "a/", see, &(struct seen){ 0 }, &stamps[i], &e), 0);
		for (size_t j = 0; j < i; j++)
			CU_ASSERT_FALSE(stamps[j].inode == stamps[i].inode &&
					stamps[j].mtime_ns == stamps[i].mtime_ns);
		CU_ASSERT_EQUAL(store_changed(&s, &stamps[i], &e), 0);
	}
	end();
}

static void stamp_moves_on_when_the_clock_goes_back(void)
{
	struct timespec future[2] = { { .tv_sec = 4000000000 },
				      { .tv_sec = 4000000000, .tv_nsec = 5 } };
	struct store_stamp before, after;

	begin();
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, s.path, future, 0), 0);
	CU_ASSERT_EQUAL(store_each(&s, "", see, &(struct seen){ 0 }, &before, &e), 0);
	put("a/1", "{}");
	CU_ASSERT_EQUAL(store_each(&s, "", see, &(struct seen){ 0 }, &after, &e), 0);
	CU_ASSERT_EQUAL(after.mtime_ns, before.mtime_ns + 1);
	end();
}

/* ---- growth ---- */

static void outgrown_file_is_rebuilt(void)
{
	char key[16], *big = xmalloc(60000);
	struct stat full, lean;
	size_t records, bad;

	begin();
	memset(big, '1', 59999);
	big[59999] = '\0';
	for (int i = 0; i < 30; i++) {
		snprintf(key, sizeof(key), "a/%d", i);
		put(key, big);
	}
	CU_ASSERT_EQUAL(stat(s.path, &full), 0);
	CU_ASSERT_TRUE(full.st_size > 30 * 60000);
	for (int i = 1; i < 30; i++) {
		snprintf(key, sizeof(key), "a/%d", i);
		CU_ASSERT_EQUAL(store_remove(&s, key, &e), 0);
	}
	CU_ASSERT_EQUAL(put("a/x", "{}"), 0);
	CU_ASSERT_EQUAL(stat(s.path, &lean), 0);
	CU_ASSERT_TRUE(lean.st_size < 2 * 61440 + (off_t)KB(256) + 61440);
	CU_ASSERT_STRING_EQUAL(get("a/0"), big);
	CU_ASSERT_STRING_EQUAL(get("a/x"), "{}");
	CU_ASSERT_EQUAL(store_verify(&s, &records, &bad, &e), 0);
	CU_ASSERT_EQUAL(records, 2);
	CU_ASSERT_EQUAL(bad, 0);
	free(big);
	end();
}

static void leftover_copy_is_replaced_and_never_followed(void)
{
	char victim[SCRATCH_SIZE + 64];
	struct stat st;

	begin();
	snprintf(victim, sizeof(victim), "%s/victim", dir);
	scratch_write(victim, "precious", 8);
	CU_ASSERT_EQUAL(symlink(victim, s.new_path), 0);
	CU_ASSERT_EQUAL(put("a/1", "{\"n\":1}"), 0);
	CU_ASSERT_EQUAL(stat(victim, &st), 0);
	CU_ASSERT_EQUAL(st.st_size, 8);
	scratch_write(s.new_path, "half a copy", 11);
	CU_ASSERT_EQUAL(put("a/2", "{\"n\":2}"), 0);
	CU_ASSERT_EQUAL(access(s.new_path, F_OK), -1);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":1}");
	CU_ASSERT_STRING_EQUAL(get("a/2"), "{\"n\":2}");
	end();
}

CU_TestInfo store_tests[] = {
	{ "store gives back what was put", store_gives_back_what_was_put },
	{ "store keeps keys and records within limits",
	  store_keeps_keys_and_records_within_limits },
	{ "update leaves the store alone when told so",
	  update_leaves_the_store_alone_when_told_so },
	{ "step is seen whole or not at all", step_is_seen_whole_or_not_at_all },
	{ "step of an expected generation is made of no other",
	  step_of_an_expected_generation_is_made_of_no_other },
	{ "each gives the keys of a prefix", each_gives_the_keys_of_a_prefix },
	{ "damaged record is refused, others are given",
	  damaged_record_is_refused_and_others_are_given },
	{ "damaged bucket does not hide the others", damaged_bucket_does_not_hide_the_others },
	{ "truncated file does not verify", truncated_file_does_not_verify },
	{ "leftover copy is replaced and never followed",
	  leftover_copy_is_replaced_and_never_followed },
	{ "concurrent writers lose nothing", concurrent_writers_lose_nothing },
	{ "readers see whole generations in order", readers_see_whole_generations_in_order },
	{ "every write changes the stamp", every_write_changes_the_stamp },
	{ "stamp moves on when the clock goes back", stamp_moves_on_when_the_clock_goes_back },
	{ "outgrown file is rebuilt", outgrown_file_is_rebuilt },
	CU_TEST_INFO_NULL,
};
