#include "common/base.h"
#include "fcgi/turn.h"

#include "common/clock.h"
#include "common/limits.h"
#include "fcgi/tokens.h"
#include "fcgi/trim.h"
#include "fcgi/up_request.h"

#define FLUSH_AT KB(16) /* a burst of events goes out in pieces of about this size */

#define BUFFERED_PING 25 /* seconds, of a stream that is held back (cc_buffered) */

static int gone(struct error *e)
{
	return error_set(e, ERR_GONE, "the client has left");
}

static int flush(struct turn *t, struct error *e)
{
	if (t->wire.failed)
		return error_set(e, ERR_UP_DAMAGED, "the answer is longer than this gateway holds");
	if (!t->chat->stream || t->buffered || !t->wire.len)
		return 0;
	if (response_write(&t->request->response, buf_span(&t->wire)))
		return gone(e);
	buf_reset(&t->wire);
	t->last_sent = clock_ticks();
	return 0;
}

/* Headers and the stream's first event; of a buffered one, that comes at the end. */
static int begin(struct turn *t, struct error *e)
{
	struct response *response = &t->request->response;

	if (!t->chat->stream || response->started)
		return 0;
	if (response_begin_stream(response, !t->buffered))
		return gone(e);
	if (!t->buffered)
		out_begin(&t->out, &t->wire);
	return 0;
}

/* The end of a buffered stream: its first event, now that the numbers are known, then the rest. */
static int release(struct turn *t, int64_t input, struct error *e)
{
	struct buf head;
	int rc = 0;

	buf_init(&head, LIMIT_EVENT);
	out_begin_late(&t->out, input, &head);
	if (response_write(&t->request->response, buf_span(&head)))
		rc = gone(e);
	buf_release(&head);
	t->buffered = false;
	return rc ? rc : flush(t, e);
}

int turn_event(struct turn *t, const struct event *event, struct error *e)
{
	bool stop = event->kind == EVENT_STOP;

	t->stopped |= stop;
	if (((!t->buffered || stop) && begin(t, e)) || out_event(&t->out, event, &t->wire, e))
		return -1;
	if (t->buffered && stop)
		return release(t, event->usage.input, e);
	return t->wire.len >= FLUSH_AT ? flush(t, e) : 0;
}

int turn_flush(struct turn *t, struct error *e)
{
	return flush(t, e);
}

/* What upstream tells of its count makes the next estimates better. Input and output together where
 * it tells a percentage: only where our own estimate of the output weighs little. Not of a request
 * that was made again, with more in it than the chat. */
static void learn(struct turn *t, const struct answer_usage *usage)
{
	struct calibration *calibration = t->request->site->calibration;
	int64_t ours = t->uncalibrated, told = usage->context;

	if (usage->measured)
		told = usage->input + usage->cache_read + usage->cache_write;
	else if (usage->output < usage->input / 4)
		ours += tokens_scaled(usage->output, 1 / t->known.factor);
	else
		return;
	if (told && !t->again.words.len && tokens_are_of_text(t->chat))
		calibration_learn(calibration, t->model->id, ours, told);
}

void turn_add_usage(struct answer_usage *sum, const struct answer_usage *more)
{
	if (more->output) /* no answer has none */
		sum->measured = more->measured && (sum->measured || !sum->output);
	sum->input += more->input;
	sum->output += more->output;
	sum->cache_read += more->cache_read;
	sum->cache_write += more->cache_write;
	sum->credits += more->credits;
}

/* What a try has cost, whatever the client gets of it. */
static void book(struct turn *t, struct answer_usage usage)
{
	usage.credits = t->events.usage.credits;
	turn_add_usage(&t->spent, &usage);
}

static int on_event(void *context, const struct event *event, struct error *e)
{
	struct turn *t = context;

	t->any_event = true;
	if (event->kind == EVENT_STOP) {
		learn(t, &event->usage);
		book(t, event->usage);
		t->booked = true;
	}
	return t->filter ? t->filter(t->filter_context, event, e) : turn_event(t, event, e);
}

/* Hands the frames on: 0, > 0 when the answer has ended before upstream's did, -1. */
static int take_frames(struct turn *t, struct error *e)
{
	struct frame frame;
	int rc;

	while ((rc = eventstream_next(&t->frames, &frame, e)) > 0) {
		rc = up_event_frame(&t->events, &frame, e);
		if (rc)
			return rc;
	}
	return rc;
}

static int sink_bytes(void *context, struct span bytes, struct error *e)
{
	struct turn *t = context;
	int rc;

	if (eventstream_feed(&t->frames, bytes, e))
		return -1;
	rc = take_frames(t, e);
	if (t->events.any_content)
		ledger_first_event(&t->request->ledger);
	/* What came before the damage was good: the client gets it, then the error. */
	if (rc && e->kind != ERR_GONE) {
		struct error sending = { 0 };

		if (flush(t, &sending)) {
			error_clear(e);
			*e = sending;
			return -1;
		}
	}
	return rc;
}

/* One write for all events of one read: an upstream that is faster than we are sends 80 of them at
 * once, and a write costs more than ten events. */
static int sink_read(void *context, struct error *e)
{
	struct turn *t = context;

	if (flush(t, e))
		return -1;
	if (!t->trimmed && t->request->response.started) {
		t->trimmed = true;
		trim_stack(); /* 4 KiB of a stream, more over TLS */
	}
	return 0;
}

static int sink_end(void *context, struct error *e)
{
	struct turn *t = context;

	if (eventstream_finish(&t->frames, e) || up_event_finish(&t->events, e) < 0)
		return -1;
	return flush(t, e);
}

static int ping_client(struct turn *t, struct error *e)
{
	struct buf ping;
	int rc;

	if (!t->buffered) {
		out_ping(&t->out, &t->wire);
		return flush(t, e);
	}
	buf_init(&ping, LIMIT_EVENT);
	out_ping(&t->out, &ping);
	rc = response_write(&t->request->response, buf_span(&ping)) ? gone(e) : 0;
	buf_release(&ping);
	t->last_sent = clock_ticks();
	return rc;
}

static int sink_tick(void *context, struct error *e)
{
	struct turn *t = context;
	int64_t now = clock_ticks();
	int64_t interval = t->buffered ? BUFFERED_PING : t->request->site->config->ping_interval;
	int64_t ping = interval * 1000;
	int64_t due, held;

	if (conn_gone(t->request->conn))
		return gone(e);
	if (!t->chat->stream)
		return (int)ping;
	if (!t->request->response.started) {
		held = t->hold_until - now;
		if (held > 0) /* the answer may start before, and then be silent */
			return (int)(held < ping ? held : ping);
		if (begin(t, e) || flush(t, e))
			return -1;
	}
	due = t->last_sent + ping;
	if (now >= due) {
		if (ping_client(t, e))
			return -1;
		due = now + ping;
	}
	return (int)(due - now);
}

static int sink_watch(void *context, struct error *e)
{
	struct turn *t = context;

	if (conn_gone(t->request->conn))
		return gone(e);
	return 0; /* readable but there: never spin on it */
}

/* Writer and filters for a new try. A stream that has begun goes on: only pings were sent. */
static void start_answer(struct turn *t, bool last)
{
	struct up_filters_options filters = {
		.chat = t->chat,
		.tags = t->tags,
		.input_estimate = t->options.input_estimate,
		.again = last ? NULL : &t->again,
		.handler = on_event,
		.context = t,
	};

	up_filters_init(&t->filters, &filters);
	t->options.handler = t->filters.handler;
	t->options.context = t->filters.context;
	up_event_init(&t->events, &t->options);
}

/* Of a whole answer, and of a buffered one, the client sees nothing before its end; one with
 * searches holds earlier rounds. */
static bool sink_committed(void *context)
{
	const struct turn *t = context;

	return (t->chat->stream && !t->buffered) || t->filter ? t->any_event : t->stopped;
}

/* One that broke off, without a STOP: what had come until then, by estimate; where nothing had,
 * only what the upstream told. */
static void end_try(struct turn *t)
{
	struct answer_usage usage = up_event_usage(&t->events);

	if (!t->events.any_content && !usage.measured)
		usage.input = usage.output = 0;
	if (!t->booked)
		book(t, usage);
	t->booked = false;
}

static double sink_credits(void *context)
{
	return ((const struct turn *)context)->events.usage.credits;
}

static void sink_reset(void *context, const struct model *model, bool last)
{
	struct turn *t = context;

	end_try(t);
	t->options.window = model->window;
	t->tags = up_request_uses_tags(t->chat, model);
	eventstream_reset(&t->frames);
	up_event_release(&t->events);
	up_filters_release(&t->filters);
	start_answer(t, last);
	if (!sink_committed(t) && t->any_event) {
		const struct out_options options = t->out.options;

		out_release(&t->out);
		out_init(&t->out, t->request->dialect->out, &options);
		buf_reset(&t->wire);
		t->any_event = false;
	}
}

struct up_sink turn_sink(struct turn *t)
{
	return (struct up_sink){
		.reset = sink_reset,
		.bytes = sink_bytes,
		.read = sink_read,
		.end = sink_end,
		.tick = sink_tick,
		.watch = sink_watch,
		.watch_fd = t->request->conn->watch_fd,
		.committed = sink_committed,
		.credits = sink_credits,
		.again = &t->again,
		.context = t,
	};
}

/* The Messages API has them since that version; clients of the one before refuse a null. */
static bool has_citations(struct request *request)
{
	const char *version = request_header(request, "HTTP_ANTHROPIC_VERSION");

	return version && strcmp(version, "2026-10-21") >= 0;
}

void turn_init(struct turn *t, struct request *request, const struct chat *chat,
	       const struct model *model, const struct tool_names *names)
{
	int64_t now = clock_ticks(), estimate, floor;
	bool buffered = chat->stream && request->site->config->cc_buffered &&
			strstr(request->path, "/cc/v1/messages");
	struct out_options options = {
		.stream = chat->stream,
		.late = buffered,
		.citations = has_citations(request),
		.include_usage = chat->include_usage,
		.chat = chat,
		.thinking_format = (enum thinking_format)request->site->config->thinking_format,
		.model = chat->model,
		.created = clock_wall(),
	};

	*t = (struct turn){ .request = request,
			    .chat = chat,
			    .tags = up_request_uses_tags(chat, model),
			    .model = model,
			    .last_sent = now,
			    .buffered = buffered };
	calibration_look(request->site->calibration, model->id, &t->known);
	estimate = turn_estimate(t, chat);
	/* A stream begins with the estimate's lower end: the number can only grow to its end. */
	floor = tokens_scaled(estimate, t->known.low);
	options.input_estimate = floor;
	t->hold_until = now + (int64_t)request->site->config->first_byte_hold * 1000;
	t->options = (struct up_event_options){
		.names = names,
		.input_estimate = estimate,
		.factor = t->known.factor,
		.input_floor = floor,
		.window = model->window,
	};
	out_init(&t->out, request->dialect->out, &options);
	eventstream_init(&t->frames);
	start_answer(t, false);
	buf_init(&t->again.answer, LIMIT_ANSWER);
	buf_init(&t->again.words, LIMIT_ERROR_TEXT * 2);
	buf_init(&t->wire, chat->stream && !buffered ? LIMIT_EVENT : LIMIT_ANSWER);
}

int64_t turn_estimate(struct turn *t, const struct chat *chat)
{
	t->uncalibrated = tokens_of_chat(chat);
	return tokens_scaled(t->uncalibrated, t->known.factor);
}

void turn_continue(struct turn *t, const struct chat *chat)
{
	t->chat = chat;
	t->any_event = false;
	buf_reset(&t->again.answer); /* that was about another answer */
	buf_reset(&t->again.words);
	t->options.input_estimate = turn_estimate(t, chat);
}

void turn_release(struct turn *t)
{
	buf_release(&t->wire);
	up_event_release(&t->events);
	up_filters_release(&t->filters);
	buf_release(&t->again.answer);
	buf_release(&t->again.words);
	eventstream_release(&t->frames);
	out_release(&t->out);
}

void turn_account(struct turn *t)
{
	struct ledger *l = &t->request->ledger;

	end_try(t);
	l->input = t->spent.input;
	l->output = t->spent.output;
	l->cache_read = t->spent.cache_read;
	l->cache_write = t->spent.cache_write;
	l->credits = t->spent.credits;
	l->measured = t->spent.measured;
}

int turn_finish(struct turn *t, struct error *e)
{
	if (t->chat->stream)
		return 0;
	if (t->wire.failed)
		return error_set(e, ERR_UP_DAMAGED, "the answer is longer than this gateway holds");
	return response_whole(&t->request->response, 200, "application/json", buf_span(&t->wire))
		       ? gone(e)
		       : 0;
}

void turn_fail(struct turn *t, const struct error *failure)
{
	struct error ignored = { 0 };

	if (!t->request->response.started || failure->kind == ERR_GONE)
		return;
	buf_reset(&t->wire);
	t->buffered = false;
	out_fail(&t->out, failure, &t->wire);
	flush(t, &ignored);
}
