/*
 * roster.h - the accounts of an installation, as commands and the admin API handle them: all at
 * once, and one by the name that a person gives.
 */
#ifndef COMMON_ROSTER_H
#define COMMON_ROSTER_H

#include "common/account.h"
#include "common/base.h"
#include "common/error.h"
#include "common/store.h"

struct roster {
	struct account *accounts; /* by priority, then age */
	size_t count;
};

void roster_init(struct roster *r);
void roster_release(struct roster *r);

/* -1 when a record cannot be read; the others are in the roster all the same. */
int roster_load(struct roster *r, const struct store *tokens, struct error *e);

/* By id, a beginning of the id (with or without "acc_") that only one account has, label or
 * e-mail. NULL: none or several, *e names them. */
struct account *roster_find(const struct roster *r, const char *name, struct error *e);

/* The ids of accounts that are named so, separated by commas; blanks around a name do not count. */
int roster_ids(const struct roster *r, const char *names, char *out, size_t size, struct error *e);

/* How an account from outside stands to those that are there; *found is the one meant. */
enum roster_match {
	ROSTER_NEW,
	ROSTER_SAME,   /* the same refresh token or API key */
	ROSTER_OLDER,  /* the refresh token that *found had before it was renewed */
	ROSTER_PERSON, /* another credential of the same kind, provider and user id or e-mail */
};
enum roster_match roster_match(const struct roster *r, const struct account *a,
			       struct account **found);
/* The same for two accounts. */
enum roster_match roster_compare(const struct account *known, const struct account *a);

char *roster_machine_id(void); /* a new one; the caller frees it */

/* Gives a new account what it lacks: id, label, machine id, date. */
void roster_enroll(struct account *a, int64_t now);

/* Several as one step: accounts that are new (ERR_REQUEST: they would be more than LIMIT_ACCOUNTS,
 * or one of their credentials is stored by now), and stored ones that merge_account() changes,
 * whose absence is an error. */
struct roster_item {
	struct account *account;
	struct account *known; /* is then what is stored; NULL: account is new */
};
int roster_take(const struct store *tokens, const struct roster_item *items, size_t count,
		struct error *e);

int roster_put(const struct store *tokens, struct account *a, struct error *e); /* a new one */

/* account_change() of a record whose absence is an error; *a is what is stored then. */
int roster_change(const struct store *tokens, struct account *a,
		  bool (*edit)(struct account *stored, void *context), void *context,
		  struct error *e);

/* By hand. Enabled, it is active whatever it was, and a short rest ends too, for all processes. */
int roster_enable(const struct store *tokens, struct account *a, struct error *e);
int roster_disable(const struct store *tokens, struct account *a, struct error *e);

/* It serves this key alone from now on (struct account's owner). */
int roster_give(const struct store *tokens, struct account *a, const char *key_id, struct error *e);

/* With its models and usage, as one change. 0 too where it was absent already. */
int roster_remove(const struct store *tokens, const char *id, struct error *e);

/* Removes usage and models of accounts that are no more: one that was removed while the service was
 * asked about it is answered about afterwards. How many records went; -1. */
int roster_prune(const struct store *tokens, struct error *e);

#endif
