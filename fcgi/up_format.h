/*
 * up_format.h - the answer's text is to be JSON (FORMAT_JSON: an object; FORMAT_SCHEMA: a value
 * that the schema describes). The upstream has no such control, so the model is told in words
 * (up_wishes.h), and here its answer waits until it has ended.
 *
 * Of the text, the first complete value that fits is handed out, byte for byte, without the prose
 * or code fence around it. If there is none: ERR_UP_UNMET, or, when it was the last try, the text
 * as it came. An answer that calls a tool, or could not end its turn (limit, refusal), is not
 * judged.
 */
#ifndef FCGI_UP_FORMAT_H
#define FCGI_UP_FORMAT_H

#include "fcgi/chat.h"
#include "fcgi/up_again.h"
#include "fcgi/up_hold.h"

struct up_format {
	const struct chat *chat; /* borrowed */
	struct up_again *again;	 /* borrowed; NULL: the last try */
	event_handler *handler;	 /* who gets the events */
	void *context;
	struct up_hold hold;
	bool called;
};

void up_format_init(struct up_format *f, const struct chat *chat, struct up_again *again,
		    event_handler *handler, void *context);
void up_format_release(struct up_format *f);

/* An event_handler; context is the struct up_format. */
int up_format_event(void *context, const struct event *event, struct error *e);

#endif
