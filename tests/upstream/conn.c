#include "base.h"
#include "conn.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static int gone(struct conn *c)
{
	if (!c->gone) {
		c->gone = true;
		c->gone_at_ns = clock_mono_ns();
	}
	return -1;
}

int conn_open(struct conn *c, int fd, SSL_CTX *tls)
{
	int on = 1;

	c->fd = fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!tls)
		return 0;
	c->ssl = SSL_new(tls);
	if (!c->ssl || !SSL_set_fd(c->ssl, fd) || SSL_accept(c->ssl) != 1)
		return gone(c);
	return 0;
}

void conn_close(struct conn *c)
{
	if (c->ssl) {
		if (!c->gone)
			SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
		c->ssl = NULL;
	}
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	gone(c);
}

void conn_reset(struct conn *c)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	gone(c);
}

static ssize_t receive(struct conn *c, void *at, size_t len)
{
	ssize_t got;

	if (c->gone)
		return -1;
	if (c->ssl) {
		int want = len > INT32_MAX ? INT32_MAX : (int)len;

		got = SSL_read(c->ssl, at, want);
		if (got <= 0 && SSL_get_error(c->ssl, (int)got) == SSL_ERROR_ZERO_RETURN)
			got = 0;
	} else {
		do
			got = recv(c->fd, at, len, 0);
		while (got < 0 && errno == EINTR);
	}
	if (got <= 0)
		gone(c);
	return got;
}

ssize_t conn_fill(struct conn *c)
{
	ssize_t got;

	memmove(c->in, c->in + c->in_at, c->in_end - c->in_at);
	c->in_end -= c->in_at;
	c->in_at = 0;
	if (c->in_end == sizeof(c->in))
		return -1;
	got = receive(c, c->in + c->in_end, sizeof(c->in) - c->in_end);
	if (got > 0)
		c->in_end += (size_t)got;
	return got;
}

ssize_t conn_read(struct conn *c, void *at, size_t len)
{
	size_t ready = c->in_end - c->in_at;

	if (!ready)
		return receive(c, at, len);
	if (ready > len)
		ready = len;
	memcpy(at, c->in + c->in_at, ready);
	c->in_at += ready;
	return (ssize_t)ready;
}

/* A TLS record a part would show as small packets, so the parts are joined first. */
static int write_tls(struct conn *c, const struct iovec *parts, int count)
{
	size_t len = 0, at = 0;
	char *whole;
	int rc = 0;

	for (int i = 0; i < count; i++)
		len += parts[i].iov_len;
	whole = xmalloc(len);
	for (int i = 0; i < count; i++) {
		memcpy(whole + at, parts[i].iov_base, parts[i].iov_len);
		at += parts[i].iov_len;
	}
	if (len && SSL_write(c->ssl, whole, (int)len) <= 0)
		rc = gone(c);
	free(whole);
	return rc;
}

int conn_write(struct conn *c, struct iovec *parts, int count)
{
	if (c->gone)
		return -1;
	if (c->ssl)
		return write_tls(c, parts, count);
	while (count > 0) {
		struct msghdr message = { .msg_iov = parts, .msg_iovlen = (size_t)count };
		ssize_t sent;

		if (!parts->iov_len) {
			parts++;
			count--;
			continue;
		}
		sent = sendmsg(c->fd, &message, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return gone(c);
		while (count > 0 && (size_t)sent >= parts->iov_len) {
			sent -= (ssize_t)parts->iov_len;
			parts++;
			count--;
		}
		if (count > 0) {
			parts->iov_base = (char *)parts->iov_base + sent;
			parts->iov_len -= (size_t)sent;
		}
	}
	return 0;
}

int conn_wait_until(struct conn *c, int64_t moment_ns)
{
	/* Not POLLIN: a client may send its next request early, and that is no reason to wake. */
	struct pollfd peer = { .fd = c->fd, .events = POLLRDHUP };

	while (!c->gone) {
		int64_t left = moment_ns - clock_mono_ns();
		struct timespec wait = { .tv_sec = left / 1000000000,
					 .tv_nsec = left % 1000000000 };
		int ready;

		if (moment_ns >= 0 && left <= 0)
			return 0;
		ready = ppoll(&peer, 1, moment_ns < 0 ? NULL : &wait, NULL);
		if (ready > 0)
			gone(c);
	}
	return -1;
}

int conn_wait(struct conn *c, int64_t for_ns)
{
	return for_ns > 0 ? conn_wait_until(c, clock_mono_ns() + for_ns) : c->gone ? -1 : 0;
}
