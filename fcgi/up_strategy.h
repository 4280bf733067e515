/*
 * up_strategy.h - which of several accounts that could serve a request is to.
 *
 * A lower priority number always comes first. Among accounts of one priority (accounts.strategy):
 *
 *   optimal, auto                 most of its allowance left, then longest unused
 *   sequential, first, priority   the oldest, until it can no more
 *   round-robin                   longest unused
 *   random                        any
 */
#ifndef FCGI_UP_STRATEGY_H
#define FCGI_UP_STRATEGY_H

#include "common/base.h"

struct up_candidate {
	int priority;
	double left;   /* of its allowance now, in the plan's unit; negative: not known */
	uint64_t turn; /* of its last start, among all accounts' (live.h); 0: none */
	uint32_t luck;
	size_t rank; /* among all accounts, by age; decides where all else is equal */
};

/* strategy: struct config. */
bool up_strategy_prefers(int strategy, const struct up_candidate *a, const struct up_candidate *b);

#endif
