/*
 * live.h - what all processes know of each account from moment to moment: a short rest after a
 * rate limit, when it was used last, when it may be used next, what it has spent since its usage
 * was read, how many requests it serves.
 *
 * All but the last are numbers in live.map (mapfile.h). Their loss is harmless: an account that
 * should rest is asked once too often. Where the file cannot be had, each process keeps its own,
 * and the log says so once.
 *
 * A request in flight is a place held by hold.h.
 */
#ifndef COMMON_LIVE_H
#define COMMON_LIVE_H

#include "common/base.h"
#include "common/error.h"
#include "common/hold.h"

struct live;

struct live_view {
	int64_t rest_until;	  /* seconds since 1970; 0: it does not rest */
	enum error_kind rest_why; /* what it has met */
	uint64_t turn;		  /* of all starts of all accounts, which was its last; 0: none */
	int64_t started;	  /* its last start, ms since 1970; 0: none */
	int64_t next;		  /* ms since 1970: no start before; 0: at any time */
	int64_t spent_since;	  /* the reading of its usage that spent counts from; 0: none */
	double spent;		  /* credits of answers since, by our own count */
};

/* Files are opened at the first use: the directory may come to exist after us. */
struct live *live_new(const char *dir);
void live_free(struct live *l); /* NULL is fine */

uint64_t live_key(const char *account_id); /* how the calls below name an account */

void live_look(struct live *l, uint64_t account, int64_t now_ms, struct live_view *out);

/* One view for each account. Under one lock and one look at the clock: of 1,000 accounts that is a
 * third of the time. */
void live_look_all(struct live *l, const uint64_t *accounts, size_t count, int64_t now_ms,
		   struct live_view *out);

/* No request for it until then; of two rests the one that ends later holds. */
void live_rest(struct live *l, uint64_t account, enum error_kind why, int64_t now, int64_t until);
void live_wake(struct live *l, uint64_t account);

/* A request is about to start; the next not before pause_ms from now. False: somebody has started
 * one since *seen was looked at. */
bool live_start(struct live *l, uint64_t account, const struct live_view *seen, int64_t now_ms,
		int64_t pause_ms);

/* An answer has cost credits. since: when its usage was read last, seconds since 1970; of another
 * reading than before, the count begins anew. */
void live_spend(struct live *l, uint64_t account, int64_t since, double credits);

/* hold_take() and hold_count(); what keeps them from it is logged, once. */
#define LIVE_FULL    HOLD_FULL
#define LIVE_UNKNOWN HOLD_UNKNOWN
#define LIVE_HOLDERS HOLD_MOST
int live_hold(struct live *l, uint64_t account, int limit);
int live_count(struct live *l, uint64_t account);

/* Which account served a conversation (live_key()); 0: none within the last max_age seconds. */
uint64_t live_bound(struct live *l, const char *conversation, int64_t now, int64_t max_age);
void live_bind(struct live *l, const char *conversation, uint64_t account, int64_t now);

#endif
