#include "common/base.h"
#include "fcgi/turn.h"

#include "common/clock.h"
#include "common/limits.h"
#include "fcgi/tokens.h"
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
	if (response_begin_stream(response))
		return gone(e);
	if (!t->buffered)
		t->out.dialect->begin(&t->out, &t->wire);
	return 0;
}

/* The end of a buffered stream: its first event, now that the numbers are known, then the rest. */
static int release(struct turn *t, struct error *e)
{
	struct buf head;
	int rc = 0;

	buf_init(&head, LIMIT_EVENT);
	out_begin_late(&t->out, t->usage.input, &head);
	if (response_write(&t->request->response, buf_span(&head)))
		rc = gone(e);
	buf_release(&head);
	t->buffered = false;
	return rc ? rc : flush(t, e);
}

int turn_event(struct turn *t, const struct event *event, struct error *e)
{
	bool stop = event->kind == EVENT_STOP;

	if (stop)
		t->usage = event->usage;
	if (((!t->buffered || stop) && begin(t, e)) ||
	    t->out.dialect->event(&t->out, event, &t->wire, e))
		return -1;
	if (t->buffered && stop)
		return release(t, e);
	return t->wire.len >= FLUSH_AT ? flush(t, e) : 0;
}

int turn_flush(struct turn *t, struct error *e)
{
	return flush(t, e);
}

static int on_event(void *context, const struct event *event, struct error *e)
{
	struct turn *t = context;

	t->any_event = true;
	return t->filter ? t->filter(t->filter_context, event, e) : turn_event(t, event, e);
}

static int sink_bytes(void *context, struct span bytes, struct error *e)
{
	struct turn *t = context;
	struct frame frame;
	int rc;

	if (eventstream_feed(&t->frames, bytes, e))
		return -1;
	while ((rc = eventstream_next(&t->frames, &frame, e)) > 0) {
		if (up_event_frame(&t->events, &frame, e)) {
			rc = -1;
			break;
		}
	}
	/* What came before the damage was good: the client gets it, then the error. */
	if (e->kind != ERR_GONE) {
		struct error sending = { 0 };

		if (flush(t, &sending)) {
			error_clear(e);
			*e = sending;
			return -1;
		}
	}
	return rc;
}

static int sink_end(void *context, struct error *e)
{
	struct turn *t = context;

	if (eventstream_finish(&t->frames, e) || up_event_finish(&t->events, e))
		return -1;
	return flush(t, e);
}

static int ping_client(struct turn *t, struct error *e)
{
	struct buf ping;
	int rc;

	if (!t->buffered) {
		t->out.dialect->ping(&t->out, &t->wire);
		return flush(t, e);
	}
	buf_init(&ping, LIMIT_EVENT);
	t->out.dialect->ping(&t->out, &ping);
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
	int64_t due;

	if (conn_gone(t->request->conn))
		return gone(e);
	if (!t->chat->stream)
		return (int)ping;
	if (!t->request->response.started) {
		if (now < t->hold_until)
			return (int)(t->hold_until - now);
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

static void sink_reset(void *context, const struct model *model)
{
	struct turn *t = context;
	bool by_tags = up_request_uses_tags(t->chat, model);

	t->options.window = model->window;
	t->options.handler = by_tags ? up_think_event : on_event;
	t->options.context = by_tags ? (void *)&t->think : t;
	eventstream_reset(&t->frames);
	up_event_release(&t->events);
	up_event_init(&t->events, &t->options);
	up_think_release(&t->think);
	up_think_init(&t->think, t->chat->thinking_omitted, on_event, t);
}

static bool sink_committed(void *context)
{
	return ((struct turn *)context)->any_event;
}

struct up_sink turn_sink(struct turn *t)
{
	return (struct up_sink){
		.reset = sink_reset,
		.bytes = sink_bytes,
		.end = sink_end,
		.tick = sink_tick,
		.watch = sink_watch,
		.watch_fd = t->request->conn->watch_fd,
		.committed = sink_committed,
		.context = t,
	};
}

void turn_init(struct turn *t, struct request *request, const struct chat *chat,
	       const struct model *model, const struct tool_names *names)
{
	int64_t now = clock_ticks(), estimate = tokens_of_chat(chat);
	int64_t floor = estimate / 2 > 0 ? estimate / 2 : 1;
	bool buffered = chat->stream && request->site->config->cc_buffered &&
			strstr(request->path, "/cc/v1/messages");
	struct out_options options = {
		.stream = chat->stream,
		.late = buffered,
		.include_usage = chat->include_usage,
		.model = chat->model,
		/* A stream begins with a lower bound: the number can only grow to its end. */
		.input_estimate = floor,
		.created = clock_wall(),
	};

	*t = (struct turn){
		.request = request, .chat = chat, .last_sent = now, .buffered = buffered
	};
	t->hold_until = now + (int64_t)request->site->config->first_byte_hold * 1000;
	t->options = (struct up_event_options){
		.names = names,
		.input_estimate = estimate,
		.input_floor = floor,
		.window = model->window,
		.handler = on_event, /* sink_reset() knows better */
		.context = t,
	};
	up_think_init(&t->think, chat->thinking_omitted, on_event, t);
	out_init(&t->out, request->dialect->out, &options);
	eventstream_init(&t->frames);
	up_event_init(&t->events, &t->options);
	buf_init(&t->wire, chat->stream && !buffered ? LIMIT_EVENT : LIMIT_ANSWER);
}

void turn_continue(struct turn *t, const struct chat *chat)
{
	t->chat = chat;
	t->any_event = false;
	t->options.input_estimate = tokens_of_chat(chat);
}

void turn_release(struct turn *t)
{
	buf_release(&t->wire);
	up_event_release(&t->events);
	up_think_release(&t->think);
	eventstream_release(&t->frames);
	out_release(&t->out);
}

int turn_finish(struct turn *t, struct error *e)
{
	if (t->chat->stream)
		return 0;
	if (t->wire.failed)
		return error_set(e, ERR_UP_DAMAGED, "the answer is longer than this gateway holds");
	return response_whole(&t->request->response, 200, "application/json", buf_span(&t->wire)) ?
		       gone(e) :
		       0;
}

void turn_fail(struct turn *t, const struct error *failure)
{
	struct error ignored = { 0 };

	if (!t->request->response.started || failure->kind == ERR_GONE)
		return;
	buf_reset(&t->wire);
	t->buffered = false;
	t->out.dialect->fail(&t->out, failure, &t->wire);
	flush(t, &ignored);
}
