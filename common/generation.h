/*
 * generation.h - one generation of a store's file: reading it, and making the one that replaces it
 * (generation.c alone includes gdbm.h; store.h is what everybody else uses).
 *
 * A generation never changes once it is in place, so that reading needs no lock. Making one is for
 * the holder of the store's lock.
 */
#ifndef COMMON_GENERATION_H
#define COMMON_GENERATION_H

#include "common/base.h"
#include "common/buf.h"
#include "common/error.h"
#include "common/ids.h"
#include "common/seal.h"
#include "common/store.h"

struct generation {
	struct gdbm_file_info *db;
	struct stat st; /* of this very file, whatever is in its place by now */
};

/* The record "!meta". */
struct meta {
	char uuid[UUID_SIZE];
	char key[SEAL_ID_SIZE]; /* that records were last encrypted with; "": with none */
	int64_t generation;	/* counts up at each write */
	int64_t count, bytes;
	int64_t spilled; /* sequence of the last spill entry that is in here */
};

/* ERR_STORE for a missing, empty, foreign or damaged file. */
int generation_open(const struct store *s, struct generation *g, struct error *e);
/* The same for a file of which only a part may be readable: no look at its state. */
int generation_open_damaged(const struct store *s, struct generation *g, struct error *e);
void generation_close(struct generation *g);

/* 1: json holds the record; 0: no such key; -1. */
int generation_fetch(const struct store *s, const struct generation *g, const char *key,
		     struct buf *json, struct error *e);

/* Of a fetch that failed: the system could not read, and the file may be whole. */
bool generation_unread(const struct generation *g);

/* -1 also when the record names another store or a newer format. */
int generation_meta(const struct store *s, const struct generation *g, struct meta *m,
		    struct error *e);

/* -1: the records are encrypted with a key that we do not have. */
int generation_check_key(const struct store *s, const struct meta *m, struct error *e);

/* Every key in turn, as a C string, "" for one that we cannot have written. Non-zero from each()
 * ends with that value. */
int generation_walk(const struct store *s, const struct generation *g,
		    int (*each)(void *context, const char *key), void *context, struct error *e);

/* Under the lock. Copies the file, applies the records, puts the copy in place, durably. What is
 * in place after a failure is the old file, whole. spilled: see struct meta, 0: as it was. */
int generation_replace(const struct store *s, const struct record *records, size_t count,
		       int64_t spilled, struct error *e);

/* Under the lock. Every record is written anew, with the store's key or unencrypted. */
int generation_rekey(const struct store *s, bool plain, size_t *records, struct error *e);

/* Lets GDBM repair the file, which loses what it cannot: for copies only. */
int generation_recover(const char *path, struct error *e);

/* Under the lock. A file of these records alone takes the place of whatever is there. Of meta,
 * uuid, generation and spilled are used. */
int generation_build(const struct store *s, const struct meta *meta, const struct record *records,
		     size_t count, struct error *e);

/* Under the lock. An empty store where there is no file. */
int generation_first(const struct store *s, struct error *e);

#endif
