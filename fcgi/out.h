/*
 * out.h - events of the house in, bytes of a client API out. One writer per dialect; a whole answer
 * is the same writer collecting instead of sending, so that the two cannot differ.
 *
 * `wire` receives what is to be sent now: SSE events in a stream, the JSON body at STOP in a whole
 * answer. Its failed flag (LIMIT_EVENT, LIMIT_ANSWER) is the caller's to look at. What one call
 * appends belongs together: send and flush it at once.
 *
 * Calls: begin, then event... until STOP; or fail, after which nothing follows. A call that comes
 * before begin() begins by itself. A struct out is not to be moved after out_init().
 */
#ifndef FCGI_OUT_H
#define FCGI_OUT_H

#include "common/buf.h"
#include "common/error.h"
#include "common/jsonw.h"
#include "fcgi/chat.h"
#include "fcgi/event.h"

/* How the client sees the reasoning: in its API's own form, or as text in front of the answer. */
enum thinking_format { THINKING_BLOCKS, THINKING_THINK, THINKING_THINKING, THINKING_PLAIN };

struct out_options {
	bool stream;
	bool late;	/* a stream whose first event is written last: out_begin_late() */
	bool citations; /* Messages: text blocks have the member, which is null; out_message.h */
	bool include_usage;	 /* Chat Completions: a usage chunk at the end of a stream */
	const struct chat *chat; /* for its tools; borrowed, NULL: none */
	enum thinking_format thinking_format;
	const char *model;	/* as the client wrote it; borrowed */
	int64_t input_estimate; /* for the first event; corrected at the end */
	int64_t created;	/* epoch seconds */
};

/* Responses: the output item that is open. */
struct out_item {
	const struct item_form *form; /* NULL: none; out_responses.c */
	char id[48];
	struct buf call_id, call_name;
	const struct tool *tool; /* NULL: unknown to the request */
};

/* The bytes of a delta's event, kept as long as only its text and number change: written anew each
 * time they were half of the cost of an event. */
struct out_delta {
	const void *of; /* what it was written for, NULL: nothing */
	struct buf bytes;
	size_t number; /* offset of its number, 0: it has none */
	size_t text;   /* offset of its text */
};

enum out_open { OPEN_NONE, OPEN_TEXT, OPEN_THINKING, OPEN_TOOL };

struct out {
	const struct out_dialect *dialect;
	struct out_options options;
	char id[64];
	bool begun;	     /* the stream's first event was written */
	bool ended;	     /* STOP or a failure was written */
	enum out_open open;  /* the block that is open now */
	int index;	     /* of the open or next block (A), tool call (C), item (R) */
	bool in_tags;	     /* reasoning is being written as text */
	enum tool_kind kind; /* C: of the open call */
	int sequence;	     /* R: number of the next event */
	struct out_item item;
	struct evp_md_ctx_st *digest; /* A: of the open thinking block's text */

	struct out_delta delta;

	/* a whole answer's parts so far */
	struct buf text, reasoning; /* C: as they came; R: text of the open item */
	struct buf arguments;	    /* of the open call, where they are needed as a whole */
	struct buf parts; /* A: content[], C: tool_calls[], R: output[]: JSON written by w */
	struct jsonw w;
};

typedef void out_handler(struct out *o, const struct event *event, struct buf *wire);

/* How one client API writes; out.c says when. */
struct out_dialect {
	const char *id_prefix;
	void (*begin)(struct out *o, struct buf *wire); /* stream: first event; whole: nothing */
	out_handler *on[EVENT_KINDS];			/* NULL: the API has no place for it */
	out_handler *close; /* before on[EVENT_STOP]: ends what is open; may be NULL */
	void (*ping)(struct out *o, struct buf *wire); /* of a stream */
	/* The stream is broken: one error event, nothing after it. */
	void (*fail)(struct out *o, const struct error *failure, struct buf *wire);
	/* JSON error envelope for an answer that has not started. */
	void (*error_body)(const struct error *failure, const char *request_id, struct buf *body);
	/* Status of such an answer; may set failure->retry_after. NULL: as error_kinds[] says. */
	int (*status)(struct error *failure);
};

extern const struct out_dialect out_anthropic, out_openai, out_responses,
	out_admin; /* admin: errors alone */

void out_init(struct out *o, const struct out_dialect *dialect, const struct out_options *options);
void out_release(struct out *o);

/* The first event of a stream, once. */
void out_begin(struct out *o, struct buf *wire);

/* One event through the dialect's writer; reasoning takes the form of options.thinking_format. 0,
 * or -1: ERR_UP_DAMAGED, the whole answer is too large to be collected. */
int out_event(struct out *o, const struct event *event, struct buf *wire, struct error *e);

/* Of a stream that has not ended; else nothing. */
void out_ping(struct out *o, struct buf *wire);
void out_fail(struct out *o, const struct error *failure, struct buf *wire);

/* For the dialects: the client's tool of that name, NULL: unknown. */
const struct tool *out_tool(const struct out *o, const char *name);

/* For the dialects: the text that a custom tool's call holds in o->arguments; as it came where it
 * is no {"input": text}. */
void out_custom_input(const struct out *o, struct buf *input);

/* For the dialects: the delta is this one (an address that stands for it): then send it. Else it
 * was reset, and is to be written into bytes first. */
bool out_delta_is(struct out *o, const void *of);
void out_delta_send(const struct out *o, int64_t number, struct span text, struct buf *wire);

/* For the OpenAI dialects: the failure in their words, in out or borrowed. */
const char *out_openai_message(const struct error *failure, char out[static LIMIT_ERROR_TEXT]);

/* For the OpenAI dialects: {"error": {...}}. */
void out_openai_error(const struct error *failure, struct jsonw *w);
void out_openai_error_body(const struct error *failure, const char *request_id, struct buf *body);

/* The first event of a late stream, with the input tokens as they are known by now. */
void out_begin_late(struct out *o, int64_t input, struct buf *wire);

#endif
