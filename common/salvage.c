#include "common/base.h"
#include "common/salvage.h"

#include "common/backup.h"
#include "common/limits.h"
#include "common/patch.h"
#include "common/record.h"
#include "common/secret.h"
#include "common/spill.h"
#include "common/statedir.h"

#include <sys/wait.h>

#define READ_SECONDS 60 /* GDBM can loop on a damaged file */

/* ---- what was found ---- */

static struct salvaged *find(struct salvage *v, const char *key)
{
	for (size_t i = 0; i < v->count; i++) {
		if (strcmp(v->at[i].key, key) == 0)
			return &v->at[i];
	}
	return NULL;
}

static struct salvaged *add(struct salvage *v, const char *key)
{
	if (v->count == v->room) {
		v->room = v->room ? 2 * v->room : 64;
		v->at = xrealloc(v->at, v->room * sizeof(*v->at));
	}
	v->at[v->count] = (struct salvaged){ .key = xstrdup(key) };
	return &v->at[v->count++];
}

/* json empty: the key is there, its record is not readable. */
static void take(struct salvage *v, const char *key, struct span json, enum salvage_source from)
{
	struct salvaged *r = find(v, key);
	int64_t rev = patch_rev(json);

	if (!r)
		r = add(v, key);
	if (!json.len || (r->json && r->rev >= rev))
		return;
	secret_free(r->json);
	r->json = xstrndup(json.at, json.len);
	r->from = from;
	r->rev = rev;
}

void salvage_release(struct salvage *v)
{
	for (size_t i = 0; i < v->count; i++) {
		secret_free(v->at[i].json);
		free(v->at[i].key);
	}
	free(v->at);
	*v = (struct salvage){ .at = NULL };
}

/* ---- reading a damaged file, in a child that may hang or crash ---- */

/* What the child writes: lengths of key and record, then both. A record of length 0 is damaged;
 * key "" carries struct meta. */
struct piece {
	uint32_t key_len, json_len;
};

struct reading {
	const struct store *store;
	struct generation generation;
	struct buf json;
	FILE *to;
};

static void send_piece(FILE *to, struct span key, struct span json)
{
	struct piece p = { (uint32_t)key.len, (uint32_t)json.len };

	fwrite(&p, sizeof(p), 1, to);
	fwrite(key.at, 1, key.len, to);
	fwrite(json.at, 1, json.len, to);
}

/* "a/...": not the bytes that damage left in the place of a name. */
static bool is_name(const char *key)
{
	return key[0] >= 'a' && key[0] <= 'z' && key[1] == '/';
}

static int read_key(void *context, const char *key)
{
	struct error ignored = { .kind = ERR_NONE };
	struct reading *r = context;

	if (!*key || key[0] == '!')
		return 0;
	if (generation_fetch(r->store, &r->generation, key, &r->json, &ignored) != 1) {
		if (!is_name(key))
			return 0;
		buf_reset(&r->json);
	}
	send_piece(r->to, span_of(key), buf_span(&r->json));
	return 0;
}

static void read_file(const struct store *s, bool recover, FILE *to)
{
	struct reading r = { .store = s, .to = to };
	struct error ignored = { .kind = ERR_NONE };
	struct meta meta;

	alarm(READ_SECONDS);
	if (recover && generation_recover(s->path, &ignored))
		return;
	if (generation_open_damaged(s, &r.generation, &ignored))
		return;
	buf_init(&r.json, LIMIT_RECORD);
	if (!recover && generation_meta(s, &r.generation, &meta, &ignored) == 0)
		send_piece(to, span_of(""), (struct span){ (const char *)&meta, sizeof(meta) });
	generation_walk(s, &r.generation, read_key, &r, &ignored);
}

static bool get_bytes(FILE *from, struct buf *out, size_t len)
{
	char chunk[4096];

	buf_reset(out);
	while (len) {
		size_t want = len < sizeof(chunk) ? len : sizeof(chunk);

		if (fread(chunk, 1, want, from) != want || buf_add(out, chunk, want))
			return false;
		len -= want;
	}
	return true;
}

/* Takes whole pieces until the child ends, however it does. */
static void take_pieces(struct salvage *v, FILE *from, enum salvage_source source)
{
	struct buf key, json;
	struct piece p;

	buf_init(&key, STORE_KEY_SIZE);
	buf_init(&json, LIMIT_RECORD);
	while (v->count < LIMIT_KEYS + LIMIT_ACCOUNTS && fread(&p, sizeof(p), 1, from) == 1 &&
	       get_bytes(from, &key, p.key_len) && get_bytes(from, &json, p.json_len)) {
		if (key.len) {
			take(v, key.at, buf_span(&json), source);
		} else if (json.len == sizeof(v->meta)) {
			memcpy(&v->meta, json.at, sizeof(v->meta));
			v->meta_known = true;
		}
	}
	buf_wipe(&json);
	buf_release(&key);
}

static int read_in_child(struct salvage *v, const struct store *s, bool recover, struct error *e)
{
	int ends[2];
	pid_t pid;
	FILE *f;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set(e, ERR_STORE, "no pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		f = fdopen(ends[1], "w");
		read_file(s, recover, f);
		fflush(f);
		_exit(0);
	}
	close(ends[1]);
	f = fdopen(ends[0], "r");
	if (pid > 0)
		take_pieces(v, f, recover ? FROM_RECOVERY : FROM_FILE);
	fclose(f);
	if (pid < 0)
		return error_set(e, ERR_STORE, "no child process: %s", strerror(errno));
	waitpid(pid, NULL, 0);
	return 0;
}

/* ---- the other sources ---- */

static int copy_to(const char *from, const char *to, const char *dir, struct error *e)
{
	int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out = -1, rc = 0;
	char chunk[65536];
	ssize_t got = 0;

	if (in < 0 && errno == ENOENT)
		return 0;
	if (in >= 0) {
		unlink(to);
		out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	while (out >= 0 && !rc && (got = read(in, chunk, sizeof(chunk))) > 0)
		rc = write(out, chunk, (size_t)got) == got ? 0 : -1;
	if (out < 0 || got < 0 || rc || statedir_adopt(dir, out) != 0 || fsync(out) != 0)
		rc = error_set(e, ERR_STORE, "cannot copy %s to %s: %s", from, to, strerror(errno));
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return rc;
}

/* GDBM's recovery, on a copy beside the file. */
static int read_recovered(struct salvage *v, const struct store *s, struct error *e)
{
	struct store copy = *s;
	int rc;

	copy.path = s->new_path; /* a leftover of a writer at most, and those are locked out */
	rc = copy_to(s->path, copy.path, s->dir, e);
	if (!rc)
		rc = read_in_child(v, &copy, true, e);
	unlink(copy.path);
	return rc;
}

static void take_spilled(struct salvage *v, const struct store *s)
{
	struct error ignored = { .kind = ERR_NONE };
	struct spill spill;
	struct buf json, changed;

	if (spill_open(&spill, s->spill_path, &ignored))
		return;
	buf_init(&json, LIMIT_RECORD);
	buf_init(&changed, LIMIT_RECORD);
	for (size_t i = 0; i < spill.count; i++) {
		const struct spill_entry *x = &spill.entries[i];
		bool patch = x->key[0] == '+';
		struct salvaged *base = find(v, x->key + patch);

		buf_reset(&json);
		buf_reset(&changed);
		if (x->sequence <= v->meta.spilled ||
		    record_unseal(s, x->key, x->json, &json, &ignored))
			continue;
		v->meta.spilled = x->sequence;
		if (!patch)
			take(v, x->key, buf_span(&json), FROM_SPILL);
		else if (base && base->json &&
			 patch_apply(span_of(base->json), buf_span(&json), &changed, &ignored) == 0)
			take(v, x->key + 1, buf_span(&changed), FROM_SPILL);
		else
			take(v, x->key, buf_span(&json), FROM_SPILL);
	}
	spill_close(&spill);
	buf_wipe(&json);
	buf_wipe(&changed);
}

/* Records of the backup that the file does not have were perhaps removed on purpose: they come back
 * only where the file is known to lack some, or not known to be complete. */
static void take_backup(struct salvage *v, const struct store *s, const struct bundle *backup)
{
	bool lacks = !v->meta_known || v->missing;

	for (size_t i = 0; backup && i < backup->count; i++) {
		const struct bundle_record *r = &backup->at[i];
		struct salvaged *known = find(v, r->key);

		if (strcmp(r->store, s->name) == 0 && (known ? !known->json : lacks))
			take(v, r->key, span_of(r->json), FROM_BACKUP);
	}
}

/* Patches that were kept aside because their record was damaged (store_spill.c). */
static void join_patches(struct salvage *v)
{
	struct error ignored = { .kind = ERR_NONE };
	struct buf json;

	buf_init(&json, LIMIT_RECORD);
	for (size_t i = 0; i < v->count; i++) {
		struct salvaged *base = v->at[i].key[0] == '+' ? find(v, v->at[i].key + 1) : NULL;

		buf_reset(&json);
		if (base && base->json && v->at[i].json &&
		    patch_apply(span_of(base->json), span_of(v->at[i].json), &json, &ignored) ==
			    0) {
			take(v, base->key, buf_span(&json), FROM_SPILL);
			secret_free(v->at[i].json);
			v->at[i].json = xstrdup("");
		}
	}
	buf_wipe(&json);
}

static bool is_healthy(struct salvage *v, const struct store *s)
{
	struct error why = { .kind = ERR_NONE };
	size_t records = 0, bad = 0;

	if (store_verify(s, &records, &bad, &why))
		snprintf(v->why, sizeof(v->why), "%s", why.message);
	else if (bad)
		snprintf(v->why, sizeof(v->why), "%zu of its records are damaged or missing", bad);
	else
		return true;
	return false;
}

int salvage_look(struct salvage *v, const struct store *s, const struct bundle *backup,
		 struct error *e)
{
	*v = (struct salvage){ .at = NULL };
	v->healthy = is_healthy(v, s);
	if (v->healthy)
		return 0;
	if (access(s->path, F_OK) == 0 &&
	    (read_in_child(v, s, false, e) || read_recovered(v, s, e)))
		return -1;
	if (v->meta_known && generation_check_key(s, &v->meta, e))
		return -1;
	if (v->meta_known && (size_t)v->meta.count > v->count)
		v->missing = (size_t)v->meta.count - v->count;
	take_backup(v, s, backup);
	take_spilled(v, s);
	join_patches(v);
	return 0;
}

/* ---- the new file ---- */

static int quarantine_files(const struct store *s, const char *dir, struct error *e)
{
	const char *const files[] = { s->path, s->spill_path };
	char to[BACKUP_PATH];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(to, sizeof(to), "%.700s%s", dir, strrchr(files[i], '/'));
		if (copy_to(files[i], to, s->dir, e))
			return -1;
	}
	return statedir_sync(dir) == 0 ? 0
				       : error_set(e, ERR_STORE, "cannot make %s durable: %s", dir,
						   strerror(errno));
}

int salvage_apply(const struct salvage *v, const struct store *s, const char *quarantine,
		  struct error *e)
{
	struct record *records = xcalloc(v->count + 1, sizeof(*records));
	size_t count = 0;
	int rc = quarantine_files(s, quarantine, e);

	for (size_t i = 0; i < v->count; i++) {
		if (v->at[i].json && *v->at[i].json)
			records[count++] = (struct record){ v->at[i].key, span_of(v->at[i].json) };
	}
	if (!rc)
		rc = generation_build(s, &v->meta, records, count, e);
	if (!rc)
		rc = spill_make(s->dir, s->spill_path, e);
	free(records);
	return rc;
}
