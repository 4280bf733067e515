/*
 * jwt.h - JSON Web Tokens for tests, made without the library that reads them.
 */
#ifndef TESTS_UNIT_JWT_H
#define TESTS_UNIT_JWT_H

#include "common/base.h"
#include "common/buf.h"

#define JWT_HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

/* RFC 7515, section 2: base64url without "=". */
void jwt_add_part(struct buf *out, const void *bytes, size_t len);

void jwt_begin(struct buf *token, const char *header,
	       const char *claims);		      /* all but the signature */
void jwt_sign(struct buf *token, const char *secret); /* HS256 */

#endif
