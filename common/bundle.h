/*
 * bundle.h - records of both stores in one file: backups, exports.
 *
 *   {"kiro-fcgi":"state","v":1,"made_at":"2026-11-21T10:00:00Z","records":2,"masked":false}
 *   {"store":"tokens","key":"a/acc_1","record":{ ... }}
 *   {"store":"keys","key":"k/01ab...","record":{ ... }}
 *   {"end":2,"sha256":"..."}                    (of all bytes in front of this line)
 *
 * Encrypted, it is a line that tells with what, and the text above, sealed (seal.h) and bound to
 * that line:
 *
 *   {"kiro-fcgi":"sealed","v":1,"kdf":"scrypt","n":32768,"r":8,"p":1,"salt":"32 hex digits"}
 *   {"kiro-fcgi":"sealed","v":1,"kdf":"state-key","key":"01ab23cd"}
 */
#ifndef COMMON_BUNDLE_H
#define COMMON_BUNDLE_H

#include "common/base.h"
#include "common/buf.h"
#include "common/error.h"
#include "common/seal.h"
#include "common/secret.h"
#include "common/store.h"

struct bundle_record {
	char *store, *key, *json; /* owned */
};

struct bundle {
	struct bundle_record *at; /* by store and key once bundle_sort() was called */
	size_t count, room;
	char made_at[32];
	bool masked; /* secrets are only hinted at: for people, not for taking over */
};

void bundle_init(struct bundle *b);
void bundle_release(struct bundle *b); /* wipes */

/* Every record of a store. -1: not all could be read, those that could are in. */
int bundle_collect(struct bundle *b, const struct store *s, struct error *e);
void bundle_sort(struct bundle *b);
/* Secrets in all records become "abcd...(64)". */
void bundle_mask(struct bundle *b);

void bundle_write(const struct bundle *b, struct buf *out);
/* ERR_REQUEST: cut, changed, or no such file. */
int bundle_read(struct bundle *b, struct span text, struct error *e);

/* What a file is encrypted with: one of the two, or none. */
struct bundle_lock {
	struct secret passphrase;
	const struct seal *seal; /* of state_key_file, borrowed */
};

/* text as it goes into a file; out is appended to. */
int bundle_close(struct span text, const struct bundle_lock *lock, struct buf *out,
		 struct error *e);
/* The other way; ERR_REQUEST also says when a passphrase is needed or wrong. */
int bundle_open(struct span file, const struct bundle_lock *lock, struct buf *text,
		struct error *e);

#endif
