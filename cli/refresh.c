/*
 * kiro-refresh: renews the access tokens that are about to expire, then reads the usage of accounts
 * whose last number is old, then the model catalogues that are older than an hour; looks for damage
 * and makes the hourly backup. For cron or a systemd timer; any number of them, and of responders,
 * may run at once: refresh.h sees to it that each token is renewed once, usage_store.h that each
 * account's usage is read once.
 */
#include "common/base.h"
#include "common/roster.h"

#include "common/backup.h"
#include "common/catalogue.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/http.h"
#include "common/ids.h"
#include "common/live.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/refresh.h"
#include "common/rest.h"
#include "common/secret.h"
#include "common/store.h"
#include "common/tally.h"
#include "common/usage_store.h"
#include "common/webhook.h"
#include "common/visit.h"

#include <getopt.h>
#include <sysexits.h>

#define EXIT_TRANSIENT 1
#define EXIT_LOGIN     2
#define BACKUP_EVERY   3600   /* seconds */
#define MOST_PAUSE_MS  200    /* between two renewals, so that a thousand are no burst */
#define MOST_USAGE_MS  120000 /* of one run; who is left over is read by the next */

struct options {
	const char *config_file, *state_dir;
	const char **accounts; /* --account, in order */
	size_t account_count;
	bool all, dry_run, quiet;
};

enum outcome { RENEWED, FRESH, TAKEN, FAILED, NEEDS_LOGIN, UNUSABLE_STATE, OUTCOMES };

struct run {
	const struct options *options;
	struct config *config;
	struct http_client *http;
	struct store tokens;
	struct live *live;
	struct metrics *metrics;
	struct roster roster;
	size_t considered, counts[OUTCOMES];
	size_t catalogues, usages; /* renewed */
	int64_t usage_until;	   /* clock_ticks() */
};

static const char help[] =
	"usage: kiro-refresh [options]\n"
	"Renews the access tokens of Kiro accounts that expire within refresh_ahead seconds, "
	"reads\n"
	"their usage every usage_interval seconds, and the lists of their models once an hour.\n"
	"\n"
	"  --all              all accounts that are not disabled (the default)\n"
	"  --account ID       only this account (id, label or e-mail); may be repeated\n"
	"  --dry-run          say what would be renewed and send nothing\n"
	"  --quiet            no summary; errors are still written to standard error\n"
	"  --config FILE      kiro.json\n"
	"  --state-dir DIR    state directory (strongest; else KIRO_STATE_DIR, else state_dir)\n"
	"  --help, --version\n"
	"\n"
	"Exit codes: 0 done, or nothing to do; 1 a renewal failed and will be tried again next "
	"time;\n"
	"2 an account needs a person to log in; 64 wrong usage; 78 configuration or state "
	"directory.\n"
	"\n"
	"In a crontab:  */4 * * * *  kiro-refresh --quiet\n";

/* ---- the command line ---- */

enum {
	OPT_ALL = 256,
	OPT_ACCOUNT,
	OPT_DRY_RUN,
	OPT_QUIET,
	OPT_CONFIG,
	OPT_STATE_DIR,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
	{ "all", no_argument, NULL, OPT_ALL },
	{ "account", required_argument, NULL, OPT_ACCOUNT },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "state-dir", required_argument, NULL, OPT_STATE_DIR },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static int usage(const char *text)
{
	if (text)
		fprintf(stderr, "kiro-refresh: %s\n", text);
	fputs("Try kiro-refresh --help\n", stderr);
	return EX_USAGE;
}

/* -1: go on; else the exit code. */
static int parse(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == OPT_ALL)
			o->all = true;
		else if (c == OPT_ACCOUNT)
			o->accounts[o->account_count++] = optarg;
		else if (c == OPT_DRY_RUN)
			o->dry_run = true;
		else if (c == OPT_QUIET)
			o->quiet = true;
		else if (c == OPT_CONFIG)
			o->config_file = optarg;
		else if (c == OPT_STATE_DIR)
			o->state_dir = optarg;
		else if (c == OPT_HELP)
			return fputs(help, stdout) < 0;
		else if (c == OPT_VERSION)
			return puts("kiro-refresh " KIRO_FCGI_VERSION) < 0;
		else
			return usage(NULL); /* getopt_long has said what is wrong */
	}
	if (optind < argc)
		return usage("unexpected argument");
	if (o->all && o->account_count)
		return usage("--all and --account exclude one another");
	return -1;
}

/* ---- the work ---- */

static void complain(const struct error *e)
{
	fprintf(stderr, "kiro-refresh: %s\n", e->message);
}

static enum outcome failure(const struct error *e)
{
	complain(e);
	if (e->kind == ERR_LOGIN)
		return NEEDS_LOGIN;
	return e->kind == ERR_STORE || e->kind == ERR_CONFIG ? UNUSABLE_STATE : FAILED;
}

static enum outcome renew_one(struct run *run, struct account *a)
{
	const struct refresher r = { .config = run->config,
				     .http = run->http,
				     .tokens = &run->tokens,
				     .metrics = run->metrics };
	struct error e = { .kind = ERR_NONE };
	int rc = refresh_account(&r, a, REFRESH_SOFT, run->config->refresh_ahead, &e);

	if (rc < 0)
		return failure(&e);
	if (rc == 1)
		return RENEWED;
	return account_expires_within(a, clock_wall(), run->config->refresh_ahead) ? TAKEN : FRESH;
}

static void pause_a_little(void)
{
	unsigned char random;

	ids_random(&random, 1);
	nanosleep(&(struct timespec){ .tv_nsec = random * (MOST_PAUSE_MS * 1000000L / 255) }, NULL);
}

static enum outcome consider(struct run *run, struct account *a)
{
	const char *name = a->label ? a->label : a->id;

	if (!account_expires_within(a, clock_wall(), run->config->refresh_ahead))
		return FRESH;
	if (a->state == STATE_INVALID) {
		fprintf(stderr,
			"kiro-refresh: account %s (%s) must log in again: %s. Do so with kiroctl "
			"login, or import its file anew\n",
			name, a->id, a->state_reason ? a->state_reason : "no reason noted");
		return NEEDS_LOGIN;
	}
	if (run->options->dry_run) {
		printf("kiro-refresh: would renew %s (%s)\n", name, a->id);
		return RENEWED;
	}
	if (run->counts[RENEWED] || run->counts[FAILED])
		pause_a_little();
	return renew_one(run, a);
}

static void handle(struct run *run, struct account *a)
{
	run->considered++;
	run->counts[consider(run, a)]++;
}

/* A list that cannot be had is no failure of the run: what is stored stays, and cron should not
 * mail about it. */
static void look_up_models(struct run *run, const struct account *a)
{
	struct error e = { .kind = ERR_NONE };
	int rc;

	if (run->options->dry_run || a->state == STATE_DISABLED || a->state == STATE_INVALID ||
	    !*account_bearer(a) || account_expires_within(a, clock_wall(), 0))
		return;
	if (run->catalogues)
		pause_a_little();
	rc = catalogue_fetch_due(run->http, run->config, &run->tokens, a, &e);
	if (rc < 0)
		log_line(LOG_INFO, "account %s: the stored model list stays: %s", a->id, e.message);
	run->catalogues += rc == 0;
}

static bool may_be_asked(struct run *run, const struct account *a)
{
	int64_t now = clock_wall();
	struct live_view view;

	live_look(run->live, live_key(a->id), clock_wall_ms(), &view);
	if (a->state == STATE_DISABLED || a->state == STATE_INVALID || view.rest_until > now ||
	    rest_needs_claim(a))
		return false; /* asking would not help, and may harm */
	return *account_bearer(a) && !account_expires_within(a, now, 0);
}

/* As with the models: a number that cannot be had is no failure of the run. */
static void look_up_usage(struct run *run, struct account *a)
{
	struct error e = { .kind = ERR_NONE }, unstored = { .kind = ERR_NONE };
	struct usage u = { .read_at = 0 };
	int rc = 1;

	if (run->options->dry_run)
		return;
	if (may_be_asked(run, a) && clock_ticks() < run->usage_until) {
		rc = usage_look(run->http, run->config, &run->tokens, a, &u, &e);
		if (rc <= 0) /* it was asked */
			pause_a_little();
	} else if (usage_get(&run->tokens, a->id, &u, &e) < 0) {
		rc = -1;
	}
	if (rc < 0)
		log_line(LOG_INFO, "account %s: the stored usage stays: %s", a->id, e.message);
	run->usages += rc == 0;
	rc = usage_settle(&run->tokens, a, &u, &unstored);
	if (rc < 0)
		log_line(LOG_ERROR, "account %s: %s", a->id, unstored.message);
	else if (rc && a->state == STATE_ACTIVE)
		log_line(LOG_INFO, "account %s is active again", a->id);
}

static int handle_named(struct run *run, struct error *e)
{
	for (size_t i = 0; i < run->options->account_count; i++) {
		struct account *a = roster_find(&run->roster, run->options->accounts[i], e);

		if (!a)
			return -1;
		handle(run, a);
		look_up_usage(run, a);
		look_up_models(run, a);
	}
	return 0;
}

static void handle_all(struct run *run)
{
	for (size_t i = 0; i < run->roster.count; i++) {
		if (run->roster.accounts[i].state != STATE_DISABLED)
			handle(run, &run->roster.accounts[i]);
	}
	/* Tokens first: none of them waits for a slow list. */
	for (size_t i = 0; i < run->roster.count; i++)
		look_up_usage(run, &run->roster.accounts[i]);
	for (size_t i = 0; i < run->roster.count; i++)
		look_up_models(run, &run->roster.accounts[i]);
}

/* What came of the accounts, by us or since the last run. */
static void tell_changes(struct run *run)
{
	struct error e = { .kind = ERR_NONE };
	struct roster now;
	int rc;

	if (!*run->config->webhook_url || run->options->dry_run)
		return;
	roster_init(&now);
	rc = roster_load(&now, &run->tokens, &e);
	if (!rc || now.count) { /* of a damaged record was complained before */
		error_clear(&e);
		rc = webhook_tell(run->config, run->http, now.accounts, now.count, &e);
	}
	if (rc)
		metrics_add(run->metrics, METRIC_WEBHOOKS, 1, "result", rc > 0 ? "sent" : "failed",
			    NULL);
	if (rc < 0)
		complain(&e);
	roster_release(&now);
}

static void summarise(const struct run *run)
{
	const size_t *n = run->counts;
	size_t failed = n[FAILED] + n[UNUSABLE_STATE];

	if (run->options->quiet)
		return;
	printf("kiro-refresh: %zu account%s: %zu %s, %zu fresh, %zu failed", run->considered,
	       run->considered == 1 ? "" : "s", n[RENEWED],
	       run->options->dry_run ? "to renew" : "renewed", n[FRESH], failed);
	if (n[TAKEN])
		printf(", %zu taken by another process", n[TAKEN]);
	if (n[NEEDS_LOGIN])
		printf(", %zu need%s a new login", n[NEEDS_LOGIN], n[NEEDS_LOGIN] == 1 ? "s" : "");
	if (run->usages)
		printf(", usage of %zu read", run->usages);
	if (run->catalogues)
		printf(", %zu model list%s renewed", run->catalogues,
		       run->catalogues == 1 ? "" : "s");
	putchar('\n');
}

static int exit_code(const struct run *run)
{
	if (run->counts[UNUSABLE_STATE])
		return EX_CONFIG;
	if (run->counts[NEEDS_LOGIN])
		return EXIT_LOGIN;
	return run->counts[FAILED] ? EXIT_TRANSIENT : EX_OK;
}

/* A record that nobody reads for weeks would be missed until it is needed. */
static void look_for_damage(struct run *run, const struct store *s)
{
	struct error e = { .kind = ERR_NONE };
	size_t records = 0, damaged = 0;

	if (!store_verify(s, &records, &damaged, &e) && damaged)
		error_set(&e, ERR_STORE, "%s: %zu records are damaged or missing: kiroctl repair",
			  s->path, damaged);
	if (!e.kind)
		return;
	complain(&e);
	run->counts[UNUSABLE_STATE]++;
}

static void drop_orphans(struct run *run)
{
	struct error e = { .kind = ERR_NONE };
	int dropped = roster_prune(&run->tokens, &e);

	if (dropped < 0)
		log_line(LOG_ERROR, "%s", e.message);
	else if (dropped)
		log_line(LOG_INFO, "%d records of accounts that were removed are dropped", dropped);
}

static void look_after_stores(struct run *run)
{
	const struct config *c = run->config;
	struct error e = { .kind = ERR_NONE };
	int64_t age = backup_age(c->state_dir);
	char path[BACKUP_PATH];
	struct store keys;

	if (run->options->dry_run || run->options->account_count)
		return;
	look_for_damage(run, &run->tokens);
	drop_orphans(run);
	if (store_open_sealed(&keys, c->state_dir, "keys", c->state_on_network ? STORE_ANY_FS : 0,
			      c->state_key_file, &e)) {
		complain(&e);
		run->counts[UNUSABLE_STATE]++;
		return;
	}
	look_for_damage(run, &keys);
	if ((age < 0 || age >= BACKUP_EVERY) && backup_make(&run->tokens, &keys, path, &e))
		complain(&e);
	store_close(&keys);
}

/* A total that is not written yet is no failure of the run: the next fold has it. */
static void fold_usage(const struct run *run)
{
	struct error e = { .kind = ERR_NONE };
	size_t changed;

	if (run->options->dry_run || run->options->account_count)
		return;
	if (tally_fold(run->config, clock_wall(), &changed, &e) < 0)
		log_line(LOG_ERROR, "usage is not folded: %s", e.message);
}

static int run_all(struct run *run)
{
	struct error e = { .kind = ERR_NONE };

	/* One damaged record must not stop the renewal of the others. */
	if (roster_load(&run->roster, &run->tokens, &e)) {
		complain(&e);
		run->counts[UNUSABLE_STATE]++;
		error_clear(&e);
	}
	if (!run->options->account_count) {
		handle_all(run);
	} else if (handle_named(run, &e)) {
		complain(&e);
		return EX_USAGE;
	}
	look_after_stores(run);
	fold_usage(run);
	tell_changes(run);
	summarise(run);
	return exit_code(run);
}

/* Without a log file, lines go to standard error, and cron mails those: only what is wrong. */
static void open_log(const struct config *config)
{
	bool to_file = config->log_file && *config->log_file;
	struct log_options options = { .level = (enum log_level)config->log_level,
				       .json = config->log_format == 1,
				       .file = config->log_file,
				       .syslog = config->log_syslog };

	if (!to_file && !options.syslog && options.level > LOG_WARN)
		options.level = LOG_WARN;
	if (log_open(&options) != 0)
		fprintf(stderr, "kiro-refresh: cannot open the log %s: %s\n", config->log_file,
			strerror(errno));
}

static int start(const struct options *options)
{
	struct run run = { .options = options, .usage_until = clock_ticks() + MOST_USAGE_MS };
	char program[LIMIT_URL] = "";
	struct error e = { .kind = ERR_NONE };
	struct http_options http;
	unsigned flags;
	int rc;

	if (options->state_dir) /* the environment is the strongest source: so is the option */
		setenv("KIRO_STATE_DIR", options->state_dir, 1);
	(void)!readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (config_load(&run.config, options->config_file, *program ? program : NULL, &e)) {
		complain(&e);
		return EX_CONFIG;
	}
	open_log(run.config);
	flags = run.config->state_on_network ? STORE_ANY_FS : 0;
	http = (struct http_options){ run.config->ca_file, run.config->proxy_url };
	if (http_client_new(&run.http, &http, &e) ||
	    store_open_sealed(&run.tokens, run.config->state_dir, "tokens", flags,
			      run.config->state_key_file, &e)) {
		complain(&e);
		rc = EX_CONFIG;
	} else {
		roster_init(&run.roster);
		run.live = live_new(run.config->state_dir);
		run.metrics = metrics_new(run.config->state_dir);
		rc = run_all(&run);
		metrics_free(run.metrics);
		live_free(run.live);
		if (!options->dry_run && !options->account_count)
			visit_note(run.config->state_dir, clock_wall(), rc);
		roster_release(&run.roster);
		store_close(&run.tokens);
	}
	http_client_free(run.http);
	config_free(run.config);
	return rc;
}

int main(int argc, char **argv)
{
	struct options options = { .config_file = NULL };
	int rc;

	secret_keep_from_cores();
	options.accounts = xcalloc((size_t)argc, sizeof(*options.accounts));
	rc = parse(&options, argc, argv);
	if (rc < 0)
		rc = start(&options);
	if (fflush(stdout) != 0 && !rc)
		rc = EX_IOERR;
	free(options.accounts);
	return rc;
}
