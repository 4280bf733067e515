/*
 * lock.h - advisory locks between processes, and how to wait for them.
 *
 * Both kinds belong to the open file description: open the lock file anew for each use (O_CLOEXEC),
 * then they exclude threads of one process as well, and closing the descriptor releases them.
 * The kernel gives no fair queue and no timeout, so that waiting is trying again.
 */
#ifndef COMMON_LOCK_H
#define COMMON_LOCK_H

#include "common/base.h"

struct lock_wait {
	int64_t deadline; /* clock_ticks() */
	unsigned pause_ms;
};

void lock_wait_start(struct lock_wait *w, int timeout_ms);
/* Sleeps 1, 2, 4 .. 16 ms with jitter. False, without sleeping, once the time is over. */
bool lock_wait_again(struct lock_wait *w);

/* Whole file, exclusive: 1 taken, 0 not within timeout_ms, -1 with errno. */
int lock_file(int fd, int timeout_ms);

/* One byte at `at`, exclusive, fd writable: 1 taken, 0 held by another, -1 with errno. */
int lock_try_byte(int fd, off_t at);

#endif
