/*
 * account_store.h - accounts as the records "a/<id>" of tokens.gdbm: read, and changed under the
 * store's lock.
 */
#ifndef COMMON_ACCOUNT_STORE_H
#define COMMON_ACCOUNT_STORE_H

#include "common/account.h"
#include "common/store.h"

void account_key(const char *id, char out[static STORE_KEY_SIZE]);

/* A record's text; *a is initialised, and stays empty after -1: ERR_STORE. */
int account_parse(struct account *a, struct span json, struct error *e);

/* 1: *out (initialised) is the record; 0: there is none; -1. *out is left alone then. */
int account_load(const struct store *tokens, const char *id, struct account *out, struct error *e);

/* Whatever became of the record since the caller read it: edit() changes what is stored now, or
 * returns false and it stays. *now (initialised, or NULL) becomes what is stored then.
 * 0: changed; 1: left as it is; ACCOUNT_GONE: it was removed meanwhile; -1: ERR_STORE. */
#define ACCOUNT_GONE 2
int account_change(const struct store *tokens, const char *id,
		   bool (*edit)(struct account *stored, void *context), void *context,
		   struct account *now, struct error *e);
/* The same within a step of the store. */
int account_step(struct step *step, const char *id,
		 bool (*edit)(struct account *stored, void *context), void *context,
		 struct account *now, struct error *e);

#endif
