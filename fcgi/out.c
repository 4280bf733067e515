#include "common/base.h"
#include "fcgi/out.h"

#include "common/ids.h"
#include "common/json.h"
#include "common/limits.h"

#include <openssl/evp.h>

void out_init(struct out *o, const struct out_dialect *dialect, const struct out_options *options)
{
	*o = (struct out){ .dialect = dialect, .options = *options, .begun = options->late };
	ids_make(o->id, sizeof(o->id), dialect->id_prefix, 24);
	buf_init(&o->delta.bytes, LIMIT_EVENT);
	buf_init(&o->text, LIMIT_ANSWER);
	buf_init(&o->reasoning, LIMIT_ANSWER);
	buf_init(&o->arguments, LIMIT_TOOL_INPUT);
	buf_init(&o->parts, LIMIT_ANSWER);
	buf_init(&o->item.call_id, KB(4));
	buf_init(&o->item.call_name, KB(4));
}

void out_release(struct out *o)
{
	EVP_MD_CTX_free(o->digest);
	buf_release(&o->delta.bytes);
	buf_release(&o->text);
	buf_release(&o->reasoning);
	buf_release(&o->arguments);
	buf_release(&o->parts);
	buf_release(&o->item.call_id);
	buf_release(&o->item.call_name);
}

/* ---- one answer ---- */

/* Whether all parts of the whole answer have fitted. */
static int check_parts(const struct out *o, struct error *e)
{
	if (o->text.failed || o->reasoning.failed || o->arguments.failed || o->parts.failed ||
	    o->item.call_id.failed || o->item.call_name.failed)
		return error_set(e, ERR_UP_DAMAGED,
				 "the upstream's answer is larger than %zu bytes", LIMIT_ANSWER);
	return 0;
}

void out_begin(struct out *o, struct buf *wire)
{
	if (o->begun)
		return;
	o->begun = true;
	o->dialect->begin(o, wire);
}

static int write_event(struct out *o, const struct event *event, struct buf *wire, struct error *e)
{
	assert(!o->ended);
	out_begin(o, wire);
	if (event->kind == EVENT_STOP) {
		assert(o->open != OPEN_TOOL); /* up_event closes calls before it goes on */
		if (o->dialect->close)
			o->dialect->close(o, event, wire);
		if (check_parts(o, e))
			return -1; /* not ended: out_fail() has to tell it */
		o->ended = true;
	}
	if (o->dialect->on[event->kind])
		o->dialect->on[event->kind](o, event, wire);
	return 0;
}

void out_ping(struct out *o, struct buf *wire)
{
	if (!o->options.stream || o->ended)
		return;
	out_begin(o, wire);
	o->dialect->ping(o, wire);
}

void out_fail(struct out *o, const struct error *failure, struct buf *wire)
{
	if (!o->options.stream || o->ended)
		return;
	out_begin(o, wire);
	o->ended = true;
	o->dialect->fail(o, failure, wire);
}

/* ---- reasoning as text ---- */

static const struct {
	const char *open, *close;
} tags[] = {
	[THINKING_THINK] = { "<think>\n", "\n</think>\n\n" },
	[THINKING_THINKING] = { "<thinking>\n", "\n</thinking>\n\n" },
	[THINKING_PLAIN] = { "", "\n\n" },
};

static int write_text(struct out *o, struct span text, struct buf *wire, struct error *e)
{
	const struct event event = { .kind = EVENT_TEXT, .text = text };

	return text.len ? write_event(o, &event, wire, e) : 0;
}

/* A text that has to be JSON has no place for it. */
static bool drops_reasoning(const struct out *o)
{
	return o->options.chat && o->options.chat->format != FORMAT_TEXT;
}

static int reasoning_as_text(struct out *o, struct span text, struct buf *wire, struct error *e)
{
	if (!text.len || drops_reasoning(o))
		return 0;
	if (!o->in_tags && write_text(o, span_of(tags[o->options.thinking_format].open), wire, e))
		return -1;
	o->in_tags = true;
	return write_text(o, text, wire, e);
}

int out_event(struct out *o, const struct event *event, struct buf *wire, struct error *e)
{
	const enum thinking_format format = o->options.thinking_format;

	if (format == THINKING_BLOCKS)
		return write_event(o, event, wire, e);
	if (event->kind == EVENT_THINKING)
		return reasoning_as_text(o, event->text, wire, e);
	if (event->kind == EVENT_SIGNATURE)
		return 0; /* of a block that there is not */
	if (o->in_tags) {
		o->in_tags = false;
		if (write_text(o, span_of(tags[format].close), wire, e))
			return -1;
	}
	return write_event(o, event, wire, e);
}

/* ---- what dialects share ---- */

const struct tool *out_tool(const struct out *o, const char *name)
{
	const struct chat *chat = o->options.chat;

	for (size_t i = 0; chat && i < chat->tool_count; i++) {
		if (strcmp(chat->tools[i].name, name) == 0)
			return &chat->tools[i];
	}
	return NULL;
}

bool out_delta_is(struct out *o, const void *of)
{
	struct out_delta *d = &o->delta;

	if (d->of == of)
		return true;
	d->of = of;
	d->number = d->text = 0;
	buf_reset(&d->bytes);
	return false;
}

void out_delta_send(const struct out *o, int64_t number, struct span text, struct buf *wire)
{
	const struct out_delta *d = &o->delta;
	struct jsonw w;

	jsonw_init(&w, wire);
	buf_add(wire, d->bytes.at, d->number);
	if (d->number)
		jsonw_int(&w, number);
	buf_add(wire, d->bytes.at + d->number, d->text - d->number);
	jsonw_add_text(&w, text);
	buf_add(wire, d->bytes.at + d->text, d->bytes.len - d->text);
}

void out_custom_input(const struct out *o, struct buf *input)
{
	struct error ignored = { .kind = ERR_NONE };
	cJSON *tree = json_parse(buf_span(&o->arguments), &ignored);
	const char *text = json_text_or(tree, "input", NULL);

	buf_reset(input);
	if (text)
		buf_add_text(input, text);
	else
		buf_add(input, o->arguments.at, o->arguments.len);
	cJSON_Delete(tree);
}

/* An unknown model and an overflow in the API's own words. */
const char *out_openai_message(const struct error *failure, char out[static LIMIT_ERROR_TEXT])
{
	static const char mark[] = "model: ";

	if (failure->tokens && failure->window) {
		snprintf(out, LIMIT_ERROR_TEXT,
			 "This model's maximum context length is %" PRId64
			 " tokens. However, your messages resulted in about %" PRId64
			 " tokens. Please reduce the length of the messages.",
			 failure->window, failure->tokens);
		return out;
	}
	if (failure->kind != ERR_MODEL || strncmp(failure->message, mark, strlen(mark)) != 0)
		return failure->message;
	snprintf(out, LIMIT_ERROR_TEXT,
		 "The model `%.100s` does not exist or you do not have access to it.",
		 failure->message + strlen(mark));
	return out;
}

void out_openai_error(const struct error *failure, struct jsonw *w)
{
	const struct error_row *row = error_row(failure);
	char message[LIMIT_ERROR_TEXT];

	jsonw_begin_object(w);
	jsonw_begin_object_member(w, "error");
	jsonw_text_member(w, "message", out_openai_message(failure, message));
	jsonw_text_member(w, "type", row->openai);
	jsonw_text_member(w, "param", *failure->field ? failure->field : NULL);
	jsonw_text_member(w, "code", row->openai_code);
	jsonw_end(w);
	jsonw_end(w);
}

void out_openai_error_body(const struct error *failure, const char *request_id, struct buf *body)
{
	struct jsonw w;

	(void)request_id; /* travels in the header only */
	jsonw_init(&w, body);
	out_openai_error(failure, &w);
}

void out_begin_late(struct out *o, int64_t input, struct buf *wire)
{
	o->options.input_estimate = input;
	o->begun = false;
	out_begin(o, wire);
}
