#include "common/base.h"

#include "tests/unit/in_tests.h"

#define HI	 "{'model':'m','input':'hi',"
#define INPUT(x) "{'model':'m','input':[" x "]}"
#define SAY(x)	 "{'role':'user','content':[" x "]}"
#define CALLED	 "{'type':'function_call','call_id':'c','name':'f','arguments':'{}'}"

static void in_responses_takes_a_text_as_input(void)
{
	struct in_test t;

	in_test_read(&t, in_responses,
		     HI
		     "'instructions':'Be brief.','stream':true,'max_output_tokens':9,'store':true,"
		     "'prompt_cache_key':'k','temperature':1,'top_p':0.5,'truncation':'auto','"
		     "include':['reasoning.encrypted_content'],'background':false,'metadata':{},'"
		     "previous_response_id':null}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT(t.chat.stream);
	CU_ASSERT_EQUAL(t.chat.max_tokens, 9);
	CU_ASSERT_STRING_EQUAL(t.chat.conversation, "k");
	CU_ASSERT(span_is(t.chat.system, "Be brief."));
	CU_ASSERT_EQUAL(t.chat.message_count, 1);
	CU_ASSERT(span_is(in_test_block(&t, 0, 0)->text, "hi"));
	in_test_release(&t);
}

static void in_responses_reads_messages_of_every_role(void)
{
	struct in_test t;

	in_test_read(
		&t, in_responses,
		"{'model':'m','instructions':[{'role':'developer','content':'I'}],'input':[{'type':"
		"'"
		"message','role':'developer','content':[{'type':'input_text','text':'A'}]},{'role':"
		"'system','content':'B'},{'role':'user','content':'one'},{'role':'assistant','"
		"content':[{'type':'output_text','text':'two','annotations':[]},{'type':'refusal','"
		"refusal':'no'}]},{'role':'user','content':[{'type':'input_image','detail':'auto','"
		"image_url':'data:image/png;base64," PNG
		"'},{'type':'input_file','filename':'a.md',"
		"'file_data':'data:text/markdown;base64,aGVsbG8='}]},{'role':'developer','content':"
		"'late'}]}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT(span_is(t.chat.system, "I\n\nA\n\nB"));
	CU_ASSERT_EQUAL_FATAL(t.chat.message_count, 3);
	CU_ASSERT(span_is(in_test_block(&t, 1, 0)->text, "two"));
	CU_ASSERT(span_is(in_test_block(&t, 1, 1)->text, "no"));
	CU_ASSERT_EQUAL(in_test_block(&t, 2, 0)->kind, BLOCK_IMAGE);
	CU_ASSERT(span_is(in_test_block(&t, 2, 1)->text,
			  "<document title=\"a.md\">\nhello\n</document>"));
	CU_ASSERT(span_is(in_test_block(&t, 2, 2)->text,
			  "<system-reminder>\nlate\n</system-reminder>"));
	in_test_release(&t);
}

/* encrypted_content: base64 of {"signature":"sig=="}, and somebody else's. */
static void in_responses_reads_reasoning_back(void)
{
	struct in_test t;

	in_test_read(
		&t, in_responses,
		INPUT("{'role':'user','content':'x'},{'type':'reasoning','id':'rs','summary':[{"
		      "'type':'summary_text','text':'a'},{'type':'summary_text','text':'b'}],'"
		      "content':null,'encrypted_content':'eyJzaWduYXR1cmUiOiJzaWc9PSJ9'},{"
		      "'type':'reasoning','summary':[],'encrypted_content':'gAAAAAB'},{'type':'"
		      "reasoning','summary':[{'type':'summary_text','text':'c'}]}," CALLED
		      ",{'type':'function_call_output','call_id':'c','output':'r'}"));
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL(in_test_block(&t, 1, 0)->kind, BLOCK_THINKING);
	CU_ASSERT(span_is(in_test_block(&t, 1, 0)->text, "a\n\nb"));
	CU_ASSERT_STRING_EQUAL(in_test_block(&t, 1, 0)->signature, "sig==");
	CU_ASSERT(span_is(in_test_block(&t, 1, 1)->text, "c"));
	CU_ASSERT_PTR_NULL(in_test_block(&t, 1, 1)->signature);
	CU_ASSERT_EQUAL(in_test_block(&t, 1, 2)->kind, BLOCK_TOOL_USE);
	in_test_release(&t);
}

static void in_responses_reads_calls_and_outputs(void)
{
	struct in_test t;

	in_test_read(
		&t, in_responses,
		INPUT("{'role':'user','content':'x'},{'type':'function_call','call_id':'c1','name':"
		      "'"
		      "close','namespace':'agents','arguments':'{ }'},{'type':'custom_tool_call','"
		      "call_id':'c2','name':'patch','input':'*** "
		      "Begin'},{'type':'function_call_output'"
		      ",'call_id':'c1','output':[{'type':'input_text','text':'see'},{'type':'"
		      "input_image','image_url':'data:image/png;base64," PNG "'}]},{'type':'"
		      "custom_tool_call_output','call_id':'c2','output':'done'}"));
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_STRING_EQUAL(in_test_block(&t, 1, 0)->name, "agents__close");
	CU_ASSERT(span_is(in_test_block(&t, 1, 0)->input_json, "{ }"));
	CU_ASSERT_STRING_EQUAL(in_test_block(&t, 1, 1)->name, "patch");
	CU_ASSERT(span_is(in_test_block(&t, 1, 1)->input_json, "{\"input\":\"*** Begin\"}"));
	CU_ASSERT_EQUAL_FATAL(in_test_block(&t, 2, 0)->block_count, 2);
	CU_ASSERT_EQUAL(in_test_block(&t, 2, 0)->blocks[1].kind, BLOCK_IMAGE);
	CU_ASSERT_STRING_EQUAL(in_test_block(&t, 2, 1)->id, "c2");
	in_test_release(&t);
}

static void in_responses_reads_tools_of_every_form(void)
{
	struct in_test t;

	in_test_read(
		&t, in_responses,
		HI
		"'tools':[{'type':'function','name':'f','description':'d','strict':false,'"
		"parameters':{'type':'object'}},{'type':'namespace','name':'ns','tools':[{'type':'"
		"function','name':'f'},{'type':'custom','name':'exec'}]},{'type':'custom','name':'"
		"patch','format':{'type':'grammar','syntax':'lark','definition':'start: "
		"X'}},{'type'"
		":'web_search'},{'type':'tool_search','execution':'client','description':'finds','"
		"parameters':{'type':'object'}}],'tool_choice':{'type':'function','name':'f','"
		"namespace':'ns'},'max_tool_calls':3}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL_FATAL(t.chat.tool_count, 6);
	CU_ASSERT_STRING_EQUAL(t.chat.tools[5].name, "web_search");
	CU_ASSERT_PTR_NOT_NULL_FATAL(t.chat.search);
	CU_ASSERT_EQUAL(t.chat.search->max_uses, 3);
	CU_ASSERT_STRING_EQUAL(t.chat.tools[0].name, "f");
	CU_ASSERT_PTR_NULL(t.chat.tools[0].space);
	CU_ASSERT_STRING_EQUAL(t.chat.tools[1].name, "ns__f");
	CU_ASSERT_STRING_EQUAL(t.chat.tools[1].space, "ns");
	CU_ASSERT_STRING_EQUAL(t.chat.tools[1].short_name, "f");
	CU_ASSERT_STRING_EQUAL(t.chat.tools[2].name, "ns__exec");
	CU_ASSERT_EQUAL(t.chat.tools[2].kind, TOOL_CUSTOM);
	CU_ASSERT_STRING_EQUAL(t.chat.tools[3].description,
			       "The input must be text of this lark grammar:\nstart: X");
	CU_ASSERT_EQUAL(t.chat.tools[4].kind, TOOL_SEARCH);
	CU_ASSERT_STRING_EQUAL(t.chat.forced_tool, "ns__f");
	in_test_release(&t);
}

static void in_responses_takes_tools_from_the_input(void)
{
	struct in_test t;

	in_test_read(
		&t, in_responses,
		INPUT("{'type':'additional_tools','role':'developer','tools':[{'type':'function','"
		      "name':'a'}]},{'role':'user','content':'x'},{'type':'tool_search_call','call_"
		      "id'"
		      ":'s1','execution':'client','arguments':{'query':'q'}},{'type':'"
		      "tool_search_output','call_id':'s1','status':'completed','tools':[{'type':'"
		      "function','name':'a'},{'type':'namespace','name':'n','tools':[{'type':'"
		      "function'"
		      ",'name':'b','defer_loading':true}]}]}"));
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL_FATAL(t.chat.tool_count, 2);
	CU_ASSERT_STRING_EQUAL(t.chat.tools[0].name, "a");
	CU_ASSERT_STRING_EQUAL(t.chat.tools[1].name, "n__b");
	CU_ASSERT_STRING_EQUAL(in_test_block(&t, 1, 0)->name, "tool_search");
	in_test_is_json(in_test_block(&t, 1, 0)->input, "{'query':'q'}");
	CU_ASSERT(span_is(in_test_block(&t, 2, 0)->blocks[0].text, "Tools now available: a, n__b"));
	in_test_release(&t);
}

#define SEARCH(id, tools)                                                                          \
	"{'type':'tool_search_call','call_id':'" id                                                \
	"','arguments':{}},{'type':'tool_search_output','call_id':'" id "','tools':[" tools "]}"
#define SPACE(name, says, tool)                                                                    \
	"{'type':'namespace','name':'" name "','description':'" says                               \
	"','tools':[{'type':'function','name':'" tool "'}]}"

/* A later search finds what an earlier one has found: it is one tool, but found all the same. */
static void in_responses_takes_tools_that_are_found_again(void)
{
	struct in_test t;

	in_test_read(
		&t, in_responses,
		INPUT("{'role':'user','content':'x'}," SEARCH(
			"s1", SPACE("n", "says", "b") "," SPACE(
				      "m", "says",
				      "b")) "," SEARCH("s2", SPACE("n", "says",
								   "b")) "," SEARCH("s3", "")));
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL_FATAL(t.chat.tool_count, 2);
	CU_ASSERT(span_is(in_test_block(&t, 2, 0)->blocks[0].text,
			  "Tools now available: n__b, m__b"));
	CU_ASSERT(span_is(in_test_block(&t, 4, 0)->blocks[0].text, "Tools now available: n__b"));
	CU_ASSERT(span_is(in_test_block(&t, 6, 0)->blocks[0].text, "Tools now available: none"));
	CU_ASSERT(span_is(t.chat.system, "The tools n__*: says\n\nThe tools m__*: says"));
	in_test_release(&t);
}

static void in_responses_reads_wishes(void)
{
	struct in_test t;

	in_test_read(&t, in_responses,
		     HI
		     "'reasoning':{'effort':'high','summary':'detailed'},'text':{'verbosity':'low',"
		     "'format':{'type':'json_schema','name':'o','strict':true,'schema':{'type':'"
		     "object'}}},'parallel_tool_calls':false,'tools':[{'type':'function','name':'f'"
		     "}],'tool_choice':'required'}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL(t.chat.thinking, THINKING_ON);
	CU_ASSERT_EQUAL(t.chat.effort, EFFORT_HIGH);
	CU_ASSERT(!t.chat.thinking_omitted);
	CU_ASSERT_EQUAL(t.chat.format, FORMAT_SCHEMA);
	in_test_is_json(t.chat.schema, "{'type':'object'}");
	CU_ASSERT(t.chat.one_call);
	CU_ASSERT_EQUAL(t.chat.tool_choice, CHOICE_ANY);
	in_test_release(&t);
	in_test_read(
		&t, in_responses,
		HI
		"'reasoning':{'effort':'low'},'text':{'format':{'type':'json_object'}},'tools'"
		":[{'type':'function','name':'f'},{'type':'custom','name':'g'}],'tool_choice':"
		"{'type':'allowed_tools','mode':'auto','tools':[{'type':'custom','name':'g'}]}}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT(t.chat.thinking_omitted);
	CU_ASSERT_EQUAL(t.chat.format, FORMAT_JSON);
	CU_ASSERT_EQUAL_FATAL(t.chat.tool_count, 1);
	CU_ASSERT_STRING_EQUAL(t.chat.tools[0].name, "g");
	in_test_release(&t);
}

static void in_responses_searches_only_where_that_is_allowed(void)
{
	static const char *const allowed[] = { "{'type':'function','name':'f'}",
					       "{'type':'web_search'}" };

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		char body[512];
		struct in_test t;

		snprintf(body, sizeof(body),
			 HI "'tools':[{'type':'function','name':'f'},{'type':'web_search'}],"
			    "'tool_choice':{'type':'allowed_tools','mode':'auto','tools':[%s]}}",
			 allowed[i]);
		in_test_accept(&t, in_responses, body);
		CU_ASSERT_EQUAL(t.chat.tool_count, 1);
		CU_ASSERT_EQUAL(t.chat.search != NULL, i == 1);
		in_test_release(&t);
	}
}

/* Codex repeats a turn whose stream was lost, with the message that was done at the end. */
static void in_responses_goes_on_behind_the_assistants_message(void)
{
	struct in_test t;

	in_test_fixture(&t, in_responses, "codex-10-retry-after-lost-stream");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL(t.chat.messages[t.chat.message_count - 1].role, ROLE_USER);
	CU_ASSERT(span_is(in_test_block(&t, t.chat.message_count - 1, 0)->text, "Continue."));
	CU_ASSERT(span_is(in_test_block(&t, t.chat.message_count - 2, 0)->text, "hello responses"));
	in_test_release(&t);
}

/* A tool of the client's with that name is the client's; a search without the web is none. */
static void in_responses_leaves_out_searches_that_are_not_for_it(void)
{
	static const char *const rows[] = {
		HI "'tools':[{'type':'web_search'},{'type':'function','name':'web_search'}]}",
		HI "'tools':[{'type':'web_search','external_web_access':false},{'type':'function','"
		   "name':'f'}]}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct in_test t;

		in_test_read(&t, in_responses, rows[i]);
		CU_ASSERT_EQUAL_FATAL(t.rc, 0);
		CU_ASSERT_PTR_NULL(t.chat.search);
		CU_ASSERT_EQUAL(t.chat.tool_count, 1);
		in_test_release(&t);
	}
}

static void in_responses_takes_every_recorded_request(void)
{
	static const struct {
		const char *name;
		size_t tools;
	} rows[] = {
		{ "codex-03-turn2-reasoning", 13 },	{ "codex-04-namespace-call", 13 },
		{ "codex-06-image-tool-output", 13 },	{ "codex-07-output-schema", 13 },
		{ "codex-11-known-model-gpt-5.5", 10 }, { "codex-13-custom-tool-output", 13 },
		{ "oaisdk-03-responses", 1 },		{ "aisdk-06-openai-responses", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct in_test t;

		in_test_fixture(&t, in_responses, rows[i].name);
		if (t.rc || t.chat.tool_count != rows[i].tools) {
			printf("\n%s: %zu tools, %s\n", rows[i].name, t.chat.tool_count,
			       t.error.message);
			CU_FAIL("not taken as it should be");
		}
		in_test_release(&t);
	}
}

static void in_responses_takes_codex_12_with_its_tools(void)
{
	struct in_test t;
	bool found = false;

	in_test_fixture(&t, in_responses, "codex-12-known-model-additional-tools");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	for (size_t i = 0; i < t.chat.tool_count; i++)
		found |= strcmp(t.chat.tools[i].name, "functions__exec") == 0 &&
			 t.chat.tools[i].kind == TOOL_CUSTOM;
	CU_ASSERT(found);
	in_test_release(&t);
}

static void in_responses_names_the_field_of_every_refusal(void)
{
	static const struct in_refusal rows[] = {
		{ "{}", "model", "Missing required parameter: 'model'." },
		{ "{'model':7}", "model", "valid string" },
		{ "{'model':'m'}", "input", "Missing required parameter: 'input'." },
		{ "{'model':'m','input':7}", "input", "valid string or array" },
		{ "{'model':'m','input':''}", "input", "at least one message" },
		{ "{'model':'m','input':[]}", "input", "at least one message" },
		{ INPUT("7"), "input.0", "valid object" },
		{ INPUT("{'type':7}"), "input.0.type", "valid string" },
		{ INPUT("{'type':'compaction'}"), "input.0.type", "'compaction' items are not" },
		{ INPUT("{'type':'item_reference','id':'x'}"), "input.0.type",
		  "set store to false" },
		{ INPUT("{'id':'msg_1'}"), "input.0.type", "set store to false" },
		{ INPUT("{'type':null,'id':'msg_1'}"), "input.0.type", "set store to false" },
		{ INPUT("{'content':'x'}"), "input.0.role", "Field required" },
		{ INPUT("{'type':'local_shell_call'}"), "input.0.type", "not supported" },
		{ INPUT("{'type':'message','content':'x'}"), "input.0.role", "Field required" },
		{ INPUT("{'role':'robot','content':'x'}"), "input.0.role", "'developer'" },
		{ INPUT("{'role':'user','content':7}"), "input.0.content",
		  "valid string or array" },
		{ INPUT(SAY("{'type':'input_image','file_id':'f'}")), "input.0.content.0.file_id",
		  "send a base64 data URL" },
		{ INPUT(SAY("{'type':'input_image'}")), "input.0.content.0.image_url",
		  "Field required" },
		{ INPUT(SAY("{'type':'input_file','file_url':'https://e/x.pdf'}")),
		  "input.0.content.0.file_url", "send file_data" },
		{ INPUT(SAY("{'type':'input_file','file_data':'data:application/"
			    "pdf;base64,JVBERi0xL'}")),
		  "input.0.content.0.file_data", "invalid base64" },
		{ INPUT(SAY("{'type':'input_audio'}")), "input.0.content.0.input_audio", "audio" },
		{ INPUT(SAY("{'type':'input_text','text':7}")), "input.0.content.0.text",
		  "valid string" },
		{ INPUT("{'type':'function_call','name':'f'}"), "input.0.call_id",
		  "Field required" },
		{ INPUT("{'type':'function_call','call_id':'c'}"), "input.0.name",
		  "Field required" },
		{ INPUT("{'type':'function_call','call_id':'','name':'f'}"), "input.0.call_id",
		  "at least 1 character" },
		{ INPUT("{'type':'function_call','call_id':'c','name':'f','arguments':{}}"),
		  "input.0.arguments", "valid string" },
		{ INPUT("{'type':'custom_tool_call','call_id':'c','name':'f','input':{}}"),
		  "input.0.input", "valid string" },
		{ INPUT(CALLED ",{'type':'function_call_output','output':'x'}"), "input.1.call_id",
		  "Field required" },
		{ INPUT("{'type':'function_call_output','call_id':'c','output':{}}"),
		  "input.0.output", "valid string or array" },
		{ INPUT("{'type':'reasoning','summary':7}"), "input.0.summary",
		  "valid string or array" },
		{ INPUT("{'type':'reasoning','summary':[],'encrypted_content':7}"),
		  "input.0.encrypted_content", "valid string" },
		{ INPUT("{'type':'additional_tools','tools':7}"), "input.0.tools", "valid array" },
		{ INPUT("{'type':'tool_search_call','call_id':'c','arguments':'x'}"),
		  "input.0.arguments", "valid object" },
		{ HI "'previous_response_id':'resp_1'}", "previous_response_id", "not supported" },
		{ HI "'conversation':'c'}", "conversation", "not supported" },
		{ HI "'prompt':{'id':'p'}}", "prompt", "not supported" },
		{ HI "'background':true}", "background", "not supported" },
		{ HI "'background':1}", "background", "valid boolean" },
		{ HI "'include':7}", "include", "valid array" },
		{ HI "'include':['message.output_text.logprobs']}", "include.0", "logprobs" },
		{ HI "'top_logprobs':1}", "top_logprobs", "not supported" },
		{ HI "'instructions':7}", "instructions", "valid string or array" },
		{ HI "'stream':'yes'}", "stream", "valid boolean" },
		{ HI "'max_output_tokens':0}", "max_output_tokens", "greater than" },
		{ HI "'temperature':3}", "temperature", "less than" },
		{ HI "'top_p':-1}", "top_p", "greater than" },
		{ HI "'reasoning':7}", "reasoning", "valid object" },
		{ HI "'reasoning':{'effort':'huge'}}", "reasoning.effort", "'none'" },
		{ HI "'reasoning':{'summary':7}}", "reasoning.summary", "valid string" },
		{ HI "'text':7}", "text", "valid object" },
		{ HI "'text':{'format':{}}}", "text.format.type", "Field required" },
		{ HI "'text':{'format':{'type':'xml'}}}", "text.format.type", "'json_object'" },
		{ HI "'text':{'format':{'type':'json_schema','schema':7}}}", "text.format.schema",
		  "valid object" },
		{ HI "'prompt_cache_key':7}", "prompt_cache_key", "valid string" },
		{ HI "'parallel_tool_calls':1}", "parallel_tool_calls", "valid boolean" },
		{ HI "'tools':{}}", "tools", "valid array" },
		{ HI "'tools':[7]}", "tools.0", "valid object" },
		{ HI "'tools':[{}]}", "tools.0.type", "Field required" },
		{ HI "'tools':[{'type':'function'}]}", "tools.0.name", "Field required" },
		{ HI "'tools':[{'type':'function','name':''}]}", "tools.0.name", "1 to 128" },
		{ HI "'tools':[{'type':'function','name':'f','parameters':{'type':'array'}}]}",
		  "tools.0.parameters.type", "'object'" },
		{ HI "'tools':[{'type':'custom','name':'f','format':7}]}", "tools.0.format",
		  "valid object" },
		{ HI "'tools':[{'type':'namespace','name':'n','tools':[{'type':'function'}]}]}",
		  "tools.0.tools.0.name", "Field required" },
		{ HI
		  "'tools':[{'type':'namespace','name':'n','tools':[{'type':'namespace','name':'o'"
		  "}]}]}",
		  "tools.0.tools.0.type", "'namespace' tools are not" },
		{ HI "'tools':[{'type':'tool_search'}]}", "tools.0.type", "the service runs" },
		{ HI "'tools':[{'type':'file_search'}]}", "tools.0.type", "'file_search' tools" },
		{ HI "'tools':[{'type':'web_search','filters':7}]}", "tools.0.filters",
		  "valid object" },
		{ HI "'tools':[{'type':'web_search','filters':{'allowed_domains':[7]}}]}",
		  "tools.0.filters.allowed_domains.0", "valid string" },
		{ HI "'tool_choice':'required'}", "tool_choice", "needs tools" },
		{ HI "'tool_choice':7}", "tool_choice", "valid string or object" },
		{ HI "'tool_choice':{'type':'function','name':'f'}}", "tool_choice.name",
		  "none of the tools" },
		{ HI "'tool_choice':{'type':'web_search'}}", "tool_choice.type", "not supported" },
	};

	in_test_refusals(in_responses, rows, ARRAY_SIZE(rows));
}

CU_TestInfo in_responses_tests[] = {
	{ "takes a text as input", in_responses_takes_a_text_as_input },
	{ "reads messages of every role", in_responses_reads_messages_of_every_role },
	{ "reads reasoning back", in_responses_reads_reasoning_back },
	{ "reads calls and outputs", in_responses_reads_calls_and_outputs },
	{ "reads tools of every form", in_responses_reads_tools_of_every_form },
	{ "takes tools from the input", in_responses_takes_tools_from_the_input },
	{ "searches only where that is allowed", in_responses_searches_only_where_that_is_allowed },
	{ "takes tools that are found again", in_responses_takes_tools_that_are_found_again },
	{ "reads wishes", in_responses_reads_wishes },
	{ "goes on behind the assistant's message",
	  in_responses_goes_on_behind_the_assistants_message },
	{ "leaves out searches that are not for it",
	  in_responses_leaves_out_searches_that_are_not_for_it },
	{ "takes every recorded request", in_responses_takes_every_recorded_request },
	{ "takes codex-12 with its tools", in_responses_takes_codex_12_with_its_tools },
	{ "names the field of every refusal", in_responses_names_the_field_of_every_refusal },
	CU_TEST_INFO_NULL,
};
