/*
 * Credential files of other programs (data/import/: one made-up file for each format) and what is
 * taken from them. The expected values are those that stand in the files, read as the programs that
 * write them mean them.
 */
#include "common/base.h"
#include "tests/unit/import_tests.h"

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

CU_TestInfo import_tests[] = {
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
	{ "entries that are no objects are refused alone",
	  entries_that_are_no_objects_are_refused_alone },
	{ "texts that are no credential files are errors",
	  texts_that_are_no_credential_files_are_errors },
	{ "mark of Windows programs is skipped", mark_of_windows_programs_is_skipped },
	{ "reasons never hold a secret", reasons_never_hold_a_secret },
	{ "several sources add up", several_sources_add_up },
	{ "files cut anywhere are errors, and flipped bytes do no harm",
	  files_cut_anywhere_are_errors_and_flipped_bytes_do_no_harm },
	CU_TEST_INFO_NULL,
};
