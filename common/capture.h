/*
 * capture.h - what one client's requests and their answers say, for a time: kiroctl capture.
 *
 * Off unless capture.json of the state directory names a key and a time that is to come; the end
 * needs nobody. What is captured goes to capture.log beside it, one JSON line a request, bodies
 * without what looks like a secret, until the file has LIMIT_CAPTURE bytes. Both have the modes of
 * the directory (0600). It is personal data: it stays until it is removed (capture stop removes
 * it).
 */
#ifndef COMMON_CAPTURE_H
#define COMMON_CAPTURE_H

#include "common/base.h"
#include "common/buf.h"
#include "common/error.h"

#define CAPTURE_LOG "capture.log"

struct capture {
	char key[64];	      /* name of the client key */
	int64_t since, until; /* seconds since 1970 */
};

int capture_start(const char *dir, const struct capture *c, struct error *e);
int capture_stop(const char *dir, struct error *e); /* 1: there was none */

/* 1: *c is what was ordered, which may be over; 0: nothing is; -1: ERR_STORE. */
int capture_read(const char *dir, struct capture *c, struct error *e);
/* Is this key's request to be captured now? What cannot be read is not. */
bool capture_wants(const char *dir, const char *key, int64_t now);

/* Overwrites with '*' what looks like a secret: words that begin as keys and tokens do, and what
 * stands behind a name like "password" or "access_token". Nothing else changes, no length either.
 */
void capture_scrub(struct buf *text);
void capture_scrub_word(struct buf *text, const char *secret); /* a known one; "" is none */

/* One line, without its end. */
int capture_append(const char *dir, struct span line, struct error *e);

#endif
