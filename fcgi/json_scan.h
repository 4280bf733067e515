/*
 * json_scan.h - finds where an object or array ends in text that comes in pieces. It follows
 * strings and brackets only: whether the value is JSON is for json_parse() to say.
 */
#ifndef FCGI_JSON_SCAN_H
#define FCGI_JSON_SCAN_H

#include "common/base.h"

struct json_scan {
	size_t depth; /* open brackets; { .depth = 1 } begins inside a value */
	bool in_string, escaped;
};

/* Bytes up to and with the bracket that closes the value, 0: more is needed. The text goes on where
 * the last piece ended. */
size_t json_scan_end(struct json_scan *s, struct span text);

#endif
