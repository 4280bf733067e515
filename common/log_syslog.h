/*
 * log_syslog.h - the system's log as a place for lines. Apart from log.c because <syslog.h> has
 * macros of the same names as enum log_level.
 */
#ifndef COMMON_LOG_SYSLOG_H
#define COMMON_LOG_SYSLOG_H

void log_syslog_open(const char *name);	      /* which lines have, with the pid; kept */
void log_syslog(int level, const char *line); /* enum log_level */

#endif
