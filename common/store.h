/*
 * store.h - records in a GDBM file that is replaced and never changed in place. Any number
 * of processes and threads may read and write. (generation.c alone includes gdbm.h.)
 *
 *   read   open read-only, fetch, close: no lock, always one whole generation
 *   write  flock(NAME.lock) -> copy -> change the copy -> fsync -> rename -> fsync(directory)
 *
 * A record is JSON in an envelope: format, padding and a CRC-32 that is checked at each read.
 * Keys: "a/<account>", "c/<account>" (its models), "u/<account>" (its usage), "k/<sha256 of a
 * client key>", "m/<model alias>", "l/<login under way>", "p/admin" (password.h), "!meta". Nothing
 * here creates a store but store_create(); a missing, empty, damaged or foreign file is refused
 * with the path in the message and left as it is.
 *
 * NAME.spill (spill.h) takes what must not be lost before the store's own lock is waited for:
 * store_patch(), store_spill(). The next store_open(), store_room() or write folds it in; until
 * then readers see the older record.
 */
#ifndef COMMON_STORE_H
#define COMMON_STORE_H

#include "common/base.h"
#include "common/buf.h"
#include "common/error.h"

#define STORE_KEY_SIZE 160

struct seal;
struct store_reader;

struct store_stamp { /* which generation of the file was read */
	uint64_t inode, device;
	int64_t mtime_ns; /* set by us, later than that of every earlier generation */
};

#define STORE_STALE "something was changed since this was read: look again, then repeat it"

/* What the next step has to find; those after it are its author's own. */
struct store_expected {
	struct store_stamp stamp;
	bool found;
};

struct store {
	char *name; /* "tokens", "keys" */
	char *dir, *path, *lock_path;
	char *new_path, *spill_path;
	struct store_reader *reader; /* kept open between store_get() calls */
	struct seal *seal;	     /* keys that records are encrypted with; NULL: they are not */
	struct store_expected *expected; /* borrowed; NULL: whatever is there */
};

struct record {
	const char *key;
	struct span json; /* empty: remove */
};

enum store_flags { STORE_ANY_FS = 1 }; /* accept NFS, SMB, FUSE */

/* name: "tokens" or "keys". Makes the directory (0700) and an empty store where they are missing.
 * An existing one is left alone: 0. */
int store_create(const char *dir, const char *name, unsigned flags, struct error *e);

/* Checks directory, modes, file system, header and !meta. ERR_STORE with what to do. */
int store_open(struct store *s, const char *dir, const char *name, unsigned flags, struct error *e);
/* The same with records encrypted (seal.h) by the keys of a file; NULL or "": not. What lies there
 * unencrypted is read as well, and encrypted when it is written next, or by store_rekey(). */
int store_open_sealed(struct store *s, const char *dir, const char *name, unsigned flags,
		      const char *key_file, struct error *e);
void store_close(struct store *s);

/* 1: json holds the record; 0: no such key; -1. */
int store_get(const struct store *s, const char *key, struct buf *json, struct error *e);

/* Calls each() for the keys with that prefix, in no order; non-zero from it ends with that value.
 * Borrowed arguments. A damaged record is logged and skipped, and the return value is then -1 at
 * the end, after all others were given. stamp may be NULL. */
int store_each(const struct store *s, const char *prefix,
	       int (*each)(void *context, const char *key, struct span json), void *context,
	       struct store_stamp *stamp, struct error *e);

/* Several changes as one, under the lock: work() reads and writes by step_get() and step_put(),
 * while the functions above show the store as it was before. 0 from it: all that was put becomes
 * durable and visible at once. Else the store stays as it is, with that value. -1 and ERR_STALE
 * before work() where the store is not the expected one. */
struct step;
int store_step(const struct store *s,
	       int (*work)(void *context, struct step *step, struct error *e), void *context,
	       struct error *e);

/* As store_get(), with what was put before in this step. */
int step_get(const struct step *step, const char *key, struct buf *json, struct error *e);
int step_put(struct step *step, const char *key, struct span json,
	     struct error *e); /* empty: remove */

/* One change. The callback sees the current record (json empty: absent) and leaves the new one in
 * it: empty removes. Returns non-zero to leave the record as it is, with that value. */
int step_update(struct step *step, const char *key,
		int (*change)(void *context, struct buf *json, struct error *e), void *context,
		struct error *e);

/* A step of one such change. 0: durable on disk and visible to all. */
int store_update(const struct store *s, const char *key,
		 int (*change)(void *context, struct buf *json, struct error *e), void *context,
		 struct error *e);

/* store_update() without looking at the old record. */
int store_put(const struct store *s, const char *key, struct span json, struct error *e);
int store_remove(const struct store *s, const char *key, struct error *e); /* 1: was absent */

/* Records that lie ready, in one step. wanted() sees the current record (empty: absent) that the
 * record of that index would replace, and says whether it is to. */
int store_merge(const struct store *s, const struct record *records, size_t count,
		bool (*wanted)(void *context, size_t index, struct span now), void *context,
		struct error *e);

/* 1 and a new *stamp when the file is another one than *stamp; 0 when not; -1. About 1 us. */
int store_changed(const struct store *s, struct store_stamp *stamp, struct error *e);
bool store_stamp_is(const struct store_stamp *a, const struct store_stamp *b); /* the same */

/* Writes every record anew: with the first key of the key file, or unencrypted. */
int store_rekey(const struct store *s, bool plain, size_t *records, struct error *e);

/* Reads every record: count and damage. */
int store_verify(const struct store *s, size_t *records, size_t *damaged, struct error *e);

/* Room for one more rotated token: checked before a refresh request is sent. Folds in the spill
 * file first, so that the record that is read next is the newest one. */
int store_room(const struct store *s, struct error *e);

/* Changes members of a record (patch.h): durable in NAME.spill within a millisecond, then folded
 * into the store together with what else waits there. A record that was removed stays removed.
 * 0: durable and visible; 1: durable, but not visible yet, *e says why; -1: not stored. */
int store_patch(const struct store *s, const char *key, struct span patch, struct error *e);

/* For a record that must not be lost, after a failed write: appends it to NAME.spill, which has its
 * disk blocks already and a lock of its own. 0: durable. */
int store_spill(const struct store *s, const char *key, struct span json, struct error *e);

#endif
