/*
 * base.h - included first by every file of the stand-in upstream.
 *
 * The stand-in shares nothing with the program under test: a peer that used the same code
 * would share its bugs and prove nothing. So it has its own few functions, all of them small.
 */
#ifndef STANDIN_BASE_H
#define STANDIN_BASE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Limits of the stand-in itself; what it refuses on the service's behalf stands in validate.c. */
#define LIMIT_HEAD	      (64u * 1024)	   /* request line and headers */
#define LIMIT_HEADERS	      128		   /* header lines in a request */
#define LIMIT_BODY	      (64u * 1024 * 1024)  /* request body */
#define LIMIT_JSON_DEPTH      900		   /* below cJSON's own limit, above any check's */
#define LIMIT_SCRIPT_BYTES    (64u * 1024 * 1024)  /* frames of one script, before repeats */
#define LIMIT_SCRIPT_NESTING  8			   /* "repeat" in "repeat" */
#define LIMIT_JOURNAL_ENTRIES 5000		   /* requests kept for the control API */
#define LIMIT_JOURNAL_BYTES   (128u * 1024 * 1024) /* and their bodies */
#define LIMIT_NAME	      64		   /* script and account names */

/* All of them end the program when memory is out. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *at, size_t size);
char *xstrdup(const char *s); /* NULL stays NULL */
char *xstrndup(const char *s, size_t len);
__attribute__((format(printf, 1, 2))) char *xformat(const char *format, ...);

int64_t clock_mono_ns(void);
int64_t clock_wall_s(void);

/* Writes 2 * bytes hex digits and a NUL: at least 2 * bytes + 1 long; bytes <= 64. */
void random_hex(char *out, size_t bytes);
void random_uuid(char out[37]);

#endif
