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
#include "fcgi/event.h"

struct out_options {
	bool stream;
	bool late; /* a stream whose first event is written last: out_begin_late() */
	bool include_usage;	/* Chat Completions: a usage chunk at the end of a stream */
	const char *model;	/* as the client wrote it; borrowed */
	int64_t input_estimate; /* for the first event; corrected at the end */
	int64_t created;	/* epoch seconds */
};

enum out_open { OPEN_NONE, OPEN_TEXT, OPEN_THINKING, OPEN_TOOL };

struct out {
	const struct out_dialect *dialect;
	struct out_options options;
	char id[64];
	bool begun;	    /* the stream's first event was written */
	bool ended;	    /* STOP or a failure was written */
	enum out_open open; /* the block that is open now */
	int index;	    /* of the open or next block (A); of the open or next tool call (C) */
	struct evp_md_ctx_st *digest; /* A: of the open thinking block's text */

	/* a whole answer's parts so far */
	struct buf text, reasoning; /* C: as they came */
	struct buf arguments;	    /* A: of the open tool_use */
	struct buf parts;	    /* A: content[], C: tool_calls[], both JSON written by w */
	struct jsonw w;
};

struct out_dialect {
	const char *id_prefix;
	void (*begin)(struct out *o, struct buf *wire); /* stream: first event; whole: nothing */
	/* 0, or -1: ERR_UP_DAMAGED, the whole answer is too large to be collected. */
	int (*event)(struct out *o, const struct event *event, struct buf *wire, struct error *e);
	void (*ping)(struct out *o, struct buf *wire); /* whole: nothing */
	/* The stream is broken: one error event, nothing after it. Whole: nothing. */
	void (*fail)(struct out *o, const struct error *failure, struct buf *wire);
	/* JSON error envelope for an answer that has not started. */
	void (*error_body)(const struct error *failure, const char *request_id, struct buf *body);
};

extern const struct out_dialect out_anthropic, out_openai;

void out_init(struct out *o, const struct out_dialect *dialect, const struct out_options *options);
void out_release(struct out *o);

/* The first event of a late stream, with the input tokens as they are known by now. */
void out_begin_late(struct out *o, int64_t input, struct buf *wire);

/* For the dialects: 0, or -1 when a part of the whole answer did not fit. */
int out_check_parts(const struct out *o, struct error *e);

#endif
