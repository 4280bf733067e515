/*
 * Every field of a Messages request with a wrong type and, where it has rules, a wrong value: the
 * error names its path. The rows are a body's member (REQUEST), a block of the user (USER), of the
 * assistant (ASSISTANT), of a result (RESULT) or a tool (TOOL), and the path below it.
 */
#include "common/base.h"

#include "tests/unit/in_tests.h"

static const char *const frames[][2] = {
	[0] = { "{'model':'m','max_tokens':9,'messages':[{'role':'user','content':'x'}],%s}", "" },
	[1] = { "{'model':'m','max_tokens':9,'messages':[{'role':'user','content':[%s]}]}",
		"messages.0.content.0." },
	[2] = { "{'model':'m','max_tokens':9,'messages':[{'role':'user','content':'x'},{'role':"
		"'assistant','content':[%s]},{'role':'user','content':'y'}]}",
		"messages.1.content.0." },
	[3] = { "{'model':'m','max_tokens':9,'messages':[{'role':'user','content':[{'type':'tool_"
		"result','tool_use_id':'t','content':[%s]}]}]}",
		"messages.0.content.0.tool_result.content.0." },
	[4] = { "{'model':'m','max_tokens':9,'messages':[{'role':'user','content':'x'}],'tools':[%"
		"s]"
		"}",
		"tools.0." },
	[5] = { "{'model':'m','max_tokens':9,'messages':[%s]}", "messages.0." },
	[6] = { "{%s}", "" },
};

enum { REQUEST, USER, ASSISTANT, RESULT, TOOL, MESSAGE, BARE };

#define HI	 "'messages':[{'role':'user','content':'x'}]"
#define SCHEMA	 "'name':'a','input_schema':{'type':'object'}"
#define DOC(x)	 "{'type':'document','source':" x "}"
#define TEXT_DOC "'type':'document','source':{'type':'text','media_type':'text/plain','data':'x'}"
#define FOUND	 "'type':'search_result','source':'s','title':'t'"

static const struct {
	int frame;
	const char *json, *path;
} wrong[] = {
	/* 1.4: the request */
	{ BARE, "'max_tokens':9," HI, "model" },
	{ BARE, "'model':7,'max_tokens':9," HI, "model" },
	{ BARE, "'model':'','max_tokens':9," HI, "model" },
	{ BARE, "'model':'m'," HI, "max_tokens" },
	{ BARE, "'model':'m','max_tokens':'9'," HI, "max_tokens" },
	{ BARE, "'model':'m','max_tokens':-1," HI, "max_tokens" },
	{ BARE, "'model':'m','max_tokens':1.5," HI, "max_tokens" },
	{ BARE, "'model':'m','max_tokens':9", "messages" },
	{ BARE, "'model':'m','max_tokens':9,'messages':'x'", "messages" },
	{ BARE, "'model':'m','max_tokens':9,'messages':[]", "messages" },
	{ REQUEST, "'system':7", "system" },
	{ REQUEST, "'system':[7]", "system.0" },
	{ REQUEST, "'system':[{'type':'image'}]", "system.0.type" },
	{ REQUEST, "'system':[{'type':'text','text':7}]", "system.0.text" },
	{ REQUEST, "'system':[{'type':'text','text':'x','cache_control':7}]",
	  "system.0.cache_control" },
	{ REQUEST, "'system':[{'type':'text','text':'x','cache_control':{'type':'for ever'}}]",
	  "system.0.cache_control.type" },
	{ REQUEST, "'stream':'true'", "stream" },
	{ REQUEST, "'stop_sequences':'x'", "stop_sequences" },
	{ REQUEST, "'temperature':'1'", "temperature" },
	{ REQUEST, "'temperature':2", "temperature" },
	{ REQUEST, "'top_p':[]", "top_p" },
	{ REQUEST, "'top_p':1.5", "top_p" },
	{ REQUEST, "'top_k':'7'", "top_k" },
	{ REQUEST, "'top_k':-1", "top_k" },
	{ REQUEST, "'metadata':'x'", "metadata" },
	{ REQUEST, "'metadata':{'user_id':7}", "metadata.user_id" },
	{ REQUEST, "'tools':{}", "tools" },
	{ REQUEST, "'tools':[7]", "tools.0" },
	{ REQUEST, "'tool_choice':'auto'", "tool_choice" },
	{ REQUEST, "'tool_choice':{}", "tool_choice.type" },
	{ REQUEST, "'tool_choice':{'type':'some'}", "tool_choice" },
	{ REQUEST, "'tool_choice':{'type':'auto','disable_parallel_tool_use':'x'}",
	  "tool_choice.disable_parallel_tool_use" },
	{ REQUEST, "'thinking':'on'", "thinking" },
	{ REQUEST, "'thinking':{}", "thinking.type" },
	{ REQUEST, "'thinking':{'type':'some'}", "thinking" },
	{ REQUEST, "'thinking':{'type':'enabled'}", "thinking.enabled.budget_tokens" },
	{ REQUEST, "'thinking':{'type':'enabled','budget_tokens':'x'}",
	  "thinking.enabled.budget_tokens" },
	{ REQUEST, "'thinking':{'type':'enabled','budget_tokens':1}",
	  "thinking.enabled.budget_tokens" },
	{ REQUEST, "'thinking':{'type':'adaptive','display':7}", "thinking.display" },
	{ REQUEST, "'thinking':{'type':'adaptive','display':'loud'}", "thinking.display" },
	{ REQUEST, "'output_config':7", "output_config" },
	{ REQUEST, "'output_config':{'effort':7}", "output_config.effort" },
	{ REQUEST, "'output_config':{'effort':'huge'}", "output_config.effort" },
	{ REQUEST, "'service_tier':7", "service_tier" },
	{ REQUEST, "'service_tier':'gold'", "service_tier" },
	{ REQUEST, "'speed':7", "speed" },
	{ REQUEST, "'speed':'light'", "speed" },
	{ REQUEST, "'cache_control':'x'", "cache_control" },
	{ REQUEST, "'cache_control':{}", "cache_control.type" },
	{ REQUEST, "'cache_control':{'type':'x'}", "cache_control.type" },
	{ REQUEST, "'cache_control':{'type':'ephemeral','ttl':5}", "cache_control.ttl" },
	{ REQUEST, "'cache_control':{'type':'ephemeral','ttl':'1d'}", "cache_control.ttl" },
	{ REQUEST, "'context_management':7", "context_management" },
	{ REQUEST, "'context_management':{'edits':{}}", "context_management.edits" },
	{ REQUEST, "'context_management':{'edits':[7]}", "context_management.edits.0" },
	{ REQUEST, "'context_management':{'edits':[{}]}", "context_management.edits.0.type" },
	{ REQUEST, "'container':7", "container" },
	{ REQUEST, "'mcp_servers':{}", "mcp_servers" },
	{ REQUEST, "'mcp_servers':[{'type':'url'}]", "mcp_servers" },
	{ REQUEST, "'safeguards':{}", "safeguards" },
	{ REQUEST, "'safeguards':[7]", "safeguards.0" },
	{ REQUEST, "'betas':'x'", "betas" },
	{ REQUEST, "'betas':[7]", "betas.0" },
	/* 1.5: messages */
	{ MESSAGE, "7", "" },
	{ MESSAGE, "{'content':'x'}", "role" },
	{ MESSAGE, "{'role':7,'content':'x'}", "role" },
	{ MESSAGE, "{'role':'robot','content':'x'}", "role" },
	{ MESSAGE, "{'role':'user'}", "content" },
	{ MESSAGE, "{'role':'user','content':7}", "content" },
	{ MESSAGE, "{'role':'user','content':[]}", "content" },
	{ MESSAGE, "{'role':'system','content':7}", "content" },
	{ MESSAGE, "{'role':'system','content':[{'type':'image'}]}", "content.0.type" },
	{ MESSAGE, "{'role':'system','content':'x','clear_at':'noon'}", "clear_at" },
	{ MESSAGE, "{'role':'system','content':'x','clear_at':7}", "clear_at" },
	{ MESSAGE, "{'role':'system','content':'x','output_config':7}", "output_config" },
	{ MESSAGE, "{'role':'system','content':'x','output_config':{'effort':'x'}}",
	  "output_config.effort" },
	/* 1.5.1: blocks of the user */
	{ USER, "7", "" },
	{ USER, "{'text':'x'}", "type" },
	{ USER, "{'type':7}", "type" },
	{ USER, "{'type':'text'}", "text.text" },
	{ USER, "{'type':'text','text':7}", "text.text" },
	{ USER, "{'type':'text','text':'x','citations':7}", "text.citations" },
	{ USER, "{'type':'text','text':'x','cache_control':{'type':7}}",
	  "text.cache_control.type" },
	{ USER, "{'type':'image'}", "image.source" },
	{ USER, "{'type':'image','source':7}", "image.source" },
	{ USER, "{'type':'image','source':{}}", "image.source.type" },
	{ USER, "{'type':'image','source':{'type':'paper'}}", "image.source" },
	{ USER, "{'type':'image','source':{'type':'base64','data':'x'}}",
	  "image.source.base64.media_type" },
	{ USER, "{'type':'image','source':{'type':'base64','media_type':'image/png'}}",
	  "image.source.base64.data" },
	{ USER, "{'type':'image','source':{'type':'base64','media_type':'image/png','data':7}}",
	  "image.source.base64.data" },
	{ USER, "{'type':'image','source':{'type':'base64','media_type':'image/png','data':'?'}}",
	  "image.source.base64" },
	{ USER, "{'type':'image','source':{'type':'url'}}", "image.source.url" },
	{ USER, "{'type':'image','source':{'type':'url','url':7}}", "image.source.url" },
	{ USER, "{'type':'image','source':{'type':'file','file_id':'x'}}", "image.source" },
	{ USER, "{'type':'image','transformations':7}", "image.transformations" },
	{ USER, "{'type':'document'}", "document.source" },
	{ USER, DOC("7"), "document.source" },
	{ USER, DOC("{}"), "document.source.type" },
	{ USER, DOC("{'type':'paper'}"), "document.source" },
	{ USER, DOC("{'type':'url','url':'https://x/'}"), "document.source" },
	{ USER, DOC("{'type':'file','file_id':'x'}"), "document.source" },
	{ USER, DOC("{'type':'base64','data':'x'}"), "document.source.base64.media_type" },
	{ USER, DOC("{'type':'base64','media_type':'application/pdf'}"),
	  "document.source.base64.data" },
	{ USER, DOC("{'type':'base64','media_type':'application/pdf','data':''}"),
	  "document.source.base64" },
	{ USER, DOC("{'type':'base64','media_type':'application/pdf','data':'?'}"),
	  "document.source.base64" },
	{ USER, DOC("{'type':'base64','media_type':'application/pdf','data':'eHl6'}"),
	  "document.source.base64" },
	{ USER, DOC("{'type':'base64','media_type':'video/mp4','data':'eHl6'}"),
	  "document.source.base64.media_type" },
	{ USER, DOC("{'type':'text','media_type':'text/plain'}"), "document.source.text.data" },
	{ USER, DOC("{'type':'text','media_type':'text/html','data':'x'}"),
	  "document.source.text.media_type" },
	{ USER, DOC("{'type':'text','media_type':7,'data':'x'}"),
	  "document.source.text.media_type" },
	{ USER, DOC("{'type':'content'}"), "document.source.content" },
	{ USER, DOC("{'type':'content','content':7}"), "document.source.content" },
	{ USER, DOC("{'type':'content','content':[{'type':'image'}]}"),
	  "document.source.content.0" },
	{ USER, "{" TEXT_DOC ",'title':7}", "document.title" },
	{ USER, "{" TEXT_DOC ",'context':7}", "document.context" },
	{ USER, "{" TEXT_DOC ",'citations':7}", "document.citations" },
	{ USER, "{" TEXT_DOC ",'citations':{'enabled':7}}", "document.citations.enabled" },
	{ USER, "{'type':'search_result','title':'t','content':[]}", "search_result.source" },
	{ USER, "{'type':'search_result','source':'t','content':[]}", "search_result.title" },
	{ USER, "{" FOUND "}", "search_result.content" },
	{ USER, "{" FOUND ",'content':'x'}", "search_result.content" },
	{ USER, "{" FOUND ",'content':[{'type':'image'}]}", "search_result.content.0.type" },
	{ USER, "{" FOUND ",'content':[],'citations':{'enabled':'x'}}",
	  "search_result.citations.enabled" },
	{ USER, "{'type':'tool_result'}", "tool_result.tool_use_id" },
	{ USER, "{'type':'tool_result','tool_use_id':7}", "tool_result.tool_use_id" },
	{ USER, "{'type':'tool_result','tool_use_id':''}", "tool_result.tool_use_id" },
	{ USER, "{'type':'tool_result','tool_use_id':'t','content':7}", "tool_result.content" },
	{ USER, "{'type':'tool_result','tool_use_id':'t','is_error':'no'}",
	  "tool_result.is_error" },
	{ USER, "{'type':'tool_result','tool_use_id':'t','toolset_name':7}",
	  "tool_result.toolset_name" },
	{ USER, "{'type':'container_upload','file_id':'x'}", "" },
	{ USER, "{'type':'thinking','thinking':'x'}", "" },
	{ RESULT, "7", "" },
	{ RESULT, "{'type':'tool_use'}", "" },
	{ RESULT, "{'type':'tool_reference'}", "tool_reference.tool_name" },
	{ RESULT, "{'type':'tool_reference','tool_name':7}", "tool_reference.tool_name" },
	{ RESULT, "{'type':'image','source':{'type':'file'}}", "image.source" },
	{ RESULT, DOC("{'type':'url'}"), "document.source" },
	/* 1.5.2: blocks of the assistant */
	{ ASSISTANT, "{'type':'text','text':[]}", "text.text" },
	{ ASSISTANT, "{'type':'thinking'}", "thinking.thinking" },
	{ ASSISTANT, "{'type':'thinking','thinking':7}", "thinking.thinking" },
	{ ASSISTANT, "{'type':'thinking','thinking':'x','signature':7}", "thinking.signature" },
	{ ASSISTANT, "{'type':'redacted_thinking'}", "redacted_thinking.data" },
	{ ASSISTANT, "{'type':'redacted_thinking','data':7}", "redacted_thinking.data" },
	{ ASSISTANT, "{'type':'tool_use','name':'a','input':{}}", "tool_use.id" },
	{ ASSISTANT, "{'type':'tool_use','id':7,'name':'a','input':{}}", "tool_use.id" },
	{ ASSISTANT, "{'type':'tool_use','id':'t','input':{}}", "tool_use.name" },
	{ ASSISTANT, "{'type':'tool_use','id':'t','name':'','input':{}}", "tool_use.name" },
	{ ASSISTANT, "{'type':'tool_use','id':'t','name':'a','input':'x'}", "tool_use.input" },
	{ ASSISTANT, "{'type':'tool_use','id':'t','name':'a','input':{},'caller':7}",
	  "tool_use.caller" },
	{ ASSISTANT, "{'type':'tool_use','id':'t','name':'a','input':{},'toolset_name':7}",
	  "tool_use.toolset_name" },
	{ ASSISTANT, "{'type':'image','source':{}}", "" },
	/* 1.5.3: tools */
	{ TOOL, "{'input_schema':{}}", "custom.name" },
	{ TOOL, "{'name':7,'input_schema':{}}", "custom.name" },
	{ TOOL, "{'name':'a b','input_schema':{}}", "custom.name" },
	{ TOOL, "{'name':'a'}", "custom.input_schema" },
	{ TOOL, "{'name':'a','input_schema':7}", "custom.input_schema" },
	{ TOOL, "{'name':'a','input_schema':{'type':'string'}}", "custom.input_schema.type" },
	{ TOOL, "{'name':'a','input_schema':{'oneOf':[]}}", "custom.input_schema" },
	{ TOOL, "{'name':'a','input_schema':{'properties':[]}}", "custom.input_schema.properties" },
	{ TOOL, "{'name':'a','input_schema':{'required':'x'}}", "custom.input_schema.required" },
	{ TOOL, "{" SCHEMA ",'description':7}", "custom.description" },
	{ TOOL, "{" SCHEMA ",'type':7}", "type" },
	{ TOOL, "{" SCHEMA ",'type':'other'}", "" },
	{ TOOL, "{" SCHEMA ",'cache_control':7}", "custom.cache_control" },
	{ TOOL, "{" SCHEMA ",'cache_control':{'type':'x'}}", "custom.cache_control.type" },
	{ TOOL, "{" SCHEMA ",'strict':'x'}", "custom.strict" },
	{ TOOL, "{" SCHEMA ",'defer_loading':'x'}", "custom.defer_loading" },
	{ TOOL, "{" SCHEMA ",'eager_input_streaming':'x'}", "custom.eager_input_streaming" },
	{ TOOL, "{" SCHEMA ",'input_examples':{}}", "custom.input_examples" },
	{ TOOL, "{" SCHEMA ",'allowed_callers':[7]}", "custom.allowed_callers.0" },
};

/* "messages.0." and "" is the place "messages.0". */
static void join(char *out, size_t size, const char *place, const char *below)
{
	size_t len;

	snprintf(out, size, "%s%s", place, below);
	len = strlen(out);
	if (len && out[len - 1] == '.')
		out[len - 1] = '\0';
}

static void every_wrong_field_is_named_by_its_path(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		const char *const *frame = frames[wrong[i].frame];
		const char *hole = strstr(frame[0], "%s");
		char body[1024], path[256];
		struct in_test t;

		snprintf(body, sizeof(body), "%.*s%s%s", (int)(hole - frame[0]), frame[0],
			 wrong[i].json, hole + 2);
		join(path, sizeof(path), frame[1], wrong[i].path);
		in_test_read(&t, in_anthropic, body);
		if (t.rc != -1 || t.error.kind != ERR_REQUEST || strcmp(t.error.field, path) != 0 ||
		    strncmp(t.error.message, path, strlen(path)) != 0) {
			printf("\n%s\n  wants: [%s]\n  gave: [%s] %s\n", body, path, t.error.field,
			       t.error.message);
			CU_FAIL("not named");
		}
		in_test_release(&t);
	}
}

static void good_values_of_the_same_fields_are_taken(void)
{
	static const char *const good[] = {
		"'service_tier':'standard_only','speed':null,'container':{'id':'c'}",
		"'cache_control':{'type':'ephemeral','ttl':'1h'},'container':'c'",
		"'context_management':{'edits':[{'type':'clear_thinking_20251015','keep':'all'}]}",
		"'thinking':{'type':'adaptive','display':'updates'}",
		"'thinking':{'type':'adaptive','display':null},'betas':['a','b']",
		"'tools':[{" SCHEMA ",'strict':true,'input_examples':[{'a':1}],'allowed_callers':["
		"'direct'],'cache_control':{'type':'ephemeral','scope':'global'}}]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		const char *hole = strstr(frames[REQUEST][0], "%s");
		struct in_test t;
		char body[1024];

		snprintf(body, sizeof(body), "%.*s%s%s", (int)(hole - frames[REQUEST][0]),
			 frames[REQUEST][0], good[i], hole + 2);
		in_test_read(&t, in_anthropic, body);
		CU_ASSERT_EQUAL(t.rc, 0);
		if (t.rc)
			printf("\n%s\n  gave: %s\n", body, t.error.message);
		in_test_release(&t);
	}
}

/* A PNG head of 2001 x 1 pixels. */
#define WIDE "iVBORw0KGgoAAAANSUhEUgAAB9EAAAABCAYAAAA="
#define IMAGE(data)                                                                                \
	"{'type':'image','source':{'type':'base64','media_type':'image/png','data':'" data "'}}"

/* 8000 pixels a side; 2000 in a request with more than 20 images. */
static void many_images_must_be_small(void)
{
	for (int count = 20; count <= 21; count++) {
		struct in_test t;
		struct buf body;

		buf_init(&body, KB(16));
		buf_add_text(&body, "{'model':'m','max_tokens':9,'messages':[{'role':'user',"
				    "'content':[" IMAGE(PNG) "," IMAGE(WIDE));
		for (int i = 2; i < count; i++)
			buf_add_text(&body, "," IMAGE(PNG));
		buf_add_text(&body, "]}]}");
		in_test_read(&t, in_anthropic, body.at);
		CU_ASSERT_EQUAL(t.rc, count == 20 ? 0 : -1);
		if (t.rc) {
			CU_ASSERT_STRING_EQUAL(t.error.field,
					       "messages.0.content.1.image.source.base64");
			CU_ASSERT_PTR_NOT_NULL(strstr(t.error.message,
						      "image dimensions exceed max allowed size "
						      "for many-image requests: 2000 pixels"));
		}
		in_test_release(&t);
		buf_release(&body);
	}
}

CU_TestInfo in_fields_tests[] = {
	{ "many images must be small", many_images_must_be_small },
	{ "every wrong field is named by its path", every_wrong_field_is_named_by_its_path },
	{ "good values of the same fields are taken", good_values_of_the_same_fields_are_taken },
	CU_TEST_INFO_NULL,
};
