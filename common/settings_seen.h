/*
 * settings_seen.h - changes of kiro.json, which an editor makes and not we, noticed for the audit
 * log: the first process that takes settings other than those last seen writes a line, with the
 * names of the options (never a value) and nobody as who: the file does not tell.
 *
 * What was last seen is STATE_DIR/settings-<digest of the file's path>.seen: for each option that
 * the file gives a salted digest of its value. Options that the environment gives are no matter of
 * the file: they are neither compared nor kept. The line is written first, so that a process that
 * is killed in between has it written once more, not lost.
 */
#ifndef COMMON_SETTINGS_SEEN_H
#define COMMON_SETTINGS_SEEN_H

#include "common/config.h"

/* Without a file, or without a state directory, there is nothing to note. -1: ERR_STORE. */
int settings_seen(const struct config *c, struct error *e);

#endif
