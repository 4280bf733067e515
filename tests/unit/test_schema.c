#include "common/base.h"
#include "common/limits.h"
#include "fcgi/pattern.h"
#include "fcgi/schema.h"

#include <CUnit/CUnit.h>
#include <pthread.h>

/* In schema and value ' stands for ". wrong NULL: the value fits. */
static const struct {
	const char *schema, *value, *wrong;
} rows[] = {
	{ "{}", "7", NULL },
	{ "true", "7", NULL },
	{ "false", "7", "must not be there" },
	{ "{'type':'string'}", "'x'", NULL },
	{ "{'type':'string'}", "7", "should be of type string" },
	{ "{'type':'integer'}", "7.0", NULL },
	{ "{'type':'integer'}", "7.5", "of type integer" },
	{ "{'type':['string','null']}", "null", NULL },
	{ "{'type':['string','null']}", "true", "none of the types" },
	{ "{'type':'boolean'}", "false", NULL },
	{ "{'type':'null'}", "0", "of type null" },
	{ "{'type':'imaginary'}", "0", NULL },
	{ "{'enum':['a',1,null]}", "null", NULL },
	{ "{'enum':['a',1]}", "'b'", "none of the values of enum" },
	{ "{'const':{'a':[1]}}", "{'a':[1]}", NULL },
	{ "{'const':null}", "1", "const" },

	{ "{'required':['a','b']}", "{'a':1}", "the member \"b\" is missing" },
	{ "{'required':['a']}", "{'a':null}", NULL },
	{ "{'required':['a']}", "[]", NULL },
	{ "{'properties':{'a':{'properties':{'b':{'type':'string'}}}}}", "{'a':{'b':1}}",
	  "a.b: should be of type string" },
	{ "{'properties':{'a':{}},'additionalProperties':false}", "{'a':1,'c':2}",
	  "c: is no member that the schema knows" },
	{ "{'additionalProperties':{'type':'number'}}", "{'a':'x'}", "a: should be" },
	{ "{'patternProperties':{'^x':{}},'additionalProperties':false}", "{'xa':1}", NULL },
	{ "{'minProperties':1}", "{}", "at least 1 members" },
	{ "{'maxProperties':1}", "{'a':1,'b':1}", "at most 1 members" },

	{ "{'items':{'type':'number'}}", "[1,'x']", "1: should be of type number" },
	{ "{'prefixItems':[{'type':'string'}],'items':false}", "['a']", NULL },
	{ "{'prefixItems':[{'type':'string'}],'items':false}", "['a',1]", "1: must not be there" },
	{ "{'items':[{'type':'string'}],'additionalItems':{'type':'number'}}", "['a','b']",
	  "1: should be of type number" },
	{ "{'minItems':2}", "[1]", "at least 2 items" },
	{ "{'maxItems':2}", "[1,2,3]", "at most 2 items" },
	{ "{'const':{'a':1,'b':[2,{'c':null}]}}", "{'b':[2.0,{'c':null}],'a':1}", NULL },
	{ "{'const':{'a':1,'b':[2,{'c':null}]}}", "{'b':[2,{'c':false}],'a':1}", "const" },
	{ "{'const':{'a':1}}", "{'a':1,'b':2}", "const" },
	{ "{'const':{'a':1,'b':2}}", "{'a':1}", "const" },
	{ "{'const':[1,2]}", "[1]", "const" },
	{ "{'const':[1]}", "[1,2]", "const" },
	{ "{'const':'1'}", "1", "const" },
	{ "{'uniqueItems':true}", "[{'a':1},{'a':2}]", NULL },
	{ "{'uniqueItems':true}", "[{'a':1},{'a':1}]", "twice" },

	{ "{'minLength':2}", "'\xC3\xA9'", "at least 2 characters" },
	{ "{'maxLength':1}", "'\xC3\xA9'", NULL },
	{ "{'pattern':'^\\\\d{4}-\\\\d{2}$'}", "'2024-05'", NULL },
	{ "{'pattern':'^\\\\d{4}-\\\\d{2}$'}", "'2024-5'", "does not match the pattern" },
	{ "{'pattern':'x'}", "7", NULL },
	{ "{'minimum':1,'maximum':3}", "3", NULL },
	{ "{'minimum':1}", "0.5", "at least 1" },
	{ "{'maximum':3}", "4", "at most 3" },
	{ "{'exclusiveMinimum':1}", "1", "greater than 1" },
	{ "{'exclusiveMaximum':3}", "3", "less than 3" },
	{ "{'minimum':1}", "'x'", NULL },
	{ "{'multipleOf':0.1}", "0.3", NULL },
	{ "{'multipleOf':2}", "3", "no multiple of 2" },

	{ "{'anyOf':[{'type':'string'},{'type':'number'}]}", "1", NULL },
	{ "{'anyOf':[{'type':'string'},{'type':'number'}]}", "[]", "anyOf" },
	{ "{'oneOf':[{'type':'number'},{'minimum':1}]}", "1", "fits 2 of the schemas of oneOf" },
	{ "{'oneOf':[{'type':'number'},{'type':'string'}]}", "1", NULL },
	{ "{'allOf':[{'minimum':1},{'maximum':3}]}", "5", "at most 3" },
	{ "{'not':{'type':'string'}}", "'x'", "fits the schema of not" },
	{ "{'not':{'type':'string'}}", "1", NULL },

	{ "{'$ref':'#/$defs/n','$defs':{'n':{'type':'number'}}}", "'x'", "of type number" },
	{ "{'$ref':'#/$defs/a~1b~0','$defs':{'a/b~':{'type':'number'}}}", "'x'", "of type number" },
	{ "{'$ref':'#/allOf/0','allOf':[{'type':'number'}]}", "'x'", "of type number" },
	{ "{'$ref':'https://example.org/x'}", "1", NULL },
	{ "{'$ref':'#/nowhere'}", "1", NULL },
	{ "{'properties':{'next':{'$ref':'#'}},'required':['v']}", "{'v':1,'next':{'v':2}}", NULL },
	{ "{'properties':{'next':{'$ref':'#'}},'required':['v']}", "{'v':1,'next':{}}",
	  "next: the member \"v\" is missing" },
	{ "{'$ref':'#'}", "1", NULL }, /* without end */
	{ "{'not':{'$ref':'#'}}", "1", NULL },
	{ "{'type':7,'enum':7,'required':7,'properties':7,'items':7,'allOf':7,'anyOf':7,'oneOf':7,"
	  "'not':7,'pattern':7,'$ref':7,'minimum':'x','multipleOf':0}",
	  "{'a':1}", NULL },
};

static cJSON *tree_of(const char *notation)
{
	char *text = xstrdup(notation);
	cJSON *tree;

	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	tree = cJSON_Parse(text);
	free(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
	return tree;
}

static void values_fit_or_say_where_not(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error e = { .kind = ERR_NONE };
		cJSON *schema = tree_of(rows[i].schema), *value = tree_of(rows[i].value);
		long steps = 0;
		int rc = schema_check(schema, value, &steps, &e);

		if (rc != (rows[i].wrong ? -1 : 0) ||
		    (rows[i].wrong && !strstr(e.message, rows[i].wrong))) {
			printf("\n%s of %s\n  gave %d: %s\n", rows[i].value, rows[i].schema, rc,
			       e.message);
			CU_FAIL("not judged as it should be");
		}
		cJSON_Delete(schema);
		cJSON_Delete(value);
	}
}

/* Members within members are compared once each, not 2^100 times. */
static void deep_values_are_compared(void)
{
	struct error e = { .kind = ERR_NONE };
	cJSON *schema, *value, *same;
	long steps = 0;

	value = cJSON_CreateNumber(1);
	for (int i = 0; i < 100; i++) {
		cJSON *outer = cJSON_CreateObject();

		cJSON_AddItemToObject(outer, "a", value);
		value = outer;
	}
	same = cJSON_Duplicate(value, true);
	schema = cJSON_CreateObject();
	cJSON_AddItemToObject(schema, "const", same);
	CU_ASSERT_EQUAL(schema_check(schema, value, &steps, &e), 0);
	cJSON_Delete(schema);
	cJSON_Delete(value);
}

/* As many choices that say nothing, for as many items: 10^10 looks would take a minute. */
static void wide_schemas_are_bounded(void)
{
	struct error e = { .kind = ERR_NONE };
	cJSON *schema = cJSON_CreateObject(), *items, *choices, *types, *value;
	long steps = 0;

	items = cJSON_AddObjectToObject(schema, "items");
	choices = cJSON_AddArrayToObject(items, "anyOf");
	types = cJSON_AddArrayToObject(items, "type");
	value = cJSON_CreateArray();
	for (int i = 0; i < 100000; i++) {
		cJSON_AddItemToArray(choices, cJSON_CreateTrue());
		cJSON_AddItemToArray(types, cJSON_CreateString("string"));
		cJSON_AddItemToArray(value, cJSON_CreateNumber(i));
	}
	cJSON_AddItemToArray(types, cJSON_CreateString("number"));
	CU_ASSERT_EQUAL(schema_check(schema, value, &steps, &e), 0);
	cJSON_Delete(schema);
	cJSON_Delete(value);
}

static void work_is_bounded(void)
{
	struct error e = { .kind = ERR_NONE };
	cJSON *schema = tree_of("{'anyOf':[{'$ref':'#'},{'$ref':'#'},{'$ref':'#'}]}");
	cJSON *value = tree_of("1");
	long steps = 0;

	CU_ASSERT_EQUAL(schema_check(schema, value, &steps, &e), 0);
	cJSON_Delete(schema);
	cJSON_Delete(value);
}

/* The values that are tried of one answer have its work together. */
static void work_is_bounded_for_several_values(void)
{
	struct error e = { .kind = ERR_NONE };
	cJSON *schema = cJSON_CreateObject(), *choices = cJSON_AddArrayToObject(schema, "anyOf");
	cJSON *value = tree_of("1");
	long steps = 0;

	for (int i = 0; i < 150000; i++)
		cJSON_AddItemToArray(choices, cJSON_CreateFalse());
	CU_ASSERT_EQUAL(schema_check(schema, value, &steps, &e), -1);
	CU_ASSERT(steps >= 150000);
	error_clear(&e);
	CU_ASSERT_EQUAL(schema_check(schema, value, &steps, &e), 0);
	steps = 0;
	CU_ASSERT_EQUAL(schema_check(schema, value, &steps, &e), -1);
	error_clear(&e);
	cJSON_Delete(schema);
	cJSON_Delete(value);
}

static void patterns_match_as_far_as_they_can_be_said(void)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} patterns[] = {
		{ "^[a-z]+$", "abc", true },
		{ "^[a-z]+$", "ab1", false },
		{ "b", "abc", true },
		{ "^\\w+@\\w+\\.com$", "a@b.com", true },
		{ "^\\w+@\\w+\\.com$", "a@bxcom", false },
		{ "^[\\w.-]+$", "a.b-c", true },
		{ "^[\\d\\s]+$", "1 2", true },
		{ "^[\\d\\s]+$", "1 x", false },
		{ "^a\\^b$", "a^b", true },
		{ "^a\\^b$", "ab", false },
		{ "^\\(\\d{3}\\)$", "(123)", true },
		{ "^(?:a)$", "b", true },			    /* cannot be said */
		{ "^\\p{L}$", "1", true },			    /* cannot be said */
		{ "^.$", "\xC3\xA9", true },			    /* not judged */
		{ "(", "x", true },				    /* no expression */
		{ "((((a{1,99}){1,99}){1,99}){1,99})", "b", true }, /* would cost too much */
		{ "a\\", "b", true },
		{ "[]a]", "b", true },
		{ "a)(b", "x", true }, /* no expression, whatever we put around it */
		{ "^a|b$", "xb", true },
		{ "^a|b$", "ax", true },
		{ "^a|b$", "xax", false },
		{ "^\\[{2}\\]$", "[[]", true },
		{ "^\\[{2}\\]$", "[]", false },
		{ "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
		  "01234567-89ab-cdef-0123-456789abcdef", true },
		{ "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
		  "01234567-89ab-cdef-0123-456789abcdeg", false },
		/* regcomp() needs more stack than a worker has, or 800 MB */
		{ "^(a?){10000}$", "b", true },
		{ "^((a?){50}){50}$", "b", true },
		{ "^a{10}{10}{10}$", "b", true },
		{ "^a{0,10000}$", "b", true },
		/* regcomp() takes hours */
		{ "^((((((a?)*)?)*)?)*){15}$", "b", true },
		{ "^((a*|b?)+){20}$", "c", true },
		{ "^((a*|b?){1,}){20}$", "c", true },
		{ "^(^|a)*$", "c", true },
		{ "^([a-z]+[.])*[a-z]{2,}$", "a.b.de", true },
		{ "^([a-z]+[.])*[a-z]{2,}$", "a.b.d", false },
		{ "^(a|b?c)+$", "abcc", true },
		{ "^(a|b?c)+$", "ab", false },
		{ "^(a?){80}$", "b", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		long steps = 0;
		bool got = pattern_matches(patterns[i].pattern, patterns[i].text, &steps);

		if (got != patterns[i].matches)
			printf("\n%s on %s\n", patterns[i].pattern, patterns[i].text);
		CU_ASSERT_EQUAL(got, patterns[i].matches);
	}
}

/* Where an expression may begin is no reason to look at the text again from each place. */
static void patterns_are_looked_for_once(void)
{
	char text[8001] = "";
	unsigned bits = 1;
	long steps = 0;

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		bits = bits >> 1 ^ (bits & 1 ? 0x80200003u : 0); /* as good as random */
		text[i] = bits & 1 ? 'a' : 'b';
	}
	CU_ASSERT_FALSE(pattern_matches("(a|b)*a(a|b){50}c", text, &steps));
	CU_ASSERT(steps > 1000);
	steps = 0;
	CU_ASSERT_TRUE(pattern_matches("b", text, &steps));
	CU_ASSERT(steps < 1000);
}

/* A client's schema must not take the stack of a worker. */
static void *match_on_a_small_stack(void *context)
{
	long steps = 0;

	(void)context;
	pattern_matches("^(a?){80}$", "b", &steps);
	pattern_matches("^(((a?){3}){3}){5}$", "b", &steps);
	pattern_matches("^(a?){10000}$", "b", &steps);
	return NULL;
}

static void patterns_need_little_stack(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, KB(128));
	CU_ASSERT_EQUAL(pthread_create(&thread, &attributes, match_on_a_small_stack, NULL), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
}

CU_TestInfo schema_tests[] = {
	{ "deep_values_are_compared", deep_values_are_compared },
	{ "wide_schemas_are_bounded", wide_schemas_are_bounded },
	{ "patterns_are_looked_for_once", patterns_are_looked_for_once },
	{ "patterns_need_little_stack", patterns_need_little_stack },
	{ "values_fit_or_say_where_not", values_fit_or_say_where_not },
	{ "work_is_bounded", work_is_bounded },
	{ "work_is_bounded_for_several_values", work_is_bounded_for_several_values },
	{ "patterns_match_as_far_as_they_can_be_said", patterns_match_as_far_as_they_can_be_said },
	CU_TEST_INFO_NULL,
};
