/*
 * request_metrics.h - a request's closed ledger as numbers of metrics.h.
 */
#ifndef FCGI_REQUEST_METRICS_H
#define FCGI_REQUEST_METRICS_H

#include "fcgi/ledger.h"

void request_metrics_take(struct site *site, const struct ledger *l);

#endif
