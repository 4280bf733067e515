/*
 * pattern.h - the "pattern" of a JSON schema, as far as a POSIX extended expression can say it.
 *
 * \d, \w, \s and escaped punctuation are translated. What this cannot say (look-around, groups that
 * begin with ?, other escapes), what is long, repeats itself more than 250 times in all or what may
 * be empty for ever, and texts beyond ASCII or 8 KB are not judged: they match.
 */
#ifndef FCGI_PATTERN_H
#define FCGI_PATTERN_H

#include "common/base.h"

/* *steps: what it cost is added, in steps of a schema's check. */
bool pattern_matches(const char *pattern, const char *text, long *steps);

#endif
