/*
 * Credential files of other programs (data/import/: one made-up file for each format) and what is
 * taken from them. The expected values are those that stand in the files, read as the programs that
 * write them mean them.
 */
#include "common/base.h"
#include "common/import.h"

#include "common/clock.h"
#include "common/import_plan.h"
#include "common/keys.h"
#include "common/limits.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>

#define FOLDER "tests/unit/data/import/"

#define AT_2030_01_02 INT64_C(1893553445) /* 2030-01-02T03:04:05Z */

struct expected {
	const char *refused; /* beginning of the reason, NULL: taken */
	enum account_kind kind;
	const char *provider, *label, *email, *refresh_token, *client_id, *region, *auth_region;
	int64_t expires_at;
};

struct sample {
	const char *file, *format;
	size_t count;
	struct expected entries[5];
};

/* clang-format off */
static const struct sample samples[] = {
	{ "kiro-ide-social.json", "Kiro IDE kiro-auth-token.json", 1, {
		{ NULL, KIND_SOCIAL, "Google", NULL, NULL, "FAKE-refresh-ide-social-0000000",
		  NULL, NULL, NULL, AT_2030_01_02 } } },
	{ "kiro-ide-idc.json", "Kiro IDE kiro-auth-token.json", 1, {
		{ NULL, KIND_IDC, "Enterprise", NULL, NULL, "FAKE-refresh-ide-idc-0000000000",
		  "example-client-ide", NULL, "eu-west-1", AT_2030_01_02 } } },
	{ "kiro-ide-external.json", "Kiro IDE kiro-auth-token.json", 1, {
		{ NULL, KIND_EXTERNAL_IDP, "ExternalIdp", NULL, NULL,
		  "FAKE-refresh-ide-external-00000", "00000000-1111-2222-3333-444444444444",
		  NULL, NULL, AT_2030_01_02 } } },
	{ "kam-export.json", "Kiro Account Manager export", 4, {
		{ NULL, KIND_SOCIAL, "Google", "Ann", "ann@example.com",
		  "FAKE-refresh-kam-1-000000000000", NULL, NULL, "us-east-1", 1893556800 },
		{ NULL, KIND_IDC, "BuilderId", NULL, "bob@example.com",
		  "FAKE-refresh-kam-2-000000000000", "example-client-kam", NULL, "us-east-1",
		  1893556800 },
		{ "authMethod: unknown method \"telepathy\"", .email = "carl@example.com" },
		{ "refreshToken: is masked", .email = "dora@example.com" } } },
	{ "kam-list.json", "Kiro Account Manager list", 2, {
		{ NULL, KIND_IDC, NULL, "Eve's login", "eve@example.com",
		  "FAKE-refresh-kam-list-1-0000000", "example-client-kam-list", NULL,
		  "ap-southeast-2", 0 },
		{ NULL, KIND_SOCIAL, NULL, "Fay", "fay@example.com",
		  "FAKE-refresh-kam-list-2-0000000", NULL, NULL, NULL, 0 } } },
	{ "kam-single.json", "Kiro Account Manager list", 1, {
		{ NULL, KIND_IDC, NULL, "Gus", "gus@example.com",
		  "FAKE-refresh-kam-single-0000000", "example-client-kam-single", NULL,
		  "us-east-1", 0 } } },
	{ "kiro2api.json", "kiro2api KIRO_AUTH_TOKEN", 4, {
		{ NULL, KIND_SOCIAL, NULL, "first", NULL, "FAKE-refresh-kiro2api-social-00",
		  NULL, NULL, NULL, 0 },
		{ NULL, KIND_IDC, NULL, NULL, NULL, "FAKE-refresh-kiro2api-idc-00000",
		  "example-client-kiro2api", NULL, NULL, 0 },
		{ "clientId: is missing", .kind = KIND_IDC },
		{ "refreshToken: is shorter than 20 characters", .kind = KIND_SOCIAL } } },
	{ "kiro-rs.json", "kiro.rs credentials.json", 2, {
		{ NULL, KIND_IDC, NULL, NULL, "hal@example.com", "FAKE-refresh-kiro-rs-1-00000000",
		  "example-client-kiro-rs", "eu-central-1", "eu-west-1", AT_2030_01_02 },
		{ NULL, KIND_API_KEY, NULL, NULL, NULL, "", NULL, "us-east-1", NULL, 0 } } },
	{ "aiclient.json", "AIClient-2-API oauth_creds", 1, {
		{ NULL, KIND_IDC, "BuilderId", NULL, NULL, "FAKE-refresh-aiclient-000000000",
		  "example-client-aiclient", "us-east-1", "ap-northeast-1", AT_2030_01_02 } } },
	{ "cliproxyapi.json", "CLIProxyAPI export", 1, {
		{ NULL, KIND_EXTERNAL_IDP, NULL, NULL, NULL, "FAKE-refresh-cliproxyapi-000000",
		  "00000000-1111-2222-3333-444444444444", NULL, NULL, 0 } } },
	{ "kiro-accounts.json", "kiro-accounts.json", 1, {
		{ NULL, KIND_SOCIAL, NULL, NULL, "user1@example.com",
		  "FAKE-refresh-kiro-accounts-0000", NULL, NULL, NULL, 1924991999 } } },
	{ "flat.json", "credentials", 1, {
		{ NULL, KIND_IDC, NULL, NULL, NULL, "FAKE-refresh-flat-0000000000000",
		  "example-client-flat", NULL, "us-east-1", 1897556336 } } },
	{ "bare.json", "credentials", 1, {
		{ NULL, KIND_IDC, NULL, NULL, NULL, "FAKE-refresh-bare-0000000000000",
		  "example-client-bare", NULL, NULL, 0 } } },
	{ "kiro-go-config.json", "Kiro-Go config.json", 2, {
		{ NULL, KIND_IDC, "BuilderId", "Ida", "ida@example.com",
		  "FAKE-refresh-kiro-go-1-00000000", "example-client-kiro-go", NULL, "us-east-1",
		  1893556800 },
		{ NULL, KIND_API_KEY, NULL, NULL, NULL, "", NULL, "eu-central-1", NULL, 0 } } },
	{ "user-credentials.json", "user_credentials.json", 1, {
		{ NULL, KIND_SOCIAL, NULL, "User A", NULL, "FAKE-refresh-activation-0000000",
		  NULL, NULL, NULL, 0 } } },
	{ "codes.json", "codes.json", 5, {
		{ .refresh_token = "" }, { .refresh_token = "" }, { .refresh_token = "" },
		{ .refresh_token = "" }, { "activatedAt: is no date", .refresh_token = "" } } },
	{ "kiro-cli-token.json", "kiro-cli token", 1, {
		{ NULL, KIND_SOCIAL, "Github", NULL, NULL, "FAKE-refresh-kiro-cli-000000000",
		  NULL, NULL, NULL, AT_2030_01_02 } } },
};
/* clang-format on */

static bool same(const char *got, const char *wanted)
{
	return got && wanted ? strcmp(got, wanted) == 0 : got == wanted;
}

static int beside(void *context, const char *hash, struct buf *text)
{
	char path[256];

	(void)context;
	snprintf(path, sizeof(path), FOLDER "%s.json", hash);
	return buf_read_file(text, path);
}

static void load(struct import *i, const char *file)
{
	struct error e = { 0 };
	char path[256];
	struct buf text;

	*i = (struct import){ .registration = beside };
	buf_init(&text, LIMIT_IMPORT_FILE);
	snprintf(path, sizeof(path), FOLDER "%s", file);
	CU_ASSERT_EQUAL_FATAL(buf_read_file(&text, path), 0);
	CU_ASSERT_EQUAL(import_read(i, file, buf_span(&text), &e), 0);
	CU_ASSERT_STRING_EQUAL(e.message, "");
	buf_release(&text);
}

static int read_text(struct import *i, const char *text, struct error *e)
{
	*i = (struct import){ .entries = NULL };
	*e = (struct error){ 0 };
	return import_read(i, "text", span_of(text), e);
}

/* The reason why the one entry of this text is refused; "" when it is taken. */
static const char *refusal(const char *text)
{
	static char reason[IMPORT_REASON_SIZE];
	struct import i;
	struct error e;

	CU_ASSERT_EQUAL(read_text(&i, text, &e), 0);
	CU_ASSERT_EQUAL_FATAL(i.count, 1);
	snprintf(reason, sizeof(reason), "%s", i.entries[0].refused);
	import_release(&i);
	return reason;
}

static bool begins(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

static void check_entry(const struct import_entry *entry, const struct expected *x)
{
	const struct account *a = &entry->account;

	CU_ASSERT_TRUE(same(a->email, x->email));
	if (x->refused) {
		CU_ASSERT_TRUE(begins(entry->refused, x->refused));
		return;
	}
	CU_ASSERT_STRING_EQUAL(entry->refused, "");
	CU_ASSERT_EQUAL(a->kind, x->kind);
	CU_ASSERT_TRUE(same(a->provider, x->provider));
	CU_ASSERT_TRUE(same(a->label, x->label));
	CU_ASSERT_STRING_EQUAL(secret_reveal(&a->refresh_token), x->refresh_token);
	CU_ASSERT_TRUE(same(a->client_id, x->client_id));
	CU_ASSERT_TRUE(same(a->region, x->region));
	CU_ASSERT_TRUE(same(a->auth_region, x->auth_region));
	CU_ASSERT_EQUAL(a->expires_at, x->expires_at);
	CU_ASSERT_PTR_NULL(a->id);
}

static void every_format_is_known_by_its_shape_and_taken_whole(void)
{
	for (size_t n = 0; n < ARRAY_SIZE(samples); n++) {
		const struct sample *s = &samples[n];
		struct import i;

		load(&i, s->file);
		CU_ASSERT_EQUAL_FATAL(i.count, s->count);
		for (size_t k = 0; k < s->count; k++) {
			CU_ASSERT_STRING_EQUAL(i.entries[k].format, s->format);
			CU_ASSERT_STRING_EQUAL(i.entries[k].source, s->file);
			CU_ASSERT_EQUAL(i.entries[k].index, k + 1);
			check_entry(&i.entries[k], &s->entries[k]);
		}
		import_release(&i);
	}
}

static void client_registration_is_read_from_the_file_beside(void)
{
	struct import i;

	load(&i, "kiro-ide-idc.json");
	CU_ASSERT_STRING_EQUAL(secret_reveal(&i.entries[0].account.client_secret),
			       "FAKE-client-secret-ide-0000000");
	CU_ASSERT_EQUAL(i.entries[0].account.client_expires_at, 1898553600); /* 2030-03-01 */
	import_release(&i);
}

static void missing_client_registration_is_named(void)
{
	CU_ASSERT_TRUE(begins(refusal("{\"refreshToken\":\"FAKE-refresh-0000000000000\","
				      "\"clientIdHash\":\"abc123\",\"authMethod\":\"IdC\"}"),
			      "clientSecret: is in abc123.json of the folder"));
}

static int never(void *context, const char *hash, struct buf *text)
{
	(void)hash;
	(void)text;
	*(bool *)context = true;
	return -1;
}

static void client_registration_name_cannot_leave_the_folder(void)
{
	static const char text[] = "{\"refreshToken\":\"FAKE-refresh-0000000000000\","
				   "\"clientIdHash\":\"../secrets\",\"authMethod\":\"IdC\"}";
	bool asked = false;
	struct import i = { .registration = never, .context = &asked };
	struct error e = { 0 };

	CU_ASSERT_EQUAL(import_read(&i, "text", span_of(text), &e), 0);
	CU_ASSERT_EQUAL_FATAL(i.count, 1);
	CU_ASSERT_TRUE(begins(i.entries[0].refused, "clientIdHash:"));
	CU_ASSERT_FALSE(asked);
	import_release(&i);
}

static void kiro_rs_proxy_and_priority_are_kept(void)
{
	struct import i;

	load(&i, "kiro-rs.json");
	CU_ASSERT_STRING_EQUAL(i.entries[0].account.proxy_url,
			       "socks5://hal%40work:FAKE%3Apassword@127.0.0.1:1080");
	CU_ASSERT_EQUAL(i.entries[0].account.priority, 3);
	CU_ASSERT_EQUAL(i.entries[0].account.state, STATE_ACTIVE);
	CU_ASSERT_STRING_EQUAL(i.entries[1].account.proxy_url, "direct");
	CU_ASSERT_STRING_EQUAL(secret_reveal(&i.entries[1].account.api_key),
			       "ksk_FAKE0000000000000000000000");
	import_release(&i);
}

static void accounts_switched_off_elsewhere_stay_off(void)
{
	struct import i;

	load(&i, "kiro2api.json");
	CU_ASSERT_EQUAL(i.entries[0].account.state, STATE_ACTIVE);
	CU_ASSERT_EQUAL(i.entries[1].account.state, STATE_DISABLED);
	import_release(&i);
	load(&i, "kiro-go-config.json");
	CU_ASSERT_EQUAL(i.entries[0].account.state, STATE_DISABLED);
	CU_ASSERT_EQUAL(i.entries[1].account.state, STATE_ACTIVE);
	import_release(&i);
}

static void scopes_are_joined_from_a_list(void)
{
	struct import i;

	load(&i, "kiro-ide-external.json");
	CU_ASSERT_STRING_EQUAL(i.entries[0].account.scopes,
			       "api://fake/codewhisperer:conversations offline_access");
	import_release(&i);
}

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

static void entries_that_are_no_objects_are_refused_alone(void)
{
	struct import i;
	struct error e;

	CU_ASSERT_EQUAL(read_text(&i,
				  "[null,\"x\",[],{},"
				  "{\"refreshToken\":\"FAKE-refresh-0000000000000\"}]",
				  &e),
			0);
	CU_ASSERT_EQUAL_FATAL(i.count, 5);
	for (size_t n = 0; n < 4; n++)
		CU_ASSERT_STRING_NOT_EQUAL(i.entries[n].refused, "");
	CU_ASSERT_STRING_EQUAL(i.entries[4].refused, "");
	import_release(&i);
}

static void texts_that_are_no_credential_files_are_errors(void)
{
	static const char *const texts[] = {
		"",
		"null",
		"7",
		"\"FAKE-refresh-0000000000000\"",
		"[]",
		"{}",
		"{\"accounts\":[]}",
		"[{\"name\":\"x\"}]",
		"{\"host\":\"127.0.0.1\",\"port\":8990,\"apiKey\":\"sk-FAKE-of-clients-000000\"}",
		"{\"refreshToken\":\"FAKE-refresh-0000000000000\"",
		"{\"refreshToken\":\"FAKE-refresh-0000000000000\"} x",
	};

	for (size_t n = 0; n < ARRAY_SIZE(texts); n++) {
		struct import i;
		struct error e;

		CU_ASSERT_EQUAL(read_text(&i, texts[n], &e), -1);
		CU_ASSERT_EQUAL(e.kind, ERR_REQUEST);
		CU_ASSERT_TRUE(begins(e.message, "text: "));
		CU_ASSERT_PTR_NULL(strstr(e.message, "FAKE"));
		if (strcmp(texts[n], "{}") == 0 || strcmp(texts[n], "[]") == 0)
			CU_ASSERT_STRING_EQUAL(e.message, "text: holds no accounts");
		import_release(&i);
	}
}

static void mark_of_windows_programs_is_skipped(void)
{
	CU_ASSERT_STRING_EQUAL(
		refusal("\xEF\xBB\xBF{\"refreshToken\":\"FAKE-refresh-0000000000000\"}"), "");
}

static void reasons_never_hold_a_secret(void)
{
	for (size_t n = 0; n < ARRAY_SIZE(samples); n++) {
		struct import i;

		load(&i, samples[n].file);
		for (size_t k = 0; k < i.count; k++)
			CU_ASSERT_PTR_NULL(strstr(i.entries[k].refused, "FAKE"));
		import_release(&i);
	}
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

static void several_sources_add_up(void)
{
	struct import i = { .entries = NULL };
	struct error e = { 0 };

	CU_ASSERT_EQUAL(import_read(&i, "A",
				    span_of("[{\"auth\":\"social\",\"refreshToken\":"
					    "\"FAKE-refresh-a-00000000000\"}]"),
				    &e),
			0);
	CU_ASSERT_EQUAL(import_read(&i, "B",
				    span_of("{\"refreshToken\":\"FAKE-refresh-b-00000000000\"}"),
				    &e),
			0);
	CU_ASSERT_EQUAL_FATAL(i.count, 2);
	CU_ASSERT_STRING_EQUAL(i.entries[0].source, "A");
	CU_ASSERT_STRING_EQUAL(i.entries[1].source, "B");
	CU_ASSERT_EQUAL(i.entries[1].index, 1);
	import_release(&i);
}

static void read_damaged(const char *at, size_t len)
{
	struct import i = { .entries = NULL };
	struct error e = { 0 };
	char *copy = xmalloc(len); /* exact size: an overrun is seen by the sanitizer */
	int rc;

	memcpy(copy, at, len);
	rc = import_read(&i, "cut", (struct span){ copy, len }, &e);
	CU_ASSERT_TRUE(rc == 0 ? i.count > 0 : e.message[0] != '\0');
	import_release(&i);
	free(copy);
}

static void files_cut_anywhere_are_errors_and_flipped_bytes_do_no_harm(void)
{
	for (size_t n = 0; n < ARRAY_SIZE(samples); n++) {
		char path[256];
		struct buf text;
		size_t end;

		buf_init(&text, LIMIT_IMPORT_FILE);
		snprintf(path, sizeof(path), FOLDER "%s", samples[n].file);
		CU_ASSERT_EQUAL_FATAL(buf_read_file(&text, path), 0);
		end = (size_t)(strrchr(text.at, text.at[0] == '[' ? ']' : '}') - text.at);
		for (size_t len = 0; len <= end; len++) {
			struct import i = { .entries = NULL };
			struct error e = { 0 };

			CU_ASSERT_EQUAL(import_read(&i, "cut", (struct span){ text.at, len }, &e),
					-1);
			import_release(&i);
		}
		for (size_t at = 0; at < text.len; at++) {
			text.at[at] ^= 0x24;
			read_damaged(text.at, text.len);
			text.at[at] ^= 0x24;
		}
		buf_release(&text);
	}
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

/* The code that entry of the file has. */
static const struct import_code *code_of(const struct import *i, size_t entry)
{
	return &i->entries[entry - 1].code;
}

static void codes_come_with_their_machine_and_days(void)
{
	const struct import_code *c;
	struct error e = { 0 };
	struct import i;

	clock_set_wall(1795255200); /* 2026-11-21T10:00:00Z */
	load(&i, "codes.json");
	c = code_of(&i, 1);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&c->text), "act-4ZJ6-NK46-QJBG-DTZD");
	CU_ASSERT_TRUE(c->alone && c->key.code.is);
	CU_ASSERT_EQUAL(c->key.pool, POOL_OWN);
	CU_ASSERT_EQUAL(c->key.code.days, 30);
	CU_ASSERT_EQUAL(c->key.code.first_used_at, 1770783784); /* 2026-02-11T04:23:04Z */
	CU_ASSERT_EQUAL(c->key.expires_at, 1770783784 + 30 * 86400);
	CU_ASSERT_EQUAL(code_check_machine(&c->key.code, "c0a08047cb478115587f035b8c1245cc", &e),
			0);
	CU_ASSERT_EQUAL(code_check_machine(&c->key.code, "c0a08047", &e), -1);
	c = code_of(&i, 2); /* not activated: for the first machine, and its days have not begun */
	CU_ASSERT_TRUE(c->key.code.one_machine && !*c->key.code.machine_hash);
	CU_ASSERT_EQUAL(c->key.code.days, 90);
	CU_ASSERT_EQUAL(c->key.expires_at, 0);
	CU_ASSERT_TRUE(code_waits(&c->key));
	CU_ASSERT_EQUAL(code_of(&i, 3)->key.expires_at, 1770783784); /* no days: it has ended */
	c = code_of(&i, 4);
	CU_ASSERT_EQUAL(c->key.expires_at, 1893542400); /* the end of 2030-01-01 */
	CU_ASSERT_STRING_EQUAL(c->key.name, "Bea");
	import_release(&i);

	load(&i, "user-credentials.json");
	c = code_of(&i, 1);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&c->text), "act-USER001");
	CU_ASSERT_FALSE(c->alone || c->key.code.one_machine);
	CU_ASSERT_EQUAL(c->key.expires_at, 0);
	CU_ASSERT_STRING_EQUAL(c->key.name, "User A");
	import_release(&i);
	clock_set_wall(0);
}

static void codes_that_no_header_can_hold_are_refused(void)
{
	CU_ASSERT_TRUE(
		begins(refusal("[{\"code\":\"A B\",\"active\":true}]"), "its activation code"));
	CU_ASSERT_TRUE(begins(refusal("[{\"code\":\"\",\"active\":true}]"), "its activation code"));
	CU_ASSERT_STRING_EQUAL(refusal("[{\"code\":12345678,\"active\":true}]"),
			       "code: must be a text, in quotes");
	CU_ASSERT_STRING_EQUAL(refusal("{\"act-1\":{\"activation_code\":12345678}}"),
			       "activation_code: must be a text, in quotes");
	CU_ASSERT_TRUE(begins(refusal("[{\"code\":\"A\",\"active\":true,\"machineId\":\"a b\"}]"),
			      "machineId:"));
	CU_ASSERT_TRUE(
		begins(refusal("[{\"code\":\"A\",\"active\":true,\"expiresDate\":\"soon\"}]"),
		       "expiresDate:"));
}

/* What would be done with each of the entries, as verdicts of both kinds. */
static void planned(struct import *i, const struct roster *r, const struct store *keys,
		    enum import_verdict verdict, const char *words)
{
	struct import_plan *plans = xcalloc(i->count, sizeof(*plans));
	struct error e = { 0 };

	CU_ASSERT_EQUAL(import_plan(plans, i, r, keys, &e), 0);
	CU_ASSERT_EQUAL(import_verdict(&plans[0]), verdict);
	CU_ASSERT_PTR_NOT_NULL(strstr(plans[0].reason, words));
	free(plans);
}

static void an_account_goes_to_the_code_that_brings_it(void)
{
	char dir[SCRATCH_SIZE], text[KEY_TEXT_SIZE] = "act-user001";
	struct key key = { .code = { .is = true } }, found;
	struct roster none = { NULL, 0 };
	struct error e = { 0 };
	struct store keys;
	struct import i;

	scratch_store(dir, "keys", &keys);
	load(&i, "user-credentials.json");
	planned(&i, &none, NULL, IMPORT_ADD, "can be guessed");
	CU_ASSERT_STRING_EQUAL(i.entries[0].account.owner, i.entries[0].code.key.id);
	import_release(&i);

	CU_ASSERT_EQUAL(keys_add_known(&keys, "User A", &key, text, &e), 0);
	CU_ASSERT_EQUAL(keys_named(&keys, "User A", &found, &e), 1);
	load(&i, "user-credentials.json");
	planned(&i, &none, &keys, IMPORT_ADD, "the code is there already, User A");
	CU_ASSERT_STRING_EQUAL(i.entries[0].account.owner, found.id);
	import_release(&i);

	load(&i, "codes.json"); /* a name that is taken */
	snprintf(i.entries[0].code.key.name, KEY_NAME_SIZE, "User A");
	planned(&i, &none, &keys, IMPORT_ADD, "code User A (2), serves nobody without");
	import_release(&i);
	store_close(&keys);
	scratch_remove(dir);
}

CU_TestInfo import_tests[] = {
	{ "codes come with their machine and days", codes_come_with_their_machine_and_days },
	{ "codes that no header can hold are refused", codes_that_no_header_can_hold_are_refused },
	{ "an account goes to the code that brings it",
	  an_account_goes_to_the_code_that_brings_it },
	{ "every format is known by its shape and taken whole",
	  every_format_is_known_by_its_shape_and_taken_whole },
	{ "client registration is read from the file beside",
	  client_registration_is_read_from_the_file_beside },
	{ "missing client registration is named", missing_client_registration_is_named },
	{ "client registration name cannot leave the folder",
	  client_registration_name_cannot_leave_the_folder },
	{ "kiro.rs proxy and priority are kept", kiro_rs_proxy_and_priority_are_kept },
	{ "accounts switched off elsewhere stay off", accounts_switched_off_elsewhere_stay_off },
	{ "scopes are joined from a list", scopes_are_joined_from_a_list },
	{ "machine ids are 64 hex characters or none", machine_ids_are_64_hex_characters_or_none },
	{ "method names of all programs are known", method_names_of_all_programs_are_known },
	{ "kind is told by credentials where no method is named",
	  kind_is_told_by_credentials_where_no_method_is_named },
	{ "dates may be text, seconds or milliseconds", dates_may_be_text_seconds_or_milliseconds },
	{ "what could leave its place in a request is refused",
	  what_could_leave_its_place_in_a_request_is_refused },
	{ "masked and cut tokens are refused", masked_and_cut_tokens_are_refused },
	{ "entries that are no objects are refused alone",
	  entries_that_are_no_objects_are_refused_alone },
	{ "texts that are no credential files are errors",
	  texts_that_are_no_credential_files_are_errors },
	{ "mark of Windows programs is skipped", mark_of_windows_programs_is_skipped },
	{ "reasons never hold a secret", reasons_never_hold_a_secret },
	{ "labels are cleaned and cut", labels_are_cleaned_and_cut },
	{ "several sources add up", several_sources_add_up },
	{ "files cut anywhere are errors, and flipped bytes do no harm",
	  files_cut_anywhere_are_errors_and_flipped_bytes_do_no_harm },
	{ "tokens beyond the limit are refused", tokens_beyond_the_limit_are_refused },
	CU_TEST_INFO_NULL,
};
