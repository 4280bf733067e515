/*
 * kiro.fcgi: the responder. Started by a web server with a listening FastCGI socket as descriptor
 * 0, or as a plain CGI program for one request.
 *
 * The main thread accepts, owns the signals and the limits; each connection gets a blocking worker
 * thread. Handlers see a struct conn and do not know which of the two they serve.
 */
#include "common/base.h"
#include "fcgi/app.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "fcgi/conn.h"
#include "fcgi/router.h"

#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sysexits.h>

#define LISTEN_FD     0		   /* FCGI_LISTENSOCK_FILENO */
#define WORKER_STACK  (256 * 1024) /* TLS and 128 levels of JSON need under 100 KiB */
#define SPARE_WORKERS 32	   /* beyond max_streams: they answer 529 */
#define DESCRIPTORS_A_STREAM                                                                       \
	5		    /* FastCGI, upstream, libcurl's wake-up pair, place of an account      \
			     */
#define POLL_MS	       1000 /* how often the configuration file is looked at */
#define BEHIND_SECONDS 60   /* of a CGI program, behind its answer */
#define ARENAS	       2    /* of malloc */
#define LARGE_BLOCK    (128 * 1024) /* bytes */

struct worker {
	struct app *app;
	int fd;
};

static void serve(void *context, struct conn *conn)
{
	struct app *app = context;

	if (app->active > app->max_streams)
		router_refuse(app, conn);
	else
		router_serve(app, conn);
}

static void *work(void *argument)
{
	struct worker w = *(struct worker *)argument;

	free(argument);
	conn_serve(w.fd, serve, w.app);
	app_fetch_catalogue(w.app);
	w.app->active--;
	return NULL;
}

static void hand_over(struct app *app, const pthread_attr_t *attributes, int fd)
{
	struct worker *w = xmalloc(sizeof(*w));
	pthread_t thread;

	*w = (struct worker){ app, fd };
	app->active++;
	if (pthread_create(&thread, attributes, work, w)) {
		log_line(LOG_ERROR, "no thread for a connection: %s", strerror(errno));
		app->active--;
		free(w);
		close(fd);
	}
}

static bool has_room(const struct app *app)
{
	return app->active < app->max_streams + SPARE_WORKERS;
}

static void accept_queued(struct app *app, const pthread_attr_t *attributes)
{
	while (has_room(app)) {
		int fd = accept4(LISTEN_FD, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return;
		hand_over(app, attributes, fd);
	}
}

/* True when the process is to stop. */
static bool handle_signal(struct app *app, int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return false;
	switch (info.ssi_signo) {
	case SIGHUP:
		app_reload(app);
		return false;
	case SIGUSR1:
		log_reopen();
		return false;
	default:
		return true;
	}
}

/* Running streams may finish within drain_timeout; the rest ends with the process. */
static void drain(struct app *app)
{
	int64_t until = clock_ticks() + (int64_t)app->site->config->drain_timeout * 1000;

	close(LISTEN_FD);
	while (app->active > 0 && clock_ticks() < until)
		poll(NULL, 0, 20);
	if (app->active > 0)
		log_line(LOG_WARN, "stopping with %d requests unfinished", app->active);
}

static void run(struct app *app, int signals)
{
	struct pollfd watched[] = { { .fd = LISTEN_FD, .events = POLLIN },
				    { .fd = signals, .events = POLLIN } };
	pthread_attr_t attributes;
	bool stopping = false;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, WORKER_STACK);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	fcntl(LISTEN_FD, F_SETFL, fcntl(LISTEN_FD, F_GETFL) | O_NONBLOCK);

	while (!stopping) {
		bool room = has_room(app);

		watched[0].fd = room ? LISTEN_FD : -1;
		watched[1].revents = 0;
		poll(watched, ARRAY_SIZE(watched), room ? POLL_MS : 20);
		if (watched[1].revents)
			stopping = handle_signal(app, signals);
		accept_queued(app, &attributes); /* when stopping: what is queued is still served */
		app_reload_if_changed(app);
	}
	drain(app);
	pthread_attr_destroy(&attributes);
}

static void raise_descriptor_limit(int max_streams)
{
	rlim_t wanted = (rlim_t)(max_streams + SPARE_WORKERS) * DESCRIPTORS_A_STREAM + 64;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < wanted)
		log_line(LOG_WARN, "only %ju descriptors allowed, max_streams wants %ju",
			 (uintmax_t)limit.rlim_cur, (uintmax_t)wanted);
}

static int serve_fastcgi(struct app *app, const sigset_t *handled)
{
	int signals = signalfd(-1, handled, SFD_CLOEXEC | SFD_NONBLOCK);

	if (signals < 0) {
		log_line(LOG_ERROR, "signalfd: %s", strerror(errno));
		return EX_OSERR;
	}
	raise_descriptor_limit(app->max_streams);
	app_check_stores(app);
	run(app, signals);
	/* Workers that are still at it must not meet a released app. */
	if (app->active > 0)
		_exit(EX_OK);
	close(signals);
	return EX_OK;
}

/* What a FastCGI worker does behind its answer, as plain CGI: the web server waits for our end and
 * for the end of our output, so that another process does it, without any of our descriptors. */
static void fetch_behind(struct app *app)
{
	struct error e = { 0 };
	int null;

	if (!app_wants_catalogue(app) || fork() != 0)
		return;
	setsid();
	null = open("/dev/null", O_RDWR);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	alarm(BEHIND_SECONDS);
	if (!app_after_fork(app, &e))
		app_fetch_catalogue(app);
	_exit(EX_OK);
}

/* SIGTERM: the web server says that the client has left. The request is ended as everywhere, and
 * booked; the other signals keep their default action. */
static int serve_cgi(struct app *app, const sigset_t *handled)
{
	struct conn conn;
	sigset_t left;
	int signals;

	pthread_sigmask(SIG_UNBLOCK, handled, NULL);
	sigemptyset(&left);
	sigaddset(&left, SIGTERM);
	signals = signalfd(-1, &left, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals >= 0)
		pthread_sigmask(SIG_BLOCK, &left, NULL);
	conn_init_cgi(&conn, signals);
	router_serve(app, &conn);
	fetch_behind(app);
	return EX_OK;
}

static int usage(FILE *to, int rc)
{
	fputs("usage: kiro.fcgi [--config FILE]\n"
	      "\n"
	      "Serves the Anthropic and OpenAI client APIs with Kiro accounts. Started by a web\n"
	      "server: with a FastCGI socket as descriptor 0, or as a CGI program.\n"
	      "\n"
	      "  --config FILE   settings (else KIRO_CONFIG, kiro.json beside the program,\n"
	      "                  /etc/kiro-fcgi/kiro.json)\n"
	      "  --version       print the version\n"
	      "  --help          print this\n",
	      to);
	return rc;
}

/* -1: go on; else the exit code. A query string that the web server passes as arguments to a CGI
 * program (RFC 3875, section 4.4) must not be read as options. */
static int read_options(int argc, char **argv, const char **config_file)
{
	static const struct option options[] = { { "config", required_argument, NULL, 'c' },
						 { "version", no_argument, NULL, 'v' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	int c;

	if (getenv("GATEWAY_INTERFACE"))
		return -1;
	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			*config_file = optarg;
			break;
		case 'v':
			puts("kiro.fcgi " KIRO_FCGI_VERSION);
			return EX_OK;
		case 'h':
			return usage(stdout, EX_OK);
		default:
			return usage(stderr, EX_USAGE);
		}
	}
	return optind < argc ? usage(stderr, EX_USAGE) : -1;
}

/* A CGI client must see what is the matter, not the web server's own "500". */
static void tell_cgi_client(void)
{
	struct error e = { 0 };
	struct conn conn;

	if (!getenv("GATEWAY_INTERFACE"))
		return;
	error_set(&e, ERR_CONFIG, "the settings of this gateway are wrong; its log says why");
	conn_init_cgi(&conn, -1);
	router_fail(&conn, &e);
}

/* One body can need a hundred times the memory of the next: what is large goes back to the system
 * when it is freed, and threads share few arenas. Without this a process kept 60 MB after one body
 * of 31 MB. */
static void tame_allocator(void)
{
	mallopt(M_ARENA_MAX, ARENAS);
	mallopt(M_MMAP_THRESHOLD,
		LARGE_BLOCK); /* fixed: glibc would raise it to what it has seen */
	mallopt(M_TRIM_THRESHOLD, 2 * LARGE_BLOCK);
}

int main(int argc, char **argv)
{
	const char *config_file = NULL;
	struct error e = { 0 };
	sigset_t handled;
	struct app app;
	int rc = read_options(argc, argv, &config_file);

	if (rc >= 0)
		return rc;
	secret_keep_from_cores();
	tame_allocator();
	sigemptyset(&handled);
	sigaddset(&handled, SIGTERM);
	sigaddset(&handled, SIGINT);
	sigaddset(&handled, SIGHUP);
	sigaddset(&handled, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &handled, NULL); /* workers inherit it */

	if (app_init(&app, config_file, argv[0], &e)) {
		log_line(LOG_ERROR, "%s", e.message);
		tell_cgi_client();
		return EX_CONFIG;
	}
	rc = conn_fastcgi_init() ? serve_cgi(&app, &handled) : serve_fastcgi(&app, &handled);
	app_release(&app);
	return rc;
}
