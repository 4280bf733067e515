/*
 * up_event.h - frames of an upstream answer in, events of the house out.
 *
 * Text and reasoning pass at once. A tool call passes piece by piece too, but its END only when
 * upstream closed it and its arguments are one JSON object; calls that upstream interleaves are
 * collected and handed out one after the other. The end of input without upstream's final marker,
 * or inside a call, is ERR_UP_TRUNCATED: never a STOP.
 *
 * Order where upstream mixes: text that arrives inside a call that is being handed out waits for
 * the call's END and then comes before further calls. Reasoning and signatures that arrive after
 * text or a call (GPT models send an opaque signature there) are dropped: no client API has a place
 * for them, and Claude Code shows nothing of an answer whose last text precedes its thinking.
 */
#ifndef FCGI_UP_EVENT_H
#define FCGI_UP_EVENT_H

#include "common/buf.h"
#include "common/error.h"
#include "fcgi/event.h"
#include "fcgi/eventstream.h"
#include "fcgi/tokens.h"
#include "fcgi/tool_names.h"

typedef int event_handler(void *context, const struct event *event, struct error *e);

struct up_event_options {
	const struct tool_names *names; /* maps names back */
	int64_t input_estimate;		/* tokens of the request, where upstream tells nothing */
	double factor;			/* for our estimate of the output; 0: 1 */
	int64_t input_floor;		/* what the client was told at the start: at least this */
	int64_t window;			/* the model's context window in tokens, 0: unknown */
	event_handler *handler;
	void *context;
};

struct up_event {
	struct up_event_options options;
	struct up_tool *tools; /* in order of arrival, at most LIMIT_OPEN_TOOLS; up_event_tools.c */
	size_t tool_count, tools_ended; /* the first tools_ended were handed out wholly */
	struct buf held;  /* text that waits for the end of the call being handed out */
	bool any_content; /* text, reasoning or a call was handed out */
	bool any_visible; /* text or a call */
	bool trailer;	  /* metadataEvent, contextUsageEvent or meteringEvent since then */
	enum stop_reason stop;
	struct answer_usage usage;
	double context_percent;	   /* -1: not told */
	size_t output_bytes;	   /* of text, reasoning and arguments, at most LIMIT_ANSWER */
	struct token_count output; /* estimate of the same */
	struct buf texts;	   /* of the frame in hand */
	struct buf refusal;	   /* explanation of a refusal */
};

void up_event_init(struct up_event *u, const struct up_event_options *options);
void up_event_release(struct up_event *u);

/* 0, the handler's non-zero value, or -1: an exception or error frame as its error kind
 * (up_error.h), ERR_UP_DAMAGED for an event that cannot be read. */
int up_event_frame(struct up_event *u, const struct frame *frame, struct error *e);

/* What has come so far: upstream's tokens, else what its percentage of the window leaves, else
 * estimates. */
struct answer_usage up_event_usage(struct up_event *u);

/* At the clean end of the body: hands out STOP, or -1: ERR_UP_TRUNCATED, ERR_UP_EMPTY. */
int up_event_finish(struct up_event *u, struct error *e);

#endif
