/*
 * How records go into the spill file of a store, and from there into the store.
 */
#include "common/base.h"
#include "common/store.h"

#include "common/generation.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/patch.h"
#include "common/record.h"
#include "common/spill.h"
#include "common/store_parts.h"

#include <sys/statvfs.h>

/* Free disk space below which no refresh is sent, beside two copies of the file. */
#define SPARE_BYTES MB(1)

/* In front of the key of a spilled patch: no record's key has it, unless its record is damaged. */
#define PATCH_MARK '+'

/* What the entries of a spill file make of the store's records. */
struct fold {
	const struct store *store;
	struct record *records;
	struct buf *texts; /* theirs */
	size_t count;
};

/* The record as it is after the entries so far, "" when there is none. -1: damaged. */
static int fold_base(const struct fold *f, const char *key, struct buf *json, struct error *e)
{
	for (size_t i = f->count; i > 0; i--) {
		if (strcmp(f->records[i - 1].key, key) == 0)
			return buf_add(json, f->records[i - 1].json.at, f->records[i - 1].json.len);
	}
	return store_get(f->store, key, json, e) < 0 ? -1 : 0;
}

/* The record that a patch makes. Where it cannot be made because the record is damaged, the patch
 * is kept as a record of its own: the others must not wait for it. */
static void fold_patch(struct fold *f, const char *key, struct buf *text)
{
	struct error e = { .kind = ERR_NONE };
	struct buf base, patched;

	buf_init(&base, LIMIT_RECORD);
	buf_init(&patched, LIMIT_RECORD);
	if (fold_base(f, key + 1, &base, &e) ||
	    (base.len && patch_apply(buf_span(&base), buf_span(text), &patched, &e))) {
		log_line(LOG_ERROR, "%s: its change is kept aside: %s", key + 1, e.message);
		f->records[f->count].key = key;
		buf_wipe(&patched);
	} else {
		buf_wipe(text);
		*text = patched;
	}
	buf_wipe(&base);
}

static int fold_entry(struct fold *f, const struct spill_entry *entry, struct error *e)
{
	struct buf *text = &f->texts[f->count];
	bool patch = entry->key[0] == PATCH_MARK;

	buf_init(text, LIMIT_RECORD);
	if (record_unseal(f->store, entry->key, entry->json, text, e)) {
		buf_wipe(text);
		return error_set(e, ERR_STORE, "an entry of %s is too long", f->store->spill_path);
	}
	f->records[f->count].key = entry->key + patch;
	if (patch)
		fold_patch(f, entry->key, text);
	f->records[f->count++].json = buf_span(text);
	return 0;
}

static void fold_end(struct fold *f)
{
	for (size_t i = 0; i < f->count; i++)
		buf_wipe(&f->texts[i]);
	free(f->texts);
	free(f->records);
}

/* Empties the spill file, unless there is more in it than the store has. */
static int forget_spilled(const struct store *s, int64_t upto, struct error *e)
{
	struct spill spill;
	int rc = 0;

	if (spill_open(&spill, s->spill_path, e))
		return -1;
	if (spill.count && spill.entries[spill.count - 1].sequence <= upto)
		rc = spill_clear(&spill, e);
	spill_close(&spill);
	return rc;
}

/* Entries above meta.spilled go into the store, then the spill file is emptied. Its lock is not
 * held in between, so that others can spill while the copy is written. */
int store_fold(const struct store *s, struct error *e)
{
	struct fold f = { .store = s };
	struct spill spill;
	struct meta meta;
	int64_t upto = 0;
	int rc;

	if (!spill_pending(s->spill_path))
		return 0;
	if (spill_open(&spill, s->spill_path, e))
		return -1;
	spill_unlock(&spill);
	f.records = xcalloc(spill.count + 1, sizeof(*f.records));
	f.texts = xcalloc(spill.count + 1, sizeof(*f.texts));
	rc = store_meta(s, &meta, e);
	for (size_t i = 0; i < spill.count && !rc; i++) {
		upto = spill.entries[i].sequence;
		if (upto > meta.spilled)
			rc = fold_entry(&f, &spill.entries[i], e);
	}
	if (!rc && f.count)
		rc = generation_replace(s, f.records, f.count, upto, e);
	if (!rc)
		rc = forget_spilled(s, upto, e);
	if (!rc)
		log_line(LOG_DEBUG, "%s: %zu records taken over from %s", s->path, f.count,
			 s->spill_path);
	fold_end(&f);
	spill_close(&spill);
	return rc;
}

int store_settle(const struct store *s, struct error *e)
{
	int fd, rc;

	if (!spill_pending(s->spill_path))
		return 0;
	fd = store_lock(s, e);
	if (fd < 0)
		return -1;
	rc = store_fold(s, e);
	close(fd);
	return rc;
}

/* Appends behind what the store has already: emptying the file first would be one more write
 * between a token and the disk. Only a full file is emptied. */
static int spill_sealed(const struct store *s, struct spill *spill, const char *key,
			struct span json, struct error *e)
{
	int64_t last = spill->count ? spill->entries[spill->count - 1].sequence : 0;
	struct meta meta;
	struct buf value;
	int64_t next;
	int rc = 0;

	if (store_meta(s, &meta, e))
		return -1;
	next = (last > meta.spilled ? last : meta.spilled) + 1;
	buf_init(&value, LIMIT_RECORD + SEAL_OVERHEAD);
	if (record_seal(s, key, json, &value))
		rc = error_set(e, ERR_STORE, "record %s is too long", key);
	if (!rc && !spill_fits(spill, key, value.len) && last <= meta.spilled)
		rc = spill_clear(spill, e);
	if (!rc)
		rc = spill_add(spill, next, key, buf_span(&value), e);
	buf_wipe(&value);
	return rc;
}

int store_spill(const struct store *s, const char *key, struct span json, struct error *e)
{
	struct spill spill;
	int rc;

	if (store_check_key(key, e) || spill_open(&spill, s->spill_path, e))
		return -1;
	rc = spill_sealed(s, &spill, key, json, e);
	spill_close(&spill);
	return rc;
}

/* Where there is no spill file to be had, the usual way has to do. */
static int patch_store(const struct store *s, const char *key, struct span patch, struct error *e)
{
	struct buf old, json;
	int fd, rc;

	fd = store_lock(s, e);
	if (fd < 0)
		return -1;
	buf_init(&old, LIMIT_RECORD);
	buf_init(&json, LIMIT_RECORD);
	rc = store_fold(s, e);
	if (!rc)
		rc = store_get(s, key, &old, e) < 0 ? -1 : 0;
	if (!rc && old.len)
		rc = patch_apply(buf_span(&old), patch, &json, e);
	if (!rc && old.len)
		rc = generation_replace(s, &(struct record){ key, buf_span(&json) }, 1, 0, e);
	buf_wipe(&old);
	buf_wipe(&json);
	close(fd);
	return rc;
}

int store_patch(const struct store *s, const char *key, struct span patch, struct error *e)
{
	struct error unspilled = { .kind = ERR_NONE };
	char marked[STORE_KEY_SIZE + 1];

	if (store_check_key(key, e))
		return -1;
	snprintf(marked, sizeof(marked), "%c%s", PATCH_MARK, key);
	if (store_spill(s, marked, patch, &unspilled) == 0)
		return store_settle(s, e) ? 1 : 0;
	if (patch_store(s, key, patch, e) == 0)
		return 0;
	log_line(LOG_ERROR, "%s", unspilled.message);
	return -1;
}

/* A disk or file system that takes no writes, or gives no locks, is noticed before a token is
 * rotated. */
static int rehearse(const struct store *s, struct error *e)
{
	struct spill spill;
	struct meta meta;
	int rc;

	if (spill_open(&spill, s->spill_path, e))
		return -1;
	rc = store_meta(s, &meta, e);
	if (!rc && spill.count && spill.entries[spill.count - 1].sequence <= meta.spilled)
		rc = spill_clear(&spill, e);
	if (!rc)
		rc = spill_rehearse(&spill, e);
	spill_close(&spill);
	return rc;
}

int store_room(const struct store *s, struct error *e)
{
	struct statvfs fs;
	struct stat st;

	if (store_settle(s, e) || spill_make(s->dir, s->spill_path, e) || rehearse(s, e))
		return -1;
	if (stat(s->path, &st) != 0 || statvfs(s->dir, &fs) != 0)
		return error_set(e, ERR_STORE, "cannot look at %s: %s", s->path, strerror(errno));
	if ((uint64_t)fs.f_bavail * fs.f_frsize < 2 * (uint64_t)st.st_size + SPARE_BYTES)
		return error_set(e, ERR_STORE,
				 "too little free space in %s to store a new token: "
				 "make room",
				 s->dir);
	return 0;
}
