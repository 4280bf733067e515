/*
 * key.h - a client key: who holds it, what it may do, how much of it; and its record, without the
 * key itself, of which only the SHA-256 is kept.
 *
 *   {"v":1,"rev":1,"id":"key_0123456789abcdef","name":"laptop","prefix":"kiro-Ab12","hash":"<sha256>",
 *    "added_at":1790000000,"role":"user","expires_at":0,"revoked_at":0,"ends_at":0,
 *    "models":"claude-*","pool":"shared","accounts":"acc_1,acc_2","max_streams":2,
 *    "limits":{"requests":{"minute":100},"credits":{"month":50000000}}}
 *
 * An activation code has further ones (code.h):
 *
 *   "code":true,"days":30,"first_used_at":1790000000,"machine":"c0a08047...","machine_hash":"..."
 *
 * Members that say nothing are left out, so that records of older versions read as keys without
 * limits. After a rotation two records have the same id and name: the new secret's, and the old
 * one's with ends_at. Whatever is counted for a key is counted by its id.
 */
#ifndef COMMON_KEY_H
#define COMMON_KEY_H

#include "common/base.h"
#include "common/buf.h"
#include "common/code.h"
#include "common/error.h"
#include "common/secret.h"

#include <cjson/cJSON.h>

enum key_role { KEY_USER, KEY_VIEWER, KEY_OPERATOR, KEY_ADMIN, KEY_ROLES };
extern const char *const key_role_names[KEY_ROLES]; /* user, viewer, operator, admin */

/* Which accounts serve it: those that are its own (struct account's owner) and those that are
 * nobody's; its own; none but the credentials that a request brings itself. */
enum key_pool { POOL_SHARED, POOL_OWN, POOL_NONE, KEY_POOLS };
extern const char *const key_pool_names[KEY_POOLS]; /* shared, own, none */

enum key_measure { MEASURE_REQUESTS, MEASURE_TOKENS, MEASURE_CREDITS, KEY_MEASURES };
enum key_window { WINDOW_MINUTE, WINDOW_DAY, WINDOW_MONTH, KEY_WINDOWS }; /* of the calendar, UTC */
extern const char *const key_measure_names[KEY_MEASURES]; /* requests, tokens, credits */
extern const char *const key_window_names[KEY_WINDOWS];	  /* minute, day, month */

#define KEY_ID_SIZE    24
#define KEY_NAME_SIZE  64
#define KEY_LIST_SIZE  1024
#define KEY_LIMIT_SIZE 128
#define KEY_CREDIT     1000000		      /* credits are counted in millionths */
#define KEY_LIMIT_MAX  INT64_C(4000000000000) /* of a limit, in what is counted (quota.c) */

struct key {
	char id[KEY_ID_SIZE]; /* "key_" and the first 16 digits of its first secret's hash; "": no
				 record stands behind it */
	char name[KEY_NAME_SIZE];
	char prefix[16]; /* first characters of the key, for people */
	char hash[SECRET_HASH_SIZE];
	int64_t rev, added_at;
	enum key_role role;
	int64_t expires_at; /* 0: never */
	int64_t revoked_at; /* 0: it is not */
	int64_t ends_at;    /* of this secret, which another has replaced; 0: it is the newest */

	char models[KEY_LIST_SIZE]; /* patterns, comma separated; "": all */
	enum key_pool pool;
	char accounts[KEY_LIST_SIZE];		   /* only these, comma separated; "": all */
	int64_t limits[KEY_MEASURES][KEY_WINDOWS]; /* 0: none */
	int64_t max_streams;			   /* requests at once; 0: no limit */

	struct code code;
};

int key_read(struct key *out, const cJSON *record, struct error *e); /* ERR_STORE */
void key_write(const struct key *key, struct buf *record);	     /* one rev more */

const char *key_noun(const struct key *key); /* "API key", "activation code" */

/* Why it may not come in now, in words; NULL: it may. */
const char *key_refusal(const struct key *key, int64_t now, char out[static LIMIT_ERROR_TEXT]);

/* By the model's own id, whatever alias was asked for. Patterns have * and ?, do not tell capitals,
 * and take "." and "-" for the same: claude-sonnet-4-5 is claude-sonnet-4.5. */
bool key_allows_model(const struct key *key, const char *model_id);
/* owner: key id of the account's, NULL or "": nobody's. */
bool key_allows_account(const struct key *key, const char *account_id, const char *owner);

/* "100/minute,5000/day", "" or "none" for no limit at all: all windows of a measure. ERR_REQUEST.
 */
int key_limits_parse(const char *text, enum key_measure measure, int64_t out[static KEY_WINDOWS],
		     struct error *e);
const char *key_limits_format(enum key_measure measure, const int64_t limits[static KEY_WINDOWS],
			      char out[static KEY_LIMIT_SIZE]);

/* A name of one of the tables above; -1: it is none. */
int key_name_index(const char *const *names, size_t count, const char *name);

#endif
