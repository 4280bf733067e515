/*
 * "Contract n" is the numbered list of what Messages API clients need of a stream; each check says
 * which point it stands for.
 */
#include "common/base.h"
#include "tests/unit/answers.h"

static const struct out_options streaming = {
	.stream = true, .model = "claude-x", .input_estimate = 12, .created = 1
};
static const struct out_options whole = { .model = "claude-x", .input_estimate = 12, .created = 1 };

static struct error failure_of(enum error_kind kind, const char *message)
{
	struct error e = { .kind = ERR_NONE };

	error_set(&e, kind, "%s", message);
	return e;
}

/* ---- a reader as strict as the contract: stream in, the message that a client has then ---- */

struct reader {
	cJSON *content; /* finished blocks */
	cJSON *block;	/* the open one */
	struct buf text;
	int signatures;
	bool started, delta_seen, stopped, visible;
	const cJSON *delta; /* of message_delta */
};

static void read_message_start(struct reader *r, const cJSON *data)
{
	const cJSON *usage = json_at(data, "message.usage");

	CU_ASSERT(!r->started); /* contract 17 */
	r->started = true;
	CU_ASSERT(strncmp(text_at(data, "message.id"), "msg_", 4) == 0);
	CU_ASSERT_EQUAL(strlen(text_at(data, "message.id")), 28);
	CU_ASSERT(text_is(data, "message.type", "message"));
	CU_ASSERT(text_is(data, "message.role", "assistant"));
	CU_ASSERT(text_is(data, "message.model", "claude-x"));
	CU_ASSERT_EQUAL(cJSON_GetArraySize(json_at(data, "message.content")), 0);
	CU_ASSERT(cJSON_IsNull(json_at(data, "message.stop_reason")));
	CU_ASSERT(cJSON_IsNull(json_at(data, "message.stop_sequence")));
	CU_ASSERT_EQUAL(number_at(usage, "input_tokens"), 12);
	CU_ASSERT_EQUAL(number_at(usage, "output_tokens"), 1);
	CU_ASSERT_EQUAL(number_at(usage, "cache_creation_input_tokens"), 0);
	CU_ASSERT_EQUAL(number_at(usage, "cache_read_input_tokens"), 0);
}

static void read_block_start(struct reader *r, const cJSON *data)
{
	const cJSON *block = json_at(data, "content_block");

	CU_ASSERT_PTR_NULL(r->block); /* contract 18: one at a time */
	CU_ASSERT_EQUAL(number_at(data, "index"), cJSON_GetArraySize(r->content));
	if (text_is(block, "type", "text")) {
		CU_ASSERT(text_is(block, "text", "")); /* contract 20 */
		r->visible = true;
	} else if (text_is(block, "type", "thinking")) {
		CU_ASSERT(text_is(block, "thinking", ""));
		CU_ASSERT(text_is(block, "signature", ""));
		CU_ASSERT(!r->visible); /* contracts 24, 25 */
	} else {
		CU_ASSERT(text_is(block, "type", "tool_use")); /* contract 22 */
		CU_ASSERT(cJSON_IsObject(json_at(block, "input")));
		CU_ASSERT_EQUAL(cJSON_GetArraySize(json_at(block, "input")), 0);
		CU_ASSERT(strlen(text_at(block, "id")) > 0);
		CU_ASSERT(strlen(text_at(block, "name")) > 0);
		r->visible = true;
	}
	r->block = cJSON_Duplicate(block, true);
	r->signatures = 0;
	buf_reset(&r->text);
}

static void read_block_delta(struct reader *r, const cJSON *data)
{
	static const char *const pairs[][3] = {
		/* contract 22: block, delta, its member */
		{ "text", "text_delta", "text" },
		{ "thinking", "thinking_delta", "thinking" },
		{ "thinking", "signature_delta", "signature" },
		{ "tool_use", "input_json_delta", "partial_json" },
	};
	const char *text = NULL;
	size_t i = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(r->block);
	CU_ASSERT_EQUAL(number_at(data, "index"), cJSON_GetArraySize(r->content));
	while (i < ARRAY_SIZE(pairs) && !(text_is(r->block, "type", pairs[i][0]) &&
					  text_is(data, "delta.type", pairs[i][1])))
		i++;
	CU_ASSERT_FATAL(i < ARRAY_SIZE(pairs));
	text = text_at(json_at(data, "delta"), pairs[i][2]);
	CU_ASSERT_FATAL(text != NULL && *text);
	CU_ASSERT_EQUAL(utf8_valid_prefix(span_of(text)), strlen(text)); /* contract 5 */
	CU_ASSERT_EQUAL(r->signatures, 0); /* contract 24: the signature is the last delta */
	if (i == 2) {
		r->signatures++;
		cJSON_ReplaceItemInObject(r->block, "signature", cJSON_CreateString(text));
	} else {
		buf_add_text(&r->text, text);
	}
}

static void read_block_stop(struct reader *r, const cJSON *data)
{
	struct error e = { .kind = ERR_NONE };
	cJSON *value;

	CU_ASSERT_PTR_NOT_NULL_FATAL(r->block);
	CU_ASSERT_EQUAL(number_at(data, "index"), cJSON_GetArraySize(r->content));
	if (text_is(r->block, "type", "tool_use")) {
		value = json_parse(buf_span(&r->text), &e);
		CU_ASSERT(cJSON_IsObject(value)); /* contract 21 */
		cJSON_ReplaceItemInObject(r->block, "input", value);
	} else {
		bool text = text_is(r->block, "type", "text");

		CU_ASSERT(!text || r->text.len); /* contract 23 */
		CU_ASSERT_EQUAL(r->signatures, text ? 0 : 1);
		value = cJSON_CreateString(r->text.at);
		cJSON_ReplaceItemInObject(r->block, text ? "text" : "thinking", value);
	}
	cJSON_AddItemToArray(r->content, r->block);
	r->block = NULL;
}

static void read_message_delta(struct reader *r, const cJSON *data)
{
	CU_ASSERT_PTR_NULL(r->block); /* contract 19 */
	CU_ASSERT(!r->delta_seen);    /* contract 26 */
	r->delta_seen = true;
	r->delta = data;
	CU_ASSERT(cJSON_IsString(json_at(data, "delta.stop_reason")));
	CU_ASSERT(cJSON_HasObjectItem(json_at(data, "delta"), "stop_sequence"));
	CU_ASSERT(number_at(data, "usage.output_tokens") >= 1);
	CU_ASSERT(number_at(data, "usage.input_tokens") >= 12); /* contract 27 */
}

static void read_message_stop(struct reader *r, const cJSON *data)
{
	(void)data;
	CU_ASSERT(r->delta_seen);
	r->stopped = true;
}

static void read_stream(struct reader *r, const struct sse *s)
{
	static const struct {
		const char *name;
		void (*read)(struct reader *r, const cJSON *data);
	} steps[] = {
		{ "message_start", read_message_start },
		{ "content_block_start", read_block_start },
		{ "content_block_delta", read_block_delta },
		{ "content_block_stop", read_block_stop },
		{ "message_delta", read_message_delta },
		{ "message_stop", read_message_stop },
	};

	memset(r, 0, sizeof(*r));
	buf_init(&r->text, MB(1));
	r->content = cJSON_CreateArray();
	for (size_t i = 0; i < s->count; i++) {
		const struct sse_event *event = &s->events[i];
		size_t n = 0;

		CU_ASSERT_PTR_NOT_NULL_FATAL(event->data);	      /* contract 32 */
		CU_ASSERT(text_is(event->data, "type", event->name)); /* contract 16 */
		CU_ASSERT(!r->stopped);				      /* contract 26: last */
		CU_ASSERT(r->started || i == 0);		      /* contract 17: first */
		if (strcmp(event->name, "ping") == 0)
			continue;
		while (n < ARRAY_SIZE(steps) && strcmp(steps[n].name, event->name) != 0)
			n++;
		CU_ASSERT_FATAL(n < ARRAY_SIZE(steps)); /* contract 22 */
		steps[n].read(r, event->data);
	}
}

static void reader_free(struct reader *r)
{
	cJSON_Delete(r->content);
	cJSON_Delete(r->block);
	buf_release(&r->text);
}

/* ---- tests ---- */

static void out_anthropic_streams_keep_the_contract(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct reader r;
		struct buf wire;
		struct sse s;
		struct out o;

		buf_init(&wire, LIMIT_EVENT);
		play(&out_anthropic, &streaming, &answers[i], &o, &wire);
		sse_read(&s, &wire);
		read_stream(&r, &s);
		CU_ASSERT(r.stopped);
		CU_ASSERT_PTR_NULL(r.block);
		reader_free(&r);
		sse_free(&s);
		out_release(&o);
		buf_release(&wire);
	}
}

/* Contract 15: content, stop reason and usage are those of the stream. */
static void out_anthropic_whole_answers_equal_streams(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct error e = { .kind = ERR_NONE };
		struct buf wire, body;
		struct out o, w;
		struct reader r;
		struct sse s;
		cJSON *message;

		buf_init(&wire, LIMIT_EVENT);
		buf_init(&body, LIMIT_ANSWER);
		play(&out_anthropic, &streaming, &answers[i], &o, &wire);
		play(&out_anthropic, &whole, &answers[i], &w, &body);
		sse_read(&s, &wire);
		read_stream(&r, &s);
		message = json_parse(buf_span(&body), &e);
		CU_ASSERT_PTR_NOT_NULL_FATAL(message);
		CU_ASSERT(cJSON_Compare(json_at(message, "content"), r.content, true));
		CU_ASSERT(
			cJSON_Compare(json_at(message, "usage"), json_at(r.delta, "usage"), true));
		CU_ASSERT(cJSON_Compare(json_at(message, "stop_reason"),
					json_at(r.delta, "delta.stop_reason"), true));
		CU_ASSERT(cJSON_Compare(json_at(message, "stop_sequence"),
					json_at(r.delta, "delta.stop_sequence"), true));
		CU_ASSERT(text_is(message, "type", "message"));
		CU_ASSERT(text_is(message, "role", "assistant"));
		CU_ASSERT(text_is(message, "model", "claude-x"));
		CU_ASSERT_EQUAL(strlen(text_at(message, "id")), 28);
		cJSON_Delete(message);
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
	play(&out_anthropic, options, answer_named(answer), &o, &wire);
	for (const char *at = expected; *at; at++) {
		if (*at == '@')
			buf_add_text(&text, o.id);
		else
			buf_add_char(&text, *at);
	}
	CU_ASSERT_STRING_EQUAL(wire.at, text.at);
	buf_release(&text);
	buf_release(&wire);
	out_release(&o);
}

static void out_anthropic_writes_these_bytes(void)
{
	check_bytes(
		"thinking text tool", &streaming,
		"event: message_start\n"
		"data: {\"type\":\"message_start\",\"message\":{\"id\":\"@\",\"type\":\"message\","
		"\"role\":\"assistant\",\"model\":\"claude-x\",\"container\":null,"
		"\"context_management\":null,\"diagnostics\":null,\"content\":[],"
		"\"stop_reason\":null,\"stop_sequence\":null,\"stop_details\":null,\"usage\":{"
		"\"input_tokens\":12,"
		"\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
		"\"output_tokens\":1,\"server_tool_use\":null,\"cache_creation\":null,"
		"\"inference_geo\":null,\"iterations\":null,"
		"\"output_tokens_details\":null,\"service_tier\":null,\"speed\":null}}}\n\n"
		"event: content_block_start\n"
		"data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":"
		"{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n"
		"event: content_block_delta\n"
		"data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
		"{\"type\":\"thinking_delta\",\"thinking\":\"let me \"}}\n\n"
		"event: content_block_delta\n"
		"data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
		"{\"type\":\"thinking_delta\",\"thinking\":\"think\"}}\n\n"
		"event: content_block_delta\n"
		"data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
		"{\"type\":\"signature_delta\",\"signature\":\"sig==\"}}\n\n"
		"event: content_block_stop\n"
		"data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
		"event: content_block_start\n"
		"data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":"
		"{\"type\":\"text\",\"text\":\"\"}}\n\n"
		"event: content_block_delta\n"
		"data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":"
		"{\"type\":\"text_delta\",\"text\":\"ok\"}}\n\n"
		"event: content_block_stop\n"
		"data: {\"type\":\"content_block_stop\",\"index\":1}\n\n"
		"event: content_block_start\n"
		"data: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":"
		"{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\","
		"\"caller\":{\"type\":\"direct\"},\"input\":{}}}\n\n"
		"event: content_block_delta\n"
		"data: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":"
		"{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}\n\n"
		"event: content_block_stop\n"
		"data: {\"type\":\"content_block_stop\",\"index\":2}\n\n"
		"event: message_delta\n"
		"data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\","
		"\"stop_sequence\":null,\"stop_details\":null,\"container\":null},\"usage\":{"
		"\"input_tokens\":500,"
		"\"cache_creation_input_tokens\":2,\"cache_read_input_tokens\":3,"
		"\"output_tokens\":77,\"server_tool_use\":null,\"cache_creation\":null,"
		"\"inference_geo\":null,\"iterations\":null,"
		"\"output_tokens_details\":null,\"service_tier\":null,\"speed\":null},\"context_"
		"management\":null}\n\n"
		"event: message_stop\n"
		"data: {\"type\":\"message_stop\"}\n\n");
	check_bytes(
		"thinking text tool", &whole,
		"{\"id\":\"@\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-x\","
		"\"container\":null,\"context_management\":null,\"diagnostics\":null,"
		"\"content\":[{\"type\":\"thinking\",\"thinking\":\"let me think\","
		"\"signature\":\"sig==\"},{\"type\":\"text\",\"text\":\"ok\"},"
		"{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\","
		"\"caller\":{\"type\":\"direct\"},\"input\":{}}],"
		"\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"stop_details\":null,"
		"\"usage\":{\"input_tokens\":500,\"cache_creation_input_tokens\":2,"
		"\"cache_read_input_tokens\":3,\"output_tokens\":77,"
		"\"server_tool_use\":null,\"cache_creation\":null,"
		"\"inference_geo\":null,\"iterations\":null,"
		"\"output_tokens_details\":null,\"service_tier\":null,\"speed\":null}}");
}

static cJSON *whole_answer(const struct out_options *options, const char *name)
{
	struct error e = { .kind = ERR_NONE };
	struct buf body;
	struct out o;
	cJSON *message;

	buf_init(&body, LIMIT_ANSWER);
	play(&out_anthropic, options, answer_named(name), &o, &body);
	message = json_parse(buf_span(&body), &e);
	CU_ASSERT_PTR_NOT_NULL_FATAL(message);
	out_release(&o);
	buf_release(&body);
	return message;
}

static void out_anthropic_maps_every_stop_reason(void)
{
	static const char *const stops[][2] = {
		{ "text", "end_turn" },
		{ "tool", "tool_use" },
		{ "max tokens", "max_tokens" },
		{ "context", "model_context_window_exceeded" },
		{ "pause", "pause_turn" },
		{ "refusal", "refusal" },
		{ "stop sequence", "stop_sequence" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(stops); i++) {
		cJSON *message = whole_answer(&whole, stops[i][0]);

		CU_ASSERT(text_is(message, "stop_reason", stops[i][1]));
		if (i == 6)
			CU_ASSERT(text_is(message, "stop_sequence", "END"));
		cJSON_Delete(message);
	}
}

static void out_anthropic_tells_why_it_was_refused(void)
{
	cJSON *message = whole_answer(&whole, "refusal");

	CU_ASSERT(text_is(message, "stop_details.type", "refusal"));
	CU_ASSERT(text_is(message, "stop_details.explanation", "because"));
	CU_ASSERT(cJSON_IsNull(json_at(message, "stop_details.category")));
	CU_ASSERT(cJSON_IsNull(json_at(message, "stop_details.recommended_model")));
	CU_ASSERT_EQUAL(cJSON_GetArraySize(json_at(message, "content")), 0);
	cJSON_Delete(message);
}

/* Null for now: no citations are told. The version before has no such member. */
static void out_anthropic_has_citations_in_the_newer_version_only(void)
{
	static const struct out_options newer = { .model = "claude-x", .citations = true };
	static const struct out_options newer_stream = { .model = "claude-x",
							 .citations = true,
							 .stream = true };
	cJSON *message = whole_answer(&whole, "thinking text tool");
	struct buf wire;
	struct out o;

	CU_ASSERT_FALSE(cJSON_HasObjectItem(json_at(message, "content.1"), "citations"));
	cJSON_Delete(message);
	message = whole_answer(&newer, "thinking text tool");
	CU_ASSERT(cJSON_IsNull(json_at(message, "content.1.citations")));
	CU_ASSERT_FALSE(cJSON_HasObjectItem(json_at(message, "content.0"), "citations"));
	cJSON_Delete(message);
	buf_init(&wire, LIMIT_EVENT);
	play(&out_anthropic, &newer_stream, answer_named("text"), &o, &wire);
	CU_ASSERT_PTR_NOT_NULL(strstr(wire.at, "{\"type\":\"text\",\"text\":\"\","
					       "\"citations\":null}}"));
	out_release(&o);
	buf_release(&wire);
}

/* base64(SHA-256("let me think")), by another program. */
static void out_anthropic_signs_thinking_that_upstream_did_not(void)
{
	cJSON *message = whole_answer(&whole, "unsigned thinking");

	CU_ASSERT(text_is(message, "content.0.thinking", "let me think"));
	CU_ASSERT(text_is(message, "content.0.signature",
			  "EdyA4epPmrlXLfNO7yNwsx7E1juu0Hol4Jfah9g7CQY="));
	cJSON_Delete(message);
	message = whole_answer(&whole, "thinking only");
	CU_ASSERT(text_is(message, "content.0.signature",
			  "dGEcHWRVtTQyOiH4EzpvQ9w6gYjnuUb5bcwo3eky/LI="));
	cJSON_Delete(message);
	message = whole_answer(&whole, "signature only"); /* thinking with display "omitted" */
	CU_ASSERT(text_is(message, "content.0.thinking", ""));
	CU_ASSERT(text_is(message, "content.0.signature", "opaque"));
	cJSON_Delete(message);
}

static void out_anthropic_keeps_numbers_of_arguments_exact(void)
{
	static const struct answer exact = { "",
					     { CALL("t", "f"), A("{\"n\":1234567890123"),
					       A("4567890}"), END, STOP(STOP_TOOL_USE) } };
	struct buf body;
	struct out o;

	buf_init(&body, LIMIT_ANSWER);
	play(&out_anthropic, &whole, &exact, &o, &body);
	CU_ASSERT_PTR_NOT_NULL(strstr(body.at, "\"input\":{\"n\":12345678901234567890}"));
	out_release(&o);
	buf_release(&body);
}

static void out_anthropic_pings_after_message_start_only(void)
{
	struct buf wire;
	struct out o;

	buf_init(&wire, LIMIT_EVENT);
	out_init(&o, &out_anthropic, &streaming);
	out_ping(&o, &wire);
	CU_ASSERT(strncmp(wire.at, "event: message_start\n", 21) == 0);
	CU_ASSERT_STRING_EQUAL(strstr(wire.at, "\n\n") + 2,
			       "event: ping\ndata: {\"type\":\"ping\"}\n\n");
	buf_reset(&wire);
	out_begin(&o, &wire);
	CU_ASSERT_EQUAL(wire.len, 0); /* begun already */
	out_release(&o);

	out_init(&o, &out_anthropic, &whole);
	out_begin(&o, &wire);
	out_ping(&o, &wire);
	CU_ASSERT_EQUAL(wire.len, 0);
	out_release(&o);
	buf_release(&wire);
}

/* Contracts 11, 29, 33: one error event, nothing is closed as if it were whole. */
static void out_anthropic_fails_with_one_error_event(void)
{
	static const struct event begun[] = { T("so far"), CALL("t1", "f"), A("{\"a") };
	struct error failure = failure_of(ERR_UP_TRUNCATED, "ended \"early\"");

	for (size_t count = 0; count <= ARRAY_SIZE(begun); count++) {
		struct error e = { .kind = ERR_NONE };
		struct buf wire;
		struct out o;

		buf_init(&wire, LIMIT_EVENT);
		out_init(&o, &out_anthropic, &streaming);
		out_begin(&o, &wire);
		for (size_t i = 0; i < count; i++)
			out_event(&o, &begun[i], &wire, &e);
		CU_ASSERT_PTR_NULL(strstr(wire.at, "\"index\":1}"));
		buf_reset(&wire);
		out_fail(&o, &failure, &wire);
		CU_ASSERT_STRING_EQUAL(wire.at, "event: error\ndata: {\"type\":\"error\",\"error\":"
						"{\"type\":\"api_error\",\"message\":"
						"\"ended \\\"early\\\"\"}}\n\n");
		out_fail(&o, &failure, &wire);
		out_ping(&o, &wire);
		CU_ASSERT_PTR_NULL(strstr(strstr(wire.at, "\n\n") + 2, "event:"));
		out_release(&o);
		buf_release(&wire);
	}
}

static void out_anthropic_writes_the_error_envelope(void)
{
	static const struct expected {
		enum error_kind kind;
		const char *type;
	} expected[] = {
		{ ERR_REQUEST, "invalid_request_error" }, { ERR_AUTH, "authentication_error" },
		{ ERR_UP_QUOTA, "billing_error" },	  { ERR_FORBIDDEN, "permission_error" },
		{ ERR_MODEL, "not_found_error" },	  { ERR_TOO_LARGE, "request_too_large" },
		{ ERR_UP_RATE, "rate_limit_error" },	  { ERR_INTERNAL, "api_error" },
		{ ERR_UP_TIMEOUT, "timeout_error" },	  { ERR_BUSY, "overloaded_error" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct error failure = failure_of(expected[i].kind, "m");
		char text[256];
		struct buf body;

		buf_init(&body, KB(4));
		out_anthropic.error_body(&failure, "req_1", &body);
		snprintf(text, sizeof(text),
			 "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"m\"},"
			 "\"request_id\":\"req_1\"}",
			 expected[i].type);
		CU_ASSERT_STRING_EQUAL(body.at, text);
		buf_release(&body);
	}
}

static void out_anthropic_tells_the_tool_runner_to_go_on_without_a_thread(void)
{
	struct error failure = { .kind = ERR_NONE };
	struct buf body;

	error_field(&failure, "thread", "no");
	buf_init(&body, KB(4));
	out_anthropic.error_body(&failure, "req_1", &body);
	CU_ASSERT_STRING_EQUAL(body.at,
			       "{\"type\":\"error\",\"error\":{"
			       "\"type\":\"invalid_request_error\",\"message\":\"thread: no\","
			       "\"details\":{\"error_code\":\"thread_unsupported_request\","
			       "\"unsupported\":[\"thread\"]}},\"request_id\":\"req_1\"}");
	buf_release(&body);
}

static void out_anthropic_refuses_an_answer_that_is_too_large(void)
{
	static const struct event end = STOP(STOP_END_TURN);
	struct error e = { .kind = ERR_NONE };
	struct event text = { .kind = EVENT_TEXT };
	struct buf wire, piece;
	struct out o;

	buf_init(&wire, LIMIT_ANSWER);
	buf_init(&piece, MB(1));
	while (piece.len < MB(1))
		buf_add_char(&piece, 'x');
	text.text = buf_span(&piece);
	out_init(&o, &out_anthropic, &whole);
	for (int i = 0; i < 65; i++)
		CU_ASSERT_EQUAL(out_event(&o, &text, &wire, &e), 0);
	CU_ASSERT_EQUAL(out_event(&o, &end, &wire, &e), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_UP_DAMAGED);
	CU_ASSERT_EQUAL(wire.len, 0);
	out_release(&o);
	buf_release(&piece);
	buf_release(&wire);
}

static void out_anthropic_tells_an_overflow_with_its_numbers(void)
{
	static const struct {
		const char *words, *said;
		int64_t tokens;
	} rows[] = {
		{ "prompt is too long: Input is too long.",
		  "prompt is too long: 215000 tokens > 200000 maximum (upstream: Input is too "
		  "long.)",
		  215000 },
		{ "Prompt is too long: 2 > 1",
		  "prompt is too long: 215000 tokens > 200000 maximum (upstream: 2 > 1)", 215000 },
		{ "prompt is too long: the text of messages.0",
		  "prompt is too long: the text of messages.0", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error failure = failure_of(ERR_CONTEXT, rows[i].words);
		struct buf body;

		failure.tokens = rows[i].tokens;
		failure.window = rows[i].tokens ? 200000 : 0;
		buf_init(&body, KB(4));
		out_anthropic.error_body(&failure, "req_1", &body);
		CU_ASSERT_PTR_NOT_NULL(strstr(body.at, rows[i].said));
		buf_release(&body);
	}
}

CU_TestInfo out_anthropic_tests[] = {
	{ "tells an overflow with its numbers", out_anthropic_tells_an_overflow_with_its_numbers },
	{ "streams keep the contract", out_anthropic_streams_keep_the_contract },
	{ "whole answers equal streams", out_anthropic_whole_answers_equal_streams },
	{ "writes these bytes", out_anthropic_writes_these_bytes },
	{ "maps every stop reason", out_anthropic_maps_every_stop_reason },
	{ "tells why it was refused", out_anthropic_tells_why_it_was_refused },
	{ "has citations in the newer version only",
	  out_anthropic_has_citations_in_the_newer_version_only },
	{ "signs thinking that upstream did not",
	  out_anthropic_signs_thinking_that_upstream_did_not },
	{ "keeps numbers of arguments exact", out_anthropic_keeps_numbers_of_arguments_exact },
	{ "pings after message_start only", out_anthropic_pings_after_message_start_only },
	{ "fails with one error event", out_anthropic_fails_with_one_error_event },
	{ "writes the error envelope", out_anthropic_writes_the_error_envelope },
	{ "tells the tool runner to go on without a thread",
	  out_anthropic_tells_the_tool_runner_to_go_on_without_a_thread },
	{ "refuses an answer that is too large",
	  out_anthropic_refuses_an_answer_that_is_too_large },
	CU_TEST_INFO_NULL,
};
