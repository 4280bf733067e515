/*
 * alias.h - the operator's names for models: "m/<name>" in keys.gdbm, each with its target.
 */
#ifndef COMMON_ALIAS_H
#define COMMON_ALIAS_H

#include "common/base.h"
#include "common/error.h"
#include "common/store.h"

#define ALIAS_SIZE 128

struct alias {
	char name[ALIAS_SIZE];	 /* what clients send */
	char target[ALIAS_SIZE]; /* the model that they get */
};

/* Both are visible ASCII without spaces (ERR_REQUEST). Replaces an alias of that name. */
int alias_set(const struct store *keys, const char *name, const char *target, struct error *e);
int alias_remove(const struct store *keys, const char *name, struct error *e); /* 1: none */

/* 1: *out filled; 0: no such alias; -1: the store cannot be read. One step, never a chain. */
int alias_find(const struct store *keys, const char *name, struct alias *out, struct error *e);

/* In no order; non-zero from each() ends with that value. -1 at the end when there are some that
 * cannot be read. stamp may be NULL (see store.h). */
int alias_each(const struct store *keys, int (*each)(void *context, const struct alias *alias),
	       void *context, struct store_stamp *stamp, struct error *e);

/* each() of a JSON list: context is its struct jsonw. */
int alias_write(void *context, const struct alias *alias);

#endif
