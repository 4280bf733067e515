/*
 * json.h - reading JSON through cJSON: a strict entrance, and typed getters that name the field.
 *
 * json_parse() refuses what cJSON would let pass or garble: invalid UTF-8, raw control characters,
 * \u0000 (cJSON would cut the string there), numbers that are none in JSON (01, 1.), text behind
 * the value, nesting beyond LIMIT_JSON_DEPTH (checked before cJSON recurses), more values than
 * LIMIT_JSON_NODES. Keys are compared exactly.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include "common/base.h"
#include "common/error.h"

#include <cjson/cJSON.h>

/* Where we are in a document: a chain of frames on the caller's stack, printed only for errors. */
struct json_at {
	const struct json_at *up; /* NULL at the root */
	const char *key;	  /* NULL: an array element, `index` counts */
	size_t index;
};

#define JSON_PATH_SIZE 128

/* "messages.0.content.1.type"; key may be NULL for the place itself. Returns out. */
const char *json_path(const struct json_at *at, const char *key, char out[static JSON_PATH_SIZE]);

/* ERR_REQUEST naming the field below `at` (key may be NULL). Always -1. */
int json_error(const struct json_at *at, const char *key, struct error *e, const char *format, ...)
	PRINTF_LIKE(4, 5);

/* The tree is the caller's (cJSON_Delete). NULL: *e says why and at which byte. Numbers that a
 * double would not give back as they are written keep their text in valuestring, for jsonw_tree().
 */
cJSON *json_parse(struct span text, struct error *e) MUST_CHECK;

/* Is the text one JSON object? For passing it on as it is: unlike json_parse(), \\u0000 may occur.
 */
bool json_is_object(struct span text);

/* Members: an absent or null member leaves *out alone and returns 0; a present one of the right
 * type sets it and returns 1; another type is an error, -1. Texts and trees are borrowed. */
int json_text(const cJSON *from, const char *key, const struct json_at *at, const char **out,
	      struct error *e);
int json_bool(const cJSON *from, const char *key, const struct json_at *at, bool *out,
	      struct error *e);
int json_int(const cJSON *from, const char *key, const struct json_at *at, int64_t min, int64_t max,
	     int64_t *out, struct error *e);
int json_array(const cJSON *from, const char *key, const struct json_at *at, const cJSON **out,
	       struct error *e);
int json_object(const cJSON *from, const char *key, const struct json_at *at, const cJSON **out,
		struct error *e);

/* As above, but absence is the error "Field required". 0 or -1. */
int json_need_text(const cJSON *from, const char *key, const struct json_at *at, const char **out,
		   struct error *e);

/* The member, NULL when absent or null. */
const cJSON *json_member(const cJSON *from, const char *key);

/* For data of other parties where a wrong type counts as absent. */
const char *json_text_or(const cJSON *from, const char *key, const char *otherwise);
double json_number_or(const cJSON *from, const char *key, double otherwise);

#endif
