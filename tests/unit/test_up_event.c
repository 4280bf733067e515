#include "common/base.h"
#include "common/limits.h"
#include "fcgi/up_event.h"
#include "tests/unit/frames.h"

#include <CUnit/CUnit.h>

/* One answer being read; all events are told as text: T(text) K(thinking) S(signature)
 * C(id,name) A(arguments) E and !(stop). */
struct play {
	struct arena arena;
	struct tool_names names;
	struct up_event up;
	struct buf told;
	struct answer_usage usage;
	struct error error;
	int rc;
	int refuse; /* what the handler returns */
};

static const char *const stops[STOP_REASONS] = { "end_turn", "tool_use", "max_tokens", "sequence",
						 "refusal",  "pause",	 "context" };

static int tell(void *context, const struct event *event, struct error *e)
{
	struct play *p = context;
	static const char marks[] = "TKS?A";

	(void)e;
	switch (event->kind) {
	case EVENT_TOOL_START:
		buf_add_format(&p->told, "C(%s,%s)", event->id, event->name);
		break;
	case EVENT_TOOL_END:
		buf_add_char(&p->told, 'E');
		break;
	case EVENT_STOP:
		buf_add_format(&p->told, "!(%s)%.*s", stops[event->stop], (int)event->text.len,
			       event->text.at);
		p->usage = event->usage;
		break;
	default:
		CU_ASSERT(event->text.len > 0);
		buf_add_format(&p->told, "%c(%.*s)", marks[event->kind], (int)event->text.len,
			       event->text.at);
	}
	return p->refuse;
}

static void play_begin(struct play *p)
{
	const struct up_event_options options = { .names = &p->names,
						  .input_estimate = 1000,
						  .input_floor = 500,
						  .window = 200000,
						  .handler = tell,
						  .context = p };

	memset(p, 0, sizeof(*p));
	arena_init(&p->arena);
	tool_names_init(&p->names, &p->arena);
	buf_init(&p->told, MB(32));
	up_event_init(&p->up, &options);
}

static void play_end(struct play *p)
{
	up_event_release(&p->up);
	buf_release(&p->told);
	arena_release(&p->arena);
}

/* One frame through the decoder. Nothing happens after a failure. */
static void message(struct play *p, const char *kind, const char *type, const char *json)
{
	struct eventstream es;
	struct frame frame;
	struct buf bytes;

	if (p->rc)
		return;
	buf_init(&bytes, MB(32));
	add_message(&bytes, kind, type, json);
	eventstream_init(&es);
	eventstream_feed(&es, buf_span(&bytes), &p->error);
	CU_ASSERT_EQUAL_FATAL(eventstream_next(&es, &frame, &p->error), 1);
	p->rc = up_event_frame(&p->up, &frame, &p->error);
	eventstream_release(&es);
	buf_release(&bytes);
}

static void event(struct play *p, const char *type, const char *json)
{
	message(p, "event", type, json);
}

static void text(struct play *p, const char *json)
{
	event(p, "assistantResponseEvent", json);
}

static void tool(struct play *p, const char *json)
{
	event(p, "toolUseEvent", json);
}

static void finish(struct play *p)
{
	if (!p->rc)
		p->rc = up_event_finish(&p->up, &p->error);
}

static void trailer(struct play *p, const char *stop)
{
	char json[128];

	snprintf(json, sizeof(json), "{\"stopReason\":\"%s\"}", stop);
	event(p, "metadataEvent", json);
	finish(p);
}

#define TOLD(p, expected)                                                                          \
	do {                                                                                       \
		CU_ASSERT_STRING_EQUAL((p)->told.at, expected);                                    \
		if (strcmp((p)->told.at, expected) != 0)                                           \
			printf("\n  told %s\n", (p)->told.at);                                     \
	} while (0)

static void up_event_passes_text(void)
{
	struct play p;

	play_begin(&p);
	event(&p, "messageMetadataEvent", "{\"conversationId\":\"c\"}");
	text(&p, "{\"content\":\"Hel\",\"modelId\":\"m\"}");
	TOLD(&p, "T(Hel)");
	text(&p, "{\"content\":\"lo\"}");
	text(&p, "{\"content\":\"lo\"}"); /* equal pieces are no duplicates */
	text(&p, "{\"content\":\"\"}");
	text(&p, "{}");
	event(&p, "codeEvent", "{\"content\":\" x=\\\"1\\\"\\n\"}");
	text(&p, "{\"content\":\"\\ud83d\\ude00\"}");
	trailer(&p, "END_TURN");
	TOLD(&p, "T(Hel)T(lo)T(lo)T( x=\"1\"\n)T(\xf0\x9f\x98\x80)!(end_turn)");
	CU_ASSERT_EQUAL(p.rc, 0);
	play_end(&p);
}

static void up_event_skips_what_no_client_can_use(void)
{
	static const char *const types[] = {
		"initial-response",
		"toolResultEvent",
		"codeReferenceEvent",
		"documentCitationEvent",
		"supplementaryWebLinksEvent",
		"followupPromptEvent",
		"intentsEvent",
		"interactionComponentsEvent",
		"citationEvent",
		"dryRunSucceedEvent",
		"brandNewEvent",
	};
	const struct frame smallest = { .payload = { "", 0 } };
	struct play p;

	play_begin(&p);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		event(&p, types[i], "{\"reason\":\"no matter\"}");
	event(&p, "brandNewEvent", "no JSON");
	CU_ASSERT_EQUAL(up_event_frame(&p.up, &smallest, &p.error), 0);
	CU_ASSERT_EQUAL(p.rc, 0);
	TOLD(&p, "");
	play_end(&p);
}

static void up_event_passes_reasoning_before_text(void)
{
	struct play p;

	play_begin(&p);
	event(&p, "reasoningContentEvent", "{\"text\":\"hm\"}");
	event(&p, "reasoningContentEvent", "{}");
	event(&p, "reasoningContentEvent", "{\"text\":\"m\",\"signature\":\"sig\"}");
	text(&p, "{\"content\":\"a\"}");
	event(&p, "reasoningContentEvent", "{\"text\":\"late\"}");
	event(&p, "reasoningContentEvent", "{\"signature\":\"late\"}");
	trailer(&p, "END_TURN");
	TOLD(&p, "K(hm)K(m)S(sig)T(a)!(end_turn)");
	play_end(&p);
}

static void up_event_passes_a_signature_without_text(void)
{
	struct play p;

	play_begin(&p);
	event(&p, "reasoningContentEvent", "{\"signature\":\"opaque\"}");
	text(&p, "{\"content\":\"a\"}");
	trailer(&p, "END_TURN");
	TOLD(&p, "S(opaque)T(a)!(end_turn)");
	play_end(&p);
}

static void up_event_streams_a_tool_call(void)
{
	struct play p;

	play_begin(&p);
	tool(&p, "{\"name\":\"Read\",\"toolUseId\":\"tooluse_1\"}");
	TOLD(&p, "C(tooluse_1,Read)");
	tool(&p, "{\"input\":\"{\\\"p\\\":\",\"name\":\"Read\",\"toolUseId\":\"tooluse_1\"}");
	TOLD(&p, "C(tooluse_1,Read)A({\"p\":)");
	tool(&p, "{\"input\":\"1}\",\"name\":\"Read\",\"toolUseId\":\"tooluse_1\",\"stop\":false}");
	tool(&p, "{\"name\":\"Read\",\"stop\":true,\"toolUseId\":\"tooluse_1\"}");
	tool(&p, "{\"name\":\"Read\",\"stop\":true,\"toolUseId\":\"tooluse_1\"}");
	TOLD(&p, "C(tooluse_1,Read)A({\"p\":)A(1})E");
	trailer(&p, "END_TURN"); /* a completed call wins */
	TOLD(&p, "C(tooluse_1,Read)A({\"p\":)A(1})E!(tool_use)");
	play_end(&p);
}

static void up_event_takes_every_form_of_arguments(void)
{
	static const struct form {
		const char *json, *told;
	} forms[] = {
		{ "{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":true}", "C(i,n)A({})E" },
		{ "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"\",\"stop\":true}",
		  "C(i,n)A({})E" },
		{ "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":null,\"stop\":true}",
		  "C(i,n)A({})E" },
		{ "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":{},\"stop\":true}",
		  "C(i,n)A({})E" },
		{ "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":{\"a\":[1,\"x\"]},\"stop\":true}",
		  "C(i,n)A({\"a\":[1,\"x\"]})E" },
		{ "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"{\\\"a\\\":1}\",\"stop\":true}",
		  "C(i,n)A({\"a\":1})E" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct play p;

		play_begin(&p);
		tool(&p, forms[i].json);
		TOLD(&p, forms[i].told);
		CU_ASSERT_EQUAL(p.rc, 0);
		play_end(&p);
	}
}

static void up_event_takes_pieces_behind_an_empty_object(void)
{
	struct play p;

	play_begin(&p);
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":{}}");
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"{\\\"a\\\":1}\"}");
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":true}");
	TOLD(&p, "C(i,n)A({\"a\":1})E");
	play_end(&p);
}

static void up_event_refuses_broken_calls(void)
{
	static const char *const frames[] = {
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"{\\\"a\\\":\",\"stop\":true}",
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"[1]\",\"stop\":true}",
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"{}{}\",\"stop\":true}",
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\" \",\"stop\":true}",
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"{\\\"a\\\":\\\"\\\\ud800\\\"}\","
		"\"stop\":true}",
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":7}",
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":[]}",
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":\"false\"}",
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":1}",
		"{\"toolUseId\":7,\"name\":\"n\"}",
		"{\"toolUseId\":\"i\",\"name\":{}}",
		"{\"toolUseId\":\"i\",\"stop\":true}",
		"{\"input\":\"{}\"}",
		"{}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		struct play p;

		play_begin(&p);
		tool(&p, frames[i]);
		CU_ASSERT_EQUAL(p.rc, -1);
		CU_ASSERT_EQUAL(p.error.kind, ERR_UP_DAMAGED);
		CU_ASSERT_PTR_NULL(strchr(p.told.at, 'E'));
		play_end(&p);
	}
}

static void up_event_refuses_arguments_behind_the_end(void)
{
	struct play p;

	play_begin(&p);
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":true}");
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"{}\"}");
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_DAMAGED);
	play_end(&p);

	play_begin(&p);
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\"}");
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"m\"}");
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_DAMAGED);
	play_end(&p);
}

static void up_event_orders_interleaved_calls(void)
{
	struct play p;

	play_begin(&p);
	text(&p, "{\"content\":\"before\"}");
	tool(&p, "{\"toolUseId\":\"a\",\"name\":\"A\",\"input\":\"{\\\"x\"}");
	tool(&p, "{\"toolUseId\":\"b\",\"name\":\"B\",\"input\":\"{\\\"y\"}");
	text(&p, "{\"content\":\"mid\"}");
	tool(&p, "{\"toolUseId\":\"b\",\"name\":\"B\",\"input\":\"\\\":2}\",\"stop\":true}");
	text(&p, "{\"content\":\"dle\"}");
	TOLD(&p, "T(before)C(a,A)A({\"x)");
	tool(&p, "{\"toolUseId\":\"a\",\"name\":\"A\",\"input\":\"\\\":1}\"}");
	tool(&p, "{\"toolUseId\":\"a\",\"stop\":true}");
	text(&p, "{\"content\":\"after\"}");
	trailer(&p, "TOOL_USE");
	TOLD(&p, "T(before)C(a,A)A({\"x)A(\":1})ET(middle)C(b,B)A({\"y\":2})ET(after)!(tool_use)");
	play_end(&p);
}

static void up_event_keys_a_call_late(void)
{
	struct play p;

	play_begin(&p);
	tool(&p, "{\"name\":\"Read\"}");
	TOLD(&p, "");
	tool(&p, "{\"name\":\"Read\",\"toolUseId\":\"i\",\"input\":\"{}\"}");
	tool(&p, "{\"name\":\"Read\",\"toolUseId\":\"i\",\"stop\":true}");
	TOLD(&p, "C(i,Read)A({})E");
	tool(&p, "{\"toolUseId\":\"j\",\"input\":\"{\"}"); /* the name comes late */
	TOLD(&p, "C(i,Read)A({})E");
	tool(&p, "{\"toolUseId\":\"j\",\"name\":\"Grep\",\"input\":\"}\",\"stop\":true}");
	trailer(&p, "TOOL_USE");
	TOLD(&p, "C(i,Read)A({})EC(j,Grep)A({})E!(tool_use)");
	play_end(&p);
}

/* 65 characters: one too many. */
#define LONG_ID "12345678901234567890123456789012345678901234567890123456789012345"

/* The id of the only call told. */
static void told_id(const struct play *p, char out[static 128])
{
	out[0] = '\0';
	sscanf(p->told.at, "C(%127[^,]", out);
}

static void up_event_makes_an_id_only_where_upstream_gave_no_fit_one(void)
{
	static const char *const ids[] = { "a b", "\xc3\xa9", LONG_ID, "" };
	char json[256], id[128];
	struct play p;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		play_begin(&p);
		snprintf(json, sizeof(json), "{\"toolUseId\":\"%s\",\"name\":\"n\",\"stop\":true}",
			 ids[i]);
		tool(&p, json);
		told_id(&p, id);
		CU_ASSERT_EQUAL(p.rc, 0);
		CU_ASSERT_EQUAL(strncmp(id, "toolu_", 6), 0);
		CU_ASSERT_EQUAL(strlen(id), 30);
		play_end(&p);
	}
	play_begin(&p); /* 64 characters fit */
	snprintf(json, sizeof(json), "{\"toolUseId\":\"%.64s\",\"name\":\"n\"}", ids[2]);
	tool(&p, json);
	told_id(&p, id);
	CU_ASSERT_EQUAL(strncmp(id, ids[2], 64), 0);
	CU_ASSERT_EQUAL(strlen(id), 64);
	play_end(&p);
}

static void up_event_gives_the_client_its_own_tool_name(void)
{
	static const char client[] = "mcp__server.with.dots__tool";
	char json[256], told[256];
	struct play p;

	play_begin(&p);
	snprintf(json, sizeof(json), "{\"toolUseId\":\"i\",\"name\":\"%s\"}",
		 tool_names_add(&p.names, client));
	CU_ASSERT_PTR_NULL(strstr(json, client));
	tool(&p, json);
	snprintf(told, sizeof(told), "C(i,%s)", client);
	TOLD(&p, told);
	play_end(&p);
}

static void up_event_limits_calls_and_arguments(void)
{
	char json[128];
	struct buf big;
	struct play p;

	play_begin(&p);
	for (int i = 0; i < LIMIT_OPEN_TOOLS; i++) {
		snprintf(json, sizeof(json), "{\"toolUseId\":\"i%d\",\"name\":\"n\"}", i);
		tool(&p, json);
	}
	CU_ASSERT_EQUAL(p.rc, 0);
	tool(&p, "{\"toolUseId\":\"one more\",\"name\":\"n\"}");
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_DAMAGED);
	play_end(&p);

	play_begin(&p);
	buf_init(&big, MB(2));
	buf_add_text(&big, "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"");
	while (big.len < MB(1))
		buf_add_char(&big, 'x');
	buf_add_text(&big, "\"}");
	for (int i = 0; i < 8; i++)
		tool(&p, big.at);
	CU_ASSERT_EQUAL(p.rc, 0);
	tool(&p, big.at);
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_DAMAGED);
	buf_release(&big);
	play_end(&p);
}

static void up_event_refuses_unreadable_events(void)
{
	static const char *const payloads[] = {
		"",
		"{",
		"{\"content\":\"a\"} x",
		"[]",
		"\"a\"",
		"{\"content\":7}",
		"{\"content\":\"\\ud83d\"}",
		"{\"content\":\"\xff\"}",
		"{\"content\":\"\\u0000\"}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
		struct play p;

		play_begin(&p);
		text(&p, payloads[i]);
		CU_ASSERT_EQUAL(p.rc, -1);
		CU_ASSERT_EQUAL(p.error.kind, ERR_UP_DAMAGED);
		TOLD(&p, "");
		play_end(&p);
	}
}

static void up_event_classifies_exceptions(void)
{
	static const struct exception {
		const char *kind, *type, *payload;
		enum error_kind expected;
	} exceptions[] = {
		{ "exception", "throttlingError", "{\"message\":\"slow\"}", ERR_UP_RATE },
		{ "exception", "error", "{\"message\":\"m\",\"reason\":null}", ERR_UP_OVERLOAD },
		{ "exception", "error", "{\"message\":\"m\",\"__type\":\"ThrottlingException\"}",
		  ERR_UP_RATE },
		{ "exception", "validationError", "{\"message\":\"Input is too long.\"}",
		  ERR_CONTEXT },
		{ "exception", "serviceUnavailableError", "{}", ERR_UP_OVERLOAD },
		{ "exception", "InternalServerException", "", ERR_UP_OVERLOAD },
		{ "exception", "ContentLengthExceededException", "{}", ERR_CONTEXT },
		{ "exception", "BrandNewException", "{}", ERR_UP_OVERLOAD },
		{ "event", "error", "{\"message\":\"m\"}", ERR_UP_OVERLOAD },
		{ "event", "throttlingError", "{\"message\":\"m\"}", ERR_UP_RATE },
		{ "event", "validationError", "{\"message\":\"m\"}", ERR_UP_INVALID },
		{ "event", "serviceUnavailableError", "{\"message\":\"m\"}", ERR_UP_OVERLOAD },
		{ "event", "ThrottlingException",
		  "{\"message\":\"m\",\"reason\":\"MONTHLY_REQUEST_COUNT\"}", ERR_UP_QUOTA },
		{ "event", "ServiceQuotaExceededException", "{}", ERR_UP_QUOTA },
		{ "event", "AccessDeniedException", "{}", ERR_UP_DENIED },
		{ "event", "invalidStateEvent",
		  "{\"reason\":\"INVALID_TASK_ASSIST_PLAN\",\"message\":\"m\"}", ERR_UP_INVALID },
		{ "odd", "assistantResponseEvent", "{\"content\":\"a\"}", ERR_UP_DAMAGED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(exceptions); i++) {
		const struct exception *x = &exceptions[i];
		struct play p;

		play_begin(&p);
		text(&p, "{\"content\":\"begun\"}");
		message(&p, x->kind, x->type, x->payload);
		CU_ASSERT_EQUAL(p.rc, -1);
		CU_ASSERT_EQUAL(p.error.kind, x->expected);
		TOLD(&p, "T(begun)");
		play_end(&p);
	}
}

static void up_event_reads_an_error_frame(void)
{
	const struct frame frame = { .message_type = span_of("error"),
				     .event_type = span_of("InternalError"),
				     .error_message = span_of("bo\"om"),
				     .headers = span_of("x"),
				     .payload = span_of("") };
	struct play p;

	play_begin(&p);
	CU_ASSERT_EQUAL(up_event_frame(&p.up, &frame, &p.error), -1);
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_OVERLOAD);
	CU_ASSERT_STRING_EQUAL(p.error.message, "bo\"om");
	play_end(&p);
}

static void up_event_maps_every_stop_reason(void)
{
	static const struct expected {
		const char *name, *text, *tool;
	} expected[] = {
		{ "END_TURN", "T(a)!(end_turn)", "C(i,n)A({})E!(tool_use)" },
		{ "end_turn", "T(a)!(end_turn)", "C(i,n)A({})E!(tool_use)" },
		{ "TOOL_USE", "T(a)!(end_turn)", "C(i,n)A({})E!(tool_use)" },
		{ "MAX_TOKENS", "T(a)!(max_tokens)", "C(i,n)A({})E!(max_tokens)" },
		{ "CONTENT_FILTERED", "T(a)!(refusal)", "C(i,n)A({})E!(tool_use)" },
		{ "MODEL_CONTEXT_WINDOW_EXCEEDED", "T(a)!(context)", "C(i,n)A({})E!(tool_use)" },
		{ "PAUSE_TURN", "T(a)!(pause)", "C(i,n)A({})E!(tool_use)" },
		{ "UNKNOWN", "T(a)!(end_turn)", "C(i,n)A({})E!(tool_use)" },
		{ "BRAND_NEW", "T(a)!(end_turn)", "C(i,n)A({})E!(tool_use)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct play p;

		play_begin(&p);
		text(&p, "{\"content\":\"a\"}");
		trailer(&p, expected[i].name);
		TOLD(&p, expected[i].text);
		play_end(&p);
		play_begin(&p);
		tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":true}");
		trailer(&p, expected[i].name);
		TOLD(&p, expected[i].tool);
		play_end(&p);
	}
}

static void up_event_tells_a_refusal_with_its_explanation(void)
{
	struct play p;

	play_begin(&p);
	event(&p, "metadataEvent",
	      "{\"stopReason\":\"END_TURN\",\"stopDetails\":{\"refusal\":{\"category\":\"x\","
	      "\"explanation\":\"because\"}}}");
	finish(&p);
	TOLD(&p, "!(refusal)because");
	CU_ASSERT_EQUAL(p.rc, 0);
	play_end(&p);
}

static void up_event_calls_an_answer_without_marker_truncated(void)
{
	struct play p;

	play_begin(&p); /* nothing at all */
	finish(&p);
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_TRUNCATED);
	play_end(&p);

	play_begin(&p); /* text only */
	text(&p, "{\"content\":\"a\"}");
	finish(&p);
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_TRUNCATED);
	TOLD(&p, "T(a)");
	play_end(&p);

	play_begin(&p); /* a marker that is not the last word */
	event(&p, "contextUsageEvent", "{\"contextUsagePercentage\":1}");
	text(&p, "{\"content\":\"a\"}");
	finish(&p);
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_TRUNCATED);
	play_end(&p);

	play_begin(&p);
	event(&p, "metadataEvent", "{}");
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":true}");
	finish(&p);
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_TRUNCATED);
	play_end(&p);

	play_begin(&p); /* a repeated stop says nothing new */
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":true}");
	event(&p, "metadataEvent", "{}");
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":true}");
	finish(&p);
	CU_ASSERT_EQUAL(p.rc, 0);
	play_end(&p);

	play_begin(&p); /* inside a call, whatever upstream says */
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"{\"}");
	trailer(&p, "MAX_TOKENS");
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_TRUNCATED);
	TOLD(&p, "C(i,n)A({)");
	play_end(&p);
}

static void up_event_takes_each_of_three_markers(void)
{
	static const char *const markers[][2] = {
		{ "metadataEvent", "{}" },
		{ "contextUsageEvent", "{\"contextUsagePercentage\":12.5}" },
		{ "meteringEvent", "{\"usage\":0.02,\"unit\":\"credit\"}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(markers); i++) {
		struct play p;

		play_begin(&p);
		text(&p, "{\"content\":\"a\"}");
		event(&p, markers[i][0], markers[i][1]);
		finish(&p);
		TOLD(&p, "T(a)!(end_turn)");
		play_end(&p);
	}
}

static void up_event_calls_an_answer_without_content_empty(void)
{
	static const struct expected {
		const char *stop;
		enum error_kind kind;
	} expected[] = {
		{ "END_TURN", ERR_UP_EMPTY },	  { "TOOL_USE", ERR_UP_EMPTY },
		{ "PAUSE_TURN", ERR_UP_EMPTY },	  { "MAX_TOKENS", ERR_NONE },
		{ "CONTENT_FILTERED", ERR_NONE }, { "MODEL_CONTEXT_WINDOW_EXCEEDED", ERR_NONE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct play p;

		play_begin(&p);
		event(&p, "reasoningContentEvent", "{\"text\":\"only thought\"}");
		trailer(&p, expected[i].stop);
		CU_ASSERT_EQUAL(p.error.kind, expected[i].kind);
		CU_ASSERT_EQUAL(strstr(p.told.at, "!(") != NULL, expected[i].kind == ERR_NONE);
		play_end(&p);
	}
}

static void up_event_prefers_measured_usage(void)
{
	struct play p;

	play_begin(&p);
	text(&p, "{\"content\":\"a\"}");
	event(&p, "metadataEvent",
	      "{\"tokenUsage\":{\"uncachedInputTokens\":10,\"outputTokens\":20,\"totalTokens\":130,"
	      "\"cacheReadInputTokens\":60,\"cacheWriteInputTokens\":40}}");
	event(&p, "contextUsageEvent", "{\"contextUsagePercentage\":50}");
	event(&p, "meteringEvent", "{\"usage\":0.25,\"unit\":\"credit\"}");
	finish(&p);
	CU_ASSERT(p.usage.measured);
	CU_ASSERT_EQUAL(p.usage.input, 10);
	CU_ASSERT_EQUAL(p.usage.output, 20);
	CU_ASSERT_EQUAL(p.usage.cache_read, 60);
	CU_ASSERT_EQUAL(p.usage.cache_write, 40);
	CU_ASSERT_EQUAL(p.usage.credits, 0.25);
	play_end(&p);
}

static void up_event_derives_usage_from_the_percentage(void)
{
	struct play p;

	play_begin(&p);
	text(&p, "{\"content\":\"a\"}");
	event(&p, "contextUsageEvent", "{\"contextUsagePercentage\":12.5}");
	finish(&p);
	CU_ASSERT(!p.usage.measured);
	CU_ASSERT(p.usage.output >= 1);
	CU_ASSERT_EQUAL(p.usage.input + p.usage.output, 25000); /* of a window of 200,000 */
	play_end(&p);
}

static void up_event_never_goes_below_what_was_told_at_the_start(void)
{
	struct play p;

	play_begin(&p);
	text(&p, "{\"content\":\"a\"}");
	event(&p, "contextUsageEvent", "{\"contextUsagePercentage\":0.1}");
	finish(&p);
	CU_ASSERT_EQUAL(p.usage.input, 500); /* not 200 - 1 */
	play_end(&p);
}

static void up_event_estimates_usage_where_nothing_is_told(void)
{
	static const char *const metadata[] = {
		"{}",
		"{\"tokenUsage\":{\"uncachedInputTokens\":0,\"outputTokens\":0,\"totalTokens\":0}}",
		"{\"tokenUsage\":{\"totalTokens\":7}}",
		"{\"tokenUsage\":{\"uncachedInputTokens\":-5,\"outputTokens\":1}}",
		"{\"tokenUsage\":\"none\"}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(metadata); i++) {
		struct play p;

		play_begin(&p);
		text(&p, "{\"content\":\"a\"}");
		event(&p, "metadataEvent", metadata[i]);
		event(&p, "contextUsageEvent", "{\"contextUsagePercentage\":0}");
		finish(&p);
		CU_ASSERT(!p.usage.measured);
		CU_ASSERT_EQUAL(p.usage.input, 1000);
		CU_ASSERT_EQUAL(p.usage.output, 1);
		play_end(&p);
	}
}

static void up_event_never_tells_absurd_usage(void)
{
	static const struct {
		const char *metered;
		double credits;
	} rows[] = {
		{ "{\"usage\":-1}", 0 },	{ "{\"usage\":1000000}", LIMIT_CREDITS },
		{ "{\"usage\":1000000.5}", 0 }, { "{\"usage\":1e300}", 0 },
		{ "{\"usage\":\"1\"}", 0 },
	};
	struct play p;

	play_begin(&p);
	text(&p, "{\"content\":\"a\"}");
	event(&p, "metadataEvent",
	      "{\"tokenUsage\":{\"uncachedInputTokens\":1e300,\"outputTokens\":0,\"totalTokens\":1,"
	      "\"cacheReadInputTokens\":-7}}");
	event(&p, "meteringEvent", "{\"usage\":-1}");
	finish(&p);
	CU_ASSERT(p.usage.input > 0);
	CU_ASSERT_EQUAL(p.usage.output, 1);
	CU_ASSERT_EQUAL(p.usage.cache_read, 0);
	CU_ASSERT_EQUAL(p.usage.credits, 0);
	play_end(&p);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		play_begin(&p);
		text(&p, "{\"content\":\"a\"}");
		event(&p, "meteringEvent", rows[i].metered);
		finish(&p);
		CU_ASSERT_EQUAL(p.usage.credits, rows[i].credits);
		play_end(&p);
	}
}

static void up_event_stops_when_the_handler_does(void)
{
	struct play p;

	play_begin(&p);
	p.refuse = 7;
	text(&p, "{\"content\":\"a\"}");
	CU_ASSERT_EQUAL(p.rc, 7);
	play_end(&p);
}

CU_TestInfo up_event_tests[] = {
	{ "passes text", up_event_passes_text },
	{ "skips what no client can use", up_event_skips_what_no_client_can_use },
	{ "passes reasoning before text", up_event_passes_reasoning_before_text },
	{ "passes a signature without text", up_event_passes_a_signature_without_text },
	{ "streams a tool call", up_event_streams_a_tool_call },
	{ "takes every form of arguments", up_event_takes_every_form_of_arguments },
	{ "takes pieces behind an empty object", up_event_takes_pieces_behind_an_empty_object },
	{ "refuses broken calls", up_event_refuses_broken_calls },
	{ "refuses arguments behind the end", up_event_refuses_arguments_behind_the_end },
	{ "orders interleaved calls", up_event_orders_interleaved_calls },
	{ "keys a call late", up_event_keys_a_call_late },
	{ "makes an id only where upstream gave no fit one",
	  up_event_makes_an_id_only_where_upstream_gave_no_fit_one },
	{ "gives the client its own tool name", up_event_gives_the_client_its_own_tool_name },
	{ "limits calls and arguments", up_event_limits_calls_and_arguments },
	{ "refuses unreadable events", up_event_refuses_unreadable_events },
	{ "classifies exceptions", up_event_classifies_exceptions },
	{ "reads an error frame", up_event_reads_an_error_frame },
	{ "maps every stop reason", up_event_maps_every_stop_reason },
	{ "tells a refusal with its explanation", up_event_tells_a_refusal_with_its_explanation },
	{ "calls an answer without marker truncated",
	  up_event_calls_an_answer_without_marker_truncated },
	{ "takes each of three markers", up_event_takes_each_of_three_markers },
	{ "calls an answer without content empty", up_event_calls_an_answer_without_content_empty },
	{ "prefers measured usage", up_event_prefers_measured_usage },
	{ "derives usage from the percentage", up_event_derives_usage_from_the_percentage },
	{ "never goes below what was told at the start",
	  up_event_never_goes_below_what_was_told_at_the_start },
	{ "estimates usage where nothing is told", up_event_estimates_usage_where_nothing_is_told },
	{ "never tells absurd usage", up_event_never_tells_absurd_usage },
	{ "stops when the handler does", up_event_stops_when_the_handler_does },
	CU_TEST_INFO_NULL,
};
