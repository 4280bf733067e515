/*
 * kiro.fcgi: the responder. Started by a web server with a listening FastCGI socket as descriptor
 * 0, or as a plain CGI program for one request.
 *
 * The main thread owns the signals and looks after the settings; each connection has a blocking
 * worker thread (workers.h). Handlers see a struct conn and do not know which of the two they
 * serve.
 */
#include "common/base.h"
#include "fcgi/app.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "fcgi/conn.h"
#include "fcgi/router.h"
#include "fcgi/trim.h"
#include "fcgi/workers.h"

#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sysexits.h>

#define LISTEN_FD 0 /* FCGI_LISTENSOCK_FILENO */
/* FastCGI, upstream, libcurl's wake-up pair, the places of key, session and account (hold.h), and a
 * file that is open for a moment. */
#define DESCRIPTORS_A_STREAM 8
#define RENEWAL_LOOK_MS	     20		  /* while one is waited for at the end */
#define POLL_MS		     1000	  /* how often the configuration file is looked at */
#define BEHIND_SECONDS	     60		  /* of a CGI program, behind its answer */
#define ARENAS		     2		  /* of malloc */
#define LARGE_BLOCK	     (128 * 1024) /* bytes */

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

/* Running streams may finish within drain_timeout; the rest ends with the process. Not a renewal:
 * its account's new token is nowhere yet but in the answer, and the stored one is used up. */
static int drain(struct app *app, struct workers *workers)
{
	int64_t until = clock_ticks() + (int64_t)app->site->config->drain_timeout * 1000;
	int left = workers_stop(workers, until);

	if (left > 0)
		log_line(LOG_WARN, "stopping with %d requests unfinished", left);
	until = clock_ticks() + REFRESH_MOST_MS;
	while (app->renewing > 0 && clock_ticks() < until)
		poll(NULL, 0, RENEWAL_LOOK_MS);
	return left;
}

/* Until a signal to stop. The number of threads that are still at work. */
static int run(struct app *app, int signals)
{
	struct pollfd watched = { .fd = signals, .events = POLLIN };
	struct workers *workers = workers_start(app, LISTEN_FD);
	bool stopping = !workers;
	int left;

	while (!stopping) {
		if (poll(&watched, 1, POLL_MS) > 0)
			stopping = handle_signal(app, signals);
		app_reload_if_changed(app);
	}
	left = workers ? drain(app, workers) : 0;
	if (workers && !left)
		workers_free(workers);
	return left;
}

static void raise_descriptor_limit(const struct app *app)
{
	rlim_t wanted = (rlim_t)workers_most(app) * DESCRIPTORS_A_STREAM + 64;
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
	raise_descriptor_limit(app);
	app_check_stores(app);
	trim_start();
	/* Workers that are still at it must not meet a released app. */
	if (run(app, signals) > 0)
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

/* SIGTERM is from the web server, when the client left: conn.c sees to it. */
static int serve_cgi(struct app *app, const sigset_t *handled)
{
	struct conn conn;

	pthread_sigmask(SIG_UNBLOCK, handled, NULL);
	conn_init_cgi(&conn);
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
	conn_init_cgi(&conn);
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
