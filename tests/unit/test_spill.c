#include "common/base.h"
#include "common/envelope.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/store.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

static char dir[SCRATCH_SIZE];
static struct store s;
static struct error e;

static void begin(void)
{
	static const struct log_options quiet = { .file = "/dev/null" };

	log_open(&quiet);
	scratch_store(dir, "tokens", &s);
	error_clear(&e);
}

static void end(void)
{
	static const struct log_options loud = { .level = LOG_INFO };

	store_close(&s);
	scratch_remove(dir);
	log_open(&loud);
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

/* Files may not grow beyond 128 KB: the copy cannot be finished, the spill file is smaller. */
static int write_over_limit(void *context)
{
	struct rlimit limit = { KB(128), KB(128) };
	char *big = context;

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit))
		return 9;
	error_clear(&e);
	if (store_put(&s, "a/3", span_of(big), &e) == 0)
		return 1;
	if (!strstr(e.message, s.path) || !strstr(e.message, "make room"))
		return 2;
	if (access(s.new_path, F_OK) == 0)
		return 3;
	error_clear(&e);
	if (store_spill(&s, "a/3", span_of("{\"n\":3}"), &e) ||
	    store_spill(&s, "a/1", span_of("{\"n\":1}"), &e))
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
	CU_ASSERT_STRING_EQUAL(get("a/3"), NONE);
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
	if (store_put(&other, "a/1", span_of("{\"n\":1}"), &e))
		return 2;
	snprintf(path, sizeof(path), "%s/junk", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	while (write(fd, junk, sizeof(junk)) > 0)
		;
	close(fd);
	if (store_put(&other, "a/1", span_of("{\"n\":2}"), &e) == 0 ||
	    !strstr(e.message, "make room"))
		rc = 3;
	error_clear(&e);
	if (!rc && store_room(&other, &e) == 0)
		rc = 4;
	error_clear(&e);
	if (!rc && store_spill(&other, "a/1", span_of("{\"n\":2}"), &e))
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
	CU_ASSERT_EQUAL(store_spill(&s, "a/1", span_of("{\"n\":2}"), &e), 0);
	CU_ASSERT_EQUAL(store_spill(&s, "a/1", span_of("{\"n\":3}"), &e), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":1}");
	CU_ASSERT_EQUAL(store_update(&s, "a/1", scratch_add_one, NULL, &e), 0);
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
	CU_ASSERT_EQUAL(store_spill(&s, "a/1", span_of("{\"n\":1}"), &e), 0);
	CU_ASSERT_EQUAL(buf_read_file(&spilled, s.spill_path), 0);
	CU_ASSERT_EQUAL(put("a/1", "{\"n\":2}"), 0);
	scratch_write(s.spill_path, spilled.at, spilled.len);
	CU_ASSERT_EQUAL(put("a/2", "{}"), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":2}");
	scratch_write(s.spill_path, spilled.at, spilled.len);
	error_clear(&e);
	CU_ASSERT_EQUAL(store_spill(&s, "a/1", span_of("{\"n\":9}"), &e), 0);
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
	store_spill(&s, "a/1", span_of("{\"n\":1}"), &e);
	store_spill(&s, "a/2", span_of("{\"n\":2}"), &e);
	CU_ASSERT_EQUAL(buf_read_file(&spilled, s.spill_path), 0);
	*(char *)memmem(spilled.at, spilled.len, "\"n\":2", 5) = '!';
	scratch_write(s.spill_path, spilled.at, spilled.len);
	CU_ASSERT_EQUAL(store_room(&s, &e), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":1}");
	CU_ASSERT_STRING_EQUAL(get("a/2"), NONE);
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
	CU_ASSERT_EQUAL(store_spill(&s, "a/1", span_of(big), &e), 0); /* the largest record fits */
	CU_ASSERT_EQUAL(store_spill(&s, "a/2", span_of(big), &e), -1);
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
	CU_ASSERT_EQUAL(store_spill(&s, "a/1", span_of("{\"n\":2}"), &e), 0);
	kill(pid, SIGCONT);
	CU_ASSERT_EQUAL(scratch_wait(pid), 0);
	CU_ASSERT_EQUAL(put("a/2", "{}"), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":2}");
	CU_ASSERT_STRING_EQUAL(get("a/held"), "{\"n\":\"holder\"}");
	end();
}

/* ---- patches ---- */

static void patch_changes_what_it_names_and_nothing_else(void)
{
	begin();
	put("a/1", "{\"v\":1,\"rev\":4,\"token\":\"old\",\"state\":\"active\",\"why\":\"x\"}");
	error_clear(&e);
	CU_ASSERT_EQUAL(store_patch(&s, "a/1",
				    span_of("{\"token\":\"new\",\"why\":null,\"at\":1800000000}"),
				    &e),
			0);
	CU_ASSERT_STRING_EQUAL(
		get("a/1"),
		"{\"v\":1,\"state\":\"active\",\"token\":\"new\",\"at\":1800000000,\"rev\":5}");
	CU_ASSERT_EQUAL(store_patch(&s, "a/gone", span_of("{\"token\":\"new\"}"), &e), 0);
	CU_ASSERT_STRING_EQUAL(get("a/gone"), NONE);
	end();
}

/* The edit comes between the patch and its folding in; the second patch builds on the first. */
static void patches_keep_what_others_changed_meanwhile(void)
{
	struct buf spilled;

	begin();
	buf_init(&spilled, MB(1));
	put("a/1", "{\"rev\":1,\"token\":\"old\",\"state\":\"active\"}");
	error_clear(&e);
	CU_ASSERT_EQUAL(store_spill(&s, "+a/1", span_of("{\"token\":\"new\",\"n\":1}"), &e), 0);
	CU_ASSERT_EQUAL(store_spill(&s, "+a/1", span_of("{\"n\":2}"), &e), 0);
	CU_ASSERT_EQUAL(buf_read_file(&spilled, s.spill_path), 0);
	spilled.at[0] ^= 1; /* no entries: the edit goes first */
	scratch_write(s.spill_path, spilled.at, spilled.len);
	CU_ASSERT_EQUAL(put("a/1", "{\"rev\":2,\"token\":\"old\",\"state\":\"disabled\"}"), 0);
	spilled.at[0] ^= 1;
	scratch_write(s.spill_path, spilled.at, spilled.len);
	CU_ASSERT_EQUAL(store_room(&s, &e), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"),
			       "{\"state\":\"disabled\",\"token\":\"new\",\"n\":2,\"rev\":4}");
	buf_release(&spilled);
	end();
}

static void patch_without_a_spill_file_is_stored_all_the_same(void)
{
	begin();
	put("a/1", "{\"rev\":1,\"token\":\"old\"}");
	CU_ASSERT_EQUAL(unlink(s.spill_path), 0);
	error_clear(&e);
	CU_ASSERT_EQUAL(store_patch(&s, "a/1", span_of("{\"token\":\"new\"}"), &e), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"token\":\"new\",\"rev\":2}");
	end();
}

static void patch_waits_where_the_store_cannot_be_written(void)
{
	begin();
	put("a/1", "{\"rev\":1,\"token\":\"old\"}");
	error_clear(&e);
	CU_ASSERT_EQUAL(mkdir(s.new_path, 0700), 0); /* no copy can be made there */
	CU_ASSERT_EQUAL(store_patch(&s, "a/1", span_of("{\"token\":\"new\"}"), &e), 1);
	CU_ASSERT_EQUAL(e.kind, ERR_STORE);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"rev\":1,\"token\":\"old\"}");
	CU_ASSERT_EQUAL(rmdir(s.new_path), 0);
	error_clear(&e);
	CU_ASSERT_EQUAL(store_room(&s, &e), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"token\":\"new\",\"rev\":2}");
	end();
}

#define MANY 1000

/* A child's: tokens that come one behind the other. The file may be full until it is folded. */
static int spill_many(void *context)
{
	char key[16], json[32];

	(void)context;
	for (int i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "a/%d", i);
		snprintf(json, sizeof(json), "{\"n\":%d}", i);
		do
			error_clear(&e);
		while (store_spill(&s, key, span_of(json), &e));
	}
	return 0;
}

/* What comes while the store is written is in the file behind what the store has taken over. */
static void entries_that_come_during_a_fold_stay(void)
{
	char key[16], json[32];
	pid_t child;
	int status;

	begin();
	child = scratch_start(spill_many, NULL);
	while (waitpid(child, &status, WNOHANG) == 0)
		CU_ASSERT_EQUAL(put("b/1", "{\"n\":1}"), 0);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CU_ASSERT_EQUAL(put("b/1", "{\"n\":2}"), 0);
	for (int i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "a/%d", i);
		snprintf(json, sizeof(json), "{\"n\":%d}", i);
		CU_ASSERT_STRING_EQUAL(get(key), json);
	}
	end();
}

/* Nobody writes to it: who looks into it is not to wait. */
static void fifo_for_a_spill_file_is_not_waited_for(void)
{
	char path[SCRATCH_SIZE + 16];

	begin();
	snprintf(path, sizeof(path), "%s/tokens.spill", dir);
	unlink(path);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	CU_ASSERT_EQUAL(put("a/1", "{\"n\":1}"), 0);
	CU_ASSERT_STRING_EQUAL(get("a/1"), "{\"n\":1}");
	CU_ASSERT_EQUAL(store_room(&s, &e), -1);
	end();
}

CU_TestInfo spill_tests[] = {
	{ "fifo for a spill file is not waited for", fifo_for_a_spill_file_is_not_waited_for },
	{ "entries that come during a fold stay", entries_that_come_during_a_fold_stay },
	{ "patch changes what it names and nothing else",
	  patch_changes_what_it_names_and_nothing_else },
	{ "patches keep what others changed meanwhile",
	  patches_keep_what_others_changed_meanwhile },
	{ "patch without a spill file is stored all the same",
	  patch_without_a_spill_file_is_stored_all_the_same },
	{ "patch waits where the store cannot be written",
	  patch_waits_where_the_store_cannot_be_written },
	{ "full disk leaves the store whole", full_disk_leaves_the_store_whole },
	{ "full tmpfs spills, and open folds in", full_tmpfs_spills_and_open_folds_in },
	{ "spilled record is folded in once", spilled_record_is_folded_in_once },
	{ "folded entry that was left is not folded again",
	  folded_entry_that_was_left_is_not_folded_again },
	{ "torn spill entry is ignored", torn_spill_entry_is_ignored },
	{ "full spill file says so", full_spill_file_says_so },
	{ "stopped holder times others out", stopped_holder_times_others_out },
	CU_TEST_INFO_NULL,
};
