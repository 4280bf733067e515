/*
 * prompt.h - waiting for a person. From prompt_begin() to prompt_end() the signals that would end
 * the program wait in a descriptor, so that whoever waits can clean up and say what happened.
 */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

#include "common/base.h"
#include "common/buf.h"
#include "common/error.h"
#include "common/secret.h"

#include <signal.h>

struct prompt {
	int signals; /* a signalfd: input on it is SIGINT, SIGTERM or SIGHUP; -1: not begun */
	sigset_t before;
};

int prompt_begin(struct prompt *p, struct error *e);
void prompt_end(struct prompt *p); /* harmless when not begun; a signal that came acts now */

/* False: a signal came before the time was over. */
bool prompt_sleep(const struct prompt *p, int64_t ms);

/* The signal that came, 0 for none; it is taken away. */
int prompt_signal(const struct prompt *p);

/* One line of standard input, without its end and the blanks around it. Where that is a terminal,
 * the question goes to standard error first, and hidden keeps what is typed off the screen.
 * ERR_GONE: a signal came; ERR_REQUEST: there is no line, or more than out->max. */
int prompt_line(const struct prompt *p, const char *question, bool hidden, struct buf *out,
		struct error *e);

/* A line that is a secret: hidden. */
int prompt_secret(const struct prompt *p, const char *question, struct secret *out,
		  struct error *e);

#endif
