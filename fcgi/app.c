#include "common/base.h"
#include "fcgi/app.h"

#include "common/account_store.h"
#include "common/activation.h"
#include "common/calibration.h"
#include "common/catalogues.h"
#include "common/clock.h"
#include "common/key_memory.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/quota.h"
#include "common/rest.h"
#include "common/settings_seen.h"
#include "common/tally.h"
#include "fcgi/sessions.h"
#include "fcgi/up_pool.h"

#define FIRST_LOOK_MS 2000 /* a client that asks for models gives up after three seconds */
#define LOOK_AGAIN_MS 5000 /* what comes due with time is seen so much later */

/* A log that cannot be written keeps nobody from being served. */
static void note_settings(const struct config *config)
{
	struct error e = { 0 };

	if (settings_seen(config, &e))
		log_line(LOG_ERROR, "changed settings are not in the audit log: %s", e.message);
}

static int connect_site(struct site *s, struct error *e)
{
	const struct http_options http = { s->config->ca_file, s->config->proxy_url };

	return http_client_new(&s->http, &http, e);
}

static int site_new(struct site **out, struct app *a, struct error *e)
{
	struct site *s = xcalloc(1, sizeof(*s));
	struct log_options log;

	s->holders = 1;
	s->renewing = &a->renewing;
	pthread_mutex_init(&s->lock, NULL);
	if (config_load(&s->config, a->config_file, a->program_path, e)) {
		site_drop(s);
		return -1;
	}
	if (connect_site(s, e)) {
		site_drop(s);
		return -1;
	}
	log = (struct log_options){ .level = (enum log_level)s->config->log_level,
				    .json = s->config->log_format == 1,
				    .file = s->config->log_file,
				    .access_file = s->config->access_file,
				    .syslog = s->config->log_syslog };
	if (log_open(&log)) {
		error_set(e, ERR_CONFIG, "log.file, log.access_file: cannot open %s%s%s: %s",
			  s->config->log_file, *s->config->access_file ? " or " : "",
			  s->config->access_file, strerror(errno));
		site_drop(s);
		return -1;
	}
	note_settings(s->config);
	s->pool = up_pool_new(s->config);
	s->catalogues = catalogues_new();
	s->calibration = calibration_new(s->config->state_dir);
	s->metrics = metrics_new(s->config->state_dir);
	s->quota = quota_new(s->config);
	s->tally = tally_new(s->config->state_dir);
	s->sessions = sessions_new(s->config->state_dir);
	s->activation = activation_new(s->config);
	s->known_keys = key_memory_new();
	*out = s;
	return 0;
}

void site_drop(struct site *s)
{
	if (--s->holders)
		return;
	if (s->stores_open) {
		store_close(&s->tokens);
		store_close(&s->keys);
	}
	up_pool_free(s->pool);
	catalogues_free(s->catalogues);
	calibration_free(s->calibration);
	metrics_free(s->metrics);
	quota_free(s->quota);
	tally_free(s->tally);
	sessions_free(s->sessions);
	activation_free(s->activation);
	key_memory_free(s->known_keys);
	http_client_free(s->http);
	config_free(s->config);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int site_open_stores(struct site *s, struct error *e)
{
	unsigned flags = s->config->state_on_network ? STORE_ANY_FS : 0;
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	if (!s->stores_open) {
		rc = store_open_sealed(&s->tokens, s->config->state_dir, "tokens", flags,
				       s->config->state_key_file, e);
		if (!rc) {
			rc = store_open_sealed(&s->keys, s->config->state_dir, "keys", flags,
					       s->config->state_key_file, e);
			if (rc)
				store_close(&s->tokens);
		}
		s->stores_open = !rc;
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static void check_store(const struct store *s)
{
	struct error e = { 0 };
	size_t records = 0, damaged = 0;

	if (store_verify(s, &records, &damaged, &e))
		log_line(LOG_ERROR, "%s", e.message);
	else if (damaged)
		log_line(LOG_ERROR, "%s: %zu of %zu records are damaged or missing: kiroctl repair",
			 s->path, damaged, records + damaged);
}

void app_check_stores(struct app *a)
{
	struct site *s = app_site(a);
	struct error e = { 0 };

	if (site_open_stores(s, &e)) {
		log_line(LOG_ERROR, "%s", e.message);
	} else {
		check_store(&s->tokens);
		check_store(&s->keys);
	}
	site_drop(s);
}

struct refresher site_refresher(struct site *s)
{
	struct refresher r = { .config = s->config,
			       .http = s->http,
			       .tokens = &s->tokens,
			       .metrics = s->metrics,
			       .under_way = s->renewing };

	return r;
}

void site_note_catalogue(struct site *s, const char *account_id)
{
	pthread_mutex_lock(&s->lock);
	snprintf(s->catalogue_due, sizeof(s->catalogue_due), "%s", account_id);
	pthread_mutex_unlock(&s->lock);
}

static void fetch_catalogue(struct site *s, const char *account_id)
{
	struct error e = { 0 };
	struct account a;

	account_init(&a);
	if (account_load(&s->tokens, account_id, &a, &e) == 1 &&
	    !catalogue_fetch_due(s->http, s->config, &s->tokens, &a, &e))
		log_line(LOG_INFO, "account %s: model catalogue renewed", account_id);
	if (e.kind)
		log_line(LOG_WARN, "account %s: the stored model catalogue stays: %s", account_id,
			 e.message);
	account_release(&a);
}

void app_fetch_catalogue(struct app *a)
{
	struct site *s = app_site(a);
	char account_id[sizeof(s->catalogue_due)];

	pthread_mutex_lock(&s->lock);
	memcpy(account_id, s->catalogue_due, sizeof(account_id));
	if (s->catalogue_fetched)
		account_id[0] = '\0';
	if (*account_id) {
		s->catalogue_due[0] = '\0';
		s->catalogue_fetched = true;
	}
	pthread_mutex_unlock(&s->lock);
	if (*account_id) {
		fetch_catalogue(s, account_id);
		pthread_mutex_lock(&s->lock);
		s->catalogue_fetched = false;
		pthread_mutex_unlock(&s->lock);
	}
	site_drop(s);
}

bool app_wants_catalogue(struct app *a)
{
	struct site *s = app_site(a);
	bool wants;

	pthread_mutex_lock(&s->lock);
	wants = s->catalogue_due[0];
	pthread_mutex_unlock(&s->lock);
	site_drop(s);
	return wants;
}

int app_after_fork(struct app *a, struct error *e)
{
	a->site->http = NULL; /* not freed: that would say goodbye on the parent's connections */
	return connect_site(a->site, e);
}

struct looking {
	struct site *site;
	struct account *account; /* the first that is due */
	int64_t now;
};

/* For store_each(): 1 ends it. */
static int find_due(void *context, const char *key, struct span json)
{
	struct looking *l = context;
	struct error e = { 0 };
	bool found = !account_parse(l->account, json, &e) && account_usable(l->account, l->now) &&
		     !rest_needs_claim(l->account) &&
		     !account_expires_within(l->account, l->now, 0) &&
		     catalogues_due(l->site->catalogues, l->account->id, l->now);

	(void)key;
	if (found)
		return 1;
	account_release(l->account);
	return 0;
}

/* To walk over the store took a sixth of a list's time, to find each time that nothing is due. */
static bool looked_already(struct site *s, const struct store_stamp *now)
{
	bool same;

	pthread_mutex_lock(&s->lock);
	same = store_stamp_is(&s->models_seen, now) &&
	       clock_ticks() - s->models_looked < LOOK_AGAIN_MS;
	pthread_mutex_unlock(&s->lock);
	return same;
}

static void note_look(struct site *s, const struct store_stamp *seen)
{
	pthread_mutex_lock(&s->lock);
	s->models_seen = *seen;
	s->models_looked = clock_ticks();
	pthread_mutex_unlock(&s->lock);
}

void site_look_for_models(struct site *s)
{
	const bool any = catalogues_any(s->catalogues, &s->tokens);
	struct account account;
	struct looking l = { .site = s, .account = &account, .now = clock_wall() };
	struct store_stamp seen = { 0 };
	struct error e = { 0 };
	int found;

	if (any && store_changed(&s->tokens, &seen, &e) >= 0 && looked_already(s, &seen))
		return;
	account_init(&account);
	found = store_each(&s->tokens, "a/", find_due, &l, &seen, &e);
	if (found == 1 && (any || catalogue_fetch_within(s->http, s->config, &s->tokens, &account,
							 FIRST_LOOK_MS, &e)))
		site_note_catalogue(s, account.id);
	if (found == 0)
		note_look(s, &seen);
	if (e.kind)
		log_line(LOG_INFO, "models before the first answer: %s", e.message);
	account_release(&account);
}

static void remember(struct app *a, const struct site *s)
{
	a->max_streams = s->config->max_streams;
	a->config_seen = s->config->seen;
}

int app_init(struct app *a, const char *config_file, const char *program_path, struct error *e)
{
	*a = (struct app){ .config_file = config_file, .program_path = program_path };
	pthread_mutex_init(&a->lock, NULL);
	if (site_new(&a->site, a, e))
		return -1;
	remember(a, a->site);
	return 0;
}

void app_release(struct app *a)
{
	if (a->site)
		site_drop(a->site);
	pthread_mutex_destroy(&a->lock);
}

struct site *app_site(struct app *a)
{
	struct site *s;

	pthread_mutex_lock(&a->lock);
	s = a->site;
	s->holders++;
	pthread_mutex_unlock(&a->lock);
	return s;
}

void app_reload(struct app *a)
{
	struct error e = { 0 };
	struct site *fresh, *old;

	if (site_new(&fresh, a, &e)) {
		log_line(LOG_ERROR, "reload refused, the old settings stay: %s", e.message);
		return;
	}
	pthread_mutex_lock(&a->lock);
	old = a->site;
	a->site = fresh;
	remember(a, fresh);
	pthread_mutex_unlock(&a->lock);
	site_drop(old);
	log_line(LOG_INFO, "settings reloaded from %s",
		 fresh->config->file ? fresh->config->file : "the environment");
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void app_reload_if_changed(struct app *a)
{
	const char *file = a->site->config->file; /* only the calling thread replaces the site */
	struct stat now;

	if (!file || stat(file, &now) || same_file(&now, &a->config_seen))
		return;
	a->config_seen = now; /* a bad file is refused once, not every second */
	app_reload(a);
}
