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

/* 1: good, *out filled; 0: not one of ours, *why says so without any of its text; -1: ERR_CONFIG or
 * ERR_STORE in *e: the key file, or the key jwt.limits_of cannot be read. keys may be NULL. */
int bearer_read(const struct config *config, const struct store *keys, const char *text,
		int64_t now, struct key *out, const char **why, struct error *e);

#endif
