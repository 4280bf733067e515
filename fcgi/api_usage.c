/*
 * GET /v1/usage: what the key that asks may do, how much of it, and what it has used.
 *
 * {"object":"usage","key":{"name":"laptop","role":"user","expires_at":null, ...},
 *  "limits":[{"measure":"requests","window":"minute","limit":100,"used":3,"remaining":97,
 *             "resets_at":"2026-11-21T10:01:00Z"}, ...],
 *  "streams":{"limit":2,"in_flight":1},"today":{"requests":3, ...},"month":{ ... }}
 */
#include "common/base.h"
#include "fcgi/api.h"

#include "common/clock.h"
#include "common/jsonw.h"
#include "common/log.h"
#include "common/quota.h"
#include "common/tally.h"
#include "fcgi/booking.h"
#include "fcgi/gate.h"

struct totals {
	const char *key_id;
	int today;
	int64_t day[TALLY_COUNTS], month[TALLY_COUNTS];
};

static int add_row(void *context, const struct tally_row *row)
{
	struct totals *t = context;

	if (strcmp(row->key_id, t->key_id) != 0)
		return 0;
	for (int i = 0; i < TALLY_COUNTS; i++) {
		t->month[i] += row->counts[i];
		t->day[i] += row->day == t->today ? row->counts[i] : 0;
	}
	return 0;
}

static void write_amount(struct jsonw *w, const char *name, int measure, int64_t value)
{
	jsonw_key(w, name);
	if (measure == MEASURE_CREDITS)
		jsonw_double(w, (double)value / KEY_CREDIT);
	else
		jsonw_int(w, value);
}

void api_write_limits(struct jsonw *w, const char *name, const struct key *key,
		      const struct quota_view *view, bool all)
{
	jsonw_begin_array_member(w, name);
	for (int m = 0; m < KEY_MEASURES; m++) {
		for (int i = 0; i < KEY_WINDOWS; i++) {
			int64_t limit = key->limits[m][i], left = limit - view->used[m][i];

			if (!limit && !all)
				continue;
			jsonw_begin_object(w);
			jsonw_text_member(w, "measure", key_measure_names[m]);
			jsonw_text_member(w, "window", key_window_names[i]);
			if (limit)
				write_amount(w, "limit", m, limit);
			else
				jsonw_null_member(w, "limit");
			write_amount(w, "used", m, view->used[m][i]);
			if (limit)
				write_amount(w, "remaining", m, left > 0 ? left : 0);
			else
				jsonw_null_member(w, "remaining");
			jsonw_date_member(w, "resets_at", view->resets_at[i]);
			jsonw_end(w);
		}
	}
	jsonw_end(w);
}

static void write_key(struct jsonw *w, const struct key *key)
{
	jsonw_begin_object_member(w, "key");
	jsonw_text_member(w, "name", *key->name ? key->name : NULL);
	jsonw_text_member(w, "role", key_role_names[key->role]);
	jsonw_date_member(w, "expires_at", key->expires_at);
	jsonw_date_member(w, "ends_at", key->ends_at);
	jsonw_text_member(w, "models", *key->models ? key->models : "*");
	jsonw_text_member(w, "pool", key_pool_names[key->pool]);
	jsonw_end(w);
}

static void write_streams(struct jsonw *w, const struct request *r)
{
	int count = gate_streams(r->site->config, &r->key);

	jsonw_begin_object_member(w, "streams");
	if (r->key.max_streams)
		jsonw_int_member(w, "limit", r->key.max_streams);
	else
		jsonw_null_member(w, "limit");
	if (count >= 0)
		jsonw_int_member(w, "in_flight", count);
	else
		jsonw_null_member(w, "in_flight");
	jsonw_end(w);
}

static void write_totals(struct jsonw *w, const char *name,
			 const int64_t counts[static TALLY_COUNTS])
{
	jsonw_begin_object_member(w, name);
	for (int i = 0; i < TALLY_COUNTS; i++)
		write_amount(w, tally_count_names[i], i == TALLY_CREDITS ? MEASURE_CREDITS : 0,
			     counts[i]);
	jsonw_end(w);
}

int api_usage(struct request *r)
{
	const int64_t now = clock_wall();
	struct totals totals = { .key_id = booking_id(&r->key), .today = tally_day(now) };
	const int month = totals.today / 100 * 100;
	struct error e = { 0 };
	struct quota_view view;
	struct jsonw w;
	struct buf body;
	int rc;

	if (tally_each(r->site->config, month, month + 99, add_row, &totals, &e)) {
		log_line(LOG_ERROR, "%s", e.message); /* names paths */
		return error_set(&r->error, ERR_STORE, "usage cannot be read; see the log");
	}
	quota_look(r->site->quota, r->key.id, now, &view);
	buf_init(&body, KB(64));
	jsonw_init(&w, &body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "object", "usage");
	write_key(&w, &r->key);
	api_write_limits(&w, "limits", &r->key, &view, true);
	write_streams(&w, r);
	write_totals(&w, "today", totals.day);
	write_totals(&w, "month", totals.month);
	jsonw_end(&w);
	rc = response_whole(&r->response, 200, "application/json", buf_span(&body));
	buf_release(&body);
	return rc;
}
