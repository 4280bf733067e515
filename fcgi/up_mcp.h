/*
 * up_mcp.h - one web search by the upstream's own tool (InvokeMCP, JSON-RPC tools/call).
 */
#ifndef FCGI_UP_MCP_H
#define FCGI_UP_MCP_H

#include "fcgi/hits.h"
#include "fcgi/up_call.h"

/* Asks with any usable account. Of `like` it takes site, arena and the sink's clock and watch, so
 * that a waiting client gets its pings and one that left ends the search. Texts in the arena.
 * 0 with *out filled; -1: up_call_run()'s failures, or ERR_UP_DAMAGED for an answer without
 * results. */
int up_mcp_search(const struct up_call *like, const char *query, struct hits *out, struct error *e);

/* The body of a 200 answer. */
int up_mcp_read(struct hits *hits, struct span reply, struct arena *arena, struct error *e);

#endif
