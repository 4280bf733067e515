/*
 * models.h - models[]: what we know of the upstream's models by ourselves, and how a client's name
 * finds one. What the upstream itself says of an account's models is in catalogue.h and wins.
 */
#ifndef COMMON_MODELS_H
#define COMMON_MODELS_H

#include "common/base.h"

enum reasoning {
	REASONING_NONE,	  /* thinking by tags in the prompt */
	REASONING_SPARED, /* the same: its native fields only raise the cost */
	REASONING_CLAUDE, /* additionalModelRequestFields.thinking / output_config.effort */
	REASONING_GPT,	  /* additionalModelRequestFields.reasoning.effort */
};

/* Efforts in the upstream's words, weakest first. */
enum model_effort {
	MODEL_EFFORT_NONE,
	MODEL_EFFORT_MINIMAL,
	MODEL_EFFORT_LOW,
	MODEL_EFFORT_MEDIUM,
	MODEL_EFFORT_HIGH,
	MODEL_EFFORT_XHIGH,
	MODEL_EFFORT_MAX,
	MODEL_EFFORTS
};
extern const char *const model_effort_names[MODEL_EFFORTS];

struct model {
	const char *id; /* upstream's name, dotted */
	const char *display;
	const char *line;   /* family: opus, sonnet, haiku, gpt, ... */
	int64_t window;	    /* tokens, input and output together */
	int64_t max_output; /* tokens */
	enum reasoning reasoning;
	bool images;
	unsigned efforts;	      /* bits 1 << enum model_effort that the native fields take */
	bool always_thinks;	      /* thinking "disabled" is refused */
	const char *created;	      /* RFC 3339 date for /v1/models */
	int64_t limit_min, limit_max; /* of the native field max_tokens; 0: there is none. Only the
				       * upstream's catalogue tells */
};

/* models[], newest first. */
const struct model *models_all(size_t *count);

/* The row of exactly that id, NULL: none. */
const struct model *models_row(const char *id);

/* How a name is found: trimmed as it stands; then without "[1m]", a date suffix "-YYYYMMDD",
 * "-latest", "-thinking", and with dashes between digits as dots ("claude-opus-4-8"); then with
 * family and version of a claude name in the other order ("claude-4.5-opus"). known() is asked for
 * each spelling in turn until it returns a model. NULL: unknown. */
const struct model *models_search(const char *name,
				  const struct model *(*known)(void *context, const char *id),
				  void *context);

/* In models[] only. */
const struct model *models_find(const char *name);

/* What the names of another maker's models stand for where the owner wants that (gpt_aliases).
 * NULL: no such name. */
const char *models_gpt_alias(const char *name);

/* The allowed effort nearest to the wished one, weaker ones first. NULL: none is allowed. */
const char *models_effort(const struct model *model, enum model_effort wished);

#endif
