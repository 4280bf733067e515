/*
 * search.h - the server tool web_search of all dialects: up_call_run() in a loop. The model sees an
 * ordinary tool; when it calls it, the search is made here, the client is shown what was asked and
 * found, and the conversation goes on upstream with the result, all in one answer.
 *
 * A request that is nothing but a search ("Perform a web search for the query: Q", Claude Code's)
 * is searched for at once, and the model only sums up. Where it cannot, the Messages API has what
 * was found, and "pause_turn". The answer begins when that search was good, or when the model
 * begins: where neither is served, the client has an error's status.
 *
 * The loop ends with the model's answer; when the model calls a tool of the client's beside the
 * search; when nothing of max_tokens, which is of all rounds, is left; after SEARCH_ROUNDS calls
 * upstream with "pause_turn", which asks the client to go on. All of it keeps to one account, as a
 * conversation does.
 */
#ifndef FCGI_SEARCH_H
#define FCGI_SEARCH_H

#include "fcgi/turn.h"
#include "fcgi/up_call.h"

#define SEARCH_ROUNDS 8

/* call->chat->search is there; turn is the taker of call's answer. Otherwise as up_call_run(). */
int search_run(struct up_call *call, struct turn *turn, struct error *e);

#endif
