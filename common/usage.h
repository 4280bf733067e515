/*
 * usage.h - what the upstream says of an account's plan and how much of it is used.
 */
#ifndef COMMON_USAGE_H
#define COMMON_USAGE_H

#include "common/account.h"
#include "common/base.h"
#include "common/config.h"
#include "common/error.h"
#include "common/http.h"

struct usage {
	char plan[64];	    /* "KIRO PRO", "" unknown */
	char email[128];    /* "" unknown */
	char unit[32];	    /* "Credits", "" unknown */
	double used, limit; /* with running trials and bonuses; limit 0: unknown */
	int64_t reset_at;   /* 0: unknown */
	bool overage;	    /* may go beyond the limit */
};

/* One GET getUsageLimits with the account's bearer. Refusals of the upstream as up_error has them.
 */
int usage_fetch(struct http_client *http, const struct config *config, const struct account *a,
		struct usage *out, struct error *e);

/* The body of such an answer. -1: no usage in it. */
int usage_read(struct usage *out, struct span body, struct error *e);

#endif
