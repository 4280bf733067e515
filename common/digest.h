/*
 * digest.h - SHA-256.
 */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include "common/base.h"

#define DIGEST_SIZE 32

void digest_sha256(struct span bytes, unsigned char out[static DIGEST_SIZE]);

#endif
