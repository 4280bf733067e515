/*
 * probe.h - does an account work? Its token is renewed when it is about to end, its profile found
 * where it is missing, and the upstream asked for its plan and usage. This costs no credits.
 */
#ifndef COMMON_PROBE_H
#define COMMON_PROBE_H

#include "common/jsonw.h"
#include "common/refresh.h"
#include "common/usage.h"

/* *a is the current record then. -1: as refresh_account() and usage_fetch(). */
int probe_account(const struct refresher *r, struct account *a, struct usage *u, struct error *e);

/* {"id", "plan", "email", "used", "limit", "unit", "reset_at", "overage"} */
void probe_write(struct jsonw *w, const struct account *a, const struct usage *u);

#endif
