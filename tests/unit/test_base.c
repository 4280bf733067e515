#include "common/base.h"
#include "common/bundle.h"
#include "common/capture.h"
#include "common/clock.h"
#include "common/csv.h"
#include "common/error.h"
#include "common/hex.h"
#include "common/ids.h"
#include "common/list.h"
#include "common/secret.h"

#include <CUnit/CUnit.h>
#include <ctype.h>
#include <sys/wait.h>

static void every_error_kind_has_a_whole_row(void)
{
	for (int kind = ERR_NONE + 1; kind < ERR_KINDS; kind++) {
		const struct error_row *row = &error_kinds[kind];

		CU_ASSERT_PTR_NOT_NULL_FATAL(row->name);
		CU_ASSERT_TRUE(row->status >= 400 && row->status < 600);
		CU_ASSERT_TRUE(*row->anthropic && *row->openai);
		/* A client is told to retry only what time can mend. */
		if (row->client_retries)
			CU_ASSERT_TRUE(row->status == 429 || row->status >= 500);
	}
}

static void first_error_wins_and_names_its_field(void)
{
	struct error e = { 0 };

	CU_ASSERT_EQUAL(error_field(&e, "a.0", "is %d", 5), -1);
	CU_ASSERT_EQUAL(error_set(&e, ERR_INTERNAL, "later"), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_REQUEST);
	CU_ASSERT_STRING_EQUAL(e.message, "a.0: is 5");
	CU_ASSERT_STRING_EQUAL(e.field, "a.0");
}

static void long_messages_are_cut_between_characters(void)
{
	char text[2 * LIMIT_ERROR_TEXT];

	for (size_t shift = 0; shift < 4; shift++) {
		struct error e = { 0 };
		size_t len;

		memset(text, 'x', shift);
		for (size_t i = shift; i + 4 < sizeof(text); i += 4)
			memcpy(text + i, "\xF0\x9F\x98\x80", 5);
		error_set(&e, ERR_REQUEST, "%s", text);
		len = strlen(e.message);
		CU_ASSERT_TRUE(len >= LIMIT_ERROR_TEXT - 5);
		CU_ASSERT_EQUAL((len - shift) % 4, 0);
	}
}

static void dates_of_all_sources_are_read(void)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} rows[] = {
		{ "2026-11-21T10:00:00Z", 1795255200 },
		{ "2026-11-21T10:00:00.123Z", 1795255200 },
		{ "2026-11-21T18:00:00+08:00", 1795255200 },
		{ "2026-11-21T06:30:00-0330", 1795255200 },
		{ "1795255200", 1795255200 },
		{ "1795255200000", 1795255200 },
		{ "1.7952552e9", 1795255200 },
	};
	static const char *const bad[] = { "",
					   "soon",
					   "2026-13-01T00:00:00Z",
					   "2026-11-21",
					   "2026-11-21T10:00:00+8",
					   "-5",
					   "12x",
					   "nan",
					   "1013-02-11T04:23:04Z",
					   "1969-12-31T23:59:59Z",
					   "1970-01-01T00:00:00+00:01" };
	char text[CLOCK_TEXT_SIZE];
	int64_t seconds;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CU_ASSERT_EQUAL(clock_parse(rows[i].text, &seconds), 0);
		CU_ASSERT_EQUAL(seconds, rows[i].seconds);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CU_ASSERT_EQUAL(clock_parse(bad[i], &seconds), -1);
	CU_ASSERT_EQUAL(clock_parse("1970-01-01T00:00:00Z", &seconds), 0);
	CU_ASSERT_EQUAL(seconds, 0);
	CU_ASSERT_STRING_EQUAL(clock_format(1795255200, text), "2026-11-21T10:00:00Z");
}

static void a_day_ends_at_midnight(void)
{
	static const char *const bad[] = { "",		 "2026-11",    "2026-11-21 10:00:00",
					   "1013-02-11", "1969-12-31", "2026-11-2105" };
	int64_t seconds;

	CU_ASSERT_EQUAL(clock_parse_day_end("2026-11-21", &seconds), 0);
	CU_ASSERT_EQUAL(seconds, 1795255200 + 14 * 3600);
	CU_ASSERT_EQUAL(clock_parse_day_end("2026-11-21T10:00:00Z", &seconds), 0);
	CU_ASSERT_EQUAL(seconds, 1795255200 + 14 * 3600);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CU_ASSERT_EQUAL(clock_parse_day_end(bad[i], &seconds), -1);
}

static void ids_have_their_form_and_differ(void)
{
	char a[40], b[40], uuid[UUID_SIZE], again[UUID_SIZE];

	ids_make(a, sizeof(a), "req_", 24);
	ids_make(b, sizeof(b), "req_", 24);
	CU_ASSERT_EQUAL(strlen(a), 28);
	CU_ASSERT_EQUAL(strncmp(a, "req_", 4), 0);
	CU_ASSERT_STRING_NOT_EQUAL(a, b);
	for (const char *c = a + 4; *c; c++)
		CU_ASSERT_TRUE(isalnum((unsigned char)*c));
	ids_uuid(uuid);
	CU_ASSERT_EQUAL(strlen(uuid), 36);
	CU_ASSERT_EQUAL(uuid[14], '4');
	ids_uuid_from("seed", uuid);
	ids_uuid_from("seed", again);
	CU_ASSERT_STRING_EQUAL(uuid, again);
	ids_uuid_from("other", again);
	CU_ASSERT_STRING_NOT_EQUAL(uuid, again);
	CU_ASSERT_EQUAL(uuid[14], '8');
}

static void secrets_show_little(void)
{
	struct secret s = { 0 };
	char mask[SECRET_MASK_SIZE], text[] = "token aoaAAAA-secret-part-1234 refused";

	CU_ASSERT_STRING_EQUAL(secret_mask(&s, mask), "-");
	secret_set(&s, "short-secret");
	CU_ASSERT_STRING_EQUAL(secret_mask(&s, mask), "...(12)");
	secret_set(&s, "aoaAAAA-secret-part-1234");
	CU_ASSERT_STRING_EQUAL(secret_mask(&s, mask), "aoaA...(24)");
	secret_scrub(text, &s);
	CU_ASSERT_STRING_EQUAL(text, "token ************************ refused");
	secret_release(&s);
	CU_ASSERT_FALSE(secret_present(&s));
	CU_ASSERT_STRING_EQUAL(secret_reveal(&s), "");
}

static void what_looks_like_a_credential_is_hidden(void)
{
	static const struct {
		const char *text, *hidden;
	} rows[] = {
		{ "GET /v1/kiro-hFbR8sTq0Zk2LmN4pVxY7 404", "GET /v1/[hidden] 404" },
		{ "aorAAAAAGk1234567890bCd:MGUC/x+y= refused", "[hidden] refused" },
		{ "key=ksk_Standin0123456789abcdef", "key=[hidden]" },
		{ "Bearer eyJhbGciOiJIUzI1NiJ9.e30.Xx1", "Bearer [hidden]" },
		{ "DELETE /admin/api/v1/codes/act-QQQQ-WWWW-EEEE-RRRR 404",
		  "DELETE /admin/api/v1/codes/[hidden] 404" },
		{ "user ACT-q7w2-e9r4-t6y8-u3p5-i1o2", "user [hidden]" },
		{ "act-on account act-1234", NULL },
		/* names, words and short ones are none */
		{ "key=kiro-production-server-1 task-0123456789-ABCDEFGHx", NULL },
		{ "kiro-Ab12 aor eyJ sk-", NULL },
		{ "model=claude-sonnet-4.5 request req_K7ocC6putHUg1hcaoOkNVL6L", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[128];

		snprintf(text, sizeof(text), "%s", rows[i].text);
		secret_hide(text);
		CU_ASSERT_STRING_EQUAL(text, rows[i].hidden ? rows[i].hidden : rows[i].text);
	}
}

/* A thread keeps random bytes: a forked process must not go on with its parent's. */
static void forked_processes_have_ids_of_their_own(void)
{
	char here[UUID_SIZE], there[UUID_SIZE] = "";
	int ends[2];
	pid_t pid;

	ids_uuid(here);
	CU_ASSERT_FATAL(pipe(ends) == 0);
	pid = fork();
	if (!pid) {
		ids_uuid(there);
		_exit(write(ends[1], there, UUID_SIZE) == UUID_SIZE ? 0 : 1);
	}
	ids_uuid(here);
	CU_ASSERT_EQUAL(read(ends[0], there, UUID_SIZE), UUID_SIZE);
	CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
	CU_ASSERT_STRING_NOT_EQUAL(here, there);
	close(ends[0]);
	close(ends[1]);
}

static void secrets_compare_and_hash(void)
{
	char hash[SECRET_HASH_SIZE];

	CU_ASSERT_TRUE(secret_equal("abc", "abc"));
	CU_ASSERT_FALSE(secret_equal("abc", "abd"));
	CU_ASSERT_FALSE(secret_equal("abc", "ab"));
	CU_ASSERT_FALSE(secret_equal("ab", "abc"));
	CU_ASSERT_FALSE(secret_equal("", "a"));
	/* FIPS 180-2, appendix B.1 */
	secret_hash("abc", hash);
	CU_ASSERT_STRING_EQUAL(hash,
			       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void published_and_short_keys_are_weak(void)
{
	const char *why = "";

	CU_ASSERT_FALSE(secret_is_strong("123456", &why));
	CU_ASSERT_FALSE(secret_is_strong("ChangeMe", &why));
	CU_ASSERT_STRING_EQUAL(why, "is a published example value");
	CU_ASSERT_FALSE(secret_is_strong("fifteen-charact", &why));
	CU_ASSERT_STRING_EQUAL(why, "is shorter than 16 characters");
	CU_ASSERT_TRUE(secret_is_strong("sixteen-characte", &why));
}

static void lists_name_whole_items(void)
{
	static const struct {
		const char *list, *item;
		bool named;
	} rows[] = {
		{ "a.example", "a.example", true },
		{ " a.example ,, B.example:8443", "b.EXAMPLE:8443", true },
		{ "a.example b.example", "b.example", true },
		{ "a.example, b.example", "b.exampl", false },
		{ "a.example, b.example", "example", false },
		{ "a.example, b.example", "a.example, b.example", false },
		{ "a.example, b.example", "", false },
		{ ", ", "", false },
		{ "", "a.example", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CU_ASSERT_EQUAL(list_names(rows[i].list, rows[i].item), rows[i].named);
}

static void csv_quotes_what_needs_it(void)
{
	static const char *const rows[][2] = {
		{ "laptop", "laptop" },
		{ "", "" },
		{ "-", "-" },
		{ "Jo\u00eb's work", "Jo\u00eb's work" },
		{ "a,b", "\"a,b\"" },
		{ "say \"x\"", "\"say \"\"x\"\"\"" },
		{ "two\nlines", "\"two\nlines\"" },
		{ "=1+1", "\"'=1+1\"" },
		{ "-2+3", "\"'-2+3\"" },
		{ "@SUM(1,\"2\")", "\"'@SUM(1,\"\"2\"\")\"" },
		{ "\t=1", "\"'\t=1\"" },
		{ "1=1", "1=1" },
	};
	struct buf out;

	buf_init(&out, 100);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		buf_reset(&out);
		csv_cell(&out, rows[i][0]);
		CU_ASSERT_STRING_EQUAL(out.at, rows[i][1]);
	}
	buf_release(&out);
}

static void hexadecimal_digits_are_read_as_they_are_written(void)
{
	char text[2 * 16 + 1];
	unsigned char bytes[16];

	for (int i = 0; i < 16; i++)
		bytes[i] = (unsigned char)(i << 4 | (15 - i));
	hex_write(bytes, sizeof(bytes), text);
	CU_ASSERT_STRING_EQUAL(text, "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
	for (int i = 0; i < 16; i++)
		CU_ASSERT_EQUAL(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]), bytes[i]);
	CU_ASSERT_EQUAL(hex_digit('F'), 15);
	for (const char *none = "g/:@G`\x10\x19 -"; *none; none++)
		CU_ASSERT_EQUAL(hex_digit(*none), -1);
	CU_ASSERT_EQUAL(hex_digit('\0'), -1);
}

/* As they stand in bodies: JSON, and what tools put into its texts. */
static void captured_secrets_are_overwritten(void)
{
	static const struct {
		const char *text, *left; /* NULL: it stays as it is */
	} rows[] = {
		{ "{\"k\":\"sk-ant-0123456789ab\"}", "{\"k\":\"*******************\"}" },
		{ "is:\\nsk-ant-0123456789ab\\n", "is:\\n*******************\\n" },
		{ "FOO=ghp_0123456789abcdef", "FOO=********************" },
		{ "https://h/act-0123-4567-89AB", "https://h/******************" },
		{ "\"password\": \"p@ss w0rd!\",", "\"password\": \"**********\"," },
		{ "{\\\"password\\\":\\\"p@ss!word\\\"}", "{\\\"password\\\":\\\"*********\\\"}" },
		{ "Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ************" },
		{ "'authorization':'Bearer abcdefgh'", "'authorization':'Bearer ********'" },
		{ "\"max_tokens\":100000,\"password\":{\"type\":\"string\"}", NULL },
		{ "token", NULL },
		{ "token:", NULL },
		{ "token=\"", NULL },
		{ "task-force-of-eighteen", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *left = rows[i].left ? rows[i].left : rows[i].text;
		struct buf text;

		buf_init(&text, KB(1));
		buf_add_text(&text, rows[i].text);
		capture_scrub(&text);
		CU_ASSERT_STRING_EQUAL(text.at, left);
		if (strcmp(text.at, left) != 0)
			printf("\n%s\n%s\n", text.at, left);
		buf_release(&text);
	}
}

/* Each of its characters may begin a word. */
static void a_long_path_is_looked_over_once(void)
{
	struct buf text;

	buf_init(&text, MB(2));
	for (size_t i = 0; i < MB(2); i++)
		buf_add_char(&text, '/');
	capture_scrub(&text);
	CU_ASSERT_PTR_NULL(memchr(text.at, '*', text.len));
	buf_release(&text);
}

/* Records hold secrets in objects too: a login under way, a renewal that waits for a whole record.
 */
static void a_masked_bundle_has_no_secret_at_any_depth(void)
{
	static const char json[] =
		"{\"label\":\"ann\",\"refresh_token\":\"SECRET-1\",\"n\":[1],\"if\":{\"refresh_"
		"token\":"
		"\"SECRET-2\"},\"login\":{\"client_secret\":\"SECRET-3\",\"device_code\":\"SECRET-"
		"4\","
		"\"verifier\":\"SECRET-5\",\"url\":\"https://a.example\",\"interval\":5}}";
	struct bundle b;

	bundle_init(&b);
	b.at = xcalloc(1, sizeof(*b.at));
	b.count = b.room = 1;
	b.at[0] = (struct bundle_record){ xstrdup("tokens"), xstrdup("l/1"), xstrdup(json) };
	bundle_mask(&b);
	CU_ASSERT_PTR_NULL(strstr(b.at[0].json, "SECRET"));
	CU_ASSERT_PTR_NOT_NULL(strstr(b.at[0].json, "\"label\":\"ann\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(b.at[0].json, "\"n\":[1]"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(b.at[0].json, "\"url\":\"https://a.example\",\"interval\":5}"));
	bundle_release(&b);
}

CU_TestInfo base_tests[] = {
	{ "a_masked_bundle_has_no_secret_at_any_depth",
	  a_masked_bundle_has_no_secret_at_any_depth },
	{ "a_long_path_is_looked_over_once", a_long_path_is_looked_over_once },
	{ "captured_secrets_are_overwritten", captured_secrets_are_overwritten },
	{ "lists_name_whole_items", lists_name_whole_items },
	{ "csv_quotes_what_needs_it", csv_quotes_what_needs_it },
	{ "hexadecimal_digits_are_read_as_they_are_written",
	  hexadecimal_digits_are_read_as_they_are_written },
	{ "every_error_kind_has_a_whole_row", every_error_kind_has_a_whole_row },
	{ "first_error_wins_and_names_its_field", first_error_wins_and_names_its_field },
	{ "long_messages_are_cut_between_characters", long_messages_are_cut_between_characters },
	{ "dates_of_all_sources_are_read", dates_of_all_sources_are_read },
	{ "a day ends at midnight", a_day_ends_at_midnight },
	{ "ids_have_their_form_and_differ", ids_have_their_form_and_differ },
	{ "forked_processes_have_ids_of_their_own", forked_processes_have_ids_of_their_own },
	{ "secrets_show_little", secrets_show_little },
	{ "what_looks_like_a_credential_is_hidden", what_looks_like_a_credential_is_hidden },
	{ "secrets_compare_and_hash", secrets_compare_and_hash },
	{ "published_and_short_keys_are_weak", published_and_short_keys_are_weak },
	CU_TEST_INFO_NULL,
};
