/*
 * spill.h - NAME.spill: a preallocated file that takes a record before the store is written, whose
 * lock may be taken and whose disk may be full, so that a token that the upstream has rotated is
 * durable within one small write.
 *
 * Entries lie one behind the other: head (magic, checksum, sequence number, lengths), key, JSON.
 * The sequence counts up for ever; the store's !meta keeps the last one that was folded in
 * ("spilled"), so that an entry is never folded twice over newer data, whenever we are killed.
 * The file has its own lock (flock on itself), taken behind the store's lock or alone.
 */
#ifndef COMMON_SPILL_H
#define COMMON_SPILL_H

#include "common/base.h"
#include "common/error.h"
#include "common/limits.h"

#define SPILL_SIZE (LIMIT_RECORD + KB(4)) /* any one record, or about ten usual ones */

struct spill_entry {
	int64_t sequence;
	const char *key; /* both point into struct spill */
	struct span json;
};

struct spill {
	int fd;	     /* -1: closed or unlocked */
	char *bytes; /* SPILL_SIZE, zeroed behind the last whole entry when read */
	size_t used; /* bytes of whole entries */
	size_t count;
	struct spill_entry *entries;
};

/* Makes the file where it is missing. */
int spill_make(const char *dir, const char *path, struct error *e);

/* True when the file holds entries (perhaps folded ones). No lock, about 3 us. */
bool spill_pending(const char *path);

/* Locks and reads the file. */
int spill_open(struct spill *s, const char *path, struct error *e);
void spill_unlock(struct spill *s); /* what was read stays; nothing may be written any more */
void spill_close(struct spill *s);

/* Is there room for this entry? */
bool spill_fits(const struct spill *s, const char *key, size_t json_len);

/* 0: on disk. sequence: above every earlier one. */
int spill_add(struct spill *s, int64_t sequence, const char *key, struct span json,
	      struct error *e);
int spill_clear(struct spill *s, struct error *e);

/* Writes zeroes where the next entry would be: -1 when that one could not be written either. */
int spill_rehearse(struct spill *s, struct error *e);

#endif
