/*
 * bench-load: so many clients at once, each with one request after the other on a kept connection,
 * for so long. One thread; it only counts. Prints one line of JSON.
 *
 *   bench-load PORT CLIENTS SECONDS FILE [PID...]
 *
 * FILE holds one request, head and body, as it goes over the wire. Of the processes it tells the
 * CPU time of the run, the memory (PSS) in the middle of it and the most that was seen, looking
 * four times a second. -PID stands for the children of PID. SECONDS 0: each client asks once.
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
#define LOOK_US 250000

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

/* Of those that have ended, by clock ticks of 10 ms. */
static int64_t children_cpu_us(pid_t pid)
{
	long long user = 0, system = 0;
	char path[64], line[1024];
	const char *at = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f && fgets(line, sizeof(line), f))
		at = strrchr(line, ')'); /* a name may have blanks; cutime is the 14th behind it */
	for (int i = 0; at && i < 14; i++)
		at = strchr(at + 1, ' ');
	if (at && sscanf(at, "%lld %lld", &user, &system) != 2)
		user = system = 0;
	if (f)
		fclose(f);
	return (user + system) * 1000000 / sysconf(_SC_CLK_TCK);
}

static int64_t cpu_us(pid_t pid)
{
	struct timespec t = { 0 };
	clockid_t clock;

	if (pid < 0)
		return children_cpu_us(-pid);
	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		return 0;
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static long pss_kb(pid_t pid);

static long children_pss_kb(pid_t pid)
{
	char path[64];
	long kb = 0;
	int child;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "r");
	while (f && fscanf(f, "%d", &child) == 1)
		kb += pss_kb(child);
	if (f)
		fclose(f);
	return kb;
}

static long pss_kb(pid_t pid)
{
	char path[64], line[128];
	long kb = 0;
	FILE *f;

	if (pid < 0)
		return children_pss_kb(-pid);
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

/* ---- the processes that are measured ---- */

static struct watched {
	pid_t pid;
	int64_t cpu_us;	      /* at the beginning */
	long pss_kb, peak_kb; /* in the middle, and the most */
} watched[PIDS];
static int watched_count;

static void watch_begin(char **pids, int count)
{
	watched_count = count;
	for (int i = 0; i < count; i++) {
		watched[i].pid = (pid_t)strtol(pids[i], NULL, 10);
		watched[i].cpu_us = cpu_us(watched[i].pid);
	}
}

static void watch_look(bool middle)
{
	for (struct watched *w = watched; w < watched + watched_count; w++) {
		long kb = pss_kb(w->pid);

		w->peak_kb = kb > w->peak_kb ? kb : w->peak_kb;
		if (middle)
			w->pss_kb = kb;
	}
}

static void watch_print(void)
{
	int n = watched_count;

	printf(",\"cpu_us\":[");
	for (int i = 0; i < n; i++)
		printf("%s%" PRId64, i ? "," : "", cpu_us(watched[i].pid) - watched[i].cpu_us);
	printf("],\"pss_kb\":[");
	for (int i = 0; i < n; i++)
		printf("%s%ld", i ? "," : "", watched[i].pss_kb);
	printf("],\"peak_kb\":[");
	for (int i = 0; i < n; i++)
		printf("%s%ld", i ? "," : "", watched[i].peak_kb);
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
	int64_t began, end, middle, look;
	struct client *clients;
	bool looked = false; /* in the middle */
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
	watch_begin(argv + 5, pids);
	began = now_us();
	look = began + LOOK_US;
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
		if (now_us() >= look) {
			watch_look(!looked && look >= middle);
			looked |= look >= middle;
			look += LOOK_US;
		}
	}
	seconds = (double)(now_us() - began) / 1e6;
	printf("{\"clients\":%d,\"seconds\":%.3f,\"requests\":%lld,\"failures\":%lld,"
	       "\"unfinished\":%d,\"events\":%lld,\"bytes\":%lld",
	       count, seconds, requests, failures, once ? running : 0, events, bytes);
	print_samples("first", &first);
	print_samples("late", &gap);
	watch_print();
	puts("}");
	return failures ? 1 : 0;
}
