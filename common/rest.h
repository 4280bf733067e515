/*
 * rest.h - what a failure does to an account that lasts: a rest with its reason and end in the
 * account's record, and the way back.
 *
 *   exhausted   until its allowance begins anew: the date in its usage record, else what the
 *               refusal tells, else the next month (or day) in UTC, or one hour; then all
 *               requests may use it again
 *   suspended   6 h, doubled with each probe that fails, at most 7 days
 *   refused     a token that no renewal mends: 1 min; no right to call: 15 min; doubled likewise,
 *               at most a day
 *
 * When the rest of a suspended or refused account is over, one request of all processes takes it as
 * a probe (rest_claim). Its success ends the rest, the same failure lengthens it; a failure that
 * tells nothing of the account, or a probe that never comes back, leaves it to the next one.
 */
#ifndef COMMON_REST_H
#define COMMON_REST_H

#include "common/account.h"
#include "common/store.h"

/* All take the account as the caller read it. When the record has moved on since (another request
 * booked the same, a person disabled it), it stays as it is. */

/* Usable, but by one request alone. */
bool rest_needs_claim(const struct account *a);
/* 1: it is the caller's to try; 0: another one's; -1. */
int rest_claim(const struct store *tokens, struct account *a, int64_t now, struct error *e);
/* The probe, with the account as claimed, told nothing. */
void rest_return(const struct store *tokens, const struct account *a, int64_t now);

/* The account answered. Nothing to do for an active one. */
void rest_end(const struct store *tokens, const struct account *a, int64_t now);

/* By the failure's effect (error_kinds[]); false: it has none that lasts. The failure's retry_after
 * becomes the time of the rest. */
bool rest_book(const struct store *tokens, const struct account *a, struct error *failure,
	       int64_t now);

#endif
