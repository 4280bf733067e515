/*
 * password.h - the administrator's password: record "p/admin" in keys.gdbm, which holds its
 * yescrypt hash (libxcrypt) and nothing else of it.
 */
#ifndef COMMON_PASSWORD_H
#define COMMON_PASSWORD_H

#include "common/base.h"
#include "common/error.h"
#include "common/store.h"

#define PASSWORD_LEAST	   12  /* characters */
#define PASSWORD_MOST	   256 /* bytes; libxcrypt takes 511 */
#define PASSWORD_HASH_SIZE 384 /* CRYPT_OUTPUT_SIZE */

/* -1: ERR_REQUEST, too short, too long or a published example. */
int password_set(const struct store *keys, const char *text, struct error *e);
int password_remove(const struct store *keys, struct error *e); /* 1: there was none */

/* 1: hash holds it; 0: none is set; -1: ERR_STORE. */
int password_load(const struct store *keys, char hash[static PASSWORD_HASH_SIZE], struct error *e);

/* Takes some 50 ms and 16 MB on purpose. False for a hash of no known method, too. */
bool password_is(const char *hash, const char *text);

#endif
