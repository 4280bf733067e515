/*
 * json.h - strict reading over cJSON, which alone is too kind for a strict peer.
 *
 * json_read() refuses what cJSON lets pass: bytes that are not UTF-8, control characters in
 * strings, anything after the value. Lookups are case-sensitive, and null counts as absent,
 * as the service's deserialisers have it.
 */
#ifndef STANDIN_JSON_H
#define STANDIN_JSON_H

#include "base.h"

#include <cjson/cJSON.h>

/* NULL if it is no JSON; *why then says why. at[len] must be a NUL (it is, in struct text). */
cJSON *json_read(const char *at, size_t len, const char **why);

/* How deep arrays and objects nest; 1 for a flat object. Works on invalid JSON, too. */
size_t json_depth(const char *at, size_t len);

/* The member, or NULL if it is absent or null or object is none. */
const cJSON *json_get(const cJSON *object, const char *name);

/* The member if it has that type, else NULL, the default. */
const cJSON *json_array(const cJSON *object, const char *name);
const cJSON *json_object(const cJSON *object, const char *name);
const char *json_str(const cJSON *object, const char *name);
double json_num(const cJSON *object, const char *name, double missing);
bool json_bool(const cJSON *object, const char *name, bool missing);

/* Compact text, never NULL; the caller frees it with free(). */
char *json_text(const cJSON *value);

/* True if at..at+len is valid UTF-8 (no surrogates, no overlong forms). */
bool utf8_ok(const char *at, size_t len);

#endif
