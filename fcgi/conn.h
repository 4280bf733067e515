/*
 * conn.h - the web server's side of one request: FastCGI, plain CGI, or memory (tests). All that a
 * handler may know of its transport. conn.c alone includes fcgiapp.h.
 *
 * Write errors stick: after one, every write and flush fails at once (the client has left).
 */
#ifndef FCGI_CONN_H
#define FCGI_CONN_H

#include "common/base.h"
#include "common/buf.h"

struct conn;

struct conn_ops {
	const char *(*param)(struct conn *c, const char *name);
	ssize_t (*read)(struct conn *c, void *out, size_t size);
	int (*write)(struct conn *c, struct span bytes, bool flush);
	int (*gone)(struct conn *c);
};

struct conn {
	const struct conn_ops *ops;
	void *transport;  /* FCGX_Request, or struct conn_memory */
	int watch_fd;	  /* readable or hung up when the client left; -1: cannot be told */
	size_t body_left; /* CGI: no more than so many bytes may be read */
	bool read_to_end;
	bool broken;
};

/* Memory transport: what a test sends and gets. */
struct conn_memory {
	const char *const *params; /* "NAME=value", NULL at the end */
	struct span body;
	struct buf *out;
	size_t fail_after; /* bytes until writes fail, 0: never */
};

const char *conn_param(struct conn *c, const char *name);  /* NULL: not set */
ssize_t conn_read(struct conn *c, void *out, size_t size); /* 0: end, -1: broken */
int conn_write(struct conn *c, struct span bytes);	   /* everything, flushed; or -1 */

/* Need not leave before what is written next, or before the request's end: one system call, and one
 * waking of the web server, less. */
int conn_put(struct conn *c, struct span bytes);

/* True when the client is known to have left. Only after the body was read to its end (before,
 * body bytes would look like an event). */
bool conn_gone(struct conn *c);

void conn_init_cgi(struct conn *c);
void conn_init_memory(struct conn *c, struct conn_memory *memory);

/* FastCGI: serves every request of one accepted connection, then closes it. */
int conn_fastcgi_init(void); /* once a process; 0, or 1: this is plain CGI */
void conn_serve(int fd, void (*serve)(void *context, struct conn *c), void *context);

#endif
