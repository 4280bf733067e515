/*
 * facts.h - an account as people may see it: its record with secrets masked, and what is known
 * beside it: its usage, when it served last, when its token is due.
 */
#ifndef COMMON_FACTS_H
#define COMMON_FACTS_H

#include "common/account.h"
#include "common/base.h"
#include "common/config.h"
#include "common/jsonw.h"
#include "common/live.h"
#include "common/store.h"
#include "common/usage.h"

struct facts {
	struct usage usage; /* read_at 0: none */
	bool stale;
	int64_t used_at;    /* its last request began; 0: unknown */
	int64_t rest_until; /* a short rest, whatever its state; 0: none */
	const char *rest_why;
	int64_t refresh_at; /* from then on kiro-refresh renews the token; 0: never */
};

/* -1: the usage record cannot be read, and counts as none. */
int facts_read(const struct config *config, const struct store *tokens, struct live *live,
	       const struct account *a, struct facts *f, struct error *e);

/* One object. facts NULL: of the record alone. */
void facts_write_account(struct jsonw *w, const struct account *a, const struct facts *facts);

/* {"id", "label", "usage"}: "usage" as above, null where nothing is known. */
void facts_write_usage(struct jsonw *w, const struct store *tokens, const struct account *a,
		       int64_t interval);

double facts_rounded(double value);	     /* to a hundredth, as people read it */
double facts_percent(const struct usage *u); /* used of the limit; NAN: unknown */

#endif
