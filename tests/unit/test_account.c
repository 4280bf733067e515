#include "common/base.h"
#include "common/account_store.h"
#include "common/json.h"
#include "common/limits.h"

#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>

#define NOW 1800000000

static int read_text(struct account *a, const char *text, struct error *e)
{
	struct error unread = { .kind = ERR_NONE };
	cJSON *tree = json_parse(span_of(text), &unread);
	int rc = account_read(a, tree, e);

	cJSON_Delete(tree);
	return rc;
}

#define SOCIAL "{\"v\":1,\"rev\":3,\"id\":\"acc_1\",\"auth\":\"social\",\"state\":\"active\","

static void record_comes_back_as_it_was(void)
{
	static const char record[] =
		"{\"v\":1,\"rev\":8,\"auth\":\"idc\",\"state\":\"suspended\",\"priority\":-2,"
		"\"id\":\"acc_1\",\"label\":\"\xC3\x84rger \\\"x\\\"\",\"provider\":\"BuilderId\","
		"\"region\":\"eu-west-1\",\"auth_region\":\"us-east-1\",\"start_url\":\"https://"
		"s\","
		"\"client_id\":\"c\",\"client_secret\":\"cs\",\"token_endpoint\":\"https://t\","
		"\"issuer_url\":\"https://i\",\"scopes\":\"a b\",\"access_token\":\"at\","
		"\"refresh_token\":\"rt\",\"prev_refresh_token\":\"prt\",\"api_key\":\"ksk_1\","
		"\"expires_at\":1800000001,\"refreshed_at\":1800000002,\"added_at\":1800000003,"
		"\"state_reason\":\"why\",\"state_since\":1800000004,\"state_until\":1800000005,"
		"\"email\":\"e@x\",\"user_id\":\"u\",\"profile_arn\":\"arn:aws:codewhisperer:us-"
		"west-2:1:profile/P\","
		"\"machine_id\":\"m\",\"proxy_url\":\"direct\",\"upstream\":\"rts\"}";
	struct error e = { .kind = ERR_NONE };
	struct account a, b;
	struct buf json;
	char *text = xstrdup(record);

	account_init(&a);
	account_init(&b);
	buf_init(&json, LIMIT_RECORD);
	CU_ASSERT_EQUAL_FATAL(read_text(&a, record, &e), 0);
	CU_ASSERT_EQUAL(a.kind, KIND_IDC);
	CU_ASSERT_EQUAL(a.state, STATE_SUSPENDED);
	CU_ASSERT_EQUAL(a.rev, 8);
	CU_ASSERT_EQUAL(a.priority, -2);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&a.previous_refresh_token), "prt");
	CU_ASSERT_EQUAL(a.state_until, 1800000005);
	account_copy(&b, &a);
	account_write(&b, &json);
	text[strcspn(text, "8")] = '9'; /* each writing counts rev up */
	CU_ASSERT_STRING_EQUAL(json.at, text);
	CU_ASSERT_STRING_EQUAL(b.profile_region, "us-west-2");
	free(text);
	buf_release(&json);
	account_release(&a);
	account_release(&b);
}

static void wrong_members_are_named(void)
{
	static const struct {
		const char *record, *named;
	} bad[] = {
		{ "[]", "not an object" },
		{ "{\"v\":1,\"rev\":\"x\",\"id\":\"a\",\"auth\":\"social\",\"state\":\"active\","
		  "\"refresh_token\":\"r\"}",
		  "rev:" },
		{ "{\"v\":2,\"rev\":1,\"id\":\"a\",\"auth\":\"social\",\"state\":\"active\","
		  "\"refresh_token\":\"r\"}",
		  "version 2" },
		{ "{\"v\":1,\"auth\":\"social\",\"state\":\"active\",\"refresh_token\":\"r\"}",
		  "id:" },
		{ "{\"v\":1,\"id\":\"a\",\"state\":\"active\",\"refresh_token\":\"r\"}", "auth:" },
		{ "{\"v\":1,\"id\":\"a\",\"auth\":\"magic\",\"state\":\"active\"}", "auth:" },
		{ "{\"v\":1,\"id\":\"a\",\"auth\":\"social\",\"state\":\"happy\"}", "state:" },
		{ SOCIAL "\"refresh_token\":7}", "refresh_token:" },
		{ SOCIAL "\"refresh_token\":\"r\",\"label\":[]}", "label:" },
		{ SOCIAL "\"refresh_token\":\"r\",\"expires_at\":\"soon\"}", "expires_at:" },
		{ SOCIAL "\"refresh_token\":\"r\",\"expires_at\":-1}", "expires_at:" },
		{ SOCIAL "\"refresh_token\":\"r\",\"expires_at\":1.5}", "expires_at:" },
		{ SOCIAL "\"refresh_token\":\"r\",\"priority\":true}", "priority:" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct error e = { .kind = ERR_NONE };
		struct account a;

		account_init(&a);
		CU_ASSERT_EQUAL(read_text(&a, bad[i].record, &e), -1);
		CU_ASSERT_EQUAL(e.kind, ERR_STORE);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.message, bad[i].named));
		account_release(&a);
	}
}

static void missing_credentials_are_named(void)
{
	static const struct {
		const char *members, *missing; /* NULL: complete */
	} rows[] = {
		{ "\"auth\":\"social\"", "refresh_token" },
		{ "\"auth\":\"social\",\"access_token\":\"a\"", "refresh_token" },
		{ "\"auth\":\"social\",\"refresh_token\":\"r\"", NULL },
		{ "\"auth\":\"social\",\"refresh_token\":\"\"", "refresh_token" },
		{ "\"auth\":\"idc\",\"refresh_token\":\"r\",\"client_secret\":\"s\"", "client_id" },
		{ "\"auth\":\"idc\",\"refresh_token\":\"r\",\"client_id\":\"c\"", "client_secret" },
		{ "\"auth\":\"idc\",\"refresh_token\":\"r\",\"client_id\":\"c\",\"client_secret\":"
		  "\"s\"",
		  NULL },
		{ "\"auth\":\"external_idp\",\"refresh_token\":\"r\",\"client_id\":\"c\"",
		  "token_endpoint" },
		{ "\"auth\":\"api_key\",\"refresh_token\":\"r\"", "api_key" },
		{ "\"auth\":\"api_key\",\"api_key\":\"ksk_1\"", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error e = { .kind = ERR_NONE };
		struct account a;
		char text[512];

		snprintf(text, sizeof(text), "{\"v\":1,\"id\":\"acc_9\",\"state\":\"active\",%s}",
			 rows[i].members);
		account_init(&a);
		CU_ASSERT_EQUAL(read_text(&a, text, &e), rows[i].missing ? -1 : 0);
		if (rows[i].missing) {
			CU_ASSERT_PTR_NOT_NULL(strstr(e.message, rows[i].missing));
			CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "acc_9"));
		}
		account_release(&a);
	}
}

static void unknown_members_are_kept_out(void)
{
	struct error e = { .kind = ERR_NONE };
	struct account a;
	struct buf json;

	account_init(&a);
	buf_init(&json, LIMIT_RECORD);
	CU_ASSERT_EQUAL(read_text(&a, SOCIAL "\"refresh_token\":\"r\",\"hobby\":\"chess\"}", &e),
			0);
	account_write(&a, &json);
	CU_ASSERT_STRING_EQUAL(json.at,
			       "{\"v\":1,\"rev\":4,\"auth\":\"social\",\"state\":\"active\","
			       "\"priority\":0,\"id\":\"acc_1\",\"refresh_token\":\"r\"}");
	buf_release(&json);
	account_release(&a);
}

static void expiry_counts_from_the_given_distance(void)
{
	struct account a;

	account_init(&a);
	a.expires_at = NOW + 600;
	CU_ASSERT_TRUE(account_expires_within(&a, NOW, 0)); /* there is no token at all */
	secret_set(&a.access_token, "t");
	CU_ASSERT_FALSE(account_expires_within(&a, NOW, 599));
	CU_ASSERT_TRUE(account_expires_within(&a, NOW, 600));
	CU_ASSERT_TRUE(account_expires_within(&a, NOW + 600, 0));
	a.expires_at = 0; /* unknown */
	CU_ASSERT_TRUE(account_expires_within(&a, NOW, 0));
	a.kind = KIND_API_KEY;
	CU_ASSERT_FALSE(account_expires_within(&a, NOW, 1000000));
	account_release(&a);
}

static void usable_follows_state_and_date(void)
{
	struct account a;

	account_init(&a);
	CU_ASSERT_TRUE(account_usable(&a, NOW));
	account_set_state(&a, STATE_EXHAUSTED, "quota", NOW, NOW + 60);
	CU_ASSERT_FALSE(account_usable(&a, NOW + 59));
	CU_ASSERT_TRUE(account_usable(&a, NOW + 60));
	account_set_state(&a, STATE_SUSPENDED, "locked", NOW, NOW + 60);
	CU_ASSERT_FALSE(account_usable(&a, NOW + 59));
	CU_ASSERT_TRUE(account_usable(&a, NOW + 60));
	account_set_state(&a, STATE_INVALID, "dead", NOW, 0);
	CU_ASSERT_FALSE(account_usable(&a, NOW + 1000000));
	account_set_state(&a, STATE_DISABLED, "by hand", NOW, 0);
	CU_ASSERT_FALSE(account_usable(&a, NOW + 1000000));
	CU_ASSERT_STRING_EQUAL(a.state_reason, "by hand");
	account_set_state(&a, STATE_ACTIVE, NULL, NOW, 0);
	CU_ASSERT_TRUE(account_usable(&a, NOW));
	CU_ASSERT_PTR_NULL(a.state_reason);
	account_release(&a);
}

static void region_is_own_then_the_profiles_then_the_configured(void)
{
	struct account a;

	account_init(&a);
	CU_ASSERT_STRING_EQUAL(account_region(&a, "us-east-1"), "us-east-1");
	account_set_profile(&a, "arn:aws:codewhisperer:eu-central-1:1:profile/P");
	CU_ASSERT_STRING_EQUAL(account_region(&a, "us-east-1"), "eu-central-1");
	account_set_profile(&a, "arn:aws:codewhisperer::1:profile/P");
	CU_ASSERT_STRING_EQUAL(account_region(&a, "us-east-1"), "us-east-1");
	account_set_profile(&a, "arn:aws:codewhisperer:"
				"a-region-with-more-than-thirty-one-characters:1:profile/P");
	CU_ASSERT_STRING_EQUAL(account_region(&a, "us-east-1"), "us-east-1");
	account_set_profile(&a, "nonsense");
	CU_ASSERT_STRING_EQUAL(account_region(&a, "us-east-1"), "us-east-1");
	account_set_profile(&a, NULL);
	CU_ASSERT_PTR_NULL(a.profile_arn);
	a.region = xstrdup("ap-south-1");
	CU_ASSERT_STRING_EQUAL(account_region(&a, "us-east-1"), "ap-south-1");
	account_release(&a);
}

static void bearer_is_the_key_or_the_token(void)
{
	struct account a;

	account_init(&a);
	CU_ASSERT_STRING_EQUAL(account_bearer(&a), "");
	secret_set(&a.access_token, "token");
	secret_set(&a.api_key, "key");
	CU_ASSERT_STRING_EQUAL(account_bearer(&a), "token");
	a.kind = KIND_API_KEY;
	CU_ASSERT_STRING_EQUAL(account_bearer(&a), "key");
	account_release(&a);
}

static bool relabel(struct account *a, void *label)
{
	free(a->label);
	a->label = xstrdup(label);
	return *(char *)label != '-';
}

static void change_sees_what_is_stored_now(void)
{
	struct error e = { .kind = ERR_NONE };
	char dir[SCRATCH_SIZE];
	struct store tokens;
	struct account a;
	struct buf json;

	scratch_store(dir, "tokens", &tokens);
	account_init(&a);
	CU_ASSERT_EQUAL(account_change(&tokens, "acc_1", relabel, "new", &a, &e), ACCOUNT_GONE);
	CU_ASSERT_EQUAL(account_load(&tokens, "acc_1", &a, &e), 0);
	CU_ASSERT_PTR_NULL(a.id);

	a.id = xstrdup("acc_1");
	a.rev = 6;
	a.kind = KIND_API_KEY;
	secret_set(&a.api_key, "ksk_0123456789abcdef");
	buf_init(&json, LIMIT_RECORD);
	account_write(&a, &json);
	CU_ASSERT_EQUAL_FATAL(store_put(&tokens, "a/acc_1", buf_span(&json), &e), 0);
	buf_release(&json);
	account_release(&a);

	CU_ASSERT_EQUAL(account_change(&tokens, "acc_1", relabel, "new", &a, &e), 0);
	CU_ASSERT_STRING_EQUAL(a.label, "new");
	CU_ASSERT_EQUAL(a.rev, 8);
	account_release(&a);
	CU_ASSERT_EQUAL(account_change(&tokens, "acc_1", relabel, "-", NULL, &e), 1);
	CU_ASSERT_EQUAL(account_load(&tokens, "acc_1", &a, &e), 1);
	CU_ASSERT_STRING_EQUAL(a.label, "new");
	CU_ASSERT_EQUAL(a.rev, 8);
	CU_ASSERT_STRING_EQUAL(account_bearer(&a), "ksk_0123456789abcdef");

	CU_ASSERT_EQUAL_FATAL(store_put(&tokens, "a/acc_1", span_of("{\"v\":"), &e), 0);
	CU_ASSERT_EQUAL(account_change(&tokens, "acc_1", relabel, "x", &a, &e), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_STORE);
	CU_ASSERT_STRING_EQUAL(a.label, "new");
	error_clear(&e);
	CU_ASSERT_STRING_EQUAL(scratch_get(&tokens, "a/acc_1", &e), "{\"v\":");
	account_release(&a);
	store_close(&tokens);
	scratch_remove(dir);
}

CU_TestInfo account_tests[] = {
	{ "record comes back as it was", record_comes_back_as_it_was },
	{ "wrong members are named", wrong_members_are_named },
	{ "missing credentials are named", missing_credentials_are_named },
	{ "unknown members are kept out", unknown_members_are_kept_out },
	{ "expiry counts from the given distance", expiry_counts_from_the_given_distance },
	{ "usable follows state and date", usable_follows_state_and_date },
	{ "region is own, then the profile's, then the configured",
	  region_is_own_then_the_profiles_then_the_configured },
	{ "bearer is the key or the token", bearer_is_the_key_or_the_token },
	{ "a change sees what is stored now", change_sees_what_is_stored_now },
	CU_TEST_INFO_NULL,
};
