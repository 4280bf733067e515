/*
 * utf8.h - UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include "common/base.h"

/* Length in bytes of the character at `at`, 0 when it is damaged or cut. left >= 1. */
size_t utf8_char(const char *at, size_t left);

/* Bytes before the first damage; text.len when there is none. */
size_t utf8_valid_prefix(struct span text);

/* Leading bytes that are printable ASCII but no quote and no backslash: what JSON takes as it is.
 */
size_t utf8_plain_prefix(struct span text);

size_t utf8_count(struct span text); /* characters; damage counts a byte as one */

/* Bytes of the longest prefix with at most max_chars characters: never cuts inside one. */
size_t utf8_prefix(struct span text, size_t max_chars);

#endif
