#include "common/base.h"
#include "fcgi/pattern.h"
#include "fcgi/schema.h"

#include <CUnit/CUnit.h>

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
		int rc = schema_check(schema, value, &e);

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

static void work_is_bounded(void)
{
	struct error e = { .kind = ERR_NONE };
	cJSON *schema = tree_of("{'anyOf':[{'$ref':'#'},{'$ref':'#'},{'$ref':'#'}]}");
	cJSON *value = tree_of("1");

	CU_ASSERT_EQUAL(schema_check(schema, value, &e), 0);
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
	};

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		bool got = pattern_matches(patterns[i].pattern, patterns[i].text);

		if (got != patterns[i].matches)
			printf("\n%s on %s\n", patterns[i].pattern, patterns[i].text);
		CU_ASSERT_EQUAL(got, patterns[i].matches);
	}
}

CU_TestInfo schema_tests[] = {
	{ "values_fit_or_say_where_not", values_fit_or_say_where_not },
	{ "work_is_bounded", work_is_bounded },
	{ "patterns_match_as_far_as_they_can_be_said", patterns_match_as_far_as_they_can_be_said },
	CU_TEST_INFO_NULL,
};
