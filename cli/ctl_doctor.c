/*
 * kiroctl doctor: the installation, point by point, each with what to do where it fails.
 */
#include "common/base.h"
#include "cli/doctor.h"

#include "common/clock.h"
#include "common/jsonw.h"
#include "common/keys.h"
#include "common/statedir.h"

static void check_config(struct doctor *d)
{
	const struct config *c = d->ctl->config;

	doctor_say(d, FINDING_OK, "%s", c->file ? c->file : "no file: defaults and environment");
}

static void check_state_dir(struct doctor *d)
{
	const struct config *c = d->ctl->config;
	struct error e = { 0 };

	if (statedir_check(c->state_dir, c->state_on_network, &e))
		doctor_fail(d, &e);
	else
		doctor_say(d, c->state_on_network ? FINDING_WARN : FINDING_OK, "%s%s", c->state_dir,
			   c->state_on_network
				   ? ": state_on_network is set, nothing says that locks hold"
				   : "");
}

/* True: every record can be read. */
static bool check_store(struct doctor *d, const struct store *s)
{
	struct error e = { 0 };
	size_t records, damaged = 0;

	if (store_verify(s, &records, &damaged, &e))
		doctor_fail(d, &e);
	else if (damaged)
		doctor_say(d, FINDING_FAIL,
			   "%s: %zu of %zu records are damaged or missing: kiroctl repair", s->path,
			   damaged, records + damaged);
	else
		doctor_say(d, FINDING_OK, "%s: %zu records", s->path, records);
	return e.kind == ERR_NONE && !damaged;
}

static void check_tokens(struct doctor *d)
{
	struct error e = { 0 };
	bool whole;

	if (ctl_tokens(d->ctl, &e)) {
		doctor_fail(d, &e);
		return;
	}
	/* Whole records may still be of a newer program; damage is told once. */
	whole = check_store(d, &d->ctl->tokens);
	if (roster_load(d->roster, &d->ctl->tokens, &e) && whole)
		doctor_fail(d, &e);
}

static void check_keys(struct doctor *d)
{
	struct error e = { 0 };

	if (ctl_keys(d->ctl, &e))
		doctor_fail(d, &e);
	else
		check_store(d, &d->ctl->keys);
}

static void check_accounts(struct doctor *d)
{
	size_t usable = 0, count = d->roster->count;

	if (!d->ctl->tokens.path)
		return;
	for (size_t i = 0; i < count; i++)
		usable += account_usable(&d->roster->accounts[i], clock_wall());
	doctor_say(d, usable ? FINDING_OK : FINDING_FAIL, "%zu of %zu usable%s", usable, count,
		   usable  ? ""
		   : count ? ": see kiroctl account list"
			   : ": add one with kiroctl login METHOD, or kiroctl account import FILE");
}

struct owners {
	const struct roster *roster;
	bool *known; /* of each account: its owner is there */
};

static int mark_owned(void *context, const struct key *key)
{
	struct owners *o = context;

	for (size_t i = 0; i < o->roster->count; i++) {
		const char *owner = o->roster->accounts[i].owner;

		o->known[i] |= owner && strcmp(owner, key->id) == 0;
	}
	return 0;
}

static void check_owners(struct doctor *d)
{
	struct owners o = { .roster = d->roster };
	struct error ignored = { 0 }; /* told with the key store */

	if (!d->ctl->keys.path)
		return;
	o.known = xcalloc(d->roster->count + 1, sizeof(*o.known));
	if (!keys_each(&d->ctl->keys, mark_owned, &o, &ignored)) {
		for (size_t i = 0; i < d->roster->count; i++) {
			const struct account *a = &d->roster->accounts[i];

			if (a->owner && !o.known[i])
				doctor_say(d, FINDING_WARN,
					   "account %.80s (%s) belongs to a key that was removed, "
					   "and serves nobody: kiroctl account set %s --owner KEY, "
					   "or --owner '' for all",
					   a->label ? a->label : a->id, a->id, a->id);
		}
	}
	free(o.known);
}

static void check_client_key(struct doctor *d)
{
	struct ctl *c = d->ctl;
	struct error e = { 0 };
	size_t count = 0;

	if (c->config->auth == AUTH_NONE) {
		doctor_say(d, FINDING_OK,
			   "none is asked for (auth: none), from the loopback interface");
		return;
	}
	if (!c->keys.path)
		return;
	if (keys_count(&c->keys, &count, &e)) {
		doctor_fail(d, &e);
		return;
	}
	count += secret_present(&c->config->client_token);
	if (!count)
		doctor_say(d, FINDING_FAIL,
			   "there is none, so every client is refused: kiroctl key add NAME");
	else
		doctor_say(d, FINDING_OK, "%zu", count);
}

static void check_upstream(struct doctor *d)
{
	if (!ctl_value(d->ctl, "offline"))
		doctor_upstream(d);
}

/* clang-format off */
static const struct {
	const char *name;
	void (*check)(struct doctor *d);
	bool needs_dir; /* there is a state directory */
} checks[] = {
	{ "configuration", check_config, false },
	{ "state directory", check_state_dir, false },
	{ "files", doctor_files, true },
	{ "locks", doctor_locks, true },
	{ "encryption", doctor_encryption, false },
	{ "account store", check_tokens, false },
	{ "key store", check_keys, false },
	{ "spill files", doctor_spill, true },
	{ "backups", doctor_backups, true },
	{ "accounts", check_accounts, false },
	{ "owners", check_owners, false },
	{ "access tokens", doctor_expiry, false },
	{ "client key", check_client_key, false },
	{ "kiro-refresh", doctor_refresher, true },
	{ "upstream", check_upstream, false },
	{ "web server", doctor_web, false },
	{ "stream test", doctor_url, false },
};
/* clang-format on */

static void run_checks(struct doctor *d)
{
	struct error e = { 0 };
	struct stat st;

	d->check = checks[0].name;
	if (ctl_config(d->ctl, &e)) {
		doctor_fail(d, &e);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		d->check = checks[i].name;
		if (!checks[i].needs_dir || stat(d->ctl->config->state_dir, &st) == 0)
			checks[i].check(d);
	}
}

int ctl_doctor(struct ctl *c, struct error *e)
{
	struct doctor d = { .ctl = c };
	struct roster roster;
	struct jsonw w;
	struct buf out;

	(void)e;
	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	jsonw_begin_array(&w);
	roster_init(&roster);
	d.roster = &roster;
	d.json = c->json ? &w : NULL;
	run_checks(&d);
	roster_release(&roster);
	jsonw_end(&w);
	if (c->json)
		ctl_print_json(&out);
	buf_release(&out);
	return d.counts[FINDING_FAIL] ? 1 : 0;
}
