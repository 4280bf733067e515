/*
 * keys.h - client keys: "k/<sha256 of the key>" in keys.gdbm. The key itself is shown once, when it
 * is made, and kept nowhere.
 */
#ifndef COMMON_KEYS_H
#define COMMON_KEYS_H

#include "common/base.h"
#include "common/error.h"
#include "common/store.h"

struct key {
	char name[64];
	char prefix[16]; /* first characters of the key, for people */
	int64_t added_at;
};

#define KEY_TEXT_SIZE 256 /* of a given key; made ones are shorter */

/* Makes a key ("kiro-" and 43 characters) when text is empty, else takes text (refused when weak).
 * A name that exists is an error. text then holds the key: show it, wipe it. */
int keys_add(const struct store *keys, const char *name, char text[static KEY_TEXT_SIZE],
	     struct error *e);
int keys_remove(const struct store *keys, const char *name, struct error *e); /* 1: no such name */

/* 1: known, *out filled; 0: unknown; -1: the store cannot be read. Finds the record by hash, then
 * compares in constant time. */
int keys_find(const struct store *keys, const char *text, struct key *out, struct error *e);

int keys_each(const struct store *keys, int (*each)(void *context, const struct key *key),
	      void *context, struct error *e);
int keys_count(const struct store *keys, size_t *count, struct error *e);

#endif
