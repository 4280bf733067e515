/*
 * metrics.h - counters and histograms of all processes, in metrics.map of the state directory, and
 * their text for Prometheus. A row of metric_defs[] (metrics.c) is one family.
 *
 * A series is a slot (mapfile.h), named by family and labels; numbers only grow, by atomics, so
 * that they hold over requests, processes and reloads, until somebody removes the file (Prometheus
 * takes that for a restart). Label values come from our own tables and from the upstream's list of
 * models, never from a client: the file has room for what those can make, and what does not fit is
 * counted as dropped.
 *
 * Where the file cannot be had each process counts for itself, and the log says so once.
 */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include "common/base.h"
#include "common/buf.h"

enum metric {
	METRIC_REQUESTS,
	METRIC_FAILED,
	METRIC_TOKENS,
	METRIC_CREDITS,
	METRIC_UPSTREAM,
	METRIC_REFRESHES,
	METRIC_WEBHOOKS,
	METRIC_DURATION,
	METRIC_FIRST_EVENT,
	METRIC_UP_CONNECT,
	METRIC_UP_FIRST_BYTE,
	METRIC_GENAI_TOKENS,
	METRIC_GENAI_DURATION,
	METRIC_GENAI_FIRST_TOKEN,
	METRICS
};

struct metrics;

struct metrics *metrics_new(const char *dir); /* files are opened at the first use */
void metrics_free(struct metrics *m);	      /* NULL is fine */

/* Behind the number: label, value, ..., NULL. A NULL value is "". m NULL: nothing is counted. */
void metrics_add(struct metrics *m, enum metric which, double number, ...)
	__attribute__((sentinel));
/* request_id: the exemplar of that observation, NULL: none. */
void metrics_observe(struct metrics *m, enum metric which, double value, const char *request_id,
		     ...) __attribute__((sentinel));

/* openmetrics: the text format that has exemplars; it has no "# EOF" yet. */
void metrics_write(struct metrics *m, bool openmetrics, struct buf *out);

/* One histogram over all its series: how many observations were at most bounds[i], and more than
 * the bound before; the last number is of those beyond all bounds. */
#define METRICS_BUCKETS 17
struct metrics_sum {
	const double *bounds;
	size_t bound_count;
	uint64_t numbers[METRICS_BUCKETS], count;
};
void metrics_sum(struct metrics *m, enum metric which, struct metrics_sum *out);

/* For numbers that somebody else keeps: a gauge's head, and one line of it. */
void metrics_write_gauge(struct buf *out, const char *name, const char *help);
void metrics_write_value(struct buf *out, const char *name, double value, ...)
	__attribute__((sentinel));

#endif
