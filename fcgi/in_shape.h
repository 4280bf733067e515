/*
 * in_shape.h - fields that have no effect here: only their shape is checked, so that a client
 * learns of its mistakes as it would from the API.
 */
#ifndef FCGI_IN_SHAPE_H
#define FCGI_IN_SHAPE_H

#include "fcgi/in_common.h"

/* What a value may be; several may be joined. */
enum {
	IN_TEXT = 1,
	IN_BOOL = 2,
	IN_INTEGER = 4,
	IN_OBJECT = 8,
	IN_ARRAY = 16,
	IN_NUMBER = 32,
};

struct in_member {
	const char *name; /* NULL ends a table */
	unsigned types;
	bool required;			 /* a text is not empty then */
	int min;			 /* of a number; INT_MIN: there is none */
	unsigned items;			 /* of an array, of an object without members; 0: any */
	const char *values[6];		 /* of a text; none: any text */
	const struct in_member *members; /* of an object, also of those in an array */
};

extern const struct in_member in_shape_cache_control[], in_shape_citations[];

/* Absent and null members are fine where they are not required. 0 or -1. */
int in_shape_check(struct in *in, const cJSON *json, const struct json_at *at,
		   const struct in_member *members);

/* Whether a value that is there has one of these types: 0 or -1. */
int in_shape_type(struct in *in, const cJSON *value, const struct json_at *at, unsigned wanted);

/* The member of that name alone, which the table has. */
int in_shape_member(struct in *in, const cJSON *json, const char *name,
		    const struct in_member *members);

/* A top-level field of a Messages request, for struct in_field. */
int in_shape_field(struct in *in, const cJSON *body, const char *name);

#endif
