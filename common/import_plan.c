#include "common/base.h"
#include "common/import_plan.h"

#include "common/clock.h"
#include "common/merge.h"

const char *const import_would[IMPORT_VERDICTS] = { "add", "update", "keep", "refuse" };
const char *const import_did[IMPORT_VERDICTS] = { "added", "updated", "unchanged", "refused" };

static void PRINTF_LIKE(3, 4)
	decide(struct import_plan *p, enum import_verdict verdict, const char *format, ...)
{
	va_list args;

	p->verdict = verdict;
	va_start(args, format);
	vsnprintf(p->reason, sizeof(p->reason), format, args);
	va_end(args);
}

static void plan_known(struct import_plan *p, const struct account *a)
{
	const struct account *known = p->account;
	bool newer = !a->expires_at || a->expires_at > known->expires_at;

	if (p->match == ROSTER_OLDER)
		decide(p, IMPORT_KEEP, "%s has a newer token of this login", known->id);
	else if (p->match == ROSTER_PERSON && !newer && !merge_mends(known))
		decide(p, IMPORT_KEEP, "%s has the same e-mail and newer tokens", known->id);
	else if (!merge_changes(known, a))
		decide(p, IMPORT_KEEP, "is there already: %s", known->id);
	else if (p->match == ROSTER_PERSON)
		decide(p, IMPORT_UPDATE, "%s has the same e-mail: gets the newer tokens",
		       known->id);
	else
		decide(p, IMPORT_UPDATE, "%s has the same credential: gets the rest", known->id);
}

/* The same account twice in what is imported: the first counts. */
static bool plan_twin(struct import_plan *plans, const struct import *i, size_t at)
{
	for (size_t n = 0; n < at; n++) {
		const struct import_entry *earlier = &i->entries[n];

		if (plans[n].verdict != IMPORT_REFUSE &&
		    roster_compare(&earlier->account, &i->entries[at].account) != ROSTER_NEW) {
			decide(&plans[at], IMPORT_KEEP, "is entry %zu of %s again", earlier->index,
			       earlier->source);
			return true;
		}
	}
	return false;
}

void import_plan(struct import_plan *plans, const struct import *i, const struct roster *r)
{
	for (size_t n = 0; n < i->count; n++) {
		const struct import_entry *entry = &i->entries[n];
		struct import_plan *p = &plans[n];

		if (entry->refused[0]) {
			decide(p, IMPORT_REFUSE, "%s", entry->refused);
			continue;
		}
		if (plan_twin(plans, i, n))
			continue;
		p->match = roster_match(r, &entry->account, &p->account);
		if (p->match == ROSTER_NEW)
			decide(p, IMPORT_ADD, "%s", "");
		else
			plan_known(p, &entry->account);
	}
}

int import_carry_out(const struct store *tokens, struct import_plan *plans, struct import *i,
		     size_t *done, struct error *e)
{
	for (*done = 0; *done < i->count; ++*done) {
		struct import_plan *p = &plans[*done];
		struct account *a = &i->entries[*done].account;
		int rc = 0;

		if (p->verdict == IMPORT_ADD) {
			a->added_place = (int64_t)*done + 1;
			roster_enroll(a, clock_wall());
			rc = roster_put(tokens, a, e);
			decide(p, IMPORT_ADD, "%s", a->id);
		} else if (p->verdict == IMPORT_UPDATE) {
			rc = roster_change(tokens, p->account, merge_account, a, e);
		}
		if (rc)
			return -1;
	}
	return 0;
}

const char *import_credential_mask(const struct account *a, char out[static SECRET_MASK_SIZE])
{
	return secret_mask(a->kind == KIND_API_KEY ? &a->api_key : &a->refresh_token, out);
}

static void write_entry(struct jsonw *w, const struct import_plan *p,
			const struct import_entry *entry, bool done)
{
	const struct account *a = &entry->account;
	char name[256], mask[SECRET_MASK_SIZE];

	jsonw_begin_object(w);
	jsonw_text_member(w, "source", entry->source);
	jsonw_int_member(w, "entry", (int64_t)entry->index);
	jsonw_text_member(w, "format", entry->format);
	jsonw_text_member(w, "account", import_name(entry, name, sizeof(name)));
	jsonw_text_member(w, "kind", entry->refused[0] ? NULL : account_kind_names[a->kind]);
	jsonw_text_member(w, "provider", a->provider);
	jsonw_text_member(w, "credential", import_credential_mask(a, mask));
	jsonw_text_member(w, "what", (done ? import_did : import_would)[p->verdict]);
	jsonw_text_member(w, "id", a->id ? a->id : p->account ? p->account->id : NULL);
	jsonw_text_member(w, "why", p->reason);
	jsonw_end(w);
}

void import_plan_write(struct jsonw *w, const struct import_plan *plans, const struct import *i,
		       bool done)
{
	size_t counts[IMPORT_VERDICTS] = { 0 };

	for (size_t n = 0; n < i->count; n++)
		counts[plans[n].verdict]++;
	jsonw_begin_object(w);
	jsonw_bool_member(w, "stored", done);
	for (int v = 0; v < IMPORT_VERDICTS; v++)
		jsonw_int_member(w, import_did[v], (int64_t)counts[v]);
	jsonw_begin_array_member(w, "entries");
	for (size_t n = 0; n < i->count; n++)
		write_entry(w, &plans[n], &i->entries[n], done);
	jsonw_end(w);
	jsonw_end(w);
}
