#include "common/base.h"
#include "common/log.h"
#include "common/mapfile.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mount.h>

#define NAME  "tally.map"
#define NAMES 40

struct tally {
	struct mapfile_slot head;
	char label[24];
	_Atomic uint64_t count;
};

static const struct mapfile_format format = { "tally", 3, sizeof(struct tally),
					      sizeof(((struct tally *)0)->label), 256 };

static char dir[SCRATCH_SIZE], path[SCRATCH_SIZE + 32];
static struct mapfile map;
static struct error e;

static void begin(void)
{
	static const struct log_options quiet = { .file = "/dev/null" };

	log_open(&quiet);
	scratch_make(dir);
	snprintf(path, sizeof(path), "%s/" NAME, dir);
	error_clear(&e);
}

static void end(void)
{
	static const struct log_options loud = { .level = LOG_INFO };

	mapfile_close(&map);
	scratch_remove(dir);
	log_open(&loud);
}

static int reopen(void)
{
	mapfile_close(&map);
	error_clear(&e);
	return mapfile_open(&map, dir, NAME, &format, &e);
}

static int add(const char *name, unsigned n)
{
	struct tally *t = mapfile_take(&map, mapfile_key(name), name);

	if (!t)
		return -1;
	atomic_fetch_add(&t->count, n);
	return 0;
}

static uint64_t count(const char *name)
{
	struct tally *t = mapfile_find(&map, mapfile_key(name));

	return t ? t->count : 0;
}

static bool is_there(const char *ending)
{
	char other[sizeof(path) + 16];

	snprintf(other, sizeof(other), "%s%s", path, ending);
	return access(other, F_OK) == 0;
}

static void what_is_counted_is_there_for_the_next(void)
{
	struct tally *t;
	struct stat st;

	begin();
	CU_ASSERT_EQUAL_FATAL(reopen(), 0);
	CU_ASSERT_PTR_NULL(mapfile_find(&map, mapfile_key("one")));
	CU_ASSERT_EQUAL(add("one", 3), 0);
	CU_ASSERT_EQUAL(add("a name that is longer than its room", 1), 0);
	CU_ASSERT_EQUAL_FATAL(reopen(), 0);
	CU_ASSERT_EQUAL(count("one"), 3);
	t = mapfile_find(&map, mapfile_key("one"));
	CU_ASSERT_STRING_EQUAL(mapfile_label(&map, t), "one");
	t = mapfile_find(&map, mapfile_key("a name that is longer than its room"));
	CU_ASSERT_STRING_EQUAL(mapfile_label(&map, t), "a name that is longer t");
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
	CU_ASSERT_TRUE(st.st_blocks * 512 >= st.st_size); /* none is missing when it is written */
	CU_ASSERT_FALSE(is_there(".new"));
	end();
}

static void names_are_found_by_going_through_the_slots(void)
{
	unsigned found = 0;
	uint64_t sum = 0;
	struct tally *t;
	char name[16];

	begin();
	CU_ASSERT_EQUAL_FATAL(reopen(), 0);
	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "name %u", i);
		CU_ASSERT_EQUAL(add(name, i), 0);
	}
	for (size_t i = 0; (t = mapfile_at(&map, i)); i++) {
		if (!mapfile_is_taken(&map, t))
			continue;
		CU_ASSERT_EQUAL(t->count, (uint64_t)atoi(mapfile_label(&map, t) + 5));
		sum += t->count;
		found++;
	}
	CU_ASSERT_EQUAL(found, NAMES);
	CU_ASSERT_EQUAL(sum, NAMES * (NAMES - 1) / 2);
	end();
}

/* Every slot of the window has its key; the rest of the table has room, but not for this one. */
static void full_table_says_so(void)
{
	size_t refused = 0;
	char name[16];

	begin();
	CU_ASSERT_EQUAL_FATAL(reopen(), 0);
	for (unsigned i = 0; i < 2 * format.slots; i++) {
		snprintf(name, sizeof(name), "name %u", i);
		refused += add(name, 1) != 0;
	}
	CU_ASSERT_TRUE(refused >= format.slots);
	CU_ASSERT_EQUAL(count("name 0"), 1);
	end();
}

#define COUNTERS 4
#define ROUNDS	 2000

static void *count_on(void *context)
{
	char name[16];

	for (unsigned i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof(name), "name %u", i % NAMES);
		if (add(name, 1))
			return context;
	}
	return NULL;
}

static int count_in_threads(void *context)
{
	pthread_t threads[2];
	void *failed[2];

	if (reopen())
		return 1;
	for (size_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, count_on, context);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], &failed[i]);
	return failed[0] || failed[1] ? 2 : 0;
}

static void processes_and_threads_lose_no_count(void)
{
	pid_t children[COUNTERS];
	char name[16];

	begin(); /* none has made the file: all try to */
	for (size_t i = 0; i < COUNTERS; i++)
		children[i] = scratch_start(count_in_threads, dir);
	for (size_t i = 0; i < COUNTERS; i++)
		CU_ASSERT_EQUAL(scratch_wait(children[i]), 0);
	CU_ASSERT_EQUAL_FATAL(reopen(), 0);
	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "name %u", i);
		CU_ASSERT_EQUAL(count(name), COUNTERS * 2 * ROUNDS / NAMES);
	}
	CU_ASSERT_FALSE(is_there(".damaged"));
	end();
}

static int count_for_ever(void *context)
{
	if (reopen())
		return 1;
	for (;;)
		count_on(context);
}

static void killed_process_leaves_a_whole_table(void)
{
	uint64_t seen = 0;

	begin();
	CU_ASSERT_EQUAL_FATAL(reopen(), 0);
	for (int i = 0; i < 20; i++) {
		pid_t child = scratch_start(count_for_ever, dir);
		uint64_t before = count("name 7");

		while (count("name 7") == before)
			sched_yield();
		kill(child, SIGKILL);
		CU_ASSERT_EQUAL(scratch_wait(child), -1);
	}
	CU_ASSERT_EQUAL_FATAL(reopen(), 0);
	CU_ASSERT_PTR_NULL(count_on(dir)); /* what the dead left half done is found and finished */
	for (size_t i = 0; i < format.slots; i++)
		seen += mapfile_is_taken(&map, mapfile_at(&map, i));
	CU_ASSERT_EQUAL(seen, NAMES); /* no name twice */
	CU_ASSERT_FALSE(is_there(".damaged"));
	end();
}

static void cut_file(void)
{
	CU_ASSERT_EQUAL(truncate(path, 5000), 0);
}

static void empty_file(void)
{
	CU_ASSERT_EQUAL(truncate(path, 0), 0);
}

static void grow_file(void)
{
	CU_ASSERT_EQUAL(truncate(path, 1000000), 0);
}

static void text_file(void)
{
	scratch_write(path, "not a map\n", 10);
}

static void other_version(void)
{
	int fd = open(path, O_WRONLY);
	uint32_t version = 2;

	CU_ASSERT_EQUAL(pwrite(fd, &version, 4, 16), 4);
	close(fd);
}

static void zeroed_head(void)
{
	char zeroes[64] = "";
	int fd = open(path, O_WRONLY);

	CU_ASSERT_EQUAL(pwrite(fd, zeroes, sizeof(zeroes), 0), (ssize_t)sizeof(zeroes));
	close(fd);
}

static void link_elsewhere(void)
{
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(symlink("/dev/null", path), 0);
}

static void pipe_instead(void)
{
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
}

static void damaged_file_is_set_aside_and_made_anew(void)
{
	static void (*const damages[])(void) = { cut_file,	 empty_file,	grow_file,
						 text_file,	 other_version, zeroed_head,
						 link_elsewhere, pipe_instead };

	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		begin();
		CU_ASSERT_EQUAL_FATAL(reopen(), 0);
		CU_ASSERT_EQUAL(add("one", 1), 0);
		CU_ASSERT_FALSE(mapfile_is_stale(&map, dir, NAME));
		mapfile_close(&map);
		damages[i]();
		CU_ASSERT_EQUAL_FATAL(reopen(), 0);
		CU_ASSERT_EQUAL(count("one"), 0);
		CU_ASSERT_EQUAL(add("one", 1), 0);
		CU_ASSERT_FALSE(is_there(".new"));
		end();
	}
}

static void who_has_it_open_sees_that_it_went(void)
{
	begin();
	CU_ASSERT_EQUAL_FATAL(reopen(), 0);
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_TRUE(mapfile_is_stale(&map, dir, NAME));
	CU_ASSERT_EQUAL_FATAL(reopen(), 0);
	CU_ASSERT_FALSE(mapfile_is_stale(&map, dir, NAME));
	cut_file();
	CU_ASSERT_TRUE(mapfile_is_stale(&map, dir, NAME));
	end();
}

static void without_a_directory_it_is_an_error(void)
{
	begin();
	scratch_remove(dir);
	CU_ASSERT_EQUAL(reopen(), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_STORE);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, dir));
	mapfile_open_private(&map, &format);
	CU_ASSERT_EQUAL(add("one", 2), 0);
	CU_ASSERT_EQUAL(count("one"), 2);
	CU_ASSERT_FALSE(mapfile_is_stale(&map, dir, NAME));
	end();
}

/* In a name space of its own: a disk that is full, then one that is read-only. */
static int try_bad_disks(void *context)
{
	(void)context;
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", dir, "tmpfs", 0, "size=8k,mode=0700"))
		return 77; /* not allowed here */
	if (!reopen() || !strstr(e.message, "cannot reserve") || is_there(".new") || is_there(""))
		return 1;
	if (mount("tmpfs", dir, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=8k,mode=0700"))
		return 77;
	return !reopen() || !strstr(e.message, dir) ? 2 : 0;
}

static void full_or_read_only_disk_is_an_error(void)
{
	int rc;

	begin();
	rc = scratch_run(try_bad_disks, NULL);
	CU_ASSERT_TRUE(rc == 0 || rc == 77);
	end();
}

static void who_follows_a_file_sees_that_it_was_taken_away(void)
{
	begin();
	map = (struct mapfile){ .slots = NULL };
	CU_ASSERT_EQUAL(mapfile_follow(&map, dir, NAME, &format, &e), 1);
	CU_ASSERT_EQUAL_FATAL(add("one", 1), 0);
	CU_ASSERT_EQUAL(mapfile_follow(&map, dir, NAME, &format, &e), 0);
	map.looked = 0; /* a second later */
	CU_ASSERT_EQUAL(mapfile_follow(&map, dir, NAME, &format, &e), 0);
	CU_ASSERT_PTR_NOT_NULL(mapfile_find(&map, mapfile_key("one")));
	CU_ASSERT_EQUAL(unlink(path), 0);
	map.looked = 0;
	CU_ASSERT_EQUAL(mapfile_follow(&map, dir, NAME, &format, &e), 1);
	CU_ASSERT_PTR_NULL(mapfile_find(&map, mapfile_key("one")));
	CU_ASSERT_EQUAL(access(path, F_OK), 0);
	map.looked = 0;
	CU_ASSERT_EQUAL(mapfile_follow(&map, "/nonexistent", NAME, &format, &e), -1);
	CU_ASSERT_PTR_NULL(map.slots);
	end();
}

CU_TestInfo mapfile_tests[] = {
	{ "who follows a file sees that it was taken away",
	  who_follows_a_file_sees_that_it_was_taken_away },
	{ "what is counted is there for the next", what_is_counted_is_there_for_the_next },
	{ "names are found by going through the slots",
	  names_are_found_by_going_through_the_slots },
	{ "full table says so", full_table_says_so },
	{ "processes and threads lose no count", processes_and_threads_lose_no_count },
	{ "killed process leaves a whole table", killed_process_leaves_a_whole_table },
	{ "damaged file is set aside and made anew", damaged_file_is_set_aside_and_made_anew },
	{ "who has it open sees that it went", who_has_it_open_sees_that_it_went },
	{ "without a directory it is an error", without_a_directory_it_is_an_error },
	{ "full or read-only disk is an error", full_or_read_only_disk_is_an_error },
	CU_TEST_INFO_NULL,
};
