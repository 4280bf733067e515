/*
 * import.h - credential files of other programs: detected by shape, read into accounts.
 *
 * Text in, accounts and reasons out. Nothing is stored and nothing is asked of a service. An
 * entry that cannot be taken is kept with its reason, and the others go on. Messages name entries
 * by their place, label or e-mail, never by a secret.
 */
#ifndef COMMON_IMPORT_H
#define COMMON_IMPORT_H

#include "common/account.h"
#include "common/base.h"
#include "common/buf.h"
#include "common/error.h"
#include "common/import_entry.h"

struct import {
	struct import_entry *entries;
	size_t count;
	int (*registration)(void *context, const char *hash, struct buf *text); /* import_rules */
	void *context;
	bool share; /* activation codes may use the accounts that are nobody's */
};

/* Adds the entries of one text. -1: it is not JSON, or of no shape that we know. */
int import_read(struct import *i, const char *source, struct span text, struct error *e);

/* It begins as a database file of kiro-cli does: cli/import_database.h reads those. */
bool import_is_database(struct span beginning);

/* For readers of such files: adds an entry of that tree. format: a constant. */
void import_add(struct import *i, const char *source, const char *format, size_t index,
		const cJSON *tree);

void import_release(struct import *i);

/* "ann@example.com", else the label, else "entry 3". Returns out. */
const char *import_name(const struct import_entry *entry, char *out, size_t size);

#endif
