/*
 * merge.h - a login that is found again: what it brings goes into the account that is there.
 */
#ifndef COMMON_MERGE_H
#define COMMON_MERGE_H

#include "common/account.h"
#include "common/base.h"

/* roster_change() callback; context is the const struct account that came anew. Its credential and
 * what it knows of the login replace the stored ones; what a person may have set here (label,
 * priority, state, machine id) stays, but for the rest of an account whose credentials were
 * refused. False: what came is the refresh token that the stored one has replaced meanwhile. */
bool merge_account(struct account *stored, void *context);

/* Its credentials are why it does not serve: new ones end that. */
bool merge_mends(const struct account *stored);

/* Would that change anything? */
bool merge_changes(const struct account *stored, const struct account *a);

#endif
