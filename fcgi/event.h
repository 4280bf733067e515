/*
 * event.h - one step of an answer, the only thing that up_* hands to out_*.
 *
 * SEARCH and SEARCH_RESULT are the gateway's own web searches (search.c); Chat Completions has no
 * place for them.
 *
 * Order of a good answer: any mix of TEXT, THINKING/SIGNATURE and tool calls (START, INPUT..., END;
 * never interleaved: up_event collects calls that upstream interleaves), then one STOP, last.
 * A FAILURE is no event: the stage returns -1 with a struct error.
 */
#ifndef FCGI_EVENT_H
#define FCGI_EVENT_H

#include "common/base.h"

enum event_kind {
	EVENT_TEXT,	  /* text: a piece of the answer, whole characters */
	EVENT_THINKING,	  /* text: a piece of the reasoning */
	EVENT_SIGNATURE,  /* text: ends the reasoning block */
	EVENT_TOOL_START, /* id, name: the client's own name of the tool */
	EVENT_TOOL_INPUT, /* text: a piece of the arguments' JSON */
	EVENT_TOOL_END,
	EVENT_SEARCH,	     /* id, name; text: the arguments' JSON */
	EVENT_SEARCH_RESULT, /* id of its SEARCH; name: what was searched for, or NULL; text: JSON,
			      * an array of results or an error */
	EVENT_STOP,	     /* stop, usage; text: the explanation of a refusal */
	EVENT_KINDS
};

enum stop_reason {
	STOP_END_TURN,
	STOP_TOOL_USE,
	STOP_MAX_TOKENS,
	STOP_SEQUENCE,
	STOP_REFUSAL,
	STOP_PAUSE_TURN,
	STOP_CONTEXT,
	STOP_REASONS
};

/* Tokens. `measured` tells upstream's own numbers from estimates. */
struct answer_usage {
	int64_t input, output, cache_read, cache_write;
	double credits;	  /* metered by upstream, 0: not told */
	int64_t searches; /* of the web, by this gateway */
	int64_t context;  /* all tokens by upstream's percentage of the window, 0: not told */
	bool measured;
};

struct event {
	enum event_kind kind;
	struct span text; /* borrowed until the handler returns */
	const char *id, *name;
	enum stop_reason stop;
	const char *stop_sequence; /* STOP_SEQUENCE: which */
	struct answer_usage usage;
};

#endif
