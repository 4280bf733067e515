/*
 * form.h - names and values as URLs and forms have them: a=b&c=d, percent-encoded.
 */
#ifndef COMMON_FORM_H
#define COMMON_FORM_H

#include "common/base.h"
#include "common/buf.h"

/* Adds "name=value", and "&" in front unless `to` is empty or ends with "?". NULL value: nothing.
 */
void form_add(struct buf *to, const char *name, const char *value);

/* The decoded value of the first member of that name in the query of a URL (what is between "?"
 * and "#"); "" when it has none, NULL when there is no such member or it is no text. The caller
 * frees it. */
char *form_value(const char *url, const char *name);

#endif
