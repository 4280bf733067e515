/*
 * import_entry.h - one entry of a credential file, in any shape that older programs write, read
 * into an account.
 *
 * Pure: nothing is stored and nothing is asked of a service. Messages name fields, never a secret.
 */
#ifndef COMMON_IMPORT_ENTRY_H
#define COMMON_IMPORT_ENTRY_H

#include "common/account.h"
#include "common/base.h"
#include "common/buf.h"
#include "common/import_code.h"

#include <cjson/cJSON.h>

#define IMPORT_REASON_SIZE 192

struct import_entry {
	const char *source; /* file or variable, borrowed */
	const char *format; /* how the source was understood, constant */
	size_t index;	    /* in its source, from 1 */
	bool shared;	    /* the source is where a program keeps the login that it uses */
	/* Complete but for id and added_at; label and machine_id are NULL when not given. */
	struct account account;
	struct import_code code;	  /* to whom the account belongs; or it came alone */
	char refused[IMPORT_REASON_SIZE]; /* "": it may be taken */
};

struct import_rules {
	/* For one request and no longer: the token that is sent must be there, what would renew it
	 * need not; client registrations are not looked for. */
	bool to_send;
	/* The Kiro IDE keeps an IdC login's client id and secret in "<clientIdHash>.json" beside
	 * the token. Gives that file's text: 0, or -1 when there is none. NULL: nowhere to look. */
	int (*registration)(void *context, const char *hash, struct buf *text);
	void *context;
};

/* A refresh token, access token or API key is in it, of whatever quality. */
bool import_entry_has_credential(const cJSON *tree);

/* Fills entry->account (initialised), or entry->refused. */
void import_entry_read(const struct import_rules *rules, struct import_entry *entry,
		       const cJSON *tree);

/* Overwrites every text of a tree that held secrets, before it is deleted. */
void import_wipe(cJSON *tree);

/* Name of an authentication method, in any spelling that older programs use. provider: what the
 * name tells of it, or NULL. -1: unknown. */
int import_method(const char *name, enum account_kind *kind, const char **provider);

/* What every account must be before it is stored, wherever it came from. -1 with the field and the
 * reason, without a secret. */
int import_check(const struct account *a, char reason[static IMPORT_REASON_SIZE]);
/* What a person calls an account stands in tables, mails of cron and logs: no control characters.
 */
bool import_label_good(const char *text);

/* The same for an account that is used for one request (import_rules.to_send). */
int import_check_to_send(const struct account *a, char reason[static IMPORT_REASON_SIZE]);

/* 64 lower-case hex characters from a machine id in an older program's form: the same, or a UUID,
 * whose 32 digits are doubled. NULL when it is neither. The caller frees it. */
char *import_machine_id(const char *text);

#endif
