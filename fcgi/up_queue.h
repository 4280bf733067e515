/*
 * up_queue.h - a request's way to an account: takes one from the pool, and waits while all that
 * could serve are busy.
 */
#ifndef FCGI_UP_QUEUE_H
#define FCGI_UP_QUEUE_H

#include "fcgi/up_call.h"
#include "fcgi/up_pool.h"

/* As up_pool_pick(), but for busy accounts: waits up to accounts.busy_wait, keeps the client
 * company meanwhile, and then is ERR_BUSY. ERR_GONE: the client has left. The place is call->place;
 * one that the call had is given back before. */
int up_queue_pick(struct up_call *call, const struct up_pool_wish *wish, struct account *out,
		  struct error *e);
/* Sleeps, and keeps the client company. -1: it has left. */
int up_queue_pause(const struct up_sink *sink, int64_t ms, struct error *e);
void up_queue_leave(struct up_call *call); /* gives the place back */

#endif
