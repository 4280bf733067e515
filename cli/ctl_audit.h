/*
 * ctl_audit.h - what kiroctl notes in the audit log: changes[] in ctl_audit.c says of which
 * commands. Around each run, in ctl.c alone.
 */
#ifndef CLI_CTL_AUDIT_H
#define CLI_CTL_AUDIT_H

#include "cli/ctl.h"

/* Before: announces the change, so that none is made that could not be noted. */
int ctl_audit_begin(struct ctl *c, struct error *e);
/* After; rc and failure are the command's. */
int ctl_audit_note(struct ctl *c, int rc, const struct error *failure, struct error *e);

#endif
