/*
 * hex.h - bytes as lower case hexadecimal digits, and what a digit is worth. printf() took a tenth
 * of a small request's instructions for them.
 */
#ifndef COMMON_HEX_H
#define COMMON_HEX_H

#include "common/base.h"

/* out holds 2 * len + 1. */
void hex_write(const void *bytes, size_t len, char *out);

int hex_digit(char c); /* of either case; -1: it is none */

#endif
