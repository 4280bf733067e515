#include "common/base.h"
#include "common/log_syslog.h"

#include <syslog.h>

/* As enum log_level has them. */
static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_syslog_open(const char *name)
{
	openlog(name, LOG_PID, LOG_DAEMON);
}

void log_syslog(int level, const char *line)
{
	syslog(LOG_DAEMON | priorities[level], "%s", line);
}
