/*
 * The Messages API. A stream is message_start, then per block content_block_start, deltas,
 * content_block_stop, then message_delta and message_stop; pings anywhere. A whole answer is one
 * JSON message with the same blocks.
 *
 * A thinking block needs a signature, and clients send it back with the next request. Where the
 * upstream gave none it is base64(SHA-256(thinking)): whoever has the text can recognise our own.
 */
#include "common/base.h"
#include "fcgi/out_message.h"

#include "fcgi/sse.h"

#include <openssl/evp.h>

static const struct block_form {
	const char *type;
	const char *text_member; /* the block's own text; NULL: it has none */
	const char *delta, *delta_member;
} block_forms[] = {
	[OPEN_TEXT] = { "text", "text", "text_delta", "text" },
	[OPEN_THINKING] = { "thinking", "thinking", "thinking_delta", "thinking" },
	[OPEN_TOOL] = { "tool_use", NULL, "input_json_delta", "partial_json" },
};

/* ---- failures ---- */

/* Told in this form, the SDK's tool runner goes on without a thread; else it gives up. */
static void write_details(const struct error *failure, struct jsonw *w)
{
	if (failure->kind != ERR_REQUEST || strcmp(failure->field, "thread") != 0)
		return;
	jsonw_begin_object_member(w, "details");
	jsonw_text_member(w, "error_code", "thread_unsupported_request");
	jsonw_begin_array_member(w, "unsupported");
	jsonw_text(w, failure->field);
	jsonw_end(w);
	jsonw_end(w);
}

/* "prompt is too long: N tokens > M maximum" makes Claude Code compact the conversation. */
static void write_words(const struct error *failure, struct jsonw *w)
{
	static const char mark[] = "prompt is too long: ";
	char words[LIMIT_ERROR_TEXT + 64];
	const char *more = failure->message;

	if (failure->tokens && failure->window && strncasecmp(more, mark, strlen(mark)) == 0)
		more += strlen(mark);
	if (failure->tokens && failure->window)
		snprintf(words, sizeof(words),
			 "%s%" PRId64 " tokens > %" PRId64 " maximum (upstream: %s)", mark,
			 failure->tokens, failure->window, more);
	else
		snprintf(words, sizeof(words), "%s", more);
	jsonw_text_member(w, "message", words);
}

static void write_error(const struct error *failure, struct jsonw *w)
{
	jsonw_text_member(w, "type", "error");
	jsonw_begin_object_member(w, "error");
	jsonw_text_member(w, "type", error_row(failure)->anthropic);
	write_words(failure, w);
	write_details(failure, w);
	jsonw_end(w);
}

/* ---- a stream: each step is written at once ---- */

/* {"type":NAME, the object stays open. */
static void begin_sse(struct buf *wire, const char *name, struct jsonw *w)
{
	sse_begin(wire, name, w);
	jsonw_begin_object(w);
	jsonw_text_member(w, "type", name);
}

static void end_sse(struct buf *wire, struct jsonw *w)
{
	jsonw_end(w);
	sse_end(wire);
}

static void stream_begin(struct out *o, struct buf *wire)
{
	const struct answer_usage usage = { .input = o->options.input_estimate, .output = 1 };
	struct jsonw w;

	begin_sse(wire, "message_start", &w);
	jsonw_key(&w, "message");
	out_message_head(o, &w);
	jsonw_begin_array_member(&w, "content");
	jsonw_end(&w);
	out_message_stop(NULL, &w);
	out_message_usage(&usage, &w);
	jsonw_end(&w);
	end_sse(wire, &w);
}

static void stream_open(struct out *o, const struct event *event, struct buf *wire)
{
	const struct block_form *form = &block_forms[o->open];
	struct jsonw w;

	begin_sse(wire, "content_block_start", &w);
	jsonw_int_member(&w, "index", o->index);
	jsonw_begin_object_member(&w, "content_block");
	jsonw_text_member(&w, "type", form->type);
	if (form->text_member)
		jsonw_text_member(&w, form->text_member, "");
	if (o->open == OPEN_THINKING)
		jsonw_text_member(&w, "signature", "");
	if (o->open == OPEN_TOOL) {
		out_message_call(event, &w);
		jsonw_begin_object_member(&w, "input");
		jsonw_end(&w);
	}
	if (o->open == OPEN_TEXT && o->options.citations)
		jsonw_null_member(&w, "citations");
	jsonw_end(&w);
	end_sse(wire, &w);
}

static void write_delta(struct out *o, const char *type, const char *member)
{
	struct buf *bytes = &o->delta.bytes;
	struct jsonw w;

	begin_sse(bytes, "content_block_delta", &w);
	jsonw_int_member(&w, "index", o->index);
	jsonw_begin_object_member(&w, "delta");
	jsonw_text_member(&w, "type", type);
	jsonw_key(&w, member);
	jsonw_begin_text(&w);
	o->delta.text = bytes->len;
	jsonw_end_text(&w);
	jsonw_end(&w);
	end_sse(bytes, &w);
}

static void stream_delta(struct out *o, const char *type, const char *member, struct span text,
			 struct buf *wire)
{
	if (!out_delta_is(o, type))
		write_delta(o, type, member);
	out_delta_send(o, 0, text, wire);
}

static void stream_piece(struct out *o, struct span text, struct buf *wire)
{
	const struct block_form *form = &block_forms[o->open];

	stream_delta(o, form->delta, form->delta_member, text, wire);
}

static void stream_signature(struct out *o, struct span signature, struct buf *wire)
{
	stream_delta(o, "signature_delta", "signature", signature, wire);
}

static void stream_close(struct out *o, struct buf *wire)
{
	struct jsonw w;

	o->delta.of = NULL; /* the next one has another index */
	begin_sse(wire, "content_block_stop", &w);
	jsonw_int_member(&w, "index", o->index);
	end_sse(wire, &w);
}

static void stream_search(struct out *o, const struct event *search, struct buf *wire)
{
	struct jsonw w;

	begin_sse(wire, "content_block_start", &w);
	jsonw_int_member(&w, "index", o->index);
	jsonw_begin_object_member(&w, "content_block");
	jsonw_text_member(&w, "type", "server_tool_use");
	out_message_call(search, &w);
	jsonw_begin_object_member(&w, "input");
	jsonw_end(&w);
	jsonw_end(&w);
	end_sse(wire, &w);
	stream_delta(o, "input_json_delta", "partial_json", search->text, wire);
	stream_close(o, wire);
}

/* Results come complete in the block's start. */
static void stream_result(struct out *o, const struct event *result, struct buf *wire)
{
	struct jsonw w;

	begin_sse(wire, "content_block_start", &w);
	jsonw_int_member(&w, "index", o->index);
	jsonw_key(&w, "content_block");
	out_message_result(result, &w);
	end_sse(wire, &w);
	stream_close(o, wire);
}

static void stream_stop(struct out *o, const struct event *stop, struct buf *wire)
{
	struct jsonw w;

	(void)o;
	begin_sse(wire, "message_delta", &w);
	jsonw_begin_object_member(&w, "delta");
	out_message_stop(stop, &w);
	jsonw_null_member(&w, "container");
	jsonw_end(&w);
	out_message_usage(&stop->usage, &w);
	jsonw_null_member(&w, "context_management");
	end_sse(wire, &w);
	begin_sse(wire, "message_stop", &w);
	end_sse(wire, &w);
}

/* ---- a whole answer: the same steps fill content[], which is sent at the stop ---- */

static void whole_begin(struct out *o, struct buf *wire)
{
	(void)wire;
	jsonw_init(&o->w, &o->parts);
	jsonw_begin_array(&o->w);
}

static void whole_open(struct out *o, const struct event *event, struct buf *wire)
{
	const struct block_form *form = &block_forms[o->open];

	(void)wire;
	jsonw_begin_object(&o->w);
	jsonw_text_member(&o->w, "type", form->type);
	if (o->open == OPEN_TOOL) {
		out_message_call(event, &o->w);
		buf_reset(&o->arguments);
	} else {
		jsonw_key(&o->w, form->text_member);
		jsonw_begin_text(&o->w);
	}
}

static void whole_piece(struct out *o, struct span text, struct buf *wire)
{
	(void)wire;
	if (o->open == OPEN_TOOL)
		buf_add(&o->arguments, text.at, text.len);
	else
		jsonw_add_text(&o->w, text);
}

static void whole_signature(struct out *o, struct span signature, struct buf *wire)
{
	(void)wire;
	jsonw_end_text(&o->w);
	jsonw_key(&o->w, "signature");
	jsonw_span(&o->w, signature);
}

static void whole_close(struct out *o, struct buf *wire)
{
	(void)wire;
	if (o->open == OPEN_TEXT) {
		jsonw_end_text(&o->w);
		if (o->options.citations)
			jsonw_null_member(&o->w, "citations");
	}
	if (o->open == OPEN_TOOL) {
		jsonw_key(&o->w, "input");
		jsonw_raw(&o->w, buf_span(&o->arguments));
	}
	jsonw_end(&o->w);
}

static void whole_search(struct out *o, const struct event *search, struct buf *wire)
{
	(void)wire;
	jsonw_begin_object(&o->w);
	jsonw_text_member(&o->w, "type", "server_tool_use");
	out_message_call(search, &o->w);
	jsonw_key(&o->w, "input");
	jsonw_raw(&o->w, search->text);
	jsonw_end(&o->w);
}

static void whole_result(struct out *o, const struct event *result, struct buf *wire)
{
	(void)wire;
	out_message_result(result, &o->w);
}

static void whole_stop(struct out *o, const struct event *stop, struct buf *wire)
{
	struct jsonw w;

	jsonw_end(&o->w);
	jsonw_init(&w, wire);
	out_message_head(o, &w);
	jsonw_key(&w, "content");
	jsonw_raw(&w, buf_span(&o->parts));
	out_message_stop(stop, &w);
	out_message_usage(&stop->usage, &w);
	jsonw_end(&w);
}

/* ---- the one state machine over both ---- */

struct sink {
	void (*begin)(struct out *o, struct buf *wire);
	void (*open)(struct out *o, const struct event *event, struct buf *wire);
	void (*piece)(struct out *o, struct span text, struct buf *wire);
	void (*signature)(struct out *o, struct span signature, struct buf *wire);
	void (*close)(struct out *o, struct buf *wire);
	void (*search)(struct out *o, const struct event *search, struct buf *wire);
	void (*result)(struct out *o, const struct event *result, struct buf *wire);
	void (*stop)(struct out *o, const struct event *stop, struct buf *wire);
};

static const struct sink stream_sink = {
	.begin = stream_begin,
	.open = stream_open,
	.piece = stream_piece,
	.signature = stream_signature,
	.close = stream_close,
	.search = stream_search,
	.result = stream_result,
	.stop = stream_stop,
};

static const struct sink whole_sink = {
	.begin = whole_begin,
	.open = whole_open,
	.piece = whole_piece,
	.signature = whole_signature,
	.close = whole_close,
	.search = whole_search,
	.result = whole_result,
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

static void digest_begin(struct out *o)
{
	if (!o->digest)
		o->digest = EVP_MD_CTX_new();
	if (!o->digest || !EVP_DigestInit_ex(o->digest, EVP_sha256(), NULL))
		abort(); /* only for want of memory */
}

static void digest_add(struct out *o, struct span text)
{
	if (!EVP_DigestUpdate(o->digest, text.at, text.len))
		abort();
}

#define OWN_SIGNATURE_SIZE (4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1)

static struct span own_signature(struct out *o, char out[static OWN_SIGNATURE_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len;

	if (!EVP_DigestFinal_ex(o->digest, digest, &len))
		abort();
	EVP_EncodeBlock((unsigned char *)out, digest, (int)len);
	return span_of(out);
}

/* A thinking block ends with upstream's signature, or with our own where that is empty. */
static void close_block(struct out *o, struct span signature, struct buf *wire)
{
	if (o->open == OPEN_NONE)
		return;
	if (o->open == OPEN_THINKING) {
		char own[OWN_SIGNATURE_SIZE];

		sink_of(o)->signature(o, signature.len ? signature : own_signature(o, own), wire);
	}
	sink_of(o)->close(o, wire);
	o->open = OPEN_NONE;
	o->index++;
}

static void open_block(struct out *o, enum out_open kind, const struct event *event,
		       struct buf *wire)
{
	if (o->open == kind)
		return;
	assert(o->open != OPEN_TOOL); /* up_event closes calls before it goes on */
	close_block(o, span_of(""), wire);
	o->open = kind;
	if (kind == OPEN_THINKING)
		digest_begin(o);
	sink_of(o)->open(o, event, wire);
}

static void piece(struct out *o, enum out_open kind, const struct event *event, struct buf *wire)
{
	if (!event->text.len)
		return; /* an empty text block is refused when it comes back */
	open_block(o, kind, event, wire);
	if (kind == OPEN_THINKING)
		digest_add(o, event->text);
	sink_of(o)->piece(o, event->text, wire);
}

/* A block of the gateway's own, whole at once. */
static void own_block(struct out *o,
		      void (*write)(struct out *o, const struct event *event, struct buf *wire),
		      const struct event *event, struct buf *wire)
{
	assert(o->open != OPEN_TOOL);
	close_block(o, span_of(""), wire);
	write(o, event, wire);
	o->index++;
}

/* ---- the events ---- */

static void text(struct out *o, const struct event *event, struct buf *wire)
{
	piece(o, OPEN_TEXT, event, wire);
}

static void thinking(struct out *o, const struct event *event, struct buf *wire)
{
	piece(o, OPEN_THINKING, event, wire);
}

static void signature(struct out *o, const struct event *event, struct buf *wire)
{
	open_block(o, OPEN_THINKING, event, wire);
	close_block(o, event->text, wire);
}

static void call(struct out *o, const struct event *event, struct buf *wire)
{
	open_block(o, OPEN_TOOL, event, wire);
}

static void input(struct out *o, const struct event *event, struct buf *wire)
{
	piece(o, OPEN_TOOL, event, wire);
}

static void close_open(struct out *o, const struct event *event, struct buf *wire)
{
	(void)event;
	close_block(o, span_of(""), wire);
}

static void search(struct out *o, const struct event *event, struct buf *wire)
{
	own_block(o, sink_of(o)->search, event, wire);
}

static void result(struct out *o, const struct event *event, struct buf *wire)
{
	own_block(o, sink_of(o)->result, event, wire);
}

static void stop(struct out *o, const struct event *event, struct buf *wire)
{
	sink_of(o)->stop(o, event, wire);
}

static void ping(struct out *o, struct buf *wire)
{
	struct jsonw w;

	(void)o;
	begin_sse(wire, "ping", &w);
	end_sse(wire, &w);
}

static void fail(struct out *o, const struct error *failure, struct buf *wire)
{
	struct jsonw w;

	(void)o;
	sse_begin(wire, "error", &w);
	jsonw_begin_object(&w);
	write_error(failure, &w);
	end_sse(wire, &w);
}

static void error_body(const struct error *failure, const char *request_id, struct buf *body)
{
	struct jsonw w;

	jsonw_init(&w, body);
	jsonw_begin_object(&w);
	write_error(failure, &w);
	jsonw_text_member(&w, "request_id", request_id);
	jsonw_end(&w);
}

const struct out_dialect out_anthropic = {
	.id_prefix = "msg_",
	.begin = begin,
	.on = { [EVENT_TEXT] = text,
		[EVENT_THINKING] = thinking,
		[EVENT_SIGNATURE] = signature,
		[EVENT_TOOL_START] = call,
		[EVENT_TOOL_INPUT] = input,
		[EVENT_TOOL_END] = close_open,
		[EVENT_SEARCH] = search,
		[EVENT_SEARCH_RESULT] = result,
		[EVENT_STOP] = stop },
	.close = close_open,
	.ping = ping,
	.fail = fail,
	.error_body = error_body,
};
