#include "common/base.h"

#include "tests/unit/in_tests.h"

#define HEAD	"{'model':'m','max_tokens':10,"
#define HI	"'messages':[{'role':'user','content':'hi'}]"
#define USER(x) HEAD "'messages':[{'role':'user','content':[" x "]}]}"
#define IMAGE(x)                                                                                   \
	"{'type':'image','source':{'type':'base64','media_type':'image/png','data':'" x "'}}"
#define CALL(id)	    "{'type':'tool_use','id':'" id "','name':'Read','input':{'path':'x'}}"
#define RESULT(id, content) "{'type':'tool_result','tool_use_id':'" id "','content':" content "}"
#define LATER(name)	    TOOL(name, ",'defer_loading':true")
#define TWO_REFERENCES                                                                             \
	"[{'type':'tool_reference','tool_name':'WebFetch'},"                                       \
	"{'type':'tool_reference','tool_name':'Other'}]"
#define PREFILL(text)                                                                              \
	HEAD "'messages':[{'role':'user','content':'x'},{'role':'assistant','content':'" text "'}" \
	     "]}"
#define SCHEMA		 "{'type':'json_schema','schema':{'type':'object'}}"
#define TOOL(name, more) "{'name':'" name "','input_schema':{'type':'object'}" more "}"

static const struct block *block_at(const struct in_test *t, size_t message, size_t block)
{
	CU_ASSERT_FATAL(message < t->chat.message_count);
	CU_ASSERT_FATAL(block < t->chat.messages[message].block_count);
	return &t->chat.messages[message].blocks[block];
}

static void in_anthropic_reads_a_plain_request(void)
{
	struct in_test t;

	in_test_read(
		&t, in_anthropic,
		HEAD
		"'stream':true,'system':'Be "
		"brief.','messages':[{'role':'user','content':'one'},{'role':'assistant','content':"
		"'two'},{'role':'user','content':[{'type':'text','text':'three'}]}]}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_STRING_EQUAL(t.chat.model, "m");
	CU_ASSERT_EQUAL(t.chat.max_tokens, 10);
	CU_ASSERT_TRUE(t.chat.stream);
	CU_ASSERT_TRUE(span_is(t.chat.system, "Be brief."));
	CU_ASSERT_EQUAL(t.chat.message_count, 3);
	CU_ASSERT_EQUAL(t.chat.messages[1].role, ROLE_ASSISTANT);
	CU_ASSERT_TRUE(span_is(block_at(&t, 2, 0)->text, "three"));
	CU_ASSERT_EQUAL(t.chat.thinking, THINKING_DEFAULT);
	CU_ASSERT_PTR_NULL(t.chat.conversation);
	in_test_release(&t);
}

static void in_anthropic_joins_system_blocks_and_drops_the_billing_line(void)
{
	struct in_test t;

	in_test_read(&t, in_anthropic,
		     HEAD "'system':[{'type':'text','text':'x-anthropic-billing-header: "
			  "v=1;'},{'type':'text','text':'A','cache_control':{'type':'ephemeral'}},{"
			  "'type':'text','text':'B'}]," HI "}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_TRUE(span_is(t.chat.system, "A\n\nB"));
	in_test_release(&t);
}

static void in_anthropic_turns_system_messages_into_reminders_in_place(void)
{
	struct in_test t;

	in_test_read(&t, in_anthropic,
		     HEAD "'messages':[{'role':'user','content':'hi'},{'role':'system','content':[{"
			  "'type':'text','text':'S1'}]},{'role':'assistant','content':'yes'},{'"
			  "role':'user','content':'go'},{'role':'system','content':'S2'},{'role':'"
			  "system','content':[],'output_config':{'effort':'low'}}]}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL_FATAL(t.chat.message_count, 3);
	CU_ASSERT_TRUE(
		span_is(block_at(&t, 0, 1)->text, "<system-reminder>\nS1\n</system-reminder>"));
	CU_ASSERT_TRUE(
		span_is(block_at(&t, 2, 1)->text, "<system-reminder>\nS2\n</system-reminder>"));
	CU_ASSERT_EQUAL(t.chat.messages[2].block_count, 2);
	CU_ASSERT_EQUAL(t.chat.effort, EFFORT_LOW);
	in_test_release(&t);
}

/* Clients leave what they said for one turn in place: it costs no tokens there. */
static void in_anthropic_tells_examples_behind_the_description(void)
{
	struct in_test t;

	in_test_accept(&t, in_anthropic,
		       HEAD "'messages':[{'role':'user','content':'hi'}],'tools':[{'name':'a','"
			    "description':'A.',"
			    "'input_schema':{'type':'object'},'input_examples':[{'n':1},{'m':['x'"
			    "]}]},{'name':'b',"
			    "'input_schema':{'type':'object'},'input_examples':[{}]},{'name':'c','"
			    "description':'C.',"
			    "'input_schema':{'type':'object'},'input_examples':[]},{'name':'bash',"
			    "'type':'bash_20250124','input_examples':[{'command':'ls'}]}]}");
	CU_ASSERT_STRING_EQUAL(t.chat.tools[0].description,
			       "A.\n\nExamples of its input:\n{\"n\":1}\n{\"m\":[\"x\"]}");
	CU_ASSERT_STRING_EQUAL(t.chat.tools[1].description, "Examples of its input:\n{}");
	CU_ASSERT_STRING_EQUAL(t.chat.tools[2].description, "C.");
	CU_ASSERT_PTR_NOT_NULL(strstr(t.chat.tools[3].description,
				      "\n\nExamples of its input:\n{\"command\":\"ls\"}"));
	in_test_release(&t);
}

static void in_anthropic_drops_a_reminder_of_one_turn_behind_the_next(void)
{
	static const char messages[] =
		"'messages':[{'role':'user','content':'hi'},{'role':'system',"
		"'clear_at':'next_user_message','content':'S1'}";
	char body[512];
	struct in_test t;

	snprintf(body, sizeof(body), HEAD "%s]}", messages);
	in_test_accept(&t, in_anthropic, body);
	CU_ASSERT_EQUAL(t.chat.messages[0].block_count, 2);
	in_test_release(&t);
	snprintf(body, sizeof(body), HEAD "%s,{'role':'assistant','content':'yes'}]}", messages);
	in_test_accept(&t, in_anthropic, body);
	CU_ASSERT_EQUAL(t.chat.messages[0].block_count, 2);
	in_test_release(&t);
	snprintf(body, sizeof(body),
		 HEAD "%s,{'role':'assistant','content':'yes'},{'role':'user','content':'go'}]}",
		 messages);
	in_test_accept(&t, in_anthropic, body);
	CU_ASSERT_EQUAL(t.chat.messages[0].block_count, 1);
	in_test_release(&t);
}

static void in_anthropic_takes_a_system_message_behind_an_answer_as_the_users_turn(void)
{
	struct in_test t;

	in_test_read(&t, in_anthropic,
		     HEAD "'messages':[{'role':'user','content':'hi'},{'role':'assistant','content'"
			  ":'yes'},{'role':'system','content':'S'}]}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL(t.chat.message_count, 3);
	CU_ASSERT_EQUAL(t.chat.messages[2].role, ROLE_USER);
	in_test_release(&t);
}

static void in_anthropic_merges_turns_of_the_same_role(void)
{
	struct in_test t;

	in_test_read(&t, in_anthropic,
		     HEAD "'messages':[{'role':'user','content':'a'},{'role':'user','content':'b'},"
			  "{'role':'assistant','content':'c'},{'role':'assistant','content':'d'},{'"
			  "role':'user','content':'e'}]}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL(t.chat.message_count, 3);
	CU_ASSERT_TRUE(span_is(block_at(&t, 0, 1)->text, "b"));
	CU_ASSERT_TRUE(span_is(block_at(&t, 1, 1)->text, "d"));
	in_test_release(&t);
}

static void in_anthropic_reads_calls_and_results(void)
{
	struct in_test t;
	const struct block *result;

	in_test_read(&t, in_anthropic,
		     HEAD
		     "'messages':[{'role':'user','content':'hi'},{'role':'assistant','content':[{'"
		     "type':'thinking','thinking':'h','signature':''},{'type':'redacted_thinking','"
		     "data':'x'}," CALL("t1") "," CALL("t2") "]},{'role':'user','content':[" RESULT(
			     "t2", "[{'type':'text','text':'a'}"
				   "," IMAGE(PNG) "]") ",{'type':'tool_result','tool_use_id':'t1','"
						       "is_error':true}]}]}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL(t.chat.messages[1].block_count, 3);
	CU_ASSERT_EQUAL(block_at(&t, 1, 0)->kind, BLOCK_THINKING);
	CU_ASSERT_STRING_EQUAL(block_at(&t, 1, 0)->signature, "");
	CU_ASSERT_STRING_EQUAL(block_at(&t, 1, 1)->id, "t1");
	CU_ASSERT_STRING_EQUAL(block_at(&t, 1, 1)->name, "Read");
	CU_ASSERT_STRING_EQUAL(json_text_or(block_at(&t, 1, 1)->input, "path", ""), "x");
	result = block_at(&t, 2, 0);
	CU_ASSERT_STRING_EQUAL(result->id, "t2");
	CU_ASSERT_EQUAL_FATAL(result->block_count, 2);
	CU_ASSERT_TRUE(span_is(result->blocks[0].text, "a"));
	CU_ASSERT_STRING_EQUAL(result->blocks[1].format, "png");
	CU_ASSERT_TRUE(block_at(&t, 2, 1)->is_error);
	CU_ASSERT_EQUAL(block_at(&t, 2, 1)->block_count, 0);
	in_test_release(&t);
}

static void in_anthropic_trusts_the_first_bytes_of_an_image(void)
{
	static const struct {
		const char *data, *format;
	} rows[] = {
		{ PNG, "png" },
		{ "/9j/4AAQSkZJRg==", "jpeg" },
		{ "R0lGODlhAQABAAAAACw=", "gif" },
		{ "UklGRhoAAABXRUJQVlA4TA==", "webp" },
	};
	char body[1024];
	struct in_test t;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(body, sizeof(body), USER(IMAGE("%s")), rows[i].data);
		in_test_read(&t, in_anthropic, body);
		CU_ASSERT_EQUAL_FATAL(t.rc, 0);
		CU_ASSERT_STRING_EQUAL(block_at(&t, 0, 0)->format, rows[i].format);
		CU_ASSERT_TRUE(span_is(block_at(&t, 0, 0)->text, rows[i].data));
		in_test_release(&t);
	}
}

static void in_anthropic_refuses_an_image_above_five_megabytes(void)
{
	const size_t fits = LIMIT_IMAGE / 3 * 4; /* base64 characters of 5,242,878 bytes */
	char *text = xmalloc(fits + 1024);
	struct in_test t;
	size_t head;

	for (size_t groups = 0; groups <= 2; groups += 2) {
		head = (size_t)snprintf(
			text, 1024,
			HEAD "'messages':[{'role':'user','content':[{'type':'image','source':{'"
			     "type':'base64','media_type':'image/jpeg','data':'/9j/");
		memset(text + head, 'A', fits - 4 + groups * 4);
		snprintf(text + head + fits - 4 + groups * 4, 64, "'}}]}]}");
		in_test_read(&t, in_anthropic, text);
		CU_ASSERT_EQUAL(t.rc, groups ? -1 : 0);
		if (groups)
			CU_ASSERT_STRING_EQUAL(
				t.error.message,
				"messages.0.content.0.image.source.base64: image exceeds 5 MB "
				"maximum: 5242884 bytes > 5242880 bytes");
		in_test_release(&t);
	}
	free(text);
}

/* clang-format off */
#define DEFERRED                                                                             \
	HEAD "'tools':[" LATER("Read") "," LATER("WebFetch") "," TOOL("Bash", "") ","        \
	LATER("DeferredToolPlaceholder") "],'messages':[{'role':'user','content':'hi'},"     \
	"{'role':'assistant','content':[" CALL("t1") "]},"                                   \
	"{'role':'user','content':[" RESULT("t1", TWO_REFERENCES) "]}]}"
/* clang-format on */

static void in_anthropic_shows_deferred_tools_only_when_they_are_mentioned(void)
{
	struct in_test t;

	in_test_read(&t, in_anthropic, DEFERRED);
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL_FATAL(t.chat.tool_count, 3);
	CU_ASSERT_STRING_EQUAL(t.chat.tools[0].name, "Read");
	CU_ASSERT_STRING_EQUAL(t.chat.tools[1].name, "WebFetch");
	CU_ASSERT_STRING_EQUAL(t.chat.tools[2].name, "Bash");
	CU_ASSERT_EQUAL_FATAL(block_at(&t, 2, 0)->block_count, 1);
	CU_ASSERT_TRUE(span_is(block_at(&t, 2, 0)->blocks[0].text,
			       "Tools now available: WebFetch, Other"));
	in_test_release(&t);
}

static void in_anthropic_reads_thinking(void)
{
	static const struct {
		const char *json;
		enum thinking thinking;
		int64_t budget;
		bool omitted;
	} rows[] = {
		{ "{'type':'disabled'}", THINKING_OFF, 0, false },
		{ "{'type':'enabled','budget_tokens':1024}", THINKING_ON, 1024, false },
		{ "{'type':'adaptive','display':'omitted'}", THINKING_ON, 0, true },
		{ "{'type':'adaptive','display':'updates'}", THINKING_ON, 0, false },
		{ "null", THINKING_DEFAULT, 0, false },
	};
	char body[512];
	struct in_test t;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(body, sizeof(body),
			 "{'model':'m','max_tokens':2000,'output_config':{'effort':'xhigh'},"
			 "'thinking':%s," HI "}",
			 rows[i].json);
		in_test_read(&t, in_anthropic, body);
		CU_ASSERT_EQUAL(t.rc, 0);
		CU_ASSERT_EQUAL(t.chat.thinking, rows[i].thinking);
		CU_ASSERT_EQUAL(t.chat.thinking_budget, rows[i].budget);
		CU_ASSERT_EQUAL(t.chat.thinking_omitted, rows[i].omitted);
		CU_ASSERT_EQUAL(t.chat.effort, EFFORT_XHIGH);
		in_test_release(&t);
	}
}

static void in_anthropic_reads_what_shapes_the_answer(void)
{
	struct in_test t;

	in_test_read(&t, in_anthropic,
		     HEAD "'stop_sequences':['END','\\n\\nx'],'tools':[" TOOL("a", "") "," TOOL(
			     "b", "") "],'tool_choice':{'type':'tool','name':'b',"
				      "'disable_parallel_tool_use':true}," HI "}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL_FATAL(t.chat.stop_count, 2);
	CU_ASSERT_STRING_EQUAL(t.chat.stop_sequences[1], "\n\nx");
	CU_ASSERT_EQUAL(t.chat.tool_choice, CHOICE_TOOL);
	CU_ASSERT_STRING_EQUAL(t.chat.forced_tool, "b");
	CU_ASSERT_TRUE(t.chat.one_call);
	in_test_release(&t);
	in_test_read(&t, in_anthropic,
		     HEAD
		     "'tools':[" TOOL("a", "") "],'tool_choice':{'type':'any'},'output_config':{"
					       "'format':" SCHEMA "}," HI "}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL(t.chat.tool_choice, CHOICE_ANY);
	CU_ASSERT_FALSE(t.chat.one_call);
	CU_ASSERT_EQUAL(t.chat.format, FORMAT_SCHEMA);
	CU_ASSERT_STRING_EQUAL(json_text_or(t.chat.schema, "type", ""), "object");
	in_test_release(&t);
	in_test_read(&t, in_anthropic, HEAD "'output_format':" SCHEMA "," HI "}");
	CU_ASSERT_EQUAL(t.rc, 0);
	CU_ASSERT_EQUAL(t.chat.format, FORMAT_SCHEMA);
	in_test_release(&t);
	in_test_read(&t, in_anthropic, HEAD "'output_config':{'format':null}," HI "}");
	CU_ASSERT_EQUAL(t.rc, 0);
	CU_ASSERT_EQUAL(t.chat.format, FORMAT_TEXT);
	in_test_release(&t);
}

static void in_anthropic_takes_a_final_assistant_message_as_the_answers_beginning(void)
{
	struct in_test t;

	in_test_read(&t, in_anthropic, PREFILL("{"));
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_TRUE(span_is(t.chat.prefill, "{"));
	CU_ASSERT_EQUAL(t.chat.message_count, 2);
	in_test_release(&t);
	in_test_read(&t, in_anthropic, HEAD HI "}");
	CU_ASSERT_EQUAL(t.chat.prefill.len, 0);
	in_test_release(&t);
}

static void in_anthropic_thinks_between_tools_behind_a_result_only(void)
{
	static const char between[] = "'thinking':{'type':'between_tools'},";
	char body[1024];
	struct in_test t;

	snprintf(body, sizeof(body), HEAD "%s" HI "}", between);
	in_test_read(&t, in_anthropic, body);
	CU_ASSERT_EQUAL(t.rc, 0);
	CU_ASSERT_EQUAL(t.chat.thinking, THINKING_OFF);
	in_test_release(&t);
	snprintf(body, sizeof(body),
		 HEAD
		 "%s'messages':[{'role':'user','content':'x'},{'role':'assistant','content':[" CALL(
			 "t1") "]},{'role':'user','content':[" RESULT("t1", "'ok'") "]}]}",
		 between);
	in_test_read(&t, in_anthropic, body);
	CU_ASSERT_EQUAL(t.rc, 0);
	CU_ASSERT_EQUAL(t.chat.thinking, THINKING_ON);
	in_test_release(&t);
}

static void in_anthropic_finds_the_conversation_in_both_forms_of_user_id(void)
{
	static const struct {
		const char *user_id, *conversation;
	} rows[] = {
		{ "user_00ff_account__session_1b4e28ba-2fa1-11d2-883f-0016d3cca427",
		  "1b4e28ba-2fa1-11d2-883f-0016d3cca427" },
		{ "{\\'device_id\\':\\'00\\',\\'account_uuid\\':\\'\\',"
		  "\\'session_id\\':\\'s-1\\'}",
		  "s-1" },
		{ "u-1", NULL },
		{ "{broken", NULL },
	};
	char body[512];
	struct in_test t;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(body, sizeof(body), HEAD "'metadata':{'user_id':'%s'}," HI "}",
			 rows[i].user_id);
		in_test_read(&t, in_anthropic, body);
		CU_ASSERT_EQUAL_FATAL(t.rc, 0);
		if (rows[i].conversation) {
			CU_ASSERT_PTR_NOT_NULL_FATAL(t.chat.conversation);
			CU_ASSERT_STRING_EQUAL(t.chat.conversation, rows[i].conversation);
		} else {
			CU_ASSERT_PTR_NULL(t.chat.conversation);
		}
		in_test_release(&t);
	}
}

static void in_anthropic_accepts_what_changes_nothing(void)
{
	struct in_test t;

	in_test_read(
		&t, in_anthropic,
		HEAD
		"'temperature':1,'top_p':0.5,'top_k':5,'stop_sequences':[],'speed':'fast'"
		",'service_tier':'auto','cache_control':{'type':'ephemeral'},'stream':"
		"null,'context_management':{'edits':[]},'safeguards':[{'type':'t'}],'diagnostics':{"
		"},'container':null,'mcp_servers':[],'betas':['b'],'not_yet_invented':{},"
		"'tool_choice':{'type':'auto','disable_parallel_tool_use':false}," HI "}");
	CU_ASSERT_EQUAL(t.rc, 0);
	in_test_release(&t);
}

static void in_anthropic_skips_empty_text_beside_other_content(void)
{
	struct in_test t;

	in_test_read(&t, in_anthropic,
		     USER("{'type':'text','text':''},{'type':'text','text':'x'}"));
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL(t.chat.messages[0].block_count, 1);
	in_test_release(&t);
}

static void in_anthropic_counts_without_max_tokens_and_with_prefill(void)
{
	struct in_test t;

	in_test_read(&t, in_anthropic_count,
		     "{'model':'m','messages':[{'role':'user','content':'a'},{'role':'assistant','"
		     "content':'{'}]}");
	CU_ASSERT_EQUAL(t.rc, 0);
	in_test_release(&t);
	in_test_read(&t, in_anthropic_count,
		     "{'model':'m','messages':[{'role':'user','content':'a'}],"
		     "'compaction':{'type':'summarize'}}"); /* counts what it would summarise */
	CU_ASSERT_EQUAL(t.rc, 0);
	in_test_release(&t);
	in_test_fixture(&t, in_anthropic_count, "antsdk-04-count-tokens");
	CU_ASSERT_EQUAL(t.rc, 0);
	CU_ASSERT_EQUAL(t.chat.tool_count, 1);
	in_test_release(&t);
}

static void in_anthropic_reads_recorded_requests(void)
{
	struct in_test t;

	in_test_fixture(&t, in_anthropic, "cc-24-bare-empty-system-message");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL(t.chat.message_count, 1);
	CU_ASSERT_EQUAL(t.chat.tool_count, 3);
	CU_ASSERT_EQUAL(t.chat.effort, EFFORT_MEDIUM);
	CU_ASSERT_STRING_EQUAL(t.chat.conversation, "00000000-0000-4000-8000-000000000001");
	CU_ASSERT_PTR_NULL(memmem(t.chat.system.at, t.chat.system.len, "x-anthropic-billing", 19));
	in_test_release(&t);
	in_test_fixture(&t, in_anthropic, "cc2037-02-warmup");
	CU_ASSERT_EQUAL(t.rc, 0);
	in_test_release(&t);
}

static void in_anthropic_names_the_field_of_every_refusal(void)
{
	static const struct in_refusal rows[] = {
		{ "[]", "", "must be a JSON object" },
		{ "{}", "model", "model: Field required" },
		{ "{'model':7}", "model", "valid string" },
		{ "{'model':''}", "model", "at least 1 character" },
		{ "{'model':'m'," HI "}", "max_tokens", "max_tokens: Field required" },
		{ "{'model':'m','max_tokens':0," HI "}", "max_tokens",
		  "greater than or equal to 1" },
		{ "{'model':'m','max_tokens':1.5," HI "}", "max_tokens", "valid integer" },
		{ "{'model':'m','max_tokens':1}", "messages", "messages: Field required" },
		{ HEAD "'messages':{}}", "messages", "valid array" },
		{ HEAD "'messages':[]}", "messages", "messages: at least one message is required" },
		{ HEAD "'messages':[{'role':'system','content':[]}]}", "messages",
		  "at least one message is required" },
		{ HEAD "'messages':[7]}", "messages.0", "valid object" },
		{ HEAD "'messages':[{'content':'x'}]}", "messages.0.role", "Field required" },
		{ HEAD "'messages':[{'role':'user','content':'x'},{'role':'tool','content':'x'}]}",
		  "messages.1.role", "messages.1.role: Input should be 'user' or 'assistant'" },
		{ HEAD "'messages':[{'role':'user'}]}", "messages.0.content", "Field required" },
		{ HEAD "'messages':[{'role':'user','content':5}]}", "messages.0.content",
		  "valid string or array" },
		{ HEAD "'messages':[{'role':'user','content':[]}]}", "messages.0.content",
		  "non-empty content" },
		{ HEAD "'messages':[{'role':'user','content':''}]}", "messages",
		  "messages: text content blocks must be non-empty" },
		{ USER("{'type':'text','text':''}"), "messages",
		  "messages: text content blocks must be non-empty" },
		{ HEAD "'messages':[{'role':'user','content':'x'},{'role':'assistant','content':"
		       "[{'type':'text','text':''}]}]}",
		  "messages", "messages: text content blocks must be non-empty" },
		{ USER("{'type':'text'}"), "messages.0.content.0.text.text", "Field required" },
		{ USER("{'text':'x'}"), "messages.0.content.0.type", "Field required" },
		{ USER("{'type':'hologram'}"), "messages.0.content.0",
		  "Input tag 'hologram' found using 'type' does not match any of the expected "
		  "tags" },
		{ USER("{'type':'image','source':{'type':'file','file_id':'f'}}"),
		  "messages.0.content.0.image.source", "file images are not supported" },
		{ USER("{'type':'image'}"), "messages.0.content.0.image.source", "Field required" },
		{ USER(IMAGE("")), "messages.0.content.0.image.source.base64",
		  "image cannot be empty" },
		{ USER(IMAGE("iVBORw0KGgo")), "messages.0.content.0.image.source.base64",
		  "invalid base64" },
		{ USER(IMAGE("iVBO Rw0KGgo")), "messages.0.content.0.image.source.base64",
		  "invalid base64" },
		{ USER(IMAGE("PHN2Zz48L3N2Zz4=")), "messages.0.content.0.image.source.base64",
		  "Could not process image" },
		{ USER("{'type':'image','source':{'type':'base64','media_type':'image/"
		       "svg+xml','data':'PHN2Zz48L3N2Zz4='}}"),
		  "messages.0.content.0.image.source.base64.media_type",
		  "'image/jpeg', 'image/png', 'image/gif' or 'image/webp'" },
		{ USER(RESULT("t", "[" IMAGE("") "]")),
		  "messages.0.content.0.tool_result.content.0.image.source.base64",
		  "image cannot be empty" },
		{ USER("{'type':'tool_result'}"), "messages.0.content.0.tool_result.tool_use_id",
		  "Field required" },
		{ USER(RESULT("t", "7")), "messages.0.content.0.tool_result.content",
		  "valid string or array" },
		{ USER("{'type':'container_upload','file_id':'f'}"), "messages.0.content.0",
		  "'container_upload' blocks" },
		{ USER(CALL("t")), "messages.0.content.0", "Input tag 'tool_use'" },
		{ HEAD
		  "'messages':[{'role':'user','content':'x'},{'role':'assistant','content':[" CALL(
			  "t1") "]}]}",
		  "messages.1",
		  "messages.1: `tool_use` ids were found without `tool_result` blocks immediately "
		  "after: t1." },
		{ HEAD
		  "'messages':[{'role':'user','content':'x'},{'role':'assistant','content':[{'type'"
		  ":'thinking','thinking':'h','signature':''}]}]}",
		  "messages.1", "no text to continue" },
		{ PREFILL("So: "), "messages",
		  "messages: final assistant content cannot end with trailing whitespace" },
		{ HEAD "'output_config':{'format':" SCHEMA
		       "},'messages':[{'role':'user','content':'x'},"
		       "{'role':'assistant','content':'{'}]}",
		  "messages.1", "cannot be continued in an output format" },
		{ HEAD "'system':7," HI "}", "system", "valid string or array" },
		{ HEAD "'system':[{'type':'image'}]," HI "}", "system.0.type", "'text'" },
		{ HEAD "'stream':'yes'," HI "}", "stream", "valid boolean" },
		{ HEAD "'stop_sequences':'END'," HI "}", "stop_sequences", "valid array" },
		{ HEAD "'stop_sequences':['END',7]," HI "}", "stop_sequences.1", "valid string" },
		{ HEAD "'stop_sequences':['END',' \\n']," HI "}", "stop_sequences",
		  "stop_sequences: each stop sequence must contain non-whitespace" },
		{ HEAD "'stop_sequences':['']," HI "}", "stop_sequences",
		  "must contain non-whitespace" },
		{ HEAD "'temperature':1.1," HI "}", "temperature", "less than or equal to 1" },
		{ HEAD "'top_p':-1," HI "}", "top_p", "greater than or equal to 0" },
		{ HEAD "'top_k':-1," HI "}", "top_k", "greater than or equal to 0" },
		{ HEAD "'metadata':{'user_id':7}," HI "}", "metadata.user_id", "valid string" },
		{ HEAD "'thinking':{'type':'enabled','budget_tokens':1023}," HI "}",
		  "thinking.enabled.budget_tokens", "greater than or equal to 1024" },
		{ HEAD "'thinking':{'type':'enabled'}," HI "}", "thinking.enabled.budget_tokens",
		  "Field required" },
		{ HEAD "'thinking':{'type':'enabled','budget_tokens':1024}," HI "}", "",
		  "`max_tokens` must be greater than `thinking.budget_tokens`" },
		{ HEAD "'thinking':{'type':'always'}," HI "}", "thinking",
		  "'adaptive', 'between_tools', 'disabled', 'enabled'" },
		{ HEAD
		  "'tools':[" TOOL("x", "") "],'tool_choice':{'type':'any'},'thinking':{'type':"
					    "'adaptive'}," HI "}",
		  "", "Thinking may not be enabled when tool_choice forces tool use." },
		{ HEAD
		  "'tools':[" TOOL("x", "") "],'tool_choice':{'type':'tool','name':'x'},'thinking':"
					    "{'type':'adaptive'}," HI "}",
		  "", "Thinking may not be enabled when tool_choice forces tool use." },
		{ HEAD "'output_config':{'effort':'huge'}," HI "}", "output_config.effort",
		  "'low', 'medium', 'high', 'xhigh' or 'max'" },
		{ HEAD "'output_config':{'format':{'type':'json_schema'}}," HI "}",
		  "output_config.format.schema", "Field required" },
		{ HEAD "'output_config':{'format':{'type':'json_schema','schema':7}}," HI "}",
		  "output_config.format.schema", "valid object" },
		{ HEAD "'output_config':{'format':{}}," HI "}", "output_config.format.type",
		  "Field required" },
		{ HEAD "'output_config':{'format':{'type':'xml'}}," HI "}",
		  "output_config.format.type", "'json_schema'" },
		{ HEAD "'output_format':7," HI "}", "output_format", "valid object" },
		{ HEAD "'output_format':{'type':'json_schema'}," HI "}", "output_format.schema",
		  "Field required" },
		{ HEAD "'mcp_servers':[{'type':'url'}]," HI "}", "mcp_servers", "not supported" },
		{ HEAD "'thread':{'id':'x'}," HI "}", "thread", "not supported" },
		{ HEAD "'compaction':{'type':'summarize'}," HI "}", "compaction", "not supported" },
		{ HEAD "'tools':[{'type':'web_fetch_20250910','name':'web_fetch'}]," HI "}",
		  "tools.0", "tools.0: web_fetch_20250910 is not supported by this gateway" },
		{ HEAD "'tools':[" TOOL("a", "") ",{'type':'bash_19990101','name':'bash'}]," HI "}",
		  "tools.1", "tools.1: bash_19990101 is not supported by this gateway" },
		{ HEAD "'tools':[{'name':'x'}]," HI "}", "tools.0.custom.input_schema",
		  "Field required" },
		{ HEAD "'tools':[{'input_schema':{}}]," HI "}", "tools.0.custom.name",
		  "Field required" },
		{ HEAD "'tools':[" TOOL("a b", "") "]," HI "}", "tools.0.custom.name",
		  "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'" },
		{ HEAD "'tools':[{'name':'x','input_schema':{'type':'string'}}]," HI "}",
		  "tools.0.custom.input_schema.type", "'object'" },
		{ HEAD "'tools':[{'name':'x','input_schema':{'oneOf':[]}}]," HI "}",
		  "tools.0.custom.input_schema", "does not support oneOf, allOf, or anyOf" },
		{ HEAD "'tools':[{'name':'x','input_schema':{'required':'a'}}]," HI "}",
		  "tools.0.custom.input_schema.required", "valid array" },
		{ HEAD "'tool_choice':{'type':'any'}," HI "}", "tool_choice",
		  "may only be specified while providing tools" },
		{ HEAD "'tool_choice':{'type':'tool'}," HI "}", "tool_choice.name",
		  "Field required" },
		{ HEAD "'tools':[" TOOL("x", "") "],'tool_choice':{'type':'tool','name':'y'}," HI
						 "}",
		  "tool_choice.name", "Tool 'y' not found in provided tools" },
		{ HEAD "'tool_choice':{'type':'some'}," HI "}", "tool_choice",
		  "'auto', 'any', 'tool', 'none'" },
		{ HEAD "'tool_choice':{'type':'auto','disable_parallel_tool_use':1}," HI "}",
		  "tool_choice.disable_parallel_tool_use", "valid boolean" },
	};

	in_test_refusals(in_anthropic, rows, ARRAY_SIZE(rows));
}

CU_TestInfo in_anthropic_tests[] = {
	{ "reads a plain request", in_anthropic_reads_a_plain_request },
	{ "joins system blocks and drops the billing line",
	  in_anthropic_joins_system_blocks_and_drops_the_billing_line },
	{ "turns system messages into reminders in place",
	  in_anthropic_turns_system_messages_into_reminders_in_place },
	{ "tells examples behind the description",
	  in_anthropic_tells_examples_behind_the_description },
	{ "drops a reminder of one turn behind the next",
	  in_anthropic_drops_a_reminder_of_one_turn_behind_the_next },
	{ "takes a system message behind an answer as the user's turn",
	  in_anthropic_takes_a_system_message_behind_an_answer_as_the_users_turn },
	{ "merges turns of the same role", in_anthropic_merges_turns_of_the_same_role },
	{ "reads calls and results", in_anthropic_reads_calls_and_results },
	{ "trusts the first bytes of an image", in_anthropic_trusts_the_first_bytes_of_an_image },
	{ "refuses an image above five megabytes",
	  in_anthropic_refuses_an_image_above_five_megabytes },
	{ "shows deferred tools only when they are mentioned",
	  in_anthropic_shows_deferred_tools_only_when_they_are_mentioned },
	{ "reads thinking", in_anthropic_reads_thinking },
	{ "reads what shapes the answer", in_anthropic_reads_what_shapes_the_answer },
	{ "takes a final assistant message as the answer's beginning",
	  in_anthropic_takes_a_final_assistant_message_as_the_answers_beginning },
	{ "thinks between tools behind a result only",
	  in_anthropic_thinks_between_tools_behind_a_result_only },
	{ "finds the conversation in both forms of user_id",
	  in_anthropic_finds_the_conversation_in_both_forms_of_user_id },
	{ "accepts what changes nothing", in_anthropic_accepts_what_changes_nothing },
	{ "skips empty text beside other content",
	  in_anthropic_skips_empty_text_beside_other_content },
	{ "counts without max_tokens and with prefill",
	  in_anthropic_counts_without_max_tokens_and_with_prefill },
	{ "reads recorded requests", in_anthropic_reads_recorded_requests },
	{ "names the field of every refusal", in_anthropic_names_the_field_of_every_refusal },
	CU_TEST_INFO_NULL,
};
