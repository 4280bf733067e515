/*
 * "Contract n" is the numbered list of what clients of Responses need of a stream; each check says
 * which point it stands for.
 */
#include "common/base.h"
#include "tests/unit/answers.h"

static struct tool tools[] = {
	{ .name = "f" },
	{ .name = "ns__close", .kind = TOOL_FUNCTION, .space = "ns", .short_name = "close" },
	{ .name = "patch", .kind = TOOL_CUSTOM },
	{ .name = "tool_search", .kind = TOOL_SEARCH },
};
static const struct chat chat = { .tools = tools, .tool_count = ARRAY_SIZE(tools) };
static const struct out_options streaming = {
	.stream = true, .chat = &chat, .model = "m", .created = 1795250000
};
static const struct out_options whole = { .chat = &chat, .model = "m", .created = 1795250000 };

/* ---- a reader as strict as the contract ---- */

struct reader {
	const cJSON *response; /* of the terminal event */
	const cJSON *items[16];
	int count;
	int open;	  /* output_index of the open item, -1: none */
	const char *name; /* of its call, NULL: it is none */
	struct buf text;  /* deltas of the open item */
	bool part, ended; /* a part is open; the terminal event was seen */
};

static bool type_is(const cJSON *data, const char *type)
{
	return text_is(data, "type", type);
}

static bool ends_with(const char *text, const char *end)
{
	return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static void check_response(const cJSON *response)
{
	CU_ASSERT(text_is(response, "object", "response"));
	CU_ASSERT(strncmp(text_at(response, "id"), "resp_", 5) == 0);
	CU_ASSERT_EQUAL(number_at(response, "created_at"), 1795250000);
	CU_ASSERT(text_is(response, "model", "m"));
	CU_ASSERT(cJSON_IsArray(json_at(response, "output")));
	CU_ASSERT_PTR_NOT_NULL(json_at(response, "usage"));
}

/* Contract 47. */
static void check_usage(const cJSON *usage)
{
	CU_ASSERT_EQUAL(number_at(usage, "input_tokens") + number_at(usage, "output_tokens"),
			number_at(usage, "total_tokens"));
	CU_ASSERT(number_at(usage, "input_tokens_details.cached_tokens") >= 0);
	CU_ASSERT(number_at(usage, "input_tokens_details.cache_write_tokens") >= 0);
	CU_ASSERT(number_at(usage, "output_tokens_details.reasoning_tokens") >= 0);
}

/* The text that an item holds as a whole. */
static const char *item_text(const cJSON *item)
{
	static const char *const places[] = { "content.0.text", "content.0.refusal",
					      "summary.0.text", "arguments", "input" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (text_at(item, places[i]))
			return text_at(item, places[i]);
	}
	return "";
}

/* Contracts 45, 46. */
static void read_item_event(struct reader *r, const char *type, const cJSON *data)
{
	if (strcmp(type, "response.output_item.added") == 0) {
		CU_ASSERT_EQUAL(r->open, -1);
		CU_ASSERT_EQUAL(number_at(data, "output_index"), r->count);
		CU_ASSERT_STRING_EQUAL(item_text(json_at(data, "item")), "");
		r->open = r->count;
		r->name = text_at(data, "item.name");
		buf_reset(&r->text);
		return;
	}
	CU_ASSERT_EQUAL(number_at(data, "output_index"), r->open);
	CU_ASSERT_EQUAL(r->open, r->count);
	if (strcmp(type, "response.output_item.done") == 0) {
		CU_ASSERT(!r->part);
		if (!text_is(data, "item.type", "tool_search_call"))
			CU_ASSERT_STRING_EQUAL(item_text(json_at(data, "item")), r->text.at);
		r->items[r->count++] = json_at(data, "item");
		r->open = -1;
	} else if (ends_with(type, "part.added")) {
		CU_ASSERT(!r->part && !r->text.len);
		r->part = true;
	} else if (ends_with(type, "part.done")) {
		CU_ASSERT(r->part);
		r->part = false;
	} else if (ends_with(type, ".delta")) {
		CU_ASSERT(text_at(data, "delta")[0] != '\0');
		buf_add_text(&r->text, text_at(data, "delta"));
	} else {
		const char *all = text_at(data, "text");

		all = all ? all : text_at(data, "arguments");
		all = all ? all : text_at(data, "input");
		CU_ASSERT_STRING_EQUAL(all ? all : text_at(data, "refusal"), r->text.at);
		if (strcmp(type, "response.function_call_arguments.done") == 0)
			CU_ASSERT(text_is(data, "name", r->name));
	}
}

static void read_event(struct reader *r, const struct sse_event *event, size_t nth)
{
	const char *type = text_at(event->data, "type");

	CU_ASSERT_FATAL(type != NULL);
	CU_ASSERT_STRING_EQUAL(event->name, type); /* contract 43 */
	CU_ASSERT_EQUAL(number_at(event->data, "sequence_number"), (double)nth);
	CU_ASSERT(!r->ended); /* contract 44 */
	if (!json_at(event->data, "response")) {
		read_item_event(r, type, event->data);
		return;
	}
	check_response(json_at(event->data, "response"));
	CU_ASSERT_EQUAL(type_is(event->data, "response.created"), nth == 0); /* contract 44 */
	if (type_is(event->data, "response.created") ||
	    type_is(event->data, "response.in_progress"))
		return;
	r->ended = true;
	r->response = json_at(event->data, "response");
}

static void read_stream(struct reader *r, const struct sse *s)
{
	memset(r, 0, sizeof(*r));
	r->open = -1;
	buf_init(&r->text, MB(1));
	for (size_t i = 0; i < s->count; i++)
		read_event(r, &s->events[i], i);
	CU_ASSERT_FATAL(r->ended);
}

/* ---- tests ---- */

static void out_responses_streams_keep_the_contract(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct reader r;
		struct buf wire;
		struct sse s;
		struct out o;

		buf_init(&wire, LIMIT_EVENT);
		play(&out_responses, &streaming, &answers[i], &o, &wire);
		sse_read(&s, &wire);
		read_stream(&r, &s);
		CU_ASSERT_EQUAL(r.open, -1);
		CU_ASSERT_EQUAL(cJSON_GetArraySize(json_at(r.response, "output")), r.count);
		for (int k = 0; k < r.count; k++) /* contract 45 */
			CU_ASSERT(
				cJSON_Compare(cJSON_GetArrayItem(json_at(r.response, "output"), k),
					      r.items[k], true));
		check_usage(json_at(r.response, "usage"));
		buf_release(&r.text);
		sse_free(&s);
		out_release(&o);
		buf_release(&wire);
	}
}

/* Ids are made anew for each answer. */
static void drop_ids(cJSON *tree)
{
	cJSON *item;

	cJSON_DeleteItemFromObjectCaseSensitive(tree, "id");
	cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(tree, "output"))
		cJSON_DeleteItemFromObjectCaseSensitive(item, "id");
}

/* Contract 15. */
static void out_responses_whole_answers_equal_streams(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct error e = { .kind = ERR_NONE };
		struct buf wire, body;
		struct reader r;
		cJSON *response;
		struct sse s;
		struct out o;

		buf_init(&wire, LIMIT_EVENT);
		buf_init(&body, LIMIT_ANSWER);
		play(&out_responses, &streaming, &answers[i], &o, &wire);
		out_release(&o);
		play(&out_responses, &whole, &answers[i], &o, &body);
		out_release(&o);
		sse_read(&s, &wire);
		read_stream(&r, &s);
		response = json_parse(buf_span(&body), &e);
		check_response(response);
		drop_ids(response);
		drop_ids((cJSON *)(uintptr_t)r.response);
		CU_ASSERT(cJSON_Compare(response, r.response, true));
		cJSON_Delete(response);
		buf_release(&r.text);
		sse_free(&s);
		buf_release(&wire);
		buf_release(&body);
	}
}

/* What a whole answer of these events says. */
static cJSON *said(const struct event *events, struct out *o)
{
	struct error e = { .kind = ERR_NONE };
	struct answer answer = { .name = "" };
	cJSON *response;
	struct buf body;

	for (size_t i = 0; i == 0 || events[i - 1].kind != EVENT_STOP; i++)
		answer.events[i] = events[i];
	buf_init(&body, LIMIT_ANSWER);
	play(&out_responses, &whole, &answer, o, &body);
	response = json_parse(buf_span(&body), &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(response);
	buf_release(&body);
	return response;
}

static void out_responses_maps_calls_back_to_their_tools(void)
{
	static const struct event events[] = { CALL("c1", "ns__close"),
					       A("{\"a\":1}"),
					       END,
					       CALL("c2", "patch"),
					       A("{\"inp"),
					       A("ut\":\"*** \\u00e4\\n\"}"),
					       END,
					       CALL("c3", "tool_search"),
					       A("{\"query\":\"q\"}"),
					       END,
					       CALL("c4", "patch"),
					       A("{\"other\":1}"),
					       END,
					       CALL("c5", "made_up"),
					       A("{}"),
					       END,
					       STOP(STOP_TOOL_USE) };
	struct out o;
	cJSON *r = said(events, &o);

	CU_ASSERT(text_is(r, "status", "completed"));
	CU_ASSERT(text_is(r, "output.0.type", "function_call"));
	CU_ASSERT(text_is(r, "output.0.call_id", "c1"));
	CU_ASSERT(text_is(r, "output.0.name", "close"));
	CU_ASSERT(text_is(r, "output.0.namespace", "ns"));
	CU_ASSERT(text_is(r, "output.0.arguments", "{\"a\":1}"));
	CU_ASSERT(text_is(r, "output.1.type", "custom_tool_call"));
	CU_ASSERT(text_is(r, "output.1.name", "patch"));
	CU_ASSERT(text_is(r, "output.1.input", "*** \xc3\xa4\n"));
	CU_ASSERT(text_is(r, "output.2.type", "tool_search_call"));
	CU_ASSERT(text_is(r, "output.2.execution", "client"));
	CU_ASSERT(text_is(r, "output.2.arguments.query", "q"));
	CU_ASSERT(text_is(r, "output.3.input", "{\"other\":1}"));
	CU_ASSERT(text_is(r, "output.4.type", "function_call"));
	CU_ASSERT(text_is(r, "output.4.name", "made_up"));
	CU_ASSERT_PTR_NULL(json_at(r, "output.4.namespace"));
	cJSON_Delete(r);
	out_release(&o);
}

static void out_responses_tells_what_the_cache_did(void)
{
	struct out o;
	cJSON *r = said(answer_named("text")->events, &o);

	CU_ASSERT_EQUAL(number_at(r, "usage.input_tokens"), 505);
	CU_ASSERT_EQUAL(number_at(r, "usage.input_tokens_details.cached_tokens"), 3);
	CU_ASSERT_EQUAL(number_at(r, "usage.input_tokens_details.cache_write_tokens"), 2);
	cJSON_Delete(r);
	out_release(&o);
}

/* base64 of {"signature":"sig=="} */
static void out_responses_carries_signatures_as_encrypted_content(void)
{
	static const struct event events[] = { K("deep"), SIGNATURE("sig=="), T("ok"),
					       STOP(STOP_END_TURN) };
	static const struct event unsaid[] = { SIGNATURE("sig=="), T("ok"), STOP(STOP_END_TURN) };
	struct out o;
	cJSON *r = said(events, &o);

	CU_ASSERT(text_is(r, "output.0.summary.0.text", "deep"));
	CU_ASSERT(text_is(r, "output.0.encrypted_content", "eyJzaWduYXR1cmUiOiJzaWc9PSJ9"));
	cJSON_Delete(r);
	out_release(&o);
	r = said(unsaid, &o);
	CU_ASSERT_EQUAL(cJSON_GetArraySize(json_at(r, "output.0.summary")), 0);
	CU_ASSERT(text_is(r, "output.0.encrypted_content", "eyJzaWduYXR1cmUiOiJzaWc9PSJ9"));
	cJSON_Delete(r);
	out_release(&o);
}

static void out_responses_tells_how_an_answer_ended(void)
{
	static const struct {
		const char *answer, *status, *reason;
	} rows[] = {
		{ "text", "completed", NULL },
		{ "tool", "completed", NULL },
		{ "stop sequence", "completed", NULL },
		{ "pause", "completed", NULL },
		{ "max tokens", "incomplete", "max_output_tokens" },
		{ "context", "incomplete", "max_output_tokens" },
		{ "refusal", "incomplete", "content_filter" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct out o;
		cJSON *r = said(answer_named(rows[i].answer)->events, &o);

		CU_ASSERT(text_is(r, "status", rows[i].status));
		if (rows[i].reason)
			CU_ASSERT(text_is(r, "incomplete_details.reason", rows[i].reason));
		if (strcmp(rows[i].answer, "max tokens") == 0)
			CU_ASSERT(text_is(r, "output.0.status", "incomplete"));
		if (strcmp(rows[i].answer, "refusal") == 0)
			CU_ASSERT(text_is(r, "output.0.content.0.refusal", "because"));
		cJSON_Delete(r);
		out_release(&o);
	}
}

static void out_responses_pings_by_event(void)
{
	static const struct event begun = T("so far");
	struct error e = { .kind = ERR_NONE };
	struct buf wire;
	struct sse s;
	struct out o;

	buf_init(&wire, LIMIT_EVENT);
	out_init(&o, &out_responses, &streaming);
	out_begin(&o, &wire);
	out_ping(&o, &wire);
	sse_read(&s, &wire);
	CU_ASSERT_EQUAL_FATAL(s.count, 3);
	CU_ASSERT_STRING_EQUAL(s.events[2].name, "response.in_progress");
	CU_ASSERT_EQUAL(number_at(s.events[2].data, "sequence_number"), 2);
	check_response(json_at(s.events[2].data, "response"));
	CU_ASSERT_STRING_EQUAL(text_at(s.events[2].data, "response.id"),
			       text_at(s.events[0].data, "response.id"));
	CU_ASSERT(text_is(s.events[2].data, "response.status", "in_progress"));
	CU_ASSERT_PTR_NOT_NULL(json_at(s.events[1].data, "response.tools"));
	CU_ASSERT_PTR_NULL(json_at(s.events[2].data, "response.tools"));
	sse_free(&s);
	out_event(&o, &begun, &wire, &e);
	buf_reset(&wire);
	out_ping(&o, &wire);
	sse_read(&s, &wire);
	CU_ASSERT_EQUAL_FATAL(s.count, 1);
	CU_ASSERT_STRING_EQUAL(s.events[0].name, "keepalive");
	CU_ASSERT_PTR_NULL(json_at(s.events[0].data, "response"));
	sse_free(&s);
	out_release(&o);
	buf_reset(&wire);
	out_init(&o, &out_responses, &whole);
	out_begin(&o, &wire);
	out_ping(&o, &wire);
	CU_ASSERT_EQUAL(wire.len, 0);
	out_release(&o);
	buf_release(&wire);
}

/* Contracts 11, 44, 45, 49: what was done stays, what was open does not. */
static void out_responses_fails_with_one_terminal_event(void)
{
	static const struct {
		enum error_kind kind;
		int retry_after;
		const char *code, *message;
	} rows[] = {
		{ ERR_CONTEXT, 0, "context_length_exceeded", "m" },
		{ ERR_UP_QUOTA, 60, "insufficient_quota", "m" },
		{ ERR_UP_RATE, 3, "rate_limit_exceeded", "m Please try again in 3s." },
		{ ERR_UP_RATE, 0, "rate_limit_exceeded", "m" },
		{ ERR_UP_TRUNCATED, 0, "server_error", "m" },
		{ ERR_UP_OVERLOAD, 0, "server_error", "m" },
		{ ERR_UP_INVALID, 0, "invalid_prompt", "m" },
	};
	static const struct event begun[] = { T("so far"), CALL("t1", "f"), A("{\"a") };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error e = { .kind = ERR_NONE }, failure = { .kind = ERR_NONE };
		struct reader r;
		struct buf wire;
		struct sse s;
		struct out o;

		error_set(&failure, rows[i].kind, "m");
		failure.retry_after = rows[i].retry_after;
		buf_init(&wire, LIMIT_EVENT);
		out_init(&o, &out_responses, &streaming);
		for (size_t k = 0; k < ARRAY_SIZE(begun); k++)
			out_event(&o, &begun[k], &wire, &e);
		out_fail(&o, &failure, &wire);
		out_fail(&o, &failure, &wire);
		out_ping(&o, &wire);
		sse_read(&s, &wire);
		read_stream(&r, &s);
		CU_ASSERT(type_is(s.events[s.count - 1].data, "response.failed"));
		CU_ASSERT(text_is(r.response, "status", "failed"));
		CU_ASSERT(text_is(r.response, "error.code", rows[i].code));
		CU_ASSERT(text_is(r.response, "error.message", rows[i].message));
		CU_ASSERT_EQUAL(cJSON_GetArraySize(json_at(r.response, "output")), 1);
		CU_ASSERT(text_is(r.response, "output.0.content.0.text", "so far"));
		buf_release(&r.text);
		sse_free(&s);
		out_release(&o);
		buf_release(&wire);
	}
}

/* Contract 44 again: that it does not fit is only known at its end. */
static void out_responses_tells_that_an_answer_is_too_large(void)
{
	char id[KB(5)];
	const struct event call[] = { { .kind = EVENT_TOOL_START, .id = id, .name = "f" },
				      A("{}"),
				      { .kind = EVENT_TOOL_END },
				      { .kind = EVENT_STOP, .stop = STOP_TOOL_USE } };
	struct error e = { .kind = ERR_NONE };
	struct reader r;
	struct buf wire;
	struct sse s;
	struct out o;

	memset(id, 'i', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	buf_init(&wire, LIMIT_EVENT);
	out_init(&o, &out_responses, &streaming);
	for (size_t i = 0; i + 1 < ARRAY_SIZE(call); i++)
		CU_ASSERT_EQUAL(out_event(&o, &call[i], &wire, &e), 0);
	CU_ASSERT_EQUAL(out_event(&o, &call[3], &wire, &e), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_UP_DAMAGED);
	out_fail(&o, &e, &wire);
	out_fail(&o, &e, &wire);
	sse_read(&s, &wire);
	read_stream(&r, &s);
	CU_ASSERT(text_is(r.response, "status", "failed"));
	CU_ASSERT(text_is(r.response, "error.code", "server_error"));
	buf_release(&r.text);
	sse_free(&s);
	out_release(&o);
	buf_release(&wire);
}

static void out_responses_chooses_statuses_for_codex(void)
{
	static const struct {
		enum error_kind kind;
		int told, status, retry_after;
	} rows[] = {
		{ ERR_REQUEST, 0, 400, 0 },	 { ERR_CONTEXT, 0, 400, 0 },
		{ ERR_AUTH, 0, 400, 0 },	 { ERR_MODEL, 0, 400, 0 },
		{ ERR_TOO_LARGE, 0, 400, 0 },	 { ERR_NOT_FOUND, 0, 404, 0 },
		{ ERR_METHOD, 0, 405, 0 },	 { ERR_UP_QUOTA, 900, 429, 0 },
		{ ERR_UP_RATE, 7, 429, 7 },	 { ERR_UP_RATE, 0, 429, 5 },
		{ ERR_UP_OVERLOAD, 0, 429, 5 },	 { ERR_UP_NETWORK, 0, 429, 5 },
		{ ERR_BUSY, 1, 429, 1 },	 { ERR_NO_ACCOUNT, 0, 400, 0 },
		{ ERR_NO_ACCOUNT, 30, 429, 30 }, { ERR_UP_SUSPENDED, 0, 400, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error failure = { .kind = rows[i].kind, .retry_after = rows[i].told };

		CU_ASSERT_EQUAL(out_responses.status(&failure), rows[i].status);
		CU_ASSERT_EQUAL(failure.retry_after, rows[i].retry_after);
	}
}

CU_TestInfo out_responses_tests[] = {
	{ "streams keep the contract", out_responses_streams_keep_the_contract },
	{ "whole answers equal streams", out_responses_whole_answers_equal_streams },
	{ "maps calls back to their tools", out_responses_maps_calls_back_to_their_tools },
	{ "tells what the cache did", out_responses_tells_what_the_cache_did },
	{ "carries signatures as encrypted_content",
	  out_responses_carries_signatures_as_encrypted_content },
	{ "tells how an answer ended", out_responses_tells_how_an_answer_ended },
	{ "pings by event", out_responses_pings_by_event },
	{ "fails with one terminal event", out_responses_fails_with_one_terminal_event },
	{ "tells that an answer is too large", out_responses_tells_that_an_answer_is_too_large },
	{ "chooses statuses for Codex", out_responses_chooses_statuses_for_codex },
	CU_TEST_INFO_NULL,
};
