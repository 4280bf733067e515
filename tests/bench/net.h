/*
 * net.h - what the load generator and the source of answers share.
 */
#ifndef TESTS_BENCH_NET_H
#define TESTS_BENCH_NET_H

#include "common/base.h"

#include <time.h>

/* An event of an answer holds "@", then the time it left the source in microseconds of the
 * monotonic clock, which all processes of a machine share: so many digits. */
#define MARK	    '@'
#define MARK_DIGITS 15

static inline int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

_Noreturn static inline void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

#endif
