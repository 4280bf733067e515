/*
 * bench-source: an upstream that costs next to nothing. One thread; unthrottled answers are made
 * beforehand and written as fast as they are taken, paced ones leave frame by frame.
 *
 *   bench-source        prints "listening PORT"
 *   GET /_set/KIND/EVENTS/MS   what the next answers are: text or tool; MS 0: unthrottled
 *   POST /sse           the same answer as the client of the gateway would see it, for those who
 *                       only pass it on; /small a whole answer; /models a list
 *   anything else       the answer in frames
 */
#include "common/base.h"
#include "common/buf.h"
#include "common/limits.h"
#include "tests/bench/net.h"
#include "tests/unit/frames.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>

#define CLIENTS 16384
#define IN_MAX	KB(32) /* of a head; bodies are only counted */
#define ANSWER	MB(16)
#define TICK_MS 1

#define WORDS	    " jumps over the lazy dog"
#define HEAD	    "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
#define FRAMES_TYPE "application/vnd.amazon.eventstream"
#define SSE_TYPE    "text/event-stream; charset=utf-8"
#define JSON_HEAD                                                                                  \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s"

struct client {
	int fd;
	struct buf in, out;
	size_t sent, body_left;
	bool sse;
	long left;   /* events of a paced answer */
	int64_t due; /* us: the next one */
};

static struct client *clients[CLIENTS];
static int poll_fd, highest;
static struct {
	bool tool;
	long events, pace_ms;
	struct buf frames, sse; /* answers made beforehand */
} set;

static void add_chunk(struct buf *out, struct span bytes)
{
	buf_add_format(out, "%zx\r\n", bytes.len);
	buf_add(out, bytes.at, bytes.len);
	buf_add(out, "\r\n", 2);
}

static void add_frame_chunk(struct buf *out, const char *type, const char *json)
{
	struct buf frame;

	buf_init(&frame, KB(4));
	add_message(&frame, "event", type, json);
	add_chunk(out, buf_span(&frame));
	buf_release(&frame);
}

static void add_sse_chunk(struct buf *out, const char *name, const char *rest)
{
	char event[1024];

	snprintf(event, sizeof(event), "event: %s\ndata: {\"type\":\"%s\"%s}\n\n", name, name,
		 rest);
	add_chunk(out, span_of(event));
}

static void add_begin(struct buf *out, bool sse)
{
	buf_add_format(out, HEAD, sse ? SSE_TYPE : FRAMES_TYPE);
	if (sse) {
		add_sse_chunk(out, "message_start", ",\"message\":{\"id\":\"msg_1\",\"usage\":{}}");
		add_sse_chunk(out, "content_block_start",
			      ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}");
	} else if (set.tool) {
		add_frame_chunk(out, "toolUseEvent",
				"{\"toolUseId\":\"tooluse_1\",\"name\":\"Write\"}");
		add_frame_chunk(out, "toolUseEvent",
				"{\"toolUseId\":\"tooluse_1\",\"name\":\"Write\","
				"\"input\":\"{\\\"text\\\":\\\"\"}");
	}
}

static void add_event(struct buf *out, bool sse)
{
	char json[256];

	if (sse)
		snprintf(json, sizeof(json),
			 ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"@%0*" PRId64
				 WORDS "\"}",
			 MARK_DIGITS, now_us());
	else if (set.tool)
		snprintf(json, sizeof(json),
			 "{\"toolUseId\":\"tooluse_1\",\"name\":\"Write\",\"input\":\"@%0*" PRId64
				 WORDS "\"}",
			 MARK_DIGITS, now_us());
	else
		snprintf(json, sizeof(json), "{\"content\":\"@%0*" PRId64 WORDS "\"}", MARK_DIGITS,
			 now_us());
	if (sse)
		add_sse_chunk(out, "content_block_delta", json);
	else
		add_frame_chunk(out, set.tool ? "toolUseEvent" : "assistantResponseEvent", json);
}

static void add_end(struct buf *out, bool sse)
{
	if (sse) {
		add_sse_chunk(out, "message_stop", "");
	} else {
		if (set.tool)
			add_frame_chunk(out, "toolUseEvent",
					"{\"toolUseId\":\"tooluse_1\",\"name\":\"Write\","
					"\"input\":\"\\\"}\",\"stop\":true}");
		add_frame_chunk(out, "metadataEvent",
				set.tool ? "{\"stopReason\":\"TOOL_USE\"}"
					 : "{\"stopReason\":\"END_TURN\"}");
		add_frame_chunk(out, "contextUsageEvent", "{\"contextUsagePercentage\":1.5}");
		add_frame_chunk(out, "meteringEvent", "{\"unit\":\"credit\",\"usage\":0.01}");
	}
	buf_add_text(out, "0\r\n\r\n");
}

static void make_answers(void)
{
	for (int sse = 0; sse < 2; sse++) {
		struct buf *out = sse ? &set.sse : &set.frames;

		buf_reset(out);
		add_begin(out, sse);
		for (long i = 0; i < set.events && !set.pace_ms; i++)
			add_event(out, sse);
		add_end(out, sse);
	}
}

static void drop(struct client *c)
{
	close(c->fd);
	clients[c->fd] = NULL;
	buf_release(&c->in);
	buf_release(&c->out);
	free(c);
}

/* False: the client went. */
static bool push(struct client *c)
{
	struct epoll_event want = { .events = EPOLLIN, .data.fd = c->fd };

	while (c->sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.at + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			want.events |= EPOLLOUT;
			break;
		}
		if (n < 0) {
			drop(c);
			return false;
		}
		c->sent += (size_t)n;
	}
	if (c->sent == c->out.len) {
		buf_reset(&c->out);
		c->sent = 0;
	}
	epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &want);
	return true;
}

static void change(struct client *c, const char *path)
{
	char kind[16];

	if (sscanf(path, "/_set/%15[a-z]/%ld/%ld", kind, &set.events, &set.pace_ms) != 3)
		buf_add_format(&c->out, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
	set.tool = strcmp(kind, "tool") == 0;
	make_answers();
	buf_add_format(&c->out, JSON_HEAD, (size_t)2, "{}");
}

/* Starts of paced answers are spread over their distance: real ones do not come in step. */
static void answer(struct client *c, const char *path)
{
	static const char small[] = "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\","
				    "\"content\":[{\"type\":\"text\",\"text\":\"A few words.\"}],"
				    "\"usage\":{\"input_tokens\":10,\"output_tokens\":3}}";
	const struct buf *made;

	c->sse = strncmp(path, "/sse", 4) == 0;
	made = c->sse ? &set.sse : &set.frames;
	if (strncmp(path, "/_set/", 6) == 0) {
		change(c, path);
	} else if (strncmp(path, "/small", 6) == 0 || strncmp(path, "/models", 7) == 0) {
		buf_add_format(&c->out, JSON_HEAD, sizeof(small) - 1, small);
	} else if (set.pace_ms) {
		add_begin(&c->out, c->sse);
		add_event(&c->out, c->sse);
		c->left = set.events - 1;
		c->due = now_us() + set.pace_ms * 1000;
	} else {
		buf_add(&c->out, made->at, made->len);
	}
	push(c);
}

static void take_head(struct client *c, char *end)
{
	const char *length = strcasestr(c->in.at, "\r\ncontent-length:");
	const char *path = strchr(c->in.at, ' ');
	size_t have = c->in.len - (size_t)(end + 4 - c->in.at);
	size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
	char asked[64];

	snprintf(asked, sizeof(asked), "%.63s", path ? path + 1 : "/");
	c->body_left = body > have ? body - have : 0;
	buf_reset(&c->in);
	if (c->body_left)
		buf_add_text(&c->in, asked); /* answered when the body is whole */
	else
		answer(c, asked);
}

static void take(struct client *c)
{
	static char bytes[KB(256)];
	ssize_t got = recv(c->fd, bytes, sizeof(bytes), 0);
	char *end;

	if (got <= 0) {
		if (got == 0 || errno != EAGAIN)
			drop(c);
		return;
	}
	if (c->body_left) {
		char asked[64];

		c->body_left -= (size_t)got < c->body_left ? (size_t)got : c->body_left;
		if (c->body_left)
			return;
		snprintf(asked, sizeof(asked), "%.63s", c->in.at);
		buf_reset(&c->in);
		answer(c, asked);
		return;
	}
	if (buf_add(&c->in, bytes, (size_t)got)) {
		drop(c);
		return;
	}
	end = strstr(c->in.at, "\r\n\r\n");
	if (end)
		take_head(c, end);
}

static void admit(int listener)
{
	int fd, on = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct epoll_event want = { .events = EPOLLIN, .data.fd = fd };
		struct client *c;

		if (fd >= CLIENTS) {
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		c = xcalloc(1, sizeof(*c));
		c->fd = fd;
		buf_init(&c->in, MB(1));
		buf_init(&c->out, ANSWER);
		clients[fd] = c;
		highest = fd > highest ? fd : highest;
		epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &want);
	}
}

static void pace(void)
{
	int64_t now = now_us();

	for (int fd = 0; fd <= highest; fd++) {
		struct client *c = clients[fd];

		if (!c || !c->due || c->due > now)
			continue;
		if (c->left-- > 0) {
			add_event(&c->out, c->sse);
			c->due += set.pace_ms * 1000;
		} else {
			add_end(&c->out, c->sse);
			c->due = 0;
		}
		push(c);
	}
}

int main(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct epoll_event want = { .events = EPOLLIN, .data.fd = listener }, seen[256];

	signal(SIGPIPE, SIG_IGN);
	buf_init(&set.frames, ANSWER);
	buf_init(&set.sse, ANSWER);
	set.events = 3;
	make_answers();
	if (bind(listener, (struct sockaddr *)&at, size) || listen(listener, 4096) ||
	    getsockname(listener, (struct sockaddr *)&at, &size))
		die("listen");
	printf("listening %u\n", ntohs(at.sin_port));
	fflush(stdout);
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &want);
	for (;;) {
		int n = epoll_wait(poll_fd, seen, ARRAY_SIZE(seen), set.pace_ms ? TICK_MS : -1);

		for (int i = 0; i < n; i++) {
			struct client *c = clients[seen[i].data.fd];

			if (seen[i].data.fd == listener)
				admit(listener);
			else if (c && (seen[i].events & EPOLLOUT) && !push(c))
				continue;
			else if (c && (seen[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
				take(c);
		}
		if (set.pace_ms)
			pace();
	}
}
