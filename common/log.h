/*
 * log.h - one line a call, to stderr or a file, as text or JSON, with the request id of the
 * calling thread. Safe from every thread: a line is one write().
 *
 * Never pass client or upstream bodies. Secrets cannot be passed: see secret.h.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include "common/base.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_options {
	enum log_level level;
	bool json;
	const char *file; /* NULL or "": stderr */
};

/* May be called again (reload). -1 with errno: the file cannot be opened, the old log stays. */
int log_open(const struct log_options *options);
void log_reopen(void); /* the same file again, after a rotation */
bool log_wants(enum log_level level);

/* Written with every line of this thread until it is set again. The text is copied; "" ends it. */
void log_set_request(const char *request_id);

void log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
