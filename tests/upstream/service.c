/*
 * service.c - the control plane: usage limits, models, profiles, features, the user.
 */
#include "base.h"
#include "handlers.h"
#include "model.h"
#include "validate.h"

/* From the body under awsJson, else from the query; free() it. */
static char *parameter(const struct exchange *x, const char *name)
{
	return x->body ? xstrdup(json_str(x->body, name)) : http_query(&x->request, name);
}

/* An ARN that is sent must be the account's own; here it may be absent. */
static int check_arn(struct exchange *x)
{
	char *arn = parameter(x, "profileArn");
	struct problem problem;
	int rc = 0;

	if (arn && strncmp(arn, "arn:aws:codewhisperer:", 22))
		rc = problem_invalid(&problem, NULL, "Invalid profileArn", "profileArn is no ARN");
	else if (arn && x->who.kind != KIND_API_KEY && strcmp(arn, x->who.arn))
		rc = problem_set(&problem, 403, "AccessDeniedException", NULL,
				 "User is not authorized to make this call.",
				 "profileArn is not this account's");
	if (rc)
		exchange_refuse(x, &problem);
	free(arn);
	return rc;
}

/* The first day of the next month, UTC, as the service gives it: epoch seconds, a float. */
static double next_reset(void)
{
	time_t now = time(NULL);
	struct tm day;

	gmtime_r(&now, &day);
	day.tm_mon++;
	day.tm_mday = 1;
	day.tm_hour = day.tm_min = day.tm_sec = 0;
	return (double)timegm(&day);
}

static void add_amount(cJSON *to, const char *name, double value)
{
	char *precise = xformat("%sWithPrecision", name);

	cJSON_AddNumberToObject(to, name, (double)(int64_t)value);
	cJSON_AddNumberToObject(to, precise, value);
	free(precise);
}

static cJSON *breakdown(double reset)
{
	cJSON *out = cJSON_CreateObject();

	cJSON_AddStringToObject(out, "resourceType", "CREDIT");
	cJSON_AddStringToObject(out, "displayName", "Credit");
	cJSON_AddStringToObject(out, "displayNamePlural", "Credits");
	cJSON_AddStringToObject(out, "unit", "INVOCATIONS");
	add_amount(out, "currentUsage", 12.25);
	add_amount(out, "usageLimit", 1000);
	add_amount(out, "currentOverages", 0);
	add_amount(out, "overageCap", 10000);
	cJSON_AddNumberToObject(out, "overageRate", 0.04);
	cJSON_AddNumberToObject(out, "overageCharges", 0);
	cJSON_AddStringToObject(out, "currency", "USD");
	cJSON_AddNumberToObject(out, "nextDateReset", reset);
	return out;
}

static void add_user(cJSON *to, const struct exchange *x)
{
	const char *user = *x->who.user ? x->who.user : x->who.name;
	char *email = xformat("%s@example.invalid", *x->who.user ? user : "someone");

	cJSON_AddStringToObject(to, "userId", user);
	cJSON_AddStringToObject(to, "email", email);
	free(email);
}

void service_usage(struct exchange *x)
{
	cJSON *out, *part;
	double reset = next_reset();

	if (check_arn(x))
		return;
	if (x->who.usage) {
		exchange_answer_text(x, 200, NULL, NULL, x->who.usage);
		return;
	}
	out = cJSON_CreateObject();
	cJSON_AddArrayToObject(out, "limits");
	cJSON_AddNumberToObject(out, "nextDateReset", reset);
	cJSON_AddNumberToObject(out, "daysUntilReset",
				(double)((int64_t)(reset - (double)clock_wall_s()) / 86400));
	part = cJSON_AddArrayToObject(out, "usageBreakdownList");
	cJSON_AddItemToArray(part, breakdown(reset));
	part = cJSON_AddObjectToObject(out, "subscriptionInfo");
	cJSON_AddStringToObject(part, "type", "Q_DEVELOPER_STANDALONE_PRO");
	cJSON_AddStringToObject(part, "subscriptionTitle", "KIRO PRO");
	cJSON_AddStringToObject(part, "upgradeCapability", "UPGRADE_CAPABLE");
	cJSON_AddStringToObject(part, "overageCapability", "OVERAGE_CAPABLE");
	cJSON_AddStringToObject(part, "subscriptionManagementTarget", "MANAGE");
	part = cJSON_AddObjectToObject(out, "overageConfiguration");
	cJSON_AddStringToObject(part, "overageStatus", "DISABLED");
	part = cJSON_AddObjectToObject(out, "userInfo");
	add_user(part, x);
	exchange_answer(x, 200, out);
}

void service_models(struct exchange *x)
{
	if (!check_arn(x))
		exchange_answer(x, 200, model_list());
}

static cJSON *profile(const struct exchange *x)
{
	cJSON *out = cJSON_CreateObject();

	cJSON_AddStringToObject(out, "arn", x->who.arn);
	cJSON_AddStringToObject(out, "profileName", x->who.name);
	return out;
}

void service_profiles(struct exchange *x)
{
	struct problem problem;
	cJSON *out;

	if (x->who.kind == KIND_BUILDER_ID) {
		problem_set(&problem, 403, "AccessDeniedException", NULL,
			    "ListAvailableProfiles is not supported for this user.",
			    "a Builder ID has no profiles to list");
		exchange_refuse(x, &problem);
		return;
	}
	out = cJSON_CreateObject();
	cJSON_AddItemToArray(cJSON_AddArrayToObject(out, "profiles"), profile(x));
	cJSON_AddNullToObject(out, "nextToken");
	exchange_answer(x, 200, out);
}

void service_profile(struct exchange *x)
{
	static const char *const features[] = { "mcpConfiguration", "webTools" };
	cJSON *out, *about, *part;

	if (check_arn(x))
		return;
	out = cJSON_CreateObject();
	about = profile(x);
	cJSON_AddItemToObject(out, "profile", about);
	part = cJSON_AddObjectToObject(about, "optInFeatures");
	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		cJSON_AddStringToObject(cJSON_AddObjectToObject(part, features[i]), "toggle", "ON");
	exchange_answer(x, 200, out);
}

void service_features(struct exchange *x)
{
	exchange_answer(x, 200, cJSON_CreateObject());
}

void service_user(struct exchange *x)
{
	cJSON *out = cJSON_CreateObject();

	add_user(out, x);
	cJSON_AddStringToObject(out, "idp",
				x->who.kind == KIND_BUILDER_ID ? "BuilderId" : "Google");
	cJSON_AddStringToObject(out, "status", "Active");
	exchange_answer(x, 200, out);
}
