#include "common/base.h"
#include "common/flat.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/utf8.h"

#include <CUnit/CUnit.h>

/* "a|b" of the members "content" and "more"; "-" for one that is not there; "no": not read. */
static const char *read_flat(const char *json)
{
	struct flat_member told[] = { { .key = "content" }, { .key = "more" } };
	static char out[256];
	struct buf scratch;

	buf_init(&scratch, LIMIT_RECORD);
	snprintf(out, sizeof(out), "no");
	if (flat_read(&scratch, span_of(json), told, ARRAY_SIZE(told)))
		snprintf(out, sizeof(out), "%s|%s", told[0].text.at ? told[0].text.at : "-",
			 told[1].text.at ? told[1].text.at : "-");
	buf_release(&scratch);
	return out;
}

static void reads_texts(void)
{
	CU_ASSERT_STRING_EQUAL(read_flat("{\"content\":\"Hi\"}"), "Hi|-");
	CU_ASSERT_STRING_EQUAL(read_flat("{\"modelId\":\"m\",\"more\":\"x\",\"content\":\"\"}"),
			       "|x");
	CU_ASSERT_STRING_EQUAL(read_flat("{\"content\":\"1\",\"content\":\"2\"}"), "1|-");
	CU_ASSERT_STRING_EQUAL(read_flat("{\"content\":\"a\\n\\t\\\"b\\\\\\/\\r\\b\\f\"}"),
			       "a\n\t\"b\\/\r\b\f|-");
	CU_ASSERT_STRING_EQUAL(read_flat("{\"content\":\"\xC3\xA9 \xF0\x9F\x98\x80\x7F\"}"),
			       "\xC3\xA9 \xF0\x9F\x98\x80\x7F|-");
	CU_ASSERT_STRING_EQUAL(read_flat("{\"other\":\"}\"}"), "-|-");
}

/* What it is not sure of, json_parse() judges. */
static void leaves_the_rest(void)
{
	static const char *const left[] = {
		"",
		"{",
		"}",
		"{}",
		"[]",
		"\"content\"",
		"{\"content\"}",
		"{\"content\":}",
		"{\"content\":\"}",
		"{\"content\":\"a\"",
		"{\"content\":\"a\",}",
		"{\"content\":\"a\"}}",
		"{\"content\":\"a\"} ",
		"{ \"content\":\"a\"}",
		"{\"content\": \"a\"}",
		"{\"content\":null}",
		"{\"content\":\"a\",\"more\":1}",
		"{\"content\":\"a\",\"more\":{}}",
		"{\"content\":\"\\u00e9\"}",
		"{\"content\":\"\\u0000\"}",
		"{\"content\":\"\\q\"}",
		"{\"content\":\"\\\"}",
		"{\"content\":\"a\nb\"}",
		"{\"content\":\"\xC3\"}",
		"{\"content\":\"\xED\xA0\x80\"}",
		"{\"con\xC3tent\":\"a\"}",
		"{'content':'a'}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
		if (strcmp(read_flat(left[i]), "no") != 0)
			printf("\n%s\n", left[i]);
		CU_ASSERT_STRING_EQUAL(read_flat(left[i]), "no");
	}
}

/* Whatever byte stands at whatever place: what is read is what the parser reads. */
static void agrees_with_the_parser(void)
{
	char json[] = "{\"content\":\"seventeen or so\",\"more\":\"x\"}";
	const size_t len = strlen(json);

	for (size_t at = 0; at < len; at++) {
		const char was = json[at];

		for (int c = 1; c < 256; c++) {
			struct flat_member told[] = { { .key = "content" }, { .key = "more" } };
			struct error e = { 0 };
			struct buf scratch;
			cJSON *tree;

			json[at] = (char)c;
			buf_init(&scratch, LIMIT_RECORD);
			tree = json_parse(span_of(json), &e);
			if (flat_read(&scratch, span_of(json), told, 2)) {
				const char *text = json_text_or(tree, "content", "(none)");

				CU_ASSERT_PTR_NOT_NULL(tree);
				CU_ASSERT_STRING_EQUAL(text, told[0].text.at ? told[0].text.at
									     : "(none)");
			}
			cJSON_Delete(tree);
			buf_release(&scratch);
		}
		json[at] = was;
	}
}

static void finds_what_is_not_plain(void)
{
	char text[64];

	for (size_t at = 0; at < sizeof(text); at++) {
		for (int c = 0; c < 256; c++) {
			const bool plain = c >= 0x20 && c < 0x7F && c != '"' && c != '\\';

			memset(text, 'a', sizeof(text));
			text[at] = (char)c;
			CU_ASSERT_EQUAL(utf8_plain_prefix((struct span){ text, sizeof(text) }),
					plain ? sizeof(text) : at);
		}
	}
	/* of every length, and with a second one behind it */
	for (size_t len = 0; len <= sizeof(text); len++) {
		for (size_t at = 0; at < len; at++) {
			memset(text, 'a', sizeof(text));
			text[at] = text[len - 1] = '"';
			CU_ASSERT_EQUAL(utf8_plain_prefix((struct span){ text, len }), at);
		}
		memset(text, 'a', len);
		CU_ASSERT_EQUAL(utf8_plain_prefix((struct span){ text, len }), len);
	}
}

CU_TestInfo flat_tests[] = {
	{ "texts are read, escapes undone", reads_texts },
	{ "everything else is left alone", leaves_the_rest },
	{ "no byte makes it differ from the parser", agrees_with_the_parser },
	{ "plain bytes end where they end", finds_what_is_not_plain },
	CU_TEST_INFO_NULL,
};
