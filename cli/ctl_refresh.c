/*
 * kiroctl account refresh, test: the commands that speak to the upstream for an account.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/ctl_account.h"
#include "common/roster.h"
#include "common/usage.h"
#include "common/usage_store.h"
#include "common/clock.h"
#include "common/http.h"
#include "common/probe.h"
#include "common/jsonw.h"
#include "common/refresh.h"

/* *a becomes the current record. 1: renewed; 0: it was not due, or another process did it. */
static int refresh(struct ctl *c, struct account *a, enum refresh_mode mode, int64_t ahead,
		   struct error *e)
{
	struct refresher r = { .config = c->config, .tokens = &c->tokens };

	if (ctl_http(c, e))
		return -1;
	r.http = c->http;
	return refresh_account(&r, a, mode, ahead, e);
}

static int refresh_told(struct ctl *c, struct account *a, struct error *e)
{
	char result[96], until[CLOCK_TEXT_SIZE];
	int rc;

	if (a->kind == KIND_API_KEY) {
		ctl_print_result(c, a->id, "an API key has nothing to refresh");
		return 0;
	}
	rc = refresh(c, a, REFRESH_FORCED, 0, e);
	if (rc < 0)
		return -1;
	snprintf(result, sizeof(result), "%s, valid until %s",
		 rc ? "refreshed" : "refreshed by another process",
		 ctl_date(a->expires_at, "an unknown time", until, sizeof(until)));
	ctl_print_result(c, a->id, result);
	return 0;
}

/* Goes on after a failure, of which the reason is told beside the account; the first one decides
 * the exit code. */
static int refresh_all(struct ctl *c, struct roster *r, struct error *e)
{
	enum error_kind first = ERR_NONE;
	struct error damage = { 0 };
	size_t failed = 0;

	if (ctl_accounts(c, r, &damage, e))
		return -1;
	for (size_t i = 0; i < r->count; i++) {
		struct account *a = &r->accounts[i];
		char result[LIMIT_ERROR_TEXT + 16];
		struct error why = { 0 };

		if (a->state == STATE_DISABLED) {
			ctl_print_result(c, a->id, "left alone, it is disabled");
		} else if (refresh_told(c, a, &why)) {
			snprintf(result, sizeof(result), "failed: %s", why.message);
			ctl_print_result(c, a->id, result);
			first = failed++ ? first : why.kind;
		}
	}
	if (failed)
		return error_set(e, first, "%zu of %zu accounts failed", failed, r->count);
	return damage.kind ? error_set(e, damage.kind, "%s", damage.message) : 0;
}

int ctl_account_refresh(struct ctl *c, struct error *e)
{
	bool all = ctl_value(c, "all") != NULL;
	struct account *a;
	struct roster r;
	int rc;

	if (all == (c->operand_count > 0))
		return ctl_usage(c, "account refresh: give an account, or --all");
	roster_init(&r);
	if (all) {
		rc = refresh_all(c, &r, e);
	} else {
		a = ctl_account_named(c, &r, e);
		rc = a ? refresh_told(c, a, e) : -1;
	}
	roster_release(&r);
	return rc;
}

static void print_usage_json(const struct account *a, const struct usage *u)
{
	struct jsonw w;
	struct buf out;

	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	probe_write(&w, a, u);
	ctl_print_json(&out);
	buf_release(&out);
}

static void print_usage(const struct account *a, const struct usage *u)
{
	char reset[CLOCK_TEXT_SIZE];

	printf("%s: the upstream answers\n  plan   ", a->id);
	ctl_print_clean(stdout, *u->plan ? u->plan : "unknown");
	printf("\n  used   %g of %g ", usage_used(u), usage_limit(u));
	ctl_print_clean(stdout, u->unit);
	printf("%s\n  reset  %s\n", u->overage.enabled ? " (may go beyond)" : "",
	       ctl_date(u->reset_at, "unknown", reset, sizeof(reset)));
	if (*u->email) {
		fputs("  email  ", stdout);
		ctl_print_clean(stdout, u->email);
		putchar('\n');
	}
}

static int test(struct ctl *c, struct account *a, struct usage *u, struct error *e)
{
	struct refresher r = { .config = c->config, .tokens = &c->tokens };
	struct error unkept = { 0 };

	if (ctl_http(c, e))
		return -1;
	r.http = c->http;
	if (probe_account(&r, a, u, e))
		return -1;
	if (u->read_at && usage_keep(&c->tokens, a->id, u, &unkept))
		fprintf(stderr, "kiroctl: warning: %s\n", unkept.message);
	return 0;
}

int ctl_account_test(struct ctl *c, struct error *e)
{
	struct error why = { 0 };
	struct usage usage;
	struct account *a;
	struct roster r;
	int rc = -1;

	roster_init(&r);
	a = ctl_account_named(c, &r, e);
	if (a)
		rc = test(c, a, &usage, &why);
	if (a && rc)
		error_set(e, why.kind, "%s: %.400s%s", a->id, why.message,
			  why.kind == ERR_UP_TOKEN ? " (try kiroctl account refresh)" : "");
	else if (a && c->json)
		print_usage_json(a, &usage);
	else if (a)
		print_usage(a, &usage);
	roster_release(&r);
	return rc;
}
