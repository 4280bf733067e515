/*
 * kiroctl login: what came out of a login becomes an account, or renews the one that it is.
 */
#include "common/base.h"
#include "cli/ctl_login.h"

#include "cli/ctl_account.h"
#include "cli/merge.h"
#include "cli/roster.h"
#include "common/clock.h"
#include "common/limits.h"
#include "common/profile.h"
#include "common/usage_store.h"

static void warn(const char *what, const struct error *why)
{
	fprintf(stderr, "kiroctl: warning: %s: ", what);
	ctl_print_clean(stderr, why->message);
	fputc('\n', stderr);
}

/* An API key that the service refuses is a typing mistake; a login that it just handed out is
 * stored whatever it says now. */
static int identify(struct login_run *run, struct usage *u, struct error *e)
{
	struct error why = { .kind = ERR_NONE };
	const struct config *config = run->ctl->config;
	struct account *a = &run->account;

	if (profile_is_missing(a) && profile_find(run->service.http, config, a, &why))
		warn("the profile of this login is not known yet, it is asked for again with the "
		     "first request",
		     &why);
	error_clear(&why);
	if (!usage_fetch(run->service.http, config, a, u, &why)) {
		a->email = *u->email ? xstrdup(u->email) : NULL;
		a->user_id = *u->user_id ? xstrdup(u->user_id) : NULL;
		return 0;
	}
	if (a->kind == KIND_API_KEY && (why.kind == ERR_UP_TOKEN || why.kind == ERR_UP_DENIED))
		return error_set(e, ERR_LOGIN, "the service refuses this API key: %s", why.message);
	warn("the service did not say whose login this is", &why);
	return 0;
}

/* --account, or the one that this login is. NULL without an error: it is new. */
static struct account *find_known(struct login_run *run, struct roster *r, struct error *e)
{
	const char *name = ctl_value(run->ctl, "account");
	struct account *known = NULL, *a = &run->account;

	if (!name) {
		roster_match(r, a, &known);
		return known;
	}
	known = roster_find(r, name, e);
	if (!known)
		return NULL;
	if (known->kind != a->kind)
		error_set(e, ERR_REQUEST, "account %s is of the kind %s, this login is %s",
			  known->id, account_kind_names[known->kind], account_kind_names[a->kind]);
	else if (known->user_id && a->user_id && strcmp(known->user_id, a->user_id) != 0)
		error_set(e, ERR_REQUEST,
			  "account %s is another person's (%s) than this login (%s); without "
			  "--account it becomes an account of its own",
			  known->id, known->email ? known->email : known->user_id,
			  a->email ? a->email : a->user_id);
	return e->kind == ERR_NONE ? known : NULL;
}

/* *stored: the record as it is then, borrowed. */
static int put(struct login_run *run, struct roster *r, const struct account **stored,
	       const char **result, struct error *e)
{
	const char *label = ctl_value(run->ctl, "label");
	struct account *a = &run->account, *known = find_known(run, r, e);

	if (e->kind != ERR_NONE)
		return -1;
	if (known) {
		*result = "updated";
		*stored = known;
		return roster_change(&run->ctl->tokens, known, merge_account, a, e);
	}
	*result = "added";
	*stored = a;
	a->label = label ? xstrdup(label) : NULL;
	roster_enroll(a, clock_wall());
	return roster_put(&run->ctl->tokens, a, e);
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
	ctl_account_write(&w, a, NULL);
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

int ctl_login_store(struct login_run *run, struct error *e)
{
	const struct account *stored = NULL;
	const char *result = NULL;
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
		rc = roster_load(&r, &run->ctl->tokens, e);
	if (!rc)
		rc = put(run, &r, &stored, &result, e);
	if (!rc && u.read_at && usage_keep(&run->ctl->tokens, stored->id, &u, &unkept))
		fprintf(stderr, "kiroctl: warning: %s\n", unkept.message);
	if (!rc && run->ctl->json)
		print_json(stored, result);
	else if (!rc)
		print_done(stored, &u, result);
	roster_release(&r);
	return rc;
}
