/*
 * scratch.h - a directory of its own for a test, a store in it, and child processes.
 */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include "common/base.h"
#include "common/store.h"

#define SCRATCH_SIZE 128
#define NONE	     "(none)"

/* Makes an empty directory, 0700. Returns out. */
const char *scratch_make(char out[static SCRATCH_SIZE]);
/* Removes it with the files in it. */
void scratch_remove(const char *dir);

void scratch_write(const char *path, const char *bytes, size_t len); /* a file, 0600 */
void scratch_damage(const char *path, const char *text); /* one bit, where the text begins */

/* Makes the directory and a store of that name in it, opened. */
void scratch_store(char out[static SCRATCH_SIZE], const char *name, struct store *s);
/* The record as a C string, valid until the next call; NONE: absent, or unreadable (*e). */
const char *scratch_get(const struct store *s, const char *key, struct error *e);
/* A change of store_update(): {"n":N} becomes {"n":N+1}, no record {"n":1}. */
int scratch_add_one(void *context, struct buf *json, struct error *e);

/* Gives every free slot of a file of mapfile.h to somebody, so that it is full for new names. */
void scratch_fill_map(const char *dir, const char *name, size_t slots);

/* True: this process can open no further file, until it is called with false. */
void scratch_take_descriptors(bool take);

/* Runs child(context) in a new process: its exit code, -1 when a signal ended it. */
int scratch_run(int (*child)(void *context), void *context);
pid_t scratch_start(int (*child)(void *context), void *context);
int scratch_wait(pid_t pid);

#endif
