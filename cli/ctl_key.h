/*
 * ctl_key.h - a key's settings on the command line, and a key for people and as JSON.
 */
#ifndef CLI_CTL_KEY_H
#define CLI_CTL_KEY_H

#include "cli/ctl.h"
#include "common/jsonw.h"
#include "common/keys.h"
#include "common/quota.h"

/* Options of key add and key set, the second part also of code add and code set. */
#define CTL_KEY_ROLE                                                                               \
	{                                                                                          \
		"role", "ROLE", "user (the default), viewer, operator or admin"                    \
	}
#define CTL_KEY_RIGHTS                                                                             \
	{ "expires", "WHEN", "90d, 12h, a date as 2026-12-31, or never" },                         \
		{ "models", "LIST",                                                                \
		  "patterns (claude-haiku-*) of the models it may use; empty: all" },              \
		{ "pool", "POOL",                                                                  \
		  "accounts that serve it: shared, own (account set --owner) or none" },           \
		{ "accounts", "LIST", "ids or labels: only these of them; empty: all" },           \
		{ "requests", "LIST", "100/minute,5000/day; none: no limit" },                     \
		{ "tokens", "LIST", "likewise, 200000/day" },                                      \
		{ "credits", "LIST", "likewise, 50/month" },                                       \
	{                                                                                          \
		"max-streams", "N", "requests at once; 0: no limit"                                \
	}

/* The options that are given, into *key. -1: *e names the one that is wrong. */
int ctl_key_read_settings(struct ctl *c, struct key *key, struct error *e);
int ctl_key_read_rights(struct ctl *c, struct key *key, struct error *e); /* all but the role */
/* Of a new one, for which an end that is over is a slip of the pen. */
int ctl_key_check_end(struct ctl *c, const struct key *key, struct error *e);

/* What is done with a secret, in text; empty: make one. */
typedef int ctl_key_taker(struct ctl *c, char text[static KEY_TEXT_SIZE], struct error *e);
/* With the secret that --from-file or --from-env give, or a new one, which is printed. */
int ctl_key_with_secret(struct ctl *c, const char *done, ctl_key_taker *take, struct error *e);
int ctl_key_missing(const struct ctl *c, struct error *e); /* no key has the operand's name */

/* "90d", "12h", "30m", "2w" from now. -1: it is none. */
int ctl_key_duration(const char *text, int64_t *seconds);

void ctl_key_write(struct jsonw *w, const struct key *key, const struct quota_view *used);
void ctl_key_print(const struct key *key, const struct quota_view *used);
/* "active", "expired", "revoked", "replaced" */
const char *ctl_key_state(const struct key *key);
/* "first to come", "c0a08047...", "any": where an activation code may be used. */
const char *ctl_code_machine(const struct code *code);

#endif
