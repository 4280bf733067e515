/* Text, reasoning, and events that are none of an answer. */
#include "common/base.h"
#include "tests/unit/event_tests.h"

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
	{ "refuses unreadable events", up_event_refuses_unreadable_events },
	{ "classifies exceptions", up_event_classifies_exceptions },
	{ "reads an error frame", up_event_reads_an_error_frame },
	{ "stops when the handler does", up_event_stops_when_the_handler_does },
	CU_TEST_INFO_NULL,
};
