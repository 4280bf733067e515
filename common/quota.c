/*
 * A word: the number of the window in the upper 20 bits, what was used in the lower 44. 0: nothing
 * is known yet.
 */
#include "common/base.h"
#include "common/quota.h"

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/mapfile.h"
#include "common/tally.h"

#include <pthread.h>
#include <stdatomic.h>

#define FILE_NAME   "limits.map"
#define USED_BITS   44
#define USED	    ((UINT64_C(1) << USED_BITS) - 1)
#define NUMBERS	    (UINT64_C(1) << (64 - USED_BITS))
#define DAY_SECONDS 86400

struct quota_slot {
	struct mapfile_slot head;
	char label[KEY_ID_SIZE];
	_Atomic uint64_t words[KEY_MEASURES][KEY_WINDOWS];
	_Atomic int64_t used_at;
};

static const struct mapfile_format format = { "limits", 1, sizeof(struct quota_slot), KEY_ID_SIZE,
					      LIMIT_QUOTA_SLOTS };

struct quota {
	const struct config *config;
	pthread_mutex_t lock; /* guards everything below: the map may be replaced */
	struct mapfile map;
};

struct quota *quota_new(const struct config *config)
{
	struct quota *q = xcalloc(1, sizeof(*q));

	pthread_mutex_init(&q->lock, NULL);
	q->config = config;
	return q;
}

void quota_free(struct quota *q)
{
	if (!q)
		return;
	mapfile_close(&q->map);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

/* ---- windows ---- */

static struct tm date_of(int64_t now)
{
	time_t t = (time_t)now;
	struct tm tm = { 0 };

	gmtime_r(&t, &tm);
	return tm;
}

static uint64_t window_number(int window, int64_t now)
{
	struct tm tm;

	if (window == WINDOW_MINUTE)
		return (uint64_t)(now / 60) % NUMBERS;
	if (window == WINDOW_DAY)
		return (uint64_t)(now / DAY_SECONDS) % NUMBERS;
	tm = date_of(now);
	return (uint64_t)(tm.tm_year * 12 + tm.tm_mon) % NUMBERS;
}

static int64_t window_end(int window, int64_t now)
{
	struct tm tm;

	if (window == WINDOW_MINUTE)
		return (now / 60 + 1) * 60;
	if (window == WINDOW_DAY)
		return (now / DAY_SECONDS + 1) * DAY_SECONDS;
	tm = date_of(now);
	tm = (struct tm){ .tm_year = tm.tm_year, .tm_mon = tm.tm_mon + 1, .tm_mday = 1 };
	return (int64_t)timegm(&tm);
}

/* The word as it is in that window. Another process may have begun the next one a moment ago: that
 * one counts then. Any other window is over, or of a clock that was set back. */
static uint64_t word_in(uint64_t word, uint64_t number)
{
	uint64_t stored = word >> USED_BITS;

	if (word && (stored == number || stored == (number + 1) % NUMBERS))
		return word;
	return number << USED_BITS;
}

/* False: that would be beyond the limit (0: there is none). */
static bool add(_Atomic uint64_t *word, uint64_t number, int64_t amount, int64_t limit)
{
	uint64_t old = *word, now, used;

	do {
		now = word_in(old, number);
		used = (now & USED) + (uint64_t)amount;
		if (limit && used > (uint64_t)limit)
			return false;
		now = (now & ~USED) | (used < USED ? used : USED);
	} while (!atomic_compare_exchange_weak(word, &old, now));
	return true;
}

static void take_back(_Atomic uint64_t *word, uint64_t number)
{
	uint64_t old = *word;

	do {
		if (old >> USED_BITS != number || !(old & USED))
			return;
	} while (!atomic_compare_exchange_weak(word, &old, old - 1));
}

static int64_t used_of(const struct quota_slot *slot, int measure, int window, int64_t now)
{
	uint64_t number = window_number(window, now);

	return (int64_t)(word_in(slot->words[measure][window], number) & USED);
}

/* ---- the file ---- */

/* Under the lock. NULL: it cannot be had. */
static const struct mapfile *opened(struct quota *q, struct error *e)
{
	return mapfile_follow(&q->map, q->config->state_dir, FILE_NAME, &format, e) < 0 ? NULL
											: &q->map;
}

struct past {
	const char *key_id;
	int today;
	int64_t day[KEY_MEASURES], month[KEY_MEASURES];
};

static int add_past(void *context, const struct tally_row *row)
{
	struct past *p = context;
	int64_t measures[KEY_MEASURES];

	if (strcmp(row->key_id, p->key_id) != 0)
		return 0;
	tally_measures(row->counts, measures);
	for (int m = 0; m < KEY_MEASURES; m++) {
		p->month[m] += measures[m];
		if (row->day == p->today)
			p->day[m] += measures[m];
	}
	return 0;
}

static void begin_word(_Atomic uint64_t *word, int window, int64_t now, int64_t used)
{
	uint64_t none = 0, number = window_number(window, now);

	used = used < (int64_t)USED ? used : (int64_t)USED;
	atomic_compare_exchange_strong(word, &none, number << USED_BITS | (uint64_t)used);
}

static bool is_begun(const struct quota_slot *slot)
{
	return slot->words[KEY_MEASURES - 1][WINDOW_MONTH] != 0;
}

/* A key that this file has not seen yet. Of several who come at once the first tells. */
static int begin(struct quota *q, struct quota_slot *slot, const char *key_id, int64_t now,
		 struct error *e)
{
	struct past past = { .key_id = key_id, .today = tally_day(now) };

	if (is_begun(slot))
		return 0;
	if (tally_each(q->config, past.today / 100 * 100, past.today / 100 * 100 + 99, add_past,
		       &past, e))
		return -1;
	for (int m = 0; m < KEY_MEASURES; m++) { /* the last word is the sign that all are there */
		begin_word(&slot->words[m][WINDOW_MINUTE], WINDOW_MINUTE, now, 0);
		begin_word(&slot->words[m][WINDOW_DAY], WINDOW_DAY, now, past.day[m]);
		begin_word(&slot->words[m][WINDOW_MONTH], WINDOW_MONTH, now, past.month[m]);
	}
	return 0;
}

static bool has_limits(const struct key *key)
{
	for (int m = 0; m < KEY_MEASURES; m++) {
		for (int w = 0; w < KEY_WINDOWS; w++) {
			if (key->limits[m][w])
				return true;
		}
	}
	return false;
}

/* ---- the calls ---- */

static int reached(const struct key *key, int measure, int window, int64_t now, struct error *e)
{
	static const enum error_kind kinds[KEY_WINDOWS] = { ERR_KEY_RATE, ERR_KEY_LIMIT,
							    ERR_KEY_BUDGET };
	int64_t at = window_end(window, now);
	double limit = (double)key->limits[measure][window];
	enum error_kind kind = kinds[window];
	char date[CLOCK_TEXT_SIZE];

	if (measure == MEASURE_REQUESTS && window == WINDOW_MONTH)
		kind = ERR_KEY_LIMIT;
	if (measure == MEASURE_CREDITS)
		limit /= KEY_CREDIT;
	e->retry_after = (int)(at - now);
	return error_set(e, kind,
			 "this %s has used up its limit of %.15g %s per %s; the next %s begins "
			 "in %d seconds, at %s",
			 key_noun(key), limit, key_measure_names[measure], key_window_names[window],
			 key_window_names[window], e->retry_after, clock_format(at, date));
}

static void take_back_requests(struct quota_slot *slot, int from_window, int64_t now)
{
	for (int w = from_window; w < KEY_WINDOWS; w++)
		take_back(&slot->words[MEASURE_REQUESTS][w], window_number(w, now));
}

/* From the longest window to the shortest, so that its refusal is the one that is told, whatever it
 * measures. That of requests is final only when this one is counted. */
static int enter(struct quota_slot *slot, const struct key *key, int64_t now, struct error *e)
{
	for (int w = KEY_WINDOWS - 1; w >= 0; w--) {
		for (int m = 0; m < KEY_MEASURES; m++) {
			if (key->limits[m][w] && used_of(slot, m, w, now) >= key->limits[m][w])
				return reached(key, m, w, now, e);
		}
	}
	for (int w = KEY_WINDOWS - 1; w >= 0; w--) {
		if (!add(&slot->words[MEASURE_REQUESTS][w], window_number(w, now), 1,
			 key->limits[MEASURE_REQUESTS][w])) {
			take_back_requests(slot, w + 1, now);
			return reached(key, MEASURE_REQUESTS, w, now, e);
		}
	}
	slot->used_at = now;
	return 0;
}

int quota_enter(struct quota *q, const struct key *key, int64_t now, struct error *e)
{
	struct quota_slot *slot = NULL;
	const struct mapfile *map;
	struct error why = { 0 };
	int rc = -1;

	pthread_mutex_lock(&q->lock);
	map = opened(q, &why);
	if (map)
		slot = mapfile_take(map, mapfile_key(key->id), key->id);
	if (map && !slot)
		error_set(&why, ERR_STORE, "%s is full", FILE_NAME);
	if (slot && !begin(q, slot, key->id, now, &why))
		rc = enter(slot, key, now, e);
	pthread_mutex_unlock(&q->lock);
	if (why.kind)
		log_line(LOG_ERROR, "limits of the key %s: %s", key->name, why.message);
	if (why.kind && has_limits(key))
		return error_set(e, ERR_STORE,
				 "the limits of this key cannot be looked at; see the log");
	return why.kind ? 0 : rc;
}

static struct quota_slot *known_slot(struct quota *q, const char *key_id)
{
	struct error ignored = { 0 };
	const struct mapfile *map = opened(q, &ignored);

	return map ? mapfile_find(map, mapfile_key(key_id)) : NULL;
}

void quota_return(struct quota *q, const struct key *key, int64_t now)
{
	struct quota_slot *slot;

	pthread_mutex_lock(&q->lock);
	slot = known_slot(q, key->id);
	if (slot)
		take_back_requests(slot, 0, now);
	pthread_mutex_unlock(&q->lock);
}

void quota_book(struct quota *q, const char *key_id, int64_t now, int64_t tokens, int64_t credits)
{
	const int64_t amounts[KEY_MEASURES] = { 0, tokens, credits };
	struct quota_slot *slot;

	pthread_mutex_lock(&q->lock);
	slot = known_slot(q, key_id);
	if (slot && !is_begun(slot)) /* the file is new, and usage has it already */
		slot = NULL;
	for (int m = 0; slot && m < KEY_MEASURES; m++) {
		for (int w = 0; amounts[m] > 0 && w < KEY_WINDOWS; w++)
			add(&slot->words[m][w], window_number(w, now), amounts[m], 0);
	}
	pthread_mutex_unlock(&q->lock);
}

void quota_look(struct quota *q, const char *key_id, int64_t now, struct quota_view *out)
{
	struct quota_slot *slot;

	*out = (struct quota_view){ .used_at = 0 };
	for (int w = 0; w < KEY_WINDOWS; w++)
		out->resets_at[w] = window_end(w, now);
	pthread_mutex_lock(&q->lock);
	slot = known_slot(q, key_id);
	for (int m = 0; slot && m < KEY_MEASURES; m++) {
		for (int w = 0; w < KEY_WINDOWS; w++)
			out->used[m][w] = used_of(slot, m, w, now);
	}
	if (slot)
		out->used_at = slot->used_at;
	pthread_mutex_unlock(&q->lock);
}
