/*
 * Every limit of common/limits.h: what is at it is taken, one more is not. Each has a row in one of
 * two tables: limits[], with a probe that is asked for both; elsewhere[], with the test that shows
 * it, or why none can. A limit without a row fails.
 */
#include "common/base.h"
#include "common/limits.h"

#include "common/capture.h"
#include "common/config.h"
#include "common/http.h"
#include "common/import.h"
#include "common/log.h"
#include "fcgi/app.h"
#include "fcgi/conn.h"
#include "fcgi/out.h"
#include "fcgi/router.h"
#include "fcgi/tool_names.h"
#include "fcgi/up_check.h"
#include "fcgi/up_event.h"
#include "tests/unit/frames.h"
#include "tests/unit/in_tests.h"
#include "tests/unit/scratch.h"

#include <ctype.h>
#include <openssl/evp.h>

/* Room for any text of a probe. */
#define ANY MB(200)

static void add_many(struct buf *text, const char *piece, size_t n, const char *between)
{
	for (size_t i = 0; i < n; i++) {
		buf_add_text(text, i ? between : "");
		buf_add_text(text, piece);
	}
}

static void add_char_many(struct buf *text, char c, size_t n)
{
	while (n--)
		buf_add_char(text, c);
}

/* ---- what clients send ---- */

static bool parses(struct buf *text)
{
	struct error e = { .kind = ERR_NONE };
	cJSON *tree = json_parse(buf_span(text), &e);
	bool good = tree != NULL;

	cJSON_Delete(tree);
	buf_release(text);
	return good;
}

/* A request of the Messages API in the notation of in_tests.h. */
static bool reads(struct buf *notation)
{
	struct in_test t;
	bool good;

	in_test_read(&t, in_anthropic, notation->at);
	good = t.rc == 0;
	if (!good && t.error.kind != ERR_REQUEST && t.error.kind != ERR_TOO_LARGE)
		CU_FAIL("refused for another reason");
	in_test_release(&t);
	buf_release(notation);
	return good;
}

#define HEAD "{'model':'m','max_tokens':9,"
#define HI   "'messages':[{'role':'user','content':'hi'}]"

static bool takes_body(size_t n)
{
	static const char settings[] = "{\"state_dir\":\"/nonexistent/kiro\",\"log\":{\"file\":"
				       "\"/dev/null\"},\"client_token\":\"0123456789abcdef-test\"}";
	static const char *const params[] = { "REQUEST_METHOD=POST",
					      "PATH_INFO=/v1/messages/count_tokens",
					      "HTTP_X_API_KEY=0123456789abcdef-test", NULL };
	char path[] = "/tmp/kiro-limits-XXXXXX";
	struct error e = { .kind = ERR_NONE };
	struct buf body, answer;
	struct conn_memory memory;
	struct conn conn;
	struct app app;
	bool taken;
	int fd = mkstemp(path);

	CU_ASSERT_EQUAL(write(fd, settings, strlen(settings)), (ssize_t)strlen(settings));
	close(fd);
	buf_init(&body, ANY);
	buf_init(&answer, MB(1));
	add_char_many(&body, ' ', n - 2);
	buf_add_text(&body, "{}");
	memory = (struct conn_memory){ params, buf_span(&body), &answer, 0 };
	CU_ASSERT_EQUAL_FATAL(app_init(&app, path, NULL, &e), 0);
	conn_init_memory(&conn, &memory);
	router_serve(&app, &conn);
	app_release(&app);
	unlink(path);
	taken = strstr(answer.at, "Status: 400 ") != NULL; /* "{}" lacks all fields */
	CU_ASSERT_TRUE(taken || strstr(answer.at, "Status: 413 "));
	buf_release(&answer);
	buf_release(&body);
	return taken;
}

static bool takes_depth(size_t n)
{
	struct buf text;

	buf_init(&text, ANY);
	add_char_many(&text, '[', n);
	add_char_many(&text, ']', n);
	return parses(&text);
}

static bool takes_values(size_t n)
{
	struct buf text;

	buf_init(&text, ANY);
	buf_add_char(&text, '[');
	add_many(&text, "7", n, ",");
	buf_add_char(&text, ']');
	return parses(&text);
}

static bool takes_messages(size_t n)
{
	struct buf text;

	buf_init(&text, ANY);
	buf_add_text(&text, HEAD "'messages':[");
	add_many(&text, "{'role':'user','content':'x'}", n, ",");
	buf_add_text(&text, "]}");
	return reads(&text);
}

static bool takes_tools(size_t n)
{
	struct buf text;

	buf_init(&text, ANY);
	buf_add_text(&text, HEAD HI ",'tools':[");
	for (size_t i = 0; i < n; i++)
		buf_add_format(&text, "%s{'name':'t%zu','input_schema':{'type':'object'}}",
			       i ? "," : "", i);
	buf_add_text(&text, "]}");
	return reads(&text);
}

static bool takes_tool_name(size_t n)
{
	struct buf text;

	buf_init(&text, ANY);
	buf_add_text(&text, HEAD HI ",'tools':[{'name':'");
	add_char_many(&text, 'n', n);
	buf_add_text(&text, "','input_schema':{'type':'object'}}]}");
	return reads(&text);
}

static bool sends_name_as_it_is(size_t n)
{
	struct tool_names names;
	struct arena arena;
	struct buf name;
	bool same;

	buf_init(&name, ANY);
	add_char_many(&name, 'n', n);
	arena_init(&arena);
	tool_names_init(&names, &arena);
	same = strcmp(tool_names_add(&names, name.at), name.at) == 0;
	arena_release(&arena);
	buf_release(&name);
	return same;
}

static bool takes_stop_sequences(size_t n)
{
	struct buf text;

	buf_init(&text, ANY);
	buf_add_text(&text, HEAD HI ",'stop_sequences':[");
	add_many(&text, "'stop'", n, ",");
	buf_add_text(&text, "]}");
	return reads(&text);
}

/* `count` pictures of so many bytes and pixels: the head of a PNG, and nothing behind it. */
static bool takes_pictures(size_t count, size_t bytes, size_t width)
{
	static const char head[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\1\x08\6\0\0\0";
	char *picture = xcalloc(1, bytes);
	struct buf text, base64;

	memcpy(picture, head, sizeof(head) - 1);
	picture[18] = (char)(width >> 8);
	picture[19] = (char)width;
	buf_init(&base64, ANY);
	add_char_many(&base64, '.', (bytes + 2) / 3 * 4);
	EVP_EncodeBlock((unsigned char *)base64.at, (const unsigned char *)picture, (int)bytes);
	buf_init(&text, ANY);
	buf_add_text(&text, HEAD "'messages':[{'role':'user','content':[");
	for (size_t i = 0; i < count; i++)
		buf_add_format(&text,
			       "%s{'type':'image','source':{'type':'base64','media_type':"
			       "'image/png','data':'%s'}}",
			       i ? "," : "", base64.at);
	buf_add_text(&text, "]}]}");
	buf_release(&base64);
	free(picture);
	return reads(&text);
}

static bool takes_image_bytes(size_t n)
{
	return takes_pictures(1, n, 1);
}

static bool takes_image_side(size_t n)
{
	return takes_pictures(1, 64, n);
}

static bool takes_side_of_many(size_t n)
{
	return takes_pictures(LIMIT_FEW_IMAGES + 1, 64, n);
}

/* As few as n may be wider. */
static bool takes_wide_images(size_t n)
{
	return takes_pictures(n, 64, LIMIT_MANY_IMAGE_SIDE + 1);
}

/* Up to there a refusal without a reason is not put down to the size of the body. */
static bool is_no_matter_of_size(size_t n)
{
	struct error refusal = { .kind = ERR_NONE };
	struct in_test t;

	in_test_read(&t, in_anthropic, HEAD HI "}");
	error_set(&refusal, ERR_UP_INVALID, "Improperly formed request.");
	up_check_explain(&t.chat, n, &refusal);
	in_test_release(&t);
	return refusal.kind == ERR_UP_INVALID;
}

/* ---- what the upstream sends ---- */

static int take_event(void *context, const struct event *event, struct error *e)
{
	(void)context, (void)event, (void)e;
	return 0;
}

static int feed(struct up_event *up, const char *type, const struct buf *json, struct error *e)
{
	const struct frame frame = { .message_type = span_of("event"),
				     .event_type = span_of(type),
				     .payload = buf_span(json) };

	return up_event_frame(up, &frame, e);
}

/* Pieces of a megabyte and a rest make n bytes of text, or of arguments, as one answer. */
static bool takes_answer(const char *type, const char *before, const char *after, size_t n)
{
	struct error e = { .kind = ERR_NONE };
	struct tool_names names;
	struct up_event up;
	struct arena arena;
	struct up_event_options options = { .names = &names,
					    .window = 200000,
					    .handler = take_event };
	int rc = 0;

	arena_init(&arena);
	tool_names_init(&names, &arena);
	up_event_init(&up, &options);
	while (n && !rc) {
		size_t part = n < MB(1) ? n : MB(1);
		struct buf json;

		buf_init(&json, ANY);
		buf_add_text(&json, before);
		add_char_many(&json, 'x', part);
		buf_add_text(&json, after);
		rc = feed(&up, type, &json, &e);
		buf_release(&json);
		n -= part;
	}
	CU_ASSERT_TRUE(!rc || e.kind == ERR_UP_DAMAGED);
	up_event_release(&up);
	arena_release(&arena);
	return !rc;
}

static bool takes_text(size_t n)
{
	return takes_answer("assistantResponseEvent", "{\"content\":\"", "\"}", n);
}

static bool takes_arguments(size_t n)
{
	return takes_answer("toolUseEvent", "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"",
			    "\"}", n);
}

/* ---- what we write ---- */

/* One delta of a stream whose event has n bytes. */
static bool writes_event(size_t n)
{
	const struct out_options options = { .stream = true, .model = "m" };
	struct event event = { .kind = EVENT_TEXT, .text = span_of("x") };
	struct error e = { .kind = ERR_NONE };
	struct buf text, wire;
	bool whole;
	size_t rest;
	struct out o;

	buf_init(&wire, LIMIT_EVENT);
	out_init(&o, &out_anthropic, &options);
	CU_ASSERT_EQUAL(out_event(&o, &event, &wire, &e), 0); /* begins message and block */
	buf_reset(&wire);
	CU_ASSERT_EQUAL(out_event(&o, &event, &wire, &e), 0);
	rest = wire.len - 1;
	buf_reset(&wire);
	buf_init(&text, ANY);
	add_char_many(&text, 'x', n - rest);
	event.text = buf_span(&text);
	CU_ASSERT_EQUAL(out_event(&o, &event, &wire, &e), 0);
	whole = !wire.failed;
	CU_ASSERT_TRUE(!whole || wire.len == n);
	out_release(&o);
	buf_release(&text);
	buf_release(&wire);
	return whole;
}

/* ---- files ---- */

/* A file in a directory of its own; the caller removes the directory. */
static const char *write_file(char dir[static SCRATCH_SIZE], char path[static 256],
			      const struct buf *text)
{
	snprintf(path, 256, "%s/file", scratch_make(dir));
	scratch_write(path, text->at, text->len);
	return path;
}

static bool loads_config(size_t n)
{
	static const char settings[] = "{\"state_dir\":\"/nonexistent\"}";
	struct error e = { .kind = ERR_NONE };
	char dir[SCRATCH_SIZE], path[256];
	struct config *c = NULL;
	struct buf text;
	bool good;

	buf_init(&text, ANY);
	add_char_many(&text, ' ', n - strlen(settings));
	buf_add_text(&text, settings);
	good = config_load(&c, write_file(dir, path, &text), NULL, &e) == 0;
	CU_ASSERT_TRUE(good || e.kind == ERR_CONFIG);
	config_free(c);
	scratch_remove(dir);
	buf_release(&text);
	return good;
}

/* The value of an option from a file that the environment names. */
static bool loads_secret(size_t n)
{
	struct error e = { .kind = ERR_NONE };
	char dir[SCRATCH_SIZE], path[256], settings[256];
	struct config *c = NULL;
	struct buf text;
	bool good;

	buf_init(&text, ANY);
	add_char_many(&text, 's', n);
	setenv("KIRO_WEBHOOK_SECRET_FILE", write_file(dir, path, &text), 1);
	snprintf(settings, sizeof(settings), "%s/kiro.json", dir);
	scratch_write(settings, "{}", 2);
	good = config_load(&c, settings, NULL, &e) == 0;
	unsetenv("KIRO_WEBHOOK_SECRET_FILE");
	CU_ASSERT_TRUE(good || e.kind == ERR_CONFIG);
	config_free(c);
	scratch_remove(dir);
	buf_release(&text);
	return good;
}

/* n bytes with the end of an envelope: a line with the checksum. */
static bool stores_record(size_t n)
{
	const size_t json_len = n - strlen("\n#crc32=00000000\n");
	struct error e = { .kind = ERR_NONE };
	char dir[SCRATCH_SIZE];
	struct store s;
	struct buf json, back;
	bool good;

	scratch_store(dir, "tokens", &s);
	buf_init(&json, ANY);
	buf_init(&back, ANY);
	buf_add_text(&json, "{\"a\":\"");
	add_char_many(&json, 'x', json_len - strlen("{\"a\":\"\"}"));
	buf_add_text(&json, "\"}");
	good = store_put(&s, "k", buf_span(&json), &e) >= 0;
	CU_ASSERT_EQUAL(store_get(&s, "k", &back, &e) > 0, good);
	CU_ASSERT_TRUE(!good || (back.len == json_len && memcmp(back.at, json.at, back.len) == 0));
	buf_release(&back);
	buf_release(&json);
	store_close(&s);
	scratch_remove(dir);
	return good;
}

static bool imports_accounts(size_t n)
{
	struct import i = { .entries = NULL };
	struct error e = { .kind = ERR_NONE };
	struct buf text;
	bool good;

	buf_init(&text, ANY);
	buf_add_char(&text, '[');
	add_many(&text, "{\"refreshToken\":\"FAKE-refresh-0000000000000\"}", n, ",");
	buf_add_char(&text, ']');
	good = import_read(&i, "text", buf_span(&text), &e) == 0;
	CU_ASSERT_TRUE(!good || i.count == n);
	import_release(&i);
	buf_release(&text);
	return good;
}

static bool captures(size_t n)
{
	struct error e = { .kind = ERR_NONE };
	char dir[SCRATCH_SIZE], path[256];
	struct buf line;
	struct stat st;

	snprintf(path, sizeof(path), "%s/capture.log", scratch_make(dir));
	buf_init(&line, ANY);
	add_char_many(&line, 'x', n - 1); /* and the end of the line */
	CU_ASSERT_EQUAL(capture_append(dir, buf_span(&line), &e), 0);
	CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
	CU_ASSERT_TRUE(st.st_size == 0 || (size_t)st.st_size == n);
	buf_release(&line);
	scratch_remove(dir);
	return st.st_size > 0;
}

/* An event's text comes into the log whole. */
static bool logs(size_t n)
{
	const struct log_options quiet = { .file = "/dev/null" };
	char dir[SCRATCH_SIZE], path[256];
	struct log_options options = { .level = LOG_INFO, .json = true, .file = path };
	struct buf text, log;
	bool whole;

	snprintf(path, sizeof(path), "%s/log", scratch_make(dir));
	log_open(&options);
	buf_init(&text, ANY);
	buf_init(&log, ANY);
	add_char_many(&text, 'x', n);
	log_line(LOG_INFO, "%s", text.at);
	log_open(&quiet);
	CU_ASSERT_EQUAL(buf_read_file(&log, path), 0);
	whole = strstr(log.at, text.at) != NULL;
	buf_release(&log);
	buf_release(&text);
	scratch_remove(dir);
	return whole;
}

static bool takes_url(size_t n)
{
	struct error e = { .kind = ERR_NONE };
	struct buf url;
	bool good;

	buf_init(&url, ANY);
	buf_add_text(&url, "https://host.example/");
	add_char_many(&url, 'p', n - url.len);
	good = http_check_base_url(url.at, &e) == 0;
	buf_release(&url);
	return good;
}

static bool tells(size_t n)
{
	struct error e = { .kind = ERR_NONE };
	struct buf text;
	bool whole;

	buf_init(&text, ANY);
	add_char_many(&text, 'x', n);
	error_set(&e, ERR_REQUEST, "%s", text.at);
	whole = strlen(e.message) == n;
	buf_release(&text);
	return whole;
}

/* ---- the tables ---- */

#define ROW(limit, probe)                                                                          \
	{                                                                                          \
#limit, (size_t)(limit), probe                                                     \
	}
#define SIZE_OF(limit, probe)                                                                      \
	{                                                                                          \
#limit, (size_t)(limit)-1, probe                                                   \
	} /* of a buffer with its NUL */

static const struct {
	const char *name;
	size_t most;
	bool (*takes)(size_t n);
} limits[] = {
	ROW(LIMIT_BODY, takes_body),
	ROW(LIMIT_JSON_DEPTH, takes_depth),
	ROW(LIMIT_JSON_NODES, takes_values),
	ROW(LIMIT_MESSAGES, takes_messages),
	ROW(LIMIT_TOOLS, takes_tools),
	ROW(LIMIT_TOOL_NAME, takes_tool_name),
	ROW(LIMIT_UP_TOOL_NAME, sends_name_as_it_is),
	ROW(LIMIT_STOP_SEQUENCES, takes_stop_sequences),
	ROW(LIMIT_UP_BODY_SEEN, is_no_matter_of_size),
	ROW(LIMIT_IMAGE, takes_image_bytes),
	ROW(LIMIT_IMAGE_SIDE, takes_image_side),
	ROW(LIMIT_MANY_IMAGE_SIDE, takes_side_of_many),
	ROW(LIMIT_FEW_IMAGES, takes_wide_images),
	ROW(LIMIT_TOOL_INPUT, takes_arguments),
	ROW(LIMIT_ANSWER, takes_text),
	ROW(LIMIT_EVENT, writes_event),
	ROW(LIMIT_CONFIG_FILE, loads_config),
	ROW(LIMIT_SECRET_FILE, loads_secret),
	ROW(LIMIT_RECORD, stores_record),
	ROW(LIMIT_ACCOUNTS, imports_accounts),
	ROW(LIMIT_CAPTURE, captures),
	SIZE_OF(LIMIT_LOG_LINE / 8, logs),
	SIZE_OF(LIMIT_URL, takes_url),
	SIZE_OF(LIMIT_ERROR_TEXT, tells),
};

#define SLOTS "a hash table: which name finds no place is chance. It is filled in test_mapfile.c"

/* file, test: where it stands. Without a file: why there is no test. */
static const struct {
	const char *name, *file, *test;
} elsewhere[] = {
	{ "LIMIT_ADMIN_BODY", "tests/cases/limits.test.mjs", "LIMIT_ADMIN_BODY" },
	{ "LIMIT_TOOL_DESC", "tests/unit/test_up_request.c",
	  "up_request_sends_descriptions_and_images_up_to_their_limits" },
	{ "LIMIT_IMAGES", "tests/unit/test_up_request.c",
	  "up_request_sends_descriptions_and_images_up_to_their_limits" },
	{ "LIMIT_DOCUMENTS", "tests/unit/test_up_media.c", "only_the_latest_five_documents_go" },
	{ "LIMIT_DOCUMENT_NAME", "tests/unit/test_in_document.c", "long_titles_are_cut" },
	{ "LIMIT_UP_BODY", "tests/unit/test_up_request.c",
	  "up_request_says_when_the_body_is_too_large" },
	{ "LIMIT_UP_TEXT", "tests/unit/test_up_check.c", "texts_have_the_upstreams_limits" },
	{ "LIMIT_UP_RESULT", "tests/unit/test_up_check.c", "results_have_their_own_limit" },
	{ "LIMIT_UP_ERROR", "tests/cases/limits.test.mjs", "LIMIT_UP_ERROR" },
	{ "LIMIT_UP_REPLY", "tests/cases/limits.test.mjs", "LIMIT_UP_REPLY" },
	{ "LIMIT_FRAME", "tests/unit/test_eventstream.c",
	  "eventstream_judges_lengths_by_the_prelude" },
	{ "LIMIT_FRAME_HEADERS", "tests/unit/test_eventstream.c",
	  "eventstream_takes_1024_headers_and_not_one_more" },
	{ "LIMIT_OPEN_TOOLS", "tests/unit/test_up_event.c", "up_event_limits_calls_and_arguments" },
	{ "LIMIT_TRIES", "tests/unit/test_up_call.c", "tries_are_bounded_per_account_and_request" },
	{ "LIMIT_ACCOUNT_TRIES", "tests/unit/test_up_call.c",
	  "tries_are_bounded_per_account_and_request" },
	{ "LIMIT_PAUSE_MS", "tests/unit/test_up_call.c",
	  "a_long_retry_after_is_left_to_the_client" },
	{ "LIMIT_RETRY_MS", NULL,
	  "three tries of an account with pauses of two seconds take ten, of which the upstream "
	  "must take longer still: a test would wait 20 seconds for one comparison" },
	{ "LIMIT_HEADERS", NULL,
	  "our own headers: none of a client's length is among them, and they have one kilobyte" },
	{ "LIMIT_IMPORT_FILE", "tests/cases/limits.test.mjs", "LIMIT_IMPORT_FILE" },
	{ "LIMIT_BUNDLE", "tests/cases/limits.test.mjs", "LIMIT_BUNDLE" },
	{ "LIMIT_MODELS", "tests/unit/test_catalogue.c", "catalogues_list_so_many_models" },
	{ "LIMIT_KEYS", "tests/unit/test_keys.c", "keys_end_at_their_limit" },
	{ "LIMIT_CAPTURE_BODY", "tests/cases/limits.test.mjs", "LIMIT_CAPTURE_BODY" },
	{ "LIMIT_LIVE_SLOTS", NULL, SLOTS },
	{ "LIMIT_CALIBRATION_SLOTS", NULL, SLOTS },
	{ "LIMIT_METRIC_SLOTS", "tests/unit/test_metrics.c", "LIMIT_METRIC_SLOTS + 500" },
	{ "LIMIT_AFFINITY_SLOTS", "tests/unit/test_live.c", "2 * LIMIT_AFFINITY_SLOTS" },
	{ "LIMIT_USAGE_SLOTS", NULL, SLOTS },
	{ "LIMIT_QUOTA_SLOTS", NULL, SLOTS },
};

static void each_is_taken_at_it_and_not_one_over(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		bool at = limits[i].takes(limits[i].most);
		bool over = limits[i].takes(limits[i].most + 1);

		CU_ASSERT_TRUE(at);
		CU_ASSERT_FALSE(over);
		if (!at || over)
			fprintf(stderr, "%s: %zu %s, one more %s\n", limits[i].name, limits[i].most,
				at ? "taken" : "refused", over ? "taken" : "refused");
	}
}

static void tests_elsewhere_are_there(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++) {
		struct buf text;

		CU_ASSERT_TRUE(elsewhere[i].test && *elsewhere[i].test);
		if (!elsewhere[i].file)
			continue;
		buf_init(&text, MB(1));
		CU_ASSERT_EQUAL(buf_read_file(&text, elsewhere[i].file), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(text.at, elsewhere[i].test));
		if (!strstr(text.at, elsewhere[i].test))
			fprintf(stderr, "%s: no %s in %s\n", elsewhere[i].name, elsewhere[i].test,
				elsewhere[i].file);
		buf_release(&text);
	}
}

/* "LIMIT_LOG_LINE / 8" is a row of LIMIT_LOG_LINE. */
static bool is_row_of(const char *row, const char *name, size_t len)
{
	return strncmp(row, name, len) == 0 && (!row[len] || row[len] == ' ');
}

static int rows_of(const char *name, size_t len)
{
	int rows = 0;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		rows += is_row_of(limits[i].name, name, len);
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
		rows += is_row_of(elsewhere[i].name, name, len);
	return rows;
}

static void every_limit_has_a_row(void)
{
	static const char define[] = "#define ";
	size_t found = 0;
	struct buf text;

	buf_init(&text, MB(1));
	CU_ASSERT_EQUAL_FATAL(buf_read_file(&text, "common/limits.h"), 0);
	for (const char *at = text.at; (at = strstr(at, "#define LIMIT_")); found++) {
		size_t len = 0;
		int rows;

		at += strlen(define);
		while (isupper((unsigned char)at[len]) || at[len] == '_')
			len++;
		rows = rows_of(at, len);
		CU_ASSERT_EQUAL(rows, 1);
		if (rows != 1)
			fprintf(stderr, "%.*s has %d rows in %s\n", (int)len, at, rows, __FILE__);
	}
	CU_ASSERT_EQUAL(found, ARRAY_SIZE(limits) + ARRAY_SIZE(elsewhere));
	buf_release(&text);
}

CU_TestInfo limits_tests[] = {
	{ "each is taken at it and not one over", each_is_taken_at_it_and_not_one_over },
	{ "tests elsewhere are there", tests_elsewhere_are_there },
	{ "every limit has a row", every_limit_has_a_row },
	CU_TEST_INFO_NULL,
};
