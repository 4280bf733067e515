/*
 * usage_store.h - an account's usage in the store: looked up once per interval over all processes,
 * the last good answer kept when a look fails, and what it means for an exhausted account.
 */
#ifndef COMMON_USAGE_STORE_H
#define COMMON_USAGE_STORE_H

#include "common/store.h"
#include "common/usage.h"

/* 1: read; 0: there is none, *u is empty; -1: ERR_STORE. */
int usage_get(const struct store *tokens, const char *account_id, struct usage *u, struct error *e);

/* Keeps what was read for another purpose, so that no look is due for a while. */
int usage_keep(const struct store *tokens, const char *account_id, const struct usage *u,
	       struct error *e);

/* Asks the upstream when a look is due: `usage_interval` seconds after the last one, good or not,
 * and up to a quarter more, so that a thousand accounts do not come at once. Who looks says so in
 * the record first: another process leaves it alone. *u becomes what is stored now; *a gets its
 * profile where that is missing.
 * 0: read anew; 1: not due; -1: the look failed (the record says why, and keeps its numbers). */
int usage_look(struct http_client *http, const struct config *config, const struct store *tokens,
	       struct account *a, struct usage *u, struct error *e);

/* An exhausted account against its usage. It is active again when its time is over or a number read
 * since then shows something to be had, of which the number says nothing where that time is a day
 * or less; where the number shows none, it rests until the reset date. *a is changed as the record
 * is. 1: it was; 0: nothing to do; -1: ERR_STORE. */
int usage_settle(const struct store *tokens, struct account *a, const struct usage *u,
		 struct error *e);

#endif
