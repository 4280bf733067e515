/*
 * base.h - the first include of every C file: system headers, the few macros everybody uses,
 * allocation that cannot fail, and a ban on functions that hide a length.
 *
 * Out of memory aborts the process: the web server starts a new one. What a peer could inflate is
 * bounded before it is allocated (limits.h), so that this cannot be provoked.
 */
#ifndef COMMON_BASE_H
#define COMMON_BASE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	  (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define MUST_CHECK	  __attribute__((warn_unused_result))
#define KIRO_FCGI_VERSION "0.1.0"

/* Borrowed bytes: not NUL-terminated, owned by whoever said so. */
struct span {
	const char *at;
	size_t len;
};

struct span span_of(const char *text); /* NULL gives an empty span */
bool span_is(struct span s, const char *text);

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *at, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t len);

/* Use snprintf, memcpy with a known length, or a struct buf. */
#pragma GCC poison strcpy strcat sprintf vsprintf gets strtok strncpy strncat

#endif
