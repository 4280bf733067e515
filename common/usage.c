/*
 * GET {host}/getUsageLimits?origin=AI_EDITOR&resourceType=AGENTIC_REQUEST&isEmailRequired=true
 *     [&profileArn=...]
 *
 *   { "nextDateReset": 1764547200.0, "subscriptionInfo": {"subscriptionTitle": "KIRO PRO"},
 *     "usageBreakdownList": [{ "resourceType": "CREDIT", "displayNamePlural": "Credits",
 *         "currentUsage": 12, "currentUsageWithPrecision": 12.5, "usageLimit": 1000,
 *         "currentOverages": 0, "overageCap": 5000, "overageRate": 0.04, "currency": "USD",
 *         "freeTrialInfo": {"freeTrialStatus": "ACTIVE", "freeTrialExpiry": 1764547200.0,
 *                           "currentUsage": 0, "usageLimit": 500},
 *         "bonuses": [{"displayName": "Welcome", "status": "ACTIVE", "expiresAt": 1764547200,
 *                      "currentUsage": 0, "usageLimit": 100}] }],
 *     "overageConfiguration": {"overageStatus": "ENABLED"}, "userInfo": {"email": "..."} }
 *
 * Older answers have one "usageBreakdown" instead of the list, or only "limits".
 *
 * Record: {"v": 1, "read_at": S, "tried_at": S, "failure", "plan", "unit", "resource",
 * "reset_at": S, "parts": [{"kind", "name", "used", "limit", "ends_at"}], "overage": {"enabled",
 * "used", "cap", "rate", "charges", "currency"}}.
 */
#include "common/base.h"
#include "common/usage.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/management.h"
#include "common/up_profile.h"

#define RECORD_VERSION 1

const char *const usage_part_names[USAGE_PART_KINDS] = {
	[USAGE_PLAN] = "plan",
	[USAGE_TRIAL] = "trial",
	[USAGE_BONUS] = "bonus",
};

static void copy_text(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text);
}

/* ---- the upstream's answer ---- */

/* With fractions where the upstream tells them; 0: not told. */
static double amount(const cJSON *from, const char *name)
{
	char precise[64];

	snprintf(precise, sizeof(precise), "%sWithPrecision", name);
	return json_number_or(from, precise, json_number_or(from, name, 0));
}

/* Epoch seconds (with a fraction) or a date in words; 0: none. */
static int64_t date_in(const cJSON *from, const char *name)
{
	const cJSON *item = json_member(from, name);
	char number[400]; /* the longest double has 309 digits */
	const char *text = json_text_or(from, name, NULL);
	int64_t seconds;

	if (cJSON_IsNumber(item)) {
		snprintf(number, sizeof(number), "%.0f", item->valuedouble);
		text = number;
	}
	return text && !clock_parse(text, &seconds) ? seconds : 0;
}

/* A part that ended counts no more, whatever its status says. Without a status it counts when it
 * has a date ahead. */
static bool is_active(const struct usage_part *part, const char *status)
{
	if (part->ends_at && part->ends_at <= clock_wall())
		return false;
	return *status ? strcmp(status, "ACTIVE") == 0 : part->ends_at > 0;
}

static struct usage_part part_of(enum usage_part_kind kind, const cJSON *from)
{
	return (struct usage_part){ .kind = kind,
				    .used = amount(from, "currentUsage"),
				    .limit = amount(from, "usageLimit") };
}

static void add_part(struct usage *u, const struct usage_part *part)
{
	if (u->part_count < USAGE_PARTS)
		u->parts[u->part_count++] = *part;
}

static void read_trial(struct usage *u, const cJSON *trial)
{
	struct usage_part part = part_of(USAGE_TRIAL, trial);

	part.ends_at = date_in(trial, "freeTrialExpiry");
	if (is_active(&part, json_text_or(trial, "freeTrialStatus", "")))
		add_part(u, &part);
}

static void read_bonus(struct usage *u, const cJSON *bonus)
{
	struct usage_part part = part_of(USAGE_BONUS, bonus);

	copy_text(part.name, sizeof(part.name),
		  json_text_or(bonus, "displayName", json_text_or(bonus, "bonusCode", "")));
	part.ends_at = date_in(bonus, "expiresAt");
	if (is_active(&part, json_text_or(bonus, "status", "")))
		add_part(u, &part);
}

/* What our requests are paid by, the likeliest first. */
static const char *const resources[] = { "CREDIT", "AGENTIC_REQUEST", "VIBE" };

static const cJSON *find_breakdown(const cJSON *root)
{
	const cJSON *list = json_member(root, "usageBreakdownList"), *item;

	for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
		cJSON_ArrayForEach (item, list) {
			if (strcmp(json_text_or(item, "resourceType", ""), resources[i]) == 0)
				return item;
		}
	}
	return cJSON_IsArray(list) && list->child ? list->child
						  : json_member(root, "usageBreakdown");
}

static void read_overage(struct usage *u, const cJSON *entry, const cJSON *settings)
{
	struct usage_overage *overage = &u->overage;

	overage->enabled = strcmp(json_text_or(settings, "overageStatus", ""), "ENABLED") == 0;
	overage->used = amount(entry, "currentOverages");
	overage->cap = amount(entry, "overageCap");
	if (overage->cap <= 0)
		overage->cap = json_number_or(settings, "overageLimit", 0);
	overage->rate = json_number_or(entry, "overageRate", 0);
	overage->charges = json_number_or(entry, "overageCharges", 0);
	copy_text(overage->currency, sizeof(overage->currency),
		  json_text_or(entry, "currency", ""));
}

static void read_breakdown(struct usage *u, const cJSON *entry)
{
	const struct usage_part plan = part_of(USAGE_PLAN, entry);
	const cJSON *bonus;

	copy_text(u->unit, sizeof(u->unit),
		  json_text_or(entry, "displayNamePlural", json_text_or(entry, "displayName", "")));
	copy_text(u->resource, sizeof(u->resource), json_text_or(entry, "resourceType", ""));
	add_part(u, &plan);
	read_trial(u, json_member(entry, "freeTrialInfo"));
	cJSON_ArrayForEach (bonus, json_member(entry, "bonuses")) {
		read_bonus(u, bonus);
	}
}

static bool read_limits(struct usage *u, const cJSON *limits)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, limits) {
		const char *type = json_text_or(item, "type", "");
		const struct usage_part plan = {
			.kind = USAGE_PLAN,
			.used = json_number_or(item, "currentUsage", 0),
			.limit = json_number_or(item, "totalUsageLimit", 0),
		};

		if (strcmp(type, "AGENTIC_REQUEST") == 0) {
			copy_text(u->resource, sizeof(u->resource), type);
			add_part(u, &plan);
			return true;
		}
	}
	return false;
}

static int read_root(struct usage *u, const cJSON *root, struct error *e)
{
	const cJSON *entry = find_breakdown(root);
	const cJSON *plan = json_member(root, "subscriptionInfo");

	if (entry)
		read_breakdown(u, entry);
	else if (!read_limits(u, json_member(root, "limits")))
		return error_set(e, ERR_UP_DAMAGED, "the upstream's answer has no usage in it");
	copy_text(u->plan, sizeof(u->plan),
		  json_text_or(plan, "subscriptionTitle", json_text_or(plan, "type", "")));
	copy_text(u->email, sizeof(u->email),
		  json_text_or(json_member(root, "userInfo"), "email", ""));
	copy_text(u->user_id, sizeof(u->user_id),
		  json_text_or(json_member(root, "userInfo"), "userId", ""));
	u->reset_at = date_in(entry, "nextDateReset");
	if (!u->reset_at)
		u->reset_at = date_in(root, "nextDateReset");
	read_overage(u, entry, json_member(root, "overageConfiguration"));
	return 0;
}

int usage_read(struct usage *out, struct span body, struct error *e)
{
	struct error why = { 0 };
	cJSON *root = json_parse(body, &why);
	int rc;

	*out = (struct usage){ .read_at = clock_wall(), .tried_at = clock_wall() };
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

/* ---- the record ---- */

enum field_type { TEXT, NUMBER, DATE, FLAG };

struct field {
	const char *name;
	enum field_type type;
	size_t at, size; /* size of a TEXT with its end */
};

#define FIELD(type, of, name)                                                                      \
	{                                                                                          \
#name, type, offsetof(struct of, name), sizeof(((struct of *)NULL)->name)          \
	}

static const struct field usage_fields[] = {
	FIELD(DATE, usage, read_at),  FIELD(DATE, usage, tried_at), FIELD(TEXT, usage, failure),
	FIELD(TEXT, usage, plan),     FIELD(TEXT, usage, unit),	    FIELD(TEXT, usage, resource),
	FIELD(DATE, usage, reset_at),
};
static const struct field part_fields[] = {
	FIELD(TEXT, usage_part, name),
	FIELD(NUMBER, usage_part, used),
	FIELD(NUMBER, usage_part, limit),
	FIELD(DATE, usage_part, ends_at),
};
static const struct field overage_fields[] = {
	FIELD(FLAG, usage_overage, enabled),   FIELD(NUMBER, usage_overage, used),
	FIELD(NUMBER, usage_overage, cap),     FIELD(NUMBER, usage_overage, rate),
	FIELD(NUMBER, usage_overage, charges), FIELD(TEXT, usage_overage, currency),
};

static void write_fields(struct jsonw *w, const void *from, const struct field *fields,
			 size_t count)
{
	for (const struct field *f = fields; f < fields + count; f++) {
		const char *at = (const char *)from + f->at;

		jsonw_key(w, f->name);
		if (f->type == TEXT)
			jsonw_text(w, at);
		else if (f->type == NUMBER)
			jsonw_double(w, *(const double *)(const void *)at);
		else if (f->type == DATE)
			jsonw_int(w, *(const int64_t *)(const void *)at);
		else
			jsonw_bool(w, *(const bool *)(const void *)at);
	}
}

static void read_fields(void *to, const cJSON *from, const struct field *fields, size_t count)
{
	for (const struct field *f = fields; f < fields + count; f++) {
		char *at = (char *)to + f->at;

		if (f->type == TEXT)
			copy_text(at, f->size, json_text_or(from, f->name, ""));
		else if (f->type == NUMBER)
			*(double *)(void *)at = json_number_or(from, f->name, 0);
		else if (f->type == DATE)
			*(int64_t *)(void *)at = date_in(from, f->name);
		else
			*(bool *)(void *)at = cJSON_IsTrue(json_member(from, f->name));
	}
}

void usage_to_record(const struct usage *u, struct buf *record)
{
	struct jsonw w;

	jsonw_init(&w, record);
	jsonw_begin_object(&w);
	jsonw_int_member(&w, "v", RECORD_VERSION);
	write_fields(&w, u, usage_fields, ARRAY_SIZE(usage_fields));
	jsonw_begin_array_member(&w, "parts");
	for (size_t i = 0; i < u->part_count; i++) {
		jsonw_begin_object(&w);
		jsonw_text_member(&w, "kind", usage_part_names[u->parts[i].kind]);
		write_fields(&w, &u->parts[i], part_fields, ARRAY_SIZE(part_fields));
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_begin_object_member(&w, "overage");
	write_fields(&w, &u->overage, overage_fields, ARRAY_SIZE(overage_fields));
	jsonw_end(&w);
	jsonw_end(&w);
}

static int read_part(struct usage *u, const cJSON *from, struct error *e)
{
	const char *kind = json_text_or(from, "kind", "");
	struct usage_part part = { .kind = USAGE_PLAN };

	while (part.kind < USAGE_PART_KINDS && strcmp(usage_part_names[part.kind], kind) != 0)
		part.kind++;
	if (part.kind == USAGE_PART_KINDS)
		return error_set(e, ERR_STORE, "usage record: unknown kind of part \"%.32s\"",
				 kind);
	read_fields(&part, from, part_fields, ARRAY_SIZE(part_fields));
	add_part(u, &part);
	return 0;
}

int usage_from_record(struct usage *u, const cJSON *record, struct error *e)
{
	const cJSON *part;

	*u = (struct usage){ .part_count = 0 };
	if (json_number_or(record, "v", 0) != RECORD_VERSION)
		return error_set(e, ERR_STORE, "usage record: not of version %d", RECORD_VERSION);
	read_fields(u, record, usage_fields, ARRAY_SIZE(usage_fields));
	read_fields(&u->overage, json_member(record, "overage"), overage_fields,
		    ARRAY_SIZE(overage_fields));
	cJSON_ArrayForEach (part, json_member(record, "parts")) {
		if (read_part(u, part, e))
			return -1;
	}
	return 0;
}

/* ---- what it means ---- */

static bool counts(const struct usage_part *part)
{
	return !part->ends_at || part->ends_at > clock_wall();
}

double usage_used(const struct usage *u)
{
	double sum = 0;

	for (size_t i = 0; i < u->part_count; i++)
		sum += counts(&u->parts[i]) ? u->parts[i].used : 0;
	return sum;
}

double usage_limit(const struct usage *u)
{
	double sum = 0;

	for (size_t i = 0; i < u->part_count; i++)
		sum += counts(&u->parts[i]) ? u->parts[i].limit : 0;
	return sum;
}

static bool is_over(const struct usage *u)
{
	return u->reset_at && u->reset_at <= clock_wall();
}

double usage_remaining(const struct usage *u)
{
	double sum = 0;

	if (!u->read_at || is_over(u) || !(usage_limit(u) > 0))
		return USAGE_UNKNOWN;
	for (size_t i = 0; i < u->part_count; i++) {
		/* Use beyond one part's limit takes nothing from another part. */
		if (counts(&u->parts[i]) && u->parts[i].limit > u->parts[i].used)
			sum += u->parts[i].limit - u->parts[i].used;
	}
	return sum;
}

bool usage_is_exhausted(const struct usage *u, bool allow_overage)
{
	const struct usage_overage *overage = &u->overage;

	if (usage_remaining(u) != 0)
		return false;
	return !allow_overage || !overage->enabled ||
	       (overage->cap > 0 && overage->used >= overage->cap);
}

bool usage_is_stale(const struct usage *u, int64_t interval)
{
	return !u->read_at || *u->failure || is_over(u) || clock_wall() - u->read_at > 2 * interval;
}
