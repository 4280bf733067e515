/*
 * bench-load: so many clients at once, each with one request after the other on a kept connection,
 * for so long. One thread; it only counts. Prints one line of JSON.
 *
 *   bench-load PORT CLIENTS SECONDS FILE [PID...]
 *
 * FILE holds one request, head and body, as it goes over the wire. Of the processes it tells the
 * CPU time of the run and the memory (PSS) in the middle of it. SECONDS 0: each client asks once.
 */
#include "common/base.h"
#include "common/buf.h"
#include "common/limits.h"
#include "tests/bench/net.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>

#define PIDS	8
#define SAMPLES 4000000
#define RAMP_US 1000 /* between the first requests of two clients */

struct client {
	int fd;
	size_t sent; /* of the request */
	int64_t began;
	char head[2048]; /* of the answer */
	size_t head_len;
	bool in_body, chunked, last; /* last: the server closes behind it */
	long long left;		     /* bytes of a body that has a length */
	char tail[8];		     /* the last bytes of a chunked one */
	bool first_seen;
	int mark_at; /* digits of the mark under way, -1: none */
	int64_t mark;
};

struct samples {
	int32_t *us;
	size_t count;
};

static struct sockaddr_in target;
static struct buf request;
static int poll_fd;
static long long requests, failures, events, bytes;
static bool once, over;
static int running;
static struct samples first, gap;

static void note(struct samples *s, int64_t us)
{
	if (s->count < SAMPLES)
		s->us[s->count++] = us < INT32_MAX ? (int32_t)us : INT32_MAX;
}

static void start(struct client *c)
{
	struct epoll_event want = { .events = EPOLLOUT | EPOLLIN, .data.ptr = c };
	int on = 1;

	if (c->fd < 0) {
		c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (connect(c->fd, (struct sockaddr *)&target, sizeof(target)) &&
		    errno != EINPROGRESS)
			die("connect");
		epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &want);
	} else {
		epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &want);
	}
	*c = (struct client){ .fd = c->fd, .began = now_us(), .mark_at = -1 };
}

static void finish(struct client *c, bool good)
{
	requests += good;
	failures += !good;
	if (!good && !over)
		fprintf(stderr, "bench-load: %.*s\n", 200, c->head_len ? c->head : "cut");
	if (!good || c->last) {
		close(c->fd);
		c->fd = -1;
	}
	if (once || over)
		running--;
	else
		start(c);
}

static void take_mark(struct client *c)
{
	int64_t now = now_us();

	events++;
	if (!c->first_seen)
		note(&first, now - c->began);
	c->first_seen = true;
	note(&gap, now - c->mark);
}

static void scan(struct client *c, const char *at, size_t len)
{
	const char *end = at + len;

	while (at < end) {
		if (c->mark_at < 0) {
			at = memchr(at, MARK, (size_t)(end - at));
			if (!at)
				return;
			c->mark_at = 0;
			c->mark = 0;
			at++;
			continue;
		}
		if (*at < '0' || *at > '9') { /* chunked: a boundary may stand in between */
			at++;
			c->mark_at =
				c->mark_at && (at[-1] == '\r' || at[-1] == '\n') ? c->mark_at : -1;
			continue;
		}
		c->mark = c->mark * 10 + (*at++ - '0');
		if (++c->mark_at == MARK_DIGITS) {
			c->mark_at = -1;
			take_mark(c);
		}
	}
}

static void take_body(struct client *c, const char *at, size_t len)
{
	size_t keep = sizeof(c->tail) - 3;

	bytes += (long long)len;
	scan(c, at, len);
	if (c->chunked) {
		if (len >= keep) {
			memcpy(c->tail, at + len - keep, keep);
		} else {
			memmove(c->tail, c->tail + len, keep - len);
			memcpy(c->tail + keep - len, at, len);
		}
		if (memcmp(c->tail, "0\r\n\r\n", 5) == 0)
			finish(c, true);
	} else {
		c->left -= (long long)len;
		if (c->left <= 0)
			finish(c, true);
	}
}

static void take(struct client *c)
{
	static char in[KB(256)];
	ssize_t got = recv(c->fd, in, sizeof(in), 0);
	char *end, *length;
	size_t part, before;

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		finish(c, false);
		return;
	}
	if (c->in_body) {
		take_body(c, in, (size_t)got);
		return;
	}
	part = sizeof(c->head) - 1 - c->head_len;
	part = (size_t)got < part ? (size_t)got : part;
	before = c->head_len;
	memcpy(c->head + c->head_len, in, part);
	c->head_len += part;
	c->head[c->head_len] = '\0';
	end = strstr(c->head, "\r\n\r\n");
	if (!end)
		return;
	if (strncmp(c->head, "HTTP/1.1 200", 12) != 0) {
		finish(c, false);
		return;
	}
	length = strcasestr(c->head, "\r\ncontent-length:");
	c->chunked = !length || length > end;
	c->left = c->chunked ? 0 : strtoll(length + 17, NULL, 10);
	c->in_body = true;
	c->last = strcasestr(c->head, "\r\nconnection: close");
	part = (size_t)(end + 4 - c->head) - before; /* of what came now is head */
	take_body(c, in + part, (size_t)got - part);
}

static void give(struct client *c)
{
	struct epoll_event want = { .events = EPOLLIN, .data.ptr = c };
	ssize_t n;

	if (c->sent == request.len)
		return;
	n = send(c->fd, request.at + c->sent, request.len - c->sent, MSG_NOSIGNAL);
	if (n < 0) {
		if (errno != EAGAIN)
			finish(c, false);
		return;
	}
	c->sent += (size_t)n;
	if (c->sent == request.len)
		epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &want);
}

static int64_t cpu_us(pid_t pid)
{
	struct timespec t = { 0 };
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		return 0;
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static long pss_kb(pid_t pid)
{
	char path[64], line[128];
	long kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Pss: %ld", &kb) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kb;
}

static int by_size(const void *a, const void *b)
{
	int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;

	return (left > right) - (left < right);
}

static void print_samples(const char *name, struct samples *s)
{
	static const double parts[] = { 0.5, 0.9, 0.99, 1 };

	qsort(s->us, s->count, sizeof(*s->us), by_size);
	printf(",\"%s_us\":[", name);
	for (size_t i = 0; i < ARRAY_SIZE(parts) && s->count; i++)
		printf("%s%d", i ? "," : "", s->us[(size_t)((double)(s->count - 1) * parts[i])]);
	printf("]");
}

static void work(int timeout_ms)
{
	struct epoll_event seen[256];
	int n = epoll_wait(poll_fd, seen, ARRAY_SIZE(seen), timeout_ms);

	for (int i = 0; i < n; i++) {
		struct client *c = seen[i].data.ptr;

		if (c->fd >= 0 && (seen[i].events & EPOLLOUT))
			give(c);
		if (c->fd >= 0 && (seen[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
			take(c);
	}
}

int main(int argc, char **argv)
{
	int count, pids = argc > 5 ? argc - 5 : 0, started = 0;
	int64_t began, end, middle, spent[PIDS];
	long pss[PIDS] = { 0 };
	struct client *clients;
	bool looked = false;
	double seconds;

	if (argc < 5 || pids > PIDS) {
		fputs("usage: bench-load PORT CLIENTS SECONDS FILE [PID...]\n", stderr);
		return 64;
	}
	signal(SIGPIPE, SIG_IGN);
	target = (struct sockaddr_in){ .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	count = (int)strtol(argv[2], NULL, 10);
	seconds = strtod(argv[3], NULL);
	once = seconds <= 0;
	buf_init(&request, MB(64));
	if (buf_read_file(&request, argv[4]))
		die(argv[4]);
	clients = xcalloc((size_t)count, sizeof(*clients));
	first.us = xcalloc(SAMPLES, sizeof(int32_t));
	gap.us = xcalloc(SAMPLES, sizeof(int32_t));
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < pids; i++)
		spent[i] = cpu_us((pid_t)strtol(argv[5 + i], NULL, 10));
	began = now_us();
	end = began + (int64_t)(once ? 300e6 : seconds * 1e6);
	middle = began + (once ? (int64_t)count * RAMP_US + 1500000 : (end - began) / 2);
	running = count;
	while (running > 0 && now_us() < end + 100000) {
		while (started < count && (count < 100 || now_us() >= began + started * RAMP_US)) {
			clients[started].fd = -1;
			start(&clients[started++]);
		}
		over = now_us() >= end;
		if (over && !once)
			break;
		work(1);
		if (!looked && now_us() >= middle) {
			looked = true;
			for (int i = 0; i < pids; i++)
				pss[i] = pss_kb((pid_t)strtol(argv[5 + i], NULL, 10));
		}
	}
	seconds = (double)(now_us() - began) / 1e6;
	printf("{\"clients\":%d,\"seconds\":%.3f,\"requests\":%lld,\"failures\":%lld,"
	       "\"unfinished\":%d,\"events\":%lld,\"bytes\":%lld",
	       count, seconds, requests, failures, once ? running : 0, events, bytes);
	print_samples("first", &first);
	print_samples("late", &gap);
	printf(",\"cpu_us\":[");
	for (int i = 0; i < pids; i++)
		printf("%s%" PRId64, i ? "," : "",
		       cpu_us((pid_t)strtol(argv[5 + i], NULL, 10)) - spent[i]);
	printf("],\"pss_kb\":[");
	for (int i = 0; i < pids; i++)
		printf("%s%ld", i ? "," : "", pss[i]);
	puts("]}");
	return failures ? 1 : 0;
}
