/*
 * visit.h - when kiro-refresh was last done with its work, and how: STATE_DIR/refresh.last, for
 * kiroctl doctor. Its loss is harmless.
 */
#ifndef COMMON_VISIT_H
#define COMMON_VISIT_H

#include "common/base.h"

void visit_note(const char *state_dir, int64_t when, int exit_code);

/* 0; -1: it has never run here. */
int visit_last(const char *state_dir, int64_t *when, int *exit_code);

#endif
