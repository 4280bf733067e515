/*
 * ctl_account.h - what the account commands share.
 */
#ifndef CLI_CTL_ACCOUNT_H
#define CLI_CTL_ACCOUNT_H

#include "cli/ctl.h"
#include "cli/ctl_facts.h"
#include "common/roster.h"
#include "common/jsonw.h"

/* The accounts that can be read; *damage tells of others. -1: none can. */
int ctl_accounts(struct ctl *c, struct roster *r, struct error *damage, struct error *e);

/* The account of that name, NULL with *e; the roster, filled here, owns it. */
struct account *ctl_account_find(struct ctl *c, struct roster *r, const char *name,
				 struct error *e);
/* The one that the first operand names, for the audit log, too. */
struct account *ctl_account_named(struct ctl *c, struct roster *r, struct error *e);

/* What the options of account set say, in *a; an empty value is none. ERR_REQUEST names the option;
 * import_check() has yet to see the account. */
int ctl_account_read_settings(struct ctl *c, struct account *a, struct error *e);

#endif
