/*
 * up_tools.h - the tools of one upstream request (part of up_request): which of the client's are
 * offered, under which names, and placeholders for those that only the history knows.
 */
#ifndef FCGI_UP_TOOLS_H
#define FCGI_UP_TOOLS_H

#include "common/jsonw.h"
#include "fcgi/chat.h"
#include "fcgi/tool_names.h"
#include "fcgi/up_turns.h"

struct up_tool {
	const char *name;	 /* upstream's */
	const struct tool *tool; /* NULL: a placeholder */
	size_t shown;		 /* bytes of the description that stand in the specification */
};

/* Lives in the request's arena. */
struct up_tools {
	struct up_tool *items;
	size_t count;
};

/* tool_choice lets the upstream hear of that tool. */
bool up_tools_offered(const struct chat *chat, const struct tool *tool);

/* -1: two tools have one name. */
int up_tools_plan(struct up_tools *t, const struct chat *chat, const struct up_turns *turns,
		  struct tool_names *names, struct arena *arena, struct error *e);

/* The end of a description that is too long for the specification, or "". */
const char *up_tools_rest(const struct up_tool *tool);

/* The member "tools" of the current message's context. */
void up_tools_write(const struct up_tools *t, struct jsonw *w);

#endif
