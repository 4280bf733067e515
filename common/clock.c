#include "common/base.h"
#include "common/clock.h"

#include <ctype.h>

#define FIRST_MS_VALUE INT64_C(100000000000) /* as seconds: the year 5138 */

static _Atomic int64_t frozen;

int64_t clock_wall_ms(void)
{
	struct timespec t;

	if (frozen)
		return frozen * 1000;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_wall(void)
{
	return clock_wall_ms() / 1000;
}

int64_t clock_ticks(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void clock_set_wall(int64_t seconds)
{
	frozen = seconds;
}

const char *clock_format(int64_t seconds, char out[static CLOCK_TEXT_SIZE])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(out, CLOCK_TEXT_SIZE, "%" PRId64, seconds);
	return out;
}

static int parse_number(const char *text, int64_t *seconds)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0 && value < 1e16))
		return -1;
	*seconds = (int64_t)value;
	if (*seconds >= FIRST_MS_VALUE)
		*seconds /= 1000;
	return 0;
}

/* "Z", "+08:00", "-0330" or nothing (read as UTC). */
static int parse_offset(const char *text, int64_t *seconds)
{
	int hours, minutes, used = 0;

	*seconds = 0;
	if (!*text || ((*text == 'Z' || *text == 'z') && !text[1]))
		return 0;
	if (*text != '+' && *text != '-')
		return -1;
	if (sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 &&
	    sscanf(text + 1, "%2d%2d%n", &hours, &minutes, &used) != 2)
		return -1;
	if (text[1 + used] || hours > 23 || minutes > 59 || hours < 0 || minutes < 0)
		return -1;
	*seconds = (hours * 60 + minutes) * 60;
	if (*text == '-')
		*seconds = -*seconds;
	return 0;
}

int clock_parse(const char *text, int64_t *seconds)
{
	struct tm tm = { 0 };
	int64_t offset;
	const char *rest;

	if (!strchr(text, '-'))
		return parse_number(text, seconds);
	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest)
		rest = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);
	if (!rest)
		return -1;
	if (*rest == '.') {
		rest++;
		while (isdigit((unsigned char)*rest))
			rest++;
	}
	if (parse_offset(rest, &offset))
		return -1;
	*seconds = (int64_t)timegm(&tm) - offset;
	return *seconds < 0 ? -1 : 0;
}

int clock_parse_day_end(const char *text, int64_t *seconds)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%d", &tm);

	if (!rest || (*rest && *rest != 'T'))
		return -1;
	*seconds = (int64_t)timegm(&tm) + 86400;
	return *seconds <= 0 ? -1 : 0;
}
