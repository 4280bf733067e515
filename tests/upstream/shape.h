/*
 * shape.h - the request's model as data, and the walk that holds a body against it.
 *
 * Wrong types, unknown members of a union, values outside an enum and missing required members
 * are found here; what members mean to each other is validate.c's.
 */
#ifndef STANDIN_SHAPE_H
#define STANDIN_SHAPE_H

#include "json.h"
#include "problem.h"

/* The body of GenerateAssistantResponse and SendMessage. krs: without the old service's members. */
int shape_check_chat(const cJSON *body, bool krs, struct problem *p);

#endif
