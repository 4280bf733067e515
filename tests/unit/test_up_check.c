#include "common/base.h"
#include "fcgi/up_check.h"

#include "tests/unit/in_tests.h"

#define HEAD "{'model':'m','max_tokens':9,"
#define HI   "'messages':[{'role':'user','content':'hi'}]"
#define TOOL(schema)                                                                               \
	"'tools':[{'name':'a','input_schema':{'type':'object'}},{'name':'Odd','input_schema'"      \
	":" schema "}]"

struct check_test {
	struct in_test in;
	struct error error;
	int rc;
};

static void check(struct check_test *t, const char *notation, const char *model)
{
	in_test_accept(&t->in, in_anthropic, notation);
	t->error = (struct error){ .kind = ERR_NONE };
	t->rc = up_check_chat(&t->in.chat, models_find(model), &t->error);
}

/* n times `piece` between two texts; the caller frees it. */
static char *fill(const char *before, const char *piece, size_t n, const char *after)
{
	size_t len = strlen(piece);
	char *text = xmalloc(strlen(before) + n * len + strlen(after) + 1), *at = text;

	at = stpcpy(at, before);
	for (size_t i = 0; i < n; i++)
		at = stpcpy(at, piece);
	stpcpy(at, after);
	return text;
}

static void too_long(const char *before, const char *piece, size_t n, const char *after,
		     const char *field, const char *what)
{
	struct check_test t;
	char *body = fill(before, piece, n, after);

	check(&t, body, "auto");
	CU_ASSERT_EQUAL(t.rc, 0);
	in_test_release(&t.in);
	free(body);
	body = fill(before, piece, n + 1, after);
	check(&t, body, "auto");
	CU_ASSERT_EQUAL(t.rc, -1);
	CU_ASSERT_EQUAL(t.error.kind, ERR_CONTEXT);
	CU_ASSERT_STRING_EQUAL(t.error.field, field);
	CU_ASSERT_EQUAL(strncmp(t.error.message, "prompt is too long: ", 20), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(t.error.message, what));
	in_test_release(&t.in);
	free(body);
}

/* 600,000 characters of a user's message, 800,000 of a result: characters, not bytes. */
static void texts_have_the_upstreams_limits(void)
{
	too_long(HEAD "'messages':[{'role':'user','content':'", "x", 600000, "'}]}", "messages.0",
		 "600001 characters");
	too_long(HEAD "'messages':[{'role':'user','content':'", "\xC3\xBC", 600000, "'}]}",
		 "messages.0", "the text of messages.0");
}

static void the_system_text_counts_for_the_first_turn(void)
{
	too_long(HEAD "'system':'12345','messages':[{'role':'user','content':'", "x", 599995,
		 "'}]}", "messages.0", "the text of system and messages.0");
	too_long(HEAD "'system':'12345','messages':[{'role':'user','content':'a'},{'role':"
		      "'assistant','content':'b'},{'role':'user','content':'",
		 "x", 600000, "'}]}", "messages.2", "the text of messages.2");
}

static void results_have_their_own_limit(void)
{
	too_long(HEAD "'messages':[{'role':'user','content':'a'},{'role':'assistant','content':[{"
		      "'type':'tool_use','id':'t1','name':'f','input':{}}]},{'role':'user',"
		      "'content':[{'type':'tool_result','tool_use_id':'t1','content':'",
		 "x", 800000, "'}]}]}", "messages.2", "the tool_result for t1 in messages.2");
}

static void refused(const char *notation, const char *model, const char *field, const char *words)
{
	struct check_test t;

	check(&t, notation, model);
	if (t.rc != -1 || t.error.kind != ERR_REQUEST || strcmp(t.error.field, field) != 0 ||
	    !strstr(t.error.message, words)) {
		printf("\n%.300s\n  gave: [%s] %s\n", notation, t.error.field, t.error.message);
		CU_FAIL("not refused as it should be");
	}
	in_test_release(&t.in);
}

static void nesting_names_the_tool_or_the_call(void)
{
	char *deep = fill("", "{'properties':{'p':", 60, ""), *body;
	char *ends = fill("{'type':'string'}", "}}", 60, "");
	char *input = fill("", "[", 122, "");
	char *closed = fill("", "]", 122, "");

	CU_ASSERT_FATAL(asprintf(&body, HEAD HI "," TOOL("%s%s") "}", deep, ends) > 0);
	refused(body, "auto", "tools", "the tool Odd is nested too deep");
	free(body);
	CU_ASSERT_FATAL(asprintf(&body,
				 HEAD "'messages':[{'role':'user','content':'a'},{'role':"
				      "'assistant','content':[{'type':'tool_use','id':'t1',"
				      "'name':'f','input':{'k':%s%s}}]},{'role':'user','content':"
				      "'b'}]}",
				 input, closed) > 0);
	refused(body, "auto", "messages.1", "the tool call t1 is nested too deep");
	free(body);
	free(deep);
	free(ends);
	free(input);
	free(closed);
}

static void schemas_name_the_tool_and_the_place(void)
{
	static const char *const rows[][2] = {
		{ HEAD HI "," TOOL("{'properties':{'x':7}}") "}",
		  "properties.x should be a schema" },
		{ HEAD HI
		  "," TOOL("{'properties':{'x':{'properties':{'y':{'required':'z'}}}}}") "}",
		  "properties.x.properties.y.required should be an array of names" },
		{ HEAD HI "," TOOL("{'required':[7]}") "}",
		  "required should be an array of names" },
		{ HEAD HI "," TOOL("{'additionalProperties':'no'}") "}",
		  "additionalProperties should be an object or a boolean" },
		{ HEAD HI "," TOOL("{'properties':{'x':{'properties':[]}}}") "}",
		  "properties.x.properties should be an object" },
		{ HEAD HI "," TOOL("{'properties':{'x':{'items':{'required':'y'}}}}") "}",
		  "properties.x.items.required should be an array of names" },
		{ HEAD HI "," TOOL("{'$defs':{'n':{'anyOf':[{},{'properties':7}]}}}") "}",
		  "$defs.n.anyOf.1.properties should be an object" },
		{ HEAD HI "," TOOL("{'required':null,'required':'object'}") "}",
		  "required should be there once" },
		{ HEAD HI "," TOOL("{'items':{'properties':null,'properties':{'x':{}}}}") "}",
		  "items.properties should be there once" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		refused(rows[i][0], "auto", "tools", "the input_schema of the tool Odd: ");
		refused(rows[i][0], "auto", "tools", rows[i][1]);
	}
}

static void models_without_eyes_name_the_image(void)
{
	refused(HEAD "'messages':[{'role':'user','content':[" PIXEL "]}]}", "glm-5",
		"messages.0.content.0.image.source.base64",
		"Could not process image: the model glm-5 does not take images");
}

static void explain(const char *notation, size_t bytes, const char *message, struct error *e)
{
	struct in_test t;

	in_test_read(&t, in_anthropic, notation);
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	*e = (struct error){ .kind = ERR_NONE };
	error_set(e, ERR_UP_INVALID, "%s", message);
	e->up_status = 400;
	up_check_explain(&t.chat, bytes, e);
	CU_ASSERT_EQUAL(e->up_status, 400);
	in_test_release(&t);
}

static void a_bare_refusal_gets_sizes_and_suspects(void)
{
	struct error e;

	explain(HEAD "'system':'1234567','messages':[{'role':'user','content':[{'type':'text',"
		     "'text':'12'}," PIXEL "]}]," TOOL("{'description':'123456789'}") "}",
		5000, "Improperly formed request.", &e);
	CU_ASSERT_EQUAL(e.kind, ERR_UP_INVALID);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "improperly formed and does not say why"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(e.message, "5000 bytes, 1 messages, 2 tools, 1 images, 0 documents"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(e.message, "the largest parts: messages.0.content.1.image.source.base64"));
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "the input_schema of the tool Odd"));
}

static void a_large_body_makes_clients_send_less(void)
{
	static const char words[] = "Improperly formed request.";
	struct error e;

	explain(HEAD HI "}", 1250001, words, &e);
	CU_ASSERT_EQUAL(e.kind, ERR_CONTEXT);
	CU_ASSERT_EQUAL(strncmp(e.message, "prompt is too long: ", 20), 0);
	CU_ASSERT_STRING_EQUAL(e.field, "messages");
	explain(HEAD HI "}", 1250000, words, &e);
	CU_ASSERT_EQUAL(e.kind, ERR_UP_INVALID);
}

/* The client's contract with gateways: it drops images and documents, and goes on. */
static void a_body_of_images_makes_clients_drop_them(void)
{
	char *body = fill(HEAD "'messages':[{'role':'user','content':[" PIXEL, "," PIXEL,
			  1250001 / strlen(PNG), "]}]}");
	struct error e;

	explain(body, 1250001, "Improperly formed request.", &e);
	CU_ASSERT_EQUAL(e.kind, ERR_UP_INVALID);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "(capability_rejected: media_budget): "));
	free(body);
}

static void tools_that_upstream_counts_get_their_names(void)
{
	static const char words[] =
		"The value at toolConfig.tools.1.toolSpec.inputSchema.json.type "
		"must be one of the following: object.";
	struct error e;

	explain(HEAD HI "," TOOL("{}") "}", 100, words, &e);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, words));
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "(the tool Odd)"));
	explain(HEAD HI "}", 100, words, &e);
	CU_ASSERT_STRING_EQUAL(e.message, words);
}

CU_TestInfo up_check_tests[] = {
	{ "texts have the upstream's limits", texts_have_the_upstreams_limits },
	{ "the system text counts for the first turn", the_system_text_counts_for_the_first_turn },
	{ "results have their own limit", results_have_their_own_limit },
	{ "nesting names the tool or the call", nesting_names_the_tool_or_the_call },
	{ "schemas name the tool and the place", schemas_name_the_tool_and_the_place },
	{ "models without eyes name the image", models_without_eyes_name_the_image },
	{ "a bare refusal gets sizes and suspects", a_bare_refusal_gets_sizes_and_suspects },
	{ "a large body makes clients send less", a_large_body_makes_clients_send_less },
	{ "a body of images makes clients drop them", a_body_of_images_makes_clients_drop_them },
	{ "tools that upstream counts get their names",
	  tools_that_upstream_counts_get_their_names },
	CU_TEST_INFO_NULL,
};
