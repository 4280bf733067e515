/*
 * turn.h - one answer on its way: upstream's bytes in, the client's bytes out, and the clock
 * between them (when a held answer must begin, when a silent one needs a ping).
 */
#ifndef FCGI_TURN_H
#define FCGI_TURN_H

#include "common/calibration.h"
#include "fcgi/dialect.h"
#include "fcgi/eventstream.h"
#include "fcgi/models.h"
#include "fcgi/request.h"
#include "fcgi/up_call.h"
#include "fcgi/up_event.h"
#include "fcgi/up_filters.h"

struct turn {
	struct request *request; /* borrowed */
	const struct chat *chat; /* borrowed */
	struct out out;
	struct eventstream frames;
	struct up_event events;
	struct up_event_options options;
	struct up_filters filters;
	bool tags;		       /* the reasoning comes as tags in the text */
	const struct model *model;     /* as it was asked for; borrowed */
	struct calibration_view known; /* of its estimates */
	int64_t uncalibrated;	       /* estimate of the chat's input */
	struct up_again again;
	struct buf wire;       /* to be sent now; of a whole answer: the body at the end */
	bool buffered;	       /* a stream that is held back to its end, but for pings */
	event_handler *filter; /* stands in front of the writer; NULL: none */
	void *filter_context;
	bool any_event;		   /* upstream's answer has begun to show */
	bool stopped;		   /* it has ended, for the client */
	bool trimmed;		   /* of the stack that it does not need */
	bool booked;		   /* the try under way is in: */
	struct answer_usage spent; /* by all tries, for the ledger */
	int64_t hold_until; /* clock_ticks(): then the stream begins, whatever upstream does */
	int64_t last_sent;  /* clock_ticks() */
};

void turn_init(struct turn *t, struct request *request, const struct chat *chat,
	       const struct model *model, const struct tool_names *names);
void turn_release(struct turn *t);

/* The turn as the taker of an upstream call's answer. */
struct up_sink turn_sink(struct turn *t);

/* For the filter: one event to the writer; and what was written, to the client. */
int turn_event(struct turn *t, const struct event *event, struct error *e);
int turn_flush(struct turn *t, struct error *e);

/* The chat's tokens by the model's calibrated estimate. */
int64_t turn_estimate(struct turn *t, const struct chat *chat);

/* The same answer goes on with another call upstream, of this chat (borrowed). */
void turn_continue(struct turn *t, const struct chat *chat);

/* At the end, good or not: what the request's tries cost goes into its ledger. */
void turn_account(struct turn *t);

/* Of several answers: the sum is measured where all of them are. */
void turn_add_usage(struct answer_usage *sum, const struct answer_usage *more);

/* After a complete answer: sends what a whole answer collected. */
int turn_finish(struct turn *t, struct error *e);

/* After a failure: in a stream that has begun, the error event. Else nothing: the router answers.
 */
void turn_fail(struct turn *t, const struct error *failure);

#endif
