/*
 * The installation: settings, reload, health.
 */
#include "common/base.h"
#include "fcgi/api.h"

#include "common/clock.h"
#include "common/visit.h"
#include "fcgi/admin.h"
#include "fcgi/up_pool.h"

#include <signal.h>

int api_admin_config(struct request *r)
{
	struct admin_answer a;

	admin_begin(&a);
	config_write_json(r->site->config, &a.w);
	return admin_send(r, 200, &a);
}

/* Workers have it blocked where the main thread waits for it; anybody else it would end. */
static bool is_awaited(int signal_number)
{
	sigset_t blocked;

	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	return sigismember(&blocked, signal_number) == 1;
}

/* Reads the settings anew. Good ones are taken by the running process; a CGI program has them with
 * its next request anyway. */
int api_admin_reload(struct request *r)
{
	struct error why = { .kind = ERR_NONE };
	struct config *config = NULL;

	if (config_load(&config, r->site->config->file, NULL, &why))
		return error_set(&r->error, ERR_REQUEST, "the old settings stay: %.400s",
				 why.message);
	config_free(config);
	admin_note(r, "settings reloaded");
	if (is_awaited(SIGHUP))
		kill(getpid(), SIGHUP);
	return admin_send_text(r, 200, "result", "reloaded");
}

static void write_states(struct jsonw *w, const struct roster *roster)
{
	int64_t counts[ACCOUNT_STATES] = { 0 };

	for (size_t i = 0; i < roster->count; i++)
		counts[roster->accounts[i].state]++;
	jsonw_begin_object_member(w, "states");
	for (int state = 0; state < ACCOUNT_STATES; state++)
		jsonw_int_member(w, account_state_names[state], counts[state]);
	jsonw_end(w);
}

static void write_refresher(struct request *r, struct jsonw *w)
{
	int exit_code = 0;
	int64_t when = 0;
	bool ran = !visit_last(r->site->config->state_dir, &when, &exit_code);

	jsonw_begin_object_member(w, "refresher");
	jsonw_date_member(w, "last_run_at", ran ? when : 0);
	jsonw_bool_member(w, "well", ran && !exit_code);
	jsonw_end(w);
}

int api_admin_health(struct request *r)
{
	struct error damage = { .kind = ERR_NONE }, unread = { .kind = ERR_NONE };
	struct site *site = r->site;
	struct admin_answer a;
	struct roster roster;
	size_t usable = 0;

	if (admin_stores(r))
		return -1;
	roster_init(&roster);
	roster_load(&roster, &site->tokens, &damage);
	up_pool_count(site->pool, &site->tokens, clock_wall(), &usable, &unread);
	if (!damage.kind)
		damage = unread;
	admin_begin(&a);
	jsonw_begin_object(&a.w);
	jsonw_text_member(&a.w, "status", usable ? "ready" : "not ready");
	jsonw_text_member(&a.w, "version", KIRO_FCGI_VERSION);
	jsonw_int_member(&a.w, "accounts", (int64_t)roster.count);
	jsonw_int_member(&a.w, "usable", (int64_t)usable);
	write_states(&a.w, &roster);
	write_refresher(r, &a.w);
	jsonw_text_member(&a.w, "damage", damage.kind ? damage.message : NULL);
	jsonw_end(&a.w);
	roster_release(&roster);
	return admin_send(r, 200, &a);
}
