#include "common/base.h"
#include "fcgi/in_shape.h"

#include "common/limits.h"

static const struct in_member request_members[] = {
	{ "betas", SHAPE_TEXTS, { NULL } },
	{ "cache_control", SHAPE_CACHE_CONTROL, { NULL } },
	{ "container", SHAPE_TEXT_OR_OBJECT, { NULL } },
	{ "context_management", SHAPE_EDITS, { NULL } },
	{ "safeguards", SHAPE_OBJECTS, { NULL } },
	{ "service_tier", SHAPE_TEXT, { "auto", "standard_only" } },
	{ "speed", SHAPE_TEXT, { "standard", "fast" } },
	{ "thinking", SHAPE_DISPLAY, { NULL } }, /* the rest of it has effect */
};

static const struct in_member cache_control_members[] = {
	{ "type", SHAPE_TEXT, { "ephemeral" } },
	{ "ttl", SHAPE_TEXT, { "5m", "1h" } },
};

static const struct in_member citations_members[] = {
	{ "enabled", SHAPE_BOOL, { NULL } },
};

static const struct in_member edits_members[] = {
	{ "edits", SHAPE_OBJECTS, { NULL } },
};

static const struct in_member display_members[] = {
	{ "display", SHAPE_TEXT, { "summarized", "omitted", "updates" } },
};

/* "Input should be 'a', 'b' or 'c'" */
static int wrong_value(struct in *in, const struct json_at *at, const struct in_member *m)
{
	char known[LIMIT_ERROR_TEXT] = "";
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(m->values) && m->values[i]; i++) {
		bool last = i + 1 == ARRAY_SIZE(m->values) || !m->values[i + 1];

		snprintf(known + len, sizeof(known) - len, "%s'%s'",
			 !len	? ""
			 : last ? " or "
				: ", ",
			 m->values[i]);
		len += strlen(known + len);
	}
	return json_error(at, m->name, in->e, "Input should be %s", known);
}

static int check_text(struct in *in, const cJSON *json, const struct json_at *at,
		      const struct in_member *m)
{
	const char *text = NULL;

	if (json_text(json, m->name, at, &text, in->e) < 0)
		return -1;
	if (!text || !m->values[0])
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(m->values) && m->values[i]; i++) {
		if (strcmp(text, m->values[i]) == 0)
			return 0;
	}
	return wrong_value(in, at, m);
}

static int check_array(struct in *in, const cJSON *json, const struct json_at *at,
		       const struct in_member *m)
{
	struct json_at list_at = { .up = at, .key = m->name };
	struct json_at item_at = { .up = &list_at };
	const cJSON *list = NULL, *item;
	const char *type;

	if (json_array(json, m->name, at, &list, in->e) < 0)
		return -1;
	cJSON_ArrayForEach (item, list) {
		if (m->shape == SHAPE_TEXTS && !cJSON_IsString(item))
			return json_error(&item_at, NULL, in->e, "Input should be a valid string");
		if (m->shape == SHAPE_OBJECTS && !cJSON_IsObject(item))
			return json_error(&item_at, NULL, in->e, "Input should be a valid object");
		if (m->shape == SHAPE_OBJECTS &&
		    json_need_text(item, "type", &item_at, &type, in->e))
			return -1;
		item_at.index++;
	}
	return 0;
}

static int check_object(struct in *in, const cJSON *json, const struct json_at *at,
			const struct in_member *m, const struct in_member *members, size_t count)
{
	struct json_at inside = { .up = at, .key = m->name };
	const cJSON *object = NULL;

	if (json_object(json, m->name, at, &object, in->e) < 0)
		return -1;
	if (object && m->shape == SHAPE_CACHE_CONTROL && !json_member(object, "type"))
		return json_error(&inside, "type", in->e, "Field required");
	return object ? in_shape_check(in, object, &inside, members, count) : 0;
}

static int check_text_or_object(struct in *in, const cJSON *json, const struct json_at *at,
				const struct in_member *m)
{
	const cJSON *member = json_member(json, m->name);

	if (!member || cJSON_IsString(member) || cJSON_IsObject(member))
		return 0;
	return json_error(at, m->name, in->e, "Input should be a valid string or object");
}

static int check_member(struct in *in, const cJSON *json, const struct json_at *at,
			const struct in_member *m)
{
	bool ignored;

	switch (m->shape) {
	case SHAPE_TEXT:
		return check_text(in, json, at, m);
	case SHAPE_BOOL:
		return json_bool(json, m->name, at, &ignored, in->e) < 0 ? -1 : 0;
	case SHAPE_OBJECT:
		return check_object(in, json, at, m, NULL, 0);
	case SHAPE_ARRAY:
	case SHAPE_TEXTS:
	case SHAPE_OBJECTS:
		return check_array(in, json, at, m);
	case SHAPE_TEXT_OR_OBJECT:
		return check_text_or_object(in, json, at, m);
	case SHAPE_CACHE_CONTROL:
		return check_object(in, json, at, m, cache_control_members,
				    ARRAY_SIZE(cache_control_members));
	case SHAPE_CITATIONS:
		return check_object(in, json, at, m, citations_members,
				    ARRAY_SIZE(citations_members));
	case SHAPE_EDITS:
		return check_object(in, json, at, m, edits_members, ARRAY_SIZE(edits_members));
	case SHAPE_DISPLAY:
		return check_object(in, json, at, m, display_members, ARRAY_SIZE(display_members));
	}
	return 0;
}

int in_shape_check(struct in *in, const cJSON *json, const struct json_at *at,
		   const struct in_member *members, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (check_member(in, json, at, &members[i]))
			return -1;
	}
	return 0;
}

int in_shape_cache_control(struct in *in, const cJSON *json, const struct json_at *at)
{
	static const struct in_member member = { "cache_control", SHAPE_CACHE_CONTROL, { NULL } };

	return in_shape_check(in, json, at, &member, 1);
}

int in_shape_field(struct in *in, const cJSON *body, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(request_members); i++) {
		if (strcmp(request_members[i].name, name) == 0)
			return in_shape_check(in, body, NULL, &request_members[i], 1);
	}
	return 0;
}
