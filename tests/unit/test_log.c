#include "common/base.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/log.h"
#include "common/utf8.h"

#include <CUnit/CUnit.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

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

/* Every line in turn; false at the end. */
static bool next_line(const char **at, char line[static PIPE_BUF])
{
	size_t len = strcspn(*at, "\n");

	if (!**at)
		return false;
	snprintf(line, PIPE_BUF, "%.*s", (int)len, *at);
	*at += len + 1;
	return true;
}

static void a_long_text_goes_on_in_lines_of_120_columns(void)
{
	char line[PIPE_BUF], words[600] = "", joined[1024] = "";
	size_t columns, lines = 0;
	struct buf text;
	const char *at;

	for (int i = 0; i < 60; i++)
		snprintf(words + strlen(words), sizeof(words) - strlen(words), "word-%02d ", i);
	begin(false, LOG_INFO);
	log_set_request("req_0123456789abcdefghijklmn");
	log_line(LOG_ERROR, "%s", words);
	log_line(LOG_ERROR, "%0300d", 1);
	log_line(LOG_ERROR, "\xE4\xB8\xAD%0100d\xFF\xFE", 1); /* wide; and what is no UTF-8 */
	log_set_request("");
	end(&text);
	for (at = text.at; next_line(&at, line); lines++) {
		const char *said = strstr(line, " req_0123456789abcdefghijklmn: ");

		columns = utf8_count(span_of(line));
		CU_ASSERT_TRUE(columns <= LOG_COLUMNS);
		CU_ASSERT_PTR_NOT_NULL_FATAL(said);
		CU_ASSERT_PTR_NOT_NULL(strstr(line, " error "));
		said = strchr(said, ':') + 2;
		if (strstr(said, "word-"))
			snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s ",
				 said + strspn(said, " "));
	}
	CU_ASSERT_STRING_EQUAL(joined, words); /* nothing is lost, no word is cut */
	CU_ASSERT_TRUE(lines > 10);
	CU_ASSERT_EQUAL(utf8_valid_prefix(buf_span(&text)), text.len);
	buf_release(&text);
}

static void no_line_is_longer_than_one_write(void)
{
	char line[PIPE_BUF], nasty[1000];
	struct error e = { 0 };
	struct buf text;
	const char *at;

	memset(nasty, 1, sizeof(nasty) - 1); /* six bytes each, escaped */
	nasty[sizeof(nasty) - 1] = '\0';
	for (int json = 0; json < 2; json++) {
		begin(json, LOG_INFO);
		log_line(LOG_INFO, "%s", nasty);
		end(&text);
		CU_ASSERT_TRUE(text.len <= PIPE_BUF);
		at = text.at;
		next_line(&at, line);
		if (json) {
			cJSON *tree = json_parse(span_of(line), &e);

			CU_ASSERT_PTR_NOT_NULL(tree);
			cJSON_Delete(tree);
		}
		buf_release(&text);
	}
}

static void add_status(struct jsonw *w, const void *of)
{
	jsonw_int_member(w, "status", *(const int *)of);
}

static void access_lines_have_a_file_of_their_own_at_every_level(void)
{
	struct log_options options = { .level = LOG_ERROR, .json = true, .access_file = path };
	struct error e = { 0 };
	int status = 204;
	struct buf text;
	cJSON *tree;

	memcpy(path + strlen(path) - 6, "XXXXXX", 6);
	close(mkstemp(path));
	CU_ASSERT_EQUAL(log_open(&options), 0);
	log_access(LOG_INFO, add_status, &status, "not in JSON");
	end(&text);
	tree = json_parse(span_of(text.at), &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
	CU_ASSERT_STRING_EQUAL(json_text_or(tree, "type", ""), "access");
	CU_ASSERT_EQUAL(json_number_or(tree, "status", 0), 204);
	cJSON_Delete(tree);
	buf_release(&text);
}

static void without_one_the_level_says_if_they_are_written(void)
{
	struct buf text;
	int status = 200;

	begin(false, LOG_WARN);
	log_access(LOG_INFO, add_status, &status, "GET / 200");
	log_access(LOG_WARN, add_status, &status, "GET /nope 404");
	end(&text);
	CU_ASSERT_PTR_NULL(strstr(text.at, "GET / 200"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text.at, ": GET /nope 404\n"));
	buf_release(&text);
}

static void a_file_that_cannot_be_opened_leaves_the_old_log(void)
{
	struct log_options bad = { .level = LOG_DEBUG, .file = "/nonexistent/log" };
	struct log_options bad_access = { .level = LOG_DEBUG, .access_file = "/nonexistent/log" };
	struct buf text;

	begin(false, LOG_WARN);
	CU_ASSERT_EQUAL(log_open(&bad), -1);
	CU_ASSERT_EQUAL(log_open(&bad_access), -1);
	CU_ASSERT_FALSE(log_wants(LOG_INFO));
	log_line(LOG_WARN, "still here");
	end(&text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text.at, "still here"));
	buf_release(&text);
}

/* A stand-in for the system's log: /dev/log of a mount namespace of the child's own. -1: it cannot
 * have one here. */
static int log_to_socket(const char *dir, bool json)
{
	const struct log_options options = { .level = LOG_DEBUG, .json = json, .syslog = true };
	const int status = 200;

	if ((unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS)) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(dir, "/dev", NULL, MS_BIND, NULL) || log_open(&options))
		return -1;
	log_set_request("req_1");
	log_line(LOG_ERROR, "first %0200d", 7);
	log_line(LOG_DEBUG, "two\nlines");
	log_access(LOG_INFO, add_status, &status, "an access line");
	return 0;
}

static void take(int fd, char *out, size_t size)
{
	ssize_t len = recv(fd, out, size - 1, MSG_DONTWAIT);

	out[len > 0 ? len : 0] = '\0';
}

/* RFC 3164: facility daemon is 3, so that its errors are <27> and its debug lines <31>. */
static void check_messages(int fd, pid_t pid, bool json)
{
	char got[4096], head[64];

	snprintf(head, sizeof(head), "kiro-fcgi[%d]: %s", pid,
		 json ? "{\"timestamp\":" : "req_1: ");
	take(fd, got, sizeof(got));
	CU_ASSERT_EQUAL(strncmp(got, "<27>", 4), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(got, head));
	CU_ASSERT_PTR_NOT_NULL(strstr(got, "first 00000"));
	CU_ASSERT_PTR_NOT_NULL(strstr(got, "00007")); /* one message, however wide */
	take(fd, got, sizeof(got));
	CU_ASSERT_EQUAL(strncmp(got, "<31>", 4), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(got, json ? "two\\nlines" : "two lines"));
	take(fd, got, sizeof(got));
	CU_ASSERT_EQUAL(strncmp(got, "<30>", 4), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(got, json ? "\"type\":\"access\"" : "an access line"));
	take(fd, got, sizeof(got));
	CU_ASSERT_STRING_EQUAL(got, "");
}

static void the_systems_log_gets_each_record_as_one_message(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	for (int json = 0; json < 2; json++) {
		char dir[] = "/tmp/kiro-dev-XXXXXX";
		int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), status;
		pid_t child;

		CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
		snprintf(address.sun_path, sizeof(address.sun_path), "%s/log", dir);
		CU_ASSERT_EQUAL_FATAL(bind(fd, (const struct sockaddr *)&address, sizeof(address)),
				      0);
		child = fork();
		if (!child)
			_exit(log_to_socket(dir, json) != 0);
		waitpid(child, &status, 0);
		if (status)
			puts("SKIPPED: no mount namespace here, so no stand-in for /dev/log");
		else
			check_messages(fd, child, json);
		close(fd);
		unlink(address.sun_path);
		rmdir(dir);
	}
}

/* Of a log that is made in a directory of that mode and, where we are root, of that owner. */
static void made_in(mode_t mode, uid_t owner, struct stat *st)
{
	struct log_options options = { .level = LOG_INFO }, loud = { .level = LOG_ERROR };
	char dir[] = "/tmp/kiro-logs-XXXXXX", file[sizeof(dir) + 8];
	mode_t before = umask(077);

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	CU_ASSERT_TRUE(geteuid() != 0 || chown(dir, owner, (gid_t)owner) == 0);
	CU_ASSERT_EQUAL(chmod(dir, mode), 0);
	snprintf(file, sizeof(file), "%s/log", dir);
	options.file = file;
	CU_ASSERT_EQUAL(log_open(&options), 0);
	log_open(&loud);
	umask(before);
	CU_ASSERT_EQUAL(stat(file, st), 0);
	unlink(file);
	rmdir(dir);
}

/* The responder and kiro-refresh may be two users of one group, and whoever comes first makes it.
 */
static void a_log_belongs_to_those_of_its_directory(void)
{
	struct stat st;

	made_in(02770, geteuid(), &st);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0660);
	made_in(0700, geteuid(), &st);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
	if (geteuid() != 0)
		return;
	made_in(0700, 65534, &st);
	CU_ASSERT_EQUAL(st.st_uid, 65534);
	CU_ASSERT_EQUAL(st.st_gid, 65534);
}

CU_TestInfo log_tests[] = {
	{ "lines_below_the_level_are_not_written", lines_below_the_level_are_not_written },
	{ "a_peer_cannot_forge_lines", a_peer_cannot_forge_lines },
	{ "json_lines_parse_and_carry_the_request", json_lines_parse_and_carry_the_request },
	{ "reopen_follows_a_rotation", reopen_follows_a_rotation },
	{ "a_log_belongs_to_those_of_its_directory", a_log_belongs_to_those_of_its_directory },
	{ "a_long_text_goes_on_in_lines_of_120_columns",
	  a_long_text_goes_on_in_lines_of_120_columns },
	{ "no_line_is_longer_than_one_write", no_line_is_longer_than_one_write },
	{ "access_lines_have_a_file_of_their_own_at_every_level",
	  access_lines_have_a_file_of_their_own_at_every_level },
	{ "without_one_the_level_says_if_they_are_written",
	  without_one_the_level_says_if_they_are_written },
	{ "the_systems_log_gets_each_record_as_one_message",
	  the_systems_log_gets_each_record_as_one_message },
	{ "a_file_that_cannot_be_opened_leaves_the_old_log",
	  a_file_that_cannot_be_opened_leaves_the_old_log },
	CU_TEST_INFO_NULL,
};
