/*
 * import_entry.h - one entry of a credential file → one account. Used by import*.c alone.
 */
#ifndef CLI_IMPORT_ENTRY_H
#define CLI_IMPORT_ENTRY_H

#include "cli/import.h"

#include <cjson/cJSON.h>

/* A refresh token, access token or API key is in it, of whatever quality. */
bool import_entry_has_credential(const cJSON *tree);

/* Fills entry->account, or entry->refused. */
void import_entry_read(const struct import *i, struct import_entry *entry, const cJSON *tree);

/* Adds an entry of that tree to the import. format: a constant. */
void import_add(struct import *i, const char *source, const char *format, size_t index,
		const cJSON *tree);

/* Overwrites every text of a tree that held secrets, before it is deleted. */
void import_wipe(cJSON *tree);

#endif
