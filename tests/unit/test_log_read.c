#include "common/base.h"
#include "common/buf.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/log_read.h"

#include <CUnit/CUnit.h>

#define MOST KB(64)

static char path[] = "/tmp/kiro-read-XXXXXX";

/* The records that were read: their texts, a line each; the last one. */
struct seen {
	struct buf texts;
	struct log_record last;
	size_t count;
};

static void begin(bool json, struct seen *seen)
{
	struct log_options options = { .level = LOG_DEBUG, .json = json, .file = path };

	memcpy(path + strlen(path) - 6, "XXXXXX", 6);
	close(mkstemp(path));
	CU_ASSERT_EQUAL(log_open(&options), 0);
	*seen = (struct seen){ .count = 0 };
	buf_init(&seen->texts, MB(1));
}

static void end(struct seen *seen)
{
	struct log_options options = { .level = LOG_ERROR };

	log_open(&options);
	unlink(path);
	buf_release(&seen->texts);
}

static void take(void *context, const struct log_record *r)
{
	struct seen *seen = context;

	buf_add_format(&seen->texts, "%s\n", r->text);
	seen->last = *r;
	seen->count++;
}

/* What is new since the last time. */
static struct log_reading read_on(struct seen *seen, struct log_place *place, size_t most)
{
	struct log_reading how;
	struct error e = { 0 };

	buf_reset(&seen->texts);
	seen->count = 0;
	CU_ASSERT_EQUAL(log_read(path, most, place, take, seen, &how, &e), 0);
	return how;
}

static void append(const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void each_record_is_read_once_and_whole(void)
{
	char words[900] = "", solid[500];
	struct log_place place = { 0 };
	struct seen seen;

	begin(false, &seen);
	for (int i = 0; strlen(words) < 800; i++)
		snprintf(words + strlen(words), sizeof(words) - strlen(words), "%sword%d",
			 i ? " " : "", i);
	memset(solid, 'x', sizeof(solid));
	solid[sizeof(solid) - 1] = '\0';
	log_set_request("req_1");
	log_line(LOG_WARN, "%s", words);
	log_set_request("");
	log_line(LOG_INFO, "%s", solid);
	read_on(&seen, &place, MOST);
	CU_ASSERT_EQUAL(seen.count, 2);
	CU_ASSERT_EQUAL(strncmp(seen.texts.at, words, strlen(words)), 0);
	CU_ASSERT_EQUAL(seen.texts.at[strlen(words)], '\n');
	CU_ASSERT_EQUAL(strncmp(seen.texts.at + strlen(words) + 1, solid, strlen(solid)), 0);
	CU_ASSERT_STRING_EQUAL(seen.last.request, "");
	CU_ASSERT_EQUAL(seen.last.level, LOG_INFO);
	read_on(&seen, &place, MOST);
	CU_ASSERT_EQUAL(seen.count, 0);
	log_line(LOG_ERROR, "one more");
	read_on(&seen, &place, MOST);
	CU_ASSERT_STRING_EQUAL(seen.texts.at, "one more\n");
	CU_ASSERT_EQUAL(seen.last.level, LOG_ERROR);
	end(&seen);
}

static void a_line_of_access_tells_its_parts(void)
{
	struct log_place place = { 0 };
	struct seen seen;

	begin(false, &seen);
	log_access(LOG_INFO, NULL, NULL,
		   "POST /v1/messages 200 512B 1234ms key=my laptop stream model=claude-sonnet-4.5 "
		   "account=acc_7 upstream=- exchanges=1");
	read_on(&seen, &place, MOST);
	CU_ASSERT_TRUE(seen.last.access);
	CU_ASSERT_EQUAL(seen.last.status, 200);
	CU_ASSERT_EQUAL(seen.last.took_ms, 1234);
	CU_ASSERT_STRING_EQUAL(seen.last.key, "my laptop");
	CU_ASSERT_STRING_EQUAL(seen.last.account, "acc_7");
	CU_ASSERT_STRING_EQUAL(seen.last.model, "claude-sonnet-4.5");
	log_access(LOG_WARN, NULL, NULL,
		   "GET /nope 404 90B 0ms key=- failure=not_found: no such path");
	read_on(&seen, &place, MOST);
	CU_ASSERT_EQUAL(seen.last.status, 404);
	CU_ASSERT_STRING_EQUAL(seen.last.key, "");
	log_line(LOG_INFO, "no access: 12ms key=x");
	read_on(&seen, &place, MOST);
	CU_ASSERT_FALSE(seen.last.access);
	end(&seen);
}

static void members(struct jsonw *w, const void *of)
{
	(void)of;
	jsonw_text_member(w, "user_id", "laptop");
	jsonw_text_member(w, "method", "POST");
	jsonw_text_member(w, "path", "/v1/messages");
	jsonw_int_member(w, "status", 529);
	jsonw_int_member(w, "bytes", 10);
	jsonw_int_member(w, "response_time", 77);
	jsonw_text_member(w, "account", "acc_1");
	jsonw_begin_object_member(w, "error");
	jsonw_text_member(w, "kind", "busy");
	jsonw_text_member(w, "message", "Overloaded");
	jsonw_end(w);
}

static void json_is_read_likewise(void)
{
	struct log_place place = { 0 };
	struct seen seen;

	begin(true, &seen);
	log_set_request("req_9");
	log_access(LOG_ERROR, members, NULL, "");
	log_set_request("");
	read_on(&seen, &place, MOST);
	CU_ASSERT_STRING_EQUAL(seen.texts.at,
			       "POST /v1/messages 529 10B 77ms failure=busy: Overloaded\n");
	CU_ASSERT_TRUE(seen.last.access);
	CU_ASSERT_EQUAL(seen.last.status, 529);
	CU_ASSERT_STRING_EQUAL(seen.last.key, "laptop");
	CU_ASSERT_STRING_EQUAL(seen.last.account, "acc_1");
	CU_ASSERT_STRING_EQUAL(seen.last.request, "req_9");
	end(&seen);
}

static void lines_of_others_are_passed_over(void)
{
	struct log_place place = { 0 };
	struct seen seen;

	begin(false, &seen);
	append("free(): invalid pointer\n{\"level\":\"info\",\"service\":\"another\"}\n\n");
	append("2026-11-21T10:00:00.123Z loud  req_1: no level of ours\n");
	log_line(LOG_INFO, "ours");
	append("half a li");
	read_on(&seen, &place, MOST);
	CU_ASSERT_STRING_EQUAL(seen.texts.at, "ours\n");
	append("ne\n");
	log_line(LOG_INFO, "ours too");
	read_on(&seen, &place, MOST);
	CU_ASSERT_STRING_EQUAL(seen.texts.at, "ours too\n");
	end(&seen);
}

static void a_new_file_is_read_from_its_begin(void)
{
	struct log_options again = { .level = LOG_DEBUG, .file = path };
	char old[sizeof(path) + 4];
	struct log_place place = { 0 };
	struct log_reading how;
	struct seen seen;

	begin(false, &seen);
	log_line(LOG_INFO, "one");
	read_on(&seen, &place, MOST);
	snprintf(old, sizeof(old), "%s.1", path);
	rename(path, old);
	log_open(&again);
	log_line(LOG_INFO, "two");
	how = read_on(&seen, &place, MOST);
	CU_ASSERT_STRING_EQUAL(seen.texts.at, "two\n");
	CU_ASSERT_TRUE(how.missed);
	CU_ASSERT_EQUAL(truncate(path, 0), 0);
	log_line(LOG_INFO, "3");
	how = read_on(&seen, &place, MOST);
	CU_ASSERT_STRING_EQUAL(seen.texts.at, "3\n");
	unlink(old);
	end(&seen);
}

/* Piece by piece nothing is lost, torn or told twice, wherever a piece ends that holds a record. */
static void a_long_log_is_read_in_pieces(void)
{
	for (size_t most = 300; most < 700; most += 7) {
		struct log_place place = { .inode = 0 };
		struct log_reading how;
		struct seen seen;
		struct stat st;
		int next = 0;

		begin(false, &seen);
		CU_ASSERT_EQUAL(stat(path, &st), 0);
		place = (struct log_place){ .inode = (uint64_t)st.st_ino };
		for (int i = 0; i < 40; i++)
			log_line(LOG_INFO, "n=%d and %.*s", i, i * 4 % 100,
				 "some words that may well go on in a second line or not, as it "
				 "comes, since some have more of them");
		do {
			char *at, *line;

			how = read_on(&seen, &place, most);
			at = seen.texts.at;
			while ((line = strsep(&at, "\n")) && *line) {
				CU_ASSERT_EQUAL(atoi(line + 2), next);
				next++;
			}
		} while (how.more);
		CU_ASSERT_EQUAL(next, 40);
		end(&seen);
	}
}

static void at_first_only_the_end_is_read(void)
{
	struct log_place place = { 0 };
	struct log_reading how;
	struct seen seen;

	begin(false, &seen);
	for (int i = 0; i < 100; i++)
		log_line(LOG_INFO, "line %d", i);
	how = read_on(&seen, &place, 500);
	CU_ASSERT_TRUE(how.missed);
	CU_ASSERT_FALSE(how.more);
	CU_ASSERT_TRUE(seen.count > 2 && seen.count < 12);
	CU_ASSERT_STRING_EQUAL(seen.last.at + 23, "Z");
	CU_ASSERT_PTR_NOT_NULL(strstr(seen.texts.at, "line 99\n"));
	end(&seen);
}

static void what_cannot_be_read_says_so(void)
{
	struct log_place place = { 0 };
	struct log_reading how;
	struct error e = { 0 };
	struct seen seen = { .count = 0 };

	CU_ASSERT_EQUAL(log_read("/nonexistent/log", MOST, &place, take, &seen, &how, &e), 0);
	CU_ASSERT_EQUAL(log_read("/dev/null", MOST, &place, take, &seen, &how, &e), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_STORE);
	CU_ASSERT_EQUAL(seen.count, 0);
}

CU_TestInfo log_read_tests[] = {
	{ "each_record_is_read_once_and_whole", each_record_is_read_once_and_whole },
	{ "a_line_of_access_tells_its_parts", a_line_of_access_tells_its_parts },
	{ "json_is_read_likewise", json_is_read_likewise },
	{ "lines_of_others_are_passed_over", lines_of_others_are_passed_over },
	{ "a_new_file_is_read_from_its_begin", a_new_file_is_read_from_its_begin },
	{ "a_long_log_is_read_in_pieces", a_long_log_is_read_in_pieces },
	{ "at_first_only_the_end_is_read", at_first_only_the_end_is_read },
	{ "what_cannot_be_read_says_so", what_cannot_be_read_says_so },
	CU_TEST_INFO_NULL,
};
