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

/* Without a date they are taken for newer than tokens that were never renewed here. */
static bool is_newer(const struct account *a, const struct account *known)
{
	return a->expires_at ? a->expires_at > known->expires_at : !known->refreshed_at;
}

static void plan_known(struct import_plan *p, const struct account *a)
{
	const struct account *known = p->account;
	bool newer = is_newer(a, known);

	if (p->match == ROSTER_OLDER)
		decide(p, IMPORT_KEEP, "%s has a newer token of this login", known->id);
	else if (p->match == ROSTER_PERSON && !newer && !merge_mends(known))
		decide(p, IMPORT_KEEP, "%s has the same e-mail and %s", known->id,
		       a->expires_at ? "newer tokens"
				     : "tokens that were renewed here; these are of no date");
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

/* Its account goes to somebody else: the code will have none. */
static bool is_anothers(const struct import_plan *p, const struct import_entry *entry)
{
	const char *owner = entry->account.owner;

	if (p->verdict == IMPORT_ADD || entry->code.alone)
		return false;
	if (!p->account)
		return true; /* the entry before has it */
	return p->account->owner && strcmp(p->account->owner, owner) != 0;
}

static void add_code_reason(struct import_plan *p, const struct import_entry *entry)
{
	size_t len = strlen(p->reason);

	if (p->code == IMPORT_VERDICTS)
		return;
	snprintf(p->reason + len, sizeof(p->reason) - len, "%s%s%s", len ? "; " : "",
		 p->code_reason,
		 is_anothers(p, entry) ? "; the account is another key's, and does not serve it"
				       : "");
}

static void plan_account(struct import_plan *plans, const struct import *i, size_t n,
			 const struct roster *r)
{
	const struct import_entry *entry = &i->entries[n];
	struct import_plan *p = &plans[n];

	if (entry->refused[0]) {
		decide(p, IMPORT_REFUSE, "%s", entry->refused);
		return;
	}
	if (entry->code.alone) {
		decide(p, IMPORT_KEEP, "%s", "");
		return;
	}
	if (plan_twin(plans, i, n))
		return;
	p->match = roster_match(r, &entry->account, &p->account);
	if (p->match == ROSTER_NEW)
		decide(p, IMPORT_ADD, "%s", "");
	else
		plan_known(p, &entry->account);
}

int import_plan(struct import_plan *plans, struct import *i, const struct roster *r,
		const struct store *keys, struct error *e)
{
	if (import_plan_codes(plans, i, keys, e))
		return -1;
	for (size_t n = 0; n < i->count; n++) {
		plan_account(plans, i, n, r);
		add_code_reason(&plans[n], &i->entries[n]);
	}
	return 0;
}

enum import_verdict import_verdict(const struct import_plan *p)
{
	return p->code < p->verdict ? p->code : p->verdict;
}

static int store_accounts(const struct store *tokens, const struct import_plan *plans,
			  struct import *i, struct error *e)
{
	struct roster_item *items = xcalloc(i->count + 1, sizeof(*items));
	size_t count = 0;
	int rc;

	for (size_t n = 0; n < i->count; n++) {
		struct account *a = &i->entries[n].account;

		if (plans[n].verdict == IMPORT_UPDATE) {
			items[count++] = (struct roster_item){ a, plans[n].account };
		} else if (plans[n].verdict == IMPORT_ADD) {
			a->added_place = (int64_t)n + 1;
			roster_enroll(a, clock_wall());
			items[count++] = (struct roster_item){ .account = a };
		}
	}
	rc = count ? roster_take(tokens, items, count, e) : 0;
	free(items);
	return rc;
}

/* The accounts first: without their owners they serve nobody yet. */
int import_carry_out(const struct store *tokens, const struct store *keys,
		     struct import_plan *plans, struct import *i, bool *accounts, struct error *e)
{
	*accounts = store_accounts(tokens, plans, i, e) == 0;
	if (!*accounts || import_carry_out_codes(keys, plans, i, e))
		return -1;
	for (size_t n = 0; n < i->count; n++) {
		if (plans[n].verdict != IMPORT_ADD)
			continue;
		decide(&plans[n], IMPORT_ADD, "%s", i->entries[n].account.id);
		add_code_reason(&plans[n], &i->entries[n]);
	}
	return 0;
}

const char *import_credential_mask(const struct import_entry *entry,
				   char out[static SECRET_MASK_SIZE])
{
	const struct account *a = &entry->account;

	return secret_mask(entry->code.alone	     ? &entry->code.text
			   : a->kind == KIND_API_KEY ? &a->api_key
						     : &a->refresh_token,
			   out);
}

const char *import_kind(const struct import_entry *entry)
{
	return entry->refused[0]   ? NULL
	       : entry->code.alone ? "code"
				   : account_kind_names[entry->account.kind];
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
	jsonw_text_member(w, "kind", import_kind(entry));
	jsonw_text_member(w, "provider", a->provider);
	jsonw_text_member(w, "credential", import_credential_mask(entry, mask));
	jsonw_text_member(w, "what", (done ? import_did : import_would)[import_verdict(p)]);
	jsonw_text_member(w, "id", a->id ? a->id : p->account ? p->account->id : NULL);
	jsonw_text_member(w, "code", p->code == IMPORT_VERDICTS ? NULL : entry->code.key.name);
	jsonw_text_member(w, "why", p->reason);
	jsonw_end(w);
}

void import_plan_write(struct jsonw *w, const struct import_plan *plans, const struct import *i,
		       bool done)
{
	size_t counts[IMPORT_VERDICTS] = { 0 };

	for (size_t n = 0; n < i->count; n++)
		counts[import_verdict(&plans[n])]++;
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
