/*
 * signature.h - the signature of a reasoning block that got none from the upstream. Clients demand
 * one and send it back; the upstream must not see it, because it would refuse it as forged.
 */
#ifndef FCGI_SIGNATURE_H
#define FCGI_SIGNATURE_H

#include "common/base.h"

/* Of a block of thinking: there is one, and it is not base64(SHA-256(text)), what out_anthropic.c
 * writes. It may be NULL. */
bool signature_is_upstreams(struct span text, const char *signature);

#endif
