/*
 * quota.h - how much of its limits a key has used, exactly, over all processes.
 *
 * Windows are those of the calendar in UTC: the minute, the day, the month. What a key has used of
 * one is a number in limits.map (mapfile.h), beside the window that it is of, in one word: whoever
 * comes changes both at once, so that of 100 requests a minute the 101st is refused, however many
 * processes ask.
 *
 * Requests count when they are let in. Tokens and credits count at their end, when they are known:
 * who is below a limit is let in, so that the requests under way may go beyond it by what they
 * cost. Usage (tally.h) is booked at the same moment by the same numbers, and where limits.map was
 * lost the day and the month begin with what usage says.
 */
#ifndef COMMON_QUOTA_H
#define COMMON_QUOTA_H

#include "common/base.h"
#include "common/config.h"
#include "common/error.h"
#include "common/key.h"

struct quota;

struct quota_view {
	int64_t used[KEY_MEASURES][KEY_WINDOWS];
	int64_t resets_at[KEY_WINDOWS];
	int64_t used_at; /* the last request that was let in; 0: none, or not known any more */
};

struct quota *quota_new(const struct config *config); /* borrowed; opened at the first use */
void quota_free(struct quota *q);		      /* NULL is fine */

/* Lets one request of the key in. -1: a limit is reached, *e says which and when it begins anew:
 * ERR_KEY_RATE (a minute), ERR_KEY_LIMIT (a day, or a month's requests), ERR_KEY_BUDGET (a month's
 * tokens or credits); or ERR_STORE: it has limits and they cannot be looked at. */
int quota_enter(struct quota *q, const struct key *key, int64_t now, struct error *e);
/* It was let in at `now`, and did not come further. */
void quota_return(struct quota *q, const struct key *key, int64_t now);
/* What it has cost; credits in millionths. */
void quota_book(struct quota *q, const char *key_id, int64_t now, int64_t tokens, int64_t credits);

void quota_look(struct quota *q, const char *key_id, int64_t now, struct quota_view *out);

#endif
