/*
 * up_cut.h - ends an answer early, where the client's wishes say so: the upstream knows neither
 * stop sequences nor a limit of tokens nor "one call only". Stands last before the writer.
 *
 * Stop sequences: the text ends before the sequence that is complete first (of several that end at
 * the same character, the longest). What may be the beginning of one is held back, never more.
 * Reasoning and arguments of calls are not searched; text before and behind a call is two texts.
 * Behind a completed call that the client is to run, the reason of the ending is tool_use all the
 * same.
 *
 * max_tokens: the estimator (tokens.h) counts text and arguments. Up to 64 the limit is taken at
 * its word; above, the estimate must be past it by half of the rest: the estimator errs
 * by a quarter in most languages, by more in some, and must not cut a good answer. Reasoning does
 * not count: what the upstream sends of it is a summary, whose length says nothing. A call that has
 * begun is finished. An answer is cut only when there is more of it: one that ends by itself at the
 * limit keeps its own ending.
 *
 * one_call: ends with tool_use before whatever follows the first completed call.
 *
 * At its own ending it hands out STOP with estimated usage and returns 1: the answer is complete,
 * the rest is not wanted. All handlers before it pass a value > 0 on, down to http_run().
 */
#ifndef FCGI_UP_CUT_H
#define FCGI_UP_CUT_H

#include "common/buf.h"
#include "fcgi/chat.h"
#include "fcgi/tokens.h"
#include "fcgi/up_event.h"

/* A stop sequence that is looked for. */
struct up_cut_stop {
	const char *text;  /* borrowed */
	size_t len, have;  /* have: so many of its characters are at the end of the text */
	uint16_t *shorter; /* [n]: the same, if n were there and the next one is another */
};

struct up_cut {
	const struct chat *chat; /* borrowed */
	int64_t input_estimate;
	event_handler *handler; /* who gets the events */
	void *context;
	struct up_cut_stop *stops;  /* as many as the chat has */
	struct buf held;	    /* text that may be the beginning of a stop sequence */
	struct token_count counted; /* text and arguments, for the limit */
	struct token_count thought; /* reasoning, for the usage only */
	bool called;		    /* a call was completed */
	bool searching, owed;	    /* the last one is a search of ours; one is the client's */
};

/* Is there anything to cut by? */
bool up_cut_is_needed(const struct chat *chat);

void up_cut_init(struct up_cut *c, const struct chat *chat, int64_t input_estimate,
		 event_handler *handler, void *context);
void up_cut_release(struct up_cut *c);

/* What is left of a limit when an answer that goes on has said so many tokens; < 1: nothing. */
int64_t up_cut_rest(int64_t max_tokens, int64_t said);

/* An event_handler; context is the struct up_cut. */
int up_cut_event(void *context, const struct event *event, struct error *e);

#endif
