/*
 * step.h - the steps of a script, compiled to ops and frames; the trailer that ends them.
 */
#ifndef STANDIN_STEP_H
#define STANDIN_STEP_H

#include "script.h"

/* json is the whole script: its "steps" and "trailer". NULL, or what is wrong, to be freed. */
char *steps_compile(struct code *code, enum header_order order, const cJSON *json);

#endif
