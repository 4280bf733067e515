/*
 * hold.h - how many requests of a kind are in flight over all processes, and no more than may be.
 *
 * One in flight is a lock on a byte of live.lock, in a range of its kind's own, on a descriptor of
 * its own: however its process ends, the kernel takes the lock back at that moment. Nothing is
 * counted, so no count can be wrong, no holder needs to renew anything, and it does not matter if
 * one process can see another (users, containers). A limit is the range's length.
 */
#ifndef COMMON_HOLD_H
#define COMMON_HOLD_H

#include "common/base.h"
#include "common/error.h"

#define HOLD_FULL    (-1)
#define HOLD_UNKNOWN (-2)
#define HOLD_MOST    4096 /* that are told apart, of one kind */

/* kind: mapfile_key() of a name. Counts as one in flight until the descriptor is closed. limit 0:
 * none. HOLD_FULL: as many are as may be. HOLD_UNKNOWN: they cannot be counted here; *e says why
 * where there is a limit, or the file cannot be had. */
int hold_take(const char *dir, uint64_t kind, int limit, struct error *e);
int hold_count(const char *dir, uint64_t kind, struct error *e); /* HOLD_UNKNOWN */

#endif
