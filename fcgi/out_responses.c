/*
 * Responses. An answer is a list of output items: reasoning, messages, calls. A stream tells each
 * twice, piece by piece and as a whole (Codex reads only whole items), then the whole answer once
 * more in its last event. So the items are collected in a stream too, and a whole answer is that
 * last event's object alone.
 *
 * Events count by sequence_number. Keep-alive is response.in_progress again, without what it
 * repeats of the request (Codex's tools are 40 KB), and `keepalive` once there are items: the API's
 * client takes the response of every event for all that there is. Codex does not count a comment. A
 * failure is response.failed, because Codex ignores `error`.
 *
 * encrypted_content is base64 of {"signature": "..."}: what the upstream needs to recognise its own
 * reasoning when the client sends it back (in_items.c).
 */
#include "common/base.h"
#include "fcgi/out_response.h"

#include "common/ids.h"
#include "common/json.h"
#include "common/limits.h"
#include "fcgi/sse.h"

#include <openssl/evp.h>

#define RETRY_AFTER 5 /* seconds, where the upstream tells none */

/* What an item is, and where its text stands. */
struct item_form {
	const char *prefix; /* of ids */
	const char *type;
	const char *member; /* holds the text: of the part, or of the item itself */
	const char *delta, *done;
	const char *part; /* type of the part that holds the text, NULL: none */
	const char *part_added, *part_done, *part_index;
};

static const struct item_form text_form = {
	"msg_",
	"message",
	"text",
	"response.output_text.delta",
	"response.output_text.done",
	"output_text",
	"response.content_part.added",
	"response.content_part.done",
	"content_index",
};
static const struct item_form refusal_form = {
	"msg_",
	"message",
	"refusal",
	"response.refusal.delta",
	"response.refusal.done",
	"refusal",
	"response.content_part.added",
	"response.content_part.done",
	"content_index",
};
static const struct item_form reasoning_form = {
	"rs_",
	"reasoning",
	"text",
	"response.reasoning_summary_text.delta",
	"response.reasoning_summary_text.done",
	"summary_text",
	"response.reasoning_summary_part.added",
	"response.reasoning_summary_part.done",
	"summary_index",
};
static const struct item_form search_form = { .prefix = "ws_", .type = "web_search_call" };
/* clang-format off */
static const struct item_form call_forms[] = {
	[TOOL_FUNCTION] = { .prefix = "fc_", .type = "function_call", .member = "arguments",
			    .delta = "response.function_call_arguments.delta",
			    .done = "response.function_call_arguments.done" },
	[TOOL_CUSTOM] = { .prefix = "ctc_", .type = "custom_tool_call", .member = "input",
			  .delta = "response.custom_tool_call_input.delta",
			  .done = "response.custom_tool_call_input.done" },
	[TOOL_SEARCH] = { .prefix = "tsc_", .type = "tool_search_call", .member = "arguments" },
};
/* clang-format on */

static bool is_call(const struct item_form *form)
{
	return !form->part;
}

/* ---- events: nothing of them in a whole answer ---- */

/* {"type","sequence_number": whose value is due. */
static void begin_numbered(const char *type, struct buf *wire, struct jsonw *w)
{
	sse_begin(wire, type, w);
	jsonw_begin_object(w);
	jsonw_text_member(w, "type", type);
	jsonw_key(w, "sequence_number");
}

/* False: a whole answer. Else the object stays open. */
static bool begin_event(struct out *o, const char *type, struct buf *wire, struct jsonw *w)
{
	if (!o->options.stream)
		return false;
	begin_numbered(type, wire, w);
	jsonw_int(w, o->sequence++);
	return true;
}

static void end_event(struct buf *wire, struct jsonw *w)
{
	jsonw_end(w);
	sse_end(wire);
}

static void send_response(struct out *o, const char *type, const struct ending *ending,
			  struct buf *wire)
{
	struct jsonw w;

	if (!begin_event(o, type, wire, &w))
		return;
	jsonw_key(&w, "response");
	out_response_write(o, ending, &w);
	end_event(wire, &w);
}

/* ---- the open item ---- */

static void write_part(const struct item_form *form, struct span text, struct jsonw *w)
{
	jsonw_begin_object(w);
	jsonw_text_member(w, "type", form->part);
	jsonw_key(w, form->member);
	jsonw_span(w, text);
	if (form == &text_form) {
		jsonw_begin_array_member(w, "annotations");
		jsonw_end(w);
		jsonw_begin_array_member(w, "logprobs");
		jsonw_end(w);
	}
	jsonw_end(w);
}

/* The part, or none while it is empty. */
static void write_parts(const struct out *o, const char *member, struct jsonw *w)
{
	jsonw_begin_array_member(w, member);
	if (o->text.len)
		write_part(o->item.form, buf_span(&o->text), w);
	jsonw_end(w);
}

/* As the client calls it, less its namespace. */
static const char *call_name(const struct out *o)
{
	const struct tool *tool = o->item.tool;

	return tool && tool->space ? tool->short_name : o->item.call_name.at;
}

static void write_call(const struct out *o, struct jsonw *w)
{
	const struct tool *tool = o->item.tool;
	const bool search = o->item.form == &call_forms[TOOL_SEARCH];

	jsonw_text_member(w, "call_id", o->item.call_id.at);
	jsonw_text_member(w, search ? "execution" : "name", search ? "client" : call_name(o));
	if (!search && tool && tool->space)
		jsonw_text_member(w, "namespace", tool->space);
	jsonw_key(w, o->item.form->member);
	if (search)
		jsonw_line(w, o->text.len ? buf_span(&o->text) : span_of("{}"));
	else
		jsonw_span(w, buf_span(&o->text));
}

/* The item as it is now. */
static void write_item(const struct out *o, const char *status, const char *encrypted,
		       struct jsonw *w)
{
	const struct item_form *form = o->item.form;

	jsonw_begin_object(w);
	jsonw_text_member(w, "id", o->item.id);
	jsonw_text_member(w, "type", form->type);
	if (form == &reasoning_form) {
		write_parts(o, "summary", w);
		if (encrypted)
			jsonw_text_member(w, "encrypted_content", encrypted);
	} else {
		jsonw_text_member(w, "status", status);
		if (is_call(form)) {
			write_call(o, w);
		} else {
			jsonw_text_member(w, "role", "assistant");
			write_parts(o, "content", w);
		}
	}
	jsonw_end(w);
}

static void send_item(struct out *o, const char *type, const char *status, const char *encrypted,
		      struct buf *wire)
{
	struct jsonw w;

	if (!begin_event(o, type, wire, &w))
		return;
	jsonw_int_member(&w, "output_index", o->index);
	jsonw_key(&w, "item");
	write_item(o, status, encrypted, &w);
	end_event(wire, &w);
}

static void write_place(const struct out *o, struct jsonw *w)
{
	jsonw_text_member(w, "item_id", o->item.id);
	jsonw_int_member(w, "output_index", o->index);
	if (o->item.form->part_index)
		jsonw_int_member(w, o->item.form->part_index, 0);
}

/* An event about the item's text; the object stays open. */
static bool begin_text_event(struct out *o, const char *type, struct buf *wire, struct jsonw *w)
{
	if (!type || !begin_event(o, type, wire, w))
		return false;
	write_place(o, w);
	return true;
}

static void end_text_event(const struct out *o, struct buf *wire, struct jsonw *w)
{
	if (o->item.form == &text_form) {
		jsonw_begin_array_member(w, "logprobs");
		jsonw_end(w);
	}
	end_event(wire, w);
}

static void send_text(struct out *o, const char *type, const char *member, struct span text,
		      struct buf *wire)
{
	struct jsonw w;

	if (!begin_text_event(o, type, wire, &w))
		return;
	if (o->item.form == &call_forms[TOOL_FUNCTION])
		jsonw_text_member(&w, "name", call_name(o));
	jsonw_key(&w, member);
	jsonw_span(&w, text);
	end_text_event(o, wire, &w);
}

static void write_delta(struct out *o)
{
	struct out_delta *d = &o->delta;
	struct jsonw w;

	begin_numbered(o->item.form->delta, &d->bytes, &w);
	d->number = d->bytes.len;
	jsonw_raw(&w, span_of("")); /* out_delta_send() puts it there */
	write_place(o, &w);
	jsonw_key(&w, "delta");
	jsonw_begin_text(&w);
	d->text = d->bytes.len;
	jsonw_end_text(&w);
	end_text_event(o, &d->bytes, &w);
}

static void send_delta(struct out *o, struct span text, struct buf *wire)
{
	if (!o->options.stream || !o->item.form->delta)
		return;
	if (!out_delta_is(o, o->item.form))
		write_delta(o);
	out_delta_send(o, o->sequence++, text, wire);
}

static void send_part(struct out *o, const char *type, struct buf *wire)
{
	struct jsonw w;

	if (!begin_text_event(o, type, wire, &w))
		return;
	jsonw_key(&w, "part");
	write_part(o->item.form, buf_span(&o->text), &w);
	end_event(wire, &w);
}

static void close_item(struct out *o, const char *status, const char *encrypted, struct buf *wire)
{
	const struct item_form *form = o->item.form;

	if (!form)
		return;
	if (is_call(form) || o->text.len)
		send_text(o, form->done, form->member, buf_span(&o->text), wire);
	if (o->text.len)
		send_part(o, form->part_done, wire);
	send_item(o, "response.output_item.done", status, encrypted, wire);
	write_item(o, status, encrypted, &o->w);
	o->item.form = NULL;
	o->index++;
}

static void open_item(struct out *o, const struct item_form *form, struct buf *wire)
{
	if (o->item.form == form && !is_call(form))
		return;
	assert(!o->item.form ||
	       !is_call(o->item.form)); /* up_event closes calls before it goes on */
	close_item(o, "completed", NULL, wire);
	o->item.form = form;
	o->delta.of = NULL;
	ids_make(o->item.id, sizeof(o->item.id), form->prefix, 24);
	buf_reset(&o->text);
	send_item(o, "response.output_item.added", "in_progress", NULL, wire);
}

/* A piece of the item's text; with the first one begins the part that holds it. */
static void add_text(struct out *o, struct span text, struct buf *wire)
{
	const struct item_form *form = o->item.form;

	if (!text.len)
		return;
	if (!o->text.len)
		send_part(o, form->part_added, wire);
	buf_add(&o->text, text.at, text.len);
	send_delta(o, text, wire);
}

static void piece(struct out *o, const struct item_form *form, struct span text, struct buf *wire)
{
	if (!text.len)
		return;
	open_item(o, form, wire);
	add_text(o, text, wire);
}

/* ---- reasoning ---- */

static char *base64(struct span text)
{
	unsigned char *out = xmalloc(text.len / 3 * 4 + 5);

	EVP_EncodeBlock(out, (const unsigned char *)text.at, (int)text.len);
	return (char *)out;
}

static void signature(struct out *o, const struct event *event, struct buf *wire)
{
	const struct span text = event->text;
	struct jsonw w;
	struct buf json;
	char *encrypted = NULL;

	open_item(o, &reasoning_form, wire);
	buf_init(&json, LIMIT_EVENT);
	jsonw_init(&w, &json);
	jsonw_begin_object(&w);
	jsonw_key(&w, "signature");
	jsonw_span(&w, text);
	jsonw_end(&w);
	if (text.len)
		encrypted = base64(buf_span(&json));
	close_item(o, "completed", encrypted, wire);
	free(encrypted);
	buf_release(&json);
}

/* ---- calls ---- */

static void call(struct out *o, const struct event *start, struct buf *wire)
{
	const struct tool *tool = out_tool(o, start->name);

	buf_reset(&o->item.call_id);
	buf_reset(&o->item.call_name);
	buf_reset(&o->arguments);
	buf_add_text(&o->item.call_id, start->id);
	buf_add_text(&o->item.call_name, start->name);
	o->item.tool = tool;
	open_item(o, &call_forms[tool ? tool->kind : TOOL_FUNCTION], wire);
}

/* A custom tool's text can only be told when its JSON is whole. */
static void arguments(struct out *o, const struct event *input, struct buf *wire)
{
	const struct span text = input->text;

	if (o->item.form == &call_forms[TOOL_CUSTOM])
		buf_add(&o->arguments, text.at, text.len);
	else
		add_text(o, text, wire);
}

static void call_end(struct out *o, const struct event *end, struct buf *wire)
{
	struct buf input;

	(void)end;
	if (o->item.form == &call_forms[TOOL_CUSTOM]) {
		buf_init(&input, LIMIT_TOOL_INPUT);
		out_custom_input(o, &input);
		add_text(o, buf_span(&input), wire);
		buf_release(&input);
	}
	close_item(o, "completed", NULL, wire);
}

/* ---- the gateway's own searches ---- */

static void write_search(const struct out *o, const char *status, const char *query,
			 const cJSON *hits, struct jsonw *w)
{
	const cJSON *hit;

	jsonw_begin_object(w);
	jsonw_text_member(w, "id", o->item.id);
	jsonw_text_member(w, "type", "web_search_call");
	jsonw_text_member(w, "status", status);
	jsonw_begin_object_member(w, "action");
	jsonw_text_member(w, "type", "search");
	jsonw_text_member(w, "query", query ? query : "");
	jsonw_begin_array_member(w, "sources");
	cJSON_ArrayForEach (hit, hits) {
		jsonw_begin_object(w);
		jsonw_text_member(w, "type", "url");
		jsonw_text_member(w, "url", json_text_or(hit, "url", ""));
		jsonw_end(w);
	}
	jsonw_end(w); /* sources */
	jsonw_end(w); /* action */
	jsonw_end(w);
}

static void send_search(struct out *o, const char *type, struct buf *wire)
{
	struct jsonw w;

	if (begin_text_event(o, type, wire, &w))
		end_event(wire, &w);
}

static void send_search_item(struct out *o, const char *type, const char *status,
			     const struct event *result, const cJSON *hits, struct buf *wire)
{
	struct jsonw w;

	if (!begin_event(o, type, wire, &w))
		return;
	jsonw_int_member(&w, "output_index", o->index);
	jsonw_key(&w, "item");
	write_search(o, status, result->name, hits, &w);
	end_event(wire, &w);
}

/* A search is an item that is whole when its result is there: several at once follow each other. */
static void search(struct out *o, const struct event *result, struct buf *wire)
{
	struct error ignored = { .kind = ERR_NONE };
	cJSON *found = json_parse(result->text, &ignored);
	const cJSON *hits = cJSON_IsArray(found) ? found : NULL;
	const char *status = hits ? "completed" : "failed";

	close_item(o, "completed", NULL, wire);
	o->item.form = &search_form;
	ids_make(o->item.id, sizeof(o->item.id), search_form.prefix, 24);
	send_search_item(o, "response.output_item.added", "in_progress", result, NULL, wire);
	send_search(o, "response.web_search_call.in_progress", wire);
	send_search(o, "response.web_search_call.searching", wire);
	if (hits)
		send_search(o, "response.web_search_call.completed", wire);
	send_search_item(o, "response.output_item.done", status, result, hits, wire);
	write_search(o, status, result->name, hits, &o->w);
	o->item.form = NULL;
	o->index++;
	cJSON_Delete(found);
}

/* ---- the whole ---- */

static void begin(struct out *o, struct buf *wire)
{
	jsonw_init(&o->w, &o->parts);
	jsonw_begin_array(&o->w);
	send_response(o, "response.created", &in_progress, wire);
	send_response(o, "response.in_progress", &in_progress, wire);
}

static void text(struct out *o, const struct event *event, struct buf *wire)
{
	piece(o, &text_form, event->text, wire);
}

static void thinking(struct out *o, const struct event *event, struct buf *wire)
{
	piece(o, &reasoning_form, event->text, wire);
}

/* How the answer ended. */
static struct ending ending_of(const struct event *stop)
{
	static const char *const reasons[STOP_REASONS] = { [STOP_MAX_TOKENS] = "max_output_tokens",
							   [STOP_CONTEXT] = "max_output_tokens",
							   [STOP_REFUSAL] = "content_filter" };
	const char *reason = reasons[stop->stop];

	return (struct ending){ .status = reason ? "incomplete" : "completed",
				.reason = reason,
				.usage = &stop->usage };
}

static void close_open(struct out *o, const struct event *stop, struct buf *wire)
{
	if (stop->stop == STOP_REFUSAL)
		piece(o, &refusal_form, stop->text, wire);
	close_item(o, ending_of(stop).status, NULL, wire);
	jsonw_end(&o->w);
}

static void stop(struct out *o, const struct event *event, struct buf *wire)
{
	const struct ending ending = ending_of(event);
	struct jsonw w;

	if (o->options.stream) {
		send_response(o, ending.reason ? "response.incomplete" : "response.completed",
			      &ending, wire);
		return;
	}
	jsonw_init(&w, wire);
	out_response_write(o, &ending, &w);
}

static void ping(struct out *o, struct buf *wire)
{
	struct jsonw w;

	if (!o->index && !o->item.form)
		send_response(o, "response.in_progress", &still_in_progress, wire);
	else if (begin_event(o, "keepalive", wire, &w))
		end_event(wire, &w);
}

static void fail(struct out *o, const struct error *failure, struct buf *wire)
{
	const struct ending ending = { .status = "failed", .failure = failure };

	if (o->w.depth)		  /* else all items are done, and too large as a whole */
		jsonw_end(&o->w); /* the open item stays out: it was never done */
	send_response(o, "response.failed", &ending, wire);
}

/* By Codex's rules: it repeats all but 400 and a 429 without retry-after, some of them thirty times
 * in as many seconds. So what is final is 400 (a used up quota: 429), what passes is 429 with a
 * time. */
static int status(struct error *failure)
{
	switch (failure->kind) {
	case ERR_NOT_FOUND:
	case ERR_METHOD:
		return error_row(failure)->status;
	case ERR_UP_QUOTA:
	case ERR_KEY_LIMIT:
	case ERR_KEY_BUDGET:
		failure->retry_after = 0;
		return 429;
	case ERR_NO_ACCOUNT:
		return failure->retry_after ? 429 : 400;
	default:
		break;
	}
	if (!error_row(failure)->client_retries)
		return 400;
	if (!failure->retry_after)
		failure->retry_after = RETRY_AFTER;
	return 429;
}

const struct out_dialect out_responses = {
	.id_prefix = "resp_",
	.begin = begin,
	.on = { [EVENT_TEXT] = text,
		[EVENT_THINKING] = thinking,
		[EVENT_SIGNATURE] = signature,
		[EVENT_TOOL_START] = call,
		[EVENT_TOOL_INPUT] = arguments,
		[EVENT_TOOL_END] = call_end,
		[EVENT_SEARCH_RESULT] = search, /* the item is whole then */
		[EVENT_STOP] = stop },
	.close = close_open,
	.ping = ping,
	.fail = fail,
	.error_body = out_openai_error_body,
	.status = status,
};
