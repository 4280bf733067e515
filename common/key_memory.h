/*
 * key_memory.h - the client keys of the last requests, for as long as the store is as it was when
 * they were read: to find a record and to read it took an eighth of a small request's instructions.
 * A change of the store, by whatever process, is seen at the next request, as without it.
 */
#ifndef COMMON_KEY_MEMORY_H
#define COMMON_KEY_MEMORY_H

#include "common/keys.h"

struct key_memory;

struct key_memory *key_memory_new(void);
void key_memory_free(struct key_memory *m);

/* As keys_find(). */
int key_memory_find(struct key_memory *m, const struct store *keys, const char *text,
		    struct key *out, struct error *e);

#endif
