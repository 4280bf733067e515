/*
 * salvage.h - a damaged store: what can still be read, and a new file of it. Nothing does this by
 * itself: readers and writers refuse a damaged store and say so, `kiroctl repair` calls it.
 *
 * For each key the highest "rev" wins of: the damaged file; the same after GDBM's own recovery, on
 * a copy; the spill file; and where records are missing, a backup.
 */
#ifndef COMMON_SALVAGE_H
#define COMMON_SALVAGE_H

#include "common/base.h"
#include "common/bundle.h"
#include "common/error.h"
#include "common/generation.h"
#include "common/store.h"

enum salvage_source { FROM_FILE, FROM_RECOVERY, FROM_SPILL, FROM_BACKUP, SALVAGE_SOURCES };

struct salvaged {
	char *key, *json; /* owned; json NULL: the record is known to be lost */
	enum salvage_source from;
	int64_t rev;
};

struct salvage {
	struct salvaged *at;
	size_t count, room;
	struct meta meta; /* of the damaged file, as far as it could be read */
	bool meta_known;
	size_t missing; /* records that meta counts and of which not even the key is known */
	bool healthy;	/* nothing is wrong with the store */
	char why[LIMIT_ERROR_TEXT]; /* what is */
};

/* Looks and changes nothing (but makes and removes a copy). backup: sorted, or NULL. */
int salvage_look(struct salvage *v, const struct store *s, const struct bundle *backup,
		 struct error *e);
void salvage_release(struct salvage *v);

/* Copies the damaged file and the spill file to quarantine/<time>/, then puts the new file in
 * place. path: that directory. The caller holds the store's lock from before salvage_look(). */
int salvage_apply(const struct salvage *v, const struct store *s, const char *quarantine,
		  struct error *e);

#endif
