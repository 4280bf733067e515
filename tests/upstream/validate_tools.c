#include "base.h"
#include "validate.h"

#include <ctype.h>

#define MAX_TOOL_NAME 64

static bool name_ok(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > MAX_TOOL_NAME || !isalpha((unsigned char)*name))
		return false;
	for (; *name; name++) {
		if (!isalnum((unsigned char)*name) && *name != '_' && *name != '-')
			return false;
	}
	return true;
}

static int check_name(const struct exam *e, const char *name, const char *where)
{
	char path[128];

	if (name_ok(name))
		return 0;
	snprintf(path, sizeof(path), "/conversationState/%s/name", where);
	return problem_constraint(e->problem, path,
				  "Member must have length 1 to 64 and satisfy regular expression "
				  "pattern: [a-zA-Z][a-zA-Z0-9_-]*");
}

static int bad_schema(const struct exam *e, int index, const char *what)
{
	char message[256];

	snprintf(message, sizeof(message),
		 "The value at toolConfig.tools.%d.toolSpec.inputSchema.json%s", index, what);
	return problem_invalid(e->problem, "TOOL_SCHEMA_INVALID", message, "tools/%d: schema%s",
			       index, what);
}

static int check_schema(const struct exam *e, const cJSON *schema, int index)
{
	static const char *const nowhere[] = { "oneOf", "allOf", "anyOf" };
	const char *type = json_str(schema, "type");
	const cJSON *required = cJSON_GetObjectItemCaseSensitive(schema, "required");
	const cJSON *properties = cJSON_GetObjectItemCaseSensitive(schema, "properties");
	const cJSON *additional = cJSON_GetObjectItemCaseSensitive(schema, "additionalProperties");

	if (!cJSON_IsObject(schema))
		return bad_schema(e, index, " must be an object.");
	if (!type || strcmp(type, "object"))
		return bad_schema(e, index, ".type must be one of the following: object.");
	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		if (cJSON_GetObjectItemCaseSensitive(schema, nowhere[i]))
			return bad_schema(e, index,
					  ": input_schema does not support oneOf, allOf, or anyOf "
					  "at the top level");
	}
	if (required && !cJSON_IsArray(required))
		return bad_schema(e, index, ".required must be an array.");
	if (properties && !cJSON_IsObject(properties))
		return bad_schema(e, index, ".properties must be an object.");
	if (additional && !cJSON_IsBool(additional) && !cJSON_IsObject(additional))
		return bad_schema(e, index,
				  ".additionalProperties must be a boolean or an object.");
	return 0;
}

static int check_duplicate(const struct exam *e, const cJSON *tools, const cJSON *until,
			   const char *name)
{
	const cJSON *other;

	cJSON_ArrayForEach (other, tools) {
		const char *taken = json_str(json_get(other, "toolSpecification"), "name");

		if (other == until)
			break;
		if (taken && !strcmp(taken, name))
			return problem_invalid(e->problem, "TOOL_DUPLICATE",
					       "The tool configuration has duplicate tool names.",
					       "tool %s is there twice", name);
	}
	return 0;
}

/* The specifications, which belong to the current message and nowhere else. */
int validate_tools(const struct exam *e)
{
	const cJSON *tools = message_tools(e->current), *tool, *m;
	int index = 0;

	cJSON_ArrayForEach (m, e->history) {
		if (message_tools(message_user(m)))
			return problem_malformed(e->problem, "tools in a message of the history");
	}
	cJSON_ArrayForEach (tool, tools) {
		const cJSON *spec = json_get(tool, "toolSpecification");
		const char *name = json_str(spec, "name");
		const char *description = json_str(spec, "description");

		if (!spec)
			continue;
		if (check_name(e, name, "currentMessage/tools") ||
		    check_duplicate(e, tools, tool, name) ||
		    check_schema(e, json_get(json_get(spec, "inputSchema"), "json"), index))
			return -1;
		if (description && !*description)
			return problem_malformed(e->problem, "tool %s: empty description", name);
		index++;
	}
	return 0;
}

static int mismatch(const struct exam *e, const char *what, const char *id)
{
	return problem_invalid(
		e->problem, "TOOL_USE_RESULT_MISMATCH",
		"The number of toolResult blocks does not match the toolUse blocks of "
		"the previous turn.",
		"%s: %s", what, id);
}

/* How many entries of the list have that toolUseId. */
static int count_id(const cJSON *list, const char *id)
{
	const cJSON *item;
	int n = 0;

	cJSON_ArrayForEach (item, list)
		n += !strcmp(json_str(item, "toolUseId"), id);
	return n;
}

/* Each use has exactly one result in the next message, each result a use in the one before. */
static int check_pairs(const struct exam *e, const cJSON *uses, const cJSON *results)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, results) {
		const char *id = json_str(item, "toolUseId");

		if (!count_id(uses, id))
			return mismatch(e, "a result without its use", id);
		if (count_id(results, id) > 1)
			return mismatch(e, "more than one result", id);
	}
	cJSON_ArrayForEach (item, uses) {
		const char *id = json_str(item, "toolUseId");

		if (!count_id(results, id))
			return mismatch(e, "no result", id);
	}
	return 0;
}

static int check_use(const struct exam *e, const cJSON *use)
{
	if (check_name(e, json_str(use, "name"), "history/toolUses"))
		return -1;
	if (!cJSON_IsObject(json_get(use, "input")))
		return problem_malformed(e->problem, "toolUses.input must be a JSON object: %s",
					 json_str(use, "toolUseId"));
	if (!*json_str(use, "toolUseId"))
		return problem_malformed(e->problem, "an empty toolUseId");
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_unique(const struct exam *e, const char **ids, size_t count)
{
	if (!count)
		return 0;
	qsort(ids, count, sizeof(*ids), compare_ids);
	for (size_t i = 1; i < count; i++) {
		if (!strcmp(ids[i - 1], ids[i]))
			return mismatch(e, "a toolUseId is used twice", ids[i]);
	}
	return 0;
}

/* Every use of the conversation: well-formed, answered in the next message, its id unique. */
static int check_all_uses(const struct exam *e, bool *any)
{
	const cJSON *uses = NULL, *use;
	const char **ids = NULL;
	size_t count = 0, size = 0;
	int rc = 0;

	for (const cJSON *m = NULL; !rc && (m = exam_message(e, m));) {
		const cJSON *results = message_tool_results(message_user(m));

		if (message_user(m))
			rc = check_pairs(e, uses, results);
		uses = json_array(message_assistant(m), "toolUses");
		*any = *any || results || (uses && uses->child);
		cJSON_ArrayForEach (use, uses) {
			if (rc || (rc = check_use(e, use)))
				break;
			if (count == size) {
				size = size ? 2 * size : 64;
				ids = xrealloc(ids, size * sizeof(*ids));
			}
			ids[count++] = json_str(use, "toolUseId");
		}
	}
	if (!rc)
		rc = check_unique(e, ids, count);
	free(ids);
	return rc;
}

int validate_tool_uses(const struct exam *e)
{
	bool any = false;

	if (check_all_uses(e, &any))
		return -1;
	if (any && !message_tools(e->current))
		return problem_invalid(
			e->problem, "TOOL_CONFIG_MISSING",
			"The toolConfig field must be defined when using toolUse and "
			"toolResult content blocks.",
			"tool uses or results without tools in currentMessage");
	return 0;
}
