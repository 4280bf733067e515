/*
 * mutate.h - changes a JSON text as a tree: members go, are doubled, swap their places, become
 * values of other types or take names and texts that the readers know.
 */
#ifndef TESTS_FUZZ_MUTATE_H
#define TESTS_FUZZ_MUTATE_H

#include "common/base.h"

/* Changes the text in place; its new length, 0: it is no JSON, or the result does not fit. */
size_t mutate_json(char *text, size_t len, size_t max, unsigned seed);

#endif
