#include "common/base.h"
#include "common/store.h"

#include "common/generation.h"
#include "common/ids.h"
#include "common/limits.h"
#include "common/lock.h"
#include "common/log.h"
#include "common/patch.h"
#include "common/spill.h"
#include "common/statedir.h"

#include <sys/statvfs.h>

#define LOCK_WAIT_MS 5000

/* Free disk space below which no refresh is sent, beside two copies of the file. */
#define SPARE_BYTES MB(1)

/* In front of the key of a spilled patch: no record's key has it, unless its record is damaged. */
#define PATCH_MARK '+'

static int check_key(const char *key, struct error *e)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)key[i] < 0x20 || key[i] == 0x7F)
			return error_set(e, ERR_STORE, "control character in a record's key");
	}
	if (!len || len >= STORE_KEY_SIZE)
		return error_set(e, ERR_STORE, "a record's key has %zu characters", len);
	return 0;
}

int store_get(const struct store *s, const char *key, struct buf *json, struct error *e)
{
	struct generation g;
	int rc;

	if (check_key(key, e) || generation_open(s, &g, e))
		return -1;
	rc = generation_fetch(s, &g, key, json, e);
	generation_close(&g);
	return rc;
}

static struct store_stamp stamp_of(const struct stat *st)
{
	return (struct store_stamp){ .inode = st->st_ino,
				     .device = st->st_dev,
				     .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 +
						 st->st_mtim.tv_nsec };
}

struct each_walk {
	const struct store *store;
	struct generation generation;
	const char *prefix;
	int (*each)(void *context, const char *key, struct span json);
	void *context;
	struct buf json;
	size_t given, damaged;
};

static int each_step(void *context, const char *key)
{
	struct each_walk *w = context;
	struct error why = { .kind = ERR_NONE };
	int rc;

	if (strncmp(key, w->prefix, strlen(w->prefix)) != 0 || key[0] == '!')
		return 0;
	rc = *key ? generation_fetch(w->store, &w->generation, key, &w->json, &why) : 0;
	if (rc != 1) {
		w->damaged++;
		log_line(LOG_ERROR, "%s", *key ? why.message : "damaged key in the store");
		return 0;
	}
	w->given++;
	return w->each ? w->each(w->context, key, buf_span(&w->json)) : 0;
}

static int each_run(struct each_walk *w, struct store_stamp *stamp, struct meta *meta,
		    struct error *e)
{
	int rc;

	if (generation_open(w->store, &w->generation, e))
		return -1;
	if (stamp)
		*stamp = stamp_of(&w->generation.st);
	buf_init(&w->json, LIMIT_RECORD);
	rc = meta ? generation_meta(w->store, &w->generation, meta, e) : 0;
	if (!rc)
		rc = generation_walk(w->store, &w->generation, each_step, w, e);
	if (w->json.size)
		explicit_bzero(w->json.at, w->json.size);
	buf_release(&w->json);
	generation_close(&w->generation);
	return rc;
}

int store_each(const struct store *s, const char *prefix,
	       int (*each)(void *context, const char *key, struct span json), void *context,
	       struct store_stamp *stamp, struct error *e)
{
	struct each_walk w = { .store = s, .prefix = prefix, .each = each, .context = context };
	int rc = each_run(&w, stamp, NULL, e);

	if (!rc && w.damaged)
		return error_set(e, ERR_STORE,
				 "%zu damaged records in %s: restore them from a backup", w.damaged,
				 s->path);
	return rc;
}

int store_verify(const struct store *s, size_t *records, size_t *damaged_records, struct error *e)
{
	struct each_walk w = { .store = s, .prefix = "" };
	struct meta meta;
	int rc = each_run(&w, NULL, &meta, e);
	size_t found = w.given + w.damaged;

	*records = w.given;
	*damaged_records = w.damaged;
	if (!rc && (size_t)meta.count > found)
		*damaged_records += (size_t)meta.count - found;
	return rc;
}

int store_changed(const struct store *s, struct store_stamp *stamp, struct error *e)
{
	struct store_stamp now;
	struct stat st;

	if (stat(s->path, &st) != 0)
		return error_set(e, ERR_STORE, "cannot look at %s: %s", s->path, strerror(errno));
	now = stamp_of(&st);
	if (now.inode == stamp->inode && now.device == stamp->device &&
	    now.mtime_ns == stamp->mtime_ns)
		return 0;
	*stamp = now;
	return 1;
}

static int lock(const struct store *s, struct error *e)
{
	int fd = statedir_open(s->dir, s->lock_path, e), rc;

	if (fd < 0)
		return -1;
	rc = lock_file(fd, LOCK_WAIT_MS);
	if (rc == 1)
		return fd;
	if (rc == 0)
		error_set(e, ERR_STORE,
			  "%s is held by another process for more than %d s: is one "
			  "stopped? (fuser %s)",
			  s->lock_path, LOCK_WAIT_MS / 1000, s->lock_path);
	else
		error_set(e, ERR_STORE, "cannot lock %s: %s", s->lock_path, strerror(errno));
	close(fd);
	return -1;
}

static int meta_now(const struct store *s, struct meta *meta, struct error *e)
{
	struct generation g;
	int rc;

	if (generation_open(s, &g, e))
		return -1;
	rc = generation_meta(s, &g, meta, e);
	generation_close(&g);
	return rc;
}

/* What the entries of a spill file make of the store's records. */
struct fold {
	const struct store *store;
	struct record *records;
	struct buf *texts; /* of patched records */
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

/* A patch for a damaged record is kept as a record of its own: the others must not wait for it. */
static void fold_entry(struct fold *f, const struct spill_entry *entry)
{
	struct buf *text = &f->texts[f->count], base;
	struct record *r = &f->records[f->count];
	struct error e = { .kind = ERR_NONE };

	*r = (struct record){ entry->key, entry->json };
	buf_init(text, LIMIT_RECORD);
	if (entry->key[0] == PATCH_MARK) {
		buf_init(&base, LIMIT_RECORD);
		if (fold_base(f, entry->key + 1, &base, &e) ||
		    (base.len && patch_apply(buf_span(&base), entry->json, text, &e)))
			log_line(LOG_ERROR, "%s: kept aside: %s", entry->key + 1, e.message);
		else
			*r = (struct record){ entry->key + 1, buf_span(text) };
		buf_wipe(&base);
	}
	f->count++;
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
static int fold_spill(const struct store *s, struct error *e)
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
	rc = meta_now(s, &meta, e);
	for (size_t i = 0; i < spill.count && !rc; i++) {
		upto = spill.entries[i].sequence;
		if (upto > meta.spilled)
			fold_entry(&f, &spill.entries[i]);
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

static int settle(const struct store *s, struct error *e)
{
	int fd, rc;

	if (!spill_pending(s->spill_path))
		return 0;
	fd = lock(s, e);
	if (fd < 0)
		return -1;
	rc = fold_spill(s, e);
	close(fd);
	return rc;
}

static int update_locked(const struct store *s, const char *key,
			 int (*change)(void *context, struct buf *json, struct error *e),
			 void *context, struct error *e)
{
	struct buf old, json;
	int rc;

	buf_init(&old, LIMIT_RECORD);
	buf_init(&json, LIMIT_RECORD);
	rc = store_get(s, key, &old, e);
	if (rc >= 0) {
		buf_add(&json, old.at, old.len);
		rc = change(context, &json, e);
	}
	if (!rc && json.failed)
		rc = error_set(e, ERR_STORE, "record %s is too long", key);
	if (!rc && (json.len != old.len || memcmp(json.at, old.at, json.len) != 0))
		rc = generation_replace(s, &(struct record){ key, buf_span(&json) }, 1, 0, e);
	if (old.size)
		explicit_bzero(old.at, old.size);
	if (json.size)
		explicit_bzero(json.at, json.size);
	buf_release(&old);
	buf_release(&json);
	return rc;
}

int store_update(const struct store *s, const char *key,
		 int (*change)(void *context, struct buf *json, struct error *e), void *context,
		 struct error *e)
{
	int fd, rc;

	if (check_key(key, e))
		return -1;
	fd = lock(s, e);
	if (fd < 0)
		return -1;
	rc = fold_spill(s, e);
	if (!rc)
		rc = update_locked(s, key, change, context, e);
	close(fd);
	return rc;
}

int store_put(const struct store *s, const char *key, struct span json, struct error *e)
{
	int fd, rc;

	if (check_key(key, e))
		return -1;
	if (!json.len)
		return error_set(e, ERR_STORE, "record %s is empty", key);
	fd = lock(s, e);
	if (fd < 0)
		return -1;
	rc = fold_spill(s, e);
	if (!rc)
		rc = generation_replace(s, &(struct record){ key, json }, 1, 0, e);
	close(fd);
	return rc;
}

static int make_empty(void *context, struct buf *json, struct error *e)
{
	(void)context;
	(void)e;
	if (!json->len)
		return 1;
	buf_reset(json);
	return 0;
}

int store_remove(const struct store *s, const char *key, struct error *e)
{
	return store_update(s, key, make_empty, NULL, e);
}

int store_spill(const struct store *s, const char *key, struct span json, struct error *e)
{
	struct spill spill;
	struct meta meta;
	int64_t last;
	int rc;

	if (check_key(key, e) || spill_open(&spill, s->spill_path, e))
		return -1;
	rc = meta_now(s, &meta, e);
	if (!rc) {
		last = spill.count ? spill.entries[spill.count - 1].sequence : 0;
		if (spill.count && last <= meta.spilled)
			rc = spill_clear(&spill, e);
		if (!rc)
			rc = spill_add(&spill, (last > meta.spilled ? last : meta.spilled) + 1, key,
				       json, e);
	}
	spill_close(&spill);
	return rc;
}

/* Where there is no spill file to be had, the usual way has to do. */
static int patch_store(const struct store *s, const char *key, struct span patch, struct error *e)
{
	struct buf old, json;
	int fd, rc;

	fd = lock(s, e);
	if (fd < 0)
		return -1;
	buf_init(&old, LIMIT_RECORD);
	buf_init(&json, LIMIT_RECORD);
	rc = fold_spill(s, e);
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

	if (check_key(key, e))
		return -1;
	snprintf(marked, sizeof(marked), "%c%s", PATCH_MARK, key);
	if (store_spill(s, marked, patch, &unspilled) == 0)
		return settle(s, e) ? 1 : 0;
	if (patch_store(s, key, patch, e) == 0)
		return 0;
	log_line(LOG_ERROR, "%s", unspilled.message);
	return -1;
}

int store_room(const struct store *s, struct error *e)
{
	struct statvfs fs;
	struct stat st;

	if (settle(s, e) || spill_make(s->dir, s->spill_path, e))
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

/* ---- opening and making ---- */

static char *path_of(const char *dir, const char *name, const char *suffix)
{
	size_t size = strlen(dir) + strlen(name) + strlen(suffix) + 2;
	char *path = xmalloc(size);

	snprintf(path, size, "%s/%s%s", dir, name, suffix);
	return path;
}

static void set_paths(struct store *s, const char *dir, const char *name)
{
	s->name = xstrdup(name);
	s->dir = xstrdup(dir);
	s->path = path_of(dir, name, ".gdbm");
	s->new_path = path_of(dir, name, ".gdbm.new");
	s->lock_path = path_of(dir, name, ".lock");
	s->spill_path = path_of(dir, name, ".spill");
}

void store_close(struct store *s)
{
	free(s->name);
	free(s->dir);
	free(s->path);
	free(s->new_path);
	free(s->lock_path);
	free(s->spill_path);
	*s = (struct store){ .name = NULL };
}

int store_open(struct store *s, const char *dir, const char *name, unsigned flags, struct error *e)
{
	struct error later = { .kind = ERR_NONE };
	struct meta meta;
	struct stat st;
	int rc;

	set_paths(s, dir, name);
	rc = statedir_check(dir, flags & STORE_ANY_FS, e);
	if (!rc && lstat(s->path, &st) == 0)
		rc = statedir_check_file(s->path, &st, e);
	if (!rc)
		rc = meta_now(s, &meta, e);
	if (!rc && settle(s, &later))
		log_line(LOG_WARN, "records wait in %s: %s", s->spill_path, later.message);
	if (rc)
		store_close(s);
	return rc;
}

/* The spill file outlives the store in every accident, so that it tells a lost store from none. */
static int create_locked(const struct store *s, struct error *e)
{
	struct stat st;

	if (lstat(s->path, &st) == 0)
		return 0;
	if (lstat(s->spill_path, &st) == 0)
		return error_set(e, ERR_STORE,
				 "%s is gone, although %s shows that it existed: restore it from a "
				 "backup, or remove %s to begin anew",
				 s->path, s->spill_path, s->spill_path);
	if (generation_first(s, e))
		return -1;
	return spill_make(s->dir, s->spill_path, e);
}

int store_create(const char *dir, const char *name, unsigned flags, struct error *e)
{
	struct store s = { .name = NULL };
	int fd, rc;

	if (statedir_make(dir, e) || statedir_check(dir, flags & STORE_ANY_FS, e))
		return -1;
	set_paths(&s, dir, name);
	fd = lock(&s, e);
	rc = fd < 0 ? -1 : create_locked(&s, e);
	if (fd >= 0)
		close(fd);
	store_close(&s);
	return rc;
}
