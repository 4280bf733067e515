/*
 * up_hold.h - events that wait until it is known whether the client may have them.
 *
 * Owns copies; STOP and TOOL_END need no copy of their own and are never held.
 */
#ifndef FCGI_UP_HOLD_H
#define FCGI_UP_HOLD_H

#include "common/buf.h"
#include "fcgi/up_event.h"

struct up_hold {
	struct buf bytes; /* the texts, one behind the other */
	struct held_text *items;
	size_t count, room;
};

void up_hold_init(struct up_hold *h);
void up_hold_release(struct up_hold *h);

/* TEXT, THINKING or SIGNATURE; pieces of one text become one again. 0 or -1. */
int up_hold_add(struct up_hold *h, const struct event *event, struct error *e);

/* Hands out all and is empty then, also when the handler ends the answer. */
int up_hold_hand_out(struct up_hold *h, event_handler *handler, void *context, struct error *e);

/* Moves what was said aloud, the TEXT, to the end of out. Nothing is added after that. */
void up_hold_take_text(struct up_hold *h, struct buf *out);

#endif
