/*
 * seal.h - encryption of what lies on the disk: AES-256-GCM of libcrypto.
 *
 *   "E1", key id (4 bytes), nonce (12 random bytes), ciphertext, tag (16 bytes)
 *
 * A value is bound to its place: who opens it names the same place as who sealed it, so that a
 * value that was moved to another place does not open.
 *
 * A key file has a key a line, 64 hex digits: `openssl rand -hex 32`. The first one seals, all
 * open: a new key goes in front, `kiroctl rekey` seals everything with it, then the old one may go.
 * Blank lines and lines that begin with # are skipped. A key's id comes from the key itself.
 */
#ifndef COMMON_SEAL_H
#define COMMON_SEAL_H

#include "common/base.h"
#include "common/buf.h"
#include "common/error.h"

#define SEAL_KEY      32
#define SEAL_OVERHEAD 34
#define SEAL_ID_SIZE  9 /* 8 hex digits and a NUL */

struct seal; /* one key or several; never changes */

/* ERR_CONFIG: not readable, open to other users, no key in it. */
int seal_load(struct seal **out, const char *path, struct error *e);
struct seal *seal_of_key(const unsigned char key[static SEAL_KEY]);
void seal_free(struct seal *s); /* NULL is fine */

/* The key that seals. */
const char *seal_id(const struct seal *s);
bool seal_has(const struct seal *s, const char *id);

bool seal_is(struct span value); /* a sealed one, by its first bytes */
/* The id of the key that sealed it. Returns out. */
const char *seal_id_of(struct span value, char out[static SEAL_ID_SIZE]);

/* Appends. -1: out would pass its maximum. */
int seal_write(const struct seal *s, struct span place, struct span plain, struct buf *out);
/* Appends. -1: no such key, or not what was sealed for this place. */
int seal_read(const struct seal *s, struct span place, struct span value, struct buf *plain);

#endif
