/*
 * fuzz.h - the fuzz targets: any bytes in, nothing out, and abort() where a promise is broken.
 *
 * A target must accept every input. What it requires of the program beyond not crashing stands in
 * its file. The same targets run under libFuzzer (`make fuzz`) and over their corpus in `make
 * check` (replay.c).
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include "common/base.h"

struct fuzz_target {
	const char *name;
	void (*run)(struct span input);
	bool json; /* inputs are JSON: mutate.c changes them as trees */
};

extern const struct fuzz_target fuzz_targets[];
const struct fuzz_target *fuzz_find(const char *name); /* NULL: none */

/* Once, before the first run: the log goes nowhere, but its lines are made. */
void fuzz_init(void);

/* Prints what was broken and aborts unless it holds. */
void fuzz_require(bool holds, const char *format, ...) PRINTF_LIKE(2, 3);

/* The next byte of the input, 0 at its end; the choices of structured targets. */
unsigned fuzz_byte(struct span *input);
/* The input up to the next newline, which is taken too; false at its end. */
bool fuzz_line(struct span *input, struct span *line);

void fuzz_in_anthropic(struct span input);
void fuzz_in_count(struct span input);
void fuzz_in_openai(struct span input);
void fuzz_in_responses(struct span input);
void fuzz_up_request(struct span input);
void fuzz_eventstream(struct span input);
void fuzz_answer(struct span input);
void fuzz_up_think(struct span input);
void fuzz_config(struct span input);
void fuzz_request(struct span input);
void fuzz_import(struct span input);
void fuzz_record(struct span input);
void fuzz_catalogue(struct span input);
void fuzz_mcp(struct span input);

#endif
