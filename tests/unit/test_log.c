#include "common/base.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/log.h"

#include <CUnit/CUnit.h>

static char path[] = "/tmp/kiro-log-XXXXXX";

static void begin(bool json, enum log_level level)
{
	struct log_options options = { .level = level, .json = json, .file = path };

	memcpy(path + strlen(path) - 6, "XXXXXX", 6);
	close(mkstemp(path));
	CU_ASSERT_EQUAL(log_open(&options), 0);
}

/* What was written; the log goes back to stderr. */
static void end(struct buf *text)
{
	struct log_options options = { .level = LOG_ERROR };

	buf_init(text, MB(1));
	CU_ASSERT_EQUAL(buf_read_file(text, path), 0);
	log_open(&options);
	unlink(path);
}

static void lines_below_the_level_are_not_written(void)
{
	struct buf text;

	begin(false, LOG_WARN);
	log_line(LOG_INFO, "quiet");
	log_line(LOG_WARN, "loud");
	end(&text);
	CU_ASSERT_PTR_NULL(strstr(text.at, "quiet"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text.at, " warn "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text.at, ": loud\n"));
	buf_release(&text);
}

static void a_peer_cannot_forge_lines(void)
{
	struct buf text;

	begin(false, LOG_INFO);
	log_line(LOG_INFO, "a\nb\r\x1b[31m%s", "\nerror: forged");
	end(&text);
	CU_ASSERT_PTR_EQUAL(strchr(text.at, '\n'), text.at + text.len - 1);
	CU_ASSERT_PTR_NULL(strchr(text.at, '\x1b'));
	buf_release(&text);
}

static void json_lines_parse_and_carry_the_request(void)
{
	struct error e = { 0 };
	struct buf text;
	cJSON *tree;

	begin(true, LOG_INFO);
	log_set_request("req_1");
	log_line(LOG_INFO, "say \"%s\"\n", "x");
	log_set_request("");
	end(&text);
	CU_ASSERT_EQUAL(text.at[text.len - 1], '\n');
	tree = json_parse((struct span){ text.at, text.len - 1 }, &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
	CU_ASSERT_STRING_EQUAL(json_text_or(tree, "level", ""), "info");
	CU_ASSERT_STRING_EQUAL(json_text_or(tree, "request_id", ""), "req_1");
	CU_ASSERT_STRING_EQUAL(json_text_or(tree, "message", ""), "say \"x\"\n");
	CU_ASSERT_STRING_EQUAL(json_text_or(tree, "service", ""), "kiro-fcgi");
	cJSON_Delete(tree);
	buf_release(&text);
}

static void reopen_follows_a_rotation(void)
{
	char old[sizeof(path) + 4];
	struct buf text;

	begin(false, LOG_INFO);
	log_line(LOG_INFO, "before");
	snprintf(old, sizeof(old), "%s.1", path);
	CU_ASSERT_EQUAL(rename(path, old), 0);
	log_reopen();
	log_line(LOG_INFO, "after");
	end(&text);
	CU_ASSERT_PTR_NULL(strstr(text.at, "before"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text.at, "after"));
	unlink(old);
	buf_release(&text);
}

CU_TestInfo log_tests[] = {
	{ "lines_below_the_level_are_not_written", lines_below_the_level_are_not_written },
	{ "a_peer_cannot_forge_lines", a_peer_cannot_forge_lines },
	{ "json_lines_parse_and_carry_the_request", json_lines_parse_and_carry_the_request },
	{ "reopen_follows_a_rotation", reopen_follows_a_rotation },
	CU_TEST_INFO_NULL,
};
