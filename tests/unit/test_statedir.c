#include "common/base.h"
#include "common/envelope.h"
#include "common/limits.h"
#include "common/statedir.h"
#include "common/store.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <gdbm.h>
#include <signal.h>
#include <sys/resource.h>

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
		{ "", 0, "is empty" },
		{ "hello\n", 6, "damaged or no GDBM file" },
		{ "SQLite format 3\0 and so on, another database", 40, "damaged or no GDBM file" },
	};
	struct stat st;

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		scratch_write(s.path, bad[i].bytes, bad[i].len);
		refuses(bad[i].message);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "kiroctl repair"));
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
		envelope_write(span_of(meta), &b);
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
	chmod(dir, 03770); /* the other user could not replace what this one has made */
	refuses("has mode 3770 and its sticky bit");
	chmod(dir, 01700);
	CU_ASSERT_EQUAL(statedir_check(dir, false, &e), 0);
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
	rc = store_put(&other, "a/1", span_of("{\"by\":\"nobody\"}"), &e);
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

/* A child's: files may have 100 bytes. 0: as it should be. */
static int write_beyond_the_room(void *context)
{
	static const char bytes[150];
	const struct rlimit limit = { 100, 100 };
	struct buf failed;
	struct stat st;
	int fd = open(context, O_RDWR | O_CREAT | O_CLOEXEC, 0600), rc;

	signal(SIGXFSZ, SIG_IGN);
	if (fd < 0 || setrlimit(RLIMIT_FSIZE, &limit))
		return 1;
	errno = 0;
	rc = statedir_write(fd, (struct span){ bytes, sizeof(bytes) }, 0);
	if (rc != -1 || errno != EFBIG || fstat(fd, &st) || st.st_size != 100)
		return 2;
	if (statedir_write(fd, (struct span){ bytes, 50 }, 50))
		return 3;
	buf_init(&failed, 1);
	buf_add_text(&failed, "too long");
	errno = 0;
	if (statedir_rewrite(fd, &failed) != -1 || errno != EFBIG || fstat(fd, &st) ||
	    st.st_size != 100)
		return 4;
	buf_reset(&failed);
	buf_add_char(&failed, 'x');
	return statedir_rewrite(fd, &failed) || fstat(fd, &st) || st.st_size != 1 ? 5 : 0;
}

static void what_has_no_room_tells_why(void)
{
	char path[SCRATCH_SIZE + 8];

	scratch_make(dir);
	snprintf(path, sizeof(path), "%s/file", dir);
	CU_ASSERT_EQUAL(scratch_run(write_beyond_the_room, path), 0);
	scratch_remove(dir);
}

CU_TestInfo statedir_tests[] = {
	{ "what has no room tells why", what_has_no_room_tells_why },
	{ "open creates nothing", open_creates_nothing },
	{ "bad files are refused and left alone", bad_files_are_refused_and_left_alone },
	{ "foreign stores are refused", foreign_stores_are_refused },
	{ "open modes are refused", open_modes_are_refused },
	{ "two users of one group share a store", two_users_of_one_group_share_a_store },
	{ "network file systems are known", network_file_systems_are_known },
	{ "create makes directories and is repeatable",
	  create_makes_directories_and_is_repeatable },
	{ "lost store is not made anew", lost_store_is_not_made_anew },
	CU_TEST_INFO_NULL,
};
