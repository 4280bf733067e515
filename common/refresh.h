/*
 * refresh.h - renewing access tokens: exactly one refresh per account at a time over all
 * processes, and a rotated refresh token is on disk before anybody uses the new access token.
 *
 * Under the account's OFD lock (refresh.lock): read the record again, refresh only if still due,
 * store, release. auth_methods[] has a row per kind of credential.
 */
#ifndef COMMON_REFRESH_H
#define COMMON_REFRESH_H

#include "common/account.h"
#include "common/config.h"
#include "common/http.h"
#include "common/store.h"

#define REFRESH_MOST_MS 75000 /* from sending to the disk: two answers and the store's locks */

struct metrics;

struct refresher {
	const struct config *config; /* borrowed */
	struct http_client *http;    /* borrowed */
	const struct store *tokens;  /* borrowed */
	struct metrics *metrics;     /* borrowed; NULL: nothing is counted */
	_Atomic int *under_way; /* borrowed; NULL: as above. Renewals that were sent and are not
				   on disk: a process with threads waits for them at its end */
};

enum refresh_mode {
	REFRESH_SOFT,	/* still valid: somebody else at it is fine, go on with the old token */
	REFRESH_HARD,	/* expired: wait for whoever is at it (3 s, then ERR_BUSY) */
	REFRESH_FORCED, /* the upstream refused the token that *account holds */
};

/* 1: renewed by this call; 0: nothing to do (fresh enough, renewed by another, or taken: SOFT).
 * In both cases *account is the current record. -1: ERR_LOGIN (dead refresh token; stored as
 * invalid), ERR_UP_* of the login service, ERR_BUSY, ERR_STORE.
 * ahead: seconds before the expiry from which on a refresh is due. */
int refresh_account(const struct refresher *r, struct account *account, enum refresh_mode mode,
		    int64_t ahead, struct error *e);

#endif
