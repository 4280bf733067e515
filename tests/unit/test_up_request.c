#include "common/base.h"
#include "tests/unit/up_tests.h"

#define HEAD		 "{'model':'m','max_tokens':10,"
#define CALL(id, name)	 "{'type':'tool_use','id':'" id "','name':'" name "','input':{'k':1}}"
#define RESULT(id, text) "{'type':'tool_result','tool_use_id':'" id "','content':'" text "'}"
#define TOOL(name)	 "{'name':'" name "','description':'d','input_schema':{'type':'object'}}"

static void up_request_writes_the_minimal_body(void)
{
	struct up_test t;

	up_test_run(&t, in_anthropic, HEAD "'messages':[{'role':'user','content':'hi'}]}",
		    "claude-sonnet-4-5");
	CU_ASSERT_STRING_EQUAL(
		t.body.at,
		"{\"conversationState\":{\"chatTriggerType\":\"MANUAL\",\"conversationId\":\"c-1\","
		"\"agentContinuationId\":\"k-1\",\"agentTaskType\":\"vibe\",\"currentMessage\":"
		"{\"userInputMessage\":{\"content\":\"hi\",\"modelId\":\"claude-sonnet-4.5\","
		"\"origin\":\"AI_EDITOR\"}}}}");
	up_test_release(&t);
}

static void up_request_puts_root_members_where_the_options_say(void)
{
	struct up_request_options options = { .origin = "KIRO_CLI",
					      .agent_mode = "vibe",
					      .profile_arn = "arn:p",
					      .conversation_id = "c",
					      .continuation_id = "k" };
	struct up_test t;

	in_test_read(&t.in, in_anthropic, HEAD "'messages':[{'role':'user','content':'hi'}]}");
	up_test_write(&t, "auto", &options);
	CU_ASSERT_STRING_EQUAL(text_at(&t, "agentMode"), "vibe");
	CU_ASSERT_STRING_EQUAL(text_at(&t, "profileArn"), "arn:p");
	CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "origin"), "KIRO_CLI");
	up_test_release(&t);
}

static void up_request_folds_the_system_text_into_the_first_user_turn(void)
{
	struct up_test t;

	up_test_run(&t, in_anthropic,
		    HEAD "'system':'S','messages':[{'role':'user','content':'one'},"
			 "{'role':'assistant','content':'two'},{'role':'user','content':'three'}]}",
		    "claude-sonnet-4.5");
	CU_ASSERT_STRING_EQUAL(text_at(&t, HISTORY "0.userInputMessage.content"), "S\n\none");
	CU_ASSERT_STRING_EQUAL(text_at(&t, HISTORY "1.assistantResponseMessage.content"), "two");
	CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "content"), "three");
	up_test_release(&t);
	up_test_run(&t, in_openai, "{'model':'m','messages':[{'role':'system','content':'S'}]}",
		    "claude-sonnet-4.5");
	CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "content"), "S");
	up_test_release(&t);
}

static void up_request_opens_with_the_user_when_the_client_does_not(void)
{
	struct up_test t;

	up_test_run(&t, in_anthropic,
		    HEAD "'messages':[{'role':'assistant','content':'hello'},"
			 "{'role':'user','content':'x'}]}",
		    "auto");
	CU_ASSERT_STRING_EQUAL(text_at(&t, HISTORY "0.userInputMessage.content"),
			       "(start of conversation)");
	CU_ASSERT_PTR_NULL(broken_rule(t.out));
	up_test_release(&t);
}

static void up_request_pairs_results_in_the_order_of_the_calls(void)
{
	struct up_test t;

	up_test_run(
		&t, in_anthropic,
		HEAD "'tools':[" TOOL(
			"Read") "],'messages':[{'role':'user','content':'x'},"
				"{'role':'assistant','content':[" CALL("a", "Read") "," CALL(
					"b",
					"Read") "," CALL("c",
							 "Gone") "]},"
								 "{'role':'user','content':[{'type'"
								 ":'tool_result','tool_use_id':'b',"
								 "'content':[{'type':'text','text':"
								 "'B'}," PIXEL
								 "]}," RESULT("a", "A") "," RESULT(
									 "z",
									 "Z") "," PIXEL
									      ",{'type':'text','"
									      "text':'go'}]}]}",
		"claude-sonnet-4.5");
#define RESULTS CURRENT "userInputMessageContext.toolResults."
	CU_ASSERT_PTR_NULL(broken_rule(t.out));
	CU_ASSERT_STRING_EQUAL(text_at(&t, RESULTS "0.toolUseId"), "a");
	CU_ASSERT_STRING_EQUAL(text_at(&t, RESULTS "0.content.0.text"), "A");
	CU_ASSERT_STRING_EQUAL(text_at(&t, RESULTS "0.status"), "success");
	CU_ASSERT_STRING_EQUAL(text_at(&t, RESULTS "1.content.0.text"), "B\n[image 1 attached]");
	CU_ASSERT_STRING_EQUAL(text_at(&t, RESULTS "2.toolUseId"), "c");
	CU_ASSERT_STRING_EQUAL(text_at(&t, RESULTS "2.status"), "error");
	CU_ASSERT_STRING_EQUAL(text_at(&t, RESULTS "2.content.0.text"),
			       "The client sent no result for this tool call.");
	CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "content"),
			       "[result of a tool call that is not in this conversation]\nZ\n\ngo");
	CU_ASSERT_EQUAL(cJSON_GetArraySize(down(t.out, CURRENT "images")), 2);
	CU_ASSERT_STRING_EQUAL(
		text_at(&t, CURRENT "userInputMessageContext.tools.1.toolSpecification.name"),
		"Gone");
	up_test_release(&t);
}

/* A second result of a call, and one that comes too late, are not said to be of no call. */
static void up_request_tells_whose_result_comes_too_late(void)
{
	struct up_test t;

	up_test_run(
		&t, in_anthropic,
		HEAD "'messages':[{'role':'user','content':[" RESULT(
			"b",
			"0") "]},"
			     "{'role':'assistant','content':[" CALL("a", "f") "," CALL(
				     "b",
				     "g") "]},"
					  "{'role':'user','content':[" RESULT("a", "1") "," RESULT(
						  "a",
						  "2") "]},"
						       "{'role':'assistant','content':'x'},{'role':"
						       "'user','content':[{'type':'tool_result',"
						       "'tool_use_id':'b','is_error':true,'content'"
						       ":'3'}]}]}",
		"claude-sonnet-4.5");
	CU_ASSERT_STRING_EQUAL(text_at(&t, HISTORY "0.userInputMessage.content"),
			       "[result of a tool call that is not in this conversation]\n0");
	CU_ASSERT_STRING_EQUAL(text_at(&t, HISTORY "2.userInputMessage.content"),
			       "[result of an earlier call of the tool f]\n2");
	CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "content"),
			       "[error of an earlier call of the tool g]\n3");
	CU_ASSERT_PTR_NULL(broken_rule(t.out));
	up_test_release(&t);
}

static void up_request_gives_reused_call_ids_another_id(void)
{
	struct up_test t;

	up_test_run(&t, in_openai,
		    "{'model':'m','messages':[{'role':'user','content':'x'},"
		    "{'role':'assistant','tool_calls':[{'id':'call_0','function':{'name':'f'}}]},"
		    "{'role':'tool','tool_call_id':'call_0','content':'1'},"
		    "{'role':'assistant','tool_calls':[{'id':'call_0','function':{'name':'f',"
		    "'arguments':'{\\'k\\':[1,2]}'}}]},"
		    "{'role':'tool','tool_call_id':'call_0','content':'2'}]}",
		    "claude-sonnet-4.5");
	CU_ASSERT_PTR_NULL(broken_rule(t.out));
	CU_ASSERT_STRING_EQUAL(text_at(&t, HISTORY "2.userInputMessage.userInputMessageContext."
						   "toolResults.0.toolUseId"),
			       "call_0");
	CU_ASSERT_STRING_EQUAL(text_at(&t, RESULTS "0.content.0.text"), "2");
	CU_ASSERT_STRING_EQUAL(text_at(&t, RESULTS "0.status"), "success");
	CU_ASSERT_PTR_NOT_NULL(
		down(t.out, HISTORY "3.assistantResponseMessage.toolUses.0.input.k.1"));
	up_test_release(&t);
}

static void up_request_refuses_what_cannot_be_repaired(void)
{
	struct up_test t;

	up_test_run(&t, in_anthropic,
		    HEAD "'tools':[" TOOL("a") "," TOOL(
			    "a") "],"
				 "'messages':[{'role':'user','content':'x'}]}",
		    "auto");
	CU_ASSERT_EQUAL(t.rc, -1);
	CU_ASSERT_STRING_EQUAL(t.error.message, "tools: Tool names must be unique.");
	up_test_release(&t);
	up_test_run(
		&t, in_anthropic,
		HEAD
		"'messages':[{'role':'user','content':'x'},{'role':'assistant','content':[" CALL(
			"a", "f") "," CALL("a", "f") "]},{'role':'user','content':'x'}]}",
		"auto");
	CU_ASSERT_EQUAL(t.rc, -1);
	CU_ASSERT_STRING_EQUAL(t.error.message, "messages: `tool_use` ids must be unique: a");
	up_test_release(&t);
}

static void up_request_normalises_tools(void)
{
	static const char wanted[] =
		"[{\"toolSpecification\":{\"name\":\"a\",\"description\":\"a\",\"inputSchema\":"
		"{\"json\":{\"type\":\"object\",\"properties\":{}}}}},"
		"{\"toolSpecification\":{\"name\":\"b\",\"description\":\"d\",\"inputSchema\":"
		"{\"json\":{\"type\":\"object\",\"properties\":{\"x\":{\"anyOf\":[{\"type\":"
		"\"null\"}]}},\"required\":[\"x\"]}}}}]";
	struct up_test t;
	char *tools;

	up_test_run(&t, in_anthropic,
		    HEAD "'tools':[{'name':'a','input_schema':{'properties':null,'required':null}},"
			 "{'name':'b','description':'d','input_schema':{'type':['object','null'],"
			 "'properties':{'x':{'anyOf':[{'type':'null'}]}},'required':['x']}}],"
			 "'messages':[{'role':'user','content':'x'}]}",
		    "auto");
	tools = cJSON_PrintUnformatted(down(t.out, CURRENT "userInputMessageContext.tools"));
	CU_ASSERT_STRING_EQUAL(tools, wanted);
	free(tools);
	up_test_release(&t);
}

/* A keyword that is null stands for none wherever a schema stands; data may be null. */
static void up_request_leaves_out_null_keywords(void)
{
	static const char wanted[] =
		"{\"type\":\"object\",\"properties\":{\"required\":{\"type\":\"array\",\"items\":{"
		"\"enum\":[null,1]}},\"x\":{\"default\":null,\"anyOf\":[{\"const\":null},true]}},"
		"\"$defs\":{\"n\":{}},\"examples\":[{\"items\":null}]}";
	struct up_test t;
	char *schema;

	up_test_run(&t, in_anthropic,
		    HEAD "'tools':[{'name':'a','input_schema':{'type':'object','properties':{"
			 "'required':{'type':'array','items':{'enum':[null,1],'required':null}},"
			 "'x':{'default':null,'anyOf':[{'const':null,'properties':null},true]}},"
			 "'$defs':{'n':{'additionalProperties':null}},'required':null,"
			 "'examples':[{'items':null}]}}],"
			 "'messages':[{'role':'user','content':'x'}]}",
		    "auto");
	schema = cJSON_PrintUnformatted(down(t.out, CURRENT
					     "userInputMessageContext.tools.0.toolSpecification."
					     "inputSchema.json"));
	CU_ASSERT_STRING_EQUAL(schema, wanted);
	free(schema);
	up_test_release(&t);
}

static void up_request_keeps_the_newest_images(void)
{
	struct buf text;
	struct up_test t;
	size_t left_out = 0;

	buf_init(&text, MB(1));
	buf_add_text(&text,
		     HEAD "'messages':[{'role':'user','content':[{'type':'text','text':'x'}");
	for (int i = 0; i < 7; i++)
		buf_add_text(&text, "," PIXEL);
	buf_add_text(&text,
		     "]},{'role':'assistant','content':'y'},{'role':'user','content':[" PIXEL);
	for (int i = 0; i < 4; i++)
		buf_add_text(&text, "," PIXEL);
	buf_add_text(&text, "]}]}");
	up_test_run(&t, in_anthropic, text.at, "auto");
	CU_ASSERT_PTR_NULL(broken_rule(t.out));
	CU_ASSERT_EQUAL(cJSON_GetArraySize(down(t.out, HISTORY "0.userInputMessage.images")), 5);
	CU_ASSERT_EQUAL(cJSON_GetArraySize(down(t.out, CURRENT "images")), 5);
	for (const char *at = text_at(&t, HISTORY "0.userInputMessage.content");
	     (at = strstr(at, "[image left out")); at++)
		left_out++;
	CU_ASSERT_EQUAL(left_out, 2);
	CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "content"),
			       "[image 1 attached]\n[image 2 attached]\n[image 3 attached]\n"
			       "[image 4 attached]\n[image 5 attached]");
	up_test_release(&t);
	buf_release(&text);
}

static void up_request_moves_long_descriptions_behind_the_system_text(void)
{
	struct buf text;
	struct up_test t;
	const char *description, *content;

	buf_init(&text, MB(1));
	buf_add_text(&text, HEAD "'system':'S','messages':[{'role':'user','content':'x'}],"
				 "'tools':[{'name':'Big','input_schema':{},'description':'");
	for (int i = 0; i < LIMIT_TOOL_DESC; i++)
		buf_add_text(&text, "\xC3\xA9");
	buf_add_text(&text, "tail'}]}");
	up_test_run(&t, in_anthropic, text.at, "auto");
	description = text_at(&t, CURRENT "userInputMessageContext.tools.0.toolSpecification."
					  "description");
	content = text_at(&t, CURRENT "content");
	CU_ASSERT_EQUAL(strlen(description), 2 * LIMIT_TOOL_DESC);
	CU_ASSERT_STRING_EQUAL(content,
			       "S\n\nThe rest of the description of the tool Big:\ntail\n\nx");
	up_test_release(&t);
	buf_release(&text);
}

static void up_request_sends_descriptions_and_images_up_to_their_limits(void)
{
	struct buf text;
	struct up_test t;

	buf_init(&text, MB(1));
	buf_add_text(&text, HEAD "'messages':[{'role':'user','content':[{'type':'text','text':"
				 "'x'}");
	for (int i = 0; i < LIMIT_IMAGES; i++)
		buf_add_text(&text, "," PIXEL);
	buf_add_text(&text, "]}],'tools':[{'name':'Big','input_schema':{},'description':'");
	for (int i = 0; i < LIMIT_TOOL_DESC; i++)
		buf_add_char(&text, 'd');
	buf_add_text(&text, "'}]}");
	up_test_run(&t, in_anthropic, text.at, "auto");
	CU_ASSERT_EQUAL(cJSON_GetArraySize(down(t.out, CURRENT "images")), LIMIT_IMAGES);
	CU_ASSERT_PTR_NULL(strstr(text_at(&t, CURRENT "content"), "left out"));
	CU_ASSERT_PTR_NULL(strstr(text_at(&t, CURRENT "content"), "The rest of"));
	up_test_release(&t);
	buf_release(&text);
}

static void up_request_sends_no_tools_when_none_may_be_called(void)
{
	struct up_test t;

	up_test_run(&t, in_anthropic,
		    HEAD "'tool_choice':{'type':'none'},'tools':[" TOOL(
			    "Read") "],"
				    "'messages':[{'role':'user','content':'x'}]}",
		    "auto");
	CU_ASSERT_PTR_NULL(down(t.out, CURRENT "userInputMessageContext"));
	up_test_release(&t);
	up_test_run(
		&t, in_anthropic,
		HEAD "'tool_choice':{'type':'none'},'tools':[" TOOL("Read") "," TOOL(
			"B") "],"
			     "'messages':[{'role':'user','content':'x'},{'role':'assistant','"
			     "content':[" CALL("a", "Read") "]},{'role':'user','content':[" RESULT(
				     "a", "r") "]}]}",
		"auto");
	CU_ASSERT_PTR_NULL(broken_rule(t.out));
	CU_ASSERT_EQUAL(cJSON_GetArraySize(down(t.out, CURRENT "userInputMessageContext.tools")),
			1);
	CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "userInputMessageContext.tools.0."
						   "toolSpecification.description"),
			       "Used earlier in this conversation; not available now.");
	up_test_release(&t);
}

static void up_request_asks_for_thinking_as_the_model_needs_it(void)
{
#define HI "'messages':[{'role':'user','content':'x'}]}"
#define TAGS(n)                                                                                    \
	"<thinking_mode>enabled</thinking_mode><max_thinking_length>" n                            \
	"</max_thinking_length>\n\nx"
	static const struct {
		const char *model, *wish, *content, *fields;
	} rows[] = {
		{ "claude-sonnet-4.5", "'thinking':{'type':'enabled','budget_tokens':31999},",
		  TAGS("24576"), "-" },
		{ "claude-sonnet-4.5", "'thinking':{'type':'enabled','budget_tokens':2000},",
		  TAGS("2000"), "-" },
		{ "claude-haiku-4.5", "'thinking':{'type':'adaptive'},", TAGS("20000"), "-" },
		{ "claude-haiku-4.5", "'output_config':{'effort':'high'},", "x", "-" },
		{ "claude-haiku-4.5", "'thinking':{'type':'disabled'},", "x", "-" },
		{ "claude-opus-4.8",
		  "'thinking':{'type':'adaptive','display':'omitted'},'output_config':{'effort':'"
		  "max'},",
		  "x",
		  "{\"thinking\":{\"type\":\"adaptive\",\"display\":\"omitted\"},"
		  "\"output_config\":{\"effort\":\"max\"}}" },
		{ "claude-sonnet-4.6",
		  "'thinking':{'type':'enabled','budget_tokens':2000},"
		  "'output_config':{'effort':'xhigh'},",
		  "x",
		  "{\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
		  "\"output_config\":{\"effort\":\"high\"}}" },
		{ "claude-opus-4.8", "'thinking':{'type':'disabled'},", "x",
		  "{\"thinking\":{\"type\":\"disabled\"}}" },
		{ "claude-opus-5.5", "'thinking':{'type':'disabled'},", "x", "-" },
		{ "claude-opus-5.5", "", "x", "-" },
		{ "gpt-5.6-sol", "'thinking':{'type':'adaptive'},'output_config':{'effort':'max'},",
		  "x", "{\"reasoning\":{\"effort\":\"xhigh\"}}" },
		{ "gpt-5.6-sol", "'thinking':{'type':'disabled'},", "x",
		  "{\"reasoning\":{\"effort\":\"none\"}}" },
	};
	char body[512];
	struct up_test t;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *fields;

		snprintf(body, sizeof(body), "{'model':'m','max_tokens':32000,%s" HI, rows[i].wish);
		up_test_run(&t, in_anthropic, body, rows[i].model);
		CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "content"), rows[i].content);
		fields = cJSON_PrintUnformatted(down(t.out, "additionalModelRequestFields"));
		CU_ASSERT_STRING_EQUAL(fields ? fields : "-", rows[i].fields);
		CU_ASSERT_EQUAL(up_request_uses_tags(&t.in.chat, models_find(rows[i].model)),
				rows[i].content[0] == '<');
		free(fields);
		up_test_release(&t);
	}
}

/* The content of the current turn behind "x\n\n" and the number of tools that are offered. */
static void up_request_words_wishes_only_when_asked(void)
{
#define LONG "mcp__a_server_with_a_long_name__and_a_tool_whose_name_is_longer_still"
#define TWO  "'tools':[" TOOL("f") "," TOOL(LONG) "],"
	static const struct {
		const char *wish, *content;
		int tools;
	} rows[] = {
		{ TWO, "x", 2 },
		{ TWO "'stop_sequences':['END'],", "x", 2 },
		{ TWO "'tool_choice':{'type':'auto'},", "x", 2 },
		{ TWO "'tool_choice':{'type':'none','disable_parallel_tool_use':true},", "x", 0 },
		{ TWO "'tool_choice':{'type':'any'},",
		  "x\n\nYou must call at least one of the tools now.", 2 },
		{ TWO "'tool_choice':{'type':'any','disable_parallel_tool_use':true},",
		  "x\n\nYou must call exactly one of the tools now.", 2 },
		{ TWO "'tool_choice':{'type':'auto','disable_parallel_tool_use':true},",
		  "x\n\nCall at most one tool in your answer.", 2 },
		{ TWO "'tool_choice':{'type':'tool','name':'f','disable_parallel_tool_use':true},",
		  "x\n\nYou must call the tool f now, exactly once.", 1 },
		{ "'tool_choice':{'type':'auto','disable_parallel_tool_use':true},", "x", 0 },
		{ "'output_format':{'type':'json_schema','schema':{'type':'object'}},",
		  "x\n\nAnswer with one JSON value only, no other text, no code fence. It must fit "
		  "this JSON schema:\n{\"type\":\"object\"}",
		  0 },
	};
	char body[1024];
	struct up_test t;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(body, sizeof(body), HEAD "%s" HI, rows[i].wish);
		up_test_run(&t, in_anthropic, body, "claude-sonnet-4.5");
		CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "content"), rows[i].content);
		CU_ASSERT_EQUAL(
			cJSON_GetArraySize(down(t.out, CURRENT "userInputMessageContext.tools")),
			rows[i].tools);
		up_test_release(&t);
	}
	/* by the name that the upstream knows */
	up_test_run(&t, in_anthropic,
		    HEAD TWO "'tool_choice':{'type':'tool','name':'" LONG "'}," HI,
		    "claude-sonnet-4.5");
	snprintf(body, sizeof(body), "x\n\nYou must call the tool %s now.",
		 tool_names_add(&t.names, LONG));
	CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "content"), body);
	CU_ASSERT_STRING_EQUAL(
		text_at(&t, CURRENT "userInputMessageContext.tools.0.toolSpecification.name"),
		tool_names_add(&t.names, LONG));
	up_test_release(&t);
}

static void up_request_says_when_the_body_is_too_large(void)
{
	struct up_test t;

	up_test_run(&t, in_anthropic, HEAD HI, "auto");
	buf_release(&t.body);
	buf_init(&t.body, 20);
	CU_ASSERT_EQUAL(up_request_write(&t.in.chat, models_find("auto"),
					 &(struct up_request_options){ .origin = "CLI",
								       .conversation_id = "c",
								       .continuation_id = "k" },
					 &t.names, &t.in.arena, &t.body, &t.error),
			-1);
	CU_ASSERT_EQUAL(t.error.kind, ERR_TOO_LARGE);
	up_test_release(&t);
}

static void up_request_takes_recorded_requests(void)
{
	static const char *const names[] = { "cc-24-bare-empty-system-message",
					     "cc2037-02-warmup" };
	struct up_test t;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		in_test_fixture(&t.in, in_anthropic, names[i]);
		up_test_write(&t, "claude-opus-5.5", &up_test_options);
		CU_ASSERT_EQUAL(t.rc, 0);
		CU_ASSERT_PTR_NULL(broken_rule(t.out));
		up_test_release(&t);
	}
}

CU_TestInfo up_request_tests[] = {
	{ "writes the minimal body", up_request_writes_the_minimal_body },
	{ "puts root members where the options say",
	  up_request_puts_root_members_where_the_options_say },
	{ "folds the system text into the first user turn",
	  up_request_folds_the_system_text_into_the_first_user_turn },
	{ "opens with the user when the client does not",
	  up_request_opens_with_the_user_when_the_client_does_not },
	{ "pairs results in the order of the calls",
	  up_request_pairs_results_in_the_order_of_the_calls },
	{ "tells whose result comes too late", up_request_tells_whose_result_comes_too_late },
	{ "gives reused call ids another id", up_request_gives_reused_call_ids_another_id },
	{ "refuses what cannot be repaired", up_request_refuses_what_cannot_be_repaired },
	{ "normalises tools", up_request_normalises_tools },
	{ "leaves out null keywords of schemas", up_request_leaves_out_null_keywords },
	{ "keeps the newest images", up_request_keeps_the_newest_images },
	{ "moves long descriptions behind the system text",
	  up_request_moves_long_descriptions_behind_the_system_text },
	{ "sends descriptions and images up to their limits",
	  up_request_sends_descriptions_and_images_up_to_their_limits },
	{ "sends no tools when none may be called",
	  up_request_sends_no_tools_when_none_may_be_called },
	{ "asks for thinking as the model needs it",
	  up_request_asks_for_thinking_as_the_model_needs_it },
	{ "words wishes only when asked", up_request_words_wishes_only_when_asked },
	{ "says when the body is too large", up_request_says_when_the_body_is_too_large },
	{ "takes recorded requests", up_request_takes_recorded_requests },
	CU_TEST_INFO_NULL,
};
