/*
 * main.c - upstream-standin: speaks the upstream's protocol on 127.0.0.1 for tests and demos.
 */
#include "base.h"
#include "handlers.h"
#include "operation.h"

#include <getopt.h>
#include <signal.h>
#include <sys/prctl.h>

#define MAX_BODY   1250000 /* what the service was seen to take */
#define LIMIT_FILE (16u * 1024 * 1024)

static const char usage[] =
	"usage: upstream-standin [options]\n"
	"  --port N             port on 127.0.0.1; 0, the default, takes any\n"
	"  --tls-cert FILE      serve TLS with this certificate chain (PEM) ...\n"
	"  --tls-key FILE       ... and this key\n"
	"  --profile krs|rts|both   which generation of the service to be (both)\n"
	"  --accounts FILE      accounts to know: a JSON array (README.md)\n"
	"  --script FILE        scripts to know: a JSON object of name to script\n"
	"  --log FILE           append a line per request\n"
	"  --default reply|strict   an unscripted chat gets an echo, or a fatal 500 (strict)\n"
	"  --pace MS            time between the frames of that echo (0)\n"
	"Prints \"listening 127.0.0.1:PORT\" when ready; ends on SIGTERM.\n";

struct options {
	unsigned port;
	const char *cert, *key;
};

static const struct option longs[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "tls-cert", required_argument, NULL, 'c' },
	{ "tls-key", required_argument, NULL, 'k' },
	{ "profile", required_argument, NULL, 'P' },
	{ "accounts", required_argument, NULL, 'a' },
	{ "script", required_argument, NULL, 's' },
	{ "log", required_argument, NULL, 'l' },
	{ "default", required_argument, NULL, 'd' },
	{ "pace", required_argument, NULL, 'm' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int set_profile(struct standin *app, const char *name)
{
	static const char *const names[] = {
		[PROFILE_BOTH] = "both", [PROFILE_RTS] = "rts", [PROFILE_KRS] = "krs"
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(names[i], name)) {
			app->profile = (enum profile)i;
			return 0;
		}
	}
	return -1;
}

static int set_port(struct options *o, const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	o->port = (unsigned)port;
	return *text < '0' || *text > '9' || *end || port > 65535 ? -1 : 0;
}

static int set_option(struct standin *app, struct options *o, int option)
{
	switch (option) {
	case 'p':
		return set_port(o, optarg);
	case 'c':
		o->cert = optarg;
		return 0;
	case 'k':
		o->key = optarg;
		return 0;
	case 'P':
		return set_profile(app, optarg);
	case 'a':
		app->accounts_file = optarg;
		return 0;
	case 's':
		app->script_file = optarg;
		return 0;
	case 'l':
		app->log_file = optarg;
		return 0;
	case 'd':
		app->strict = !strcmp(optarg, "strict");
		return app->strict || !strcmp(optarg, "reply") ? 0 : -1;
	case 'm':
		app->reply_pace_ns = (int64_t)(strtod(optarg, NULL) * 1e6);
		return 0;
	default:
		return -1;
	}
}

static cJSON *load(const char *path)
{
	FILE *f = fopen(path, "re");
	struct text text = { 0 };
	char piece[8192];
	const char *why = NULL;
	cJSON *json = NULL;
	size_t got;

	while (f && text.len < LIMIT_FILE && (got = fread(piece, 1, sizeof(piece), f)) > 0)
		text_add(&text, piece, got);
	if (f && text.at)
		json = json_read(text.at, text.len, &why);
	if (!json)
		fprintf(stderr, "upstream-standin: %s: %s\n", path,
			!f    ? strerror(errno)
			: why ? why
			      : "empty");
	if (f)
		fclose(f);
	text_release(&text);
	return json;
}

static int load_scripts(struct standin *app)
{
	cJSON *json = app->script_file ? load(app->script_file) : NULL, *script;
	char *why = NULL;

	if (app->script_file && !json)
		return -1;
	cJSON_ArrayForEach (script, json) {
		const char *name = script->string ? script->string : "";

		if (library_put(&app->library, name, script, &why))
			break;
	}
	if (why)
		fprintf(stderr, "upstream-standin: %s: %s: %s\n", app->script_file,
			script->string ? script->string : "", why);
	cJSON_Delete(json);
	free(why);
	return why ? -1 : 0;
}

static int load_accounts(struct standin *app)
{
	cJSON *json = app->accounts_file ? load(app->accounts_file) : NULL, *spec, *account;
	const char *why = NULL;

	if (app->accounts_file && !json)
		return -1;
	cJSON_ArrayForEach (spec, json) {
		if (accounts_put(&app->accounts, spec, &account, &why))
			break;
		cJSON_Delete(account);
	}
	if (why)
		fprintf(stderr, "upstream-standin: %s: %s\n", app->accounts_file, why);
	cJSON_Delete(json);
	return why ? -1 : 0;
}

int standin_reset(struct standin *app)
{
	pthread_mutex_lock(&app->lock);
	free(app->refresh.body);
	app->refresh = (struct refresh_script){ 0 };
	app->device = (struct device_script){ .pending = 1,
					      .result = "authorized",
					      .interval_s = 1,
					      .expires_in_s = 600,
					      .option = "google" };
	logins_free(app->logins);
	app->logins = NULL;
	codes_free(app->codes);
	app->codes = NULL;
	pthread_mutex_unlock(&app->lock);
	app->rpc_denied_status = 403;
	app->max_body = MAX_BODY;
	journal_clear(&app->journal);
	journal_clear_counts(&app->journal);
	library_reset(&app->library);
	accounts_reset(&app->accounts);
	return load_scripts(app) || load_accounts(app) ? -1 : 0;
}

static void release(struct standin *app)
{
	free(app->refresh.body);
	logins_free(app->logins);
	codes_free(app->codes);
	library_release(&app->library);
	accounts_release(&app->accounts);
	journal_release(&app->journal);
	pthread_mutex_destroy(&app->lock);
}

static int serve(struct standin *app, const struct options *o, const sigset_t *ends)
{
	int signal;

	if (server_start(&app->server, o->port, o->cert, o->key, operation_serve, app))
		return 1;
	printf("listening 127.0.0.1:%u\n", app->server.port);
	fflush(stdout);
	sigwait(ends, &signal);
	server_stop(&app->server);
	return 0;
}

int main(int argc, char **argv)
{
	struct standin app = { .strict = true };
	struct options options = { 0 };
	sigset_t ends;
	int option, rc = 1;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (!set_option(&app, &options, option))
			continue;
		fputs(usage, option == 'h' ? stdout : stderr);
		return option == 'h' ? 0 : 2;
	}
	/* Inherited, too: 1,000 paced streams then share timer interrupts, at most 1 ms late. */
	prctl(PR_SET_TIMERSLACK, 1000000ul, 0, 0, 0);
	/* Threads inherit the mask: only sigwait() below sees these two. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);

	pthread_mutex_init(&app.lock, NULL);
	library_init(&app.library);
	accounts_init(&app.accounts);
	if (!journal_init(&app.journal, app.log_file) && !standin_reset(&app))
		rc = serve(&app, &options, &ends);
	release(&app);
	return rc;
}
