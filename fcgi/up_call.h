/*
 * up_call.h - carries one chat upstream: chooses an account, sees to its token, sends, and judges
 * a failure: refresh and once more, another account, or give up with the reason.
 */
#ifndef FCGI_UP_CALL_H
#define FCGI_UP_CALL_H

#include "common/arena.h"
#include "common/error.h"
#include "fcgi/app.h"
#include "fcgi/chat.h"
#include "fcgi/models.h"
#include "fcgi/tool_names.h"

/* Who takes the answer. All return 0 or non-zero with *e filled, which ends the call. */
struct up_sink {
	void (*reset)(void *context);					 /* before each try */
	int (*bytes)(void *context, struct span bytes, struct error *e); /* of a 200 answer */
	int (*end)(void *context, struct error *e);			 /* it ended cleanly */
	int (*tick)(void *context, struct error *e);  /* as http_request.on_tick */
	int (*watch)(void *context, struct error *e); /* as http_request.on_watch */
	int watch_fd;
	bool (*committed)(void *context); /* the client has seen a part: no second try */
	void *context;
};

struct up_call {
	struct site *site;
	const struct chat *chat;
	const struct model *model;
	struct tool_names *names;
	struct arena *arena;
	const struct up_sink *sink;
	char account[64]; /* which one answered or failed last, for the log */
	int tries;
	bool sent_reasoning, without_reasoning; /* of the history: in the last body; no more */
};

int up_call_run(struct up_call *call, struct error *e);

#endif
