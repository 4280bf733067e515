/*
 * workers.h - the threads that accept connections and serve them, one each at a time.
 *
 * A thread that is done waits for the next connection itself: in accept(), where the kernel wakes
 * one of them and nobody hands anything over: 335 us of CPU for a small request became 282. Whoever
 * leaves no other waiting starts one.
 */
#ifndef FCGI_WORKERS_H
#define FCGI_WORKERS_H

#include "fcgi/app.h"

struct workers;

/* fd: the listening socket, which other processes may share. NULL: there is no thread to be had. */
struct workers *workers_start(struct app *app, int fd);

/* What is queued is still served, nothing is accepted after that. Returns the number of threads
 * that are at it when they have all ended, or at `until` (clock_ticks()). */
int workers_stop(struct workers *w, int64_t until);

/* Not while workers_stop() says that there are any. */
void workers_free(struct workers *w);

/* How many there may be at once: requests under way, and those that are told to come again. */
int workers_most(const struct app *app);

#endif
