/*
 * text_map.h - texts to numbers within one request: tool names, call ids. Constant time, because
 * a request may hold many thousands of them.
 */
#ifndef FCGI_TEXT_MAP_H
#define FCGI_TEXT_MAP_H

#include "common/arena.h"
#include "common/base.h"

struct text_map {
	struct arena *arena; /* borrowed; holds the slots, never the keys */
	struct text_slot *slots;
	uint64_t seed;
	size_t count, room; /* room: a power of two, or 0 before the first put */
};

void text_map_init(struct text_map *m, struct arena *arena); /* no allocation */

/* Replaces the value of a known key. A new key is borrowed as long as the map lives. */
void text_map_put(struct text_map *m, const char *key, size_t value);

/* value may be NULL: is the key known? */
bool text_map_get(const struct text_map *m, const char *key, size_t *value);

#endif
