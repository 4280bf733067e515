/*
 * enroll.h - what came out of a login becomes an account, or renews the one that it is.
 */
#ifndef COMMON_ENROLL_H
#define COMMON_ENROLL_H

#include "common/account.h"
#include "common/base.h"
#include "common/config.h"
#include "common/error.h"
#include "common/http.h"
#include "common/roster.h"
#include "common/usage.h"

struct enroll_doubts { /* what the service did not say; kind ERR_NONE: it did */
	struct error profile, usage;
};

/* Asks whose login it is: a gets profile, e-mail and user id. An API key that the service refuses
 * is a typing mistake (ERR_LOGIN); a login that it just handed out is good whatever it says now,
 * and *doubts tells. */
int enroll_identify(struct http_client *http, const struct config *config, struct account *a,
		    struct usage *u, struct enroll_doubts *doubts, struct error *e);

/* name: the account that it is to be, NULL: the one that it is, if any. label: of a new one, or
 * NULL. *stored: the record as it is then, borrowed from r (loaded) or a itself; *added: it is new.
 */
int enroll_store(const struct store *tokens, struct roster *r, struct account *a, const char *name,
		 const char *label, const struct account **stored, bool *added, struct error *e);

#endif
