/*
 * code.h - activation codes: client keys of the form act-XXXX-XXXX-..., one for each user. A code
 * is a key (key.h) with a few members more, and all that is said of keys holds for it.
 *
 * Capitals are not told apart. Its days are counted from its first use, which is when expires_at is
 * set. It may be bound to one machine, whose id the client sends as X-Machine-Id: a given one, or
 * the first that is seen. The id tells which of the user's computers asks; who sends it can send
 * another, so that it keeps honest users to one machine and proves nothing.
 */
#ifndef COMMON_CODE_H
#define COMMON_CODE_H

#include "common/base.h"
#include "common/error.h"
#include "common/secret.h"

#define CODE_PREFIX	  "act-"
#define CODE_DAYS_MAX	  36500
#define CODE_MACHINE_SIZE 257 /* of an id that a client sends */

struct code {
	bool is;	  /* false: the key is no code, and the rest says nothing */
	bool one_machine; /* it is bound to one, or will be to the first that is seen */
	char machine[12]; /* first characters of its id, for people; "": none yet */
	char machine_hash[SECRET_HASH_SIZE]; /* "": none yet */
	int64_t days;			     /* from the first use; 0: expires_at alone says it */
	int64_t first_used_at;		     /* 0: not yet, or not noted: nothing hangs on it */
};

struct key;

/* It begins as one. */
bool code_is_text(const char *text);
/* The one spelling that is hashed: "act-" and capitals. out holds strlen(text) + 1. */
void code_spell(const char *text, char *out);
/* A new one, of 140 random bits: 7 groups of 4. */
#define CODE_TEXT_SIZE 40
void code_make(char out[static CODE_TEXT_SIZE]);

/* What a client may send as its machine's id: 1 to 256 visible ASCII characters. */
bool code_machine_good(const char *id);
void code_bind(struct code *code, const char *id); /* NULL: to the first that is seen */

/* May a client on that machine (NULL: it sent none) use it? ERR_FORBIDDEN says what to do. */
int code_check_machine(const struct code *code, const char *id, struct error *e);

/* Counted from the first use, also when that is over; 0: none. What expires_at said is forgotten.
 */
void code_set_days(struct key *key, int64_t days);

/* Something is to be noted at its first use: call code_use() on the stored key. */
bool code_waits(const struct key *key);
/* Binds it to the machine and lets its days begin, where that waits. */
void code_use(struct key *key, const char *id, int64_t now);

#endif
