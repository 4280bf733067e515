/*
 * profile.h - the profile (ARN) of an account whose login does not tell it. IAM Identity Center and
 * external logins have theirs in ListAvailableProfiles, per region; the service refuses chats
 * without it. It is asked for once and stored in the account's record.
 */
#ifndef COMMON_PROFILE_H
#define COMMON_PROFILE_H

#include "common/account.h"
#include "common/config.h"
#include "common/http.h"
#include "common/store.h"

bool profile_is_missing(const struct account *a);

/* Asks with the account's token as it is and stores what was found: the first profile of the
 * account's own region, else of the others; or, where the service knows no profiles for this login,
 * that it is a Builder ID. *a is changed likewise. 0, or -1: as management_call(), ERR_UP_REFUSED
 * when there is none, ERR_STORE. */
int profile_resolve(struct http_client *http, const struct config *config,
		    const struct store *tokens, struct account *a, struct error *e);

/* The same for an account that is not stored (and has no id) yet. */
int profile_find(struct http_client *http, const struct config *config, struct account *a,
		 struct error *e);

#endif
