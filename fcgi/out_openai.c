/*
 * Chat Completions. A stream is a chunk with the role, chunks with a piece each, a chunk with the
 * finish_reason, the usage where it was asked for, and "[DONE]"; keep-alives are comments. A whole
 * answer is one chat.completion.
 *
 * completion_tokens_details is left out: the upstream does not tell reasoning tokens apart.
 */
#include "common/base.h"
#include "fcgi/out.h"

#include "common/limits.h"
#include "fcgi/sse.h"

static const char *const finish_reasons[STOP_REASONS] = {
	/* clang-format off */
	[STOP_END_TURN] = "stop",
	[STOP_TOOL_USE] = "tool_calls",
	[STOP_MAX_TOKENS] = "length",
	[STOP_SEQUENCE] = "stop",
	[STOP_REFUSAL] = "content_filter",
	[STOP_PAUSE_TURN] = "stop",
	[STOP_CONTEXT] = "length",
	/* clang-format on */
};

/* ---- members that stream and whole answer share ---- */

/* {"id", "object", "created", "model", the object stays open. */
static void write_head(const struct out *o, const char *object, struct jsonw *w)
{
	jsonw_begin_object(w);
	jsonw_text_member(w, "id", o->id);
	jsonw_text_member(w, "object", object);
	jsonw_int_member(w, "created", o->options.created);
	jsonw_text_member(w, "model", o->options.model);
}

static void write_usage(const struct answer_usage *usage, struct jsonw *w)
{
	int64_t prompt = usage->input + usage->cache_read + usage->cache_write;

	jsonw_begin_object_member(w, "usage");
	jsonw_int_member(w, "prompt_tokens", prompt);
	jsonw_int_member(w, "completion_tokens", usage->output);
	jsonw_int_member(w, "total_tokens", prompt + usage->output);
	jsonw_begin_object_member(w, "prompt_tokens_details");
	jsonw_int_member(w, "cached_tokens", usage->cache_read);
	jsonw_end(w);
	jsonw_end(w);
}

/* How a call looks by the kind of its tool. */
static const struct call_form {
	const char *member, *payload;
} call_forms[] = {
	[TOOL_FUNCTION] = { "function", "arguments" },
	[TOOL_CUSTOM] = { "custom", "input" },
	[TOOL_LEGACY] = { "function_call", "arguments" },
};

/* The request's functions are of the legacy kind, all or none. */
static bool is_legacy(const struct out *o)
{
	const struct chat *chat = o->options.chat;

	return chat && chat->tool_count && chat->tools[0].kind == TOOL_LEGACY;
}

static enum tool_kind kind_of(const struct out *o, const char *name)
{
	const struct tool *tool = out_tool(o, name);

	if (is_legacy(o))
		return TOOL_LEGACY;
	return tool && tool->kind == TOOL_CUSTOM ? TOOL_CUSTOM : TOOL_FUNCTION;
}

static const char *finish_reason(const struct out *o, enum stop_reason stop)
{
	return stop == STOP_TOOL_USE && is_legacy(o) ? "function_call" : finish_reasons[stop];
}

/* Around a call's "name" and payload; the legacy form has neither id nor type. */
static void begin_call(const struct out *o, const struct event *start, struct jsonw *w)
{
	const struct call_form *form = &call_forms[o->kind];

	if (o->kind != TOOL_LEGACY) {
		jsonw_text_member(w, "id", start->id);
		jsonw_text_member(w, "type", form->member);
		jsonw_begin_object_member(w, form->member);
	}
	jsonw_text_member(w, "name", start->name);
	jsonw_key(w, form->payload);
}

/* ---- a stream: each step is written at once ---- */

/* One chunk up to and with "delta":{ */
static void begin_delta(const struct out *o, struct buf *wire, struct jsonw *w)
{
	sse_begin(wire, NULL, w);
	write_head(o, "chat.completion.chunk", w);
	jsonw_begin_array_member(w, "choices");
	jsonw_begin_object(w);
	jsonw_int_member(w, "index", 0);
	jsonw_begin_object_member(w, "delta");
}

static void end_delta(const char *finish_reason, struct buf *wire, struct jsonw *w)
{
	jsonw_end(w);
	jsonw_null_member(w, "logprobs");
	jsonw_text_member(w, "finish_reason", finish_reason);
	jsonw_end(w); /* the choice */
	jsonw_end(w); /* choices */
	jsonw_end(w);
	sse_end(wire);
}

static void stream_begin(struct out *o, struct buf *wire)
{
	struct jsonw w;

	begin_delta(o, wire, &w);
	jsonw_text_member(&w, "role", "assistant");
	jsonw_text_member(&w, "content", "");
	end_delta(NULL, wire, &w);
}

static void write_text_delta(struct out *o, const char *member)
{
	struct buf *bytes = &o->delta.bytes;
	struct jsonw w;

	begin_delta(o, bytes, &w);
	jsonw_key(&w, member);
	jsonw_begin_text(&w);
	o->delta.text = bytes->len;
	jsonw_end_text(&w);
	end_delta(NULL, bytes, &w);
}

static void stream_text(struct out *o, const char *member, struct span text, struct buf *wire)
{
	if (!out_delta_is(o, member))
		write_text_delta(o, member);
	out_delta_send(o, 0, text, wire);
}

/* A chunk with a piece of a call, up to the call's own members. */
static void begin_piece(struct out *o, struct buf *wire, struct jsonw *w)
{
	begin_delta(o, wire, w);
	if (o->kind == TOOL_LEGACY) {
		jsonw_begin_object_member(w, "function_call");
		return;
	}
	jsonw_begin_array_member(w, "tool_calls");
	jsonw_begin_object(w);
	jsonw_int_member(w, "index", o->index);
}

static void end_piece(struct out *o, struct buf *wire, struct jsonw *w)
{
	jsonw_end(w); /* function or function_call */
	if (o->kind != TOOL_LEGACY) {
		jsonw_end(w); /* the call */
		jsonw_end(w); /* tool_calls */
	}
	end_delta(NULL, wire, w);
}

static void stream_call(struct out *o, const struct event *start, struct buf *wire)
{
	struct jsonw w;

	o->delta.of = NULL; /* another call, another index */
	begin_piece(o, wire, &w);
	begin_call(o, start, &w);
	jsonw_text(&w, "");
	end_piece(o, wire, &w);
}

static void write_arguments_delta(struct out *o)
{
	const struct call_form *form = &call_forms[o->kind];
	struct buf *bytes = &o->delta.bytes;
	struct jsonw w;

	begin_piece(o, bytes, &w);
	if (o->kind != TOOL_LEGACY)
		jsonw_begin_object_member(&w, form->member);
	jsonw_key(&w, form->payload);
	jsonw_begin_text(&w);
	o->delta.text = bytes->len;
	jsonw_end_text(&w);
	end_piece(o, bytes, &w);
}

static void stream_arguments(struct out *o, struct span text, struct buf *wire)
{
	if (!out_delta_is(o, &call_forms[o->kind]))
		write_arguments_delta(o);
	out_delta_send(o, 0, text, wire);
}

static void stream_call_end(struct out *o)
{
	(void)o;
}

static void stream_stop(struct out *o, const struct event *stop, struct buf *wire)
{
	struct jsonw w;

	if (stop->stop == STOP_REFUSAL && stop->text.len)
		stream_text(o, "refusal", stop->text, wire);
	begin_delta(o, wire, &w);
	end_delta(finish_reason(o, stop->stop), wire, &w);
	if (o->options.include_usage) {
		sse_begin(wire, NULL, &w);
		write_head(o, "chat.completion.chunk", &w);
		jsonw_begin_array_member(&w, "choices");
		jsonw_end(&w);
		write_usage(&stop->usage, &w);
		jsonw_end(&w);
		sse_end(wire);
	}
	buf_add_text(wire, "data: [DONE]\n\n");
}

/* ---- a whole answer: the same steps fill texts and tool_calls[], sent at the stop ---- */

static void whole_begin(struct out *o, struct buf *wire)
{
	(void)wire;
	jsonw_init(&o->w, &o->parts);
	jsonw_begin_array(&o->w);
}

static void whole_text(struct out *o, const char *member, struct span text, struct buf *wire)
{
	(void)wire;
	buf_add(strcmp(member, "content") == 0 ? &o->text : &o->reasoning, text.at, text.len);
}

static void whole_call(struct out *o, const struct event *start, struct buf *wire)
{
	(void)wire;
	jsonw_begin_object(&o->w);
	begin_call(o, start, &o->w);
	jsonw_begin_text(&o->w);
}

static void whole_arguments(struct out *o, struct span text, struct buf *wire)
{
	(void)wire;
	jsonw_add_text(&o->w, text);
}

static void whole_call_end(struct out *o)
{
	jsonw_end_text(&o->w);
	if (o->kind != TOOL_LEGACY)
		jsonw_end(&o->w); /* function */
	jsonw_end(&o->w);
}

static void write_message(struct out *o, const struct event *stop, struct jsonw *w)
{
	jsonw_begin_object_member(w, "message");
	jsonw_text_member(w, "role", "assistant");
	jsonw_key(w, "content");
	if (o->text.len || !o->index)
		jsonw_span(w, buf_span(&o->text));
	else
		jsonw_null(w);
	jsonw_key(w, "refusal");
	if (stop->stop == STOP_REFUSAL && stop->text.len)
		jsonw_span(w, stop->text);
	else
		jsonw_null(w);
	if (o->reasoning.len) {
		jsonw_key(w, "reasoning_content");
		jsonw_span(w, buf_span(&o->reasoning));
	}
	if (o->index && is_legacy(o)) { /* the only item of the array */
		jsonw_key(w, "function_call");
		jsonw_raw(w, (struct span){ o->parts.at + 1, o->parts.len - 2 });
	} else if (o->index) {
		jsonw_key(w, "tool_calls");
		jsonw_raw(w, buf_span(&o->parts));
	}
	jsonw_end(w);
}

static void whole_stop(struct out *o, const struct event *stop, struct buf *wire)
{
	struct jsonw w;

	jsonw_end(&o->w);
	jsonw_init(&w, wire);
	write_head(o, "chat.completion", &w);
	jsonw_begin_array_member(&w, "choices");
	jsonw_begin_object(&w);
	jsonw_int_member(&w, "index", 0);
	write_message(o, stop, &w);
	jsonw_null_member(&w, "logprobs");
	jsonw_text_member(&w, "finish_reason", finish_reason(o, stop->stop));
	jsonw_end(&w);
	jsonw_end(&w);
	write_usage(&stop->usage, &w);
	jsonw_end(&w);
}

/* ---- the one way over both ---- */

struct sink {
	void (*begin)(struct out *o, struct buf *wire);
	void (*text)(struct out *o, const char *member, struct span text, struct buf *wire);
	void (*call)(struct out *o, const struct event *start, struct buf *wire);
	void (*arguments)(struct out *o, struct span text, struct buf *wire);
	void (*call_end)(struct out *o);
	void (*stop)(struct out *o, const struct event *stop, struct buf *wire);
};

static const struct sink stream_sink = {
	.begin = stream_begin,
	.text = stream_text,
	.call = stream_call,
	.arguments = stream_arguments,
	.call_end = stream_call_end,
	.stop = stream_stop,
};

static const struct sink whole_sink = {
	.begin = whole_begin,
	.text = whole_text,
	.call = whole_call,
	.arguments = whole_arguments,
	.call_end = whole_call_end,
	.stop = whole_stop,
};

static const struct sink *sink_of(const struct out *o)
{
	return o->options.stream ? &stream_sink : &whole_sink;
}

static void begin(struct out *o, struct buf *wire)
{
	sink_of(o)->begin(o, wire);
}

static void text(struct out *o, const struct event *piece, struct buf *wire)
{
	assert(o->open != OPEN_TOOL); /* up_event closes calls before it goes on */
	if (piece->text.len)
		sink_of(o)->text(o, piece->kind == EVENT_TEXT ? "content" : "reasoning_content",
				 piece->text, wire);
}

static void call(struct out *o, const struct event *start, struct buf *wire)
{
	o->open = OPEN_TOOL;
	o->kind = kind_of(o, start->name);
	buf_reset(&o->arguments);
	sink_of(o)->call(o, start, wire);
}

/* A custom tool's text can only be told when its JSON is whole. */
static void arguments(struct out *o, const struct event *piece, struct buf *wire)
{
	if (o->kind == TOOL_CUSTOM)
		buf_add(&o->arguments, piece->text.at, piece->text.len);
	else if (piece->text.len)
		sink_of(o)->arguments(o, piece->text, wire);
}

static void call_end(struct out *o, const struct event *end, struct buf *wire)
{
	struct buf input;

	(void)end;
	if (o->kind == TOOL_CUSTOM) {
		buf_init(&input, LIMIT_TOOL_INPUT);
		out_custom_input(o, &input);
		sink_of(o)->arguments(o, buf_span(&input), wire);
		buf_release(&input);
	}
	sink_of(o)->call_end(o);
	o->open = OPEN_NONE;
	o->index++;
}

static void stop(struct out *o, const struct event *event, struct buf *wire)
{
	sink_of(o)->stop(o, event, wire);
}

static void ping(struct out *o, struct buf *wire)
{
	(void)o;
	buf_add_text(wire, ": ping\n\n");
}

static void fail(struct out *o, const struct error *failure, struct buf *wire)
{
	struct jsonw w;

	(void)o;
	sse_begin(wire, NULL, &w);
	out_openai_error(failure, &w);
	sse_end(wire);
}

const struct out_dialect out_openai = {
	.id_prefix = "chatcmpl-",
	.begin = begin,
	.on = { [EVENT_TEXT] = text,
		[EVENT_THINKING] = text,
		[EVENT_TOOL_START] = call,
		[EVENT_TOOL_INPUT] = arguments,
		[EVENT_TOOL_END] = call_end,
		[EVENT_STOP] = stop },
	.ping = ping,
	.fail = fail,
	.error_body = out_openai_error_body,
};
