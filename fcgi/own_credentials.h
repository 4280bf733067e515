/*
 * own_credentials.h - a request that brings the Kiro credentials it is to be served with, instead
 * of an account of the pool:
 *
 *	X-Kiro-Credentials: {"accessToken":"...", ...}
 *	x-api-key: creds-<base64 of the same JSON>      (or Authorization: Bearer creds-...)
 *
 * Off unless the option own_credentials is set. They give no right to come in: a client key is
 * needed beside them. They live in memory for this request; they are never stored, logged or put
 * into an error text, no other account is tried for them, and what happens to them says nothing of
 * any account. Nothing is renewed for them: refresh tokens are good once, and the new one would be
 * lost with the request.
 */
#ifndef FCGI_OWN_CREDENTIALS_H
#define FCGI_OWN_CREDENTIALS_H

#include "fcgi/request.h"

#define OWN_CREDENTIALS_PREFIX "creds-"

/* Sets r->own when the request brings some. 0, also when it brings none; -1: ERR_FORBIDDEN (off, or
 * in clear over a network), ERR_AUTH (not to be understood, incomplete, ended). */
int own_credentials_read(struct request *r);

#endif
