#include "common/base.h"
#include "common/up_profile.h"

#include <CUnit/CUnit.h>

#define OWN	"arn:aws:codewhisperer:eu-central-1:000000000000:profile/OWN"
#define BUILDER "arn:aws:codewhisperer:us-east-1:638616132270:profile/AAAACCCCXXXX"

static struct arena arena;

static struct config settings(int profile, char *url)
{
	static char region[] = "us-east-1", version[] = "1.0.437", empty[] = "";

	return (struct config){ .upstream_profile = profile,
				.upstream_region = region,
				.inference_url = url ? url : empty,
				.kiro_version = version,
				.node_version = version,
				.system_version = version };
}

static const char *header(const struct up_wire *wire, const char *name)
{
	for (size_t i = 0; i < wire->header_count; i++) {
		if (strcasecmp(wire->headers[i].name, name) == 0)
			return wire->headers[i].value;
	}
	return NULL;
}

static void host_is_by_generation_and_region(void)
{
	static const struct {
		const char *upstream, *region, *arn, *url;
	} rows[] = {
		{ NULL, NULL, NULL, "https://runtime.us-east-1.kiro.dev/" },
		{ NULL, NULL, OWN, "https://runtime.eu-central-1.kiro.dev/" },
		{ NULL, "us-west-2", OWN, "https://runtime.us-west-2.kiro.dev/" },
		{ "rts", NULL, NULL,
		  "https://q.us-east-1.amazonaws.com/generateAssistantResponse" },
		{ "rts", "eu-west-1", NULL,
		  "https://q.eu-west-1.amazonaws.com/generateAssistantResponse" },
	};
	const struct config config = settings(0, NULL);

	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct account a = { .upstream = (char *)(uintptr_t)rows[i].upstream,
				     .region = (char *)(uintptr_t)rows[i].region };
		struct error e = { .kind = ERR_NONE };
		struct up_wire wire;

		account_set_profile(&a, rows[i].arn);
		CU_ASSERT_EQUAL_FATAL(up_profile_wire(up_profile_of(&config, &a), &config, &a, "id",
						      1, &arena, &wire, &e),
				      0);
		CU_ASSERT_STRING_EQUAL(wire.url, rows[i].url);
		free(a.profile_arn);
	}
	arena_release(&arena);
}

static void configured_host_and_bad_region(void)
{
	static char url[] = "http://127.0.0.1:1/", evil[] = "us-east-1.example/";
	struct config config = settings(1, url);
	struct account a = { .region = evil };
	struct error e = { .kind = ERR_NONE };
	struct up_wire wire;

	arena_init(&arena);
	a.id = evil;
	CU_ASSERT_EQUAL(up_profile_wire(up_profile_of(&config, &a), &config, &a, "id", 1, &arena,
					&wire, &e),
			0);
	CU_ASSERT_STRING_EQUAL(wire.url, "http://127.0.0.1:1/generateAssistantResponse");
	config = settings(1, NULL);
	CU_ASSERT_EQUAL(up_profile_wire(up_profile_of(&config, &a), &config, &a, "id", 1, &arena,
					&wire, &e),
			-1);
	CU_ASSERT_EQUAL(e.kind, ERR_CONFIG);
	arena_release(&arena);
}

/* By kind of credential and host: the account's own, the placeholder, or none. */
static void profile_is_sent_by_kind_and_host(void)
{
	static const struct {
		enum account_kind kind;
		const char *provider, *start_url, *arn, *krs, *rts;
	} rows[] = {
		{ KIND_SOCIAL, "Google", NULL, OWN, OWN, OWN },
		{ KIND_SOCIAL, "Google", NULL, NULL, NULL, NULL },
		{ KIND_IDC, "Enterprise", NULL, OWN, OWN, OWN },
		{ KIND_IDC, "BuilderId", NULL, NULL, BUILDER, NULL },
		{ KIND_IDC, NULL, "https://view.awsapps.com/start", NULL, BUILDER, NULL },
		{ KIND_IDC, "BuilderId", NULL, OWN, OWN, NULL },
		{ KIND_EXTERNAL_IDP, NULL, NULL, OWN, OWN, OWN },
		{ KIND_API_KEY, NULL, NULL, OWN, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct account a = { .kind = rows[i].kind,
				     .provider = (char *)(uintptr_t)rows[i].provider,
				     .start_url = (char *)(uintptr_t)rows[i].start_url,
				     .profile_arn = (char *)(uintptr_t)rows[i].arn };
		const char *const wanted[] = { rows[i].krs, rows[i].rts };

		for (int host = 0; host < 2; host++) {
			const struct config config = settings(host, NULL);
			const char *sent = up_profile_arn(up_profile_of(&config, &a), &a);

			CU_ASSERT_STRING_EQUAL(sent ? sent : "", wanted[host] ? wanted[host] : "");
		}
	}
}

static void identity_and_token_type_are_the_accounts_own(void)
{
	static const struct {
		enum account_kind kind;
		const char *type;
	} rows[] = {
		{ KIND_SOCIAL, NULL },
		{ KIND_IDC, NULL },
		{ KIND_EXTERNAL_IDP, "EXTERNAL_IDP" },
		{ KIND_API_KEY, "API_KEY" },
	};
	const struct config config = settings(0, NULL);
	static char machine[] = "feedface";

	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct account a = { .kind = rows[i].kind, .machine_id = machine };
		struct error e = { .kind = ERR_NONE };
		struct up_wire wire;
		const char *type;

		CU_ASSERT_EQUAL_FATAL(up_profile_wire(up_profile_of(&config, &a), &config, &a, "id",
						      1, &arena, &wire, &e),
				      0);
		type = header(&wire, "tokentype");
		CU_ASSERT_STRING_EQUAL(type ? type : "", rows[i].type ? rows[i].type : "");
		CU_ASSERT_PTR_NOT_NULL_FATAL(header(&wire, "user-agent"));
		CU_ASSERT_PTR_NOT_NULL(
			strstr(header(&wire, "user-agent"), "KiroIDE-1.0.437-feedface"));
		CU_ASSERT_PTR_NOT_NULL(
			strstr(header(&wire, "x-amz-user-agent"), "KiroIDE-1.0.437-feedface"));
	}
	arena_release(&arena);
}

CU_TestInfo up_profile_tests[] = {
	{ "host is by generation and region", host_is_by_generation_and_region },
	{ "configured host, and a bad region", configured_host_and_bad_region },
	{ "profile is sent by kind and host", profile_is_sent_by_kind_and_host },
	{ "identity and token type are the account's own",
	  identity_and_token_type_are_the_accounts_own },
	CU_TEST_INFO_NULL,
};
