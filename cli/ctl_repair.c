/*
 * kiroctl repair, rekey: what rewrites a whole store.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "common/backup.h"
#include "common/clock.h"
#include "common/salvage.h"
#include "common/seal.h"
#include "common/statedir.h"
#include "common/store_parts.h"

#include <sysexits.h>

static const char *const source_words[SALVAGE_SOURCES] = {
	[FROM_FILE] = "whole in the damaged file",
	[FROM_RECOVERY] = "recovered by GDBM",
	[FROM_SPILL] = "from the spill file",
	[FROM_BACKUP] = "from the backup, perhaps outdated: log in again where it is refused",
};

struct repair {
	struct ctl *c;
	struct bundle backup;
	char backup_path[BACKUP_PATH], quarantine[BACKUP_PATH];
	struct secret passphrase;
	bool yes;
	size_t lost, damaged_stores;
	struct buf report; /* what was said, for the quarantine */
};

static void say(struct repair *r, const char *name, const char *text)
{
	buf_add_format(&r->report, "%s: %s\n", name, text);
	ctl_print_result(r->c, name, text);
}

/* Before any lock is taken: the gateway would wait while a person thinks. */
static int find_backup(struct repair *r, struct error *e)
{
	const char *file = ctl_value(r->c, "backup"), *pass = ctl_value(r->c, "passphrase-file");

	if (file)
		snprintf(r->backup_path, sizeof(r->backup_path), "%s", file);
	else if (!backup_newest(r->c->config->state_dir, r->backup_path))
		return 0;
	return pass ? ctl_read_passphrase(r->c, pass, &r->passphrase, e) : 0;
}

static int read_backup(struct repair *r, const struct seal *seal, struct error *e)
{
	const struct bundle_lock lock = { .seal = seal, .passphrase = r->passphrase };
	struct error why = { .kind = ERR_NONE };
	int rc;

	if (!*r->backup_path)
		return 0;
	rc = backup_read(&r->backup, r->backup_path, &lock, &why);
	if (rc && ctl_value(r->c, "backup"))
		return error_set(e, why.kind, "%s", why.message);
	if (rc)
		say(r, "backup", why.message);
	*r->backup_path = '\0'; /* looked at once, for all stores */
	return 0;
}

/* Whole records are counted, all others named. */
static void report(struct repair *r, const struct store *s, const struct salvage *v)
{
	size_t whole = 0;
	char name[STORE_KEY_SIZE + 32], text[160];

	for (size_t i = 0; i < v->count; i++) {
		snprintf(name, sizeof(name), "%s %s", s->name, v->at[i].key);
		if (!v->at[i].json) {
			r->lost++;
			say(r, name, "NOT RESTORED: import or add it anew");
		} else if (v->at[i].from != FROM_FILE) {
			say(r, name, source_words[v->at[i].from]);
		} else {
			whole++;
		}
	}
	snprintf(text, sizeof(text), "%zu records whole in the damaged file", whole);
	say(r, s->name, text);
	if (!v->meta_known && !r->backup.count) {
		r->lost++;
		say(r, s->name, "NOT KNOWN how many records there were, and there is no backup");
	} else if (v->missing && !r->backup.count) {
		r->lost += v->missing;
		snprintf(text, sizeof(text),
			 "NOT RESTORED: %zu more records of which not even the name is left",
			 v->missing);
		say(r, s->name, text);
	}
}

static int make_quarantine(struct repair *r, struct error *e)
{
	const char *state_dir = r->c->config->state_dir;
	time_t now = (time_t)clock_wall();
	char date[32];
	struct tm tm;

	if (*r->quarantine)
		return 0;
	strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	snprintf(r->quarantine, sizeof(r->quarantine), "%s/quarantine", state_dir);
	if (backup_make_dir(state_dir, r->quarantine, e))
		return -1;
	snprintf(r->quarantine, sizeof(r->quarantine), "%s/quarantine/%s", state_dir, date);
	return backup_make_dir(state_dir, r->quarantine, e);
}

static int repair_locked(struct repair *r, const struct store *s, struct error *e)
{
	struct salvage v;
	int rc = salvage_look(&v, s, &r->backup, e);

	if (!rc && v.healthy) {
		say(r, s->name, "nothing is wrong");
	} else if (!rc) {
		r->damaged_stores++;
		say(r, s->name, v.why);
		report(r, s, &v);
	}
	if (!rc && !v.healthy && r->yes) {
		rc = make_quarantine(r, e);
		if (!rc)
			rc = salvage_apply(&v, s, r->quarantine, e);
		if (!rc)
			say(r, s->name, "a new file is in place");
	}
	salvage_release(&v);
	return rc;
}

static int repair_store(struct repair *r, const char *name, struct error *e)
{
	const struct config *config = r->c->config;
	struct store s;
	int fd, rc = 0;

	store_paths(&s, config->state_dir, name);
	if (*config->state_key_file)
		rc = seal_load(&s.seal, config->state_key_file, e);
	fd = rc ? -1 : store_lock(&s, e);
	if (fd < 0)
		rc = -1;
	if (!rc)
		rc = read_backup(r, s.seal, e);
	if (!rc)
		rc = repair_locked(r, &s, e);
	if (fd >= 0)
		close(fd);
	store_close(&s);
	return rc;
}

static void keep_report(struct repair *r)
{
	char path[BACKUP_PATH + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/report.txt", r->quarantine);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, r->report.at, r->report.len) < 0)
		fprintf(stderr, "kiroctl: %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	fprintf(stderr, "kiroctl: the damaged files and this report are in %s\n", r->quarantine);
}

/* Installations of older versions have none. */
static bool has_usage(const char *state_dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/usage.spill", state_dir);
	return access(path, F_OK) == 0;
}

int ctl_repair(struct ctl *c, struct error *e)
{
	struct repair r = { .c = c, .yes = ctl_value(c, "yes") != NULL };
	int rc = ctl_config(c, e);

	bundle_init(&r.backup);
	buf_init(&r.report, MB(16));
	if (!rc)
		rc = statedir_check(c->config->state_dir, c->config->state_on_network, e);
	if (!rc)
		rc = find_backup(&r, e);
	if (!rc)
		rc = repair_store(&r, "tokens", e);
	if (!rc)
		rc = repair_store(&r, "keys", e);
	if (!rc && has_usage(c->config->state_dir))
		rc = repair_store(&r, "usage", e);
	if (*r.quarantine)
		keep_report(&r);
	if (!rc && r.damaged_stores && !r.yes)
		fputs("kiroctl: nothing was changed; --yes does it\n", stderr);
	bundle_release(&r.backup);
	secret_release(&r.passphrase);
	buf_release(&r.report);
	return rc ? rc : r.lost || (r.damaged_stores && !r.yes) ? EX_DATAERR : 0;
}

int ctl_rekey(struct ctl *c, struct error *e)
{
	bool plain = ctl_value(c, "plain") != NULL;
	struct store *const stores[] = { &c->tokens, &c->keys, &c->usage };
	char result[96];

	if (ctl_tokens(c, e) || ctl_keys(c, e) || ctl_usage_store(c, e))
		return -1;
	if (!c->tokens.seal)
		return ctl_usage(c, "rekey: set the option state_key_file first; openssl rand -hex "
				    "32 makes a key");
	for (size_t i = 0; i < ARRAY_SIZE(stores); i++) {
		size_t records = 0;

		if (store_rekey(stores[i], plain, &records, e))
			return -1;
		snprintf(result, sizeof(result), "%zu records, now %s%s", records,
			 plain ? "unencrypted" : "encrypted with key ",
			 plain ? "" : seal_id(stores[i]->seal));
		ctl_print_result(c, stores[i]->name, result);
	}
	return 0;
}
