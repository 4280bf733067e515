/*
 * up_call.h - carries one chat upstream: chooses an account, sees to its token, sends, and judges
 * a failure by error_kinds[]:
 *
 *   a refused token      renewed (once, and at most every 30 s), and sent once more
 *   a passing failure    sent again after a pause, LIMIT_ACCOUNT_TRIES times at most
 *   other_account        the next account, LIMIT_TRIES requests at most
 *   any other            the client hears it
 *
 * What a failure does to the account is up_pool_book()'s; that of a search does nothing to it,
 * unless it is suspended or needs a login. An answer that is empty, cut, or not what was asked for
 * is asked for once more. All of this only before the client has seen any of it.
 */
#ifndef FCGI_UP_CALL_H
#define FCGI_UP_CALL_H

#include "common/account.h"
#include "common/arena.h"
#include "common/error.h"
#include "common/ids.h"
#include "common/models.h"
#include "fcgi/app.h"
#include "fcgi/chat.h"
#include "fcgi/ledger.h"
#include "fcgi/tool_names.h"
#include "fcgi/up_again.h"

/* Who takes the answer. All return 0, or -1 with *e filled, which ends the call. */
struct up_sink {
	/* Before each try. model: as the account offers it. last: what comes is to be handed out,
	 * ERR_UP_UNMET helps no more. */
	void (*reset)(void *context, const struct model *model, bool last);
	/* > 0: the answer is complete, the rest of it is not wanted */
	int (*bytes)(void *context, struct span bytes, struct error *e); /* of a 200 answer */
	int (*read)(void *context, struct error *e);  /* as http_request.on_read; may be NULL */
	int (*end)(void *context, struct error *e);   /* it ended cleanly */
	int (*tick)(void *context, struct error *e);  /* as http_request.on_tick */
	int (*watch)(void *context, struct error *e); /* as http_request.on_watch */
	int watch_fd;
	bool (*committed)(void *context); /* the client has seen a part: no second try */
	double (*credits)(void *context); /* that the try has cost, as the upstream metered it */
	const struct up_again *again;	  /* of ERR_UP_UNMET: what the model is to be told */
	void *context;
};

struct up_call {
	struct site *site;
	const struct chat *chat;
	const struct model *model; /* NULL: any account will do; what was asked for; each try takes
				      its account's own */
	const struct account *own; /* this one and no other, of which nothing is kept; NULL: the
				      pool's */
	const struct key *key;	   /* whose accounts; NULL: any */
	struct tool_names *names;
	struct arena *arena;
	const struct up_sink *sink;
	struct ledger *ledger; /* NULL: nobody keeps account */
	/* What is done with an account; NULL: the chat is sent. For the service's other operations.
	 */
	int (*send)(struct up_call *call, const struct account *account, struct error *e);
	void *context;	  /* for send */
	bool aside;	  /* a search: what it is refused for says nothing of the account's chats */
	int place;	  /* of the account under way (up_queue.h); -1: none */
	char account[64]; /* which one answered or failed last, for the log */
	int tries;
	/* As the service's own client counts: one call of its own, and how often it was sent.
	 * Another account or token is another call, and so is what was answered and asked again. */
	char invocation[UUID_SIZE];
	int attempt;
	/* Of the client's turn: the same in all tries and, where it is searched for, in all runs.
	 */
	char conversation[UUID_SIZE], continuation[UUID_SIZE];
	bool sent_reasoning, without_reasoning; /* of the history: in the last body; no more */
	/* of the run under way; 0 with credentials of the request's own: one try */
	int tries_end;
	int64_t began; /* clock_ticks() */
	bool asked_again;
	bool unrenewed; /* the account's token was refused, and what is met is its renewal's */
};

int up_call_run(struct up_call *call, struct error *e);

#endif
