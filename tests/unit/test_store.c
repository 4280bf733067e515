#include "common/base.h"
#include "common/envelope.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/statedir.h"
#include "common/store.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <gdbm.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Text literal -> span, for records. */
#define JSON(text) span_of(text)

static char dir[SCRATCH_SIZE];
static struct store s;
static struct error e;

static const char *in_dir(const char *name)
{
	static char path[SCRATCH_SIZE + 64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void begin(void)
{
	scratch_make(dir);
	error_clear(&e);
	CU_ASSERT_EQUAL_FATAL(store_create(dir, "tokens", 0, &e), 0);
	CU_ASSERT_EQUAL_FATAL(store_open(&s, dir, "tokens", 0, &e), 0);
}

static void end(void)
{
	store_close(&s);
	scratch_remove(dir);
}

static int put(const char *key, const char *json)
{
	error_clear(&e);
	return store_put(&s, key, JSON(json), &e);
}

/* The record as a C string in a static buffer; NULL: absent or unreadable. */
static const char *get(const char *key)
{
	static char text[LIMIT_RECORD + 1];
	const char *found = NULL;
	struct buf json;

	error_clear(&e);
	buf_init(&json, LIMIT_RECORD);
	if (store_get(&s, key, &json, &e) == 1) {
		memcpy(text, json.at, json.len + 1);
		found = text;
	}
	buf_release(&json);
	return found;
}

/* store_open() of the directory must fail with a text in its message. */
static void refuses(const char *text)
{
	struct store other;

	error_clear(&e);
	CU_ASSERT_EQUAL(store_open(&other, dir, "tokens", 0, &e), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_STORE);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, text));
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, dir));
	if (!strstr(e.message, text))
		fprintf(stderr, "  message: %s\n", e.message);
}

static void overwrite(const char *path, const char *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);

	CU_ASSERT_EQUAL(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

/* ---- records ---- */

static void envelope_has_the_documented_bytes(void)
{
	struct buf value;
	struct span json;

	buf_init(&value, LIMIT_RECORD);
	CU_ASSERT_EQUAL(envelope_write(JSON("{\"a\":1}"), &value), 0);
	CU_ASSERT_EQUAL(value.len, 512);
	CU_ASSERT_NSTRING_EQUAL(value.at, "{\"a\":1}  ", 9);
	CU_ASSERT_STRING_EQUAL(value.at + 495, "\n#crc32=277ddbec\n");
	CU_ASSERT_EQUAL(envelope_read(buf_span(&value), &json), 0);
	CU_ASSERT_TRUE(span_is(json, "{\"a\":1}"));
	buf_release(&value);
}

static void envelope_grows_by_512_bytes(void)
{
	char text[600];
	struct buf value;

	memset(text, 'x', sizeof(text));
	memcpy(text, "{\"k\":\"", 6);
	memcpy(text + 493, "\"}", 2);
	buf_init(&value, LIMIT_RECORD);
	CU_ASSERT_EQUAL(envelope_write((struct span){ text, 495 }, &value), 0);
	CU_ASSERT_EQUAL(value.len, 512);
	CU_ASSERT_STRING_EQUAL(value.at + 495, "\n#crc32=24e10a30\n");
	buf_reset(&value);
	CU_ASSERT_EQUAL(envelope_write((struct span){ text, 496 }, &value), 0);
	CU_ASSERT_EQUAL(value.len, 1024);
	buf_release(&value);
}

static void envelope_refuses_every_flipped_byte(void)
{
	struct buf value;
	struct span json;

	buf_init(&value, LIMIT_RECORD);
	envelope_write(JSON("{\"token\":\"abc\"}"), &value);
	for (size_t i = 0; i < value.len; i++) {
		value.at[i] ^= 0x20;
		CU_ASSERT_EQUAL(envelope_read(buf_span(&value), &json), -1);
		value.at[i] ^= 0x20;
		CU_ASSERT_EQUAL(envelope_read((struct span){ value.at, i }, &json), -1);
	}
	CU_ASSERT_EQUAL(envelope_read(buf_span(&value), &json), 0);
	buf_release(&value);
}

static void store_gives_back_what_was_put(void)
{
	begin();
	CU_ASSERT_PTR_NULL(get("a/1"));
	CU_ASSERT_EQUAL(e.kind, ERR_NONE);
	CU_ASSERT_EQUAL(put("a/1", "{\"n\":1}"), 0);
	CU_ASSERT_EQUAL(put("a/2", "{\"n\":\"\xC3\xA4\"}"), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":1}");
	CU_ASSERT_STRING_EQUAL(get("a/2"), "{\"n\":\"\xC3\xA4\"}");
	CU_ASSERT_EQUAL(put("a/1", "{\"n\":10}"), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":10}");
	CU_ASSERT_EQUAL(store_remove(&s, "a/1", &e), 0);
	CU_ASSERT_EQUAL(store_remove(&s, "a/1", &e), 1);
	CU_ASSERT_PTR_NULL(get("a/1"));
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
	CU_ASSERT_PTR_NULL(get("a/big2"));
	CU_ASSERT_PTR_NOT_NULL(get("a/big"));
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
	CU_ASSERT_PTR_NULL(get("a/1"));
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

static void damage(const char *text)
{
	size_t len;
	char *bytes = file_bytes(&len), *at = memmem(bytes, len, text, strlen(text));

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	at[1] ^= 1;
	overwrite(s.path, bytes, len);
	free(bytes);
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
	damage("needle");
	CU_ASSERT_PTR_NULL(get("a/2"));
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
	overwrite(s.path, bytes, len - 8192);
	free(bytes);
	log_open(&quiet);
	rc = store_verify(&s, &records, &bad, &e);
	log_open(&loud);
	CU_ASSERT_TRUE(rc < 0 || bad > 0);
	end();
}

/* ---- refusals ---- */

static int files_in_dir(void)
{
	DIR *d = opendir(dir);
	int count = 0;

	while (readdir(d))
		count++;
	closedir(d);
	return count - 2;
}

static void open_creates_nothing(void)
{
	scratch_make(dir);
	refuses("there is no store");
	CU_ASSERT_EQUAL(files_in_dir(), 0);
	scratch_remove(dir);
	refuses("cannot use the state directory");
	CU_ASSERT_EQUAL(access(dir, F_OK), -1);
}

static void bad_files_are_refused_and_left_alone(void)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *message;
	} bad[] = {
		{"",					       0,	 "is empty"		    },
		{ "hello\n",				       6,	"is not a readable GDBM file"},
		{ "SQLite format 3\0 and so on, another database", 40,
		  "is not a readable GDBM file"						      },
	};
	struct stat st;

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		overwrite(s.path, bad[i].bytes, bad[i].len);
		refuses(bad[i].message);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "backup"));
		CU_ASSERT_EQUAL(put("a/1", "{}"), -1);
		CU_ASSERT_EQUAL(store_create(dir, "tokens", 0, &e), 0);
		CU_ASSERT_EQUAL(stat(s.path, &st), 0);
		CU_ASSERT_EQUAL(st.st_size, (off_t)bad[i].len);
	}
	end();
}

/* A GDBM of our own making with the given !meta, or none. */
static void write_foreign(const char *meta)
{
	GDBM_FILE db = gdbm_open(s.path, 4096, GDBM_NEWDB | GDBM_NOMMAP, 0600, NULL);
	datum key = { "!meta", 5 }, value;
	struct buf b;

	buf_init(&b, LIMIT_RECORD);
	CU_ASSERT_PTR_NOT_NULL_FATAL(db);
	if (meta) {
		envelope_write(JSON(meta), &b);
		value = (datum){ b.at, (int)b.len };
		CU_ASSERT_EQUAL(gdbm_store(db, key, value, GDBM_REPLACE), 0);
	}
	gdbm_close(db);
	buf_release(&b);
}

static void foreign_stores_are_refused(void)
{
	begin();
	write_foreign(NULL);
	refuses("has no !meta record");
	write_foreign("{\"v\":1,\"store\":\"keys\",\"fmt\":1,\"uuid\":\"u\"}");
	refuses("is the store \"keys\", not \"tokens\"");
	write_foreign("{\"v\":1,\"store\":\"tokens\",\"fmt\":2,\"uuid\":\"u\"}");
	refuses("has format 2, this program knows 1");
	write_foreign("{\"v\":1,\"store\":7,\"fmt\":1,\"uuid\":\"u\"}");
	error_clear(&e);
	CU_ASSERT_EQUAL(store_open(&(struct store){ 0 }, dir, "tokens", 0, &e), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "store"));
	end();
}

static void open_modes_are_refused(void)
{
	begin();
	chmod(dir, 0755);
	refuses("has mode 0755 and lets others in: chmod 0700");
	chmod(dir, 0701);
	refuses("lets others in");
	chmod(dir, 0700);
	chmod(s.path, 0644);
	refuses("has mode 0644 and holds secrets: chmod 0600");
	chmod(s.path, 0660);
	CU_ASSERT_EQUAL(store_open(&(struct store){ 0 }, dir, "keys", 0, &e), -1);
	error_clear(&e);
	chmod(s.path, 0600);
	unlink(s.path);
	CU_ASSERT_EQUAL(symlink("/dev/null", s.path), 0);
	refuses("is not a regular file");
	end();
}

static int open_as_nobody(void *context)
{
	struct store other;

	(void)context;
	error_clear(&e);
	if (setgid(65534) || setuid(65534))
		return 9;
	if (store_open(&other, dir, "tokens", 0, &e) == 0)
		return 1;
	return strstr(e.message, "belongs to user") ? 0 : 2;
}

static int open_as_group_member(void *context)
{
	struct store other;
	int rc;

	(void)context;
	error_clear(&e);
	umask(077);
	if (setgid(65533) || setuid(65534))
		return 9;
	if (store_open(&other, dir, "tokens", 0, &e))
		return 1;
	rc = store_put(&other, "a/1", JSON("{\"by\":\"nobody\"}"), &e);
	store_close(&other);
	return rc ? 2 : 0;
}

/* Needs root, to become two users. */
static void two_users_of_one_group_share_a_store(void)
{
	struct stat st;

	if (geteuid() != 0)
		return;
	begin();
	/* The path must let the other user reach the directory; its own mode is what is refused. */
	CU_ASSERT_EQUAL(chmod(dir, 0750), 0);
	CU_ASSERT_EQUAL(chown(dir, 0, 65533), 0);
	CU_ASSERT_EQUAL(scratch_run(open_as_nobody, NULL), 0);
	end();

	scratch_make(dir);
	CU_ASSERT_EQUAL(chown(dir, 0, 65533), 0);
	CU_ASSERT_EQUAL(chmod(dir, 02770), 0);
	CU_ASSERT_EQUAL_FATAL(store_create(dir, "tokens", 0, &e), 0);
	CU_ASSERT_EQUAL_FATAL(store_open(&s, dir, "tokens", 0, &e), 0);
	CU_ASSERT_EQUAL(scratch_run(open_as_group_member, NULL), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"by\":\"nobody\"}");
	CU_ASSERT_EQUAL(stat(s.path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0660);
	CU_ASSERT_EQUAL(st.st_gid, 65533);
	CU_ASSERT_EQUAL(put("a/1", "{\"by\":\"root\"}"), 0);
	CU_ASSERT_EQUAL(stat(s.path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0660);
	CU_ASSERT_EQUAL(scratch_run(open_as_group_member, NULL), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"by\":\"nobody\"}");
	end();
}

static void network_file_systems_are_known(void)
{
	CU_ASSERT_STRING_EQUAL(statedir_network_fs(0x6969), "NFS");
	CU_ASSERT_STRING_EQUAL(statedir_network_fs(0x517B), "SMB");
	CU_ASSERT_STRING_EQUAL(statedir_network_fs(0xFF534D42), "CIFS");
	CU_ASSERT_STRING_EQUAL(statedir_network_fs(0x65735546), "FUSE");
	CU_ASSERT_PTR_NULL(statedir_network_fs(0xEF53));     /* ext4 */
	CU_ASSERT_PTR_NULL(statedir_network_fs(0x01021994)); /* tmpfs */
	CU_ASSERT_PTR_NULL(statedir_network_fs(0x58465342)); /* XFS */
	CU_ASSERT_PTR_NULL(statedir_network_fs(0x794C7630)); /* overlay */
}

static void create_makes_directories_and_is_repeatable(void)
{
	char deep[SCRATCH_SIZE + 16];
	struct store_stamp stamp = { .inode = 0 };
	struct stat st;

	scratch_make(dir);
	snprintf(deep, sizeof(deep), "%s/x/y", dir);
	error_clear(&e);
	CU_ASSERT_EQUAL_FATAL(store_create(deep, "keys", 0, &e), 0);
	CU_ASSERT_EQUAL(stat(deep, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0700);
	CU_ASSERT_EQUAL_FATAL(store_open(&s, deep, "keys", 0, &e), 0);
	CU_ASSERT_EQUAL(put("k/1", "{\"n\":1}"), 0);
	CU_ASSERT_EQUAL(stat(s.path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
	store_changed(&s, &stamp, &e);
	CU_ASSERT_EQUAL(store_create(deep, "keys", 0, &e), 0);
	CU_ASSERT_EQUAL(store_changed(&s, &stamp, &e), 0);
	CU_ASSERT_STRING_EQUAL(get("k/1"), "{\"n\":1}");
	end();
}

static void lost_store_is_not_made_anew(void)
{
	begin();
	unlink(s.path);
	refuses("there is no store");
	error_clear(&e);
	CU_ASSERT_EQUAL(store_create(dir, "tokens", 0, &e), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "is gone"));
	CU_ASSERT_EQUAL(access(s.path, F_OK), -1);
	end();
}

static void leftover_copy_is_replaced_and_never_followed(void)
{
	char victim[SCRATCH_SIZE + 64];
	struct stat st;

	begin();
	snprintf(victim, sizeof(victim), "%s", in_dir("victim"));
	overwrite(victim, "precious", 8);
	CU_ASSERT_EQUAL(symlink(victim, s.new_path), 0);
	CU_ASSERT_EQUAL(put("a/1", "{\"n\":1}"), 0);
	CU_ASSERT_EQUAL(stat(victim, &st), 0);
	CU_ASSERT_EQUAL(st.st_size, 8);
	overwrite(s.new_path, "half a copy", 11);
	CU_ASSERT_EQUAL(put("a/2", "{\"n\":2}"), 0);
	CU_ASSERT_EQUAL(access(s.new_path, F_OK), -1);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":1}");
	CU_ASSERT_STRING_EQUAL(get("a/2"), "{\"n\":2}");
	end();
}

/* ---- many at once ---- */

#define WRITERS 4
#define ROUNDS	25

static int add_one(void *context, struct buf *json, struct error *why)
{
	int n = json->len ? atoi(json->at + 5) : 0;

	(void)context;
	(void)why;
	buf_reset(json);
	return buf_add_format(json, "{\"n\":%d}", n + 1);
}

static void *count_up(void *context)
{
	struct error why = { .kind = ERR_NONE };
	intptr_t failed = 0;

	for (int i = 0; i < ROUNDS; i++) {
		failed += store_update(&s, "a/shared", add_one, NULL, &why) != 0;
		failed += store_update(&s, context, add_one, NULL, &why) != 0;
	}
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
		if (store_put(&s, "a/1", JSON(json), &e))
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

		if (!json || (strcmp(json, "{\"n\":0}") != 0 && !is_number_record(json, &n)) ||
		    n < last)
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
	struct timespec future[2] = {
		{.tv_sec = 4000000000},
		  { .tv_sec = 4000000000,	  .tv_nsec = 5 }
	};
	struct store_stamp before, after;

	begin();
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, s.path, future, 0), 0);
	CU_ASSERT_EQUAL(store_each(&s, "", see, &(struct seen){ 0 }, &before, &e), 0);
	put("a/1", "{}");
	CU_ASSERT_EQUAL(store_each(&s, "", see, &(struct seen){ 0 }, &after, &e), 0);
	CU_ASSERT_EQUAL(after.mtime_ns, before.mtime_ns + 1);
	end();
}

/* ---- growth, full disks, stuck locks ---- */

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

/* Files may not grow beyond 128 KB: the copy cannot be finished, the spill file is smaller. */
static int write_over_limit(void *context)
{
	struct rlimit limit = { KB(128), KB(128) };
	char *big = context;

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit))
		return 9;
	error_clear(&e);
	if (store_put(&s, "a/3", JSON(big), &e) == 0)
		return 1;
	if (!strstr(e.message, s.path) || !strstr(e.message, "make room"))
		return 2;
	if (access(s.new_path, F_OK) == 0)
		return 3;
	error_clear(&e);
	if (store_spill(&s, "a/3", JSON("{\"n\":3}"), &e) ||
	    store_spill(&s, "a/1", JSON("{\"n\":1}"), &e))
		return 4;
	return store_room(&s, &e) == 0 ? 5 : 0; /* cannot fold in yet */
}

static void full_disk_leaves_the_store_whole(void)
{
	char *big = xmalloc(60000);

	begin();
	memset(big, '1', 59999);
	big[59999] = '\0';
	put("a/1", big);
	put("a/2", big);
	CU_ASSERT_EQUAL(scratch_run(write_over_limit, big), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), big);
	CU_ASSERT_STRING_EQUAL(get("a/2"), big);
	CU_ASSERT_PTR_NULL(get("a/3"));
	CU_ASSERT_EQUAL(store_room(&s, &e), 0);
	CU_ASSERT_STRING_EQUAL(get("a/3"), "{\"n\":3}");
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":1}");
	CU_ASSERT_STRING_EQUAL(get("a/2"), big);
	free(big);
	end();
}

static int fill_tmpfs(void *context)
{
	char junk[4096] = "x", path[SCRATCH_SIZE + 16];
	struct store other;
	int fd, rc = 0;

	(void)context;
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", dir, "tmpfs", 0, "size=512k,mode=0700"))
		return 77; /* not allowed here */
	error_clear(&e);
	if (store_create(dir, "tokens", 0, &e) || store_open(&other, dir, "tokens", 0, &e))
		return 1;
	if (store_put(&other, "a/1", JSON("{\"n\":1}"), &e))
		return 2;
	snprintf(path, sizeof(path), "%s/junk", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	while (write(fd, junk, sizeof(junk)) > 0)
		;
	close(fd);
	if (store_put(&other, "a/1", JSON("{\"n\":2}"), &e) == 0 || !strstr(e.message, "make room"))
		rc = 3;
	error_clear(&e);
	if (!rc && store_room(&other, &e) == 0)
		rc = 4;
	error_clear(&e);
	if (!rc && store_spill(&other, "a/1", JSON("{\"n\":2}"), &e))
		rc = 5;
	unlink(path);
	store_close(&other);
	error_clear(&e);
	if (!rc && store_open(&s, dir, "tokens", 0, &e))
		return 6;
	return rc ? rc : strcmp(get("a/1"), "{\"n\":2}") ? 7 : 0;
}

static void full_tmpfs_spills_and_open_folds_in(void)
{
	int rc;

	scratch_make(dir);
	rc = scratch_run(fill_tmpfs, NULL);
	CU_ASSERT_TRUE(rc == 0 || rc == 77);
	scratch_remove(dir);
}

static void spilled_record_is_folded_in_once(void)
{
	begin();
	put("a/1", "{\"n\":1}");
	error_clear(&e);
	CU_ASSERT_EQUAL(store_spill(&s, "a/1", JSON("{\"n\":2}"), &e), 0);
	CU_ASSERT_EQUAL(store_spill(&s, "a/1", JSON("{\"n\":3}"), &e), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":1}");
	CU_ASSERT_EQUAL(store_update(&s, "a/1", add_one, NULL, &e), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":4}");
	CU_ASSERT_EQUAL(put("a/2", "{}"), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":4}");
	end();
}

/* Killed between the rename and the emptying: the spill file has what the store has already. */
static void folded_entry_that_was_left_is_not_folded_again(void)
{
	struct buf spilled;

	begin();
	buf_init(&spilled, MB(1));
	error_clear(&e);
	CU_ASSERT_EQUAL(store_spill(&s, "a/1", JSON("{\"n\":1}"), &e), 0);
	CU_ASSERT_EQUAL(buf_read_file(&spilled, s.spill_path), 0);
	CU_ASSERT_EQUAL(put("a/1", "{\"n\":2}"), 0);
	overwrite(s.spill_path, spilled.at, spilled.len);
	CU_ASSERT_EQUAL(put("a/2", "{}"), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":2}");
	overwrite(s.spill_path, spilled.at, spilled.len);
	error_clear(&e);
	CU_ASSERT_EQUAL(store_spill(&s, "a/1", JSON("{\"n\":9}"), &e), 0);
	CU_ASSERT_EQUAL(store_room(&s, &e), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":9}");
	buf_release(&spilled);
	end();
}

static void torn_spill_entry_is_ignored(void)
{
	struct buf spilled;

	begin();
	buf_init(&spilled, MB(1));
	error_clear(&e);
	store_spill(&s, "a/1", JSON("{\"n\":1}"), &e);
	store_spill(&s, "a/2", JSON("{\"n\":2}"), &e);
	CU_ASSERT_EQUAL(buf_read_file(&spilled, s.spill_path), 0);
	*(char *)memmem(spilled.at, spilled.len, "\"n\":2", 5) = '!';
	overwrite(s.spill_path, spilled.at, spilled.len);
	CU_ASSERT_EQUAL(store_room(&s, &e), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":1}");
	CU_ASSERT_PTR_NULL(get("a/2"));
	buf_release(&spilled);
	end();
}

static void full_spill_file_says_so(void)
{
	char *big = xmalloc(LIMIT_RECORD);

	begin();
	memset(big, '1', LIMIT_RECORD);
	big[LIMIT_RECORD - ENVELOPE_TRAILER] = '\0';
	error_clear(&e);
	CU_ASSERT_EQUAL(store_spill(&s, "a/1", JSON(big), &e), 0); /* the largest record fits */
	CU_ASSERT_EQUAL(store_spill(&s, "a/2", JSON(big), &e), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "full"));
	error_clear(&e);
	CU_ASSERT_EQUAL(store_room(&s, &e), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), big);
	free(big);
	end();
}

static int stop_inside(void *context, struct buf *json, struct error *why)
{
	(void)context;
	(void)why;
	raise(SIGSTOP);
	buf_reset(json);
	return buf_add_text(json, "{\"n\":\"holder\"}");
}

static int hold_lock(void *context)
{
	(void)context;
	error_clear(&e);
	return store_update(&s, "a/held", stop_inside, NULL, &e) != 0;
}

static void stopped_holder_times_others_out(void)
{
	int status;
	pid_t pid;

	begin();
	put("a/1", "{\"n\":1}");
	pid = scratch_start(hold_lock, NULL);
	CU_ASSERT_EQUAL(waitpid(pid, &status, WUNTRACED), pid);
	CU_ASSERT_TRUE(WIFSTOPPED(status));
	CU_ASSERT_EQUAL(put("a/1", "{\"n\":2}"), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_STORE);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "held by another process"));
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":1}"); /* readers do not wait */
	CU_ASSERT_EQUAL(store_spill(&s, "a/1", JSON("{\"n\":2}"), &e), 0);
	kill(pid, SIGCONT);
	CU_ASSERT_EQUAL(scratch_wait(pid), 0);
	CU_ASSERT_EQUAL(put("a/2", "{}"), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":2}");
	CU_ASSERT_STRING_EQUAL(get("a/held"), "{\"n\":\"holder\"}");
	end();
}

CU_TestInfo store_tests[] = {
	{"envelope has the documented bytes",	       envelope_has_the_documented_bytes	 },
	{ "envelope grows by 512 bytes",			 envelope_grows_by_512_bytes	     },
	{ "envelope refuses every flipped byte",		 envelope_refuses_every_flipped_byte    },
	{ "store gives back what was put",		   store_gives_back_what_was_put		 },
	{ "store keeps keys and records within limits",
	  store_keeps_keys_and_records_within_limits						     },
	{ "update leaves the store alone when told so",
	  update_leaves_the_store_alone_when_told_so						     },
	{ "each gives the keys of a prefix",		     each_gives_the_keys_of_a_prefix	     },
	{ "damaged record is refused, others are given",
	  damaged_record_is_refused_and_others_are_given						 },
	{ "truncated file does not verify",		    truncated_file_does_not_verify	   },
	{ "open creates nothing",				  open_creates_nothing		       },
	{ "bad files are refused and left alone",		  bad_files_are_refused_and_left_alone   },
	{ "foreign stores are refused",			foreign_stores_are_refused		   },
	{ "open modes are refused",			    open_modes_are_refused		   },
	{ "two users of one group share a store",		  two_users_of_one_group_share_a_store   },
	{ "network file systems are known",		    network_file_systems_are_known	   },
	{ "create makes directories and is repeatable",
	  create_makes_directories_and_is_repeatable						     },
	{ "lost store is not made anew",			 lost_store_is_not_made_anew	     },
	{ "leftover copy is replaced and never followed",
	  leftover_copy_is_replaced_and_never_followed					       },
	{ "concurrent writers lose nothing",		     concurrent_writers_lose_nothing	     },
	{ "readers see whole generations in order",	    readers_see_whole_generations_in_order },
	{ "every write changes the stamp",		   every_write_changes_the_stamp		 },
	{ "stamp moves on when the clock goes back",	     stamp_moves_on_when_the_clock_goes_back},
	{ "outgrown file is rebuilt",			      outgrown_file_is_rebuilt	       },
	{ "full disk leaves the store whole",		      full_disk_leaves_the_store_whole       },
	{ "full tmpfs spills, and open folds in",		  full_tmpfs_spills_and_open_folds_in    },
	{ "spilled record is folded in once",		      spilled_record_is_folded_in_once       },
	{ "folded entry that was left is not folded again",
	  folded_entry_that_was_left_is_not_folded_again						 },
	{ "torn spill entry is ignored",			 torn_spill_entry_is_ignored	     },
	{ "full spill file says so",			     full_spill_file_says_so		     },
	{ "stopped holder times others out",		     stopped_holder_times_others_out	     },
	CU_TEST_INFO_NULL,
};
