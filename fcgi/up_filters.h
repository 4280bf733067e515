/*
 * up_filters.h - what stands between up_event and the answer's writer: of the filters, those that
 * this request needs, in the order of the flow. Each hands whole characters on.
 *
 *   up_think (tags) → up_prefill → up_forced (tool_choice) → up_format (JSON) → up_cut
 */
#ifndef FCGI_UP_FILTERS_H
#define FCGI_UP_FILTERS_H

#include "fcgi/up_cut.h"
#include "fcgi/up_forced.h"
#include "fcgi/up_format.h"
#include "fcgi/up_prefill.h"
#include "fcgi/up_think.h"

struct up_filters {
	struct up_think think;
	struct up_prefill prefill;
	struct up_forced forced;
	struct up_format format;
	struct up_cut cut;
	event_handler *handler; /* the first in the chain, */
	void *context;		/* and its own */
};

struct up_filters_options {
	const struct chat *chat;
	bool tags;		/* the reasoning comes as tags in the text */
	int64_t input_estimate; /* for an answer that ends here */
	struct up_again *again; /* NULL: the last try, what comes is handed out */
	event_handler *handler; /* the writer */
	void *context;
};

/* A struct up_filters is not to be moved then. */
void up_filters_init(struct up_filters *f, const struct up_filters_options *options);
void up_filters_release(struct up_filters *f);

#endif
