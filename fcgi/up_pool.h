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
#include "common/error.h"
#include "common/store.h"

/* How long an account rests after a rate limit or a used up quota that names no time. */
#define UP_POOL_COOL_SECONDS	10
#define UP_POOL_EXHAUST_SECONDS 3600

struct up_pool;

struct up_pool *up_pool_new(void);
void up_pool_free(struct up_pool *p); /* NULL is fine */

/* Copies the best usable account that is not in tried[] into *out (initialised; release it).
 * By priority, then in turn. -1: ERR_NO_ACCOUNT, or why the
 * next one rests: ERR_UP_RATE, ERR_UP_QUOTA; with retry_after when one will come back. */
int up_pool_pick(struct up_pool *p, const struct store *tokens, const char *const *tried,
		 size_t tried_count, int64_t now, struct account *out, struct error *e);

/* How many could be picked now. */
int up_pool_count(struct up_pool *p, const struct store *tokens, int64_t now, size_t *count,
		  struct error *e);

/* Applies the effect of a failure (error_kinds[]) to the account that met it. */
void up_pool_book(struct up_pool *p, const struct store *tokens, const struct account *account,
		  const struct error *failure, int64_t now);

#endif
