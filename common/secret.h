/*
 * secret.h - text that must not be seen. A type of its own, so that it cannot reach a "%s" by
 * accident: the only ways out are secret_reveal(), for the few places that send or store it, and
 * secret_mask(), for people.
 */
#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

#include "common/base.h"

struct secret {
	char *hidden; /* owned; NULL: none */
};

#define SECRET_MASK_SIZE 32
#define SECRET_HASH_SIZE 65 /* SHA-256 in hex and a NUL */

void secret_set(struct secret *s, const char *text); /* copies; NULL or "" clears */
void secret_release(struct secret *s);		     /* wipes */
void secret_free(char *text);			     /* wipes too; NULL is fine */
bool secret_present(const struct secret *s);
const char *secret_reveal(const struct secret *s); /* "" when absent */

/* "abcd...(64)": at most the first 4 characters, none of a secret shorter than 16. Returns out. */
const char *secret_mask(const struct secret *s, char out[static SECRET_MASK_SIZE]);

/* Time depends on the lengths only, not on where the texts differ. */
bool secret_equal(const char *a, const char *b);

/* SHA-256 in lower-case hex. Good for random keys of 128 bits and more, not for passwords. */
void secret_hash(const char *text, char out[static SECRET_HASH_SIZE]);

/* False for the values that tutorials and older gateways ship ("123456", "changeme", ...) and for
 * everything shorter than 16 characters. *why then says so in words. */
bool secret_is_strong(const char *text, const char **why);

/* Replaces what looks like a credential, by its begin and its characters, with "[hidden]": for
 * texts of others, such as a path into which a client has put its key. */
void secret_hide(char *text);

/* Overwrites every occurrence of the secret in text with '*': for messages of other parties. */
void secret_scrub(char *text, const struct secret *s);

/* For the start of each program: no core file of it, and no other program of the same user may look
 * into its memory. Core files are written for programs that crash, and sent around; children that
 * exec something else are not affected. */
void secret_keep_from_cores(void);

#endif
