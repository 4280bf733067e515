/*
 * Every frame of an answer is JSON of one member of the service's event union, named by the header
 * ":event-type"; up_events[] lists all that are known. A good answer ends with metadataEvent,
 * contextUsageEvent and meteringEvent: one of them behind the last content is the final marker.
 *
 * A tool call: {"toolUseId","name"} first, then frames with a piece of the arguments in "input",
 * then "stop": true, alone or with the last piece. Seen as well: a first frame without id, the
 * arguments as one complete object, calls that interleave, "stop": false, a repeated stop.
 */
#include "common/base.h"
#include "fcgi/up_event.h"

#include "common/flat.h"
#include "common/ids.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/up_error.h"
#include "common/utf8.h"
#include "fcgi/tokens.h"

#define TOOL_ID_SIZE  65
#define REFUSAL_CHARS 1024

struct up_tool {
	char *key;	  /* upstream's id, NULL: not told yet */
	char *name;	  /* upstream's name, NULL: not told yet */
	struct buf input; /* arguments so far; released at the end */
	size_t sent;	  /* bytes of input that were handed out */
	bool started, stopped;
};

void up_event_init(struct up_event *u, const struct up_event_options *options)
{
	*u = (struct up_event){ .options = *options, .context_percent = -1 };
	buf_init(&u->held, LIMIT_ANSWER);
	buf_init(&u->texts, LIMIT_FRAME);
	buf_init(&u->refusal, 4 * REFUSAL_CHARS);
}

void up_event_release(struct up_event *u)
{
	for (size_t i = 0; i < u->tool_count; i++) {
		free(u->tools[i].key);
		free(u->tools[i].name);
		buf_release(&u->tools[i].input);
	}
	free(u->tools);
	buf_release(&u->held);
	buf_release(&u->texts);
	buf_release(&u->refusal);
}

static int damaged(struct error *e, const char *what)
{
	return error_set(e, ERR_UP_DAMAGED, "damaged answer of the upstream: %s", what);
}

/* Members of an event: 0, and *out is left alone where absent; a wrong type is damage. */
static int read_text(const cJSON *body, const char *key, const char **out, struct error *e)
{
	struct error why = { .kind = ERR_NONE };

	return json_text(body, key, NULL, out, &why) < 0 ? damaged(e, why.message) : 0;
}

static int read_bool(const cJSON *body, const char *key, bool *out, struct error *e)
{
	struct error why = { .kind = ERR_NONE };

	return json_bool(body, key, NULL, out, &why) < 0 ? damaged(e, why.message) : 0;
}

/* Tokens or -1. */
static int64_t read_tokens(const cJSON *body, const char *key)
{
	double value = json_number_or(body, key, -1);

	if (!(value >= 0))
		return -1;
	return value < 1e15 ? (int64_t)value : (int64_t)1e15;
}

/* Books output of the model, handed out now or later. */
static int count_output(struct up_event *u, struct span text, struct error *e)
{
	u->output_bytes += text.len;
	if (u->output_bytes > LIMIT_ANSWER)
		return damaged(e, "it is larger than an answer can be");
	token_count_add(&u->output, text, 0);
	return 0;
}

static int hand_out(struct up_event *u, const struct event *event, struct error *e)
{
	return u->options.handler(u->options.context, event, e);
}

static int hand_out_text(struct up_event *u, enum event_kind kind, struct span text,
			 struct error *e)
{
	const struct event event = { .kind = kind, .text = text };

	return text.len ? hand_out(u, &event, e) : 0;
}

/* ---- tool calls ---- */

/* The call whose turn it is, NULL: none is open. */
static struct up_tool *tool_head(const struct up_event *u)
{
	return u->tools_ended < u->tool_count ? &u->tools[u->tools_ended] : NULL;
}

static struct up_tool *tool_add(struct up_event *u)
{
	struct up_tool *tool;

	if (u->tool_count == LIMIT_OPEN_TOOLS)
		return NULL;
	u->tools = xrealloc(u->tools, (u->tool_count + 1) * sizeof(*u->tools));
	tool = &u->tools[u->tool_count++];
	*tool = (struct up_tool){ .key = NULL };
	buf_init(&tool->input, LIMIT_TOOL_INPUT);
	return tool;
}

/* The open call that has no id yet and that an event with this name (or "") can belong to. */
static struct up_tool *tool_without_key(const struct up_event *u, const char *name)
{
	for (size_t i = u->tools_ended; i < u->tool_count; i++) {
		struct up_tool *tool = &u->tools[i];

		if (tool->key || tool->stopped)
			continue;
		if (!*name || !tool->name || strcmp(name, tool->name) == 0)
			return tool;
	}
	return NULL;
}

/* The call that an event belongs to, a new one if need be. NULL: *e says why there is none. */
static struct up_tool *tool_find(struct up_event *u, const char *key, const char *name,
				 struct error *e)
{
	struct up_tool *tool;

	for (size_t i = 0; *key && i < u->tool_count; i++) {
		if (u->tools[i].key && strcmp(u->tools[i].key, key) == 0)
			return &u->tools[i];
	}
	tool = tool_without_key(u, name);
	if (!tool && !*key && !*name) {
		damaged(e, "a tool call without id and name");
		return NULL;
	}
	if (!tool)
		tool = tool_add(u);
	if (!tool)
		damaged(e, "too many tool calls");
	else if (*key)
		tool->key = xstrdup(key);
	return tool;
}

/* Upstream's own id where clients take it (it comes back with the result and must fit the history
 * then), else a new one. */
static void tool_client_id(const struct up_tool *tool, char out[static TOOL_ID_SIZE])
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_-";
	size_t len = tool->key ? strlen(tool->key) : 0;

	if (len && len < TOOL_ID_SIZE && strspn(tool->key, allowed) == len)
		memcpy(out, tool->key, len + 1);
	else
		ids_make(out, TOOL_ID_SIZE, "toolu_", 24);
}

static int tool_start(struct up_event *u, struct up_tool *tool, struct error *e)
{
	char id[TOOL_ID_SIZE];
	const struct event event = { .kind = EVENT_TOOL_START,
				     .id = id,
				     .name = tool_names_client(u->options.names, tool->name) };

	tool_client_id(tool, id);
	tool->started = true;
	u->any_content = u->any_visible = true;
	return hand_out(u, &event, e);
}

/* The arguments are whole: one JSON object, or nothing, which stands for an empty one. */
static int tool_end(struct up_event *u, struct up_tool *tool, struct error *e)
{
	const struct event event = { .kind = EVENT_TOOL_END };
	int rc = 0;

	if (!tool->input.len)
		rc = hand_out_text(u, EVENT_TOOL_INPUT, span_of("{}"), e);
	else if (!json_is_object(buf_span(&tool->input)))
		rc = damaged(e, "the arguments of a tool call are no JSON object");
	buf_release(&tool->input);
	return rc ? rc : hand_out(u, &event, e);
}

/* Hands out all that can go now: the first open call piece by piece; when it has ended, the text
 * that came in the meantime, then the next call. */
static int tools_advance(struct up_event *u, struct error *e)
{
	struct up_tool *tool;
	int rc = 0;

	while (!rc && (tool = tool_head(u)) != NULL) {
		if (!tool->name && tool->stopped)
			return damaged(e, "a tool call without name");
		if (!tool->name || (!tool->key && !tool->stopped))
			return 0;
		if (!tool->started)
			rc = tool_start(u, tool, e);
		if (!rc)
			rc = hand_out_text(u, EVENT_TOOL_INPUT,
					   (struct span){ tool->input.at + tool->sent,
							  tool->input.len - tool->sent },
					   e);
		tool->sent = tool->input.len;
		if (rc || !tool->stopped)
			return rc;
		rc = tool_end(u, tool, e);
		u->tools_ended++;
		if (!rc)
			rc = hand_out_text(u, EVENT_TEXT, buf_span(&u->held), e);
		buf_reset(&u->held);
	}
	return rc;
}

/* What one event tells of a call. */
struct tool_news {
	const char *key, *name; /* "" where absent */
	struct span input;	/* a piece of the arguments */
	const cJSON *whole;	/* or all of them, an object; NULL */
	bool stop;
};

static int tool_add_input(struct up_event *u, struct up_tool *tool, const struct tool_news *news,
			  struct error *e)
{
	size_t before = tool->input.len;
	struct jsonw w;

	jsonw_init(&w, &tool->input);
	buf_add(&tool->input, news->input.at, news->input.len);
	if (news->whole && news->whole->child) /* {} may come before pieces */
		jsonw_tree(&w, news->whole);
	if (tool->input.failed)
		return damaged(e, "the arguments of a tool call are too large");
	if (tool->stopped && tool->input.len > before)
		return damaged(e, "arguments behind the end of a tool call");
	return count_output(u, (struct span){ tool->input.at + before, tool->input.len - before },
			    e);
}

static int take_tool_news(struct up_event *u, const struct tool_news *news, struct error *e)
{
	struct up_tool *tool = tool_find(u, news->key, news->name, e);

	if (!tool)
		return -1;
	if (*news->name && !tool->name)
		tool->name = xstrdup(news->name);
	else if (*news->name && strcmp(news->name, tool->name) != 0)
		return damaged(e, "a tool call changed its name");
	if (tool_add_input(u, tool, news, e))
		return -1;
	u->trailer &= tool->stopped; /* a repeated stop changes nothing */
	tool->stopped |= news->stop;
	return tools_advance(u, e);
}

static int on_tool(struct up_event *u, const cJSON *body, struct error *e)
{
	const cJSON *input = json_member(body, "input");
	struct tool_news news = { .key = "", .name = "", .input = { "", 0 } };

	if (read_text(body, "toolUseId", &news.key, e) || read_text(body, "name", &news.name, e) ||
	    read_bool(body, "stop", &news.stop, e))
		return -1;
	if (cJSON_IsString(input))
		news.input = span_of(input->valuestring);
	else if (cJSON_IsObject(input))
		news.whole = input;
	else if (input)
		return damaged(e, "the arguments of a tool call are no text");
	return take_tool_news(u, &news, e);
}

/* Anything but texts in it, as "stop": true, comes by way of on_tool(). */
static int take_tool(struct up_event *u, const struct flat_member *told, struct error *e)
{
	const struct tool_news news = { .key = told[0].text.at ? told[0].text.at : "",
					.name = told[1].text.at ? told[1].text.at : "",
					.input = told[2].text };

	if (told[3].text.at)
		return damaged(e, "stop: Input should be a valid boolean");
	return take_tool_news(u, &news, e);
}

/* ---- text, reasoning, and what stands at the end ---- */

static int take_text(struct up_event *u, const struct flat_member *told, struct error *e)
{
	const struct up_tool *head = tool_head(u);
	const struct span text = told[0].text;

	if (!text.len)
		return 0;
	u->any_content = u->any_visible = true;
	u->trailer = false;
	if (count_output(u, text, e))
		return -1;
	if (head && head->started) {
		buf_add(&u->held, text.at, text.len); /* fits: count_output() has the same limit */
		return 0;
	}
	return hand_out_text(u, EVENT_TEXT, text, e);
}

static int on_text(struct up_event *u, const cJSON *body, struct error *e)
{
	struct flat_member told = { "content", { "", 0 } };
	const char *content = "";

	if (read_text(body, "content", &content, e))
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
	if (count_output(u, text, e))
		return -1;
	u->any_content = true;
	rc = hand_out_text(u, EVENT_THINKING, text, e);
	return rc ? rc : hand_out_text(u, EVENT_SIGNATURE, signature, e);
}

static int on_reasoning(struct up_event *u, const cJSON *body, struct error *e)
{
	const char *text = "", *signature = "";
	struct flat_member told[2] = { { .key = NULL } };

	if (read_text(body, "text", &text, e) || read_text(body, "signature", &signature, e))
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

	if (read_text(body, "stopReason", &stop, e))
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
	{ "toolUseEvent", on_tool, false, take_tool, { "toolUseId", "name", "input", "stop" } },
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
		return damaged(e, "a message of unknown type");
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
	return hand_out(u, &event, e);
}
