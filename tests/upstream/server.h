/*
 * server.h - listens on 127.0.0.1 and gives each connection a thread.
 *
 * handle() serves one connection until it is over; the server opens it before and closes it
 * after. server_stop() cuts every connection, waits for the threads, then nothing is left.
 */
#ifndef STANDIN_SERVER_H
#define STANDIN_SERVER_H

#include "conn.h"

typedef void (*server_handler)(void *context, struct conn *c);

struct server {
	int listener;
	unsigned port;
	SSL_CTX *tls; /* NULL: plain HTTP */
	server_handler handle;
	void *context;
	pthread_t acceptor;
	pthread_mutex_t lock;
	pthread_cond_t idle;
	struct conn *connections;
	uint64_t accepted;
	bool stopping;
};

/* port 0 takes any. cert and key are PEM files, both or neither. 0, or -1 with a line on stderr. */
int server_start(struct server *s, unsigned port, const char *cert, const char *key,
		 server_handler handle, void *context);
void server_stop(struct server *s);
uint64_t server_accepted(struct server *s);

#endif
