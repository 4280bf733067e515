/*
 * import.h - credential files of other programs: detected by shape, read into accounts.
 *
 * Text in, accounts and reasons out. Nothing is stored and nothing is asked of a service. An
 * entry that cannot be taken is kept with its reason, and the others go on. Messages name entries
 * by their place, label or e-mail, never by a secret.
 */
#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H

#include "common/account.h"
#include "common/base.h"
#include "common/buf.h"
#include "common/error.h"

#define IMPORT_REASON_SIZE 192

struct import_entry {
	const char *source; /* file or variable, borrowed */
	const char *format; /* how the source was understood, constant */
	size_t index;	    /* in its source, from 1 */
	bool shared;	    /* the source is where a program keeps the login that it uses */
	/* Complete but for id and added_at; label and machine_id are NULL when not given. */
	struct account account;
	char refused[IMPORT_REASON_SIZE]; /* "": it may be taken */
};

struct import {
	struct import_entry *entries;
	size_t count;
	/* The Kiro IDE keeps an IdC login's client id and secret in "<clientIdHash>.json" beside
	 * the token. Gives that file's text: 0, or -1 when there is none. NULL: nowhere to look. */
	int (*registration)(void *context, const char *hash, struct buf *text);
	void *context;
};

/* Adds the entries of one text. -1: it is not JSON, or of no shape that we know. */
int import_read(struct import *i, const char *source, struct span text, struct error *e);

/* The same with a database file of kiro-cli, which is left as it is. */
bool import_is_database(struct span beginning);
int import_database(struct import *i, const char *source, const char *path, struct error *e);

void import_release(struct import *i);

/* "ann@example.com", else the label, else "entry 3". Returns out. */
const char *import_name(const struct import_entry *entry, char *out, size_t size);

/* Name of an authentication method, in any spelling that older programs use. provider: what the
 * name tells of it, or NULL. -1: unknown. */
int import_method(const char *name, enum account_kind *kind, const char **provider);

/* What every account must be before it is stored, wherever it came from. -1 with the field and the
 * reason, without a secret. */
int import_check(const struct account *a, char reason[static IMPORT_REASON_SIZE]);

/* 64 lower-case hex characters from a machine id in an older program's form: the same, or a UUID,
 * whose 32 digits are doubled. NULL when it is neither. The caller frees it. */
char *import_machine_id(const char *text);

#endif
