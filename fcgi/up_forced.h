/*
 * up_forced.h - tool_choice "any" and "tool": the answer must call. The upstream has no such
 * control, so the model is told in words (up_wishes.h), and here its answer waits until a call
 * begins. One that ends its turn without any is ERR_UP_UNMET, or, when it was the last try, handed
 * out as it came. An answer that could not end its turn (limit, refusal) is handed out as it is.
 */
#ifndef FCGI_UP_FORCED_H
#define FCGI_UP_FORCED_H

#include "fcgi/chat.h"
#include "fcgi/up_again.h"
#include "fcgi/up_hold.h"

struct up_forced {
	struct up_again *again; /* borrowed; NULL: the last try */
	event_handler *handler; /* who gets the events */
	void *context;
	struct up_hold hold;
	bool called;
};

bool up_forced_is_needed(const struct chat *chat);

void up_forced_init(struct up_forced *f, struct up_again *again, event_handler *handler,
		    void *context);
void up_forced_release(struct up_forced *f);

/* An event_handler; context is the struct up_forced. */
int up_forced_event(void *context, const struct event *event, struct error *e);

#endif
