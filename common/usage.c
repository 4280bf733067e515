/*
 * GET {host}/getUsageLimits?origin=AI_EDITOR&resourceType=AGENTIC_REQUEST&isEmailRequired=true
 *     [&profileArn=...]
 *
 *   { "nextDateReset": 1764547200.0, "subscriptionInfo": {"subscriptionTitle": "KIRO PRO"},
 *     "usageBreakdownList": [{ "resourceType": "CREDIT", "displayNamePlural": "Credits",
 *         "currentUsage": 12, "currentUsageWithPrecision": 12.5, "usageLimit": 1000,
 *         "freeTrialInfo": {"freeTrialStatus": "ACTIVE", "currentUsage": 0, "usageLimit": 500},
 *         "bonuses": [{"status": "ACTIVE", "currentUsage": 0, "usageLimit": 100}] }],
 *     "overageConfiguration": {"overageStatus": "ENABLED"}, "userInfo": {"email": "..."} }
 *
 * Older answers have one "usageBreakdown" instead of the list, or only "limits".
 */
#include "common/base.h"
#include "common/usage.h"

#include "common/json.h"
#include "common/limits.h"
#include "common/management.h"
#include "common/up_profile.h"

static double amount(const cJSON *from, const char *precise, const char *whole)
{
	return json_number_or(from, precise, json_number_or(from, whole, 0));
}

static void add_amounts(struct usage *u, const cJSON *from)
{
	u->used += amount(from, "currentUsageWithPrecision", "currentUsage");
	u->limit += amount(from, "usageLimitWithPrecision", "usageLimit");
}

static bool is_active(const cJSON *from, const char *key)
{
	return strcmp(json_text_or(from, key, ""), "ACTIVE") == 0;
}

static void copy_text(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text);
}

/* The entry that is paid by: credits where there are any, else the first. */
static const cJSON *find_breakdown(const cJSON *root)
{
	const cJSON *list = json_member(root, "usageBreakdownList"), *item;

	cJSON_ArrayForEach (item, list) {
		if (strcmp(json_text_or(item, "resourceType", ""), "CREDIT") == 0)
			return item;
	}
	return cJSON_IsArray(list) && list->child ? list->child
						  : json_member(root, "usageBreakdown");
}

static void read_breakdown(struct usage *u, const cJSON *entry)
{
	const cJSON *trial = json_member(entry, "freeTrialInfo"), *bonus;

	copy_text(u->unit, sizeof(u->unit), json_text_or(entry, "displayNamePlural", ""));
	add_amounts(u, entry);
	if (is_active(trial, "freeTrialStatus"))
		add_amounts(u, trial);
	cJSON_ArrayForEach (bonus, json_member(entry, "bonuses")) {
		if (is_active(bonus, "status"))
			add_amounts(u, bonus);
	}
}

static bool read_limits(struct usage *u, const cJSON *limits)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, limits) {
		if (strcmp(json_text_or(item, "type", ""), "AGENTIC_REQUEST") == 0) {
			u->used = json_number_or(item, "currentUsage", 0);
			u->limit = json_number_or(item, "totalUsageLimit", 0);
			return true;
		}
	}
	return false;
}

static int read_root(struct usage *u, const cJSON *root, struct error *e)
{
	const cJSON *entry = find_breakdown(root);
	const cJSON *plan = json_member(root, "subscriptionInfo");
	const cJSON *overage = json_member(root, "overageConfiguration");

	if (entry)
		read_breakdown(u, entry);
	else if (!read_limits(u, json_member(root, "limits")))
		return error_set(e, ERR_UP_DAMAGED, "the upstream's answer has no usage in it");
	copy_text(u->plan, sizeof(u->plan),
		  json_text_or(plan, "subscriptionTitle", json_text_or(plan, "type", "")));
	copy_text(u->email, sizeof(u->email),
		  json_text_or(json_member(root, "userInfo"), "email", ""));
	u->reset_at = (int64_t)json_number_or(root, "nextDateReset",
					      json_number_or(entry, "nextDateReset", 0));
	u->overage = strcmp(json_text_or(overage, "overageStatus", ""), "ENABLED") == 0;
	return 0;
}

int usage_read(struct usage *out, struct span body, struct error *e)
{
	struct error why = { 0 };
	cJSON *root = json_parse(body, &why);
	int rc;

	*out = (struct usage){ .used = 0 };
	if (!root)
		return error_set(e, ERR_UP_DAMAGED, "the upstream's answer is %s", why.message);
	rc = read_root(out, root, e);
	cJSON_Delete(root);
	return rc;
}

int usage_fetch(struct http_client *http, const struct config *config, const struct account *a,
		struct usage *out, struct error *e)
{
	struct management_request request = { .target = NULL };
	struct buf path, body;
	int rc;

	buf_init(&path, LIMIT_URL);
	buf_init(&body, LIMIT_UP_REPLY);
	buf_add_text(&path, "/getUsageLimits?origin=" UP_ORIGIN "&resourceType=AGENTIC_REQUEST"
			    "&isEmailRequired=true");
	management_add_query(&path, "profileArn", up_profile_arn(up_profile_of(config, a), a));
	request.path = path.at;
	rc = management_call(http, config, a, &request, &body, e);
	if (!rc)
		rc = usage_read(out, buf_span(&body), e);
	buf_release(&body);
	buf_release(&path);
	return rc;
}
