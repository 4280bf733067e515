/*
 * buf.h - growing bytes with a maximum that is named at birth.
 *
 * Append freely and look at `failed` once at the end: an append beyond the maximum adds nothing
 * and sets `failed`, which stays set until buf_reset(). The bytes are always followed by a NUL
 * that `len` does not count, so that buf->at is a C string (never NULL).
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include "common/base.h"

struct buf {
	char *at;
	size_t len;
	size_t size; /* bytes allocated; 0: `at` is a constant empty string */
	size_t max;  /* most bytes that len may reach */
	bool failed;
};

void buf_init(struct buf *b, size_t max); /* no allocation */
/* For at most size - 1 bytes in memory of the caller's, such as a name on the stack. Not to be
 * released. */
void buf_init_in(struct buf *b, char *room, size_t size);
void buf_release(struct buf *b);
void buf_wipe(struct buf *b);  /* release, after overwriting: it held a secret */
void buf_reset(struct buf *b); /* empty, memory is kept */

/* 0, or -1 when the maximum was reached now or before. */
int buf_add(struct buf *b, const void *bytes, size_t len);
int buf_add_text(struct buf *b, const char *text);
int buf_add_char(struct buf *b, char c);
int buf_add_int(struct buf *b, int64_t value);
int buf_add_format(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);

void buf_cut(struct buf *b, size_t from_start); /* drop the first bytes */
struct span buf_span(const struct buf *b);	/* borrowed until the next append */

/* Reads a whole file; -1 with errno set, EFBIG when it is longer than the buffer's maximum. */
int buf_read_file(struct buf *b, const char *path);
/* The same; *st is of the very file that was read, whatever stands in its place by now. */
int buf_read_file_seen(struct buf *b, const char *path, struct stat *st);
int buf_read_fd(struct buf *b, int fd); /* likewise, from where it stands */

#endif
