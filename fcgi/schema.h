/*
 * schema.h - does a JSON value fit a JSON schema? A subset of JSON Schema 2020-12, enough for what
 * clients ask of structured output:
 *
 *   type (one or a list; integer takes 1.0), enum, const, properties, required,
 *   additionalProperties, minProperties, maxProperties, items (a schema, or draft 7's list),
 *   prefixItems, minItems, maxItems, uniqueItems, minLength, maxLength (characters), pattern,
 *   minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, anyOf, oneOf, allOf, not,
 *   $ref to "#" and "#/..." of the same document, true and false as schemas.
 *
 * pattern is taken as a POSIX extended expression with \d, \w and \s; one that does not compile as
 * such accepts everything. All else (format, if, contains, $dynamicRef, foreign $ref, ...) accepts
 * everything. Work is bounded: a value that takes too many steps is accepted.
 */
#ifndef FCGI_SCHEMA_H
#define FCGI_SCHEMA_H

#include "common/error.h"

#include <cjson/cJSON.h>

/* 0: it fits; -1: *e (ERR_UP_UNMET) names the place in the value and what is wrong there. *steps:
 * what it took is added; one that is handed on bounds the work for several values together. */
int schema_check(const cJSON *schema, const cJSON *value, long *steps, struct error *e);

#endif
