/*
 * up_pool.h - which account serves a try, and what a failure does to it.
 *
 * Keeps parsed records and reads the store again when its file was replaced. Rests that last
 * (quota, suspension, login) go to the store; a short rest after a rate limit stays in this
 * process.
 */
#ifndef FCGI_UP_POOL_H
#define FCGI_UP_POOL_H

#include "common/account.h"
#include "common/catalogues.h"
#include "common/error.h"
#include "common/store.h"

struct up_pool;

struct up_pool *up_pool_new(void);
void up_pool_free(struct up_pool *p); /* NULL is fine */

/* What is asked of an account. */
struct up_pool_wish {
	const char *const *tried; /* ids: none of these */
	size_t tried_count;
	const char *model; /* an account whose catalogue lacks it will not do; NULL: any */
	struct catalogues *catalogues;
};

/* Copies the best usable account that fits the wish into *out (initialised; release it). By
 * priority, then in turn. -1: ERR_NO_ACCOUNT with retry_after when one will come back; ERR_MODEL
 * when all accounts have a catalogue and none has the model. */
int up_pool_pick(struct up_pool *p, const struct store *tokens, const struct up_pool_wish *wish,
		 int64_t now, struct account *out, struct error *e);

/* How many could be picked now. */
int up_pool_count(struct up_pool *p, const struct store *tokens, int64_t now, size_t *count,
		  struct error *e);

/* Applies the effect of a failure (error_kinds[]) to the account that met it: a short rest here, a
 * lasting one by rest.h. The time of the rest becomes the failure's retry_after. */
void up_pool_book(struct up_pool *p, const struct store *tokens, const struct account *account,
		  struct error *failure, int64_t now);

#endif
