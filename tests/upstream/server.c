#include "base.h"
#include "server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#define BACKLOG 1024
#define STACK_BYTES                                                                                \
	(1024 * 1024) /* JSON nests up to LIMIT_JSON_DEPTH; only touched pages count               \
		       */

struct visit {
	struct server *server;
	struct conn conn;
};

static void enter(struct server *s, struct conn *c)
{
	pthread_mutex_lock(&s->lock);
	c->next = s->connections;
	if (c->next)
		c->next->prev = c;
	s->connections = c;
	s->accepted++;
	if (s->stopping)
		shutdown(c->fd, SHUT_RDWR);
	pthread_mutex_unlock(&s->lock);
}

/* Out of the list before the descriptor is closed, or server_stop() could cut a stranger's. */
static void leave(struct server *s, struct conn *c)
{
	pthread_mutex_lock(&s->lock);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->connections = c->next;
	if (c->next)
		c->next->prev = c->prev;
	conn_close(c);
	if (!s->connections)
		pthread_cond_signal(&s->idle);
	pthread_mutex_unlock(&s->lock);
}

static void *serve(void *at)
{
	struct visit *v = at;
	struct server *s = v->server;

	if (!conn_open(&v->conn, v->conn.fd, s->tls))
		s->handle(s->context, &v->conn);
	leave(s, &v->conn);
	free(v);
	return NULL;
}

static void receive(struct server *s, int fd)
{
	struct visit *v = xcalloc(1, sizeof(*v));
	pthread_attr_t attr;
	pthread_t thread;

	v->server = s;
	v->conn.fd = fd;
	enter(s, &v->conn);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	if (pthread_create(&thread, &attr, serve, v)) {
		leave(s, &v->conn);
		free(v);
	}
	pthread_attr_destroy(&attr);
}

static void *accept_all(void *at)
{
	struct server *s = at;

	for (;;) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
		struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };

		if (fd >= 0)
			receive(s, fd);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			nanosleep(&pause, NULL);
		else if (errno != EINTR && errno != ECONNABORTED)
			return NULL;
	}
}

static int load_tls(struct server *s, const char *cert, const char *key)
{
	if (!cert && !key)
		return 0;
	s->tls = SSL_CTX_new(TLS_server_method());
	if (s->tls && cert && key && SSL_CTX_use_certificate_chain_file(s->tls, cert) == 1 &&
	    SSL_CTX_use_PrivateKey_file(s->tls, key, SSL_FILETYPE_PEM) == 1)
		return 0;
	fputs("upstream-standin: cannot use that certificate and key\n", stderr);
	ERR_print_errors_fp(stderr);
	return -1;
}

static int listen_on(struct server *s, unsigned port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				       .sin_port = htons((uint16_t)port) };
	socklen_t len = sizeof(address);
	int on = 1;

	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&address, len) ||
	    listen(s->listener, BACKLOG) ||
	    getsockname(s->listener, (struct sockaddr *)&address, &len)) {
		fprintf(stderr, "upstream-standin: port %u: %s\n", port, strerror(errno));
		return -1;
	}
	s->port = ntohs(address.sin_port);
	return 0;
}

int server_start(struct server *s, unsigned port, const char *cert, const char *key,
		 server_handler handle, void *context)
{
	*s = (struct server){ .listener = -1, .handle = handle, .context = context };
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->idle, NULL);
	if (load_tls(s, cert, key) || listen_on(s, port) ||
	    pthread_create(&s->acceptor, NULL, accept_all, s)) {
		SSL_CTX_free(s->tls);
		if (s->listener >= 0)
			close(s->listener);
		return -1;
	}
	return 0;
}

void server_stop(struct server *s)
{
	shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->acceptor, NULL);
	close(s->listener);

	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	for (struct conn *c = s->connections; c; c = c->next)
		shutdown(c->fd, SHUT_RDWR);
	while (s->connections)
		pthread_cond_wait(&s->idle, &s->lock);
	pthread_mutex_unlock(&s->lock);
	SSL_CTX_free(s->tls);
}

uint64_t server_accepted(struct server *s)
{
	uint64_t accepted;

	pthread_mutex_lock(&s->lock);
	accepted = s->accepted;
	pthread_mutex_unlock(&s->lock);
	return accepted;
}
