#include "common/base.h"
#include "common/audit.h"
#include "common/buf.h"
#include "common/json.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>
#include <sys/wait.h>

static char dir[SCRATCH_SIZE];

static void note(const char *action)
{
	struct error e = { 0 };

	CU_ASSERT_EQUAL_FATAL(audit_write(dir,
					  &(const struct audit_entry){ .who = "uid 0 (root)",
								       .action = action,
								       .target = "x",
								       .result = "ok" },
					  &e),
			      0);
}

static void path_to(char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/" AUDIT_FILE, dir);
}

static void read_all(struct buf *text)
{
	char path[PATH_MAX];

	path_to(path);
	buf_init(text, MB(1));
	CU_ASSERT_EQUAL_FATAL(buf_read_file(text, path), 0);
}

static void write_all(struct span text)
{
	char path[PATH_MAX];
	FILE *file;

	path_to(path);
	file = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fwrite(text.at, 1, text.len, file);
	fclose(file);
}

static struct audit_sum look(void)
{
	struct error e = { 0 };
	struct audit_sum sum;

	CU_ASSERT_EQUAL_FATAL(audit_read(dir, NULL, NULL, &sum, &e), 0);
	return sum;
}

static void lines_follow_one_another(void)
{
	struct stat st;
	char path[PATH_MAX];

	scratch_make(dir);
	CU_ASSERT_EQUAL(look().lines, 0); /* no file is an empty log */
	note("account.add");
	note("key.add");
	note("key.remove");
	CU_ASSERT_EQUAL(look().lines, 3);
	CU_ASSERT_EQUAL(look().bad_line, 0);
	path_to(path);
	CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	scratch_remove(dir);
}

static void a_changed_line_shows_in_the_next(void)
{
	struct buf text;
	char *at;

	scratch_make(dir);
	note("account.add");
	note("key.add");
	note("key.remove");
	read_all(&text);
	at = strstr(text.at, "key.add");
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	*at = 'K';
	write_all(buf_span(&text));
	CU_ASSERT_EQUAL(look().bad_line, 3);
	buf_release(&text);
	scratch_remove(dir);
}

static void a_line_taken_out_shows(void)
{
	struct buf text;
	size_t first;

	scratch_make(dir);
	note("account.add");
	note("key.add");
	note("key.remove");
	read_all(&text);
	first = strcspn(text.at, "\n") + 1;
	write_all((struct span){ text.at + first, text.len - first });
	CU_ASSERT_EQUAL(look().bad_line, 1);
	buf_release(&text);
	scratch_remove(dir);
}

/* At every length to which a crash may have cut the last line. */
static void a_torn_line_is_known_as_one_and_the_next_follows_it(void)
{
	struct buf text;
	size_t last;

	scratch_make(dir);
	note("account.add");
	note("key.add");
	read_all(&text);
	last = strcspn(text.at, "\n") + 1;
	for (size_t len = last + 1; len < text.len; len++) {
		struct audit_sum sum;

		write_all((struct span){ text.at, len });
		sum = look();
		CU_ASSERT_EQUAL(sum.torn, 1);
		CU_ASSERT_EQUAL(sum.bad_line, 0);
		note("key.remove");
		sum = look();
		CU_ASSERT_EQUAL(sum.lines, 3);
		CU_ASSERT_EQUAL(sum.bad_line, 0);
		note("key.add");
		CU_ASSERT_EQUAL(look().bad_line, 0);
	}
	buf_release(&text);
	scratch_remove(dir);
}

static void rubbish_between_the_lines_is_no_torn_line(void)
{
	struct buf text, changed;
	size_t first;

	scratch_make(dir);
	note("account.add");
	note("key.add");
	read_all(&text);
	first = strcspn(text.at, "\n") + 1;
	buf_init(&changed, MB(1));
	buf_add(&changed, text.at, first);
	buf_add_text(&changed, "rubbish\n");
	buf_add_text(&changed, text.at + first);
	write_all(buf_span(&changed));
	CU_ASSERT_EQUAL(look().bad_line, 3);
	buf_release(&text);
	buf_release(&changed);
	scratch_remove(dir);
}

/* The next writer died too: what it left is less than a line. */
static void two_torn_lines_in_a_row_are_known_as_such(void)
{
	struct buf text;
	struct audit_sum sum;

	for (int more = 0; more < 2; more++) {
		scratch_make(dir);
		note("account.add");
		read_all(&text);
		buf_add_text(&text, more ? "{\"seq\":2,\n{\"se" : "{\"seq\":2,\n");
		write_all(buf_span(&text));
		note("key.add");
		sum = look();
		CU_ASSERT_EQUAL(sum.torn, (size_t)more + 1);
		CU_ASSERT_EQUAL(sum.bad_line, 0);
		buf_release(&text);
		scratch_remove(dir);
	}
}

static void many_processes_make_one_chain(void)
{
	struct audit_sum sum;
	unsigned before = CU_get_number_of_failures();
	int failed = 0, status;

	scratch_make(dir);
	for (int child = 0; child < 8; child++) {
		pid_t pid = fork();

		if (!pid) {
			for (int i = 0; i < 10; i++)
				note("key.add");
			_exit(CU_get_number_of_failures() != before);
		}
	}
	while (wait(&status) > 0)
		failed += status != 0;
	CU_ASSERT_EQUAL(failed, 0);
	sum = look();
	CU_ASSERT_EQUAL(sum.lines, 80);
	CU_ASSERT_EQUAL(sum.bad_line, 0);
	scratch_remove(dir);
}

/* Its maker was killed between the two, or has not come so far. */
static void a_change_without_an_outcome_is_known_as_one(void)
{
	const struct audit_entry entry = { .action = "key.add", .target = "x", .result = "ok" };
	struct audit_entry outcome = entry;
	int64_t first, second, *numbers;
	struct error e = { 0 };
	size_t count;

	scratch_make(dir);
	note("account.add");
	CU_ASSERT_EQUAL(look().open, 0);
	CU_ASSERT_EQUAL_FATAL(audit_begin(dir, &entry, &first, &e), 0);
	CU_ASSERT_EQUAL(first, 2);
	CU_ASSERT_EQUAL_FATAL(audit_begin(dir, &entry, &second, &e), 0);
	CU_ASSERT_EQUAL(look().open, 2);
	outcome.begun = first;
	CU_ASSERT_EQUAL(audit_write(dir, &outcome, &e), 0);
	CU_ASSERT_EQUAL(look().open, 1);
	CU_ASSERT_EQUAL(look().lines, 4);
	CU_ASSERT_EQUAL(look().bad_line, 0);
	CU_ASSERT_EQUAL_FATAL(audit_unfinished(dir, &numbers, &count, &e), 0);
	CU_ASSERT_TRUE(count == 1 && numbers[0] == second);
	free(numbers);
	scratch_remove(dir);
}

CU_TestInfo audit_tests[] = {
	{ "lines_follow_one_another", lines_follow_one_another },
	{ "a_changed_line_shows_in_the_next", a_changed_line_shows_in_the_next },
	{ "a_line_taken_out_shows", a_line_taken_out_shows },
	{ "a_torn_line_is_known_as_one_and_the_next_follows_it",
	  a_torn_line_is_known_as_one_and_the_next_follows_it },
	{ "rubbish_between_the_lines_is_no_torn_line", rubbish_between_the_lines_is_no_torn_line },
	{ "two_torn_lines_in_a_row_are_known_as_such", two_torn_lines_in_a_row_are_known_as_such },
	{ "a_change_without_an_outcome_is_known_as_one",
	  a_change_without_an_outcome_is_known_as_one },
	{ "many_processes_make_one_chain", many_processes_make_one_chain },
	CU_TEST_INFO_NULL,
};
