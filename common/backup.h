/*
 * backup.h - the dumps in STATE_DIR/backup: state-20261121T100000Z.jsonl, bundles (bundle.h) of
 * both stores, 0600, encrypted where the stores are. Made from the immutable files, without their
 * locks. Kept are the newest 24, and of older ones the newest of each of 14 days.
 */
#ifndef COMMON_BACKUP_H
#define COMMON_BACKUP_H

#include "common/base.h"
#include "common/bundle.h"
#include "common/error.h"
#include "common/store.h"

#define BACKUP_PATH 1024

/* Seconds since the last one was made, -1: there is none. */
int64_t backup_age(const char *state_dir);

/* Path of the newest one. 1; 0: there is none. */
int backup_newest(const char *state_dir, char path[static BACKUP_PATH]);

/* A directory below the state directory, for those who may use that one. */
int backup_make_dir(const char *state_dir, const char *dir, struct error *e);

/* Makes one and removes those that are not kept. path: where it is. Damaged records are left out
 * and make it -1 after all. */
int backup_make(const struct store *tokens, const struct store *keys, char path[static BACKUP_PATH],
		struct error *e);

/* A bundle as a file, 0600, durable, at once or not at all. */
int backup_write(const char *path, const struct bundle *b, const struct bundle_lock *lock,
		 struct error *e);
int backup_read(struct bundle *b, const char *path, const struct bundle_lock *lock,
		struct error *e);

#endif
