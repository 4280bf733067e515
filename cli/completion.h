/*
 * completion.h - the bash completion of kiroctl, from the table of its commands, so that the two
 * cannot differ.
 */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include "cli/ctl.h"

/* The script, to be sourced by bash. */
void completion_print(FILE *to, const struct ctl_command *commands, size_t count);

#endif
