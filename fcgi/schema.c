#include "common/base.h"
#include "fcgi/schema.h"

#include "common/json.h"
#include "common/utf8.h"
#include "fcgi/pattern.h"

#include <math.h>

#define MAX_DEPTH 64 /* schemas within schemas; a frame is small, a worker's stack is not large */
#define MAX_STEPS 200000 /* schemas applied to values, and values compared */
#define SMALL	  64

struct check {
	const cJSON *root;
	struct error *e;
	int depth, quiet; /* quiet: inside a choice, where a failure need not be told */
	long steps, little;
	bool gave_up;
};

static int check_value(struct check *c, const cJSON *schema, const cJSON *value,
		       const struct json_at *at);

static int PRINTF_LIKE(3, 4)
	fail(struct check *c, const struct json_at *at, const char *format, ...)
{
	char path[JSON_PATH_SIZE], text[LIMIT_ERROR_TEXT];
	va_list args;

	if (c->quiet)
		return -1;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_path(at, NULL, path);
	return error_set(c->e, ERR_UP_UNMET, "%s%s%s", path, *path ? ": " : "", text);
}

static bool spend(struct check *c)
{
	if (++c->steps > MAX_STEPS)
		c->gave_up = true;
	return !c->gave_up;
}

/* Of what is done quickly SMALL make a step. */
static bool spend_little(struct check *c)
{
	return ++c->little % SMALL ? !c->gave_up : spend(c);
}

/* NULL: there is none, or it is no object. */
static const cJSON *member(struct check *c, const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_IsObject(object) ? object->child : NULL;

	while (item && strcmp(item->string, name) != 0)
		item = spend_little(c) ? item->next : NULL;
	return item;
}

static bool is_integer(const cJSON *value)
{
	return cJSON_IsNumber(value) && floor(value->valuedouble) == value->valuedouble;
}

static bool is_of_type(const cJSON *value, const char *type)
{
	if (strcmp(type, "object") == 0)
		return cJSON_IsObject(value);
	if (strcmp(type, "array") == 0)
		return cJSON_IsArray(value);
	if (strcmp(type, "string") == 0)
		return cJSON_IsString(value);
	if (strcmp(type, "number") == 0)
		return cJSON_IsNumber(value);
	if (strcmp(type, "integer") == 0)
		return is_integer(value);
	if (strcmp(type, "boolean") == 0)
		return cJSON_IsBool(value);
	return strcmp(type, "null") != 0 || cJSON_IsNull(value);
}

static bool equal(struct check *c, const cJSON *a, const cJSON *b);

static bool equal_items(struct check *c, const cJSON *a, const cJSON *b)
{
	for (a = a->child, b = b->child; a && b; a = a->next, b = b->next) {
		if (!equal(c, a, b))
			return false;
	}
	return !a && !b;
}

static bool equal_members(struct check *c, const cJSON *a, const cJSON *b)
{
	const cJSON *one, *other;

	cJSON_ArrayForEach (one, a) {
		other = member(c, b, one->string);
		if (!other || !equal(c, one, other))
			return false;
	}
	cJSON_ArrayForEach (one, b) {
		if (!member(c, a, one->string))
			return false;
	}
	return true;
}

/* cJSON_Compare() looks at the members twice, at theirs four times, and so on: at 40 levels it does
 * not end. */
static bool equal(struct check *c, const cJSON *a, const cJSON *b)
{
	if (!spend(c) || (a->type & 0xFF) != (b->type & 0xFF))
		return false;
	if (cJSON_IsNumber(a))
		return a->valuedouble == b->valuedouble;
	if (cJSON_IsString(a))
		return strcmp(a->valuestring, b->valuestring) == 0;
	return cJSON_IsArray(a)	   ? equal_items(c, a, b)
	       : cJSON_IsObject(a) ? equal_members(c, a, b)
				   : true;
}

/* ---- one keyword each: 0, or -1 with the reason told ---- */

static int check_type(struct check *c, const cJSON *type, const cJSON *value,
		      const struct json_at *at)
{
	const cJSON *one;

	if (cJSON_IsString(type))
		return is_of_type(value, type->valuestring)
			       ? 0
			       : fail(c, at, "should be of type %.32s", type->valuestring);
	if (!cJSON_IsArray(type))
		return 0;
	cJSON_ArrayForEach (one, type) {
		if (!spend_little(c) || !cJSON_IsString(one) || is_of_type(value, one->valuestring))
			return 0;
	}
	return fail(c, at, "is of none of the types allowed");
}

static int check_enum(struct check *c, const cJSON *values, const cJSON *value,
		      const struct json_at *at)
{
	const cJSON *one;

	if (!cJSON_IsArray(values))
		return 0;
	for (one = values->child; one && !c->gave_up; one = one->next) {
		if (equal(c, one, value))
			return 0;
	}
	return fail(c, at, "is none of the values of enum");
}

static int check_const(struct check *c, const cJSON *wanted, const cJSON *value,
		       const struct json_at *at)
{
	return equal(c, wanted, value) ? 0 : fail(c, at, "is not the value of const");
}

static int count_passes(struct check *c, const cJSON *schemas, const cJSON *value,
			const struct json_at *at)
{
	const cJSON *one;
	int passes = 0;

	c->quiet++;
	for (one = schemas->child; one && !c->gave_up; one = one->next)
		passes += check_value(c, one, value, at) == 0;
	c->quiet--;
	return passes;
}

static int check_any(struct check *c, const cJSON *schemas, const cJSON *value,
		     const struct json_at *at)
{
	return !cJSON_IsArray(schemas) || count_passes(c, schemas, value, at)
		       ? 0
		       : fail(c, at, "fits none of the schemas of anyOf");
}

static int check_one(struct check *c, const cJSON *schemas, const cJSON *value,
		     const struct json_at *at)
{
	int passes = cJSON_IsArray(schemas) ? count_passes(c, schemas, value, at) : 1;

	return passes == 1 ? 0 : fail(c, at, "fits %d of the schemas of oneOf", passes);
}

static int check_all(struct check *c, const cJSON *schemas, const cJSON *value,
		     const struct json_at *at)
{
	const cJSON *one;

	if (!cJSON_IsArray(schemas))
		return 0;
	for (one = schemas->child; one && !c->gave_up; one = one->next) {
		if (check_value(c, one, value, at))
			return -1;
	}
	return 0;
}

static int check_not(struct check *c, const cJSON *schema, const cJSON *value,
		     const struct json_at *at)
{
	int rc;

	if (!cJSON_IsObject(schema) && !cJSON_IsBool(schema))
		return 0;
	c->quiet++;
	rc = check_value(c, schema, value, at);
	c->quiet--;
	return rc ? 0 : fail(c, at, "fits the schema of not");
}

/* The schema at "#" or "#/a/b" of the document, NULL: elsewhere, or not there. ~0 and ~1 stand for
 * ~ and /. */
static const cJSON *find_ref(struct check *c, const char *ref)
{
	const cJSON *at = c->root;

	if (*ref++ != '#')
		return NULL;
	while (at && *ref == '/') {
		size_t len = strcspn(++ref, "/");
		char *key = xstrndup(ref, len), *to = key;

		for (const char *from = key; *from; from++) {
			char next = *from == '~' ? from[1] : '\0';

			from += next == '0' || next == '1';
			*to++ = next == '0' ? '~' : next == '1' ? '/' : *from;
		}
		*to = '\0';
		at = cJSON_IsArray(at) ? cJSON_GetArrayItem(at, atoi(key)) : member(c, at, key);
		free(key);
		ref += len;
	}
	return *ref ? NULL : at;
}

static int check_ref(struct check *c, const cJSON *ref, const cJSON *value,
		     const struct json_at *at)
{
	const cJSON *schema = NULL;

	if (cJSON_IsString(ref) && strlen(ref->valuestring) < JSON_PATH_SIZE)
		schema = find_ref(c, ref->valuestring);
	return schema ? check_value(c, schema, value, at) : 0;
}

static int check_pattern(struct check *c, const cJSON *pattern, const cJSON *value,
			 const struct json_at *at)
{
	if (!cJSON_IsString(pattern) || !cJSON_IsString(value) || !spend(c) ||
	    pattern_matches(pattern->valuestring, value->valuestring, &c->steps))
		return 0;
	return fail(c, at, "does not match the pattern %.128s", pattern->valuestring);
}

static int check_multiple(struct check *c, const cJSON *of, const cJSON *value,
			  const struct json_at *at)
{
	double quotient;

	if (!cJSON_IsNumber(of) || !cJSON_IsNumber(value) || !(of->valuedouble > 0))
		return 0;
	quotient = value->valuedouble / of->valuedouble;
	if (fabs(quotient - nearbyint(quotient)) <= 1e-9 * fmax(1, fabs(quotient)))
		return 0;
	return fail(c, at, "is no multiple of %g", of->valuedouble);
}

static int check_unique(struct check *c, const cJSON *wanted, const cJSON *value,
			const struct json_at *at)
{
	if (!cJSON_IsTrue(wanted) || !cJSON_IsArray(value))
		return 0;
	for (const cJSON *a = value->child; a; a = a->next) {
		for (const cJSON *b = a->next; b && !c->gave_up; b = b->next) {
			if (equal(c, a, b))
				return fail(c, at, "has the same item twice");
		}
	}
	return 0;
}

static int check_required(struct check *c, const cJSON *names, const cJSON *value,
			  const struct json_at *at)
{
	const cJSON *name;

	if (!cJSON_IsArray(names) || !cJSON_IsObject(value))
		return 0;
	for (name = names->child; name && spend_little(c); name = name->next) {
		if (cJSON_IsString(name) && !member(c, value, name->valuestring))
			return fail(c, at, "the member \"%.64s\" is missing", name->valuestring);
	}
	return 0;
}

static const struct keyword {
	const char *name;
	int (*check)(struct check *c, const cJSON *wanted, const cJSON *value,
		     const struct json_at *at);
} keywords[] = {
	{ "type", check_type },		  { "enum", check_enum },
	{ "const", check_const },	  { "$ref", check_ref },
	{ "required", check_required },	  { "pattern", check_pattern },
	{ "multipleOf", check_multiple }, { "uniqueItems", check_unique },
	{ "allOf", check_all },		  { "anyOf", check_any },
	{ "oneOf", check_one },		  { "not", check_not },
};

/* ---- bounds ---- */

enum measure { OF_NUMBER, OF_TEXT, OF_ARRAY, OF_OBJECT };

static const struct bound {
	const char *name;
	enum measure measure;
	int sign; /* 1: not more than; -1: not less than */
	bool excluded;
	const char *words, *unit;
} bounds[] = {
	{ "minimum", OF_NUMBER, -1, false, "should be at least", "" },
	{ "maximum", OF_NUMBER, 1, false, "should be at most", "" },
	{ "exclusiveMinimum", OF_NUMBER, -1, true, "should be greater than", "" },
	{ "exclusiveMaximum", OF_NUMBER, 1, true, "should be less than", "" },
	{ "minLength", OF_TEXT, -1, false, "should have at least", " characters" },
	{ "maxLength", OF_TEXT, 1, false, "should have at most", " characters" },
	{ "minItems", OF_ARRAY, -1, false, "should have at least", " items" },
	{ "maxItems", OF_ARRAY, 1, false, "should have at most", " items" },
	{ "minProperties", OF_OBJECT, -1, false, "should have at least", " members" },
	{ "maxProperties", OF_OBJECT, 1, false, "should have at most", " members" },
};

/* false: the bound is about another type. */
static bool measure(const cJSON *value, enum measure what, double *out)
{
	if (what == OF_NUMBER && cJSON_IsNumber(value))
		*out = value->valuedouble;
	else if (what == OF_TEXT && cJSON_IsString(value))
		*out = (double)utf8_count(span_of(value->valuestring));
	else if ((what == OF_ARRAY && cJSON_IsArray(value)) ||
		 (what == OF_OBJECT && cJSON_IsObject(value)))
		*out = cJSON_GetArraySize(value);
	else
		return false;
	return true;
}

static int check_bounds(struct check *c, const cJSON *schema, const cJSON *value,
			const struct json_at *at)
{
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
		const struct bound *b = &bounds[i];
		const cJSON *wanted = cJSON_GetObjectItemCaseSensitive(schema, b->name);
		double size, over;

		if (!cJSON_IsNumber(wanted) || !measure(value, b->measure, &size))
			continue;
		over = (size - wanted->valuedouble) * b->sign;
		if (over > 0 || (b->excluded && over == 0))
			return fail(c, at, "%s %g%s", b->words, wanted->valuedouble, b->unit);
	}
	return 0;
}

/* ---- members and items ---- */

static int check_members(struct check *c, const cJSON *schema, const cJSON *value,
			 const struct json_at *at)
{
	const cJSON *properties = cJSON_GetObjectItemCaseSensitive(schema, "properties");
	const cJSON *others = cJSON_GetObjectItemCaseSensitive(schema, "additionalProperties");
	/* names that a pattern allows are not told apart here */
	const bool patterns = cJSON_GetObjectItemCaseSensitive(schema, "patternProperties");
	const cJSON *item;

	if (!cJSON_IsObject(value))
		return 0;
	cJSON_ArrayForEach (item, value) {
		const struct json_at inside = { .up = at, .key = item->string };
		const cJSON *own = member(c, properties, item->string);

		if (!own && others && !patterns && cJSON_IsFalse(others))
			return fail(c, &inside, "is no member that the schema knows");
		if (!own && !patterns)
			own = others;
		if (own && check_value(c, own, item, &inside))
			return -1;
	}
	return 0;
}

static int check_items(struct check *c, const cJSON *schema, const cJSON *value,
		       const struct json_at *at)
{
	const cJSON *first = cJSON_GetObjectItemCaseSensitive(schema, "prefixItems");
	const cJSON *rest = cJSON_GetObjectItemCaseSensitive(schema, "items");
	struct json_at inside = { .up = at };
	const cJSON *item;

	if (!cJSON_IsArray(value))
		return 0;
	if (cJSON_IsArray(rest)) { /* draft 7 */
		first = rest;
		rest = cJSON_GetObjectItemCaseSensitive(schema, "additionalItems");
	}
	first = cJSON_IsArray(first) ? first->child : NULL;
	cJSON_ArrayForEach (item, value) {
		const cJSON *own = first ? first : rest;

		if (own && check_value(c, own, item, &inside))
			return -1;
		first = first ? first->next : NULL;
		inside.index++;
	}
	return 0;
}

static int check_object(struct check *c, const cJSON *schema, const cJSON *value,
			const struct json_at *at)
{
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
		const cJSON *wanted = cJSON_GetObjectItemCaseSensitive(schema, keywords[i].name);

		if (wanted && keywords[i].check(c, wanted, value, at))
			return -1;
	}
	if (check_bounds(c, schema, value, at) || check_members(c, schema, value, at))
		return -1;
	return check_items(c, schema, value, at);
}

static int check_value(struct check *c, const cJSON *schema, const cJSON *value,
		       const struct json_at *at)
{
	int rc;

	if (!spend(c))
		return 0;
	if (cJSON_IsFalse(schema))
		return fail(c, at, "must not be there");
	if (!cJSON_IsObject(schema))
		return 0;
	if (c->depth == MAX_DEPTH) {
		c->gave_up = true;
		return 0;
	}
	c->depth++;
	rc = check_object(c, schema, value, at);
	c->depth--;
	return rc;
}

int schema_check(const cJSON *schema, const cJSON *value, long *steps, struct error *e)
{
	struct error why = { .kind = ERR_NONE };
	struct check c = { .root = schema, .e = &why, .steps = *steps };
	int rc = check_value(&c, schema, value, NULL);

	*steps = c.steps;
	if (!rc || c.gave_up)
		return 0;
	return error_set(e, why.kind, "%s", why.message);
}
