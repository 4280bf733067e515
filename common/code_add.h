/*
 * code_add.h - an activation code (code.h) that is new, and the account that becomes its own.
 */
#ifndef COMMON_CODE_ADD_H
#define COMMON_CODE_ADD_H

#include "common/account.h"
#include "common/base.h"
#include "common/error.h"
#include "common/keys.h"
#include "common/store.h"

/* keys_add(), and roster_give() of the account, NULL: none, for which tokens is not needed. Both or
 * neither: when the account cannot be given, the code is removed again, or *e says that it is
 * there. *key: its settings, then what is stored. */
int code_add(const struct store *keys, const struct store *tokens, const char *name,
	     struct key *key, struct account *account, char text[static KEY_TEXT_SIZE],
	     struct error *e);

#endif
