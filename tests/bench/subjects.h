/*
 * subjects.h - what `make bench` measures inside one process: each subject does one kind of work
 * over and over, in rounds of so many events. micro.c times them, bench-counts counts them.
 */
#ifndef TESTS_BENCH_SUBJECTS_H
#define TESTS_BENCH_SUBJECTS_H

#include "common/base.h"

struct subject {
	const char *name;
	const char *unit;	 /* of what one round has `events` */
	unsigned events;	 /* in a round */
	void *(*begin)(void);	 /* everything that is not measured */
	size_t (*round)(void *); /* bytes that went in, 0: bytes say nothing */
	void (*end)(void *);
};

extern const struct subject answer_subjects[], request_subjects[], state_subjects[];
extern const size_t answer_subject_count, request_subject_count, state_subject_count;

/* A directory of its own below $TMPDIR. Returns out. */
#define BENCH_DIR_SIZE 128
const char *bench_dir(char out[static BENCH_DIR_SIZE]);
void bench_remove(const char *dir);

/* Ends the program with that message when something that cannot fail has failed. */
_Noreturn void bench_die(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
