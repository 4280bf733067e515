/*
 * import_code.h - activation codes in files of the gateway that had them:
 *
 *   user_credentials.json  {"act-...": {"activation_code", "user_name", "credentials": {...}}}
 *   codes.json             [{"code", "active", "machineId", "activatedAt", "tunnelDays"}]
 *
 * The first also holds each code's account, where it has one; the second knows the codes without
 * "act-". Newer ones have "expiresDate" (2026-12-31: the day it ends) and "userName" beside these.
 * A code that is not active yet belongs to the first machine that comes with it, and its days begin
 * then. Without days it gave no right to come in, and has ended.
 */
#ifndef COMMON_IMPORT_CODE_H
#define COMMON_IMPORT_CODE_H

#include "common/base.h"
#include "common/code.h"
#include "common/key.h"

#include <cjson/cJSON.h>

struct import_entry;

struct import_code {
	struct secret text; /* "act-..." as it is hashed; absent: the entry has none */
	bool alone;	    /* without an account */
	struct key key;	    /* as it is to be stored, but for its secret; name "": not told */
};

/* It is an entry of codes.json. */
bool import_code_is(const cJSON *tree);
/* It has a code, in whichever file. */
bool import_code_has(const cJSON *tree);

/* Fills entry->code where the tree has a code, or entry->refused. */
void import_code_read(struct import_entry *entry, const cJSON *tree);
void import_code_release(struct import_code *code);

#endif
