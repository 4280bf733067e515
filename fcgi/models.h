/*
 * models.h - models[]: what we know of the upstream's models, and how a client's name finds one.
 */
#ifndef FCGI_MODELS_H
#define FCGI_MODELS_H

#include "common/base.h"
#include "common/buf.h"
#include "common/error.h"

enum reasoning {
	REASONING_NONE,	  /* thinking by tags in the prompt */
	REASONING_CLAUDE, /* additionalModelRequestFields.thinking / output_config.effort */
	REASONING_GPT,	  /* additionalModelRequestFields.reasoning.effort */
};

struct model {
	const char *id; /* upstream's name, dotted */
	const char *display;
	const char *line;   /* family: opus, sonnet, haiku, gpt, ... */
	int64_t window;	    /* tokens, input and output together */
	int64_t max_output; /* tokens */
	enum reasoning reasoning;
	bool images;
	bool no_xhigh;	     /* effort "xhigh" is refused */
	bool always_thinks;  /* thinking "disabled" is refused */
	const char *created; /* RFC 3339 date for /v1/models */
};

/* How a name is found: trim; drop "[1m]", a date suffix "-YYYYMMDD", "-latest", "-thinking"; dashes
 * between digits become dots ("claude-opus-4-8"); then models[] exactly, also with family and
 * version of a claude name in the other order ("claude-4.5-opus"). NULL: unknown. */
const struct model *models_find(const char *name);

/* Bodies of GET /v1/models and /v1/models/{id}: one superset that both client APIs' users read.
 * Claude models are listed by their dashed names too, which pickers of Anthropic clients know. */
void models_write_list(struct buf *body);
void models_write_one(const struct model *model, struct buf *body);

#endif
