/*
 * ctl_facts.h - what is known of an account beside its record: its usage, when it served last,
 * when its token is due. For `account list` and `account show`.
 */
#ifndef CLI_CTL_FACTS_H
#define CLI_CTL_FACTS_H

#include "cli/ctl.h"
#include "common/account.h"
#include "common/jsonw.h"
#include "common/usage.h"

struct ctl_facts {
	struct usage usage; /* read_at 0: none */
	bool stale;
	int64_t used_at;    /* its last request began; 0: unknown */
	int64_t rest_until; /* a short rest, whatever its state; 0: none */
	const char *rest_why;
	int64_t refresh_at; /* from then on kiro-refresh renews the token; 0: never */
};

/* A usage record that cannot be read is told on standard error, and counts as none. */
void ctl_facts_read(struct ctl *c, const struct account *a, struct ctl_facts *f);

/* The members "usage", "last_used_at", "next_refresh_at", "rest_until" and
 * "rest_reason" of an object. */
void ctl_facts_write(struct jsonw *w, const struct ctl_facts *f);

#define CTL_FACT_SIZE 48

/* Cells of a table; all return out, "" for what is unknown. A number that may be out of date
 * begins with "~". */
const char *ctl_facts_amount(const struct ctl_facts *f, char out[static CTL_FACT_SIZE]);
const char *ctl_facts_percent(const struct ctl_facts *f, char out[static CTL_FACT_SIZE]);
const char *ctl_facts_reset(const struct ctl_facts *f, char out[static CTL_FACT_SIZE]);
const char *ctl_facts_used(const struct ctl_facts *f, char out[static CTL_FACT_SIZE]);
const char *ctl_facts_refresh(const struct ctl_facts *f, char out[static CTL_FACT_SIZE]);
/* "exhausted 10d", "active, nothing left". */
const char *ctl_facts_state(const struct account *a, const struct ctl_facts *f,
			    char out[static CTL_FACT_SIZE]);

#endif
