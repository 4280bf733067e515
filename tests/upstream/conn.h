/*
 * conn.h - one client's socket, plain or TLS: blocking reads, whole writes, waits that end early.
 *
 * After the peer has gone every call fails at once; when it went is kept for the journal.
 */
#ifndef STANDIN_CONN_H
#define STANDIN_CONN_H

#include "base.h"

#include <sys/uio.h>

#include <openssl/ssl.h>

struct conn {
	int fd;
	SSL *ssl; /* NULL: plain */
	bool gone;
	int64_t gone_at_ns; /* clock_mono_ns() */

	char in[LIMIT_HEAD]; /* read ahead, [in_at, in_end) */
	size_t in_at, in_end;

	struct conn *prev, *next; /* the server's list */
};

/* Does the TLS handshake if tls is given. 0 or -1. */
int conn_open(struct conn *c, int fd, SSL_CTX *tls);
void conn_close(struct conn *c);
void conn_reset(struct conn *c); /* closes with RST instead of FIN */

/* More bytes into the read-ahead, after compacting it: how many, 0 at the end, -1 on error. */
ssize_t conn_fill(struct conn *c);

/* Up to len bytes, read-ahead first; 0 at the end, -1 on error. */
ssize_t conn_read(struct conn *c, void *at, size_t len);

/* All of it, in one system call where the socket takes it; changes the vector. 0 or -1. */
int conn_write(struct conn *c, struct iovec *parts, int count);

/* Sleeps until the moment (forever if it is negative). 0, or -1 as soon as the peer has gone. */
int conn_wait_until(struct conn *c, int64_t moment_ns);
int conn_wait(struct conn *c, int64_t for_ns);

#endif
