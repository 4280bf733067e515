/*
 * up_pool.h - which account serves a try, and what a failure does to it.
 *
 * Keeps parsed records and reads the store again when its file was replaced. Rests that last
 * (quota, suspension, login) go to the store; a short rest after a rate limit, and all that is
 * known of an account from moment to moment, is shared with all processes by live.h.
 *
 * Order: the account that has served the conversation before, as long as it fits; else by priority
 * and strategy (up_strategy.h). One that is busy (accounts.max_inflight, accounts.min_interval_ms)
 * is passed over, and its conversations come back to it; one that rests, failed or went loses them.
 */
#ifndef FCGI_UP_POOL_H
#define FCGI_UP_POOL_H

#include "common/account.h"
#include "common/catalogues.h"
#include "common/config.h"
#include "common/error.h"
#include "common/key.h"
#include "common/store.h"

struct up_pool;

struct up_pool *up_pool_new(const struct config *config); /* borrowed */
void up_pool_free(struct up_pool *p);			  /* NULL is fine */

/* What is asked of an account. */
struct up_pool_wish {
	const char *const *tried; /* ids: none of these */
	size_t tried_count;
	const char *model; /* an account whose catalogue lacks it will not do; NULL: any */
	struct catalogues *catalogues;
	const char *conversation; /* what the client calls it; NULL: not known */
	const struct key *key;	  /* only accounts that this one may use; NULL: any */
};

/* Copies the account that is to serve into *out (initialised; release it). *place: a descriptor
 * that counts as one request in flight until it is closed; -1: such are not counted here.
 * > 0: all that fit are busy, ask again in so many ms. -1: none fits; when one will come back, the
 * kind of its rest with retry_after, else ERR_NO_ACCOUNT; ERR_MODEL when all accounts have a
 * catalogue and none has the model; ERR_FORBIDDEN when there are accounts, and none is for the
 * key. */
int up_pool_pick(struct up_pool *p, const struct store *tokens, const struct up_pool_wish *wish,
		 int64_t now_ms, struct account *out, int *place, struct error *e);

/* How many could be picked now. */
int up_pool_count(struct up_pool *p, const struct store *tokens, int64_t now, size_t *count,
		  struct error *e);

/* Seconds until the first that rests is back, tried or not; 0: one that was not tried may serve
 * now; -1: nobody knows. */
int up_pool_back(struct up_pool *p, const struct store *tokens, const struct up_pool_wish *wish,
		 int64_t now);

/* Applies the effect of a failure (error_kinds[]) to the account that met it: a short rest here, a
 * lasting one by rest.h. The time of the rest becomes the failure's retry_after. */
void up_pool_book(struct up_pool *p, const struct store *tokens, const struct account *account,
		  struct error *failure, int64_t now);

/* An answer of the account has cost credits: until its usage is read again they count as gone. */
void up_pool_spend(struct up_pool *p, const struct store *tokens, const char *account_id,
		   double credits);

/* The account could not be readied, by no fault of its own: a short rest, so that not each request
 * asks a service that is down. */
void up_pool_defer(struct up_pool *p, const struct account *account, struct error *failure,
		   int64_t now);

#endif
