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

/* The record that a patch makes. Where it cannot be made because the record is damaged, the patch
 * is kept as a record of its own: the others must not wait for it. What cannot be read at this
 * moment is read the next time. */
static int fold_patch(struct step *step, const char *marked, struct span patch, struct error *e)
{
	struct error damage = { .kind = ERR_NONE };
	const char *key = marked + 1;
	struct buf base, patched;
	bool damaged;
	int rc;

	buf_init(&base, LIMIT_RECORD);
	buf_init(&patched, LIMIT_RECORD);
	rc = step_look(step, key, &base, &damaged, &damage);
	if (rc < 0 && !damaged) {
		rc = error_set(e, damage.kind, "%s", damage.message);
	} else if (rc < 0 || (base.len && patch_apply(buf_span(&base), patch, &patched, &damage))) {
		log_line(LOG_ERROR, "%s: its change is kept aside: %s", key, damage.message);
		rc = step_put(step, marked, patch, e);
	} else {
		rc = step_put(step, key, buf_span(&patched), e);
	}
	buf_wipe(&base);
	buf_wipe(&patched);
	return rc;
}

static int fold_entry(struct step *step, const struct spill_entry *entry, struct error *e)
{
	const struct store *s = step->store;
	struct buf text;
	int rc;

	buf_init(&text, LIMIT_RECORD);
	if (record_unseal(s, entry->key, entry->json, &text, e))
		rc = error_set(e, ERR_STORE, "an entry of %s is too long", s->spill_path);
	else if (entry->key[0] == PATCH_MARK)
		rc = fold_patch(step, entry->key, buf_span(&text), e);
	else
		rc = step_put(step, entry->key, buf_span(&text), e);
	buf_wipe(&text);
	return rc;
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
	struct step step = { .store = s };
	struct spill spill;
	struct meta meta;
	int64_t upto = 0;
	size_t count;
	int rc;

	if (!spill_pending(s->spill_path))
		return 0;
	if (spill_open(&spill, s->spill_path, e))
		return -1;
	spill_unlock(&spill);
	rc = store_meta(s, &meta, e);
	for (size_t i = 0; i < spill.count && !rc; i++) {
		upto = spill.entries[i].sequence;
		if (upto > meta.spilled)
			rc = fold_entry(&step, &spill.entries[i], e);
	}
	count = step.count;
	rc = step_end(&step, rc, upto, e);
	if (!rc)
		rc = forget_spilled(s, upto, e);
	if (!rc)
		log_line(LOG_DEBUG, "%s: %zu records taken over from %s", s->path, count,
			 s->spill_path);
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

/* For step_update(). */
static int patch_record(void *context, struct buf *json, struct error *e)
{
	const struct span *patch = context;
	struct buf patched;
	int rc;

	if (!json->len)
		return 0;
	buf_init(&patched, LIMIT_RECORD);
	rc = patch_apply(buf_span(json), *patch, &patched, e);
	if (!rc) {
		buf_reset(json);
		buf_add(json, patched.at, patched.len);
	}
	buf_wipe(&patched);
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
	/* Where there is no spill file to be had, the usual way has to do. */
	if (store_update(s, key, patch_record, &patch, e) == 0)
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
