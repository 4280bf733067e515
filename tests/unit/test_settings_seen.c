#include "common/base.h"
#include "common/audit.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/settings_seen.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>
#include <sys/wait.h>

static char dir[SCRATCH_SIZE];

/* members: what stands in kiro.json beside state_dir. */
static void see(const char *members)
{
	char path[SCRATCH_SIZE + 16], text[1024];
	struct config *config = NULL;
	struct error e = { 0 };

	snprintf(path, sizeof(path), "%s/kiro.json", dir);
	snprintf(text, sizeof(text), "{\"state_dir\": \"%s\"%s%s}", dir, *members ? ", " : "",
		 members);
	scratch_write(path, text, strlen(text));
	chmod(path, 0600);
	CU_ASSERT_EQUAL_FATAL(config_load(&config, path, NULL, &e), 0);
	CU_ASSERT_EQUAL(settings_seen(config, &e), 0);
	config_free(config);
}

struct told {
	size_t lines;
	char detail[512]; /* of the last */
};

static int take(void *context, const cJSON *line)
{
	struct told *t = context;

	CU_ASSERT_STRING_EQUAL(json_text_or(line, "action", ""), "settings.change");
	CU_ASSERT_PTR_NOT_NULL(strstr(json_text_or(line, "target", ""), "/kiro.json"));
	snprintf(t->detail, sizeof(t->detail), "%s", json_text_or(line, "detail", ""));
	t->lines++;
	return 0;
}

static struct told look(void)
{
	struct told t = { .lines = 0 };
	struct error e = { 0 };
	struct audit_sum sum;

	CU_ASSERT_EQUAL_FATAL(audit_read(dir, take, &t, &sum, &e), 0);
	CU_ASSERT_EQUAL(sum.bad_line, 0);
	return t;
}

static void changed_options_are_named(void)
{
	scratch_make(dir);
	see("\"max_streams\": 10");
	CU_ASSERT_EQUAL(look().lines, 1);
	see("\"max_streams\": 10");
	see("/* another look */ \"max_streams\":10");
	CU_ASSERT_EQUAL(look().lines, 1);
	see("\"max_streams\": 11, \"log\": {\"level\": \"debug\"}");
	CU_ASSERT_EQUAL(look().lines, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(look().detail, "max_streams"));
	CU_ASSERT_PTR_NOT_NULL(strstr(look().detail, "log.level"));
	CU_ASSERT_PTR_NULL(strstr(look().detail, "state_dir"));
	see("\"max_streams\": 11");
	CU_ASSERT_EQUAL(look().lines, 3);
	CU_ASSERT_PTR_NULL(strstr(look().detail, "max_streams"));
	CU_ASSERT_PTR_NOT_NULL(strstr(look().detail, "log.level"));
	scratch_remove(dir);
}

/* Whoever starts with another environment sees another value; the file is the same. */
static void the_environment_changes_nothing(void)
{
	scratch_make(dir);
	see("\"max_streams\": 10");
	setenv("KIRO_MAX_STREAMS", "12", 1);
	see("\"max_streams\": 10");
	unsetenv("KIRO_MAX_STREAMS");
	see("\"max_streams\": 10");
	CU_ASSERT_EQUAL(look().lines, 1);
	see("\"max_streams\": 12");
	CU_ASSERT_EQUAL(look().lines, 2);
	scratch_remove(dir);
}

static bool is_in_a_file(const char *secret)
{
	char command[SCRATCH_SIZE + 128];

	snprintf(command, sizeof(command), "grep -qr --exclude=kiro.json -e '%s' '%s'", secret,
		 dir);
	return system(command) == 0;
}

static void no_value_is_kept(void)
{
	scratch_make(dir);
	see("\"client_token\": \"first-token-0123456789\"");
	see("\"client_token\": \"second-token-0123456789\"");
	CU_ASSERT_EQUAL(look().lines, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(look().detail, "client_token"));
	CU_ASSERT_TRUE(is_in_a_file("settings.change"));
	CU_ASSERT_FALSE(is_in_a_file("first-token"));
	CU_ASSERT_FALSE(is_in_a_file("second-token"));
	scratch_remove(dir);
}

static void of_many_processes_one_writes_the_line(void)
{
	char path[SCRATCH_SIZE + 16];
	struct config *config = NULL;
	struct error e = { 0 };
	int failed = 0, status;

	scratch_make(dir);
	see("");
	see("\"max_streams\": 10");
	snprintf(path, sizeof(path), "%s/kiro.json", dir);
	scratch_write(path, "{}", 2);
	setenv("KIRO_STATE_DIR", dir, 1);
	CU_ASSERT_EQUAL_FATAL(config_load(&config, path, NULL, &e), 0);
	unsetenv("KIRO_STATE_DIR");
	for (int child = 0; child < 8; child++) {
		if (!fork())
			_exit(settings_seen(config, &e) != 0);
	}
	while (wait(&status) > 0)
		failed += status != 0;
	CU_ASSERT_EQUAL(failed, 0);
	CU_ASSERT_EQUAL(look().lines, 3);
	config_free(config);
	scratch_remove(dir);
}

/* What a crash left of the file: the line is there once more. */
static void half_a_file_is_as_good_as_none(void)
{
	char command[SCRATCH_SIZE + 128];

	scratch_make(dir);
	see("\"max_streams\": 10");
	snprintf(command, sizeof(command), "truncate -s 20 '%s'/settings-*.seen", dir);
	CU_ASSERT_EQUAL_FATAL(system(command), 0);
	see("\"max_streams\": 10");
	CU_ASSERT_EQUAL(look().lines, 2);
	CU_ASSERT_STRING_EQUAL(look().detail, "seen for the first time");
	see("\"max_streams\": 10");
	CU_ASSERT_EQUAL(look().lines, 2);
	scratch_remove(dir);
}

CU_TestInfo settings_seen_tests[] = {
	{ "changed_options_are_named", changed_options_are_named },
	{ "the_environment_changes_nothing", the_environment_changes_nothing },
	{ "no_value_is_kept", no_value_is_kept },
	{ "of_many_processes_one_writes_the_line", of_many_processes_one_writes_the_line },
	{ "half_a_file_is_as_good_as_none", half_a_file_is_as_good_as_none },
	CU_TEST_INFO_NULL,
};
