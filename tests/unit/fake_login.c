#include "common/base.h"
#include "tests/unit/fake_login.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Until the body is as long as content-length says. */
static bool read_request(struct fake_login *f, int fd)
{
	size_t len = 0;
	ssize_t got;

	f->body = "";
	while ((got = recv(fd, f->request + len, sizeof(f->request) - 1 - len, 0)) > 0) {
		const char *end, *length;

		len += (size_t)got;
		f->request[len] = '\0';
		end = strstr(f->request, "\r\n\r\n");
		length = strcasestr(f->request, "content-length:");
		if (end && strncmp(f->request, "GET ", 4) == 0)
			return true;
		if (end && length && strlen(end + 4) >= (size_t)atoi(length + 15)) {
			f->body = end + 4;
			return true;
		}
	}
	return false;
}

static void rotate(struct fake_login *f, char *out, size_t size, int *status)
{
	char current[32], *at;
	size_t len;

	snprintf(current, sizeof(current), "refresh-%d", f->generation);
	len = strlen(current);
	at = strstr(f->body, current);
	*status = at && (at[len] == '"' || at[len] == '&') ? 200 : 400;
	if (*status == 400) {
		snprintf(out, size, "{\"error\":\"invalid_grant\",\"error_description\":\"no\"}");
		return;
	}
	f->generation++;
	snprintf(out, size,
		 "{\"accessToken\":\"access-%d\",\"refreshToken\":\"refresh-%d\",\"expiresIn\":"
		 "3600}",
		 f->generation, f->generation);
}

static void answer(struct fake_login *f, int fd)
{
	char body[4096], reply[5120];
	int status = f->status, len;

	if (f->meanwhile)
		f->meanwhile(f);
	if (f->delay_ms)
		nanosleep(&(struct timespec){ .tv_sec = f->delay_ms / 1000,
					      .tv_nsec = f->delay_ms % 1000 * 1000000L },
			  NULL);
	if (status)
		snprintf(body, sizeof(body), "%s", f->answer);
	else
		rotate(f, body, sizeof(body), &status);
	len = snprintf(reply, sizeof(reply),
		       "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		       "%sConnection: close\r\n\r\n%s",
		       status, strlen(body), f->headers ? f->headers : "", body);
	(void)!send(fd, reply, (size_t)len, MSG_NOSIGNAL);
}

static void *serve(void *context)
{
	struct fake_login *f = context;
	int fd;

	while ((fd = accept(f->listener, NULL, NULL)) >= 0) {
		if (read_request(f, fd)) {
			f->count++;
			answer(f, fd);
		}
		close(fd);
	}
	return NULL;
}

void fake_login_start(struct fake_login *f)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);

	*f = (struct fake_login){ .body = "" };
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(f->listener, (struct sockaddr *)&at, size) || listen(f->listener, 64) ||
	    getsockname(f->listener, (struct sockaddr *)&at, &size))
		abort();
	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d", ntohs(at.sin_port));
	if (pthread_create(&f->thread, NULL, serve, f))
		abort();
}

void fake_login_stop(struct fake_login *f)
{
	shutdown(f->listener, SHUT_RDWR); /* ends accept() */
	pthread_join(f->thread, NULL);
	close(f->listener);
}
