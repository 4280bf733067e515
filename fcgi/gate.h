/*
 * gate.h - the one place where a chat is let in: within its key's limits (quota.h), its key's
 * requests at once, and max_concurrent_sessions, for which it waits in a queue of bounded length
 * and time. What it holds is given back by gate_leave(), or by the kernel when the process ends.
 */
#ifndef FCGI_GATE_H
#define FCGI_GATE_H

#include "common/base.h"

struct config;
struct key;
struct request;

struct gate {
	int stream, session; /* places (hold.h); -1: none */
};

void gate_init(struct gate *g);
/* 0; -1: r->error is ERR_KEY_*, ERR_BUSY (no session came free), ERR_STORE (a limit cannot be
 * looked at), ERR_GONE (the client has left the queue). */
int gate_enter(struct request *r);
/* Of what holds a stream of ours, but costs nothing: the key's requests at once alone. */
int gate_stream(struct request *r);
void gate_leave(struct gate *g);

/* How many requests of a key are served now; -1: not known. */
int gate_streams(const struct config *config, const struct key *key);

/* How many chats of the whole installation are let in, and how many wait to be; -1: not known.
 * Only where max_concurrent_sessions has a number. */
void gate_sessions(const struct config *config, int *running, int *waiting);

#endif
