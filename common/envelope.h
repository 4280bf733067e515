/*
 * envelope.h - how a record lies in the store: one line of JSON, spaces up to a multiple of 512
 * bytes, and a checksum over all of it.
 *
 *   {"v":1, ... }<spaces>\n#crc32=0123abcd\n
 *
 * The padding makes GDBM reuse blocks: without it a store that is rewritten daily grows without
 * end. The CRC-32 (zlib's) finds what GDBM does not: torn, zeroed and truncated records.
 */
#ifndef COMMON_ENVELOPE_H
#define COMMON_ENVELOPE_H

#include "common/base.h"
#include "common/buf.h"

#define ENVELOPE_TRAILER 17 /* "\n#crc32=" + 8 hex digits + "\n" */
#define ENVELOPE_UNIT	 512

/* Appends the envelope of json to value. -1: json is empty or value would pass its maximum. */
int envelope_write(struct span json, struct buf *value);

/* *json points into value. -1: damaged. */
int envelope_read(struct span value, struct span *json);

#endif
