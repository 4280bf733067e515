/*
 * event_tests.h - for the tests of up_event: an answer's frames in, the events that were told as
 * text out.
 */
#ifndef TESTS_UNIT_EVENT_TESTS_H
#define TESTS_UNIT_EVENT_TESTS_H

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

static inline int tell(void *context, const struct event *event, struct error *e)
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

static inline void play_begin(struct play *p)
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

static inline void play_end(struct play *p)
{
	up_event_release(&p->up);
	buf_release(&p->told);
	arena_release(&p->arena);
}

/* One frame through the decoder. Nothing happens after a failure. */
static inline void message(struct play *p, const char *kind, const char *type, const char *json)
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

static inline void event(struct play *p, const char *type, const char *json)
{
	message(p, "event", type, json);
}

static inline void text(struct play *p, const char *json)
{
	event(p, "assistantResponseEvent", json);
}

static inline void tool(struct play *p, const char *json)
{
	event(p, "toolUseEvent", json);
}

static inline void finish(struct play *p)
{
	if (!p->rc)
		p->rc = up_event_finish(&p->up, &p->error);
}

static inline void trailer(struct play *p, const char *stop)
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

#endif
