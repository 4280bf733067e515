/*
 * tool_names.h - the client's tool names and the names that the upstream accepts
 * (1 to 64 of [A-Za-z0-9_-], starting with a letter), one to one within a request.
 *
 * A name that fits is its own; another becomes a readable prefix, "_" and 8 hex digits of its
 * SHA-256, so that the same name gets the same short name in every request. A collision within one
 * request (also with a name that fits) takes further digits.
 */
#ifndef FCGI_TOOL_NAMES_H
#define FCGI_TOOL_NAMES_H

#include "common/arena.h"
#include "common/base.h"
#include "fcgi/text_map.h"

struct tool_name {
	const char *client, *upstream;
};

struct tool_names {
	struct arena *arena; /* borrowed; holds all texts */
	struct tool_name *items;
	size_t count, room;
	struct text_map by_client, by_upstream; /* indexes of items */
};

void tool_names_init(struct tool_names *n, struct arena *arena);

/* The upstream name for a client's name; adds it when new. Never NULL. The client's name stays
 * borrowed. */
const char *tool_names_add(struct tool_names *n, const char *client);

/* The client's name for an upstream name; the name itself when unknown (upstream made it up). */
const char *tool_names_client(const struct tool_names *n, const char *upstream);

#endif
