#include "common/base.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/utf8.h"

#include <CUnit/CUnit.h>

static bool parses(struct span text, char message[static LIMIT_ERROR_TEXT])
{
	struct error e = { 0 };
	cJSON *tree = json_parse(text, &e);
	bool ok = tree != NULL;

	snprintf(message, LIMIT_ERROR_TEXT, "%s", e.message);
	CU_ASSERT_EQUAL(e.kind, ok ? ERR_NONE : ERR_REQUEST);
	cJSON_Delete(tree);
	return ok;
}

static void bad_json_is_refused_with_reason_and_place(void)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{ "", "empty text at byte 0" },
		{ "{", "syntax error" },
		{ "{\"a\":1}x", "text behind the value at byte 7" },
		{ "{\"a\":1} {", "text behind the value at byte 8" },
		{ "{\"a\":}", "syntax error" },
		{ "[1,]", "syntax error" },
		{ "\"\\ud83d\"", "syntax error" },
		{ "\"\\u0000\"", "\\u0000 is not supported" },
		{ "\"a\xC0\xAF\"", "invalid UTF-8 at byte 2" },
		{ "\"\xED\xA0\x80\"", "invalid UTF-8 at byte 1" },
		{ "\"a\nb\"", "control character in a string at byte 2" },
		{ "\"abc", "unterminated string" },
		{ "{\"a\":\x01}", "unexpected byte at byte 5" },
		{ "nul", "syntax error" },
	};
	char message[LIMIT_ERROR_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CU_ASSERT_FALSE(parses(span_of(rows[i].text), message));
		CU_ASSERT_PTR_NOT_NULL(strstr(message, rows[i].reason));
		if (!strstr(message, rows[i].reason))
			fprintf(stderr, "row %zu: %s\n", i, message);
	}
}

static void raw_nul_byte_is_refused(void)
{
	static const char text[] = "{\"a\":\"x\0y\"}";
	char message[LIMIT_ERROR_TEXT];

	CU_ASSERT_FALSE(parses((struct span){ text, sizeof(text) - 1 }, message));
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "control character"));
}

static void nesting_is_bounded(void)
{
	char message[LIMIT_ERROR_TEXT];
	struct buf b;

	for (int depth = LIMIT_JSON_DEPTH - 1; depth <= 10000; depth += 9873) {
		bool within;

		for (int extra = 0; extra < 3; extra++) {
			int levels = depth + extra;

			buf_init(&b, MB(1));
			for (int i = 0; i < levels; i++)
				buf_add_char(&b, '[');
			for (int i = 0; i < levels; i++)
				buf_add_char(&b, ']');
			within = levels <= LIMIT_JSON_DEPTH;
			CU_ASSERT_EQUAL(parses(buf_span(&b), message), within);
			if (!within)
				CU_ASSERT_PTR_NOT_NULL(strstr(message, "nested too deeply"));
			buf_release(&b);
		}
	}
}

static void cut_anywhere_is_an_error_and_no_crash(void)
{
	static const char text[] =
		"{\"a\":[1,2.5e3,true,null,\"x\\n\\u00e9\xC3\xA9\"],\"b\":{\"c\":\"\"}}";
	char message[LIMIT_ERROR_TEXT];

	for (size_t len = 0; len < sizeof(text) - 1; len++)
		CU_ASSERT_FALSE(parses((struct span){ text, len }, message));
	CU_ASSERT_TRUE(parses((struct span){ text, sizeof(text) - 1 }, message));
}

static void whole_objects_are_told_without_reading_them(void)
{
	CU_ASSERT_TRUE(json_is_object(span_of("{}")));
	CU_ASSERT_TRUE(json_is_object(span_of(" {\"nul\":\"\\u0000\"} \n")));
	CU_ASSERT_FALSE(json_is_object(span_of("[]")));
	CU_ASSERT_FALSE(json_is_object(span_of("{} {}")));
	CU_ASSERT_FALSE(json_is_object(span_of("{\"a\":1")));
	CU_ASSERT_FALSE(json_is_object(span_of("")));
}

static void getters_name_the_field(void)
{
	struct error e = { 0 };
	cJSON *tree = json_parse(span_of("{\"s\":5,\"i\":1.5,\"n\":null,\"big\":99}"), &e);
	struct json_at root = { NULL, "messages", 0 }, third = { &root, NULL, 3 };
	const char *text = "old";
	int64_t number = 7;

	CU_ASSERT_EQUAL(json_text(tree, "none", &third, &text, &e), 0);
	CU_ASSERT_EQUAL(json_text(tree, "n", &third, &text, &e), 0);
	CU_ASSERT_STRING_EQUAL(text, "old");
	CU_ASSERT_EQUAL(json_text(tree, "s", &third, &text, &e), -1);
	CU_ASSERT_STRING_EQUAL(e.message, "messages.3.s: Input should be a valid string");
	CU_ASSERT_STRING_EQUAL(e.field, "messages.3.s");
	error_clear(&e);
	CU_ASSERT_EQUAL(json_int(tree, "i", NULL, 0, 10, &number, &e), -1);
	CU_ASSERT_STRING_EQUAL(e.message, "i: Input should be a valid integer");
	error_clear(&e);
	CU_ASSERT_EQUAL(json_int(tree, "big", NULL, 0, 10, &number, &e), -1);
	CU_ASSERT_STRING_EQUAL(e.message, "big: Input should be less than or equal to 10");
	error_clear(&e);
	CU_ASSERT_EQUAL(json_need_text(tree, "model", NULL, &text, &e), -1);
	CU_ASSERT_STRING_EQUAL(e.message, "model: Field required");
	CU_ASSERT_EQUAL(number, 7);
	cJSON_Delete(tree);
}

static void writer_escapes_and_reader_gets_the_same_back(void)
{
	static const char nasty[] = "quote\" back\\ nl\n tab\t bell\x07 del\x7F \xE2\x80\xA8"
				    " \xF0\x9F\x98\x80 </script>";
	struct error e = { 0 };
	struct jsonw w;
	struct buf b;
	cJSON *tree;

	buf_init(&b, KB(4));
	jsonw_init(&w, &b);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, nasty, nasty);
	jsonw_begin_array_member(&w, "list");
	jsonw_int(&w, -9007199254740991);
	jsonw_double(&w, 0.1);
	jsonw_double(&w, 1.0 / 0.0);
	jsonw_bool(&w, false);
	jsonw_begin_object(&w);
	jsonw_end(&w);
	jsonw_end(&w);
	jsonw_null_member(&w, "none");
	jsonw_end(&w);
	tree = json_parse(buf_span(&b), &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
	CU_ASSERT_STRING_EQUAL(json_text_or(tree, nasty, ""), nasty);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(b.at, "\"list\":[-9007199254740991,0.1,null,false,{}],\"none\":null}"));
	CU_ASSERT_PTR_NULL(strchr(b.at, '\n'));
	cJSON_Delete(tree);
	buf_release(&b);
}

/* Python's str.splitlines() takes them for line ends; their neighbours are nothing of the kind. */
static void writer_escapes_what_some_take_for_line_ends(void)
{
	static const char text[] = "\xC2\x84\xC2\x85\xC2\x86\xE2\x80\xA7\xE2\x80\xA8\xE2\x80\xA9"
				   "\xE2\x80\xAA\xE2\x81\xA8\xE3\x80\xA8";
	struct jsonw w;
	struct buf b;

	buf_init(&b, KB(1));
	jsonw_init(&w, &b);
	jsonw_text(&w, text);
	CU_ASSERT_STRING_EQUAL(b.at, "\"\xC2\x84\\u0085\xC2\x86\xE2\x80\xA7\\u2028\\u2029"
				     "\xE2\x80\xAA\xE2\x81\xA8\xE3\x80\xA8\"");
	buf_release(&b);
}

static void writer_copies_trees(void)
{
	static const char text[] = "{\"a\":[1,\"x\",{\"b\":null}],\"c\":true,\"d\":1.5}";
	struct error e = { 0 };
	cJSON *tree = json_parse(span_of(text), &e);
	struct jsonw w;
	struct buf b;

	buf_init(&b, KB(4));
	jsonw_init(&w, &b);
	jsonw_tree(&w, tree);
	CU_ASSERT_STRING_EQUAL(b.at, text);
	cJSON_Delete(tree);
	buf_release(&b);
}

static void numbers_keep_all_their_digits(void)
{
	static const char *const rows[] = {
		"[12345678901234567890,{\"a\":9007199254740993,\"b\\\"1\":["
		"\"77777777777777777777\","
		"-9223372036854775808,7]},0.1234567890123456789,1.0,1e400,-2.50E-7,0]",
		"100000000000000000000",
		"{\"n\":1234567890123456,\"m\":123456789012345}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error e = { 0 };
		cJSON *tree = json_parse(span_of(rows[i]), &e);
		struct jsonw w;
		struct buf b;

		buf_init(&b, KB(4));
		jsonw_init(&w, &b);
		jsonw_tree(&w, tree);
		CU_ASSERT_STRING_EQUAL(b.at, rows[i]);
		cJSON_Delete(tree);
		buf_release(&b);
	}
}

/* What strtod() takes for a number though JSON does not: as arguments of a call it would spoil the
 * body that they are passed on in. */
static void odd_numbers_are_refused(void)
{
	static const char *const rows[] = { "[00000000000000000001]",
					    "[1.]",
					    "[-]",
					    "[1e]",
					    "[1e+]",
					    "[1.e5]",
					    "[-01]",
					    "[-.5]",
					    "[01.5]",
					    "[1-2]",
					    "[.5]",
					    "[+1]" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error e = { 0 };
		char object[64];

		CU_ASSERT_PTR_NULL(json_parse(span_of(rows[i]), &e));
		snprintf(object, sizeof(object), "{\"a\":%s}", rows[i]);
		CU_ASSERT_FALSE(json_is_object(span_of(object)));
	}
	CU_ASSERT_TRUE(json_is_object(span_of("{\"a\":[0,-0,10,0.5,-1.25e+3,1E5]}")));
}

static void damaged_utf8_is_found_where_it_is(void)
{
	static const struct {
		const char *text;
		size_t good;
	} rows[] = {
		{ "abc", 3 },
		{ "\xC3\xA9", 2 },
		{ "a\xC3", 1 },
		{ "\xC1\x81", 0 },
		{ "\xE0\x80\x80", 0 },
		{ "\xED\xA0\x80", 0 },
		{ "\xF4\x90\x80\x80", 0 },
		{ "\xF0\x9F\x98\x80z", 5 },
		{ "x\x80", 1 },
		{ "\xF0\x9F\x98", 0 },
		{ "\xFF", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CU_ASSERT_EQUAL(utf8_valid_prefix(span_of(rows[i].text)), rows[i].good);
	CU_ASSERT_EQUAL(utf8_count(span_of("a\xC3\xA9\xF0\x9F\x98\x80")), 3);
	CU_ASSERT_EQUAL(utf8_prefix(span_of("a\xC3\xA9\xF0\x9F\x98\x80z"), 2), 3);
	CU_ASSERT_EQUAL(utf8_prefix(span_of("a\xC3\xA9"), 100), 3);
}

CU_TestInfo json_tests[] = {
	{ "bad_json_is_refused_with_reason_and_place", bad_json_is_refused_with_reason_and_place },
	{ "raw_nul_byte_is_refused", raw_nul_byte_is_refused },
	{ "nesting_is_bounded", nesting_is_bounded },
	{ "cut_anywhere_is_an_error_and_no_crash", cut_anywhere_is_an_error_and_no_crash },
	{ "whole_objects_are_told_without_reading_them",
	  whole_objects_are_told_without_reading_them },
	{ "getters_name_the_field", getters_name_the_field },
	{ "writer_escapes_and_reader_gets_the_same_back",
	  writer_escapes_and_reader_gets_the_same_back },
	{ "writer_escapes_what_some_take_for_line_ends",
	  writer_escapes_what_some_take_for_line_ends },
	{ "writer_copies_trees", writer_copies_trees },
	{ "numbers_keep_all_their_digits", numbers_keep_all_their_digits },
	{ "odd_numbers_are_refused", odd_numbers_are_refused },
	{ "damaged_utf8_is_found_where_it_is", damaged_utf8_is_found_where_it_is },
	CU_TEST_INFO_NULL,
};
