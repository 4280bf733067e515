/*
 * ids.h - random identifiers, from the operating system's generator.
 */
#ifndef COMMON_IDS_H
#define COMMON_IDS_H

#include "common/base.h"

#define UUID_SIZE 37

void ids_random(void *out, size_t len);

/* prefix and `count` random characters of [A-Za-z0-9]; out holds strlen(prefix) + count + 1. */
void ids_make(char *out, size_t size, const char *prefix, size_t count);

void ids_uuid(char out[static UUID_SIZE]); /* version 4 */

/* The same UUID for the same seed (SHA-256, version 8): a stable id that tells nothing of it. */
void ids_uuid_from(const char *seed, char out[static UUID_SIZE]);

#endif
