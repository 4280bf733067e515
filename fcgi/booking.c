#include "common/base.h"
#include "fcgi/booking.h"

#include "common/clock.h"
#include "common/quota.h"
#include "common/tally.h"
#include "fcgi/app.h"

#include <math.h>

const char *booking_id(const struct key *key)
{
	return *key->id ? key->id : *key->name ? key->name : "-";
}

static void fill(struct tally_row *row, const struct ledger *l)
{
	const enum error_kind failure = l->error->kind;

	snprintf(row->key_id, sizeof(row->key_id), "%.23s", booking_id(l->key));
	snprintf(row->key, sizeof(row->key), "%s", *l->key->name ? l->key->name : "-");
	snprintf(row->account, sizeof(row->account), "%s", *l->account ? l->account : "-");
	snprintf(row->model, sizeof(row->model), "%s", l->served ? l->served : "-");
	row->counts[TALLY_REQUESTS] = 1;
	row->counts[TALLY_ERRORS] = failure != ERR_NONE && failure != ERR_GONE;
	row->counts[TALLY_ESTIMATED] = !l->measured && (l->input || l->output);
	row->counts[TALLY_INPUT] = l->input;
	row->counts[TALLY_OUTPUT] = l->output;
	row->counts[TALLY_CACHE_READ] = l->cache_read;
	row->counts[TALLY_CACHE_WRITE] = l->cache_write;
	row->counts[TALLY_CREDITS] = llround(l->credits * KEY_CREDIT);
}

void booking_take(struct site *site, const struct ledger *l)
{
	struct tally_row row = { .day = 0 };
	int64_t measures[KEY_MEASURES], now = clock_wall();

	if (!site || !l->let_in)
		return;
	fill(&row, l);
	tally_book(site->tally, &row, now);
	tally_measures(row.counts, measures);
	if (*l->key->id)
		quota_book(site->quota, l->key->id, now, measures[MEASURE_TOKENS],
			   measures[MEASURE_CREDITS]);
}
