/*
 * access_log.h - one line in the log for each request, from its closed ledger.
 */
#ifndef FCGI_ACCESS_LOG_H
#define FCGI_ACCESS_LOG_H

#include "fcgi/ledger.h"

void access_log_take(struct site *site, const struct ledger *l);

#endif
