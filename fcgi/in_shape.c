#include "common/base.h"
#include "fcgi/in_shape.h"

#include "common/limits.h"

#include <math.h>

static const struct in_member cache_control_members[] = {
	{ .name = "type", .types = IN_TEXT, .required = true, .values = { "ephemeral" } },
	{ .name = "ttl", .types = IN_TEXT, .values = { "5m", "1h" } },
	{ .name = NULL },
};

const struct in_member in_shape_cache_control[] = {
	{ .name = "cache_control", .types = IN_OBJECT, .members = cache_control_members },
	{ .name = NULL },
};

static const struct in_member citations_members[] = {
	{ .name = "enabled", .types = IN_BOOL },
	{ .name = NULL },
};

const struct in_member in_shape_citations[] = {
	{ .name = "citations", .types = IN_OBJECT, .members = citations_members },
	{ .name = NULL },
};

/* An object of which only the type is known. */
static const struct in_member typed_members[] = {
	{ .name = "type", .types = IN_TEXT, .required = true },
	{ .name = NULL },
};

static const struct in_member skill_members[] = {
	{ .name = "type", .types = IN_TEXT, .required = true, .values = { "anthropic", "custom" } },
	{ .name = "skill_id", .types = IN_TEXT, .required = true },
	{ .name = "version", .types = IN_TEXT },
	{ .name = NULL },
};

static const struct in_member container_members[] = {
	{ .name = "id", .types = IN_TEXT },
	{ .name = "skills", .types = IN_ARRAY, .items = IN_OBJECT, .members = skill_members },
	{ .name = NULL },
};

static const struct in_member amount_members[] = {
	{ .name = "type", .types = IN_TEXT, .required = true },
	{ .name = "value", .types = IN_INTEGER },
	{ .name = NULL },
};

/* Clients send kinds of edits that no reference knows yet, so any type will do. */
static const struct in_member edit_members[] = {
	{ .name = "type", .types = IN_TEXT, .required = true },
	{ .name = "keep",
	  .types = IN_TEXT | IN_OBJECT,
	  .values = { "all" },
	  .members = amount_members },
	{ .name = "trigger", .types = IN_OBJECT, .members = amount_members },
	{ .name = NULL },
};

static const struct in_member edits_members[] = {
	{ .name = "edits", .types = IN_ARRAY, .items = IN_OBJECT, .members = edit_members },
	{ .name = NULL },
};

static const struct in_member diagnostics_members[] = {
	{ .name = "previous_message_id", .types = IN_TEXT },
	{ .name = NULL },
};

static const struct in_member safeguard_members[] = {
	{ .name = "type", .types = IN_TEXT, .required = true },
	{ .name = "classifier_context", .types = IN_OBJECT },
	{ .name = NULL },
};

static const struct in_member binding_members[] = {
	{ .name = "prefix_mismatch_behavior",
	  .types = IN_TEXT,
	  .values = { "error", "drop_block" } },
	{ .name = NULL },
};

/* The rest of thinking and of output_config has effect. */
static const struct in_member thinking_members[] = {
	{ .name = "display", .types = IN_TEXT, .values = { "summarized", "omitted", "updates" } },
	{ .name = "block_binding", .types = IN_OBJECT, .members = binding_members },
	{ .name = NULL },
};

static const struct in_member task_budget_members[] = {
	{ .name = "type", .types = IN_TEXT, .required = true, .values = { "tokens" } },
	{ .name = "total", .types = IN_INTEGER, .required = true, .min = 1 },
	{ .name = "remaining", .types = IN_INTEGER },
	{ .name = NULL },
};

static const struct in_member output_config_members[] = {
	{ .name = "task_budget", .types = IN_OBJECT, .members = task_budget_members },
	{ .name = NULL },
};

static const struct in_member request_members[] = {
	{ .name = "betas", .types = IN_ARRAY, .items = IN_TEXT },
	{ .name = "billing_policy", .types = IN_OBJECT, .members = typed_members },
	{ .name = "cache_control", .types = IN_OBJECT, .members = cache_control_members },
	{ .name = "compaction", .types = IN_OBJECT, .members = typed_members },
	{ .name = "container", .types = IN_TEXT | IN_OBJECT, .members = container_members },
	{ .name = "context_management", .types = IN_OBJECT, .members = edits_members },
	{ .name = "diagnostics", .types = IN_OBJECT, .members = diagnostics_members },
	{ .name = "fallback_credit_token", .types = IN_TEXT | IN_OBJECT },
	{ .name = "fallbacks",
	  .types = IN_TEXT | IN_ARRAY,
	  .items = IN_OBJECT,
	  .values = { "default" } },
	{ .name = "inference_geo", .types = IN_TEXT },
	{ .name = "output_config", .types = IN_OBJECT, .members = output_config_members },
	{ .name = "safeguards",
	  .types = IN_ARRAY,
	  .items = IN_OBJECT,
	  .members = safeguard_members },
	{ .name = "service_tier", .types = IN_TEXT, .values = { "auto", "standard_only" } },
	{ .name = "speed", .types = IN_TEXT, .values = { "standard", "fast" } },
	{ .name = "tags", .types = IN_OBJECT | IN_ARRAY },
	{ .name = "thinking", .types = IN_OBJECT, .members = thinking_members },
	{ .name = NULL },
};

/* Of any size: a seed has 64 bits. */
static cJSON_bool is_integer(const cJSON *const value)
{
	return cJSON_IsNumber(value) && floor(value->valuedouble) == value->valuedouble;
}

static const struct {
	unsigned type;
	const char *name;
	cJSON_bool (*is)(const cJSON *const value);
} types[] = {
	{ IN_TEXT, "string", cJSON_IsString },	 { IN_BOOL, "boolean", cJSON_IsBool },
	{ IN_INTEGER, "integer", is_integer },	 { IN_ARRAY, "array", cJSON_IsArray },
	{ IN_OBJECT, "object", cJSON_IsObject }, { IN_NUMBER, "number", cJSON_IsNumber },
};

static bool has_type(const cJSON *value, unsigned wanted)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if ((types[i].type & wanted) && types[i].is(value))
			return true;
	}
	return false;
}

/* "Input should be a valid string or object" */
int in_shape_type(struct in *in, const cJSON *value, const struct json_at *at, unsigned wanted)
{
	char known[LIMIT_ERROR_TEXT] = "";
	size_t len = 0;

	if (has_type(value, wanted))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (!(types[i].type & wanted))
			continue;
		snprintf(known + len, sizeof(known) - len, "%s%s", len ? " or " : "",
			 types[i].name);
		len += strlen(known + len);
	}
	return json_error(at, NULL, in->e, "Input should be a valid %s", known);
}

/* "Input should be 'a', 'b' or 'c'" */
static int wrong_value(struct in *in, const struct json_at *at, const struct in_member *m)
{
	char known[LIMIT_ERROR_TEXT] = "";
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(m->values) && m->values[i]; i++) {
		bool last = i + 1 == ARRAY_SIZE(m->values) || !m->values[i + 1];
		const char *gap = !len ? "" : last ? " or " : ", ";

		snprintf(known + len, sizeof(known) - len, "%s'%s'", gap, m->values[i]);
		len += strlen(known + len);
	}
	return json_error(at, NULL, in->e, "Input should be %s", known);
}

static int check_text(struct in *in, const char *text, const struct json_at *at,
		      const struct in_member *m)
{
	if (m->required && !text[0])
		return json_error(at, NULL, in->e, "String should have at least 1 character");
	if (!m->values[0])
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(m->values) && m->values[i]; i++) {
		if (strcmp(text, m->values[i]) == 0)
			return 0;
	}
	return wrong_value(in, at, m);
}

static int check_value(struct in *in, const cJSON *value, const struct json_at *at,
		       const struct in_member *m, unsigned wanted)
{
	if (in_shape_type(in, value, at, wanted))
		return -1;
	if (cJSON_IsString(value))
		return check_text(in, value->valuestring, at, m);
	if (cJSON_IsNumber(value) && m->min != INT_MIN && value->valuedouble < m->min)
		return json_error(at, NULL, in->e, "Input should be greater than or equal to %d",
				  m->min);
	return cJSON_IsObject(value) && m->members ? in_shape_check(in, value, at, m->members) : 0;
}

/* Of the member's own value: what an object among the items holds is not looked at. */
static int check_items(struct in *in, const cJSON *value, const struct json_at *at,
		       const struct in_member *m)
{
	struct json_at item_at = { .up = at };
	const cJSON *item;

	if (!m->items || (cJSON_IsObject(value) && m->members))
		return 0;
	cJSON_ArrayForEach (item, value) {
		item_at.key = item->string;
		if (check_value(in, item, &item_at, m, m->items))
			return -1;
		item_at.index++;
	}
	return 0;
}

static int check_member(struct in *in, const cJSON *json, const struct json_at *at,
			const struct in_member *m)
{
	const struct json_at inside = { .up = at, .key = m->name };
	const cJSON *value = json_member(json, m->name);

	if (!value)
		return m->required ? json_error(&inside, NULL, in->e, "Field required") : 0;
	return check_value(in, value, &inside, m, m->types) || check_items(in, value, &inside, m)
		       ? -1
		       : 0;
}

int in_shape_check(struct in *in, const cJSON *json, const struct json_at *at,
		   const struct in_member *members)
{
	for (; members->name; members++) {
		if (check_member(in, json, at, members))
			return -1;
	}
	return 0;
}

int in_shape_member(struct in *in, const cJSON *json, const char *name,
		    const struct in_member *members)
{
	for (; members->name; members++) {
		if (strcmp(members->name, name) == 0)
			return check_member(in, json, NULL, members);
	}
	return 0;
}

int in_shape_field(struct in *in, const cJSON *body, const char *name)
{
	return in_shape_member(in, body, name, request_members);
}
