/*
 * kiroctl login: what came out of a login becomes an account, or renews the one that it is.
 */
#include "common/base.h"
#include "cli/ctl_login.h"

#include "cli/ctl_account.h"
#include "common/enroll.h"
#include "common/roster.h"
#include "common/usage_store.h"

static void warn(const char *what, const struct error *why)
{
	fprintf(stderr, "kiroctl: warning: %s: ", what);
	ctl_print_clean(stderr, why->message);
	fputc('\n', stderr);
}

static int identify(struct login_run *run, struct usage *u, struct error *e)
{
	struct enroll_doubts doubts;

	if (enroll_identify(run->service.http, run->ctl->config, &run->account, u, &doubts, e))
		return -1;
	if (doubts.profile.kind)
		warn("the profile of this login is not known yet, it is asked for again with the "
		     "first request",
		     &doubts.profile);
	if (doubts.usage.kind)
		warn("the service did not say whose login this is", &doubts.usage);
	return 0;
}

static void print_json(const struct account *a, const char *result)
{
	struct jsonw w;
	struct buf out;

	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "status", "done");
	jsonw_text_member(&w, "result", result);
	jsonw_key(&w, "account");
	facts_write_account(&w, a, NULL);
	jsonw_end(&w);
	ctl_print_json(&out);
	buf_release(&out);
}

/* The id alone on standard output, for scripts; the rest for people. */
static void print_done(const struct account *a, const struct usage *u, const char *result)
{
	fputs("Logged in as ", stderr);
	ctl_print_clean(stderr, a->email ? a->email : a->label ? a->label : a->id);
	fprintf(stderr, " (%s)", a->provider ? a->provider : account_kind_names[a->kind]);
	if (*u->plan) {
		fputs(", ", stderr);
		ctl_print_clean(stderr, u->plan);
	}
	if (usage_limit(u) > 0)
		fprintf(stderr, ", %.2f of %.0f used", usage_used(u), usage_limit(u));
	fprintf(stderr, ". The account is %s:\n", result);
	fflush(stderr);
	puts(a->id);
	if (a->state != STATE_ACTIVE)
		fprintf(stderr, "kiroctl: it stays %s: kiroctl account enable %s\n",
			account_state_names[a->state], a->id);
}

/* The tokens are here and nowhere else. */
int ctl_login_store(struct login_run *run, struct error *e)
{
	struct error damage = { 0 }; /* of other records: no reason to lose them */
	const struct account *stored = NULL;
	const char *result;
	bool added = false;
	struct usage u = { .plan = "" };
	struct error unkept = { 0 };
	struct roster r;
	int rc = 0;

	prompt_end(&run->prompt);
	run->account.machine_id = roster_machine_id();
	if (!ctl_value(run->ctl, "no-check"))
		rc = identify(run, &u, e);
	roster_init(&r);
	if (!rc)
		roster_load(&r, &run->ctl->tokens, &damage);
	if (!rc)
		rc = enroll_store(&run->ctl->tokens, &r, &run->account,
				  ctl_value(run->ctl, "account"), ctl_value(run->ctl, "label"),
				  &stored, &added, e);
	result = added ? "added" : "updated";
	if (!rc)
		ctl_touched(run->ctl, stored->id);
	if (!rc && u.read_at && usage_keep(&run->ctl->tokens, stored->id, &u, &unkept))
		fprintf(stderr, "kiroctl: warning: %s\n", unkept.message);
	if (!rc && run->ctl->json)
		print_json(stored, result);
	else if (!rc)
		print_done(stored, &u, result);
	roster_release(&r);
	return rc;
}
