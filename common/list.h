/*
 * list.h - texts that name several things: "a.example, b.example:8443", with commas, blanks or both
 * between.
 */
#ifndef COMMON_LIST_H
#define COMMON_LIST_H

#include "common/base.h"

/* Is it one of them? Without regard to case. */
bool list_names(const char *list, const char *item);

#endif
