/*
 * account.h - the accounts the stand-in knows and every token it issued for them.
 *
 * Tokens live as long as the account: a rotated refresh token is kept as spent, so that its
 * second use can be told from a stranger's. All calls lock; callers get copies, never pointers
 * into the list, so that the control API may drop accounts at any time.
 */
#ifndef STANDIN_ACCOUNT_H
#define STANDIN_ACCOUNT_H

#include "json.h"

enum account_kind {
	KIND_SOCIAL,
	KIND_BUILDER_ID,
	KIND_IDC,
	KIND_EXTERNAL_IDP,
	KIND_API_KEY,
	KIND_COUNT
};

#define KINDS_SOCIAL (1u << KIND_SOCIAL)
#define KINDS_OIDC   (1u << KIND_BUILDER_ID | 1u << KIND_IDC)

struct account;
struct token;

#define TOKEN_BUCKETS 1024

struct accounts {
	pthread_mutex_t lock;
	struct account *list;
	struct token *buckets[TOKEN_BUCKETS];
	unsigned refreshes, refreshed, stale, unknown; /* refresh calls and how they ended */
};

/* Whose bearer it is: a copy. */
struct identity {
	char name[LIMIT_NAME + 1];
	enum account_kind kind;
	char user[LIMIT_NAME + 1];   /* its user id, "" if the account has none of its own */
	char arn[256];		     /* "" if the account has none */
	char script[LIMIT_NAME + 1]; /* the script this account's chats play, "" if none */
	char *usage;		     /* JSON to answer GetUsageLimits with, or NULL; free() it */
};

enum bearer_state { BEARER_OK, BEARER_UNKNOWN, BEARER_EXPIRED };

struct grant {
	enum { GRANT_OK, GRANT_SPENT, GRANT_UNKNOWN, GRANT_WRONG_CLIENT } result;
	char name[LIMIT_NAME + 1];
	char access[128], refresh[2048], arn[256];
	int64_t expires_in_s;
};

void accounts_init(struct accounts *a);
void accounts_reset(struct accounts *a); /* forgets all accounts, tokens and counts */
void accounts_release(struct accounts *a);

/*
 * Adds the account or changes the one of that name; the members are those of README.md.
 * The account as it is then goes to *out (to be deleted), or *why says what is wrong (static).
 */
int accounts_put(struct accounts *a, const cJSON *spec, cJSON **out, const char **why);
cJSON *accounts_list(struct accounts *a);

enum bearer_state accounts_identify(struct accounts *a, const char *bearer, struct identity *out);
void identity_release(struct identity *id);

/*
 * One refresh, from the first byte of the call to the last of its answer: what begin() counts
 * as in flight, end() takes off again. The token is spent at begin(), if rotate is set.
 * client_id and client_secret are compared unless NULL. count_only: an error is scripted, so
 * the call counts and nothing else happens.
 */
void accounts_refresh_begin(struct accounts *a, const char *refresh, unsigned kinds,
			    const char *client_id, const char *client_secret, bool rotate,
			    bool count_only, struct grant *out);
/* The name of the account that the refresh token is or was of, "" if there is none. */
void accounts_owner(struct accounts *a, const char *refresh, char name[LIMIT_NAME + 1]);

void accounts_refresh_end(struct accounts *a, const char *refresh);

cJSON *accounts_stats(struct accounts *a);
void accounts_clear_stats(struct accounts *a);

#endif
