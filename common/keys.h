/*
 * keys.h - client keys (key.h) in the store: "k/<sha256 of the key>" in keys.gdbm. The key itself
 * is shown once, when it is made, and kept nowhere.
 */
#ifndef COMMON_KEYS_H
#define COMMON_KEYS_H

#include "common/base.h"
#include "common/error.h"
#include "common/key.h"
#include "common/key_names.h"
#include "common/store.h"

#define KEY_TEXT_SIZE 256 /* of a given key; made ones are shorter */

/* Makes a key ("kiro-" and 43 characters; for settings of an activation code such a one) when text
 * is empty, else takes text (refused when weak).
 * settings: what it may do, NULL: a user's key without limits. A name that exists is an error. text
 * then holds the key: show it, wipe it. */
int keys_add(const struct store *keys, const char *name, const struct key *settings,
	     char text[static KEY_TEXT_SIZE], struct error *e);

/* The same with a secret from another gateway, which its holders have already: a weak one too. */
int keys_add_known(const struct store *keys, const char *name, const struct key *settings,
		   char text[static KEY_TEXT_SIZE], struct error *e);

/* Another secret for the key of that name, as keys_add() makes it. The old one is good until
 * ends_at. One step: there is never none, and never two without an end. 1: no such name. */
int keys_rotate(const struct store *keys, const char *name, int64_t ends_at,
		char text[static KEY_TEXT_SIZE], struct error *e);

/* Changes the key of that name, all its secrets alike, and goes on past records that are damaged:
 * no damage keeps a key from being revoked. So does keys_remove(). 1: no such name. */
int keys_change(const struct store *keys, const char *name,
		void (*edit)(struct key *key, const void *context), const void *context,
		struct error *e);

/* What an import brings. */
struct keys_item {
	const char *name;
	const struct key *settings;
	const struct secret *text; /* NULL: the key of that name is changed */
};

/* Several as one step: added as keys_add_known() does, or all secrets of one name changed by edit()
 * with its settings. */
int keys_take(const struct store *keys, const struct keys_item *items, size_t count,
	      void (*edit)(struct key *key, const void *context), struct error *e);

int keys_remove(const struct store *keys, const char *name, struct error *e); /* 1: no such name */

/* 1: known, *out filled, be it expired or revoked (key_refusal()); 0: unknown; -1: the store cannot
 * be read. Finds the record by hash, then compares in constant time. */
int keys_find(const struct store *keys, const char *text, struct key *out, struct error *e);
/* The newest secret of that name. 1; 0: there is none; -1, also where one may be damaged. */
int keys_named(const struct store *keys, const char *name, struct key *out, struct error *e);

/* Each secret; non-zero from each() ends with that value. -1 at the end when there are some that
 * cannot be read. */
int keys_each(const struct store *keys, int (*each)(void *context, const struct key *key),
	      void *context, struct error *e);
/* Those that can be read, also where -1 says that there are others. */
int keys_count(const struct store *keys, size_t *count, struct error *e);
/* Adds the names of all to *names. */
int keys_names(const struct store *keys, struct key_names *names, struct error *e);

#endif
