#include "common/base.h"
#include "common/json.h"
#include "fcgi/app.h"
#include "fcgi/conn.h"
#include "fcgi/router.h"

#include <CUnit/CUnit.h>

/* Serves one request from memory with a state directory that does not exist. True: its body was
 * read to the end. */
static bool serve_by(void (*door)(struct app *app, struct conn *conn), const char *const *params,
		     const char *body, const char *settings, struct buf *answer)
{
	char path[] = "/tmp/kiro-router-XXXXXX";
	struct conn_memory memory = { .params = params, .body = span_of(body), .out = answer };
	int fd = mkstemp(path);
	struct error e = { 0 };
	struct conn conn;
	struct app app;

	CU_ASSERT_EQUAL(write(fd, settings, strlen(settings)), (ssize_t)strlen(settings));
	close(fd);
	buf_init(answer, MB(1));
	CU_ASSERT_EQUAL_FATAL(app_init(&app, path, NULL, &e), 0);
	conn_init_memory(&conn, &memory);
	door(&app, &conn);
	app_release(&app);
	unlink(path);
	return conn.read_to_end;
}

static void serve(const char *const *params, const char *body, const char *settings,
		  struct buf *answer)
{
	serve_by(router_serve, params, body, settings, answer);
}

#define SETTINGS                                                                                   \
	"{\"state_dir\":\"/nonexistent/kiro\",\"log\":{\"file\":\"/dev/null\"},"                   \
	"\"client_token\":\"0123456789abcdef-test\",\"cors_origins\":\"https://app.example\"}"
#define KEY "HTTP_X_API_KEY=0123456789abcdef-test"

static bool has(const struct buf *answer, const char *text)
{
	if (strstr(answer->at, text))
		return true;
	fprintf(stderr, "no \"%s\" in: %s\n", text, answer->at);
	return false;
}

static void paths_match_at_every_mount_point(void)
{
	static const struct {
		const char *path, *row;
	} rows[] = {
		{ "/v1/messages", "/v1/messages" },
		{ "/kiro/v1/messages", "/v1/messages" },
		{ "/cgi-bin/kiro.fcgi/v1/chat/completions", "/v1/chat/completions" },
		{ "/v1/models/claude-opus-4.8", "/v1/models/*" },
		{ "/a/b/v1/models", "/v1/models" },
		{ "/v1/v1/messages", "/v1/v1/messages" },
		{ "/messages", "/messages" },
		{ "/site/chat/completions", "/chat/completions" },
		{ "/kiro/health/live", "/health/live" },
		{ "", "/" },
		{ "/", "/" },
		/* mounts that begin like paths of ours */
		{ "/api/v1/messages", "/v1/messages" },
		{ "/api/metrics", "/metrics" },
		{ "/anthropic/v1/responses", "/v1/responses" },
		{ "/api/v1/threads/t/messages", NULL },
		{ "/v1/messages/", NULL },
		{ "/v1/messagesx", NULL },
		{ "/v1/foo/messages", NULL },
		{ "/v1/models/", NULL },
		{ "/xv1/messages2", NULL },
		{ "/index.html", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *got = router_match(rows[i].path, "");

		CU_ASSERT_TRUE(got == rows[i].row ||
			       (got && rows[i].row && strcmp(got, rows[i].row) == 0));
		if (got != rows[i].row && !(got && rows[i].row && strcmp(got, rows[i].row) == 0))
			fprintf(stderr, "%s -> %s\n", rows[i].path, got ? got : "none");
	}
}

static void the_stream_test_wants_a_key_and_sane_numbers(void)
{
	static const char *const keyless[] = { "REQUEST_METHOD=POST", "PATH_INFO=/health/stream",
					       NULL };
	static const char *const wrong[] = { "REQUEST_METHOD=POST", "PATH_INFO=/health/stream",
					     "QUERY_STRING=events=1001", KEY, NULL };
	static const char *const right[] = { "REQUEST_METHOD=POST",
					     "PATH_INFO=/kiro/health/stream",
					     "QUERY_STRING=events=2&interval_ms=0",
					     "HTTP_AUTHORIZATION=Bearer x",
					     KEY,
					     "SERVER_SOFTWARE=lighttpd/1.4.69",
					     NULL };
	struct buf answer;

	serve(keyless, "", SETTINGS, &answer);
	CU_ASSERT_TRUE(has(&answer, "Status: 401 "));
	buf_release(&answer);
	serve(wrong, "", SETTINGS, &answer);
	CU_ASSERT_TRUE(has(&answer, "Status: 400 "));
	CU_ASSERT_TRUE(has(&answer, "events: must be 0 to 1000"));
	buf_release(&answer);
	serve(right, "12345", SETTINGS, &answer);
	CU_ASSERT_TRUE(has(&answer, "Status: 200 "));
	CU_ASSERT_TRUE(has(&answer, "event: hello\ndata: {\"server\":\"lighttpd/1.4.69\","
				    "\"transport\":\"fastcgi\",\"authorization\":true,"
				    "\"body_bytes\":5}\n\n"));
	CU_ASSERT_TRUE(has(&answer, "event: tick\ndata: {\"n\":1,"));
	CU_ASSERT_TRUE(has(&answer, "event: end\ndata: {\"n\":2,"));
	buf_release(&answer);
}

/* "/accounts/{id}/test" and the row "/accounts/x/test" with a star for the x are the same. */
static bool same_path(const char *documented, const char *row)
{
	for (; *documented && *row; documented++, row++) {
		if (*documented == '{' && *row == '*')
			documented += strcspn(documented, "}");
		else if (*documented != *row)
			return false;
	}
	return *documented == *row;
}

static const cJSON *documented(const cJSON *paths, const struct router_row *row)
{
	const cJSON *path, *operation;

	cJSON_ArrayForEach (path, paths) {
		cJSON_ArrayForEach (operation, path) {
			if (same_path(path->string, row->path) &&
			    strcasecmp(operation->string, row->method) == 0)
				return operation;
		}
	}
	return NULL;
}

static void admin_routes_are_those_of_the_document(void)
{
	size_t rows = 0, operations = 0;
	struct error e = { 0 };
	struct router_row row;
	const cJSON *paths, *path;
	struct buf text;
	cJSON *document;

	buf_init(&text, MB(1));
	CU_ASSERT_EQUAL_FATAL(buf_read_file(&text, "etc/openapi/admin.json"), 0);
	document = json_parse(buf_span(&text), &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(document);
	paths = json_member(document, "paths");
	for (size_t i = 0; router_row(i, &row); i++) {
		bool api = strncmp(row.path, "/admin/api/", 11) == 0;
		const cJSON *operation;

		if (!api && (row.guard < VIEWER || row.guard >= PANEL))
			continue;
		rows++;
		operation = documented(paths, &row);
		CU_ASSERT_PTR_NOT_NULL(operation);
		if (!operation)
			fprintf(stderr, "not documented: %s %s\n", row.method, row.path);
		/* What needs no session says so, and nothing else does. */
		CU_ASSERT_EQUAL(row.guard != PANEL, json_member(operation, "security") == NULL);
		CU_ASSERT_STRING_EQUAL(json_text_or(operation, "x-role", ""),
				       row.guard == VIEWER     ? "viewer"
				       : row.guard == OPERATOR ? "operator"
				       : row.guard == ADMIN    ? "admin"
							       : "");
	}
	cJSON_ArrayForEach (path, paths)
		operations += (size_t)cJSON_GetArraySize(path);
	CU_ASSERT_EQUAL(rows, operations);
	cJSON_Delete(document);
	buf_release(&text);
}

static void a_star_in_the_middle_is_one_segment(void)
{
	CU_ASSERT_STRING_EQUAL(router_match("/kiro/admin/api/v1/accounts/acc_1/test", ""),
			       "/admin/api/v1/accounts/*/test");
	CU_ASSERT_STRING_EQUAL(router_match("/admin/api/v1/accounts/acc_1", ""),
			       "/admin/api/v1/accounts/*");
	CU_ASSERT_STRING_EQUAL(router_match("/admin/api/v1/accounts//test", ""),
			       "/admin/api/v1/accounts/*");
	CU_ASSERT_STRING_EQUAL(router_match("/kiro/admin", ""), "/admin");
}

static void the_root_of_a_mount_is_the_root(void)
{
	CU_ASSERT_STRING_EQUAL(router_match("/cgi-bin/kiro.cgi/", "/"), "/");
	CU_ASSERT_STRING_EQUAL(router_match("/v1/messages", "/messages"), "/v1/messages");
	CU_ASSERT_PTR_NULL(router_match("/kiro/nope", "/nope"));
}

static void unknown_path_and_method_have_the_dialects_envelope(void)
{
	static const char *const unknown[] = { "REQUEST_METHOD=GET",
					       "SCRIPT_NAME=", "PATH_INFO=/v1/nope", NULL };
	static const char *const method[] = { "REQUEST_METHOD=GET",
					      "PATH_INFO=/v1/chat/completions", NULL };
	struct buf answer;

	serve(unknown, "", SETTINGS, &answer);
	CU_ASSERT_TRUE(has(&answer, "Status: 404 Not Found\r\n"));
	CU_ASSERT_TRUE(has(&answer, "request-id: req_"));
	CU_ASSERT_TRUE(has(&answer, "x-should-retry: false\r\n"));
	CU_ASSERT_TRUE(has(&answer, "\"type\":\"error\""));
	CU_ASSERT_TRUE(has(&answer, "not_found_error"));
	buf_release(&answer);
	serve(method, "", SETTINGS, &answer);
	CU_ASSERT_TRUE(has(&answer, "Status: 405 Method Not Allowed\r\n"));
	CU_ASSERT_TRUE(has(&answer, "allow: POST, HEAD, OPTIONS\r\n"));
	CU_ASSERT_TRUE(has(&answer, "{\"error\":{\"message\":"));
	buf_release(&answer);
}

static void keys_are_taken_from_every_header(void)
{
	static const char *const headers[] = {
		KEY,
		"HTTP_AUTHORIZATION=Bearer 0123456789abcdef-test",
		"HTTP_AUTHORIZATION=bearer  0123456789abcdef-test ",
		"REDIRECT_HTTP_AUTHORIZATION=Bearer 0123456789abcdef-test",
		"HTTP_X_GOOG_API_KEY=0123456789abcdef-test",
	};

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		const char *params[] = { "REQUEST_METHOD=GET", "PATH_INFO=/v1/models", headers[i],
					 NULL };
		struct buf answer;

		serve(params, "", SETTINGS, &answer);
		CU_ASSERT_TRUE(has(&answer, "Status: 200 OK\r\n"));
		buf_release(&answer);
	}
}

static void wrong_and_missing_keys_are_told_apart(void)
{
	static const char *const missing[] = { "REQUEST_METHOD=POST", "PATH_INFO=/v1/messages",
					       NULL };
	static const char *const wrong[] = { "REQUEST_METHOD=POST", "PATH_INFO=/v1/messages",
					     "HTTP_X_API_KEY=0123456789abcdef-tesu", NULL };
	static const char *const basic[] = { "REQUEST_METHOD=POST", "PATH_INFO=/v1/messages",
					     "HTTP_AUTHORIZATION=Basic 0123456789abcdef-test",
					     NULL };
	struct buf answer;

	serve(missing, "{}", SETTINGS, &answer);
	CU_ASSERT_TRUE(has(&answer, "Status: 401 "));
	CU_ASSERT_TRUE(has(&answer, "no API key"));
	buf_release(&answer);
	serve(wrong, "{}", SETTINGS, &answer);
	CU_ASSERT_TRUE(has(&answer, "Status: 401 "));
	CU_ASSERT_TRUE(has(&answer, "invalid x-api-key"));
	buf_release(&answer);
	serve(basic, "{}", SETTINGS, &answer);
	CU_ASSERT_TRUE(has(&answer, "Status: 401 "));
	buf_release(&answer);
}

static void without_any_key_the_answer_says_what_to_do(void)
{
	static const char *const params[] = { "REQUEST_METHOD=POST", "PATH_INFO=/v1/messages", KEY,
					      NULL };
	struct buf answer;

	serve(params, "{}",
	      "{\"state_dir\":\"/nonexistent/kiro\",\"log\":{\"file\":\"/dev/null\"}}", &answer);
	CU_ASSERT_TRUE(has(&answer, "Status: 503 "));
	CU_ASSERT_TRUE(has(&answer, "kiroctl"));
	buf_release(&answer);
}

static void open_installation_serves_only_loopback(void)
{
	static const char *const near[] = { "REQUEST_METHOD=GET", "PATH_INFO=/v1/models",
					    "REMOTE_ADDR=127.0.0.1", NULL };
	static const char *const far[] = { "REQUEST_METHOD=GET", "PATH_INFO=/v1/models",
					   "REMOTE_ADDR=192.0.2.1", NULL };
	static const char *const nobody[] = { "REQUEST_METHOD=GET", "PATH_INFO=/v1/models", NULL };
	static const char settings[] = "{\"auth\":\"none\",\"state_dir\":\"/nonexistent/kiro\","
				       "\"log\":{\"file\":\"/dev/null\"}}";
	struct buf answer;

	serve(near, "", settings, &answer);
	CU_ASSERT_TRUE(has(&answer, "Status: 200 "));
	buf_release(&answer);
	serve(far, "", settings, &answer);
	CU_ASSERT_TRUE(has(&answer, "Status: 403 "));
	buf_release(&answer);
	serve(nobody, "", settings, &answer);
	CU_ASSERT_TRUE(has(&answer, "Status: 403 "));
	buf_release(&answer);
}

/* What a browser on the same machine sends for a page of somebody else, plainly or by DNS
 * rebinding; POST always has an Origin there. */
static void an_open_installation_is_not_open_to_pages(void)
{
	static const struct {
		const char *host, *origin;
		bool good;
	} rows[] = {
		{ "HTTP_HOST=127.0.0.1:8080", "HTTP_ORIGIN=https://evil.example", false },
		{ "HTTP_HOST=evil.example:8080", "HTTP_ORIGIN=http://evil.example:8080", false },
		{ "HTTP_HOST=127.0.0.1:8080", "HTTP_ORIGIN=null", false },
		{ "HTTP_HOST=127.0.0.1:8080", "HTTP_ORIGIN=http://localhost:3000", false },
		{ "HTTP_HOST=127.0.0.1:8080", "HTTP_ORIGIN=http://127.0.0.1:8080", true },
		{ "HTTP_HOST=localhost:8080", "HTTP_ORIGIN=http://localhost:8080", true },
		{ "HTTP_HOST=localhost:8080", "HTTP_ORIGIN=https://app.example", true },
		{ "HTTP_HOST=localhost:8080", "HTTP_ORIGIN=app://obsidian.md", true },
		{ "HTTP_HOST=my.name", "HTTP_USER_AGENT=curl", true },
	};
	static const char settings[] = "{\"auth\":\"none\",\"state_dir\":\"/nonexistent/kiro\","
				       "\"cors_origins\":\"https://app.example\","
				       "\"log\":{\"file\":\"/dev/null\"}}";

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *const params[] = { "REQUEST_METHOD=GET",	"PATH_INFO=/v1/models",
					       "REMOTE_ADDR=127.0.0.1", rows[i].host,
					       rows[i].origin,		NULL };
		struct buf answer;

		serve(params, "", settings, &answer);
		CU_ASSERT_TRUE(has(&answer, rows[i].good ? "Status: 200 " : "Status: 403 "));
		CU_ASSERT_TRUE(rows[i].good || has(&answer, "cors_origins"));
		buf_release(&answer);
	}
}

static void probes_need_no_key(void)
{
	static const char *const head[] = { "REQUEST_METHOD=HEAD", "PATH_INFO=/v1/messages", NULL };
	static const char *const options[] = {
		"REQUEST_METHOD=OPTIONS", "PATH_INFO=/v1/messages",
		"HTTP_ORIGIN=https://app.example",
		"HTTP_ACCESS_CONTROL_REQUEST_HEADERS=x-api-key,x-stainless-os", NULL
	};
	static const char *const stranger[] = { "REQUEST_METHOD=OPTIONS", "PATH_INFO=/v1/messages",
						"HTTP_ORIGIN=https://evil.example", NULL };
	struct buf answer;

	serve(head, "", SETTINGS, &answer);
	CU_ASSERT_TRUE(has(&answer, "Status: 200 "));
	CU_ASSERT_STRING_EQUAL(strstr(answer.at, "\r\n\r\n"), "\r\n\r\n");
	buf_release(&answer);
	serve(options, "", SETTINGS, &answer);
	CU_ASSERT_TRUE(has(&answer, "Status: 204 "));
	CU_ASSERT_TRUE(has(&answer, "access-control-allow-origin: https://app.example\r\n"));
	CU_ASSERT_TRUE(has(&answer, "access-control-allow-headers: x-api-key,x-stainless-os\r\n"));
	buf_release(&answer);
	serve(stranger, "", SETTINGS, &answer);
	CU_ASSERT_TRUE(has(&answer, "Status: 204 "));
	CU_ASSERT_PTR_NULL(strstr(answer.at, "access-control"));
	buf_release(&answer);
}

static void bodies_beyond_the_limit_are_413_and_cut_ones_get_nothing(void)
{
	static const char *const big[] = { "REQUEST_METHOD=GET", "PATH_INFO=/v1/models", KEY,
					   NULL };
	static const char *const cut[] = { "REQUEST_METHOD=POST", "PATH_INFO=/v1/messages", KEY,
					   "CONTENT_LENGTH=100", NULL };
	struct buf answer, body;

	buf_init(&body, MB(1));
	for (int i = 0; i < 70000; i++)
		buf_add_char(&body, ' ');
	serve(big, body.at, SETTINGS, &answer);
	CU_ASSERT_TRUE(has(&answer, "Status: 413 "));
	CU_ASSERT_TRUE(has(&answer, "exceeds the maximum size"));
	buf_release(&answer);
	buf_release(&body);
	serve(cut, "{\"model\"", SETTINGS, &answer);
	CU_ASSERT_EQUAL(answer.len, 0);
	buf_release(&answer);
}

/* Some web servers lose an answer that comes before the body was read. */
static void bodies_of_refused_requests_are_read_to_their_end(void)
{
	static const struct {
		const char *method, *path, *key;
		const char *status;
		bool busy;
	} rows[] = {
		{ "REQUEST_METHOD=POST", "PATH_INFO=/v1/messages", "X=", "Status: 401", false },
		{ "REQUEST_METHOD=PUT", "PATH_INFO=/v1/messages", KEY, "Status: 405", false },
		{ "REQUEST_METHOD=POST", "PATH_INFO=/v1/nothing", KEY, "Status: 404", false },
		{ "REQUEST_METHOD=POST", "PATH_INFO=/v1/messages", KEY, "Status: 529", true },
		{ "REQUEST_METHOD=POST", "PATH_INFO=/v1/nothing", KEY, "Status: 529", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *const params[] = { rows[i].method, rows[i].path, rows[i].key, NULL };
		struct buf answer;

		CU_ASSERT_TRUE(serve_by(rows[i].busy ? router_refuse : router_serve, params,
					"{\"model\":\"x\"}", SETTINGS, &answer));
		CU_ASSERT_TRUE(has(&answer, rows[i].status));
		buf_release(&answer);
	}
}

/* That it is full does not make it dead, and a page may learn of it. */
static void a_full_gateway_answers_probes_and_pages(void)
{
	static const char origin[] = "HTTP_ORIGIN=https://app.example";
	static const char allowed[] = "access-control-allow-origin: https://app.example\r\n";
	static const struct {
		const char *method, *path, *status;
	} rows[] = {
		{ "REQUEST_METHOD=GET", "PATH_INFO=/health/live", "Status: 200 " },
		{ "REQUEST_METHOD=HEAD", "PATH_INFO=/v1/messages", "Status: 200 " },
		{ "REQUEST_METHOD=OPTIONS", "PATH_INFO=/v1/messages", "Status: 204 " },
		{ "REQUEST_METHOD=POST", "PATH_INFO=/v1/messages", "Status: 529 " },
		{ "REQUEST_METHOD=GET", "PATH_INFO=/v1/models", "Status: 529 " },
		{ "REQUEST_METHOD=GET", "PATH_INFO=/nothing", "Status: 529 " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *const params[] = { rows[i].method, rows[i].path, origin, KEY, NULL };
		struct buf answer;

		CU_ASSERT_TRUE(serve_by(router_refuse, params, "", SETTINGS, &answer));
		CU_ASSERT_TRUE(has(&answer, rows[i].status));
		CU_ASSERT_TRUE(has(&answer, allowed));
		buf_release(&answer);
	}
}

static void bodies_that_are_not_json_are_400(void)
{
	static const char *const params[] = { "REQUEST_METHOD=POST", "PATH_INFO=/v1/messages", KEY,
					      NULL };
	static const char *const coded[] = { "REQUEST_METHOD=POST", "PATH_INFO=/v1/messages", KEY,
					     "HTTP_CONTENT_ENCODING=gzip", NULL };
	struct buf answer;

	serve(params, "{\"model\":", SETTINGS, &answer);
	CU_ASSERT_TRUE(has(&answer, "Status: 400 "));
	CU_ASSERT_TRUE(has(&answer, "The request body is not valid JSON"));
	buf_release(&answer);
	serve(params, "[]", SETTINGS, &answer);
	CU_ASSERT_TRUE(has(&answer, "must be a JSON object"));
	buf_release(&answer);
	serve(coded, "{}", SETTINGS, &answer);
	CU_ASSERT_TRUE(has(&answer, "content-encoding: gzip"));
	buf_release(&answer);
}

CU_TestInfo router_tests[] = {
	{ "admin routes are those of the document", admin_routes_are_those_of_the_document },
	{ "a star in the middle is one segment", a_star_in_the_middle_is_one_segment },
	{ "paths_match_at_every_mount_point", paths_match_at_every_mount_point },
	{ "the_stream_test_wants_a_key_and_sane_numbers",
	  the_stream_test_wants_a_key_and_sane_numbers },
	{ "the_root_of_a_mount_is_the_root", the_root_of_a_mount_is_the_root },
	{ "unknown_path_and_method_have_the_dialects_envelope",
	  unknown_path_and_method_have_the_dialects_envelope },
	{ "keys_are_taken_from_every_header", keys_are_taken_from_every_header },
	{ "wrong_and_missing_keys_are_told_apart", wrong_and_missing_keys_are_told_apart },
	{ "without_any_key_the_answer_says_what_to_do",
	  without_any_key_the_answer_says_what_to_do },
	{ "an_open_installation_is_not_open_to_pages", an_open_installation_is_not_open_to_pages },
	{ "open_installation_serves_only_loopback", open_installation_serves_only_loopback },
	{ "probes_need_no_key", probes_need_no_key },
	{ "bodies_beyond_the_limit_are_413_and_cut_ones_get_nothing",
	  bodies_beyond_the_limit_are_413_and_cut_ones_get_nothing },
	{ "bodies of refused requests are read to their end",
	  bodies_of_refused_requests_are_read_to_their_end },
	{ "a_full_gateway_answers_probes_and_pages", a_full_gateway_answers_probes_and_pages },
	{ "bodies_that_are_not_json_are_400", bodies_that_are_not_json_are_400 },
	CU_TEST_INFO_NULL,
};
