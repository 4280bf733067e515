#include "common/base.h"
#include "common/lock.h"

#include "common/clock.h"
#include "common/ids.h"

#include <sys/file.h>

#define LONGEST_PAUSE_MS 16

void lock_wait_start(struct lock_wait *w, int timeout_ms)
{
	w->deadline = clock_ticks() + timeout_ms;
	w->pause_ms = 1;
}

bool lock_wait_again(struct lock_wait *w)
{
	unsigned char jitter;
	long us;

	if (clock_ticks() >= w->deadline)
		return false;
	ids_random(&jitter, 1);
	us = (long)w->pause_ms * (500 + 1000 * jitter / 255);
	nanosleep(&(struct timespec){ .tv_nsec = us * 1000 }, NULL);
	if (w->pause_ms < LONGEST_PAUSE_MS)
		w->pause_ms *= 2;
	return true;
}

int lock_file(int fd, int timeout_ms)
{
	struct lock_wait wait;

	lock_wait_start(&wait, timeout_ms);
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return -1;
		if (!lock_wait_again(&wait))
			return 0;
	}
	return 1;
}

int lock_try_byte(int fd, off_t at)
{
	struct flock range = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };

	if (fcntl(fd, F_OFD_SETLK, &range) == 0)
		return 1;
	return errno == EAGAIN || errno == EACCES ? 0 : -1;
}
