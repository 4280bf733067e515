/*
 * ctl_facts.h - what is known of an account (common/facts.h) as cells of the table of `account
 * list`.
 */
#ifndef CLI_CTL_FACTS_H
#define CLI_CTL_FACTS_H

#include "cli/ctl.h"
#include "common/facts.h"

/* A usage record that cannot be read is told on standard error, and counts as none. */
void ctl_facts_read(struct ctl *c, const struct account *a, struct facts *f);

#define CTL_FACT_SIZE 48

/* Cells of a table; all return out, "" for what is unknown. A number that may be out of date
 * begins with "~". */
const char *ctl_facts_amount(const struct facts *f, char out[static CTL_FACT_SIZE]);
const char *ctl_facts_percent(const struct facts *f, char out[static CTL_FACT_SIZE]);
const char *ctl_facts_reset(const struct facts *f, char out[static CTL_FACT_SIZE]);
const char *ctl_facts_used(const struct facts *f, char out[static CTL_FACT_SIZE]);
const char *ctl_facts_refresh(const struct facts *f, char out[static CTL_FACT_SIZE]);
/* "exhausted 10d", "active, nothing left". */
const char *ctl_facts_state(const struct account *a, const struct facts *f,
			    char out[static CTL_FACT_SIZE]);

#endif
