#include "base.h"
#include "problem.h"

#include <stdarg.h>

int problem_set(struct problem *p, int status, const char *type, const char *reason,
		const char *message, const char *format, ...)
{
	va_list args;

	p->status = status;
	p->type = type;
	p->reason = reason;
	p->path[0] = 0;
	snprintf(p->message, sizeof(p->message), "%s", message);
	va_start(args, format);
	vsnprintf(p->detail, sizeof(p->detail), format, args);
	va_end(args);
	return -1;
}

int problem_constraint(struct problem *p, const char *path, const char *constraint)
{
	problem_invalid(p, NULL, "", "%s: %s", path, constraint);
	snprintf(p->message, sizeof(p->message),
		 "1 validation error detected. Value at '%s' failed to satisfy constraint: %s",
		 path, constraint);
	snprintf(p->path, sizeof(p->path), "%s", path);
	return -1;
}

int problem_bearer(struct problem *p, const char *detail)
{
	return problem_set(p, 403, "AccessDeniedException", NULL,
			   "The bearer token included in the request is invalid.", "%s", detail);
}
