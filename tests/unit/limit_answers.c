#include "common/base.h"
#include "tests/unit/limit_probes.h"

#include "fcgi/out.h"
#include "fcgi/tool_names.h"
#include "fcgi/up_event.h"

#include <CUnit/CUnit.h>

/* ---- what the upstream sends ---- */

static int take_event(void *context, const struct event *event, struct error *e)
{
	(void)context, (void)event, (void)e;
	return 0;
}

static int feed(struct up_event *up, const char *type, const struct buf *json, struct error *e)
{
	const struct frame frame = { .message_type = span_of("event"),
				     .event_type = span_of(type),
				     .payload = buf_span(json) };

	return up_event_frame(up, &frame, e);
}

/* Pieces of a megabyte and a rest make n bytes of text, or of arguments, as one answer. */
static bool takes_answer(const char *type, const char *before, const char *after, size_t n)
{
	struct error e = { .kind = ERR_NONE };
	struct tool_names names;
	struct up_event up;
	struct arena arena;
	struct up_event_options options = { .names = &names,
					    .window = 200000,
					    .handler = take_event };
	int rc = 0;

	arena_init(&arena);
	tool_names_init(&names, &arena);
	up_event_init(&up, &options);
	while (n && !rc) {
		size_t part = n < MB(1) ? n : MB(1);
		struct buf json;

		buf_init(&json, ANY);
		buf_add_text(&json, before);
		add_char_many(&json, 'x', part);
		buf_add_text(&json, after);
		rc = feed(&up, type, &json, &e);
		buf_release(&json);
		n -= part;
	}
	CU_ASSERT_TRUE(!rc || e.kind == ERR_UP_DAMAGED);
	up_event_release(&up);
	arena_release(&arena);
	return !rc;
}

bool takes_text(size_t n)
{
	return takes_answer("assistantResponseEvent", "{\"content\":\"", "\"}", n);
}

bool takes_arguments(size_t n)
{
	return takes_answer("toolUseEvent", "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"",
			    "\"}", n);
}

/* ---- what we write ---- */

/* One delta of a stream whose event has n bytes. */
bool writes_event(size_t n)
{
	const struct out_options options = { .stream = true, .model = "m" };
	struct event event = { .kind = EVENT_TEXT, .text = span_of("x") };
	struct error e = { .kind = ERR_NONE };
	struct buf text, wire;
	bool whole;
	size_t rest;
	struct out o;

	buf_init(&wire, LIMIT_EVENT);
	out_init(&o, &out_anthropic, &options);
	CU_ASSERT_EQUAL(out_event(&o, &event, &wire, &e), 0); /* begins message and block */
	buf_reset(&wire);
	CU_ASSERT_EQUAL(out_event(&o, &event, &wire, &e), 0);
	rest = wire.len - 1;
	buf_reset(&wire);
	buf_init(&text, ANY);
	add_char_many(&text, 'x', n - rest);
	event.text = buf_span(&text);
	CU_ASSERT_EQUAL(out_event(&o, &event, &wire, &e), 0);
	whole = !wire.failed;
	CU_ASSERT_TRUE(!whole || wire.len == n);
	out_release(&o);
	buf_release(&text);
	buf_release(&wire);
	return whole;
}
