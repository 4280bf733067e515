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

#include "common/ids.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/up_error.h"
#include "common/up_profile.h"

#include <ctype.h>

#define CHECK_TIMEOUT_MS 30000 /* a person waits */

/* Hosts for usage limits of the service generations. */
static const struct {
	const char *profile, *before, *behind; /* around the region */
} hosts[] = {
	{ "krs", "https://management.", ".kiro.dev" },
	{ "rts", "https://q.", ".amazonaws.com" },
};

void usage_base_url(const struct config *config, const struct account *a, char *out, size_t size)
{
	const char *profile = up_profile_of(config, a)->name;
	size_t row = ARRAY_SIZE(hosts) - 1;

	while (row && strcmp(hosts[row].profile, profile) != 0)
		row--;
	if (config->management_url && *config->management_url)
		snprintf(out, size, "%s", config->management_url);
	else
		snprintf(out, size, "%s%s%s", hosts[row].before,
			 account_region(a, config->upstream_region), hosts[row].behind);
	for (size_t len = strlen(out); len && out[len - 1] == '/'; len--)
		out[len - 1] = '\0';
}

static void write_url(const struct config *config, const struct account *a, char *out, size_t size)
{
	const char *profile = up_profile_arn(up_profile_of(config, a), a);
	size_t len;

	usage_base_url(config, a, out, size);
	len = strlen(out);
	snprintf(
		out + len, size - len,
		"/getUsageLimits?origin=AI_EDITOR&resourceType=AGENTIC_REQUEST&isEmailRequired=true"
		"%s",
		profile ? "&profileArn=" : "");
	for (len = strlen(out); profile && *profile && len + 4 < size; profile++) {
		bool plain = isalnum((unsigned char)*profile) || strchr("-._~", *profile);

		len += (size_t)snprintf(out + len, size - len, plain ? "%c" : "%%%02X",
					(unsigned char)*profile);
	}
}

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

/* The TokenType header per kind of credential; the others send none. */
static const char *const token_types[ACCOUNT_KINDS] = {
	[KIND_EXTERNAL_IDP] = "EXTERNAL_IDP",
	[KIND_API_KEY] = "API_KEY",
};

static int fetch(struct http_client *http, const struct config *config, const struct account *a,
		 struct http_reply *reply, struct buf *body, struct error *e)
{
	char url[LIMIT_URL], agent[512], short_agent[256], id[UUID_SIZE];
	struct buf bearer;
	int rc;

	buf_init(&bearer, LIMIT_SECRET_FILE);
	buf_add_format(&bearer, "Bearer %s", account_bearer(a));
	write_url(config, a, url, sizeof(url));
	ids_uuid(id);
	snprintf(short_agent, sizeof(short_agent), "aws-sdk-js/1.0.0 KiroIDE-%s-%s",
		 config->kiro_version, a->machine_id ? a->machine_id : "");
	snprintf(
		agent, sizeof(agent),
		"aws-sdk-js/1.0.0 ua/2.1 os/%s lang/js md/nodejs#%s api/codewhispererruntime#1.0.0 "
		"m/N,E KiroIDE-%s-%s",
		config->system_version, config->node_version, config->kiro_version,
		a->machine_id ? a->machine_id : "");
	const struct http_header headers[] = {
		{ "Authorization", bearer.at },
		{ "TokenType", token_types[a->kind] },
		{ "Accept", "application/json" },
		{ "User-Agent", agent },
		{ "x-amz-user-agent", short_agent },
		{ "amz-sdk-invocation-id", id },
		{ "amz-sdk-request", "attempt=1; max=1" },
	};
	const struct http_request request = {
		.method = "GET",
		.url = url,
		.headers = headers,
		.header_count = ARRAY_SIZE(headers),
		.connect_ms = config->connect_timeout * 1000,
		.first_byte_ms = CHECK_TIMEOUT_MS,
		.idle_ms = CHECK_TIMEOUT_MS,
		.total_ms = CHECK_TIMEOUT_MS,
		.proxy = a->proxy_url,
		.watch_fd = -1,
	};
	rc = http_fetch(http, &request, reply, body, e);
	explicit_bzero(bearer.at, bearer.len);
	buf_release(&bearer);
	return rc;
}

int usage_fetch(struct http_client *http, const struct config *config, const struct account *a,
		struct usage *out, struct error *e)
{
	struct http_reply reply = { 0 };
	struct buf body;
	int rc;

	buf_init(&body, LIMIT_UP_REPLY);
	rc = fetch(http, config, a, &reply, &body, e);
	if (!rc && reply.status == 200) {
		rc = usage_read(out, buf_span(&body), e);
	} else if (!rc) {
		const struct up_refusal refusal = { reply.status, reply.error_type,
						    reply.retry_after, buf_span(&body) };

		rc = up_error_set(&refusal, e);
	}
	buf_release(&body);
	return rc;
}
