#include "common/base.h"
#include "common/usage.h"

#include "common/clock.h"
#include "common/json.h"

#include <CUnit/CUnit.h>

#define NOW   1764000000 /* 2025-11-24 */
#define RESET 1764547200 /* 2025-12-01 */

/* One answer as the service has it: every member of the form, a trial and two bonuses. */
static const char whole[] =
	"{\"limits\":[{\"type\":\"AGENTIC_REQUEST\",\"currentUsage\":7,\"totalUsageLimit\":9,"
	"\"percentUsed\":77.7}],\"nextDateReset\":1764547200.0,\"daysUntilReset\":7,"
	"\"usageBreakdownList\":["
	"{\"resourceType\":\"SPEC\",\"currentUsage\":1,\"usageLimit\":2},"
	"{\"resourceType\":\"CREDIT\",\"displayName\":\"Credit\",\"displayNamePlural\":\"Credits\","
	"\"unit\":\"INVOCATIONS\",\"currentUsage\":12,\"currentUsageWithPrecision\":12.5,"
	"\"usageLimit\":1000,\"usageLimitWithPrecision\":1000.0,\"currentOverages\":2,"
	"\"currentOveragesWithPrecision\":2.25,\"overageCap\":5000,"
	"\"overageCapWithPrecision\":5000.0,\"overageRate\":0.04,\"overageCharges\":0.09,"
	"\"currency\":\"USD\",\"nextDateReset\":1764547200.0,"
	"\"freeTrialInfo\":{\"freeTrialStatus\":\"ACTIVE\",\"freeTrialExpiry\":1764100000.0,"
	"\"currentUsage\":100,\"currentUsageWithPrecision\":100.0,\"usageLimit\":500,"
	"\"usageLimitWithPrecision\":500.0},"
	"\"bonuses\":[{\"bonusCode\":\"W\",\"displayName\":\"Welcome\",\"currentUsage\":1,"
	"\"usageLimit\":20,\"expiresAt\":1766000000,\"status\":\"ACTIVE\"},"
	"{\"bonusCode\":\"OLD\",\"currentUsage\":5,\"usageLimit\":50,\"expiresAt\":1763000000,"
	"\"status\":\"EXPIRED\"}]}],"
	"\"subscriptionInfo\":{\"type\":\"Q_DEVELOPER_STANDALONE_PRO\","
	"\"subscriptionTitle\":\"KIRO PRO\",\"upgradeCapability\":\"UPGRADE_CAPABLE\","
	"\"overageCapability\":\"OVERAGE_CAPABLE\",\"subscriptionManagementTarget\":\"MANAGE\"},"
	"\"overageConfiguration\":{\"overageStatus\":\"DISABLED\"},"
	"\"userInfo\":{\"userId\":\"u-1\",\"email\":\"ann@example.com\"}}";

static struct usage usage_of(const char *body)
{
	struct error e = { 0 };
	struct usage u;

	clock_set_wall(NOW);
	CU_ASSERT_EQUAL(usage_read(&u, span_of(body), &e), 0);
	return u;
}

/* One CREDIT entry of these members, a reset date and an overage setting. */
static struct usage usage_of_entry(const char *members, const char *overage)
{
	char body[1024];

	snprintf(body, sizeof(body),
		 "{\"nextDateReset\":1764547200.0,\"usageBreakdownList\":[{\"resourceType\":"
		 "\"CREDIT\",%s}],\"overageConfiguration\":{\"overageStatus\":\"%s\"}}",
		 members, overage);
	return usage_of(body);
}

static struct usage through_record(const struct usage *u)
{
	struct error e = { 0 };
	struct usage back;
	struct buf json;
	cJSON *tree;

	buf_init(&json, LIMIT_RECORD);
	usage_to_record(u, &json);
	CU_ASSERT_FALSE(json.failed);
	tree = json_parse(buf_span(&json), &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
	CU_ASSERT_EQUAL(usage_from_record(&back, tree, &e), 0);
	cJSON_Delete(tree);
	buf_release(&json);
	return back;
}

static void usage_reads_the_whole_form(void)
{
	struct usage u = usage_of(whole);

	CU_ASSERT_STRING_EQUAL(u.plan, "KIRO PRO");
	CU_ASSERT_STRING_EQUAL(u.unit, "Credits");
	CU_ASSERT_STRING_EQUAL(u.resource, "CREDIT");
	CU_ASSERT_STRING_EQUAL(u.email, "ann@example.com");
	CU_ASSERT_EQUAL(u.reset_at, RESET);
	CU_ASSERT_EQUAL(u.read_at, NOW);
	CU_ASSERT_EQUAL_FATAL(u.part_count, 3);
	CU_ASSERT_EQUAL(u.parts[0].kind, USAGE_PLAN);
	CU_ASSERT_EQUAL(u.parts[0].used, 12.5);
	CU_ASSERT_EQUAL(u.parts[0].limit, 1000);
	CU_ASSERT_EQUAL(u.parts[1].kind, USAGE_TRIAL);
	CU_ASSERT_EQUAL(u.parts[1].ends_at, 1764100000);
	CU_ASSERT_EQUAL(u.parts[2].kind, USAGE_BONUS);
	CU_ASSERT_STRING_EQUAL(u.parts[2].name, "Welcome");
	CU_ASSERT_EQUAL(usage_used(&u), 12.5 + 100 + 1);
	CU_ASSERT_EQUAL(usage_limit(&u), 1000 + 500 + 20);
	CU_ASSERT_EQUAL(usage_remaining(&u), 987.5 + 400 + 19);
	CU_ASSERT_FALSE(u.overage.enabled);
	CU_ASSERT_EQUAL(u.overage.used, 2.25);
	CU_ASSERT_EQUAL(u.overage.cap, 5000);
	CU_ASSERT_EQUAL(u.overage.rate, 0.04);
	CU_ASSERT_EQUAL(u.overage.charges, 0.09);
	CU_ASSERT_STRING_EQUAL(u.overage.currency, "USD");
}

static void usage_record_keeps_all_but_the_email(void)
{
	struct usage u = usage_of(whole), back;

	u.tried_at = NOW + 60;
	snprintf(u.failure, sizeof(u.failure), "Too many requests");
	back = through_record(&u);
	CU_ASSERT_STRING_EQUAL(back.email, "");
	memset(u.email, 0, sizeof(u.email));
	CU_ASSERT_EQUAL(memcmp(&back, &u, offsetof(struct usage, parts)), 0);
	CU_ASSERT_EQUAL_FATAL(back.part_count, u.part_count);
	for (size_t i = 0; i < u.part_count; i++) {
		CU_ASSERT_EQUAL(back.parts[i].kind, u.parts[i].kind);
		CU_ASSERT_STRING_EQUAL(back.parts[i].name, u.parts[i].name);
		CU_ASSERT_EQUAL(back.parts[i].used, u.parts[i].used);
		CU_ASSERT_EQUAL(back.parts[i].limit, u.parts[i].limit);
		CU_ASSERT_EQUAL(back.parts[i].ends_at, u.parts[i].ends_at);
	}
	CU_ASSERT_EQUAL(back.reset_at, u.reset_at);
	CU_ASSERT_EQUAL(back.overage.enabled, u.overage.enabled);
	CU_ASSERT_EQUAL(back.overage.used, u.overage.used);
	CU_ASSERT_EQUAL(back.overage.cap, u.overage.cap);
	CU_ASSERT_EQUAL(back.overage.rate, u.overage.rate);
	CU_ASSERT_STRING_EQUAL(back.overage.currency, "USD");
	CU_ASSERT_EQUAL(back.read_at, NOW);
	CU_ASSERT_EQUAL(back.tried_at, NOW + 60);
	CU_ASSERT_STRING_EQUAL(back.failure, "Too many requests");
}

/* Which entry of several, and the older forms without a list. */
static void usage_finds_what_requests_are_paid_by(void)
{
	static const struct form {
		const char *body, *resource;
		double used, limit;
	} forms[] = {
		{ "{\"usageBreakdownList\":[{\"resourceType\":\"SPEC\",\"currentUsage\":1,"
		  "\"usageLimit\":2},{\"resourceType\":\"VIBE\",\"currentUsage\":3,"
		  "\"usageLimit\":4}]}",
		  "VIBE", 3, 4 },
		{ "{\"usageBreakdownList\":[{\"resourceType\":\"VIBE\",\"currentUsage\":3,"
		  "\"usageLimit\":4},{\"resourceType\":\"AGENTIC_REQUEST\",\"currentUsage\":5,"
		  "\"usageLimit\":6},{\"resourceType\":\"CREDIT\",\"currentUsage\":7,"
		  "\"usageLimit\":8}]}",
		  "CREDIT", 7, 8 },
		{ "{\"usageBreakdownList\":[{\"resourceType\":\"NEWER\",\"currentUsage\":1,"
		  "\"usageLimit\":2}]}",
		  "NEWER", 1, 2 },
		{ "{\"usageBreakdownList\":[],\"usageBreakdown\":{\"resourceType\":"
		  "\"AGENTIC_REQUEST\",\"currentUsage\":3,\"usageLimit\":50}}",
		  "AGENTIC_REQUEST", 3, 50 },
		{ "{\"limits\":[{\"type\":\"TRANSFORM\",\"currentUsage\":9,\"totalUsageLimit\":9},"
		  "{\"type\":\"AGENTIC_REQUEST\",\"currentUsage\":3,\"totalUsageLimit\":50}]}",
		  "AGENTIC_REQUEST", 3, 50 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct usage u = usage_of(forms[i].body);

		CU_ASSERT_STRING_EQUAL(u.resource, forms[i].resource);
		CU_ASSERT_EQUAL(usage_used(&u), forms[i].used);
		CU_ASSERT_EQUAL(usage_limit(&u), forms[i].limit);
		CU_ASSERT_EQUAL(u.reset_at, 0);
	}
}

static void usage_without_numbers_is_refused(void)
{
	static const char *const bodies[] = { "{}",
					      "[]",
					      "nothing",
					      "{\"usageBreakdownList\":[]}",
					      "{\"limits\":[{\"type\":\"TRANSFORM\"}]}",
					      "{\"nextDateReset\":1764547200.0}" };

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct error e = { 0 };
		struct usage u;

		CU_ASSERT_EQUAL(usage_read(&u, span_of(bodies[i]), &e), -1);
		CU_ASSERT_EQUAL(e.kind, ERR_UP_DAMAGED);
	}
}

/* A trial or bonus counts by its status, and without one only with a date ahead. */
static void usage_counts_running_parts_only(void)
{
	static const struct part {
		const char *members;
		double limit;
	} parts[] = {
		{ "\"freeTrialInfo\":{\"freeTrialStatus\":\"ACTIVE\",\"usageLimit\":500}", 1500 },
		{ "\"freeTrialInfo\":{\"freeTrialStatus\":\"EXPIRED\",\"usageLimit\":500}", 1000 },
		{ "\"freeTrialInfo\":{\"freeTrialStatus\":\"EXPIRED\",\"freeTrialExpiry\":"
		  "1765000000,\"usageLimit\":500}",
		  1000 },
		{ "\"freeTrialInfo\":{\"freeTrialStatus\":\"ACTIVE\",\"freeTrialExpiry\":"
		  "1763999999,\"usageLimit\":500}",
		  1000 },
		{ "\"freeTrialInfo\":{\"usageLimit\":500}", 1000 },
		{ "\"freeTrialInfo\":null", 1000 },
		{ "\"bonuses\":[{\"usageLimit\":20,\"expiresAt\":1765000000}]", 1020 },
		{ "\"bonuses\":[{\"usageLimit\":20,\"expiresAt\":\"2026-01-01T00:00:00Z\"}]",
		  1020 },
		{ "\"bonuses\":[{\"usageLimit\":20}]", 1000 },
		{ "\"bonuses\":[{\"usageLimit\":20,\"status\":\"ACTIVE\"},{\"usageLimit\":3,"
		  "\"status\":\"ACTIVE\"}]",
		  1023 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		char members[512];
		struct usage u;

		snprintf(members, sizeof(members), "\"currentUsage\":10,\"usageLimit\":1000,%s",
			 parts[i].members);
		u = usage_of_entry(members, "DISABLED");
		CU_ASSERT_EQUAL(usage_limit(&u), parts[i].limit);
		CU_ASSERT_EQUAL(usage_remaining(&u), parts[i].limit - 10);
	}
}

static void usage_parts_end_while_they_are_stored(void)
{
	struct usage u = usage_of(whole);

	u = through_record(&u);
	clock_set_wall(1764100000); /* the trial's end */
	CU_ASSERT_EQUAL(usage_limit(&u), 1020);
	CU_ASSERT_EQUAL(usage_used(&u), 13.5);
	CU_ASSERT_EQUAL(usage_remaining(&u), 987.5 + 19);
	clock_set_wall(RESET - 1);
	CU_ASSERT_EQUAL(usage_remaining(&u), 987.5 + 19);
	clock_set_wall(RESET); /* a new period: nobody has told its numbers */
	CU_ASSERT_EQUAL(usage_remaining(&u), USAGE_UNKNOWN);
	CU_ASSERT_FALSE(usage_is_exhausted(&u, false));
	CU_ASSERT_TRUE(usage_is_stale(&u, 86400 * 365));
	clock_set_wall(0);
}

static void usage_unknown_is_not_nothing(void)
{
	const struct usage never = { .read_at = 0 };
	struct usage u = usage_of_entry("\"currentUsage\":5", "DISABLED");

	CU_ASSERT_EQUAL(usage_remaining(&never), USAGE_UNKNOWN);
	CU_ASSERT_FALSE(usage_is_exhausted(&never, false));
	CU_ASSERT_EQUAL(usage_remaining(&u), USAGE_UNKNOWN); /* no limit told */
	CU_ASSERT_FALSE(usage_is_exhausted(&u, false));
	u = usage_of_entry("\"usageLimit\":50", "DISABLED");
	CU_ASSERT_EQUAL(usage_remaining(&u), 50);
}

/* Use beyond the plan's limit: 945 % was seen with overage enabled. */
static void usage_overage_decides_on_exhaustion(void)
{
	static const struct state {
		const char *members, *overage;
		bool with, without; /* exhausted when overage may, may not be used */
	} states[] = {
		{ "\"currentUsage\":50,\"usageLimit\":50", "DISABLED", true, true },
		{ "\"currentUsage\":472.5,\"usageLimit\":50", "ENABLED", false, true },
		{ "\"currentUsage\":50,\"usageLimit\":50,\"currentOverages\":9,\"overageCap\":10",
		  "ENABLED", false, true },
		{ "\"currentUsage\":50,\"usageLimit\":50,\"currentOverages\":10,\"overageCap\":10",
		  "ENABLED", true, true },
		{ "\"currentUsage\":50,\"usageLimit\":50,\"currentOverages\":1,\"overageCap\":10",
		  "DISABLED", true, true },
		{ "\"currentUsage\":49.5,\"usageLimit\":50", "DISABLED", false, false },
		/* beyond the plan, but the bonus is untouched */
		{ "\"currentUsage\":60,\"usageLimit\":50,\"bonuses\":[{\"status\":\"ACTIVE\","
		  "\"usageLimit\":5}]",
		  "DISABLED", false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct usage u = usage_of_entry(states[i].members, states[i].overage);

		u = through_record(&u);
		CU_ASSERT_EQUAL(usage_is_exhausted(&u, true), states[i].with);
		CU_ASSERT_EQUAL(usage_is_exhausted(&u, false), states[i].without);
	}
}

static void usage_grows_stale(void)
{
	struct usage u = usage_of_entry("\"currentUsage\":5,\"usageLimit\":50", "DISABLED");
	const struct usage never = { .read_at = 0 };

	CU_ASSERT_TRUE(usage_is_stale(&never, 1800));
	CU_ASSERT_FALSE(usage_is_stale(&u, 1800));
	clock_set_wall(NOW + 3600);
	CU_ASSERT_FALSE(usage_is_stale(&u, 1800));
	clock_set_wall(NOW + 3601);
	CU_ASSERT_TRUE(usage_is_stale(&u, 1800));
	clock_set_wall(NOW);
	snprintf(u.failure, sizeof(u.failure), "no answer");
	CU_ASSERT_TRUE(usage_is_stale(&u, 1800));
	CU_ASSERT_EQUAL(usage_remaining(&u), 45); /* the last good number stays */
	clock_set_wall(0);
}

static void usage_takes_no_number_that_is_no_date(void)
{
	struct usage u =
		usage_of("{\"nextDateReset\":1e300,\"usageBreakdown\":{\"usageLimit\":1}}");

	CU_ASSERT_EQUAL(u.reset_at, 0);
	u = usage_of("{\"nextDateReset\":-5,\"usageBreakdown\":{\"usageLimit\":1}}");
	CU_ASSERT_EQUAL(u.reset_at, 0);
	clock_set_wall(0);
}

static void usage_foreign_records_are_refused(void)
{
	static const char *const records[] = { "[]", "{}", "{\"v\":2}",
					       "{\"v\":1,\"parts\":[{\"kind\":\"gift\"}]}" };

	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		struct error e = { 0 };
		cJSON *tree = json_parse(span_of(records[i]), &e);
		struct usage u;

		CU_ASSERT_EQUAL(usage_from_record(&u, tree, &e), -1);
		CU_ASSERT_EQUAL(e.kind, ERR_STORE);
		cJSON_Delete(tree);
	}
}

CU_TestInfo usage_tests[] = {
	{ "reads the whole form", usage_reads_the_whole_form },
	{ "a record keeps all but the e-mail", usage_record_keeps_all_but_the_email },
	{ "finds what requests are paid by", usage_finds_what_requests_are_paid_by },
	{ "an answer without numbers is refused", usage_without_numbers_is_refused },
	{ "counts running parts only", usage_counts_running_parts_only },
	{ "parts end while they are stored", usage_parts_end_while_they_are_stored },
	{ "unknown is not nothing", usage_unknown_is_not_nothing },
	{ "overage decides on exhaustion", usage_overage_decides_on_exhaustion },
	{ "grows stale", usage_grows_stale },
	{ "takes no number that is no date", usage_takes_no_number_that_is_no_date },
	{ "foreign records are refused", usage_foreign_records_are_refused },
	CU_TEST_INFO_NULL,
};
