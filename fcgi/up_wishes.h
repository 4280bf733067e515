/*
 * up_wishes.h - what a request asks of its answer and the upstream has no member for, as words at
 * the end of the current turn: forced tools, one call only, an output format, the continuation of a
 * text, and the second try of an answer that missed one of these. All words that a wish can add
 * stand in up_wishes.c; a request without such a wish gets none.
 */
#ifndef FCGI_UP_WISHES_H
#define FCGI_UP_WISHES_H

#include "common/arena.h"
#include "fcgi/chat.h"
#include "fcgi/tool_names.h"
#include "fcgi/up_again.h"

/* The chat itself, or a copy in the arena whose conversation ends with the words. again may be
 * NULL: nothing was asked before. */
const struct chat *up_wishes_add(const struct chat *chat, const struct up_again *again,
				 struct tool_names *names, struct arena *arena);

#endif
