/*
 * scratch.h - a directory of its own for a test, and child processes.
 */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include "common/base.h"

#define SCRATCH_SIZE 128

/* Makes an empty directory, 0700. Returns out. */
const char *scratch_make(char out[static SCRATCH_SIZE]);
/* Removes it with the files in it. */
void scratch_remove(const char *dir);

/* Runs child(context) in a new process: its exit code, -1 when a signal ended it. */
int scratch_run(int (*child)(void *context), void *context);
pid_t scratch_start(int (*child)(void *context), void *context);
int scratch_wait(pid_t pid);

#endif
