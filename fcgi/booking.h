/*
 * booking.h - what a chat has cost is counted, once, from its closed ledger: as usage (tally.h),
 * and against its key's limits (quota.h).
 */
#ifndef FCGI_BOOKING_H
#define FCGI_BOOKING_H

#include "fcgi/ledger.h"

void booking_take(struct site *site, const struct ledger *l);

/* Under which id usage is counted: a key's, "client_token", or "-" where no key is asked for. */
const char *booking_id(const struct key *key);

#endif
