/*
 * dialect.h - one row per client API: its reader and its writer. The only place where in_* and
 * out_* meet.
 */
#ifndef FCGI_DIALECT_H
#define FCGI_DIALECT_H

#include "fcgi/in.h"
#include "fcgi/out.h"

struct dialect {
	const char *name;
	int (*read)(const cJSON *body, struct arena *arena, struct chat *chat, struct error *e);
	const struct out_dialect *out;
};

extern const struct dialect dialect_anthropic, dialect_openai, dialect_responses, dialect_admin;

#endif
