/*
 * Every frame of an answer is JSON of one member of the service's event union, named by the header
 * ":event-type"; up_events[] lists all that are known. A good answer ends with metadataEvent,
 * contextUsageEvent and meteringEvent: one of them behind the last content is the final marker.
 */
#include "common/base.h"
#include "fcgi/up_event.h"

#include "common/flat.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/up_error.h"
#include "common/utf8.h"
#include "fcgi/tokens.h"
#include "fcgi/up_event_parts.h"

#define REFUSAL_CHARS 1024

void up_event_init(struct up_event *u, const struct up_event_options *options)
{
	*u = (struct up_event){ .options = *options, .context_percent = -1 };
	buf_init(&u->held, LIMIT_ANSWER);
	buf_init(&u->texts, LIMIT_FRAME);
	buf_init(&u->refusal, 4 * REFUSAL_CHARS);
}

void up_event_release(struct up_event *u)
{
	up_event_release_tools(u);
	buf_release(&u->held);
	buf_release(&u->texts);
	buf_release(&u->refusal);
}

/* Tokens or -1. */
static int64_t read_tokens(const cJSON *body, const char *key)
{
	double value = json_number_or(body, key, -1);

	if (!(value >= 0))
		return -1;
	return value < 1e15 ? (int64_t)value : (int64_t)1e15;
}

/* ---- text, reasoning, and what stands at the end ---- */

static int take_text(struct up_event *u, const struct flat_member *told, struct error *e)
{
	const struct span text = told[0].text;

	if (!text.len)
		return 0;
	u->any_content = u->any_visible = true;
	u->trailer = false;
	if (up_event_count(u, text, e))
		return -1;
	if (up_event_in_tool(u)) {
		buf_add(&u->held, text.at,
			text.len); /* fits: up_event_count() has the same limit */
		return 0;
	}
	return up_event_hand_out_text(u, EVENT_TEXT, text, e);
}

static int on_text(struct up_event *u, const cJSON *body, struct error *e)
{
	struct flat_member told = { "content", { "", 0 } };
	const char *content = "";

	if (up_event_text(body, "content", &content, e))
		return -1;
	told.text = span_of(content);
	return take_text(u, &told, e);
}

static int take_reasoning(struct up_event *u, const struct flat_member *told, struct error *e)
{
	const struct span text = told[0].text, signature = told[1].text;
	int rc;

	if (u->any_visible) {
		log_line(LOG_DEBUG, "dropped late reasoning of the upstream, %zu bytes", text.len);
		return 0;
	}
	if (!text.len && !signature.len)
		return 0;
	if (up_event_count(u, text, e))
		return -1;
	u->any_content = true;
	rc = up_event_hand_out_text(u, EVENT_THINKING, text, e);
	return rc ? rc : up_event_hand_out_text(u, EVENT_SIGNATURE, signature, e);
}

static int on_reasoning(struct up_event *u, const cJSON *body, struct error *e)
{
	const char *text = "", *signature = "";
	struct flat_member told[2] = { { .key = NULL } };

	if (up_event_text(body, "text", &text, e) ||
	    up_event_text(body, "signature", &signature, e))
		return -1;
	told[0].text = span_of(text);
	told[1].text = span_of(signature);
	return take_reasoning(u, told, e);
}

static void keep_token_usage(struct up_event *u, const cJSON *told)
{
	struct answer_usage *usage = &u->usage;
	int64_t input = read_tokens(told, "uncachedInputTokens");
	int64_t output = read_tokens(told, "outputTokens");
	int64_t cache_read = read_tokens(told, "cacheReadInputTokens");
	int64_t cache_write = read_tokens(told, "cacheWriteInputTokens");

	/* No prompt has no tokens: all zero is upstream's way not to tell. */
	if (input < 0 || output < 0 || (input == 0 && cache_read <= 0 && cache_write <= 0))
		return;
	usage->input = input;
	usage->output = output;
	usage->cache_read = cache_read > 0 ? cache_read : 0;
	usage->cache_write = cache_write > 0 ? cache_write : 0;
	usage->measured = true;
}

static enum stop_reason stop_named(const char *name)
{
	static const struct stop_name {
		const char *name;
		enum stop_reason stop;
	} names[] = {
		{ "END_TURN", STOP_END_TURN },
		{ "TOOL_USE", STOP_TOOL_USE },
		{ "MAX_TOKENS", STOP_MAX_TOKENS },
		{ "CONTENT_FILTERED", STOP_REFUSAL },
		{ "MODEL_CONTEXT_WINDOW_EXCEEDED", STOP_CONTEXT },
		{ "PAUSE_TURN", STOP_PAUSE_TURN },
		{ "UNKNOWN", STOP_END_TURN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcasecmp(name, names[i].name) == 0)
			return names[i].stop;
	}
	log_line(LOG_DEBUG, "unknown stop reason of the upstream: %.64s", name);
	return STOP_END_TURN;
}

static int on_metadata(struct up_event *u, const cJSON *body, struct error *e)
{
	const cJSON *refusal = json_member(json_member(body, "stopDetails"), "refusal");
	const char *stop = NULL;

	if (up_event_text(body, "stopReason", &stop, e))
		return -1;
	u->trailer = true;
	keep_token_usage(u, json_member(body, "tokenUsage"));
	if (stop)
		u->stop = stop_named(stop);
	if (refusal) {
		struct span words = span_of(json_text_or(refusal, "explanation", ""));

		u->stop = STOP_REFUSAL;
		buf_reset(&u->refusal);
		buf_add(&u->refusal, words.at, utf8_prefix(words, REFUSAL_CHARS));
	}
	return 0;
}

static int on_metering(struct up_event *u, const cJSON *body, struct error *e)
{
	double credits = json_number_or(body, "usage", 0);

	(void)e;
	u->trailer = true;
	u->usage.credits = credits > 0 && credits <= LIMIT_CREDITS ? credits : 0;
	return 0;
}

static int on_context(struct up_event *u, const cJSON *body, struct error *e)
{
	double percent = json_number_or(body, "contextUsagePercentage", -1);

	(void)e;
	u->trailer = true;
	if (percent > 0 && percent < 1e6)
		u->context_percent = percent;
	return 0;
}

/* ---- frames ---- */

#define TEXTS 4

typedef int payload_handler(struct up_event *u, const cJSON *body, struct error *e);

static const struct up_event_row {
	const char *name;
	payload_handler *handle; /* NULL: nothing that a client API could carry */
	bool failure;		 /* an exception under the name of its union member */

	/* The same where the payload has only texts: these of them. NULL: always handle(). */
	int (*take)(struct up_event *u, const struct flat_member *told, struct error *e);
	const char *texts[TEXTS];
} up_events[] = {
	{ "assistantResponseEvent", on_text, false, take_text, { "content" } },
	{ "codeEvent", on_text, false, take_text, { "content" } },
	{ "reasoningContentEvent", on_reasoning, false, take_reasoning, { "text", "signature" } },
	{ "toolUseEvent",
	  up_event_on_tool,
	  false,
	  up_event_take_tool,
	  { "toolUseId", "name", "input", "stop" } },
	{ "metadataEvent", on_metadata, false, NULL, { NULL } },
	{ "contextUsageEvent", on_context, false, NULL, { NULL } },
	{ "meteringEvent", on_metering, false, NULL, { NULL } },

	{ "error", NULL, true, NULL, { NULL } },
	{ "throttlingError", NULL, true, NULL, { NULL } },
	{ "validationError", NULL, true, NULL, { NULL } },
	{ "serviceUnavailableError", NULL, true, NULL, { NULL } },
	{ "invalidStateEvent", NULL, true, NULL, { NULL } },
	{ "InternalServerException", NULL, true, NULL, { NULL } },
	{ "ThrottlingException", NULL, true, NULL, { NULL } },
	{ "ValidationException", NULL, true, NULL, { NULL } },
	{ "AccessDeniedException", NULL, true, NULL, { NULL } },
	{ "ServiceQuotaExceededException", NULL, true, NULL, { NULL } },
	{ "ServiceUnavailableException", NULL, true, NULL, { NULL } },
	{ "ContentLengthExceededException", NULL, true, NULL, { NULL } },

	{ "initial-response", NULL, false, NULL, { NULL } }, /* reserved by Smithy */
	{ "messageMetadataEvent", NULL, false, NULL, { NULL } },
	{ "toolResultEvent", NULL, false, NULL, { NULL } },
	{ "codeReferenceEvent", NULL, false, NULL, { NULL } },
	{ "documentCitationEvent", NULL, false, NULL, { NULL } },
	{ "citationEvent", NULL, false, NULL, { NULL } },
	{ "supplementaryWebLinksEvent", NULL, false, NULL, { NULL } },
	{ "followupPromptEvent", NULL, false, NULL, { NULL } },
	{ "intentsEvent", NULL, false, NULL, { NULL } },
	{ "interactionComponentsEvent", NULL, false, NULL, { NULL } },
	{ "dryRunSucceedEvent", NULL, false, NULL, { NULL } },
};

static const struct up_event_row *find_row(struct span name)
{
	for (size_t i = 0; i < ARRAY_SIZE(up_events); i++) {
		if (span_is(name, up_events[i].name))
			return &up_events[i];
	}
	return NULL;
}

static int refuse(struct span type, struct span payload, struct error *e)
{
	char name[128];
	const struct up_refusal refusal = { .type = name, .payload = payload };

	snprintf(name, sizeof(name), "%.*s", (int)type.len, type.at);
	return up_error_set(&refusal, e);
}

/* An `error` frame has its words in headers: the same as an exception's payload. */
static int refuse_by_headers(const struct frame *frame, struct error *e)
{
	struct buf payload;
	struct jsonw w;

	buf_init(&payload, KB(512)); /* a header has at most 64 KB, escapes grow it sixfold */
	jsonw_init(&w, &payload);
	jsonw_begin_object(&w);
	jsonw_key(&w, "message");
	jsonw_span(&w, frame->error_message);
	jsonw_end(&w);
	refuse(frame->event_type, buf_span(&payload), e);
	buf_release(&payload);
	return -1;
}

static int read_payload(struct up_event *u, const struct up_event_row *row,
			const struct frame *frame, struct error *e)
{
	struct flat_member told[TEXTS];
	struct error why = { .kind = ERR_NONE };
	size_t count = 0;
	cJSON *body;
	int rc;

	for (; count < TEXTS && row->texts[count]; count++)
		told[count].key = row->texts[count];
	if (row->take && flat_read(&u->texts, frame->payload, told, count))
		return row->take(u, told, e);
	body = json_parse(frame->payload, &why);
	if (!cJSON_IsObject(body))
		rc = error_set(e, ERR_UP_DAMAGED, "damaged %s of the upstream: %s", row->name,
			       body ? "no JSON object" : why.message);
	else
		rc = row->handle(u, body, e);
	cJSON_Delete(body);
	return rc;
}

int up_event_frame(struct up_event *u, const struct frame *frame, struct error *e)
{
	const struct up_event_row *row = find_row(frame->event_type);

	if (!frame->headers.len && !frame->payload.len)
		return 0; /* the smallest frame: legal, empty */
	if (span_is(frame->message_type, "error"))
		return refuse_by_headers(frame, e);
	if (span_is(frame->message_type, "exception") || (row && row->failure))
		return refuse(frame->event_type, frame->payload, e);
	if (!span_is(frame->message_type, "event"))
		return up_event_damaged(e, "a message of unknown type");
	if (row && row->handle)
		return read_payload(u, row, frame, e);
	if (!row)
		log_line(LOG_DEBUG, "skipped unknown event of the upstream: %.*s",
			 (int)frame->event_type.len, frame->event_type.at);
	return 0;
}

/* ---- the end ---- */

struct answer_usage up_event_usage(struct up_event *u)
{
	double total = u->context_percent * (double)u->options.window / 100;
	struct answer_usage usage = u->usage;

	if (!usage.measured) {
		usage.output = tokens_scaled(token_count_value(&u->output),
					     u->options.factor > 0 ? u->options.factor : 1);
		usage.input = u->options.input_estimate;
		if (total >= (double)usage.output + 1) {
			usage.context = (int64_t)(total + 0.5);
			usage.input = usage.context - usage.output;
		}
		/* Of two estimates the one that was told already: a count only grows. */
		if (usage.input < u->options.input_floor)
			usage.input = u->options.input_floor;
	}
	if (usage.output < 1)
		usage.output = 1;
	return usage;
}

/* tool_use stands for a completed call and only for that; a cut answer says so first. */
static enum stop_reason final_stop(const struct up_event *u)
{
	if (u->tools_ended && u->stop != STOP_MAX_TOKENS)
		return STOP_TOOL_USE;
	if (!u->tools_ended && u->stop == STOP_TOOL_USE)
		return STOP_END_TURN;
	return u->stop;
}

/* Stops that explain why there is no content: the same again would come of another try. */
static bool stop_explains_emptiness(enum stop_reason stop)
{
	return stop == STOP_MAX_TOKENS || stop == STOP_CONTEXT || stop == STOP_REFUSAL;
}

int up_event_finish(struct up_event *u, struct error *e)
{
	struct event event = { .kind = EVENT_STOP };

	if (u->tools_ended < u->tool_count)
		return error_set(e, ERR_UP_TRUNCATED,
				 "the upstream's answer ended inside a tool call%s",
				 u->stop == STOP_MAX_TOKENS ? ": no output tokens were left" : "");
	if (!u->trailer)
		return error_set(e, ERR_UP_TRUNCATED,
				 "the upstream's answer ended without its final marker");
	event.stop = final_stop(u);
	if (!u->any_visible && !stop_explains_emptiness(event.stop))
		return error_set(e, ERR_UP_EMPTY, "the upstream's answer has no content");
	event.text = buf_span(&u->refusal);
	event.usage = up_event_usage(u);
	return up_event_hand_out(u, &event, e);
}
