/* What the members of an entry may hold, and what they mean. */
#include "common/base.h"
#include "tests/unit/import_tests.h"

static void check_machine_id(const char *text, const char *wanted)
{
	char *got = import_machine_id(text);

	CU_ASSERT_TRUE(same(got, wanted));
	free(got);
}

static void machine_ids_are_64_hex_characters_or_none(void)
{
	static const char hex[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

	check_machine_id(hex, hex);
	check_machine_id("0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF", hex);
	check_machine_id("01234567-89ab-cdef-0123-456789abcdef", hex);
	check_machine_id("", NULL);
	check_machine_id("01234567", NULL);
	check_machine_id("not-a-machine-id", NULL);
	check_machine_id("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0", NULL);
}

static void method_names_of_all_programs_are_known(void)
{
	static const struct {
		const char *name;
		enum account_kind kind;
	} names[] = {
		{ "idc", KIND_IDC },
		{ "IdC", KIND_IDC },
		{ "builder-id", KIND_IDC },
		{ "builderid", KIND_IDC },
		{ "BuilderId", KIND_IDC },
		{ "iam", KIND_IDC },
		{ "enterprise", KIND_IDC },
		{ "google", KIND_SOCIAL },
		{ "github", KIND_SOCIAL },
		{ "Social", KIND_SOCIAL },
		{ "imported", KIND_SOCIAL },
		{ "desktop", KIND_SOCIAL },
		{ "external_idp", KIND_EXTERNAL_IDP },
		{ "api_key", KIND_API_KEY },
	};
	const char *provider;
	enum account_kind kind;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CU_ASSERT_EQUAL(import_method(names[i].name, &kind, &provider), 0);
		CU_ASSERT_EQUAL(kind, names[i].kind);
	}
	CU_ASSERT_EQUAL(import_method("sso", &kind, &provider), -1);
	CU_ASSERT_EQUAL(import_method("", &kind, &provider), -1);
}

static void kind_is_told_by_credentials_where_no_method_is_named(void)
{
	static const struct {
		const char *text;
		enum account_kind kind;
	} texts[] = {
		{ "{\"refreshToken\":\"FAKE-refresh-0000000000000\"}", KIND_SOCIAL },
		{ "{\"refreshToken\":\"FAKE-refresh-0000000000000\",\"clientId\":\"c\","
		  "\"clientSecret\":\"s\"}",
		  KIND_IDC },
		{ "{\"refreshToken\":\"FAKE-refresh-0000000000000\",\"clientId\":\"c\","
		  "\"tokenEndpoint\":\"https://login.example.com/token\"}",
		  KIND_EXTERNAL_IDP },
		{ "{\"kiroApiKey\":\"ksk_FAKE00000000000000\"}", KIND_API_KEY },
		{ "{\"accessToken\":\"ksk_FAKE00000000000000\"}", KIND_API_KEY },
		{ "{\"refreshToken\":\"FAKE-refresh-0000000000000\",\"authMethod\":\"\"}",
		  KIND_SOCIAL },
		{ "{\"refreshToken\":\"FAKE-refresh-0000000000000\",\"authMethod\":null}",
		  KIND_SOCIAL },
	};

	for (size_t n = 0; n < ARRAY_SIZE(texts); n++) {
		struct import i;
		struct error e;

		CU_ASSERT_EQUAL(read_text(&i, texts[n].text, &e), 0);
		CU_ASSERT_EQUAL_FATAL(i.count, 1);
		CU_ASSERT_STRING_EQUAL(i.entries[0].refused, "");
		CU_ASSERT_EQUAL(i.entries[0].account.kind, texts[n].kind);
		import_release(&i);
	}
}

static void dates_may_be_text_seconds_or_milliseconds(void)
{
	static const char *const dates[] = { "\"2030-01-02T03:04:05Z\"",
					     "\"2030-01-02T03:04:05.999+00:00\"",
					     "\"2030-01-01T22:04:05-05:00\"",
					     "1893553445",
					     "1893553445000",
					     "\"1893553445\"",
					     "\"1893553445000\"" };

	for (size_t n = 0; n < ARRAY_SIZE(dates); n++) {
		struct import i;
		struct error e;
		char text[256];

		snprintf(text, sizeof(text),
			 "{\"refreshToken\":\"FAKE-refresh-0000000000000\",\"expiresAt\":%s}",
			 dates[n]);
		CU_ASSERT_EQUAL(read_text(&i, text, &e), 0);
		CU_ASSERT_EQUAL(i.entries[0].account.expires_at, AT_2030_01_02);
		import_release(&i);
	}
	CU_ASSERT_TRUE(begins(refusal("{\"refreshToken\":\"FAKE-refresh-0000000000000\","
				      "\"expiresAt\":\"tomorrow\"}"),
			      "expiresAt:"));
	CU_ASSERT_TRUE(begins(refusal("{\"refreshToken\":\"FAKE-refresh-0000000000000\","
				      "\"expiresAt\":[]}"),
			      "expiresAt:"));
}

/* ,MEMBER in an otherwise good entry. */
static const char *refusal_of(const char *member)
{
	char text[512];

	snprintf(text, sizeof(text), "{\"refreshToken\":\"FAKE-refresh-0000000000000\",%s}",
		 member);
	return refusal(text);
}

static void what_could_leave_its_place_in_a_request_is_refused(void)
{
	static const struct {
		const char *member, *reason;
	} bad[] = {
		{ "\"apiRegion\":\"x.evil.example/\"", "region:" },
		{ "\"apiRegion\":\"us-east-1.evil\"", "region:" },
		{ "\"apiRegion\":\"us-east-12\"", "region:" },
		{ "\"region\":\"US-EAST-1\"", "authRegion:" },
		{ "\"authRegion\":\"-\"", "authRegion:" },
		{ "\"profileArn\":\"arn:aws:codewhisperer:evil.example:1:profile/A\"",
		  "profileArn:" },
		{ "\"profileArn\":\"profile\"", "profileArn:" },
		{ "\"accessToken\":\"FAKE\\r\\nX-Header: 1\"", "accessToken:" },
		{ "\"accessToken\":\"FAKE \\u00e9\"", "accessToken:" },
		{ "\"proxyUrl\":\"file:///etc/passwd\"", "proxyUrl:" },
		{ "\"proxyUrl\":\"http://\"", "proxyUrl:" },
		{ "\"authMethod\":\"external_idp\",\"clientId\":\"c\","
		  "\"tokenEndpoint\":\"http://login.example.com/\"",
		  "tokenEndpoint:" },
		{ "\"authMethod\":\"external_idp\",\"clientId\":\"c\"", "tokenEndpoint:" },
		{ "\"authMethod\":\"external_idp\"", "clientId:" },
		{ "\"authMethod\":\"idc\",\"clientId\":\"c\"", "clientSecret:" },
		{ "\"authMethod\":\"api_key\"", "apiKey:" },
		{ "\"authMethod\":7", "authMethod:" },
		{ "\"clientSecret\":7", "clientSecret:" },
		{ "\"accessToken\":[\"a\"]", "accessToken:" },
	};

	for (size_t n = 0; n < ARRAY_SIZE(bad); n++)
		CU_ASSERT_TRUE(begins(refusal_of(bad[n].member), bad[n].reason));
	CU_ASSERT_STRING_EQUAL(refusal_of("\"apiRegion\":\"us-gov-east-1\""), "");
}

static void masked_and_cut_tokens_are_refused(void)
{
	CU_ASSERT_TRUE(begins(refusal("{\"refreshToken\":\"aorAAAAAAAAAAAAAAA...zzzz\"}"),
			      "refreshToken: is masked"));
	CU_ASSERT_TRUE(begins(refusal("{\"refreshToken\":\"aorAAAAAAAAAAAAAAA\\u2026zzzz\"}"),
			      "refreshToken: is masked"));
	CU_ASSERT_TRUE(begins(refusal("{\"refreshToken\":\"1234567890123456789\"}"),
			      "refreshToken: is shorter than 20"));
	CU_ASSERT_STRING_EQUAL(refusal("{\"refreshToken\":\"12345678901234567890\"}"), "");
	CU_ASSERT_STRING_EQUAL(refusal("{\"refreshToken\":\" 12345678901234567890\\n\"}"), "");
	CU_ASSERT_TRUE(begins(refusal("{\"accessToken\":\"12345678901234567890\"}"),
			      "refreshToken: is missing"));
}

static void labels_are_cleaned_and_cut(void)
{
	char text[512], label[200];
	struct import i;
	struct error e;

	memset(label, 'x', sizeof(label));
	label[199] = '\0';
	snprintf(text, sizeof(text),
		 "{\"refreshToken\":\"FAKE-refresh-0000000000000\",\"label\":\"a\\u001b[31m%s\"}",
		 label);
	CU_ASSERT_EQUAL(read_text(&i, text, &e), 0);
	CU_ASSERT_EQUAL_FATAL(i.count, 1);
	CU_ASSERT_EQUAL(strlen(i.entries[0].account.label), 80);
	CU_ASSERT_TRUE(begins(i.entries[0].account.label, "a [31mxxx"));
	import_release(&i);
}

static void tokens_beyond_the_limit_are_refused(void)
{
	struct buf text;

	buf_init(&text, KB(64));
	buf_add_text(&text, "{\"refreshToken\":\"");
	for (size_t i = 0; i < KB(8) + 1; i++)
		buf_add_char(&text, 'a');
	buf_add_text(&text, "\"}");
	CU_ASSERT_STRING_EQUAL(refusal(text.at), "refreshToken: is too long");
	buf_release(&text);
}

CU_TestInfo import_entry_tests[] = {
	{ "machine ids are 64 hex characters or none", machine_ids_are_64_hex_characters_or_none },
	{ "method names of all programs are known", method_names_of_all_programs_are_known },
	{ "kind is told by credentials where no method is named",
	  kind_is_told_by_credentials_where_no_method_is_named },
	{ "dates may be text, seconds or milliseconds", dates_may_be_text_seconds_or_milliseconds },
	{ "what could leave its place in a request is refused",
	  what_could_leave_its_place_in_a_request_is_refused },
	{ "masked and cut tokens are refused", masked_and_cut_tokens_are_refused },
	{ "labels are cleaned and cut", labels_are_cleaned_and_cut },
	{ "tokens beyond the limit are refused", tokens_beyond_the_limit_are_refused },
	CU_TEST_INFO_NULL,
};
