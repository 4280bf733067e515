#include "common/base.h"
#include "fcgi/conn.h"

#include <fcgiapp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

extern char **environ;

#define FCGI_ABORT_RECORD 2
#define FCGI_HEADER_SIZE  8
#define SEND_TIMEOUT	  120 /* seconds a client may leave our bytes unread */

const char *conn_param(struct conn *c, const char *name)
{
	return c->ops->param(c, name);
}

ssize_t conn_read(struct conn *c, void *out, size_t size)
{
	ssize_t got = c->ops->read(c, out, size);

	if (got == 0)
		c->read_to_end = true;
	return got;
}

static int give(struct conn *c, struct span bytes, bool flush)
{
	if (!c->broken && c->ops->write(c, bytes, flush))
		c->broken = true;
	return c->broken ? -1 : 0;
}

int conn_write(struct conn *c, struct span bytes)
{
	return give(c, bytes, true);
}

int conn_put(struct conn *c, struct span bytes)
{
	return give(c, bytes, false);
}

bool conn_gone(struct conn *c)
{
	if (!c->broken && c->read_to_end && c->ops->gone(c))
		c->broken = true;
	return c->broken;
}

/* FastCGI: libfcgi's streams. */

static const char *fastcgi_param(struct conn *c, const char *name)
{
	FCGX_Request *r = c->transport;

	return FCGX_GetParam(name, r->envp);
}

/* libfcgi's buffers of 8 KiB for what has been read and half a KiB for what we never write, which
 * the rest of the request can use: 5.1 KiB of a stream. */
static void drop_read(FCGX_Request *r)
{
	FCGX_FClose(r->err); /* sends nothing; the other writer ends the request */
	FCGX_FreeStream(&r->err);
	FCGX_FreeStream(&r->in);
}

static ssize_t fastcgi_read(struct conn *c, void *out, size_t size)
{
	FCGX_Request *r = c->transport;
	int got;

	if (!r->in)
		return 0;
	got = FCGX_GetStr(out, (int)(size < INT_MAX ? size : INT_MAX), r->in);
	/* libfcgi ends the stream on an error too: only the error tells a cut body. */
	if (FCGX_GetError(r->in))
		return -1;
	if (got == 0)
		drop_read(r);
	return got;
}

static int fastcgi_write(struct conn *c, struct span bytes, bool flush)
{
	FCGX_Request *r = c->transport;

	while (bytes.len) {
		int part = (int)(bytes.len < INT_MAX ? bytes.len : INT_MAX);

		if (FCGX_PutStr(bytes.at, part, r->out) < 0)
			return -1;
		bytes.at += part;
		bytes.len -= (size_t)part;
	}
	return flush && FCGX_FFlush(r->out) < 0 ? -1 : 0;
}

/* The web servers close the connection; the specification's abort record is understood too. */
static int fastcgi_gone(struct conn *c)
{
	struct pollfd p = { .fd = c->watch_fd, .events = POLLIN | POLLRDHUP };
	unsigned char head[FCGI_HEADER_SIZE];
	ssize_t got;

	if (c->watch_fd < 0 || poll(&p, 1, 0) <= 0)
		return 0;
	if (p.revents & (POLLHUP | POLLERR | POLLRDHUP))
		return 1;
	got = recv(p.fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
	return got == 0 || (got == sizeof(head) && head[1] == FCGI_ABORT_RECORD);
}

static const struct conn_ops fastcgi_ops = { fastcgi_param, fastcgi_read, fastcgi_write,
					     fastcgi_gone };

/*
 * CGI: environment, standard input and output. A client that leaves is a SIGTERM by the server.
 * Until the body was read its default action ends us. Then it is a message, for what was used must
 * still be counted: a client that has the last byte and leaves is quicker than that, and lighttpd
 * sends one as soon as it has the whole of an answer.
 */

static const char *cgi_param(struct conn *c, const char *name)
{
	(void)c;
	return getenv(name);
}

static sigset_t sigterm(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	return set;
}

static ssize_t cgi_read(struct conn *c, void *out, size_t size)
{
	const sigset_t wanted = sigterm();
	ssize_t got;

	if (size > c->body_left)
		size = c->body_left;
	do
		got = size ? read(STDIN_FILENO, out, size) : 0;
	while (got < 0 && errno == EINTR);
	if (got > 0)
		c->body_left -= (size_t)got;
	if (got == 0 && c->watch_fd >= 0)
		pthread_sigmask(SIG_BLOCK, &wanted, NULL);
	return got;
}

static int cgi_write(struct conn *c, struct span bytes, bool flush)
{
	(void)c;
	(void)flush;
	while (bytes.len) {
		ssize_t sent = write(STDOUT_FILENO, bytes.at, bytes.len);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -1;
		bytes.at += sent;
		bytes.len -= (size_t)sent;
	}
	return 0;
}

/* The signal stays where it is: the next look finds it again. */
static int cgi_gone(struct conn *c)
{
	struct pollfd p = { .fd = c->watch_fd, .events = POLLIN };

	return c->watch_fd >= 0 && poll(&p, 1, 0) > 0;
}

static const struct conn_ops cgi_ops = { cgi_param, cgi_read, cgi_write, cgi_gone };

/* A server need not close our input behind the body: it may be the connection itself, on which
 * nothing more comes (RFC 3875, 4.2). Without a length there is none, but of a chunked one only the
 * end tells. */
static size_t body_length(void)
{
	const char *length = getenv("CONTENT_LENGTH");

	if (length && *length)
		return strtoul(length, NULL, 10);
	return getenv("HTTP_TRANSFER_ENCODING") ? SIZE_MAX : 0;
}

void conn_init_cgi(struct conn *c)
{
	const sigset_t wanted = sigterm();

	*c = (struct conn){ .ops = &cgi_ops,
			    .body_left = body_length(),
			    .watch_fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK) };
}

/* Memory. */

static const char *memory_param(struct conn *c, const char *name)
{
	const struct conn_memory *m = c->transport;
	size_t len = strlen(name);

	for (const char *const *p = m->params; *p; p++) {
		if (strncmp(*p, name, len) == 0 && (*p)[len] == '=')
			return *p + len + 1;
	}
	return NULL;
}

static ssize_t memory_read(struct conn *c, void *out, size_t size)
{
	struct conn_memory *m = c->transport;
	size_t len = size < m->body.len ? size : m->body.len;

	memcpy(out, m->body.at, len);
	m->body.at += len;
	m->body.len -= len;
	return (ssize_t)len;
}

static int never_gone(struct conn *c)
{
	(void)c;
	return 0;
}

static int memory_write(struct conn *c, struct span bytes, bool flush)
{
	struct conn_memory *m = c->transport;

	(void)flush;
	if (m->fail_after && m->out->len + bytes.len > m->fail_after)
		return -1;
	return buf_add(m->out, bytes.at, bytes.len);
}

static const struct conn_ops memory_ops = { memory_param, memory_read, memory_write, never_gone };

void conn_init_memory(struct conn *c, struct conn_memory *memory)
{
	*c = (struct conn){ .ops = &memory_ops, .transport = memory, .watch_fd = -1 };
}

int conn_fastcgi_init(void)
{
	int rc = FCGX_Init();

	/* After FCGX_Init(), which installs handlers of its own: a client that left is a write
	 * error, not the end of the process; SIGTERM ends a CGI program, libfcgi only notes it. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	return rc || FCGX_IsCGI() ? 1 : 0;
}

/* Ends the request. True: the next one may come on this connection. A connection that ends is
 * closed here: libfcgi shuts its writing end, waits until the web server has closed the other and
 * reads to the end, a twelfth of a small request's time. That is for bytes not yet read, at which a
 * close() would take back what the server has not read; here they all are. */
static bool finish(FCGX_Request *r, const struct conn *c)
{
	bool ends = !r->keepConnection;

	if (!r->in && FCGX_FClose(r->out)) /* with its reader libfcgi does it below */
		ends = true;
	if (ends && c->read_to_end)
		r->keepConnection = 1;
	FCGX_Finish_r(r);
	if (r->ipcFd >= 0 && ends) {
		close(r->ipcFd);
		r->ipcFd = -1;
	}
	return r->ipcFd >= 0;
}

void conn_serve(int fd, void (*serve)(void *context, struct conn *c), void *context)
{
	struct timeval limit = { .tv_sec = SEND_TIMEOUT };
	FCGX_Request r;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	FCGX_InitRequest(&r, -1, 0);
	r.ipcFd = fd;
	r.keepConnection = 1; /* makes FCGX_Accept_r() take this descriptor */
	while (FCGX_Accept_r(&r) == 0) {
		struct conn c = { .ops = &fastcgi_ops, .transport = &r, .watch_fd = r.ipcFd };

		serve(context, &c);
		if (!finish(&r, &c))
			return;
	}
	FCGX_Free(&r, 1);
}
