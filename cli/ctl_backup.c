/*
 * kiroctl backup, restore, export, import-state: the state in one file and back.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/prompt.h"
#include "common/backup.h"
#include "common/bundle.h"
#include "common/clock.h"
#include "common/patch.h"

#include <sysexits.h>

/* ---- passphrase ---- */

int ctl_read_passphrase(struct ctl *c, const char *path, struct secret *out, struct error *e)
{
	struct prompt p = { .signals = -1 };
	int rc;

	if (strcmp(path, "-") != 0 || !isatty(STDIN_FILENO))
		return ctl_read_secret(c, "the passphrase", path, out, e);
	rc = prompt_begin(&p, e);
	if (!rc)
		rc = prompt_secret(&p, "Passphrase (it is not shown): ", out, e);
	prompt_end(&p);
	return rc;
}

static int get_lock(struct ctl *c, struct bundle_lock *lock, struct error *e)
{
	const char *path = ctl_value(c, "passphrase-file");

	*lock = (struct bundle_lock){ .seal = c->tokens.seal };
	return path ? ctl_read_passphrase(c, path, &lock->passphrase, e) : 0;
}

static int get_stores(struct ctl *c, struct error *e)
{
	return ctl_tokens(c, e) || ctl_keys(c, e) ? -1 : 0;
}

/* ---- out ---- */

static int collect_all(struct ctl *c, struct bundle *b, struct error *e)
{
	int rc = get_stores(c, e);

	if (!rc)
		rc = bundle_collect(b, &c->tokens, e);
	if (!rc)
		rc = bundle_collect(b, &c->keys, e);
	bundle_sort(b);
	return rc;
}

static void say_written(const struct ctl *c, const char *path, const struct bundle *b,
			const struct bundle_lock *lock)
{
	char result[96];

	snprintf(result, sizeof(result), "%zu records%s", b->count,
		 secret_present(&lock->passphrase) ? ", encrypted with the passphrase"
		 : lock->seal			   ? ", encrypted with the state key"
						   : "");
	ctl_print_result(c, path, result);
}

static int put_out(struct ctl *c, const char *path, const struct bundle *b,
		   const struct bundle_lock *lock, struct error *e)
{
	struct buf text, file;
	int rc;

	if (strcmp(path, "-") != 0) {
		rc = backup_write(path, b, lock, e);
		if (!rc)
			say_written(c, path, b, lock);
		return rc;
	}
	buf_init(&text, LIMIT_BUNDLE);
	buf_init(&file, LIMIT_BUNDLE + KB(4));
	bundle_write(b, &text);
	rc = bundle_close(buf_span(&text), lock, &file, e);
	if (!rc)
		fwrite(file.at, 1, file.len, stdout);
	buf_wipe(&text);
	buf_wipe(&file);
	return rc;
}

/* An export is for elsewhere, where our state key is not: only a passphrase encrypts it. */
static int write_out(struct ctl *c, const char *path, bool export, bool masked, struct error *e)
{
	struct bundle_lock lock = { .seal = NULL };
	struct bundle b;
	int rc;

	bundle_init(&b);
	rc = collect_all(c, &b, e);
	if (!rc)
		rc = get_lock(c, &lock, e);
	if (export)
		lock.seal = NULL;
	if (masked)
		bundle_mask(&b);
	if (!rc)
		rc = put_out(c, path, &b, &lock, e);
	secret_release(&lock.passphrase);
	bundle_release(&b);
	return rc;
}

int ctl_backup(struct ctl *c, struct error *e)
{
	char path[BACKUP_PATH];

	if (c->operand_count)
		return write_out(c, c->operands[0], false, false, e);
	if (ctl_value(c, "passphrase-file"))
		return ctl_usage(c,
				 "backup: with a passphrase, name a file: the dumps in the state "
				 "directory are encrypted as the stores are");
	if (get_stores(c, e) || backup_make(&c->tokens, &c->keys, path, e))
		return -1;
	ctl_print_result(c, path, "made");
	return 0;
}

/* Secrets go nowhere by accident: they must be asked for, and a terminal never gets them. */
int ctl_export(struct ctl *c, struct error *e)
{
	const char *path = c->operand_count ? c->operands[0] : "-";
	bool secrets = ctl_value(c, "secrets") != NULL;

	if (secrets && strcmp(path, "-") == 0 && isatty(STDOUT_FILENO))
		return ctl_usage(c, "export --secrets: not to a terminal, name a file");
	if (!secrets && ctl_value(c, "passphrase-file"))
		return ctl_usage(c, "export: a passphrase is for --secrets");
	return write_out(c, path, true, !secrets, e);
}

/* ---- back in ---- */

enum verdict { NEW, SAME, OLDER_HERE, NEWER_HERE, FORCED, VERDICTS };

static const struct {
	const char *here, *done; /* done NULL: nothing */
} verdict_words[VERDICTS] = {
	[NEW] = { "is missing here", "restored" },
	[SAME] = { "is the same", NULL },
	[OLDER_HERE] = { "is older here", "replaced" },
	[NEWER_HERE] = { "is newer here: kept (--force takes the older one of the file, whose "
			 "refresh token is probably used up)",
			 NULL },
	[FORCED] = { "is newer here", "replaced by the older one of the file" },
};

struct merging {
	struct ctl *c;
	const struct bundle *bundle;
	const struct store *store;
	size_t *places;		/* of the records of this store in the bundle */
	enum verdict *verdicts; /* of the same */
	size_t counts[VERDICTS];
	bool yes, force;
};

static enum verdict judge(const struct merging *m, const struct bundle_record *r, struct span now)
{
	struct span then = span_of(r->json);
	int64_t there = patch_rev(then), here = now.len ? patch_rev(now) : 0;

	if (!now.len)
		return NEW;
	if (now.len == then.len && memcmp(now.at, then.at, now.len) == 0)
		return SAME;
	if (there > here)
		return OLDER_HERE;
	return m->force ? FORCED : NEWER_HERE;
}

static bool wanted(void *context, size_t index, struct span now)
{
	struct merging *m = context;
	enum verdict v = judge(m, &m->bundle->at[m->places[index]], now);

	m->verdicts[index] = v;
	m->counts[v]++;
	return m->yes && verdict_words[v].done;
}

/* When it is done, and the store's lock free again: who reads what we print may be slow. */
static void tell_records(const struct merging *m, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct bundle_record *r = &m->bundle->at[m->places[i]];
		const char *done = verdict_words[m->verdicts[i]].done;
		char name[STORE_KEY_SIZE + 16], text[160];

		snprintf(name, sizeof(name), "%s %s", r->store, r->key);
		snprintf(text, sizeof(text), "%s%s%s%s", verdict_words[m->verdicts[i]].here,
			 done ? ": " : "", done && !m->yes ? "would be " : "", done ? done : "");
		if (m->verdicts[i] != SAME)
			ctl_print_result(m->c, name, text);
	}
}

static int merge_store(struct merging *m, const struct store *s, struct error *e)
{
	const struct bundle *b = m->bundle;
	struct record *records = xcalloc(b->count + 1, sizeof(*records));
	size_t count = 0;
	int rc;

	m->store = s;
	m->places = xcalloc(b->count + 1, sizeof(*m->places));
	m->verdicts = xcalloc(b->count + 1, sizeof(*m->verdicts));
	for (size_t i = 0; i < b->count; i++) {
		if (strcmp(b->at[i].store, s->name) != 0)
			continue;
		m->places[count] = i;
		records[count++] = (struct record){ b->at[i].key, span_of(b->at[i].json) };
	}
	rc = store_merge(s, records, count, wanted, m, e);
	if (!rc)
		tell_records(m, count);
	free(m->verdicts);
	free(m->places);
	free(records);
	return rc;
}

static void summarise(const struct merging *m)
{
	size_t takes = m->counts[NEW] + m->counts[OLDER_HERE] + m->counts[FORCED];

	fprintf(stderr, "kiroctl: file of %s: %zu records %s, %zu the same, %zu newer here\n",
		m->bundle->made_at, takes, m->yes ? "taken" : "would be taken", m->counts[SAME],
		m->counts[NEWER_HERE]);
	if (!m->yes && takes)
		fputs("kiroctl: nothing was changed; --yes does it\n", stderr);
}

static int take_back(struct ctl *c, bool force, struct error *e)
{
	struct merging m = { .c = c, .yes = ctl_value(c, "yes") != NULL, .force = force };
	struct bundle_lock lock = { .seal = NULL };
	struct bundle b;
	int rc;

	bundle_init(&b);
	rc = ctl_create(c, e) || get_stores(c, e) ? -1 : get_lock(c, &lock, e);
	if (!rc)
		rc = backup_read(&b, c->operands[0], &lock, e);
	if (!rc && b.masked)
		rc = error_set(e, ERR_REQUEST,
			       "%s: its secrets are masked, so that nothing can be taken from it: "
			       "kiroctl export --secrets makes one that can",
			       c->operands[0]);
	m.bundle = &b;
	if (!rc)
		rc = merge_store(&m, &c->tokens, e);
	if (!rc)
		rc = merge_store(&m, &c->keys, e);
	if (!rc)
		summarise(&m);
	secret_release(&lock.passphrase);
	bundle_release(&b);
	return rc ? rc : m.counts[NEWER_HERE] ? EX_TEMPFAIL : 0;
}

int ctl_restore(struct ctl *c, struct error *e)
{
	return take_back(c, ctl_value(c, "force") != NULL, e);
}

int ctl_import_state(struct ctl *c, struct error *e)
{
	return take_back(c, false, e);
}
