/*
 * catalogue.h - the models that the upstream offers to one account, as it said at last: record
 * "c/<account id>" in tokens.gdbm. What is good stays when a later look fails.
 *
 * Lists differ by plan, region and account, and so do a model's limits and the request fields that
 * it takes. Whoever wants to know reads what is stored; only kiro-refresh and the responder (after
 * an answer, but for the very first list of models) ask the upstream.
 */
#ifndef COMMON_CATALOGUE_H
#define COMMON_CATALOGUE_H

#include "common/account.h"
#include "common/arena.h"
#include "common/buf.h"
#include "common/config.h"
#include "common/error.h"
#include "common/http.h"
#include "common/models.h"
#include "common/store.h"

#define CATALOGUE_PREFIX "c/"
#define CATALOGUE_AGE                                                                              \
	3600 /* seconds: then it is due again, whether the last look failed or not                 \
	      */

struct catalogue {
	struct arena arena; /* holds everything below */
	int64_t fetched_at; /* 0: never yet, count is 0 then */
	int64_t tried_at;   /* the last look, good or not */
	struct model *models;
	size_t count;
};

void catalogue_init(struct catalogue *c);
void catalogue_release(struct catalogue *c);

/* Fills an initialised catalogue from its record. -1: ERR_STORE. */
int catalogue_read(struct catalogue *c, struct span record, struct error *e);

/* The model of exactly that id, NULL: it is not offered. */
const struct model *catalogue_find(const struct catalogue *c, const char *id);

bool catalogue_is_due(const struct catalogue *c, int64_t now);

/* Asks the upstream with the account's token as it is, and stores the answer; a failure is noted
 * in the record, so that the next look waits its time. 0, or -1: *e as management_call() has it,
 * ERR_UP_DAMAGED when there are no models in the answer, ERR_STORE. */
int catalogue_fetch(struct http_client *http, const struct config *config,
		    const struct store *tokens, const struct account *a, struct error *e);

/* The same for somebody who waits for it, so that a failure is not noted: whoever has more time may
 * try again. timeout_ms 0: catalogue_fetch(). */
int catalogue_fetch_within(struct http_client *http, const struct config *config,
			   const struct store *tokens, const struct account *a, int timeout_ms,
			   struct error *e);

/* The same as catalogue_fetch() only if it is due, and the account not suspended or refused: asking
 * would not help, and may harm. 1: nothing to do. */
int catalogue_fetch_due(struct http_client *http, const struct config *config,
			const struct store *tokens, const struct account *a, struct error *e);

#endif
