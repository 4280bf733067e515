/*
 * problem.h - why a call is refused: what the client is told, and what a test author is told.
 *
 * The service says little ("Improperly formed request."); detail says what it was, and goes to
 * the x-standin-detail header, the journal and the log.
 */
#ifndef STANDIN_PROBLEM_H
#define STANDIN_PROBLEM_H

#include "base.h"

struct problem {
	int status;
	const char *type;   /* shape name, such as ValidationException */
	const char *reason; /* NULL goes out as null */
	char message[1024];
	char path[256]; /* JSON pointer for a fieldList, "" for none */
	char detail[256];
};

/* All return -1, so that a check can end with them. The message is the service's own text. */
__attribute__((format(printf, 6, 7))) int problem_set(struct problem *p, int status,
						      const char *type, const char *reason,
						      const char *message, const char *format, ...);

/* 400 ValidationException with that reason and message. */
#define problem_invalid(p, reason, message, ...)                                                   \
	problem_set(p, 400, "ValidationException", reason, message, __VA_ARGS__)

/* 400 "Improperly formed request.", reason null: our body breaks the schema or an invariant. */
#define problem_malformed(p, ...)                                                                  \
	problem_invalid(p, NULL, "Improperly formed request.", __VA_ARGS__)

/* 400 as the framework words it, naming the member. */
int problem_constraint(struct problem *p, const char *path, const char *constraint);

/* 403 for a bearer that is missing, unknown or out of date. */
int problem_bearer(struct problem *p, const char *detail);

#endif
