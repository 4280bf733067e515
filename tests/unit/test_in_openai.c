#include "common/base.h"

#include "tests/unit/in_tests.h"

#define HI	    "{'model':'m','messages':[{'role':'user','content':'hi'}],"
#define USER(x)	    "{'model':'m','messages':[{'role':'user','content':[" x "]}]}"
#define MESSAGES(x) "{'model':'m','messages':[" x "]}"

static void in_openai_reads_every_role(void)
{
	struct in_test t;

	in_test_read(
		&t, in_openai,
		"{'model':'m','stream':true,'stream_options':{'include_usage':true},'max_tokens':5,"
		"'max_completion_tokens':7,'messages':[{'role':'system','content':'A'},{'role':'"
		"developer','content':[{'type':'text','text':'B'}]},{'role':'user','content':'one',"
		"'name':'bob'},{'role':'assistant','content':null,'tool_calls':[{'id':'c1','type':'"
		"function','function':{'name':'f','arguments':'{\\'a\\':1}'}},{'id':'c2','type':'"
		"function','function':{'name':'g','arguments':''}}]},{'role':'tool','tool_call_id':"
		"'c2','content':'r2'},{'role':'tool','tool_call_id':'c1','content':[{'type':'text',"
		"'text':'r1'}]},{'role':'system','content':'late'}]}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_TRUE(t.chat.stream && t.chat.include_usage);
	CU_ASSERT_EQUAL(t.chat.max_tokens, 7);
	CU_ASSERT_TRUE(span_is(t.chat.system, "A\n\nB"));
	CU_ASSERT_EQUAL_FATAL(t.chat.message_count, 3);
	CU_ASSERT_STRING_EQUAL(in_test_block(&t, 1, 0)->id, "c1");
	CU_ASSERT_TRUE(span_is(in_test_block(&t, 1, 0)->input_json, "{\"a\":1}"));
	CU_ASSERT_EQUAL(in_test_block(&t, 1, 1)->input_json.len, 0);
	CU_ASSERT_STRING_EQUAL(in_test_block(&t, 2, 0)->id, "c2");
	CU_ASSERT_TRUE(span_is(in_test_block(&t, 2, 1)->blocks[0].text, "r1"));
	CU_ASSERT_TRUE(span_is(in_test_block(&t, 2, 2)->text,
			       "<system-reminder>\nlate\n</system-reminder>"));
	in_test_release(&t);
}

static void in_openai_keeps_broken_arguments_as_text(void)
{
	static const struct {
		const char *arguments, *input;
	} rows[] = {
		{ "{\\'a\\':", "{\"__raw_arguments\":\"{\\\"a\\\":\"}" },
		{ "[1]", "{\"__raw_arguments\":\"[1]\"}" },
		{ "  ", "" },
		{ "{ }", "{ }" },
		/* as it came from upstream, who may say so */
		{ "{\\'a\\':\\'\\\\u0000\\'}", "{\"a\":\"\\u0000\"}" },
	};
	char body[512];
	struct in_test t;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(body, sizeof(body),
			 MESSAGES("{'role':'assistant','tool_calls':[{'id':'c','function':{'name':'"
				  "f','arguments':'%s'}}]},{'role':'user','content':'x'}"),
			 rows[i].arguments);
		in_test_read(&t, in_openai, body);
		CU_ASSERT_EQUAL_FATAL(t.rc, 0);
		CU_ASSERT_TRUE(span_is(in_test_block(&t, 0, 0)->input_json, rows[i].input));
		in_test_release(&t);
	}
}

static void in_openai_takes_data_urls_in_both_forms(void)
{
	struct in_test t;

	in_test_read(&t, in_openai,
		     USER("{'type':'image_url','image_url':{'url':'data:image/jpeg;base64," PNG
			  "','detail':'low'}},{'type':'image_url','image_url':'data:image/"
			  "png;base64," PNG "'}"));
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_STRING_EQUAL(in_test_block(&t, 0, 0)->format, "png");
	CU_ASSERT_TRUE(span_is(in_test_block(&t, 0, 1)->text, PNG));
	in_test_release(&t);
}

static void in_openai_reads_tools_and_wishes(void)
{
	struct in_test t;

	in_test_read(&t, in_openai,
		     HI "'tools':[{'type':'function','function':{'name':'a.b','description':'d','"
			"parameters':{'type':'object'},'strict':true}},{'type':'function','"
			"function':{'name':'none'}}],'tool_choice':'none','reasoning_effort':'max',"
			"'prompt_cache_key':'k','response_format':{'type':'text'},'n':1,'stop':"
			"null,'seed':-9223372036854775808,'user':'u','metadata':{},'parallel_tool_"
			"calls':true,'"
			"logprobs':false,'temperature':2,'modalities':['text'],'strange':1}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL_FATAL(t.chat.tool_count, 2);
	CU_ASSERT_STRING_EQUAL(t.chat.tools[0].name, "a.b");
	CU_ASSERT_PTR_NULL(t.chat.tools[1].schema);
	CU_ASSERT_STRING_EQUAL(t.chat.tools[1].description, "");
	CU_ASSERT_EQUAL(t.chat.tool_choice, CHOICE_NONE);
	CU_ASSERT_EQUAL(t.chat.thinking, THINKING_ON);
	CU_ASSERT_EQUAL(t.chat.effort, EFFORT_MAX);
	CU_ASSERT_STRING_EQUAL(t.chat.conversation, "k");
	in_test_release(&t);
	in_test_read(&t, in_openai, HI "'reasoning_effort':'none'}");
	CU_ASSERT_EQUAL(t.chat.thinking, THINKING_OFF);
	in_test_release(&t);
}

static void in_openai_reads_custom_tools_and_their_calls(void)
{
	struct in_test t;

	in_test_read(
		&t, in_openai,
		"{'model':'m','tools':[{'type':'custom','custom':{'name':'sh','description':'d',"
		"'format':{'type':'grammar','grammar':{'syntax':'lark','definition':'start: X'}}}}"
		",{'type':'function','function':{'name':'f'}}],'tool_choice':{'type':'custom',"
		"'custom':{'name':'sh'}},'parallel_tool_calls':false,'messages':[{'role':'user','"
		"content':'hi'},{'role':'assistant','tool_calls':[{'id':'c1','type':'custom','"
		"custom':{'name':'sh','input':'a b'}}]},{'role':'tool','tool_call_id':'c1','"
		"content':'r'}]}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL(t.chat.tools[0].kind, TOOL_CUSTOM);
	CU_ASSERT_STRING_EQUAL(t.chat.tools[0].description,
			       "d\n\nThe input must be text of this lark grammar:\nstart: X");
	in_test_is_json(t.chat.tools[0].schema,
			"{'type':'object','properties':{'input':{'type':'string'}},'required':["
			"'input']}");
	CU_ASSERT_EQUAL(t.chat.tools[1].kind, TOOL_FUNCTION);
	CU_ASSERT_EQUAL(t.chat.tool_choice, CHOICE_TOOL);
	CU_ASSERT_STRING_EQUAL(t.chat.forced_tool, "sh");
	CU_ASSERT(t.chat.one_call);
	CU_ASSERT_TRUE(span_is(in_test_block(&t, 1, 0)->input_json, "{\"input\":\"a b\"}"));
	in_test_release(&t);
}

static void in_openai_reads_legacy_functions(void)
{
	struct in_test t;

	in_test_read(
		&t, in_openai,
		"{'model':'m','functions':[{'name':'f','description':'d','parameters':{'type':"
		"'object'}},{'name':'g'}],'function_call':{'name':'g'},'messages':[{'role':'user'"
		",'content':'hi'},{'role':'assistant','content':null,'function_call':{'name':'f',"
		"'arguments':'{}'}},{'role':'function','name':'f','content':'r'}]}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL_FATAL(t.chat.tool_count, 2);
	CU_ASSERT_EQUAL(t.chat.tools[0].kind, TOOL_LEGACY);
	CU_ASSERT_EQUAL(t.chat.tool_choice, CHOICE_TOOL);
	CU_ASSERT_STRING_EQUAL(t.chat.forced_tool, "g");
	CU_ASSERT(t.chat.one_call);
	CU_ASSERT_STRING_EQUAL(in_test_block(&t, 1, 0)->name, "f");
	CU_ASSERT_EQUAL(in_test_block(&t, 2, 0)->kind, BLOCK_TOOL_RESULT);
	CU_ASSERT_STRING_EQUAL(in_test_block(&t, 2, 0)->id, in_test_block(&t, 1, 0)->id);
	CU_ASSERT_TRUE(span_is(in_test_block(&t, 2, 0)->blocks[0].text, "r"));
	in_test_release(&t);
	in_test_read(&t, in_openai, HI "'functions':[{'name':'f'}],'function_call':'none'}");
	CU_ASSERT_EQUAL(t.chat.tool_choice, CHOICE_NONE);
	in_test_release(&t);
}

static void in_openai_leaves_only_the_allowed_tools(void)
{
	struct in_test t;

	in_test_read(&t, in_openai,
		     HI "'tools':[{'type':'function','function':{'name':'a'}},{'type':'function','"
			"function':{'name':'b'}},{'type':'function','function':{'name':'c'}}],'"
			"tool_choice':{'type':'allowed_tools','allowed_tools':{'mode':'required','"
			"tools':[{'type':'function','function':{'name':'c'}},{'type':'function','"
			"function':{'name':'a'}}]}}}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL_FATAL(t.chat.tool_count, 2);
	CU_ASSERT_STRING_EQUAL(t.chat.tools[0].name, "c");
	CU_ASSERT_STRING_EQUAL(t.chat.tools[1].name, "a");
	CU_ASSERT_EQUAL(t.chat.tool_choice, CHOICE_ANY);
	in_test_release(&t);
}

static void in_openai_reads_formats_and_stops(void)
{
	struct in_test t;

	in_test_read(&t, in_openai,
		     HI "'stop':['END','x'],'response_format':{'type':'json_schema','json_schema':{"
			"'name':'o','strict':true,'schema':{'type':'object'}}}}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL_FATAL(t.chat.stop_count, 2);
	CU_ASSERT_STRING_EQUAL(t.chat.stop_sequences[1], "x");
	CU_ASSERT_EQUAL(t.chat.format, FORMAT_SCHEMA);
	in_test_is_json(t.chat.schema, "{'type':'object'}");
	in_test_release(&t);
	in_test_read(&t, in_openai, HI "'stop':'END','response_format':{'type':'json_object'}}");
	CU_ASSERT_EQUAL_FATAL(t.chat.stop_count, 1);
	CU_ASSERT_STRING_EQUAL(t.chat.stop_sequences[0], "END");
	CU_ASSERT_EQUAL(t.chat.format, FORMAT_JSON);
	in_test_release(&t);
}

/* "hello" */
static void in_openai_puts_text_files_into_the_conversation(void)
{
	struct in_test t;

	in_test_read(&t, in_openai,
		     USER("{'type':'file','file':{'filename':'a.txt','file_data':'data:text/plain;"
			  "base64,aGVsbG8='}}"));
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_TRUE(span_is(in_test_block(&t, 0, 0)->text,
			       "<document title=\"a.txt\">\nhello\n</document>"));
	in_test_release(&t);
}

static void in_openai_takes_a_lone_system_message(void)
{
	struct in_test t;

	in_test_read(&t, in_openai, MESSAGES("{'role':'system','content':'S'}"));
	CU_ASSERT_EQUAL(t.rc, 0);
	CU_ASSERT_EQUAL(t.chat.message_count, 0);
	CU_ASSERT_TRUE(span_is(t.chat.system, "S"));
	in_test_release(&t);
}

static void in_openai_refuses_the_recorded_audio_by_its_path(void)
{
	struct in_test t;

	in_test_fixture(&t, in_openai, "oaisdk-01-chat-rich-stream");
	CU_ASSERT_EQUAL(t.rc, -1);
	CU_ASSERT_STRING_EQUAL(t.error.field, "messages.1.content.4.input_audio");
	in_test_release(&t);
}

static void in_openai_leaves_url_images_to_be_fetched(void)
{
	const struct block *image;
	struct in_test t;

	in_test_read(&t, in_openai,
		     USER("{'type':'image_url','image_url':{'url':'https://e.example/x.png'}}"));
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	image = t.chat.messages[0].blocks;
	CU_ASSERT_EQUAL(image->kind, BLOCK_IMAGE);
	CU_ASSERT_STRING_EQUAL(image->url, "https://e.example/x.png");
	CU_ASSERT_STRING_EQUAL(image->path, "messages.0.content.0.image_url.url");
	in_test_release(&t);
}

static void in_openai_names_the_field_of_every_refusal(void)
{
	static const struct in_refusal rows[] = {
		{ "{}", "model", "Missing required parameter: 'model'." },
		{ "{'model':'m'}", "messages", "Missing required parameter: 'messages'." },
		{ "{'model':'m','messages':[]}", "messages", "at least one message" },
		{ MESSAGES("{'role':'robot','content':'x'}"), "messages.0.role", "'developer'" },
		{ MESSAGES("{'role':'function','content':'x'}"), "messages.0.name",
		  "Field required" },
		{ MESSAGES("{'role':'user'}"), "messages.0.content", "Field required" },
		{ MESSAGES("{'role':'user','content':'x'},{'role':'assistant','tool_calls':[{'id':"
			   "'c1','type':'function','function':{'name':'f'}}]}"),
		  "messages.1", "did not have response messages: c1" },
		{ MESSAGES("{'role':'tool','content':'x'}"), "messages.0.tool_call_id",
		  "Field required" },
		{ MESSAGES("{'role':'assistant','function_call':{'arguments':''}}"),
		  "messages.0.function_call.name", "Field required" },
		{ MESSAGES("{'role':'assistant','tool_calls':[{'id':'c','type':'custom','custom':{}"
			   "}]}"),
		  "messages.0.tool_calls.0.custom.name", "Field required" },
		{ MESSAGES("{'role':'assistant','tool_calls':[{'id':'c','type':'odd'}]}"),
		  "messages.0.tool_calls.0.type", "'odd' tool calls are not supported" },
		{ MESSAGES("{'role':'system','content':[{'type':'image_url','image_url':'x'}]}"),
		  "messages.0.content.0.type", "should be a text part" },
		{ MESSAGES("{'role':'assistant','tool_calls':[{'function':{'name':'f'}}]}"),
		  "messages.0.tool_calls.0.id", "Field required" },
		{ USER("{'type':'image_url','image_url':{'url':7}}"),
		  "messages.0.content.0.image_url.url", "valid string" },
		{ USER("{'type':'image_url','image_url':{'url':'data:image/png,abc'}}"),
		  "messages.0.content.0.image_url.url", "base64 data URL" },
		{ USER("{'type':'image_url','image_url':'data:image/png,abc'}"),
		  "messages.0.content.0.image_url", "base64 data URL" },
		{ USER("{'type':'file'}"), "messages.0.content.0.file", "Field required" },
		{ USER("{'type':'file','file':{'file_id':'f'}}"),
		  "messages.0.content.0.file.file_id", "send file_data" },
		{ USER("{'type':'file','file':{'file_data':'data:image/png;base64," PNG "'}}"),
		  "messages.0.content.0.file.file_data",
		  "documents of type image/png are not supported" },
		{ USER("{'type':'file','file':{'file_data':'###'}}"),
		  "messages.0.content.0.file.file_data", "invalid base64" },
		{ USER("{'type':'input_audio'}"), "messages.0.content.0.input_audio", "audio" },
		{ USER("{'type':'smell'}"), "messages.0.content.0.type",
		  "'smell' parts are not supported" },
		{ HI "'n':2}", "n", "not supported" },
		{ HI "'logprobs':true}", "logprobs", "logprobs is not supported" },
		{ HI "'top_logprobs':2}", "top_logprobs", "not supported" },
		{ HI "'audio':{'voice':'a'}}", "audio", "not supported" },
		{ HI "'stop':7}", "stop", "valid string or array" },
		{ HI "'stop':['a','b','c','d','e']}", "stop", "at most 4" },
		{ HI "'stop':['a','']}", "stop", "non-whitespace" },
		{ HI "'response_format':{'type':'xml'}}", "response_format.type", "'json_object'" },
		{ HI "'response_format':{'type':'json_schema','json_schema':{'schema':7}}}",
		  "response_format.json_schema.schema", "object" },
		{ HI "'functions':[{'description':'d'}]}", "functions.0.name", "Field required" },
		{ HI "'functions':[],'tools':[{'type':'function','function':{'name':'x'}}]}",
		  "functions", "beside tools" },
		{ HI "'function_call':{'name':'f'}}", "function_call.name", "not found in" },
		{ HI "'parallel_tool_calls':'no'}", "parallel_tool_calls", "boolean" },
		{ HI "'tool_choice':'required'}", "tool_choice", "needs tools" },
		{ HI "'tool_choice':'sometimes'}", "tool_choice", "'required' or an object" },
		{ HI "'tool_choice':{'type':'function','function':{'name':'f'}}}",
		  "tool_choice.function.name", "'f' is none of the tools" },
		{ HI "'tool_choice':{'type':'mcp'}}", "tool_choice.type", "not supported" },
		{ HI "'tools':[{'type':'odd','odd':{'name':'x'}}]}", "tools.0.type",
		  "'odd' tools are not supported" },
		{ HI "'tools':[{'type':'custom','custom':{}}]}", "tools.0.custom.name",
		  "Field required" },
		{ HI "'tools':[{'type':'function'}]}", "tools.0.function", "Field required" },
		{ HI "'tools':[{'type':'function','function':{'name':'x','parameters':{'anyOf':[]}}"
		     "}]}",
		  "tools.0.function.parameters", "anyOf" },
		{ HI "'max_completion_tokens':0}", "max_completion_tokens",
		  "greater than or equal" },
		{ HI "'temperature':2.5}", "temperature", "less than or equal to 2" },
		{ HI "'presence_penalty':-3}", "presence_penalty", "greater than or equal to -2" },
		{ HI "'reasoning_effort':'huge'}", "reasoning_effort", "'none'" },
		{ HI "'modalities':['audio']}", "modalities", "only 'text'" },
		{ HI "'stream':1}", "stream", "valid boolean" },
	};

	in_test_refusals(in_openai, rows, ARRAY_SIZE(rows));
}

CU_TestInfo in_openai_tests[] = {
	{ "reads every role", in_openai_reads_every_role },
	{ "keeps broken arguments as text", in_openai_keeps_broken_arguments_as_text },
	{ "takes data URLs in both forms", in_openai_takes_data_urls_in_both_forms },
	{ "reads tools and wishes", in_openai_reads_tools_and_wishes },
	{ "reads custom tools and their calls", in_openai_reads_custom_tools_and_their_calls },
	{ "reads legacy functions", in_openai_reads_legacy_functions },
	{ "leaves only the allowed tools", in_openai_leaves_only_the_allowed_tools },
	{ "reads formats and stops", in_openai_reads_formats_and_stops },
	{ "puts text files into the conversation",
	  in_openai_puts_text_files_into_the_conversation },
	{ "takes a lone system message", in_openai_takes_a_lone_system_message },
	{ "refuses the recorded audio by its path",
	  in_openai_refuses_the_recorded_audio_by_its_path },
	{ "leaves URL images to be fetched", in_openai_leaves_url_images_to_be_fetched },
	{ "names the field of every refusal", in_openai_names_the_field_of_every_refusal },
	CU_TEST_INFO_NULL,
};
