/*
 * filter_tests.h - for the tests of what stands between up_event and the writer: an answer in short
 * notation in, the same notation out.
 *
 * "T:reasoning|X:text|C:arguments|S" - C is a whole call, S the stop with END_TURN, S: with another
 * word of stops[]. Of a stop that a filter makes, "=SEQUENCE" follows. "|1" at the end: the filter
 * said that the answer is complete; "|E:" an error's kind as error_kinds[] names it.
 */
#ifndef TESTS_UNIT_FILTER_TESTS_H
#define TESTS_UNIT_FILTER_TESTS_H

#include "common/base.h"
#include "common/buf.h"
#include "common/limits.h"
#include "fcgi/up_event.h"

#include <CUnit/CUnit.h>

struct seen {
	struct buf text;
	enum event_kind last;
	struct answer_usage usage;
};

static const char *const filter_stops[STOP_REASONS] = {
	[STOP_END_TURN] = "",	     [STOP_TOOL_USE] = ":tool",	  [STOP_MAX_TOKENS] = ":max",
	[STOP_SEQUENCE] = ":seq",    [STOP_REFUSAL] = ":refusal", [STOP_PAUSE_TURN] = ":pause",
	[STOP_CONTEXT] = ":context",
};

/* An event_handler. */
static inline int see(void *context, const struct event *event, struct error *e)
{
	static const char *const marks[] = {
		[EVENT_TEXT] = "|X:",	    [EVENT_THINKING] = "|T:", [EVENT_SIGNATURE] = "|G:",
		[EVENT_TOOL_START] = "|C:", [EVENT_TOOL_INPUT] = "",  [EVENT_TOOL_END] = "",
		[EVENT_STOP] = "|S",
	};
	struct seen *s = context;
	bool words = event->kind == EVENT_TEXT || event->kind == EVENT_THINKING;

	(void)e;
	CU_ASSERT_FALSE(words && !event->text.len);
	if (!words || event->kind != s->last)
		buf_add_text(&s->text, marks[event->kind]);
	if (words || event->kind == EVENT_SIGNATURE || event->kind == EVENT_TOOL_INPUT)
		buf_add(&s->text, event->text.at, event->text.len);
	if (event->kind == EVENT_STOP) {
		buf_add_text(&s->text, filter_stops[event->stop]);
		s->usage = event->usage;
	}
	if (event->kind == EVENT_STOP && event->stop == STOP_SEQUENCE)
		buf_add_format(&s->text, "=%s", event->stop_sequence);
	s->last = event->kind;
	return 0;
}

static inline void seen_init(struct seen *s)
{
	*s = (struct seen){ .last = EVENT_STOP };
	buf_init(&s->text, LIMIT_ANSWER);
}

static inline void seen_release(struct seen *s)
{
	buf_release(&s->text);
}

static inline int feed_pieces(enum event_kind kind, struct span text, size_t piece,
			      event_handler *handler, void *context, struct error *e)
{
	int rc = 0;

	for (size_t at = 0; at < text.len && !rc; at += piece) {
		const struct event event = {
			.kind = kind,
			.text = { text.at + at, text.len - at < piece ? text.len - at : piece },
		};

		rc = handler(context, &event, e);
	}
	return rc;
}

static inline int feed_part(struct span part, size_t piece, event_handler *handler, void *context,
			    struct error *e)
{
	struct event event = { .kind = EVENT_STOP, .text = { "", 0 }, .id = "i", .name = "n" };
	struct span text = { part.at + 2, part.len - 2 };
	int rc;

	if (*part.at == 'X')
		return feed_pieces(EVENT_TEXT, text, piece, handler, context, e);
	if (*part.at == 'T')
		return feed_pieces(EVENT_THINKING, text, piece, handler, context, e);
	if (*part.at == 'S') {
		for (unsigned i = 0; i < STOP_REASONS; i++) {
			if (part.len > 1 &&
			    span_is((struct span){ part.at + 1, part.len - 1 }, filter_stops[i]))
				event.stop = i;
		}
		event.usage = (struct answer_usage){ .input = 5, .output = 7, .measured = true };
		return handler(context, &event, e);
	}
	event.kind = EVENT_TOOL_START;
	rc = handler(context, &event, e);
	if (!rc)
		rc = feed_pieces(EVENT_TOOL_INPUT, text, piece, handler, context, e);
	event.kind = EVENT_TOOL_END;
	return rc ? rc : handler(context, &event, e);
}

/* Feeds the answer, its texts in pieces of that size. */
static inline int feed(const char *answer, size_t piece, event_handler *handler, void *context,
		       struct seen *s)
{
	struct error e = { .kind = ERR_NONE };
	int rc = 0;

	while (*answer && !rc) {
		size_t len = strcspn(answer, "|");

		rc = feed_part((struct span){ answer, len }, piece, handler, context, &e);
		answer += len + (answer[len] == '|');
	}
	if (rc > 0)
		buf_add_text(&s->text, "|1");
	else if (rc < 0)
		buf_add_format(&s->text, "|E:%s", error_row(&e)->name);
	CU_ASSERT_EQUAL(rc < 0, e.kind != ERR_NONE);
	return rc;
}

static inline void expect_seen(const struct seen *s, const char *want, const char *answer,
			       size_t piece)
{
	/* the first mark has a separator in front as the others have */
	if (strcmp(s->text.at + (*s->text.at == '|'), want) == 0)
		return;
	printf("\n%s in pieces of %zu\n  gave: %s\n  want: %s\n", answer, piece, s->text.at, want);
	CU_FAIL("not what was to be seen");
}

#endif
