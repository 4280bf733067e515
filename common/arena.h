/*
 * arena.h - memory that lives as long as one request: many small pieces, one release.
 *
 * What goes in is bounded by the request body that it was made from (LIMIT_BODY).
 */
#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

#include "common/base.h"

struct arena {
	struct arena_block *blocks;
};

void arena_init(struct arena *a); /* no allocation */
void arena_release(struct arena *a);

void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for any type */
void *arena_array(struct arena *a, size_t count, size_t size);
char *arena_strndup(struct arena *a, const char *text, size_t len);
char *arena_format(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
