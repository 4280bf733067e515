/*
 * base64.h - base64 texts of clients: strict, with padding, without white space.
 */
#ifndef FCGI_BASE64_H
#define FCGI_BASE64_H

#include "common/arena.h"
#include "common/base.h"

/* The size of what the text stands for, -1: it is no base64. */
int64_t base64_size(struct span base64);

/* What the text stands for, in the arena, with a NUL behind it; false: it is no base64. */
bool base64_decode(struct span base64, struct arena *arena, struct span *out);

/* The byte at `offset` of what the text stands for; 0 behind its end. Any text is fine; characters
 * that are not base64 read as zero bits. */
unsigned char base64_byte(struct span base64, size_t offset);

#endif
