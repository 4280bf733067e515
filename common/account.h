/*
 * account.h - one upstream account: its credentials, where it lives, its state, and its record
 * "a/<id>" in tokens.gdbm.
 */
#ifndef COMMON_ACCOUNT_H
#define COMMON_ACCOUNT_H

#include "common/base.h"
#include "common/buf.h"
#include "common/error.h"
#include "common/secret.h"

#include <cjson/cJSON.h>

enum account_kind { KIND_SOCIAL, KIND_IDC, KIND_EXTERNAL_IDP, KIND_API_KEY, ACCOUNT_KINDS };
extern const char *const account_kind_names[ACCOUNT_KINDS]; /* social, idc, external_idp, api_key */

/* Lasting states only: a short cool-down lives in live.map, not in the record. */
enum account_state {
	STATE_ACTIVE,
	STATE_EXHAUSTED, /* until state_until: the quota's reset */
	STATE_SUSPENDED, /* until state_until: then one probe (rest.h) */
	STATE_REFUSED,	 /* its token or its right to call; likewise */
	STATE_INVALID,	 /* a person must log in again */
	STATE_DISABLED,	 /* by hand */
	ACCOUNT_STATES
};
extern const char *const account_state_names[ACCOUNT_STATES];

#define ACCOUNT_REGION_SIZE  32
#define ACCOUNT_LONGEST_REST (62 * 86400) /* seconds: no allowance is longer than a month */

struct account {
	char *id;    /* "acc_" and 12 characters; key of the record */
	int64_t rev; /* of the record that was read; account_write() writes one more */
	char *label; /* for people: e-mail or what --label said */
	enum account_kind kind;
	char *provider; /* Google, Github, BuilderId, Enterprise, ... or NULL */
	char *region;	/* of the inference hosts; NULL: profile_arn's, else the configured one */
	char *auth_region; /* of oidc.<region>; NULL: us-east-1 */
	char *start_url, *client_id, *token_endpoint, *issuer_url, *scopes, *email, *user_id;
	char *profile_arn;			  /* set by account_set_profile() */
	char profile_region[ACCOUNT_REGION_SIZE]; /* the region in it, or "" */
	char *machine_id;			  /* 64 hex characters, made once */
	char *proxy_url;			  /* NULL: the configured one; "direct": none */
	char *upstream;				  /* "krs", "rts"; NULL: the configured profile */
	int priority;				  /* lower is used first */
	int64_t max_inflight;			  /* requests at once; 0: the configured limit */
	char *owner; /* id of the client key that it serves alone; NULL: all */

	struct secret access_token, refresh_token, client_secret, api_key;
	struct secret previous_refresh_token;
	int64_t expires_at;	   /* of access_token; 0: unknown (api_key: never) */
	int64_t client_expires_at; /* of client_secret: no renewal after it; 0: unknown */
	int64_t refreshed_at;	   /* 0: never by us */
	int64_t added_at;
	int64_t added_place; /* among those that came with it, from 1; 0: it came alone */

	enum account_state state;
	char *state_reason; /* NULL for active */
	int64_t state_since, state_until;
	int64_t state_tries; /* how often it came to that state in a row; 0: active, or set by hand
			      */
};

void account_init(struct account *a);
void account_release(struct account *a);
void account_copy(struct account *to, const struct account *from);

void account_set_profile(struct account *a, const char *profile_arn); /* NULL or "": none */

/* Fills an initialised account. Unknown members are kept out; a member of the wrong type, an
 * unknown kind or state, or a missing credential is an error (ERR_STORE) that names it. */
int account_read(struct account *a, const cJSON *record, struct error *e);
void account_write(const struct account *a, struct buf *record);

/* The token to send: api_key or access_token; "" when there is none. */
const char *account_bearer(const struct account *a);
/* Overwrites its credentials in a message of another party. */
void account_scrub(const struct account *a, char *text);
/* The access token ends within `ahead` seconds (never for an API key). */
bool account_expires_within(const struct account *a, int64_t now, int64_t ahead);
/* May be tried now: active, or at rest with state_until behind us, or so far ahead that it was set
 * by a clock which has been set back since. */
bool account_usable(const struct account *a, int64_t now);
void account_set_state(struct account *a, enum account_state state, const char *reason, int64_t now,
		       int64_t until);
/* Which came first: < 0, 0, > 0. */
int account_compare_age(const struct account *a, const struct account *b);
/* Region for inference and management hosts; never NULL. */
const char *account_region(const struct account *a, const char *configured);

#endif
