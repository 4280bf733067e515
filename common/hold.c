#include "common/base.h"
#include "common/hold.h"

#include "common/ids.h"
#include "common/lock.h"
#include "common/statedir.h"

#define FILE_NAME "live.lock"
#define TRIES	  64 /* bytes tried where there is no limit */

static off_t first_byte(uint64_t kind)
{
	return (off_t)(kind >> 16 & UINT64_C(0xFFFFFFFFFF)) * HOLD_MOST;
}

static int open_lock(const char *dir, struct error *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, FILE_NAME);
	return statedir_open(dir, path, e);
}

int hold_take(const char *dir, uint64_t kind, int limit, struct error *e)
{
	int room = limit > 0 && limit < HOLD_MOST ? limit : HOLD_MOST;
	int tries = limit > 0 ? room : TRIES, fd = open_lock(dir, e), rc = 0;
	uint16_t first; /* short, so that no sum of places can wrap and leave one out */

	if (fd < 0)
		return HOLD_UNKNOWN;
	ids_random(&first, sizeof(first)); /* few are met that way */
	for (int i = 0; rc == 0 && i < tries; i++)
		rc = lock_try_byte(fd, first_byte(kind) + (first + i) % room);
	if (rc == 1)
		return fd;
	if (rc < 0)
		error_set(e, ERR_STORE, "cannot lock %s: %s", FILE_NAME, strerror(errno));
	close(fd);
	return rc == 0 && limit > 0 ? HOLD_FULL : HOLD_UNKNOWN;
}

/* The lock that begins first in the range; false: there is none. */
static bool first_lock(int fd, off_t from, off_t end, off_t *at)
{
	bool found = false;

	while (from < end) {
		struct flock range = { .l_type = F_WRLCK,
				       .l_whence = SEEK_SET,
				       .l_start = from,
				       .l_len = end - from };

		if (fcntl(fd, F_OFD_GETLK, &range) != 0 || range.l_type == F_UNLCK)
			break;
		found = true;
		*at = end = range.l_start;
	}
	return found;
}

int hold_count(const char *dir, uint64_t kind, struct error *e)
{
	off_t at = first_byte(kind), end = at + HOLD_MOST;
	int fd = open_lock(dir, e), count = 0;

	if (fd < 0)
		return HOLD_UNKNOWN;
	while (first_lock(fd, at, end, &at)) {
		count++;
		at++;
	}
	close(fd);
	return count;
}
