/*
 * "Contract n" is the numbered list of what Chat Completions clients need of a stream; each check
 * says which point it stands for.
 */
#include "common/base.h"
#include "tests/unit/answers.h"

static const struct out_options streaming = {
	.stream = true, .model = "gpt-x", .input_estimate = 12, .created = 1795250000
};
static const struct out_options with_usage = {
	.stream = true, .include_usage = true, .model = "gpt-x", .created = 1795250000
};
static const struct out_options whole = { .model = "gpt-x", .created = 1795250000 };

/* ---- a reader as strict as the contract: stream in, the message that a client has then ---- */

struct call {
	char id[64], name[64];
	struct buf arguments;
};

struct reader {
	const char *id;
	struct buf text, reasoning, refusal;
	struct call calls[8];
	int call_count;
	int roles, finishes, usages;
	const char *finish;
	const cJSON *usage;
	bool done;
};

static void reader_init(struct reader *r)
{
	memset(r, 0, sizeof(*r));
	buf_init(&r->text, MB(1));
	buf_init(&r->reasoning, MB(1));
	buf_init(&r->refusal, MB(1));
	for (size_t i = 0; i < ARRAY_SIZE(r->calls); i++)
		buf_init(&r->calls[i].arguments, MB(1));
}

static void reader_free(struct reader *r)
{
	buf_release(&r->text);
	buf_release(&r->reasoning);
	buf_release(&r->refusal);
	for (size_t i = 0; i < ARRAY_SIZE(r->calls); i++)
		buf_release(&r->calls[i].arguments);
}

/* Contract 38. */
static void read_call(struct reader *r, const cJSON *piece)
{
	int index = (int)number_at(piece, "index");
	struct call *call;

	CU_ASSERT_FATAL(index >= 0 && index < (int)ARRAY_SIZE(r->calls));
	call = &r->calls[index];
	if (index == r->call_count) {
		r->call_count++;
		CU_ASSERT(text_is(piece, "type", "function"));
		CU_ASSERT(text_is(piece, "function.arguments", ""));
		snprintf(call->id, sizeof(call->id), "%s", text_at(piece, "id"));
		snprintf(call->name, sizeof(call->name), "%s", text_at(piece, "function.name"));
		return;
	}
	CU_ASSERT_EQUAL(index, r->call_count - 1);
	CU_ASSERT_EQUAL(cJSON_GetArraySize(piece), 2); /* later pieces: index and arguments */
	CU_ASSERT_EQUAL(cJSON_GetArraySize(json_at(piece, "function")), 1);
	buf_add_text(&call->arguments, text_at(piece, "function.arguments"));
}

static void read_choice(struct reader *r, const cJSON *choice)
{
	const cJSON *delta = json_at(choice, "delta"), *member;

	CU_ASSERT_EQUAL(number_at(choice, "index"), 0);
	CU_ASSERT(cJSON_IsObject(delta));
	cJSON_ArrayForEach (member, delta) {
		CU_ASSERT(!cJSON_IsNull(member)); /* contract 42: no noise */
	}
	r->roles += text_is(delta, "role", "assistant");
	CU_ASSERT(!text_is(delta, "content", "") || text_at(delta, "role"));
	if (text_at(delta, "content"))
		buf_add_text(&r->text, text_at(delta, "content"));
	if (text_at(delta, "refusal"))
		buf_add_text(&r->refusal, text_at(delta, "refusal"));
	if (text_at(delta, "reasoning_content")) {
		CU_ASSERT_EQUAL(r->text.len, 0); /* contract 42 */
		buf_add_text(&r->reasoning, text_at(delta, "reasoning_content"));
	}
	if (json_at(delta, "tool_calls"))
		read_call(r, json_at(delta, "tool_calls.0"));
	if (text_at(choice, "finish_reason")) {
		CU_ASSERT_EQUAL(cJSON_GetArraySize(delta), 0); /* contract 39 */
		r->finishes++;
		r->finish = text_at(choice, "finish_reason");
	} else {
		CU_ASSERT(cJSON_IsNull(json_at(choice, "finish_reason")));
		CU_ASSERT_EQUAL(r->finishes, 0);
	}
}

static void read_chunk(struct reader *r, const cJSON *chunk, bool first)
{
	if (first)
		r->id = text_at(chunk, "id");
	CU_ASSERT(text_is(chunk, "id", r->id)); /* contracts 36, 37 */
	CU_ASSERT(text_is(chunk, "object", "chat.completion.chunk"));
	CU_ASSERT_EQUAL(number_at(chunk, "created"), 1795250000);
	CU_ASSERT(text_is(chunk, "model", "gpt-x"));
	CU_ASSERT(cJSON_IsArray(json_at(chunk, "choices")));
	if (cJSON_GetArraySize(json_at(chunk, "choices"))) {
		read_choice(r, json_at(chunk, "choices.0"));
	} else {
		r->usages++;
		r->usage = json_at(chunk, "usage");
	}
	CU_ASSERT_EQUAL(r->roles, 1); /* contract 36: in the first chunk, and only there */
}

static void read_stream(struct reader *r, const struct sse *s)
{
	reader_init(r);
	for (size_t i = 0; i < s->count; i++) {
		CU_ASSERT_STRING_EQUAL(s->events[i].name, ""); /* contract 41 */
		CU_ASSERT(!r->done);
		if (s->events[i].data)
			read_chunk(r, s->events[i].data, i == 0);
		else
			r->done = true;
	}
	CU_ASSERT_EQUAL(r->finishes, 1); /* contract 39 */
	CU_ASSERT(r->done);		 /* contract 41 */
}

/* ---- tests ---- */

static void out_openai_streams_keep_the_contract(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		const bool told = i % 2;
		struct reader r;
		struct buf wire;
		struct sse s;
		struct out o;

		buf_init(&wire, LIMIT_EVENT);
		play(&out_openai, told ? &with_usage : &streaming, &answers[i], &o, &wire);
		sse_read(&s, &wire);
		read_stream(&r, &s);
		CU_ASSERT(strncmp(r.id, "chatcmpl-", 9) == 0);
		CU_ASSERT_EQUAL(strlen(r.id), 33);
		CU_ASSERT_EQUAL(r.usages, told); /* contract 40 */
		if (told)
			CU_ASSERT_EQUAL(number_at(r.usage, "prompt_tokens") +
						number_at(r.usage, "completion_tokens"),
					number_at(r.usage, "total_tokens"));
		/* contract 39 */
		CU_ASSERT_EQUAL(strcmp(r.finish, "tool_calls") == 0, r.call_count > 0);
		reader_free(&r);
		sse_free(&s);
		out_release(&o);
		buf_release(&wire);
	}
}

static void compare(const struct reader *r, const cJSON *completion)
{
	const cJSON *choice = json_at(completion, "choices.0");
	const cJSON *message = json_at(choice, "message");
	char path[64];

	CU_ASSERT(text_is(completion, "object", "chat.completion"));
	CU_ASSERT(text_is(message, "role", "assistant"));
	CU_ASSERT(text_is(message, "content", r->text.at) ||
		  (cJSON_IsNull(json_at(message, "content")) && !r->text.len && r->call_count));
	CU_ASSERT(text_is(message, "reasoning_content", r->reasoning.at) ||
		  (!json_at(message, "reasoning_content") && !r->reasoning.len));
	CU_ASSERT(text_is(choice, "finish_reason", r->finish));
	CU_ASSERT(cJSON_Compare(json_at(completion, "usage"), r->usage, true));
	CU_ASSERT_EQUAL(cJSON_GetArraySize(json_at(message, "tool_calls")), r->call_count);
	for (int i = 0; i < r->call_count; i++) {
		snprintf(path, sizeof(path), "tool_calls.%d", i);
		CU_ASSERT(text_is(json_at(message, path), "id", r->calls[i].id));
		CU_ASSERT(text_is(json_at(message, path), "type", "function"));
		CU_ASSERT(text_is(json_at(message, path), "function.name", r->calls[i].name));
		CU_ASSERT(text_is(json_at(message, path), "function.arguments",
				  r->calls[i].arguments.at));
	}
}

/* Contract 15. */
static void out_openai_whole_answers_equal_streams(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct error e = { .kind = ERR_NONE };
		struct buf wire, body;
		struct out o, w;
		struct reader r;
		struct sse s;
		cJSON *completion;

		buf_init(&wire, LIMIT_EVENT);
		buf_init(&body, LIMIT_ANSWER);
		play(&out_openai, &with_usage, &answers[i], &o, &wire);
		play(&out_openai, &whole, &answers[i], &w, &body);
		sse_read(&s, &wire);
		read_stream(&r, &s);
		completion = json_parse(buf_span(&body), &e);
		CU_ASSERT_PTR_NOT_NULL_FATAL(completion);
		compare(&r, completion);
		cJSON_Delete(completion);
		reader_free(&r);
		sse_free(&s);
		out_release(&o);
		out_release(&w);
		buf_release(&wire);
		buf_release(&body);
	}
}

static void check_bytes(const char *answer, const struct out_options *options, const char *expected)
{
	struct buf wire, text;
	struct out o;

	buf_init(&wire, LIMIT_EVENT);
	buf_init(&text, KB(16));
	play(&out_openai, options, answer_named(answer), &o, &wire);
	for (const char *at = expected; *at; at++) {
		if (*at == '@')
			buf_add_format(&text,
				       "{\"id\":\"%s\",\"object\":\"chat.completion%s\","
				       "\"created\":1795250000,\"model\":\"gpt-x\"",
				       o.id, options->stream ? ".chunk" : "");
		else
			buf_add_char(&text, *at);
	}
	CU_ASSERT_STRING_EQUAL(wire.at, text.at);
	buf_release(&text);
	buf_release(&wire);
	out_release(&o);
}

static void out_openai_writes_these_bytes(void)
{
	static const char expected_stream[] =
		"data: @,\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":"
		"\"\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n"
		"data: @,\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":"
		"\"tooluse_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
		"\"\"}}]},\"logprobs\":null,\"finish_reason\":null}]}\n\n"
		"data: @,\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
		"\"function\":{\"arguments\":\"{\\\"a\\\":\"}}]},\"logprobs\":null,"
		"\"finish_reason\":null}]}\n\n"
		"data: @,\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
		"\"function\":{\"arguments\":\"1}\"}}]},\"logprobs\":null,"
		"\"finish_reason\":null}]}\n\n"
		"data: @,\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,"
		"\"finish_reason\":\"tool_calls\"}]}\n\n"
		"data: @,\"choices\":[],\"usage\":{\"prompt_tokens\":505,\"completion_tokens\":77,"
		"\"total_tokens\":582,\"prompt_tokens_details\":{\"cached_tokens\":3}}}\n\n"
		"data: [DONE]\n\n";
	static const char expected_whole[] =
		"@,\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":null,"
		"\"refusal\":null,\"tool_calls\":[{\"id\":\"tooluse_1\",\"type\":\"function\","
		"\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]},"
		"\"logprobs\":null,\"finish_reason\":\"tool_calls\"}],"
		"\"usage\":{\"prompt_tokens\":505,\"completion_tokens\":77,\"total_tokens\":582,"
		"\"prompt_tokens_details\":{\"cached_tokens\":3}}}";

	check_bytes("tool", &with_usage, expected_stream);
	check_bytes("tool", &whole, expected_whole);
}

static void out_openai_maps_every_stop_reason(void)
{
	static const char *const finishes[][2] = {
		{ "text", "stop" },
		{ "stop sequence", "stop" },
		{ "pause", "stop" },
		{ "max tokens", "length" },
		{ "context", "length" },
		{ "tool", "tool_calls" },
		{ "refusal", "content_filter" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(finishes); i++) {
		char expected[64];
		struct buf body;
		struct out o;

		buf_init(&body, LIMIT_ANSWER);
		play(&out_openai, &whole, answer_named(finishes[i][0]), &o, &body);
		snprintf(expected, sizeof(expected), "\"finish_reason\":\"%s\"", finishes[i][1]);
		CU_ASSERT_PTR_NOT_NULL(strstr(body.at, expected));
		if (i == 6)
			CU_ASSERT_PTR_NOT_NULL(strstr(body.at, "\"refusal\":\"because\""));
		out_release(&o);
		buf_release(&body);
	}
}

static void out_openai_pings_by_comment(void)
{
	struct buf wire;
	struct out o;

	buf_init(&wire, LIMIT_EVENT);
	out_init(&o, &out_openai, &streaming);
	out_begin(&o, &wire);
	buf_reset(&wire);
	out_ping(&o, &wire);
	CU_ASSERT_STRING_EQUAL(wire.at, ": ping\n\n");
	out_release(&o);
	buf_reset(&wire);
	out_init(&o, &out_openai, &whole);
	out_begin(&o, &wire);
	out_ping(&o, &wire);
	CU_ASSERT_EQUAL(wire.len, 0);
	out_release(&o);
	buf_release(&wire);
}

/* Contracts 11, 41: no finish_reason, no [DONE] behind a failure. */
static void out_openai_fails_with_one_error_chunk(void)
{
	static const struct event begun[] = { T("so far"), CALL("t1", "f"), A("{\"a") };
	struct error e = { .kind = ERR_NONE }, failure = { .kind = ERR_NONE };
	struct buf wire;
	struct out o;

	error_set(&failure, ERR_UP_TRUNCATED, "ended early");
	buf_init(&wire, LIMIT_EVENT);
	out_init(&o, &out_openai, &with_usage);
	out_begin(&o, &wire);
	for (size_t i = 0; i < ARRAY_SIZE(begun); i++)
		out_event(&o, &begun[i], &wire, &e);
	buf_reset(&wire);
	out_fail(&o, &failure, &wire);
	out_fail(&o, &failure, &wire);
	out_ping(&o, &wire);
	CU_ASSERT_STRING_EQUAL(wire.at, "data: {\"error\":{\"message\":\"ended early\",\"type\":"
					"\"server_error\",\"param\":null,\"code\":null}}\n\n");
	out_release(&o);
	buf_release(&wire);
}

static void out_openai_writes_the_error_envelope(void)
{
	static const struct expected {
		enum error_kind kind;
		const char *rest;
	} expected[] = {
		{ ERR_CONTEXT, "\"type\":\"invalid_request_error\",\"param\":null,"
			       "\"code\":\"context_length_exceeded\"}}" },
		{ ERR_AUTH, "\"type\":\"invalid_request_error\",\"param\":null,"
			    "\"code\":\"invalid_api_key\"}}" },
		{ ERR_MODEL, "\"type\":\"invalid_request_error\",\"param\":null,"
			     "\"code\":\"model_not_found\"}}" },
		{ ERR_UP_RATE, "\"type\":\"rate_limit_error\",\"param\":null,"
			       "\"code\":\"rate_limit_exceeded\"}}" },
		{ ERR_UP_QUOTA, "\"type\":\"insufficient_quota\",\"param\":null,"
				"\"code\":\"insufficient_quota\"}}" },
		{ ERR_INTERNAL, "\"type\":\"server_error\",\"param\":null,\"code\":null}}" },
	};
	struct error e = { .kind = ERR_NONE };
	struct buf body;

	buf_init(&body, KB(4));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		char text[256];

		error_clear(&e);
		error_set(&e, expected[i].kind, "m");
		buf_reset(&body);
		out_openai.error_body(&e, "req_1", &body);
		snprintf(text, sizeof(text), "{\"error\":{\"message\":\"m\",%s", expected[i].rest);
		CU_ASSERT_STRING_EQUAL(body.at, text);
	}
	error_clear(&e);
	error_field(&e, "messages.0.role", "bad");
	buf_reset(&body);
	out_openai.error_body(&e, "req_1", &body);
	CU_ASSERT_STRING_EQUAL(body.at, "{\"error\":{\"message\":\"messages.0.role: bad\",\"type\":"
					"\"invalid_request_error\",\"param\":\"messages.0.role\","
					"\"code\":null}}");
	buf_release(&body);
}

static void out_openai_tells_an_overflow_in_its_own_words(void)
{
	struct error failure = { .kind = ERR_NONE };
	struct buf body;

	error_set(&failure, ERR_CONTEXT, "prompt is too long: m");
	failure.tokens = 215000;
	failure.window = 200000;
	buf_init(&body, KB(4));
	out_openai.error_body(&failure, "req_1", &body);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(body.at, "\"This model's maximum context length is 200000 tokens. However, "
				"your messages resulted in about 215000 tokens."));
	CU_ASSERT_PTR_NOT_NULL(strstr(body.at, "\"context_length_exceeded\""));
	buf_release(&body);
}

CU_TestInfo out_openai_tests[] = {
	{ "tells an overflow in its own words", out_openai_tells_an_overflow_in_its_own_words },
	{ "streams keep the contract", out_openai_streams_keep_the_contract },
	{ "whole answers equal streams", out_openai_whole_answers_equal_streams },
	{ "writes these bytes", out_openai_writes_these_bytes },
	{ "maps every stop reason", out_openai_maps_every_stop_reason },
	{ "pings by comment", out_openai_pings_by_comment },
	{ "fails with one error chunk", out_openai_fails_with_one_error_chunk },
	{ "writes the error envelope", out_openai_writes_the_error_envelope },
	CU_TEST_INFO_NULL,
};
