/*
 * bench-passthrough: the least that a FastCGI program on the same libraries can do: it asks the
 * upstream named by BENCH_UPSTREAM and hands each piece on as it comes, with a flush. A thread for
 * each connection, handles are kept; no TLS, no limits, no logs, no accounts, no conversion.
 */
#include "common/base.h"

#include <curl/curl.h>
#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#define STACK (256 * 1024)

struct slot {
	struct slot *next;
	CURL *easy;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot *idle;
static const char *upstream;

static struct slot *slot_take(void)
{
	struct slot *s;

	pthread_mutex_lock(&lock);
	s = idle;
	if (s)
		idle = s->next;
	pthread_mutex_unlock(&lock);
	if (!s) {
		s = xcalloc(1, sizeof(*s));
		s->easy = curl_easy_init();
	}
	return s;
}

static void slot_give_back(struct slot *s)
{
	pthread_mutex_lock(&lock);
	s->next = idle;
	idle = s;
	pthread_mutex_unlock(&lock);
}

struct pass {
	FCGX_Request *r;
	bool begun;
};

static size_t hand_on(char *at, size_t size, size_t count, void *context)
{
	struct pass *p = context;

	if (!p->begun) {
		FCGX_PutS("Status: 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", p->r->out);
		p->begun = true;
	}
	FCGX_PutStr(at, (int)(size * count), p->r->out);
	return FCGX_FFlush(p->r->out) < 0 ? 0 : size * count;
}

static char *read_body(FCGX_Request *r, size_t *len)
{
	size_t size = 16384;
	char *body = xmalloc(size);
	int got;

	*len = 0;
	while ((got = FCGX_GetStr(body + *len, (int)(size - *len), r->in)) > 0) {
		*len += (size_t)got;
		if (*len == size)
			body = xrealloc(body, size *= 2);
	}
	return body;
}

static void serve(FCGX_Request *r)
{
	const char *path = FCGX_GetParam("PATH_INFO", r->envp);
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	struct pass pass = { .r = r };
	struct slot *s = slot_take();
	char url[256];
	size_t len;
	char *body = read_body(r, &len);

	snprintf(url, sizeof(url), "%s%s", upstream, path ? path : "/");
	curl_easy_setopt(s->easy, CURLOPT_URL, url);
	curl_easy_setopt(s->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(s->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE, (long)len);
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, hand_on);
	curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, &pass);
	curl_easy_perform(s->easy);
	curl_easy_reset(s->easy);
	curl_slist_free_all(headers);
	slot_give_back(s);
	free(body);
}

static void *work(void *argument)
{
	FCGX_Request r;

	FCGX_InitRequest(&r, -1, 0);
	r.ipcFd = (int)(intptr_t)argument;
	r.keepConnection = 1; /* makes FCGX_Accept_r() take this descriptor */
	while (FCGX_Accept_r(&r) == 0) {
		serve(&r);
		FCGX_Finish_r(&r);
		if (r.ipcFd < 0)
			return NULL;
	}
	FCGX_Free(&r, 1);
	return NULL;
}

int main(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int fd;

	upstream = getenv("BENCH_UPSTREAM");
	if (!upstream)
		return 64;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	FCGX_Init();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	while ((fd = accept4(0, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno == EINTR) {
		if (fd >= 0 && pthread_create(&thread, &attributes, work, (void *)(intptr_t)fd))
			close(fd);
	}
	return 0;
}
