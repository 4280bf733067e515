/*
 * up_think.h - for models without reasoning of their own: text that begins with
 * <thinking>...</thinking>, cut anywhere, becomes reasoning and text events. Stands between
 * up_event and the answer's writer; an answer that needs none of it does not pass here.
 *
 * Only a block at the very beginning counts: what looks like a tag later is the model's text, so
 * that reasoning never follows text. The closing tag counts at the end of a line (or of the text):
 * a quoted one inside the reasoning does not. A block that is never closed stays reasoning; an
 * answer that ends its turn with nothing else is ERR_UP_EMPTY.
 */
#ifndef FCGI_UP_THINK_H
#define FCGI_UP_THINK_H

#include "common/buf.h"
#include "fcgi/event.h"
#include "fcgi/up_event.h"

enum think_state { THINK_START, THINK_INSIDE, THINK_BEHIND, THINK_TEXT };

struct up_think {
	event_handler *handler; /* who gets the events */
	void *context;
	bool omit;    /* the client wants no reasoning text */
	bool visible; /* text or a call was handed out */
	enum think_state state;
	size_t ends;	 /* bytes of line ends that were taken behind the block */
	struct buf held; /* bytes that may be the beginning of a tag */
};

void up_think_init(struct up_think *t, bool omit, event_handler *handler, void *context);
void up_think_release(struct up_think *t);

/* An event_handler; context is the struct up_think. */
int up_think_event(void *context, const struct event *event, struct error *e);

#endif
