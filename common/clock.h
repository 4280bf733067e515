/*
 * clock.h - wall time (dates, expiry) and monotonic time (deadlines), and their text form.
 * Tests may set the wall clock; nothing else may.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include "common/base.h"

#define CLOCK_TEXT_SIZE 32

int64_t clock_wall_ms(void);
int64_t clock_wall(void);  /* seconds since 1970 */
int64_t clock_ticks(void); /* milliseconds, only differences mean something */

void clock_set_wall(int64_t seconds); /* tests: freezes wall time; 0 lets it run again */

/* RFC 3339 in UTC with seconds, "2026-11-21T10:00:00Z". Returns out. */
const char *clock_format(int64_t seconds, char out[static CLOCK_TEXT_SIZE]);

/* RFC 3339 with Z or an offset and optional fraction; or epoch seconds or milliseconds as a
 * number. -1: neither, or before 1970: records hold no such time. */
int clock_parse(const char *text, int64_t *seconds);

/* "2026-12-31", whatever time of that day may follow: its end in UTC. -1: neither, or before 1970.
 */
int clock_parse_day_end(const char *text, int64_t *seconds);

#endif
