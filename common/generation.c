/*
 * A GDBM file of fixed block size, values in envelopes (envelope.h), and one record "!meta":
 *   {"v":1,"store":"tokens","fmt":1,"uuid":"...","generation":7,"count":3,"bytes":6332,"spilled":0}
 * which has the member "key" and is itself readable where the others are encrypted (seal.h).
 * count and bytes (keys and values) are of all records but !meta: a truncated file, which GDBM
 * reads without complaint, is found by count; bytes tells when the file has grown too much.
 */
#include "common/base.h"
#include "common/generation.h"

#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/record.h"
#include "common/statedir.h"

#include <gdbm.h>

#define META	    "!meta"
#define FORMAT	    1
#define BLOCK_SIZE  4096
#define READ_FLAGS  (GDBM_READER | GDBM_NOLOCK | GDBM_NOMMAP | GDBM_CLOERROR)
#define WRITE_FLAGS (GDBM_NOLOCK | GDBM_NOMMAP | GDBM_CLOERROR)

/* A file above twice its live bytes and this is rebuilt key by key. */
#define SLACK_BYTES KB(256)

/* A generation being made: NAME.gdbm.new, seen by nobody else. */
struct draft {
	GDBM_FILE db;
	int fd;	    /* ours, beside GDBM's own */
	bool plain; /* unencrypted, whatever the store has */
	struct meta meta;
};

static datum datum_of(const char *text)
{
	datum d = { .dptr = (char *)(uintptr_t)text, .dsize = (int)strlen(text) };

	return d;
}

static int fail_gdbm(const struct store *s, const char *what, struct error *e)
{
	int system = gdbm_check_syserr(gdbm_errno) ? errno : 0;
	bool full = system == ENOSPC || system == EDQUOT || system == EFBIG;

	return error_set(e, ERR_STORE, "cannot %s %s: %s%s%s%s", what, s->path,
			 gdbm_strerror(gdbm_errno), system ? ": " : "",
			 system ? strerror(system) : "",
			 full ? " (the store is as it was: make room and try again)" : "");
}

static int fail_system(const struct store *s, const char *what, struct error *e)
{
	bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;

	return error_set(e, ERR_STORE, "cannot %s %s: %s%s", what, s->path, strerror(errno),
			 full ? " (the store is as it was: make room and try again)" : "");
}

static int open_file(const struct store *s, struct generation *g, struct error *e)
{
	int fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT)
		return error_set(e, ERR_STORE,
				 "there is no store %s: `kiroctl init` makes one, kiroctl repair "
				 "brings back the last backup",
				 s->path);
	if (fd < 0 || fstat(fd, &g->st) != 0) {
		fail_system(s, "open", e);
		goto failed;
	}
	if (g->st.st_size == 0) {
		error_set(e, ERR_STORE, "%s is empty, so it was damaged: see kiroctl repair",
			  s->path);
		goto failed;
	}
	g->db = gdbm_fd_open(fd, s->path, 0, READ_FLAGS, NULL);
	if (!g->db)
		return error_set(e, ERR_STORE,
				 "%s is damaged or no GDBM file (%s): see kiroctl repair", s->path,
				 gdbm_strerror(gdbm_errno));
	return 0;
failed:
	if (fd >= 0)
		close(fd);
	return -1;
}

int generation_open_damaged(const struct store *s, struct generation *g, struct error *e)
{
	return open_file(s, g, e);
}

int generation_open(const struct store *s, struct generation *g, struct error *e)
{
	if (open_file(s, g, e))
		return -1;
	if (!gdbm_needs_recovery(g->db))
		return 0;
	gdbm_close(g->db);
	return error_set(e, ERR_STORE,
			 "%s is damaged, perhaps another program wrote to it: see kiroctl repair",
			 s->path);
}

void generation_close(struct generation *g)
{
	gdbm_close(g->db);
	g->db = NULL;
}

/* The value as it lies in the file, in *value (free value->dptr). 1, 0: absent, -1. */
static int fetch_raw(const struct store *s, GDBM_FILE db, const char *key, datum *value,
		     struct error *e)
{
	*value = gdbm_fetch(db, datum_of(key));
	if (value->dptr)
		return 1;
	return gdbm_errno == GDBM_ITEM_NOT_FOUND ? 0 : fail_gdbm(s, "read", e);
}

static void free_value(datum *value)
{
	explicit_bzero(value->dptr, (size_t)value->dsize);
	free(value->dptr);
}

int generation_fetch(const struct store *s, const struct generation *g, const char *key,
		     struct buf *json, struct error *e)
{
	datum value;
	int rc;

	buf_reset(json);
	rc = fetch_raw(s, g->db, key, &value, e);
	if (rc != 1)
		return rc;
	rc = record_decode(s, key, (struct span){ value.dptr, (size_t)value.dsize }, json, e);
	free_value(&value);
	return rc ? -1 : 1;
}

/* Not a place that cannot be sought or a size that cannot be had: the damage named them. */
bool generation_unread(const struct generation *g)
{
	return gdbm_last_errno(g->db) == GDBM_FILE_READ_ERROR;
}

static int read_meta(const struct store *s, const cJSON *tree, struct meta *m, struct error *e)
{
	const char *name = "", *uuid = "", *key = "";
	int64_t format = 0;

	if (json_need_text(tree, "store", NULL, &name, e) ||
	    json_need_text(tree, "uuid", NULL, &uuid, e) ||
	    json_text(tree, "key", NULL, &key, e) < 0 ||
	    json_int(tree, "fmt", NULL, 1, INT32_MAX, &format, e) < 0 ||
	    json_int(tree, "generation", NULL, 0, INT64_MAX, &m->generation, e) < 0 ||
	    json_int(tree, "count", NULL, 0, INT64_MAX, &m->count, e) < 0 ||
	    json_int(tree, "bytes", NULL, 0, INT64_MAX, &m->bytes, e) < 0 ||
	    json_int(tree, "spilled", NULL, 0, INT64_MAX, &m->spilled, e) < 0)
		return -1;
	snprintf(m->uuid, sizeof(m->uuid), "%s", uuid);
	snprintf(m->key, sizeof(m->key), "%s", key);
	if (strcmp(name, s->name) != 0)
		return error_set(e, ERR_STORE,
				 "%s is the store \"%s\", not \"%s\": wrong file in "
				 "its place",
				 s->path, name, s->name);
	if (format > FORMAT)
		return error_set(e, ERR_STORE,
				 "%s has format %" PRId64 ", this program knows %d: "
				 "use the newer program that wrote it",
				 s->path, format, FORMAT);
	return 0;
}

int generation_meta(const struct store *s, const struct generation *g, struct meta *m,
		    struct error *e)
{
	struct error why = { .kind = ERR_NONE };
	struct buf json;
	cJSON *tree = NULL;
	int rc;

	*m = (struct meta){ .generation = 0 };
	buf_init(&json, LIMIT_RECORD);
	rc = generation_fetch(s, g, META, &json, e);
	if (rc == 0)
		rc = error_set(e, ERR_STORE,
			       "%s has no " META " record: it is damaged, or another "
			       "program's file: see kiroctl repair",
			       s->path);
	if (rc == 1) {
		tree = json_parse(buf_span(&json), &why);
		rc = tree ? read_meta(s, tree, m, &why) : -1;
		if (rc)
			error_set(e, ERR_STORE, why.kind == ERR_STORE ? "%s" : META ": %s",
				  why.message);
	}
	cJSON_Delete(tree);
	buf_release(&json);
	return rc;
}

int generation_walk(const struct store *s, const struct generation *g,
		    int (*each)(void *context, const char *key), void *context, struct error *e)
{
	const datum none = { .dptr = NULL };
	datum key = gdbm_firstkey(g->db), next;
	char text[STORE_KEY_SIZE];
	int rc = 0;

	while (key.dptr && !rc) {
		size_t len = (size_t)key.dsize;

		if (len >= sizeof(text) || memchr(key.dptr, '\0', len))
			len = 0;
		memcpy(text, key.dptr, len);
		text[len] = '\0';
		rc = each(context, text);
		next = rc ? none : gdbm_nextkey(g->db, key);
		free(key.dptr);
		key = next;
	}
	if (!rc && gdbm_errno != GDBM_ITEM_NOT_FOUND)
		return fail_gdbm(s, "read", e);
	free(key.dptr);
	return rc;
}

static int copy_bytes(const struct store *s, int from, int to, struct error *e)
{
	char *chunk = xmalloc(KB(256));
	ssize_t got;
	int rc = 0;

	while (!rc && (got = read(from, chunk, KB(256))) != 0) {
		for (ssize_t done = 0, put; !rc && done < got; done += put) {
			put = write(to, chunk + done, (size_t)(got - done));
			if (put < 0)
				rc = fail_system(s, "copy", e);
		}
		if (got < 0 && errno != EINTR)
			rc = fail_system(s, "copy", e);
	}
	free(chunk);
	return rc;
}

static int copy_file(const struct store *s, int to, struct error *e)
{
	int from = open(s->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc;

	if (from < 0)
		return fail_system(s, "open", e);
	rc = copy_bytes(s, from, to, e);
	close(from);
	return rc;
}

static int put_value(const struct store *s, struct draft *d, const char *key, struct span value,
		     struct error *e)
{
	datum content = { .dptr = (char *)(uintptr_t)value.at, .dsize = (int)value.len };

	if (gdbm_store(d->db, datum_of(key), content, GDBM_REPLACE) != 0)
		return fail_gdbm(s, "write", e);
	return 0;
}

/* !meta tells how to read the others, so that it is never encrypted itself. */
static int put_json(const struct store *s, struct draft *d, const char *key, struct span json,
		    size_t *size, struct error *e)
{
	struct buf value;
	int rc;

	buf_init(&value, LIMIT_RECORD + SEAL_OVERHEAD);
	rc = record_encode(s, key, json, d->plain || strcmp(key, META) == 0, &value, e);
	if (!rc)
		rc = put_value(s, d, key, buf_span(&value), e);
	*size = value.len;
	buf_wipe(&value);
	return rc;
}

static int put_meta(const struct store *s, struct draft *d, struct error *e)
{
	struct jsonw w;
	struct buf json;
	size_t size;
	int rc;

	buf_init(&json, LIMIT_RECORD);
	jsonw_init(&w, &json);
	jsonw_begin_object(&w);
	jsonw_int_member(&w, "v", 1);
	jsonw_text_member(&w, "store", s->name);
	jsonw_int_member(&w, "fmt", FORMAT);
	jsonw_text_member(&w, "uuid", d->meta.uuid);
	jsonw_int_member(&w, "generation", d->meta.generation);
	jsonw_int_member(&w, "count", d->meta.count);
	jsonw_int_member(&w, "bytes", d->meta.bytes);
	jsonw_int_member(&w, "spilled", d->meta.spilled);
	if (s->seal && !d->plain)
		jsonw_text_member(&w, "key", seal_id(s->seal));
	jsonw_end(&w);
	rc = put_json(s, d, META, buf_span(&json), &size, e);
	buf_release(&json);
	return rc;
}

static int apply(const struct store *s, struct draft *d, const struct record *r, struct error *e)
{
	int64_t key_len = (int64_t)strlen(r->key);
	size_t size;
	datum old;
	int had = fetch_raw(s, d->db, r->key, &old, e);

	if (had < 0)
		return -1;
	if (had) {
		d->meta.count--;
		d->meta.bytes -= key_len + old.dsize;
		free(old.dptr);
	}
	if (!r->json.len)
		return had && gdbm_delete(d->db, datum_of(r->key)) != 0 ? fail_gdbm(s, "write", e)
									: 0;
	if (put_json(s, d, r->key, r->json, &size, e))
		return -1;
	d->meta.count++;
	d->meta.bytes += key_len + (int64_t)size;
	return 0;
}

/* The group matters only where the mode gives it something: it may be one that we are not in. */
static int keep_owner(int fd, const struct stat *old)
{
	uid_t user = geteuid() == 0 ? old->st_uid : (uid_t)-1;
	gid_t group = geteuid() == 0 || old->st_mode & 0060 ? old->st_gid : (gid_t)-1;

	return fchown(fd, user, group) || fchmod(fd, old->st_mode & 0660) ? -1 : 0;
}

/* An empty file NAME.gdbm.new with the mode and owner of what it will replace. */
static int draft_file(const struct store *s, const struct stat *old, struct draft *d,
		      struct error *e)
{
	int rc;

	if (unlink(s->new_path) != 0 && errno != ENOENT)
		return fail_system(s, "remove the leftover copy of", e);
	d->fd = open(s->new_path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (d->fd < 0)
		return fail_system(s, "make a copy of", e);
	if (!old)
		rc = statedir_adopt(s->dir, d->fd);
	else
		rc = keep_owner(d->fd, old);
	return rc ? fail_system(s, "keep the owner and mode of", e) : 0;
}

static int draft_gdbm(const struct store *s, struct draft *d, int flags, struct error *e)
{
	/* GDBM reads from where the descriptor stands: behind what was copied. */
	int fd = lseek(d->fd, 0, SEEK_SET) ? -1 : fcntl(d->fd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return fail_system(s, "copy", e);
	d->db = gdbm_fd_open(fd, s->new_path, BLOCK_SIZE, flags | WRITE_FLAGS, NULL);
	return d->db ? 0 : fail_gdbm(s, "open the copy of", e);
}

struct rebuild {
	const struct store *store;
	GDBM_FILE from;
	struct draft *draft;
	struct error *e;
};

static int rebuild_step(void *context, const char *key)
{
	struct rebuild *r = context;
	struct buf json;
	size_t size = 0;
	datum raw;
	int rc;

	if (strcmp(key, META) == 0)
		return 0;
	if (!*key || fetch_raw(r->store, r->from, key, &raw, r->e) != 1)
		return record_damaged(r->store, *key ? key : "with an impossible key", r->e);
	buf_init(&json, LIMIT_RECORD);
	rc = record_decode(r->store, key, (struct span){ raw.dptr, (size_t)raw.dsize }, &json,
			   r->e);
	if (!rc)
		rc = put_json(r->store, r->draft, key, buf_span(&json), &size, r->e);
	r->draft->meta.count++;
	r->draft->meta.bytes += (int64_t)(strlen(key) + size);
	buf_wipe(&json);
	free_value(&raw);
	return rc;
}

/* Key by key into the empty file: drops what GDBM could not reuse. */
static int draft_rebuild(const struct store *s, struct generation *old, struct draft *d,
			 struct error *e)
{
	struct rebuild r = { .store = s, .from = old->db, .draft = d, .e = e };

	if (draft_gdbm(s, d, GDBM_NEWDB, e))
		return -1;
	d->meta.count = d->meta.bytes = 0;
	return generation_walk(s, old, rebuild_step, &r, e);
}

static bool wasteful(const struct generation *old, const struct meta *m)
{
	return old->st.st_size > 2 * m->bytes + (int64_t)SLACK_BYTES;
}

/* A damaged record must not vanish in a rebuild, so that then the bytes are copied as they are. */
static int draft_fill(const struct store *s, struct generation *old, struct draft *d,
		      struct error *e)
{
	struct error ignored = { .kind = ERR_NONE };
	struct meta meta = d->meta;

	if (wasteful(old, &meta)) {
		if (draft_rebuild(s, old, d, &ignored) == 0)
			return 0;
		if (d->db)
			gdbm_close(d->db);
		d->db = NULL;
		d->meta = meta;
		if (ftruncate(d->fd, 0) != 0 || lseek(d->fd, 0, SEEK_SET) != 0)
			return fail_system(s, "copy", e);
	}
	if (copy_file(s, d->fd, e))
		return -1;
	return draft_gdbm(s, d, GDBM_WRITER, e);
}

/* Inodes and clock ticks come back within milliseconds; a time of our own does not. */
static int set_time(int fd, const struct stat *old)
{
	struct timespec times[2];

	clock_gettime(CLOCK_REALTIME, &times[1]);
	if (old &&
	    (old->st_mtim.tv_sec > times[1].tv_sec || (old->st_mtim.tv_sec == times[1].tv_sec &&
						       old->st_mtim.tv_nsec >= times[1].tv_nsec))) {
		times[1] = old->st_mtim;
		if (++times[1].tv_nsec == 1000000000)
			times[1] = (struct timespec){ .tv_sec = old->st_mtim.tv_sec + 1 };
	}
	times[0] = times[1];
	return futimens(fd, times);
}

/* Closes GDBM (which syncs), makes the copy durable, puts it in place. */
static int draft_publish(const struct store *s, const struct stat *old, struct draft *d,
			 struct error *e)
{
	GDBM_FILE db = d->db;

	d->db = NULL;
	if (gdbm_close(db) != 0)
		return fail_gdbm(s, "write", e);
	if (set_time(d->fd, old) != 0 || fsync(d->fd) != 0)
		return fail_system(s, "write", e);
	if (rename(s->new_path, s->path) != 0)
		return fail_system(s, "replace", e);
	if (statedir_sync(s->dir) != 0)
		return fail_system(s, "make durable", e);
	return 0;
}

/* Frees what is left; a draft that was not published is removed. */
static int draft_end(const struct store *s, struct draft *d, int rc)
{
	if (d->db)
		gdbm_close(d->db);
	if (d->fd >= 0)
		close(d->fd);
	if (rc)
		unlink(s->new_path);
	return rc;
}

int generation_check_key(const struct store *s, const struct meta *m, struct error *e)
{
	if (!*m->key || (s->seal && seal_has(s->seal, m->key)))
		return 0;
	return error_set(e, ERR_STORE, "%s is encrypted with key %s: %s; nothing was changed",
			 s->path, m->key,
			 s->seal ? "state_key_file does not hold that key, put it back"
				 : "set state_key_file to the file of that key");
}

int generation_rekey(const struct store *s, bool plain, size_t *records, struct error *e)
{
	struct draft d = { .fd = -1, .plain = plain };
	struct generation old;
	int rc;

	if (generation_open(s, &old, e))
		return -1;
	rc = generation_meta(s, &old, &d.meta, e);
	if (!rc)
		rc = draft_file(s, &old.st, &d, e);
	if (!rc)
		rc = draft_rebuild(s, &old, &d, e);
	d.meta.generation++;
	*records = (size_t)d.meta.count;
	if (!rc)
		rc = put_meta(s, &d, e);
	if (!rc)
		rc = draft_publish(s, &old.st, &d, e);
	generation_close(&old);
	return draft_end(s, &d, rc);
}

int generation_replace(const struct store *s, const struct record *records, size_t count,
		       int64_t spilled, struct error *e)
{
	struct draft d = { .fd = -1 };
	struct generation old;
	int rc;

	if (generation_open(s, &old, e))
		return -1;
	rc = generation_meta(s, &old, &d.meta, e);
	if (!rc)
		rc = generation_check_key(s, &d.meta, e);
	if (!rc)
		rc = draft_file(s, &old.st, &d, e);
	if (!rc)
		rc = draft_fill(s, &old, &d, e);
	for (size_t i = 0; i < count && !rc; i++)
		rc = apply(s, &d, &records[i], e);
	if (!rc) {
		d.meta.generation++;
		if (spilled > d.meta.spilled)
			d.meta.spilled = spilled;
		rc = put_meta(s, &d, e);
	}
	if (!rc)
		rc = draft_publish(s, &old.st, &d, e);
	generation_close(&old);
	return draft_end(s, &d, rc);
}

int generation_build(const struct store *s, const struct meta *meta, const struct record *records,
		     size_t count, struct error *e)
{
	struct draft d = { .fd = -1 };
	int rc;

	memcpy(d.meta.uuid, meta->uuid, sizeof(d.meta.uuid));
	if (!*d.meta.uuid)
		ids_uuid(d.meta.uuid);
	d.meta.generation = meta->generation + 1;
	d.meta.spilled = meta->spilled;
	rc = draft_file(s, NULL, &d, e);
	if (!rc)
		rc = draft_gdbm(s, &d, GDBM_NEWDB, e);
	for (size_t i = 0; i < count && !rc; i++)
		rc = apply(s, &d, &records[i], e);
	if (!rc)
		rc = put_meta(s, &d, e);
	if (!rc)
		rc = draft_publish(s, NULL, &d, e);
	return draft_end(s, &d, rc);
}

int generation_first(const struct store *s, struct error *e)
{
	return generation_build(s, &(struct meta){ .generation = -1 }, NULL, 0, e);
}

int generation_recover(const char *path, struct error *e)
{
	GDBM_FILE db = gdbm_open(path, 0, GDBM_WRITER | WRITE_FLAGS, 0600, NULL);
	int rc;

	if (!db)
		return error_set(e, ERR_STORE, "%s: %s", path, gdbm_strerror(gdbm_errno));
	rc = gdbm_recover(db, NULL, GDBM_RCVR_DEFAULT);
	if (rc)
		error_set(e, ERR_STORE, "%s: %s", path, gdbm_strerror(gdbm_errno));
	gdbm_close(db);
	return rc ? -1 : 0;
}
