/*
 * store_parts.h - what the files of the store share among themselves. The store's lock comes before
 * the spill file's.
 */
#ifndef COMMON_STORE_PARTS_H
#define COMMON_STORE_PARTS_H

#include "common/generation.h"
#include "common/store.h"

int store_check_key(const char *key, struct error *e);

/* As store_get() and step_get(). damaged: of -1, it is the record, and not the way to it. */
struct step;
int store_look(const struct store *s, const char *key, struct buf *json, bool *damaged,
	       struct error *e);
int step_look(const struct step *step, const char *key, struct buf *json, bool *damaged,
	      struct error *e);

/* The descriptor that holds the store's lock until it is closed; -1. */
int store_lock(const struct store *s, struct error *e);
int store_meta(const struct store *s, struct meta *meta, struct error *e);

/* What a step has put so far: store_step.c, and whoever holds the lock already. {.store} begins
 * one, step_end() publishes it where rc is 0, frees it and returns what became of it. spilled: see
 * generation_replace(). */
struct step {
	const struct store *store;
	struct step_change *changes; /* one for a key */
	void *index;		     /* theirs: tsearch(3) */
	size_t count;
};

int step_end(struct step *step, int rc, int64_t spilled, struct error *e);

/* What waits in the spill file goes into the store: under the lock, or taking it where needed. */
int store_fold(const struct store *s, struct error *e);
int store_settle(const struct store *s, struct error *e);

/* A store's paths, nothing opened or looked at. store_close() ends it. */
void store_paths(struct store *s, const char *dir, const char *name);

#endif
