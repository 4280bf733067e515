/*
 * text.h - growing bytes, always followed by a NUL that len does not count.
 *
 * No maximum here: what goes in was bounded where it came from (request body, script).
 */
#ifndef STANDIN_TEXT_H
#define STANDIN_TEXT_H

#include "base.h"

struct text {
	char *at; /* NULL while nothing was added */
	size_t len, size;
};

void text_add(struct text *t, const void *bytes, size_t len);
void text_add_str(struct text *t, const char *s);
__attribute__((format(printf, 2, 3), nonnull(2))) void text_addf(struct text *t, const char *format,
								 ...);
void text_release(struct text *t);

#endif
