#include "common/base.h"
#include "common/store.h"

#include "common/generation.h"
#include "common/ids.h"
#include "common/limits.h"
#include "common/lock.h"
#include "common/log.h"
#include "common/seal.h"
#include "common/spill.h"
#include "common/statedir.h"
#include "common/store_parts.h"

#include <pthread.h>

#define LOCK_WAIT_MS 5000

int store_check_key(const char *key, struct error *e)
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

static struct store_stamp stamp_of(const struct stat *st)
{
	return (struct store_stamp){ .inode = st->st_ino,
				     .device = st->st_dev,
				     .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 +
						 st->st_mtim.tv_nsec };
}

/* A generation that was opened for reading once and stays so until the file is another one: as it
 * is replaced and never changed, what is open is whole, and a stat() tells if it is the newest.
 * Opening it took 15 us each time, thrice a request. */
struct store_reader {
	pthread_mutex_t lock; /* GDBM's handles are for one thread at a time */
	struct generation generation;
	struct store_stamp stamp;
	bool open;
};

static void reader_close(struct store_reader *r)
{
	if (r->open)
		generation_close(&r->generation);
	r->open = false;
}

/* Under its lock. */
static int reader_renew(const struct store *s, struct error *e)
{
	struct store_reader *r = s->reader;
	struct error unseen = { .kind = ERR_NONE };
	int changed = store_changed(s, &r->stamp, &unseen);

	if (r->open && !changed)
		return 0;
	reader_close(r);
	if (generation_open(s, &r->generation, e))
		return -1;
	r->open = true;
	return 0;
}

int store_look(const struct store *s, const char *key, struct buf *json, bool *damaged,
	       struct error *e)
{
	int rc;

	*damaged = false;
	if (store_check_key(key, e))
		return -1;
	pthread_mutex_lock(&s->reader->lock);
	rc = reader_renew(s, e);
	if (!rc) {
		rc = generation_fetch(s, &s->reader->generation, key, json, e);
		*damaged = rc < 0 && !generation_unread(&s->reader->generation);
	}
	if (rc < 0) /* GDBM refuses all else on a handle that has met damage */
		reader_close(s->reader);
	pthread_mutex_unlock(&s->reader->lock);
	return rc;
}

int store_get(const struct store *s, const char *key, struct buf *json, struct error *e)
{
	bool damaged;

	return store_look(s, key, json, &damaged, e);
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
	buf_wipe(&w->json);
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
		return error_set(e, ERR_STORE, "%zu damaged records in %s: see kiroctl repair",
				 w.damaged, s->path);
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

bool store_stamp_is(const struct store_stamp *a, const struct store_stamp *b)
{
	return a->inode == b->inode && a->device == b->device && a->mtime_ns == b->mtime_ns;
}

int store_changed(const struct store *s, struct store_stamp *stamp, struct error *e)
{
	struct store_stamp now;
	struct stat st;

	if (stat(s->path, &st) != 0)
		return error_set(e, ERR_STORE, "cannot look at %s: %s", s->path, strerror(errno));
	now = stamp_of(&st);
	if (store_stamp_is(stamp, &now))
		return 0;
	*stamp = now;
	return 1;
}

int store_lock(const struct store *s, struct error *e)
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

int store_meta(const struct store *s, struct meta *meta, struct error *e)
{
	struct generation g;
	int rc;

	if (generation_open(s, &g, e))
		return -1;
	rc = generation_meta(s, &g, meta, e);
	generation_close(&g);
	return rc;
}

/* ---- opening and making ---- */

static char *path_of(const char *dir, const char *name, const char *suffix)
{
	size_t size = strlen(dir) + strlen(name) + strlen(suffix) + 2;
	char *path = xmalloc(size);

	snprintf(path, size, "%s/%s%s", dir, name, suffix);
	return path;
}

void store_paths(struct store *s, const char *dir, const char *name)
{
	*s = (struct store){ .name = xstrdup(name) };
	s->reader = xcalloc(1, sizeof(*s->reader));
	pthread_mutex_init(&s->reader->lock, NULL);
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
	seal_free(s->seal);
	if (s->reader) {
		reader_close(s->reader);
		pthread_mutex_destroy(&s->reader->lock);
	}
	free(s->reader);
	*s = (struct store){ .name = NULL };
}

int store_open_sealed(struct store *s, const char *dir, const char *name, unsigned flags,
		      const char *key_file, struct error *e)
{
	struct error later = { .kind = ERR_NONE };
	struct meta meta;
	struct stat st;
	int rc;

	store_paths(s, dir, name);
	rc = statedir_check(dir, flags & STORE_ANY_FS, e);
	if (!rc && key_file && *key_file)
		rc = seal_load(&s->seal, key_file, e);
	if (!rc && lstat(s->path, &st) == 0)
		rc = statedir_check_file(s->path, &st, e);
	if (!rc)
		rc = store_meta(s, &meta, e);
	if (!rc)
		rc = generation_check_key(s, &meta, e);
	if (!rc && store_settle(s, &later))
		log_line(LOG_WARN, "records wait in %s: %s", s->spill_path, later.message);
	if (rc)
		store_close(s);
	return rc;
}

int store_open(struct store *s, const char *dir, const char *name, unsigned flags, struct error *e)
{
	return store_open_sealed(s, dir, name, flags, NULL, e);
}

int store_rekey(const struct store *s, bool plain, size_t *records, struct error *e)
{
	int fd = store_lock(s, e), rc;

	if (fd < 0)
		return -1;
	rc = store_fold(s, e);
	if (!rc)
		rc = generation_rekey(s, plain, records, e);
	close(fd);
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
				 "%s is gone, although %s shows that it existed: kiroctl repair "
				 "brings back the last backup; remove %s to begin anew",
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
	store_paths(&s, dir, name);
	fd = store_lock(&s, e);
	rc = fd < 0 ? -1 : create_locked(&s, e);
	if (fd >= 0)
		close(fd);
	store_close(&s);
	return rc;
}
