/*
 * app.h - the process: its current settings and what hangs on them.
 *
 * A `site` is one loaded configuration with the clients and stores made from it. It does not
 * change: a reload makes a new one, requests hold the one they began with, the last to drop it
 * frees it.
 */
#ifndef FCGI_APP_H
#define FCGI_APP_H

#include "common/config.h"
#include "common/http.h"
#include "common/refresh.h"
#include "common/store.h"

#include <pthread.h>

struct activation;
struct calibration;
struct catalogues;
struct key_memory;
struct metrics;
struct quota;
struct tally;
struct sessions;
struct up_pool;

struct site {
	_Atomic int holders;
	_Atomic int *renewing; /* of the app */
	struct config *config;
	struct http_client *http;
	struct up_pool *pool;
	struct catalogues *catalogues;
	struct calibration *calibration;
	struct metrics *metrics;
	struct quota *quota;
	struct tally *tally;
	struct sessions *sessions;
	struct activation *activation;
	struct key_memory *known_keys;

	pthread_mutex_t lock; /* guards opening the stores */
	bool stores_open;     /* they may come to exist after us: `kiroctl init` */
	struct store tokens, keys;
	char catalogue_due[64]; /* an account whose models are to be looked up again, "" none */
	struct store_stamp models_seen; /* a look for models has found nothing to do in it, at */
	int64_t models_looked;		/* clock_ticks() */
	bool catalogue_fetched; /* one is being looked up: others need not, all note the same */
};

struct app {
	const char *config_file, *program_path; /* what the process was started with */
	pthread_mutex_t lock;			/* guards site */
	struct site *site;
	struct stat config_seen; /* of site->config->file, or of one that was refused since */
	_Atomic int active;	 /* requests being served */
	_Atomic int renewing;	 /* tokens that were sent for and are not on disk yet */
	_Atomic int max_streams; /* of the current site */
};

int app_init(struct app *a, const char *config_file, const char *program_path, struct error *e);
void app_release(struct app *a);

/* The current site, held. */
struct site *app_site(struct app *a);
void site_drop(struct site *s);

/* Opens the stores when they are not yet. ERR_STORE says what to do. */
int site_open_stores(struct site *s, struct error *e);

/* Reads every record once: what is damaged is logged now and not when it is needed. What is whole
 * serves all the same. */
void app_check_stores(struct app *a);
struct refresher site_refresher(struct site *s);

/* Model catalogues are renewed behind an answer, so that no client waits for them: a request notes
 * the account, the worker that is done with its client looks. */
void site_note_catalogue(struct site *s, const char *account_id);
void app_fetch_catalogue(struct app *a);
bool app_wants_catalogue(struct app *a); /* would it look? */

/* For a list of models: notes an account whose catalogue is due; where no account has any, looks
 * before the answer, for a time that clients wait. Needs open stores. */
void site_look_for_models(struct site *s);

/* In a forked process: connections stay the parent's. */
int app_after_fork(struct app *a, struct error *e);

/* A configuration that cannot be loaded is logged and the old one stays. */
void app_reload(struct app *a);
void app_reload_if_changed(struct app *a);

#endif
