/*
 * Accounts from outside: one entry, or a file of another program, which is shown before it is
 * stored.
 */
#include "common/base.h"
#include "fcgi/api.h"

#include "common/facts.h"
#include "common/import_plan.h"
#include "fcgi/admin.h"

struct work {
	struct import import;
	struct import_plan *plans;
	struct roster roster;
};

static void work_release(struct work *w)
{
	import_release(&w->import);
	roster_release(&w->roster);
	free(w->plans);
}

/* Activation codes are keys, which an operator may not make. */
static int check_codes(struct request *r, const struct import *i)
{
	for (size_t n = 0; n < i->count; n++) {
		if (secret_present(&i->entries[n].code.text) && *r->key.name &&
		    r->key.role != KEY_ADMIN)
			return error_set(
				&r->error, ERR_FORBIDDEN,
				"there are activation codes in it, which only an admin may "
				"import");
	}
	return 0;
}

static int work_read(struct request *r, struct work *w, const char *source)
{
	const char *share = request_query(r, "share");

	*w = (struct work){ .plans = NULL };
	roster_init(&w->roster);
	w->import.share = share && strcmp(share, "1") == 0;
	if (admin_stores(r) || import_read(&w->import, source, buf_span(&r->body), &r->error) ||
	    check_codes(r, &w->import) || roster_load(&w->roster, &r->site->tokens, &r->error))
		return -1;
	w->plans = xcalloc(w->import.count + 1, sizeof(*w->plans));
	return import_plan(w->plans, &w->import, &w->roster, &r->site->keys, &r->error);
}

static void note_accounts(struct request *r, const struct work *w, bool codes)
{
	for (size_t i = 0; i < w->import.count; i++) {
		const struct import_plan *p = &w->plans[i];
		const struct account *a = p->account ? p->account : &w->import.entries[i].account;

		if (p->verdict == IMPORT_ADD || p->verdict == IMPORT_UPDATE)
			admin_touched(r, a->id);
		if (codes && (p->code == IMPORT_ADD || p->code == IMPORT_UPDATE))
			admin_touched(r, w->import.entries[i].code.key.name);
	}
}

static int work_store(struct request *r, struct work *w)
{
	const struct store *tokens = admin_match(r, &r->site->tokens);
	bool accounts;
	int rc;

	if (!tokens || admin_announce(r, "account.import", NULL))
		return -1;
	rc = import_carry_out(tokens, &r->site->keys, w->plans, &w->import, &accounts, &r->error);
	if (accounts)
		note_accounts(r, w, !rc);
	if (rc)
		admin_note(r, "import failed: %s stored",
			   accounts ? "the accounts are, the activation codes are not"
				    : "nothing is");
	else
		admin_note(r, "%zu entries imported", w->import.count);
	return rc;
}

/* ?store=1 does it; else it is only told what would be done. ?share=1: activation codes may use the
 * accounts that are nobody's. */
int api_admin_import(struct request *r)
{
	const char *store = request_query(r, "store");
	bool really = store && strcmp(store, "1") == 0;
	struct admin_answer a;
	struct work w;
	int rc;

	if (admin_stores(r))
		return -1;
	if (!really)
		admin_etag(r, &r->site->tokens);
	rc = work_read(r, &w, "file");
	if (!rc && really)
		rc = work_store(r, &w);
	if (!rc) {
		admin_begin(&a);
		import_plan_write(&a.w, w.plans, &w.import, really);
		rc = admin_send(r, 200, &a);
	}
	work_release(&w);
	return rc;
}

static int send_one(struct request *r, struct account *a, int status)
{
	struct admin_answer answer;

	if (admin_tag_account(r, a))
		return -1;
	admin_begin(&answer);
	facts_write_account(&answer.w, a, NULL);
	return admin_send(r, status, &answer);
}

/* The body is one entry in any of the shapes that an import knows. */
int api_admin_account_add(struct request *r)
{
	struct import_plan *p;
	struct work w;
	int rc = work_read(r, &w, "request");

	if (!rc && w.import.count != 1)
		rc = error_set(&r->error, ERR_REQUEST,
			       "one account is added at a time; files of several are imported");
	p = w.plans;
	if (!rc && p->code != IMPORT_VERDICTS)
		rc = error_set(&r->error, ERR_REQUEST,
			       "it has an activation code: codes are added at /admin/api/v1/codes, "
			       "or imported");
	if (!rc && p->verdict == IMPORT_REFUSE)
		rc = error_set(&r->error, ERR_REQUEST, "%s", p->reason);
	if (!rc && p->verdict == IMPORT_KEEP)
		rc = error_set(&r->error, ERR_REQUEST, "this credential is there already: %s",
			       p->account->id);
	if (!rc)
		rc = work_store(r, &w);
	if (!rc)
		rc = send_one(r, p->account ? p->account : &w.import.entries[0].account,
			      p->verdict == IMPORT_ADD ? 201 : 200);
	work_release(&w);
	return rc;
}
