/*
 * record.h - how a record lies on the disk: JSON in an envelope (envelope.h), and where the store
 * has a key, sealed (seal.h) and bound to its store and key, so that records cannot be swapped.
 */
#ifndef COMMON_RECORD_H
#define COMMON_RECORD_H

#include "common/base.h"
#include "common/buf.h"
#include "common/error.h"
#include "common/json.h"
#include "common/store.h"

/* Both append. plain: unencrypted, whatever the store has. */
int record_encode(const struct store *s, const char *key, struct span json, bool plain,
		  struct buf *out, struct error *e);
/* -1: damaged, or encrypted with a key that we do not have. */
int record_decode(const struct store *s, const char *key, struct span value, struct buf *json,
		  struct error *e);

/* The same without the envelope, for the spill file. */
int record_seal(const struct store *s, const char *key, struct span json, struct buf *out);
int record_unseal(const struct store *s, const char *key, struct span value, struct buf *json,
		  struct error *e);

/* Each record begins with its "v" (absent: 1), which is raised when an older program would lose or
 * overlook what is new in it. Such a program leaves the record as it is and says so: -1. */
int record_check_version(const cJSON *record, int newest, struct error *e);

int record_damaged(const struct store *s, const char *key, struct error *e);

#endif
