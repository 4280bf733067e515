#include "common/base.h"
#include "tests/unit/up_tests.h"

#include <openssl/evp.h>

#define HEAD	 "{'model':'m','max_tokens':9,'messages':["
#define CALL(id) "{'type':'tool_use','id':'" id "','name':'Read','input':{}}"
#define PDF(title)                                                                                 \
	"{'type':'document','source':{'type':'base64','media_type':'application/pdf','data':"      \
	"'JVBERi0xLjQ='},'title':'" title "'}"
#define RESULT(id, content) "{'type':'tool_result','tool_use_id':'" id "','content':[" content "]}"
#define USER(x)		    "{'role':'user','content':[" x "]}"
#define ASSISTANT(x)	    "{'role':'assistant','content':[" x "]}"
#define SAY(x)		    "{'type':'text','text':'" x "'}"
#define THINK(t, s)	    "{'type':'thinking','thinking':'" t "','signature':'" s "'}"

/* True: reasoning was sent again. */
static bool run(struct up_test *t, const char *notation, const char *model, bool documents,
		bool reasoning)
{
	struct up_request_options options = up_test_options;
	bool sent_reasoning = false;

	options.documents = documents;
	options.reasoning = reasoning;
	options.sent_reasoning = &sent_reasoning;
	in_test_accept(&t->in, in_anthropic, notation);
	up_test_write(t, model, &options);
	return sent_reasoning;
}

static void documents_travel_at_message_level(void)
{
	struct up_test t;

	run(&t, HEAD USER(SAY("read") "," PDF("a.pdf")) "]}", "claude-sonnet-4.5", true, false);
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_PTR_NULL(broken_rule(t.out));
	CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "content"), "read");
	CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "documents.0.name"), "a");
	CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "documents.0.format"), "pdf");
	CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "documents.0.source.bytes"), "JVBERi0xLjQ=");
	up_test_release(&t);
}

static void a_document_alone_is_named_in_the_text(void)
{
	struct up_test t;

	run(&t, HEAD USER(PDF("a.pdf")) "]}", "claude-sonnet-4.5", true, false);
	CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "content"), "[document a attached]");
	CU_ASSERT_PTR_NULL(broken_rule(t.out));
	up_test_release(&t);
}

static void documents_of_results_move_to_the_message(void)
{
	struct up_test t;

	run(&t,
	    HEAD USER(SAY("go")) "," ASSISTANT(CALL("t1")) "," USER(
		    RESULT("t1", SAY("read:") "," PDF("a.pdf"))) "]}",
	    "claude-sonnet-4.5", true, false);
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_PTR_NULL(broken_rule(t.out));
	CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "documents.0.name"), "a");
	CU_ASSERT_STRING_EQUAL(
		text_at(&t, CURRENT "userInputMessageContext.toolResults.0.content.0.text"),
		"read:\n[document a attached]");
	up_test_release(&t);
}

static void a_result_without_its_call_keeps_its_document(void)
{
	struct up_test t;

	run(&t, HEAD USER(RESULT("t9", PDF("a.pdf"))) "]}", "claude-sonnet-4.5", true, false);
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_PTR_NULL(broken_rule(t.out));
	CU_ASSERT_PTR_NOT_NULL(strstr(text_at(&t, CURRENT "content"), "[document a attached]"));
	CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "documents.0.name"), "a");
	up_test_release(&t);
}

static void only_the_latest_five_documents_go(void)
{
	struct up_test t;

	run(&t,
	    HEAD USER(PDF("a") "," PDF("b")) "," ASSISTANT(SAY("ok")) "," USER(
		    SAY("more") "," PDF("c") "," PDF("d") "," PDF("e") "," PDF("f")) "]}",
	    "claude-sonnet-4.5", true, false);
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_STRING_EQUAL(text_at(&t, HISTORY "0.userInputMessage.documents.0.name"), "b");
	CU_ASSERT_EQUAL(cJSON_GetArraySize(down(t.out, HISTORY "0.userInputMessage.documents")), 1);
	CU_ASSERT_EQUAL(cJSON_GetArraySize(down(t.out, CURRENT "documents")), 4);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text_at(&t, HISTORY "0.userInputMessage.content"),
		       "[document a left out: only the latest 5 documents are sent]"));
	up_test_release(&t);

	run(&t, HEAD USER(PDF("a") "," PDF("b") "," PDF("c") "," PDF("d") "," PDF("e")) "]}",
	    "claude-sonnet-4.5", true, false);
	CU_ASSERT_EQUAL(cJSON_GetArraySize(down(t.out, CURRENT "documents")), LIMIT_DOCUMENTS);
	CU_ASSERT_PTR_NULL(strstr(text_at(&t, CURRENT "content"), "left out"));
	up_test_release(&t);
}

static void the_context_of_a_document_is_told(void)
{
	struct up_test t;

	run(&t,
	    HEAD USER("{'type':'document','source':{'type':'base64','media_type':'application/pdf',"
		      "'data':'JVBERi0xLjQ='},'title':'a','context':'of May'}," SAY("?")) "]}",
	    "claude-sonnet-4.5", true, false);
	CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "content"),
			       "[document a attached: of May]\n\n?");
	up_test_release(&t);
}

/* The words make Claude Code read the pages as images. */
static void a_service_without_documents_refuses_them_by_name(void)
{
	struct up_test t;

	run(&t,
	    HEAD USER(SAY("go")) "," ASSISTANT(CALL("t1")) "," USER(
		    RESULT("t1", SAY("read:") "," PDF("a.pdf"))) "]}",
	    "claude-sonnet-4.5", false, false);
	CU_ASSERT_EQUAL(t.rc, -1);
	CU_ASSERT_EQUAL(t.error.kind, ERR_REQUEST);
	CU_ASSERT_STRING_EQUAL(t.error.field,
			       "messages.2.content.0.tool_result.content.1.document.source.base64");
	CU_ASSERT_PTR_NOT_NULL(strstr(t.error.message, "does not support PDF input"));
	up_test_release(&t);
}

#define LOOP(first, second)                                                                                                  \
	HEAD                                                                                                                 \
	USER(SAY("one")) "," ASSISTANT(THINK("old", "c2lnMA==") "," SAY("a")) "," USER(SAY("two")) "," ASSISTANT(first CALL( \
		"t1")) "," USER(RESULT("t1",                                                                                 \
				       SAY("r"))) "," ASSISTANT(second CALL("t2")) "," USER(RESULT("t2",                     \
												   SAY("r"))) "],'thinking':{'type':'adaptive'}}"
#define REASONING(turn) HISTORY turn ".assistantResponseMessage.reasoningContent"

static void reasoning_of_the_running_loop_goes_back(void)
{
	struct up_test t;
	bool sent = run(&t, LOOP(THINK("first", "c2lnMQ==") ",", THINK("", "c2lnMg==") ","),
			"claude-opus-4.8", true, true);

	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_TRUE(sent);
	CU_ASSERT_PTR_NULL(down(t.out, REASONING("1")));
	CU_ASSERT_STRING_EQUAL(text_at(&t, REASONING("3") ".reasoningText.text"), "first");
	CU_ASSERT_STRING_EQUAL(text_at(&t, REASONING("3") ".reasoningText.signature"), "c2lnMQ==");
	CU_ASSERT_STRING_EQUAL(text_at(&t, REASONING("5") ".reasoningText.text"), "");
	CU_ASSERT_STRING_EQUAL(text_at(&t, REASONING("5") ".reasoningText.signature"), "c2lnMg==");
	up_test_release(&t);
}

static void reasoning_stays_here(const char *notation, const char *model, bool wanted)
{
	struct up_test t;
	bool sent = run(&t, notation, model, true, wanted);

	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_FALSE(sent);
	CU_ASSERT_PTR_NULL(strstr(t.body.at, "reasoningContent"));
	up_test_release(&t);
}

static void reasoning_that_is_not_upstreams_stays_here(void)
{
	unsigned char digest[32];
	char signature[64], *body;

	/* what a client got from us where upstream gave no signature */
	CU_ASSERT_FATAL(EVP_Digest("hm", 2, digest, NULL, EVP_sha256(), NULL));
	EVP_EncodeBlock((unsigned char *)signature, digest, sizeof(digest));
	CU_ASSERT_FATAL(asprintf(&body, LOOP(THINK("hm", "%s") ",", ""), signature) > 0);
	reasoning_stays_here(body, "claude-opus-4.8", true);
	free(body);
	reasoning_stays_here(LOOP(THINK("hm", "") ",", ""), "claude-opus-4.8", true);
	reasoning_stays_here(LOOP(THINK("hm", "c2ln") ",", ""), "claude-sonnet-4.5", true);
	reasoning_stays_here(LOOP(THINK("hm", "c2ln") ",", ""), "gpt-5.6-sol", true);
	reasoning_stays_here(LOOP(THINK("hm", "c2ln") ",", ""), "claude-opus-4.8", false);
	reasoning_stays_here(HEAD USER(SAY("one")) "," ASSISTANT(THINK("x", "c2ln") "," SAY(
				     "a")) "," USER(SAY("b")) "],'thinking':{'type':'adaptive'}}",
			     "claude-opus-4.8", true);
}

static void typed_tools_are_sent_with_their_schema(void)
{
	struct up_test t;

	run(&t, HEAD USER(SAY("x")) "],'tools':[{'type':'bash_20250124','name':'bash'}]}",
	    "claude-sonnet-4.5", true, false);
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_PTR_NULL(broken_rule(t.out));
	CU_ASSERT_STRING_EQUAL(text_at(&t, CURRENT "userInputMessageContext.tools.0."
						   "toolSpecification.inputSchema.json.properties."
						   "command.type"),
			       "string");
	up_test_release(&t);
}

CU_TestInfo up_media_tests[] = {
	{ "documents travel at message level", documents_travel_at_message_level },
	{ "a document alone is named in the text", a_document_alone_is_named_in_the_text },
	{ "documents of results move to the message", documents_of_results_move_to_the_message },
	{ "a result without its call keeps its document",
	  a_result_without_its_call_keeps_its_document },
	{ "only the latest five documents go", only_the_latest_five_documents_go },
	{ "the context of a document is told", the_context_of_a_document_is_told },
	{ "a service without documents refuses them by name",
	  a_service_without_documents_refuses_them_by_name },
	{ "reasoning of the running loop goes back", reasoning_of_the_running_loop_goes_back },
	{ "reasoning that is not upstream's stays here",
	  reasoning_that_is_not_upstreams_stays_here },
	{ "typed tools are sent with their schema", typed_tools_are_sent_with_their_schema },
	CU_TEST_INFO_NULL,
};
