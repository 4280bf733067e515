/*
 * mapfile.h - a file in the state directory that any number of processes and threads have in memory
 * at once: numbers under names, changed by atomics, without a lock.
 *
 * Fixed size: a head, then a table of slots. A slot belongs to a 64-bit key, the hash of a name; a
 * new one is all zeroes behind its head, and stays for the file's life. For what may be lost:
 * a file that is cut, damaged, foreign or of another format is set aside as NAME.damaged (one is
 * kept) and made anew, and nothing is ever synced to the disk.
 *
 * The user's slot begins with struct mapfile_slot, then its label when it has one, then members of
 * its own, each atomic:
 *
 *	struct tally {
 *		struct mapfile_slot head;
 *		char label[64];
 *		_Atomic int64_t requests;
 *	};
 *	static const struct mapfile_format tallies = { "tally", 1, sizeof(struct tally), 64, 4096 };
 *
 *	if (mapfile_open(&map, dir, "tally.map", &tallies, e)) ...
 *	t = mapfile_take(&map, mapfile_key(name), name);
 *	if (t) atomic_fetch_add_explicit(&t->requests, 1, memory_order_relaxed);
 *	...
 *	for (i = 0; (t = mapfile_at(&map, i)); i++) if (mapfile_is_taken(&map, t)) ...
 *
 * An open map does not change; it may be used by all threads until it is closed.
 */
#ifndef COMMON_MAPFILE_H
#define COMMON_MAPFILE_H

#include "common/base.h"
#include "common/error.h"

#define MAPFILE_WINDOW 64 /* slots after its own place where a key may stand */

struct mapfile_slot {
	_Atomic uint64_t key; /* 0: the slot is free */
	_Atomic uint32_t labelled;
	uint32_t unused;
};

struct mapfile_format {
	char what[8];	     /* the kind of file, in its head */
	uint32_t version;    /* of the user's slot: another one is another format */
	uint32_t slot_size;  /* bytes, a multiple of 8 */
	uint32_t label_size; /* bytes of text behind its head, with the NUL, a multiple of 8; 0:
				none */
	uint32_t slots;	     /* a power of two; use at most two thirds of them */
};

struct mapfile {
	const struct mapfile_format *format;
	char *slots; /* NULL: closed */
	size_t size; /* of the mapping */
	dev_t device;
	ino_t inode;	/* 0: in this process's memory only */
	int64_t looked; /* clock_ticks(): when mapfile_follow() looked for the file last */
};

/* Opens the file, makes it where it is missing, all its blocks reserved, so that a full disk is an
 * error here and no signal later. -1: ERR_STORE (no such directory, read-only, full, ...). */
int mapfile_open(struct mapfile *m, const char *dir, const char *name,
		 const struct mapfile_format *format, struct error *e);
/* The same where no file can be had: nobody else sees it, and it ends with the process. */
void mapfile_open_private(struct mapfile *m, const struct mapfile_format *format);
void mapfile_close(struct mapfile *m); /* a closed one is fine */

/* For a map that is used all the time: opens it where it is closed, and anew where somebody has
 * taken its file away, for which it looks once a second. 1: it is another one than before; 0: the
 * same; -1: ERR_STORE, it is closed. */
int mapfile_follow(struct mapfile *m, const char *dir, const char *name,
		   const struct mapfile_format *format, struct error *e);

/* Somebody has removed, replaced or cut the file: close it and open it anew. */
bool mapfile_is_stale(const struct mapfile *m, const char *dir, const char *name);

uint64_t mapfile_key(const char *name); /* first bytes of SHA-256, never 0 */

/* The slot of that key; NULL: it has none. */
void *mapfile_find(const struct mapfile *m, uint64_t key);
/* The same, taken for it when it has none. NULL: there is no room for it. The label is what a
 * reader is to know of the name (cut to its room); every taker of one key has the same one. */
void *mapfile_take(const struct mapfile *m, uint64_t key, const char *label);
/* The same for a cache: where there is no room, that one of its places whose slot was used longest
 * ago, with what the other key has left in it. Two at once may take the same: one of them is
 * forgotten. NULL: it was just taken. */
void *mapfile_take_oldest(const struct mapfile *m, uint64_t key,
			  uint64_t (*used)(const void *slot));
/* The nth place where that key may stand, from 0; NULL from MAPFILE_WINDOW on. */
void *mapfile_place(const struct mapfile *m, uint64_t key, size_t nth);

void *mapfile_at(const struct mapfile *m, size_t index); /* NULL behind the last */
/* Somebody has it, and its label can be read. */
bool mapfile_is_taken(const struct mapfile *m, const void *slot);
const char *mapfile_label(const struct mapfile *m, const void *slot); /* "" without one */

#endif
