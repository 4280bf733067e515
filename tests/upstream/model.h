/*
 * model.h - the models the stand-in knows, what each takes, and how it lists them.
 *
 * The schema that ListAvailableModels publishes and the check of additionalModelRequestFields
 * come from the same row, so they cannot disagree.
 */
#ifndef STANDIN_MODEL_H
#define STANDIN_MODEL_H

#include "json.h"

struct model {
	const char *id, *name;
	double rate;		   /* credits, relative */
	int max_input, max_output; /* tokens */
	const char *thinking;  /* accepted thinking.type values, space-separated; NULL: no member */
	const char *effort;    /* accepted output_config.effort values; NULL: no member */
	const char *reasoning; /* accepted reasoning.effort values (GPT); NULL: no member */
	bool legacy;	       /* an old id: accepted by the old service only, not listed */
};

/* NULL if there is none; legacy ids only if asked for. */
const struct model *model_find(const char *id, bool legacy);

/* NULL if the model takes these fields, else what is wrong, to be freed. */
char *model_check_fields(const struct model *m, const cJSON *fields);

/* The body of ListAvailableModels. */
cJSON *model_list(void);

#endif
