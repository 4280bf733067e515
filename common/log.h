/*
 * log.h - one record a call: events of the program, and the access log, which has one for each
 * request. To standard error, a file or the system's log, as text or JSON. Safe from every thread,
 * and from every process of one file: a record is one write() of at most PIPE_BUF bytes to a
 * descriptor opened for appending.
 *
 * JSON: one object a line, with timestamp, level, service, type ("event" or "access"), pid, and
 * request_id where a request is served; an event has its message, an access line the members of
 * access_log.c. Text: at most LOG_COLUMNS columns; what is longer goes on in further lines that
 * begin alike, with two blanks more before the text. In the system's log each record is one
 * message, of the facility daemon, which has time, level, name and pid from there.
 *
 * Never pass client or upstream bodies. Secrets cannot be passed: see secret.h.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include "common/base.h"
#include "common/jsonw.h"

#define LOG_COLUMNS 120
#define LOG_SERVICE "kiro-fcgi"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVELS };
extern const char *const log_level_names[LOG_LEVELS]; /* error, warn, info, debug */

struct log_options {
	enum log_level level;
	bool json;
	const char *file;	 /* NULL or "": stderr, or the system's log */
	const char *access_file; /* NULL or "": where the events go, from the level on */
	bool syslog;		 /* what has no file goes to the system's log */
};

/* May be called again (reload). -1 with errno: a file cannot be opened, the old log stays. */
int log_open(const struct log_options *options);
void log_reopen(void); /* the same files again, after a rotation */
bool log_wants(enum log_level level);
bool log_wants_access(enum log_level level);

/* Written with every line of this thread until it is set again. The text is copied; "" ends it. */
void log_set_request(const char *request_id);

void log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

/* A record of the access log: as JSON what members() adds, else the text. */
void log_access(enum log_level level, void (*members)(struct jsonw *w, const void *of),
		const void *of, const char *text);

#endif
