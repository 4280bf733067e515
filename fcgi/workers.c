#include "common/base.h"
#include "fcgi/workers.h"

#include "common/clock.h"
#include "common/log.h"
#include "fcgi/conn.h"
#include "fcgi/router.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#define STACK	    (256 * 1024) /* TLS and 128 levels of JSON need under 100 KiB */
#define SPARE	    32		 /* beyond max_streams: they answer 529 */
#define KEEP	    32		 /* threads that wait; each keeps the stack that it has touched */
#define WAKE_SIGNAL SIGUSR2	 /* ends a wait in accept() */
#define PAUSE_MS    20		 /* between looks at what no event tells */
#define QUEUE_MS    1000	 /* in which the queue is emptied before a stop */

struct workers {
	struct app *app;
	int fd;
	pthread_attr_t attributes;
	sigset_t wake;
	_Atomic int threads;
	_Atomic int waiting; /* of them: in accept(), or on the way there */
	_Atomic bool stopping;
};

static void *work(void *argument);

int workers_most(const struct app *app)
{
	return app->max_streams + SPARE;
}

static void add_thread(struct workers *w)
{
	pthread_t thread;
	int rc;

	w->threads++;
	w->waiting++;
	rc = pthread_create(&thread, &w->attributes, work, w);
	if (!rc)
		return;
	log_line(LOG_ERROR, "no thread for a connection: %s", strerror(rc));
	w->waiting--;
	w->threads--;
}

static void wake(int signal)
{
	(void)signal;
}

/* The signal is let in only here: libfcgi takes an interrupted read for a broken one. */
static int wait_in_accept(struct workers *w)
{
	int fd;

	pthread_sigmask(SIG_UNBLOCK, &w->wake, NULL);
	fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);
	pthread_sigmask(SIG_BLOCK, &w->wake, NULL);
	return fd;
}

/* What else may have ended the wait is a signal, or a client that left its place in the queue. */
static void mend_accept(struct workers *w)
{
	struct pollfd queue = { .fd = w->fd, .events = POLLIN };

	if (errno == EAGAIN) /* somebody who shares the socket wants it so */
		poll(&queue, 1, PAUSE_MS);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		poll(NULL, 0, PAUSE_MS);
}

/* -1: this thread is not needed any more. */
static int next_connection(struct workers *w)
{
	int fd = -1;

	while (!w->stopping) {
		fd = wait_in_accept(w);
		if (fd >= 0)
			break;
		mend_accept(w);
	}
	/* Once none would be left waiting. With as many threads as there may be, those that come
	 * wait in the queue. */
	if (--w->waiting == 0 && fd >= 0 && w->threads < workers_most(w->app))
		add_thread(w);
	return fd;
}

static void serve(void *context, struct conn *conn)
{
	struct app *app = context;

	if (app->active > app->max_streams)
		router_refuse(app, conn);
	else
		router_serve(app, conn);
}

static void serve_connection(struct app *app, int fd)
{
	app->active++;
	conn_serve(fd, serve, app);
	app_fetch_catalogue(app);
	app->active--;
}

static void *work(void *argument)
{
	struct workers *w = argument;
	int fd;

	while ((fd = next_connection(w)) >= 0) {
		serve_connection(w->app, fd);
		if (++w->waiting > KEEP) {
			w->waiting--;
			break;
		}
	}
	w->threads--;
	return NULL;
}

struct workers *workers_start(struct app *app, int fd)
{
	struct workers *w = xcalloc(1, sizeof(*w));
	struct sigaction action = { .sa_handler = wake }; /* without SA_RESTART */

	w->app = app;
	w->fd = fd;
	sigaction(WAKE_SIGNAL, &action, NULL);
	sigemptyset(&w->wake);
	sigaddset(&w->wake, WAKE_SIGNAL);
	pthread_sigmask(SIG_BLOCK, &w->wake, NULL); /* threads inherit it */
	pthread_attr_init(&w->attributes);
	pthread_attr_setstacksize(&w->attributes, STACK);
	pthread_attr_setdetachstate(&w->attributes, PTHREAD_CREATE_DETACHED);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	add_thread(w);
	if (w->threads)
		return w;
	workers_free(w);
	return NULL;
}

/* Those who wait take what is queued, unless there are as many threads as there may be. */
static void empty_queue(struct workers *w)
{
	struct pollfd queue = { .fd = w->fd, .events = POLLIN };

	for (int i = 0; i < QUEUE_MS && w->waiting > 0 && poll(&queue, 1, 0) > 0; i++)
		poll(NULL, 0, 1);
}

/* The signal goes to one that lets it in, who may be just before accept(): again then. */
static void end_waiting(struct workers *w)
{
	w->stopping = true;
	while (w->waiting > 0) {
		kill(getpid(), WAKE_SIGNAL);
		poll(NULL, 0, 1);
	}
}

int workers_stop(struct workers *w, int64_t until)
{
	empty_queue(w);
	end_waiting(w);
	close(w->fd);
	while (w->threads > 0 && clock_ticks() < until)
		poll(NULL, 0, PAUSE_MS);
	return w->threads;
}

void workers_free(struct workers *w)
{
	pthread_attr_destroy(&w->attributes);
	free(w);
}
