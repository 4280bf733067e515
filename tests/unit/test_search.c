/*
 * The parts of web search that stand alone; the loop itself is in tests/cases/search-*.case.
 */
#include "common/base.h"
#include "fcgi/hits.h"
#include "fcgi/in.h"
#include "fcgi/up_mcp.h"
#include "tests/unit/answers.h"
#include "tests/unit/in_tests.h"

static struct arena arena;

static struct hits some_hits(void)
{
	struct hits h = { .count = 0 };

	hits_add(&h,
		 &(struct hit){ "One", "https://example.org/a", "first \xc3\xa9", "May 1, 2026" });
	hits_add(&h, &(struct hit){ "Two", "http://user@www.Example.org:8080/blog/x?y", "", "" });
	hits_add(&h, &(struct hit){ "Three", "https://notexample.org/", "third", "" });
	hits_add(&h, &(struct hit){ "No address", "", "lost", "" });
	return h;
}

static void hits_are_told_to_the_model_in_order(void)
{
	struct hits h = some_hits(), none = { .count = 0 };

	arena_init(&arena);
	CU_ASSERT_STRING_EQUAL(hits_text(&h, &arena).at,
			       "1. One\nhttps://example.org/a\nMay 1, 2026\nfirst \xc3\xa9\n\n"
			       "2. Two\nhttp://user@www.Example.org:8080/blog/x?y\n\n"
			       "3. Three\nhttps://notexample.org/\nthird");
	CU_ASSERT_STRING_EQUAL(hits_text(&none, &arena).at, "The search found nothing.");
	arena_release(&arena);
}

static void hits_beyond_the_limits_are_left_out(void)
{
	struct hits h = { .count = 0 };
	char *snippet;

	arena_init(&arena);
	snippet = arena_alloc(&arena, KB(5));
	memset(snippet, 'x', KB(5) - 1);
	for (size_t i = 0; i < HITS_MAX + 3; i++)
		CU_ASSERT_EQUAL(hits_add(&h, &(struct hit){ "t", "u", snippet, "" }), i < HITS_MAX);
	CU_ASSERT_EQUAL(h.count, HITS_MAX);
	CU_ASSERT_TRUE(hits_text(&h, &arena).len <= KB(64));
	CU_ASSERT_TRUE(hits_text(&h, &arena).len > KB(50));
	arena_release(&arena);
}

/* The last characters of the addresses that are left. */
static void filtered(const char *domain, bool keep, const char *expected)
{
	const char *const domains[] = { domain };
	struct hits h = some_hits();
	char left[8] = "";

	hits_filter(&h, domains, 1, keep);
	for (size_t i = 0; i < h.count; i++)
		left[i] = h.items[i].url[strlen(h.items[i].url) - 1];
	CU_ASSERT_STRING_EQUAL(left, expected);
}

static void hits_are_filtered_by_host_and_path(void)
{
	filtered("example.org", true, "ay");
	filtered("example.org", false, "/");
	filtered("www.example.org", true, "y");
	filtered("EXAMPLE.ORG", true, "ay");
	filtered("https://example.org/a", true, "a");
	filtered("example.org/blog", true, "y");
	filtered("example.org/bloggers", true, "");
	filtered("example.org/*", true, "ay");
	filtered("example.org/*og", true, "y");
	filtered("example.org/*og/other", true, "");
	filtered("org", true, "ay/");
	filtered("", true, "");
	filtered("", false, "ay/");
}

static void hits_come_back_from_the_client_as_they_went(void)
{
	struct hits h = some_hits(), back;
	struct error e = { 0 };
	struct jsonw w;
	struct buf json;
	cJSON *tree;

	arena_init(&arena);
	buf_init(&json, KB(64));
	jsonw_init(&w, &json);
	hits_write(&h, &arena, &w);
	tree = json_parse(buf_span(&json), &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
	CU_ASSERT_STRING_EQUAL(json_text_or(tree->child, "type", ""), "web_search_result");
	hits_read(&back, tree, &arena);
	CU_ASSERT_EQUAL_FATAL(back.count, 3);
	CU_ASSERT_STRING_EQUAL(hits_text(&back, &arena).at, hits_text(&h, &arena).at);
	cJSON_Delete(tree);
	buf_release(&json);
	arena_release(&arena);
}

static void hits_of_other_servers_keep_title_and_address_only(void)
{
	static const char *const foreign[] = {
		"EqgfCioIARgBIiQ3YTAwMjY1Mi1mZjM5", "a", "====", "", "!!!!", "a2lyby1mY2dpOv8="
	};

	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		cJSON *list = cJSON_CreateArray(), *item = cJSON_CreateObject();
		struct hits h;

		arena_init(&arena);
		cJSON_AddStringToObject(item, "title", "T");
		cJSON_AddStringToObject(item, "url", "U");
		cJSON_AddStringToObject(item, "encrypted_content", foreign[i]);
		cJSON_AddItemToArray(list, item);
		cJSON_AddItemToArray(list, cJSON_CreateNumber(3));
		hits_read(&h, list, &arena);
		CU_ASSERT_STRING_EQUAL(hits_text(&h, &arena).at, "1. T\nU");
		cJSON_Delete(list);
		arena_release(&arena);
	}
}

/* What the model would be told, or the failure. */
static const char *read_reply(const char *reply)
{
	struct error e = { 0 };
	static char text[512];
	struct hits h;

	snprintf(text, sizeof(text), "%s",
		 up_mcp_read(&h, span_of(reply), &arena, &e) ? e.message
							     : hits_text(&h, &arena).at);
	CU_ASSERT(e.kind == ERR_NONE || e.kind == ERR_UP_DAMAGED);
	return text;
}

#define RESULT(text) "{\"content\":[{\"type\":\"text\",\"text\":\"" text "\"}],\"isError\":false}"
#define HITS                                                                                       \
	"{\\\"results\\\":[{\\\"title\\\":\\\"T\\\",\\\"url\\\":\\\"U\\\",\\\"publishedDate\\\":"  \
	"1.7e12},"                                                                                 \
	"{\\\"title\\\":\\\"no url\\\"},7],\\\"error\\\":null}"

static void up_mcp_reads_results_in_either_form(void)
{
	arena_init(&arena);
	CU_ASSERT_STRING_EQUAL(
		read_reply("{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":" RESULT(HITS) "}"),
		"1. T\nU\nNovember 14, 2023");
	CU_ASSERT_STRING_EQUAL(
		read_reply("{\"result\":\"{\\\"content\\\":[{\\\"text\\\":\\\"{\\\\\\\"results"
			   "\\\\\\\":[]}\\\"}]}\",\"error\":null}"),
		"The search found nothing.");
	arena_release(&arena);
}

static void up_mcp_takes_no_failure_for_an_empty_result(void)
{
	static const struct {
		const char *reply, *message;
	} rows[] = {
		{ "{\"error\":{\"code\":-32602,\"message\":\"Invalid params\"}}",
		  "the search failed: Invalid params" },
		{ "{\"error\":{}}", "the search failed: no reason given" },
		{ "{\"result\":{\"content\":[{\"text\":\"quota\"}],\"isError\":true}}",
		  "the search failed: quota" },
		{ "{\"result\":" RESULT("{\\\"results\\\":[],\\\"error\\\":\\\"down\\\"}") "}",
		  "the search failed: down" },
		{ "{\"result\":" RESULT("{}") "}", "the search failed: no results in it" },
		{ "{\"result\":" RESULT("<html>") "}", "the search failed: no results in it" },
		{ "{\"result\":{\"content\":{\"text\":\"{}\"}}}",
		  "the search failed: no results in it" },
		{ "{\"result\":\"no json\"}", "the search failed: no results in it" },
		{ "{\"result\":7}", "the search failed: no results in it" },
		{ "{}", "the search failed: no results in it" },
		{ "[]", "the search failed: no results in it" },
		{ "", "the search failed: no results in it" },
		{ "{\"result\":", "the search failed: no results in it" },
	};

	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CU_ASSERT_STRING_EQUAL(read_reply(rows[i].reply), rows[i].message);
	arena_release(&arena);
}

static const struct answer searched = {
	"search",
	{ T("a"),
	  { .kind = EVENT_SEARCH,
	    .id = "srvtoolu_1",
	    .name = "web_search",
	    .text = { "{\"q\":1}", 7 } },
	  { .kind = EVENT_SEARCH_RESULT, .id = "srvtoolu_1", .text = { "[]", 2 } },
	  T("b"),
	  { .kind = EVENT_STOP,
	    .stop = STOP_END_TURN,
	    .text = { "", 0 },
	    .usage = { .input = 5, .output = 6, .searches = 1 } } },
};

static char *written(const struct out_dialect *dialect, bool stream, struct buf *wire)
{
	const struct out_options options = { .stream = stream, .model = "m", .created = 1 };
	struct out o;

	buf_init(wire, LIMIT_EVENT);
	play(dialect, &options, &searched, &o, wire);
	out_release(&o);
	return wire->at;
}

static void out_shows_a_search_in_blocks_of_its_own(void)
{
	struct buf wire;

	CU_ASSERT_PTR_NOT_NULL(strstr(
		written(&out_anthropic, true, &wire),
		"data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
		"event: content_block_start\n"
		"data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":"
		"\"server_tool_use\",\"id\":\"srvtoolu_1\",\"name\":\"web_search\",\"caller\":"
		"{\"type\":\"direct\"},\"input\":{}}}\n\n"
		"event: content_block_delta\n"
		"data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
		"\"input_json_delta\",\"partial_json\":\"{\\\"q\\\":1}\"}}\n\n"
		"event: content_block_stop\n"
		"data: {\"type\":\"content_block_stop\",\"index\":1}\n\n"
		"event: content_block_start\n"
		"data: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":"
		"\"web_search_tool_result\",\"tool_use_id\":\"srvtoolu_1\",\"caller\":"
		"{\"type\":\"direct\"},\"content\":[]}}\n\n"
		"event: content_block_stop\n"
		"data: {\"type\":\"content_block_stop\",\"index\":2}\n\n"
		"event: content_block_start\n"
		"data: {\"type\":\"content_block_start\",\"index\":3,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(
		wire.at, "\"output_tokens\":6,\"server_tool_use\":{\"web_search_requests\":1,"
			 "\"web_fetch_requests\":0},"));
	buf_release(&wire);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(written(&out_anthropic, false, &wire),
		       "\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":"
		       "\"server_tool_use\",\"id\":\"srvtoolu_1\",\"name\":\"web_search\","
		       "\"caller\":{\"type\":\"direct\"},\"input\":"
		       "{\"q\":1}},{\"type\":\"web_search_tool_result\",\"tool_use_id\":"
		       "\"srvtoolu_1\",\"caller\":{\"type\":\"direct\"},\"content\":[]},{\"type\":"
		       "\"text\",\"text\":\"b\"}]"));
	buf_release(&wire);
}

static void out_of_other_dialects_keeps_silent_about_it(void)
{
	struct buf wire;

	CU_ASSERT_PTR_NOT_NULL(strstr(written(&out_openai, false, &wire), "\"content\":\"ab\""));
	buf_release(&wire);
	CU_ASSERT_PTR_NULL(strstr(written(&out_openai, true, &wire), "srvtoolu"));
	buf_release(&wire);
}

#define HEAD "{'model':'m','max_tokens':10,"
#define HI   "'messages':[{'role':'user','content':'hi'}]}"

static void in_takes_the_search_tool_with_its_limits(void)
{
	struct in_test t;

	in_test_read(&t, in_anthropic,
		     HEAD "'tools':[{'type':'web_search_20260209','name':'web_search','max_uses':3,"
			  "'allowed_domains':['a.b','c.d/e'],'blocked_domains':null,"
			  "'user_location':{'type':'approximate'}}]," HI);
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t.chat.search);
	CU_ASSERT_STRING_EQUAL(t.chat.search->name, "web_search");
	CU_ASSERT_EQUAL(t.chat.search->max_uses, 3);
	CU_ASSERT_EQUAL(t.chat.search->allowed_count, 2);
	CU_ASSERT_STRING_EQUAL(t.chat.search->allowed[1], "c.d/e");
	CU_ASSERT_EQUAL(t.chat.search->blocked_count, 0);
	CU_ASSERT_EQUAL_FATAL(t.chat.tool_count, 1);
	CU_ASSERT_STRING_EQUAL(t.chat.tools[0].name, "web_search");
	CU_ASSERT_TRUE(json_is_object(span_of(t.chat.tools[0].schema_json)));
	in_test_release(&t);
	in_test_read(&t, in_anthropic, HEAD HI);
	CU_ASSERT_PTR_NULL(t.chat.search);
	in_test_release(&t);
}

static void in_refuses_what_is_wrong_with_it(void)
{
	static const struct in_refusal rows[] = {
		{ HEAD "'tools':[{'type':'web_search_20250305'}]," HI,
		  "tools.0.web_search_20250305.name", "Field required" },
		{ HEAD "'tools':[{'type':'web_search_20250305','name':7}]," HI,
		  "tools.0.web_search_20250305.name", "Input should be a valid string" },
		{ HEAD "'tools':[{'type':'web_search_20250305','name':'web_search',"
		       "'max_uses':'3'}]," HI,
		  "tools.0.web_search_20250305.max_uses", "" },
		{ HEAD "'tools':[{'type':'web_search_20250305','name':'web_search',"
		       "'blocked_domains':'a.b'}]," HI,
		  "tools.0.web_search_20250305.blocked_domains", "" },
		{ HEAD "'tools':[{'type':'web_search_20990101','name':'web_search'}]," HI,
		  "tools.0", "web_search_20990101 is not supported by this gateway" },
		{ HEAD "'messages':[{'role':'user','content':'x'},{'role':'assistant','content':"
		       "[{'type':'web_search_tool_result','content':[]}]},"
		       "{'role':'user','content':'x'}]}",
		  "messages.1.content.0.web_search_tool_result.tool_use_id", "Field required" },
		{ HEAD "'messages':[{'role':'user','content':'x'},{'role':'assistant','content':"
		       "[{'type':'web_search_tool_result','tool_use_id':'s','content':'x'}]},"
		       "{'role':'user','content':'x'}]}",
		  "messages.1.content.0.web_search_tool_result.content", "array or object" },
	};

	in_test_refusals(in_anthropic, rows, ARRAY_SIZE(rows));
}

/* The roles of the messages: u and a. */
static void in_splits_the_turn_at_a_search_result(void)
{
	struct in_test t;

	in_test_read(&t, in_anthropic,
		     HEAD
		     "'messages':[{'role':'user','content':'x'},{'role':'assistant','content':["
		     "{'type':'text','text':'a'},"
		     "{'type':'server_tool_use','id':'s1','name':'web_search','input':{}},"
		     "{'type':'web_search_tool_result','tool_use_id':'s1','content':[]},"
		     "{'type':'text','text':'b'}]},{'role':'user','content':'y'}]}");
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL_FATAL(t.chat.message_count, 5);
	CU_ASSERT_EQUAL(t.chat.messages[1].role, ROLE_ASSISTANT);
	CU_ASSERT_EQUAL(t.chat.messages[1].blocks[1].kind, BLOCK_TOOL_USE);
	CU_ASSERT_EQUAL(t.chat.messages[2].role, ROLE_USER);
	CU_ASSERT_EQUAL(t.chat.messages[2].blocks[0].kind, BLOCK_TOOL_RESULT);
	CU_ASSERT_STRING_EQUAL(t.chat.messages[2].blocks[0].blocks->text.at,
			       "The search found nothing.");
	CU_ASSERT_EQUAL(t.chat.messages[3].role, ROLE_ASSISTANT);
	CU_ASSERT_EQUAL(t.chat.messages[4].role, ROLE_USER);
	in_test_release(&t);
}

CU_TestInfo search_tests[] = {
	{ "hits are told to the model in order", hits_are_told_to_the_model_in_order },
	{ "hits beyond the limits are left out", hits_beyond_the_limits_are_left_out },
	{ "hits are filtered by host and path", hits_are_filtered_by_host_and_path },
	{ "hits come back from the client as they went",
	  hits_come_back_from_the_client_as_they_went },
	{ "hits of other servers keep title and address only",
	  hits_of_other_servers_keep_title_and_address_only },
	{ "up_mcp reads results in either form", up_mcp_reads_results_in_either_form },
	{ "up_mcp takes no failure for an empty result",
	  up_mcp_takes_no_failure_for_an_empty_result },
	{ "out shows a search in blocks of its own", out_shows_a_search_in_blocks_of_its_own },
	{ "out of other dialects keeps silent about it",
	  out_of_other_dialects_keeps_silent_about_it },
	{ "in takes the search tool with its limits", in_takes_the_search_tool_with_its_limits },
	{ "in refuses what is wrong with it", in_refuses_what_is_wrong_with_it },
	{ "in splits the turn at a search result", in_splits_the_turn_at_a_search_result },
	CU_TEST_INFO_NULL,
};
