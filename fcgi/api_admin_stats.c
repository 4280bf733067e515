/*
 * GET /admin/api/v1/stats: what happens now, from what all processes count together.
 *
 * {"at":"...","day":"2026-11-21","today":{"requests":3,...},
 *  "running":2,"sessions":{"running":2,"waiting":0,"limit":10},
 *  "latency":{"first_event":{"count":3,"p50":0.5,...,"buckets":[{"up_to":0.01,"count":1},...]},
 *             "answer":{...}}}
 *
 * A histogram knows of an observation between which bounds it was: what is told as a percentile is
 * the upper bound, "at most so many seconds"; null: more than the last bound, or nothing yet.
 */
#include "common/base.h"
#include "fcgi/api.h"

#include "common/clock.h"
#include "common/live.h"
#include "common/metrics.h"
#include "common/tally.h"
#include "fcgi/admin.h"

static int add_row(void *context, const struct tally_row *row)
{
	int64_t *counts = context;

	for (int i = 0; i < TALLY_COUNTS; i++)
		counts[i] += row->counts[i];
	return 0;
}

static void write_today(struct request *r, struct jsonw *w, int64_t now, struct error *damage)
{
	int64_t counts[TALLY_COUNTS] = { 0 };
	const int day = tally_day(now);
	char text[32];

	snprintf(text, sizeof(text), "%04d-%02d-%02d", day / 10000, day / 100 % 100, day % 100);
	tally_each(r->site->config, day, day, add_row, counts, damage);
	jsonw_text_member(w, "day", text);
	jsonw_begin_object_member(w, "today");
	for (int i = 0; i < TALLY_COUNTS; i++) {
		jsonw_key(w, tally_count_names[i]);
		if (i == TALLY_CREDITS)
			jsonw_double(w, (double)counts[i] / KEY_CREDIT);
		else
			jsonw_int(w, counts[i]);
	}
	jsonw_end(w);
}

static void count_member(struct jsonw *w, const char *name, int count)
{
	if (count >= 0)
		jsonw_int_member(w, name, count);
	else
		jsonw_null_member(w, name);
}

/* Those that accounts serve now; null: they cannot be counted here. */
static void write_running(struct request *r, struct jsonw *w, struct error *damage)
{
	const struct config *config = r->site->config;
	struct live *live = live_new(config->state_dir);
	int sum = 0, running, waiting;
	struct roster roster;

	roster_init(&roster);
	roster_load(&roster, &r->site->tokens, damage);
	for (size_t i = 0; i < roster.count && sum >= 0; i++) {
		int count = live_count(live, live_key(roster.accounts[i].id));

		sum = count < 0 ? -1 : sum + count;
	}
	roster_release(&roster);
	live_free(live);
	count_member(w, "running", sum);
	gate_sessions(config, &running, &waiting);
	jsonw_begin_object_member(w, "sessions");
	count_member(w, "running", running);
	count_member(w, "waiting", waiting);
	count_member(w, "limit", config->max_sessions ? config->max_sessions : -1);
	jsonw_end(w);
}

/* The bound below which that share of the observations is. */
static void write_percentile(struct jsonw *w, const char *name, const struct metrics_sum *sum,
			     double share)
{
	uint64_t below = 0, wanted = (uint64_t)((double)sum->count * share + 0.999999);

	jsonw_key(w, name);
	for (size_t i = 0; i < sum->bound_count && sum->count; i++) {
		below += sum->numbers[i];
		if (below >= wanted) {
			jsonw_double(w, sum->bounds[i]);
			return;
		}
	}
	jsonw_null(w);
}

static void write_histogram(struct request *r, struct jsonw *w, const char *name, enum metric which)
{
	struct metrics_sum sum;

	metrics_sum(r->site->metrics, which, &sum);
	jsonw_begin_object_member(w, name);
	jsonw_int_member(w, "count", (int64_t)sum.count);
	write_percentile(w, "p50", &sum, 0.5);
	write_percentile(w, "p90", &sum, 0.9);
	write_percentile(w, "p99", &sum, 0.99);
	jsonw_begin_array_member(w, "buckets");
	for (size_t i = 0; i <= sum.bound_count; i++) {
		jsonw_begin_object(w);
		jsonw_key(w, "up_to");
		if (i < sum.bound_count)
			jsonw_double(w, sum.bounds[i]);
		else
			jsonw_null(w);
		jsonw_int_member(w, "count", (int64_t)sum.numbers[i]);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_end(w);
}

int api_admin_stats(struct request *r)
{
	struct error damage = { .kind = ERR_NONE };
	const int64_t now = clock_wall();
	struct admin_answer a;

	if (admin_stores(r))
		return -1;
	admin_begin(&a);
	jsonw_begin_object(&a.w);
	jsonw_date_member(&a.w, "at", now);
	write_today(r, &a.w, now, &damage);
	write_running(r, &a.w, &damage);
	jsonw_begin_object_member(&a.w, "latency");
	write_histogram(r, &a.w, "first_event", METRIC_GENAI_FIRST_TOKEN);
	write_histogram(r, &a.w, "answer", METRIC_GENAI_DURATION);
	jsonw_end(&a.w);
	jsonw_text_member(&a.w, "damage", damage.kind ? damage.message : NULL);
	jsonw_end(&a.w);
	return admin_send(r, 200, &a);
}
