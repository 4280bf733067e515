/*
 * bearer.h - JSON Web Tokens as client keys: signed by somebody whom the owner trusts (jwt.*), read
 * by libjwt. Off until jwt.key_file names a key.
 *
 * The algorithm is the configured one and no other, whatever a token's header says: neither "none"
 * nor an HMAC made with an RSA public key come in. iss and aud are compared where they are
 * configured, exp and sub are required, nbf and exp have 60 seconds of grace.
 *
 * Limits, models and accounts are those of the key that jwt.limits_of names, counted for each sub
 * of its own; without one there are none.
 */
#ifndef COMMON_BEARER_H
#define COMMON_BEARER_H

#include "common/config.h"
#include "common/error.h"
#include "common/key.h"
#include "common/store.h"

/* Three parts with dots between, the first a JSON object. */
bool bearer_is_token(const char *text);

/* Why a token is refused, without any of its text. */
struct bearer_refusal {
	const char *why;
	bool genuine; /* signed by our key: its holder may hear why, a forger may not */
};

/* 1: good, *out filled; 0: refused, *refusal says why; -1: ERR_CONFIG or ERR_STORE in *e: the key
 * file, or the key jwt.limits_of cannot be read. keys may be NULL. */
int bearer_read(const struct config *config, const struct store *keys, const char *text,
		int64_t now, struct key *out, struct bearer_refusal *refusal, struct error *e);

#endif
