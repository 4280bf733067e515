/*
 * audit.h - audit.log of the state directory: who changed what, when and from where, one JSON line
 * for each change of accounts, keys and settings, each login and sign-in.
 *
 * Lines are only ever appended, one process at a time (flock), and synced. Each names the SHA-256
 * of the line before it, so that a line that was changed, taken out or put in shows (audit_read).
 * What the chain cannot show is that its end was cut off: keep the last hash elsewhere for that
 * (kiroctl audit verify prints it).
 *
 * A line that a crash cut off stays as it is: the next one ends it, says so ("after_torn") and
 * takes its hash like any other.
 *
 * No change goes unseen because its maker was killed before it could be noted: what may change
 * something is announced first (audit_begin: result "begun", synced), and its outcome names the
 * number of that line ("begun": 7). One that has no outcome was cut off, or is still going on;
 * nobody can tell whether it took place, and the log does not pretend to.
 */
#ifndef COMMON_AUDIT_H
#define COMMON_AUDIT_H

#include "common/base.h"
#include "common/error.h"

#include <cjson/cJSON.h>

#define AUDIT_FILE	"audit.log"
#define AUDIT_HASH_SIZE 65
#define AUDIT_LINE	4096 /* bytes, most of one line */
#define AUDIT_TEXT	512  /* bytes shown of one member */
#define AUDIT_BEGUN	"begun"

/* Texts may be NULL: unknown. None is a secret. */
struct audit_entry {
	const char *who;    /* "uid 1000 (name)", "key NAME" */
	const char *from;   /* an address, a terminal */
	const char *action; /* "account.add" */
	const char *target; /* what was changed */
	const char *detail;
	const char *result; /* "ok", or what went wrong */
	int64_t begun;	    /* number of the line that announced it; 0: none did */
};

int audit_write(const char *dir, const struct audit_entry *entry, struct error *e);
/* Announces it, whatever entry->result says; *number is for the outcome's `begun`. */
int audit_begin(const char *dir, const struct audit_entry *entry, int64_t *number, struct error *e);

struct audit_sum {
	size_t lines, torn; /* torn: cut off by a crash, and known to be */
	size_t open;	    /* begun, without an outcome */
	size_t bad_line;    /* first that does not fit, from 1; 0: all do */
	char why[160];	    /* bad_line does not fit */
	char last[AUDIT_HASH_SIZE];
};

/* each: every whole line in turn (torn ones are left out); may be NULL; non-zero ends it. 0 with
 * *sum, also where there is no file; -1: ERR_STORE. */
int audit_read(const char *dir, int (*each)(void *context, const cJSON *line), void *context,
	       struct audit_sum *sum, struct error *e);

/* The numbers of the lines that announced what has no outcome; the caller frees them. */
int audit_unfinished(const char *dir, int64_t **numbers, size_t *count, struct error *e);

#endif
