/*
 * What is counted (metrics.h), and what can be looked up: the accounts, their states, how much is
 * left, when their tokens end, how many requests they serve now.
 */
#include "common/base.h"
#include "fcgi/api.h"

#include "common/account.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/live.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/usage_store.h"
#include "fcgi/auth.h"
#include "fcgi/up_pool.h"

#define ACCOUNTS_SHOWN 200 /* with series of their own; the sums count all */

#define TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define OPEN_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* A short rest (live.h) is a state too, of an account that the store calls active. */
#define COOLING ACCOUNT_STATES

struct sight {
	char id[64];
	double left; /* USAGE_UNKNOWN */
	int64_t expires_at;
	int inflight; /* LIVE_UNKNOWN */
};

struct survey {
	struct site *site;
	struct live *live;
	int64_t now;
	size_t states[ACCOUNT_STATES + 1];
	size_t count, inflight;
	struct sight *shown; /* ACCOUNTS_SHOWN */
	size_t shown_count;
};

static void look_at(struct survey *v, const struct account *a)
{
	struct sight *s = &v->shown[v->shown_count];
	const uint64_t key = live_key(a->id);
	struct error ignored = { 0 };
	struct live_view view;
	struct usage usage;
	int inflight = live_count(v->live, key);

	live_look(v->live, key, v->now * 1000, &view);
	v->states[a->state == STATE_ACTIVE && view.rest_until > v->now ? COOLING : a->state]++;
	v->count++;
	if (inflight > 0)
		v->inflight += (size_t)inflight;
	if (v->shown_count == ACCOUNTS_SHOWN)
		return;
	v->shown_count++;
	*s = (struct sight){ .expires_at = a->expires_at, .inflight = inflight };
	snprintf(s->id, sizeof(s->id), "%s", a->id);
	s->left = usage_get(&v->site->tokens, a->id, &usage, &ignored) > 0 ? usage_remaining(&usage)
									   : USAGE_UNKNOWN;
}

/* For store_each(). */
static int survey_one(void *context, const char *key, struct span json)
{
	struct error e = { 0 };
	struct account a;
	cJSON *tree = json_parse(json, &e);

	(void)key;
	account_init(&a);
	if (tree && !account_read(&a, tree, &e))
		look_at(context, &a);
	cJSON_Delete(tree);
	account_release(&a);
	return 0;
}

/* ---- text ---- */

static void write_states(const struct survey *v, size_t usable, struct buf *out)
{
	static const char states[] = "kiro_accounts", ready[] = "kiro_accounts_available",
			  inflight[] = "kiro_inflight_requests";

	metrics_write_gauge(out, states, "Accounts by state.");
	for (size_t i = 0; i <= ACCOUNT_STATES; i++)
		metrics_write_value(out, states, (double)v->states[i], "state",
				    i == COOLING ? "cooling" : account_state_names[i], NULL);
	metrics_write_gauge(out, ready, "Accounts that could serve now; 0: /health/ready says no.");
	metrics_write_value(out, ready, (double)usable, NULL);
	metrics_write_gauge(out, inflight, "Requests that the accounts serve now.");
	metrics_write_value(out, inflight, (double)v->inflight, NULL);
}

static void write_left(const struct survey *v, const char *name, const char *help, struct buf *out)
{
	metrics_write_gauge(out, name, help);
	for (size_t i = 0; i < v->shown_count; i++) {
		if (v->shown[i].left >= 0)
			metrics_write_value(out, name, v->shown[i].left, "account", v->shown[i].id,
					    NULL);
	}
}

static void write_accounts(const struct survey *v, struct buf *out)
{
	static const char expiry[] = "kiro_account_token_expiry_timestamp_seconds",
			  inflight[] = "kiro_account_inflight_requests",
			  hidden[] = "kiro_accounts_without_series";

	write_left(v, "kiro_account_quota_remaining",
		   "What is left of an account's allowance, in its plan's unit (credits).", out);
	write_left(v, "kiro2api_token_usage_remaining",
		   "The same under the name that older dashboards know.", out);
	metrics_write_gauge(out, expiry, "When an account's access token ends.");
	for (size_t i = 0; i < v->shown_count; i++) {
		if (v->shown[i].expires_at)
			metrics_write_value(out, expiry, (double)v->shown[i].expires_at, "account",
					    v->shown[i].id, NULL);
	}
	metrics_write_gauge(out, inflight, "Requests that an account serves now.");
	for (size_t i = 0; i < v->shown_count; i++) {
		if (v->shown[i].inflight >= 0)
			metrics_write_value(out, inflight, v->shown[i].inflight, "account",
					    v->shown[i].id, NULL);
	}
	metrics_write_gauge(out, hidden,
			    "Accounts beyond the first 200, which have no series of their own.");
	metrics_write_value(out, hidden, (double)(v->count - v->shown_count), NULL);
}

/* An installation that cannot read its accounts says so by this number and in its log; so does a
 * damaged record, which takes nothing from the others. */
static void write_survey(struct request *r, struct buf *out)
{
	static const char readable[] = "kiro_state_readable";
	struct survey v = { .site = r->site, .now = clock_wall() };
	struct error e = { 0 }, damaged = { 0 };
	size_t usable = 0;

	v.shown = xcalloc(ACCOUNTS_SHOWN, sizeof(*v.shown));
	v.live = live_new(r->site->config->state_dir);
	if (site_open_stores(r->site, &e) ||
	    up_pool_count(r->site->pool, &r->site->tokens, v.now, &usable, &e))
		log_line(LOG_ERROR, "metrics: %s", e.message);
	else if (store_each(&r->site->tokens, "a/", survey_one, &v, NULL, &damaged) < 0)
		log_line(LOG_ERROR, "metrics: %s", damaged.message);
	write_states(&v, usable, out);
	write_accounts(&v, out);
	metrics_write_gauge(out, readable, "1: the state directory can be read.");
	metrics_write_value(out, readable, !e.kind && !damaged.kind, NULL);
	live_free(v.live);
	free(v.shown);
}

int api_metrics(struct request *r)
{
	static const char build[] = "kiro_build_info";
	const char *accept = request_header(r, "HTTP_ACCEPT");
	bool openmetrics = accept && strstr(accept, "application/openmetrics-text");
	struct buf out;
	int rc;

	if (auth_scraper(r))
		return -1;
	buf_init(&out, LIMIT_UP_REPLY);
	metrics_write(r->site->metrics, openmetrics, &out);
	write_survey(r, &out);
	metrics_write_gauge(&out, build, "1; the program's version.");
	metrics_write_value(&out, build, 1, "version", KIRO_FCGI_VERSION, NULL);
	if (openmetrics)
		buf_add_text(&out, "# EOF\n");
	rc = out.failed ? error_set(&r->error, ERR_INTERNAL, "the metrics are too long")
			: response_whole(&r->response, 200, openmetrics ? OPEN_TYPE : TEXT_TYPE,
					 buf_span(&out));
	buf_release(&out);
	return rc;
}
