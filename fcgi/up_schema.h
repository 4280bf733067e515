/*
 * up_schema.h - a tool's input_schema as the upstream takes it: what is repaired without a change
 * of meaning, and what is refused by name before anything is sent.
 */
#ifndef FCGI_UP_SCHEMA_H
#define FCGI_UP_SCHEMA_H

#include "common/error.h"
#include "common/json.h"
#include "common/jsonw.h"

/* ERR_REQUEST naming tool and place where a keyword that the model host checks has a wrong type;
 * schema NULL: 0. */
int up_schema_check(const char *tool, const cJSON *schema, struct error *e);

/* With an object at its root, and without keywords that are null, which stand for absent ones;
 * schema NULL: an object without properties. */
void up_schema_write(struct jsonw *w, const cJSON *schema);

#endif
