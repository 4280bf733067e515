/*
 * import_plan.h - what an import would do with each entry, then doing that.
 */
#ifndef COMMON_IMPORT_PLAN_H
#define COMMON_IMPORT_PLAN_H

#include "common/base.h"
#include "common/import.h"
#include "common/jsonw.h"
#include "common/roster.h"

enum import_verdict { IMPORT_ADD, IMPORT_UPDATE, IMPORT_KEEP, IMPORT_REFUSE, IMPORT_VERDICTS };
extern const char *const import_would[IMPORT_VERDICTS]; /* add, update, keep, refuse */
extern const char *const import_did[IMPORT_VERDICTS];	/* added, updated, unchanged, refused */

struct import_plan {
	enum import_verdict verdict;
	char reason[IMPORT_REASON_SIZE + 64];
	struct account *account; /* IMPORT_UPDATE: the stored one, of the roster */
	enum roster_match match;
};

/* plans: one zeroed row per entry. Nothing is stored. */
void import_plan(struct import_plan *plans, const struct import *i, const struct roster *r);

/* -1 when the store fails at entry *done; what was stored before stays. */
int import_carry_out(const struct store *tokens, struct import_plan *plans, struct import *i,
		     size_t *done, struct error *e);

/* The credential by which an entry is known, for people. */
const char *import_credential_mask(const struct account *a, char out[static SECRET_MASK_SIZE]);

/* {"stored", "added", "updated", "unchanged", "refused", "entries": [...]} */
void import_plan_write(struct jsonw *w, const struct import_plan *plans, const struct import *i,
		       bool done);

#endif
