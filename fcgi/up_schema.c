/*
 * Some clients write a keyword without a value as null ("required": null), which the model host
 * refuses at every level. Only the keywords below hold schemas; what others hold is data
 * ("default", "const", "enum"), where null is a value.
 */
#include "common/base.h"
#include "fcgi/up_schema.h"

enum holds { DATA, SCHEMA, SCHEMAS_BY_NAME };

/* A list counts as its items, a list of names or a boolean as no schema at all. */
static const struct keyword {
	const char *name;
	enum holds holds;
} keywords[] = {
	{ "properties", SCHEMAS_BY_NAME },
	{ "patternProperties", SCHEMAS_BY_NAME },
	{ "$defs", SCHEMAS_BY_NAME },
	{ "definitions", SCHEMAS_BY_NAME },
	{ "dependentSchemas", SCHEMAS_BY_NAME },
	{ "items", SCHEMA },
	{ "prefixItems", SCHEMA },
	{ "contains", SCHEMA },
	{ "additionalProperties", SCHEMA },
	{ "unevaluatedProperties", SCHEMA },
	{ "propertyNames", SCHEMA },
	{ "anyOf", SCHEMA },
	{ "oneOf", SCHEMA },
	{ "allOf", SCHEMA },
	{ "not", SCHEMA },
	{ "if", SCHEMA },
	{ "then", SCHEMA },
	{ "else", SCHEMA },
};

static enum holds held_by(const char *keyword)
{
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
		if (strcmp(keywords[i].name, keyword) == 0)
			return keywords[i].holds;
	}
	return DATA;
}

/* ---- what cannot be repaired ---- */

static int bad_schema(const char *tool, const struct json_at *at, const char *key,
		      const char *wanted, struct error *e)
{
	char path[JSON_PATH_SIZE];

	return error_field(e, "tools", "the input_schema of the tool %.64s: %.100s should be %s",
			   tool, json_path(at, key, path), wanted);
}

static int check_required(const char *tool, const cJSON *required, const struct json_at *at,
			  struct error *e)
{
	const cJSON *name = NULL;

	if (required && !cJSON_IsArray(required))
		return bad_schema(tool, at, "required", "an array of names", e);
	cJSON_ArrayForEach (name, required) {
		if (!cJSON_IsString(name))
			return bad_schema(tool, at, "required", "an array of names", e);
	}
	return 0;
}

static int check(const char *tool, const cJSON *schema, const struct json_at *at, struct error *e);

static int check_properties(const char *tool, const cJSON *properties, const struct json_at *at,
			    struct error *e)
{
	const cJSON *child = NULL;

	if (properties && !cJSON_IsObject(properties))
		return bad_schema(tool, at, "properties", "an object", e);
	cJSON_ArrayForEach (child, properties) {
		struct json_at inside = { .up = at, .key = "properties" };

		if (!cJSON_IsObject(child) && !cJSON_IsBool(child))
			return bad_schema(tool, &inside, child->string, "a schema", e);
	}
	return 0;
}

/* The schemas that a keyword holds: one, or a list or object of them. */
static int check_held(const char *tool, const cJSON *keyword, const struct json_at *up,
		      struct error *e)
{
	const enum holds holds = held_by(keyword->string);
	struct json_at at = { .up = up, .key = keyword->string };
	struct json_at item_at = { .up = &at };
	const cJSON *child;

	if (holds == DATA)
		return 0;
	if (holds == SCHEMA && cJSON_IsObject(keyword))
		return check(tool, keyword, &at, e);
	cJSON_ArrayForEach (child, keyword) {
		item_at.key = child->string;
		if (cJSON_IsObject(child) && check(tool, child, &item_at, e))
			return -1;
		item_at.index++;
	}
	return 0;
}

/* What was judged by its first place must have no other: upstream would read that one. */
static int check_place(const char *tool, const cJSON *schema, const cJSON *keyword,
		       const struct json_at *at, struct error *e)
{
	static const char *const judged[] = {
		"type", "properties", "required", "additionalProperties", "oneOf", "anyOf", "allOf"
	};

	for (size_t i = 0; i < ARRAY_SIZE(judged); i++) {
		if (strcmp(judged[i], keyword->string) == 0 &&
		    cJSON_GetObjectItemCaseSensitive(schema, judged[i]) != keyword)
			return bad_schema(tool, at, judged[i], "there once", e);
	}
	return 0;
}

/* Recursion is bounded by the depth of the client's JSON. */
static int check(const char *tool, const cJSON *schema, const struct json_at *at, struct error *e)
{
	const cJSON *more = json_member(schema, "additionalProperties"), *keyword;

	if (check_properties(tool, json_member(schema, "properties"), at, e) ||
	    check_required(tool, json_member(schema, "required"), at, e))
		return -1;
	if (more && !cJSON_IsObject(more) && !cJSON_IsBool(more))
		return bad_schema(tool, at, "additionalProperties", "an object or a boolean", e);
	cJSON_ArrayForEach (keyword, schema) {
		if (check_place(tool, schema, keyword, at, e) || check_held(tool, keyword, at, e))
			return -1;
	}
	return 0;
}

int up_schema_check(const char *tool, const cJSON *schema, struct error *e)
{
	return check(tool, schema, NULL, e);
}

/* ---- what can ---- */

static void write_node(struct jsonw *w, const cJSON *node, enum holds holds);

static bool may_be_null(const char *keyword)
{
	return strcmp(keyword, "default") == 0 || strcmp(keyword, "const") == 0;
}

/* typed: the type was written already. */
static void write_keywords(struct jsonw *w, const cJSON *schema, bool typed)
{
	const cJSON *keyword;

	cJSON_ArrayForEach (keyword, schema) {
		if ((cJSON_IsNull(keyword) && !may_be_null(keyword->string)) ||
		    (typed && strcmp(keyword->string, "type") == 0))
			continue;
		jsonw_key(w, keyword->string);
		write_node(w, keyword, held_by(keyword->string));
	}
}

static void write_by_name(struct jsonw *w, const cJSON *schemas)
{
	const cJSON *schema;

	cJSON_ArrayForEach (schema, schemas) {
		jsonw_key(w, schema->string);
		write_node(w, schema, SCHEMA);
	}
}

static void write_list(struct jsonw *w, const cJSON *schemas)
{
	const cJSON *schema;

	jsonw_begin_array(w);
	cJSON_ArrayForEach (schema, schemas) {
		write_node(w, schema, SCHEMA);
	}
	jsonw_end(w);
}

static void write_node(struct jsonw *w, const cJSON *node, enum holds holds)
{
	if (holds != DATA && cJSON_IsArray(node)) {
		write_list(w, node);
	} else if (holds != DATA && cJSON_IsObject(node)) {
		jsonw_begin_object(w);
		if (holds == SCHEMA)
			write_keywords(w, node, false);
		else
			write_by_name(w, node);
		jsonw_end(w);
	} else {
		jsonw_tree(w, node);
	}
}

void up_schema_write(struct jsonw *w, const cJSON *schema)
{
	jsonw_begin_object(w);
	jsonw_text_member(w, "type", "object");
	write_keywords(w, schema, true);
	if (!json_member(schema, "properties")) {
		jsonw_begin_object_member(w, "properties");
		jsonw_end(w);
	}
	jsonw_end(w);
}
