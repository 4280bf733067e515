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
	char reason[2 * IMPORT_REASON_SIZE + 64];
	struct account *account; /* IMPORT_UPDATE: the stored one, of the roster */
	enum roster_match match;
	enum import_verdict code; /* on its activation code; IMPORT_VERDICTS: it has none */
	char code_reason[IMPORT_REASON_SIZE];
};

/* plans: one zeroed row per entry. keys NULL: there are none yet. Nothing is stored; the owners and
 * the codes of the entries are completed. -1: the keys cannot be read. */
int import_plan(struct import_plan *plans, struct import *i, const struct roster *r,
		const struct store *keys, struct error *e);

/* Of account and code together. */
enum import_verdict import_verdict(const struct import_plan *p);

/* All accounts in one step of their store, then all codes in one of theirs. -1: *accounts tells
 * whether the first of them was done; an import that is carried out again does the rest. */
int import_carry_out(const struct store *tokens, const struct store *keys,
		     struct import_plan *plans, struct import *i, bool *accounts, struct error *e);

/* import_code_plan.c: the part of both that is about codes. */
int import_plan_codes(struct import_plan *plans, struct import *i, const struct store *keys,
		      struct error *e);
int import_carry_out_codes(const struct store *keys, const struct import_plan *plans,
			   const struct import *i, struct error *e);

/* The credential by which an entry is known, for people; "social", or "code" for one alone. */
const char *import_credential_mask(const struct import_entry *entry,
				   char out[static SECRET_MASK_SIZE]);
const char *import_kind(const struct import_entry *entry); /* NULL: it was refused */

/* {"stored", "added", "updated", "unchanged", "refused", "entries": [...]} */
void import_plan_write(struct jsonw *w, const struct import_plan *plans, const struct import *i,
		       bool done);

#endif
