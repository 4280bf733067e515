/*
 * up_prefill.h - the answer continues a text of the client (its last message is the assistant's).
 * The model is asked to go on where that ends (up_wishes.h); here, what it repeats all the same is
 * taken away, so that the client's text and the answer together are the whole.
 *
 * - The whole of the client's text at the beginning of the answer is cut, with white space before
 *   it.
 * - Where the client's text is the beginning of a JSON object or array (also behind a code fence),
 *   white space inside does not matter, a code fence before the repetition is cut too, and so is
 *   what stands behind the end of the value.
 * - Of these, a lone { leaves no doubt about how its continuation begins (a quote or the end): all
 *   that stands before that is cut.
 */
#ifndef FCGI_UP_PREFILL_H
#define FCGI_UP_PREFILL_H

#include "common/buf.h"
#include "fcgi/json_scan.h"
#include "fcgi/up_event.h"

enum prefill_state { PREFILL_START, PREFILL_JSON, PREFILL_ENDED, PREFILL_TEXT };

struct up_prefill {
	struct span prefill;	/* borrowed */
	event_handler *handler; /* who gets the events */
	void *context;
	bool json; /* the beginning of a JSON object or array */
	bool lone; /* of these, a { and nothing else */
	enum prefill_state state;
	struct buf held; /* PREFILL_START: the text so far */
	size_t seen;	 /* so many bytes of it were looked at */
	size_t matched;	 /* so many bytes of the prefill are in them */
	bool begun;	 /* it is known where the repetition would begin */
	struct json_scan scan;
};

/* The JSON object or array that the text is the beginning of, without the code fence before it; len
 * 0: it is no such beginning. */
struct span up_prefill_json(struct span prefill);

void up_prefill_init(struct up_prefill *p, struct span prefill, event_handler *handler,
		     void *context);
void up_prefill_release(struct up_prefill *p);

/* An event_handler; context is the struct up_prefill. */
int up_prefill_event(void *context, const struct event *event, struct error *e);

#endif
