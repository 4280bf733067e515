#include "common/base.h"
#include "common/live.h"

#include "common/limits.h"
#include "common/log.h"
#include "common/mapfile.h"

#include <pthread.h>
#include <stdatomic.h>

#define LIVE_MAP     "live.map"
#define AFFINITY_MAP "affinity.map"
#define TURNS	     "(turns)" /* no account has this id: the starts of all of them */

struct live_slot {
	struct mapfile_slot head;
	_Atomic uint64_t rest; /* until << 8 | enum error_kind */
	_Atomic int64_t rest_since;
	_Atomic uint64_t turn; /* of TURNS: the last one given out */
	_Atomic int64_t started;
	_Atomic int64_t next;
	_Atomic uint64_t spent; /* since << 32 | thousandths of a credit */
};

struct affinity_slot {
	struct mapfile_slot head;
	_Atomic uint64_t account;
	_Atomic int64_t used; /* seconds since 1970 */
};

static const struct mapfile_format live_format = { "live", 1, sizeof(struct live_slot), 0,
						   LIMIT_LIVE_SLOTS };
static const struct mapfile_format affinity_format = { "affinit", 1, sizeof(struct affinity_slot),
						       0, LIMIT_AFFINITY_SLOTS };

/* A map and where it is; remade when somebody took its file away. */
struct file {
	const char *name;
	const struct mapfile_format *format;
	struct mapfile map;
};

struct live {
	pthread_mutex_t lock; /* guards everything below: a map may be replaced */
	char *dir;
	struct file accounts, conversations;
	uint64_t turns; /* the key of TURNS */
	bool uncounted; /* logged that requests in flight cannot be counted */
};

struct live *live_new(const char *dir)
{
	struct live *l = xcalloc(1, sizeof(*l));

	pthread_mutex_init(&l->lock, NULL);
	l->dir = xstrdup(dir);
	l->turns = mapfile_key(TURNS);
	l->accounts = (struct file){ LIVE_MAP, &live_format, { .slots = NULL } };
	l->conversations = (struct file){ AFFINITY_MAP, &affinity_format, { .slots = NULL } };
	return l;
}

void live_free(struct live *l)
{
	if (!l)
		return;
	mapfile_close(&l->accounts.map);
	mapfile_close(&l->conversations.map);
	pthread_mutex_destroy(&l->lock);
	free(l->dir);
	free(l);
}

uint64_t live_key(const char *account_id)
{
	return mapfile_key(account_id);
}

/* Under the lock. */
static const struct mapfile *opened(struct live *l, struct file *f)
{
	struct error e = { 0 };

	if (mapfile_follow(&f->map, l->dir, f->name, f->format, &e) < 0) {
		log_line(LOG_ERROR, "processes do not know of each other: %s", e.message);
		mapfile_open_private(&f->map, f->format);
	}
	return &f->map;
}

static struct live_slot *slot_of(struct live *l, uint64_t account, bool make)
{
	const struct mapfile *map = opened(l, &l->accounts);

	return make ? mapfile_take(map, account, "") : mapfile_find(map, account);
}

/* What was written at a time that has yet to come is of no use: the clock was set back. */
static void read_slot(const struct live_slot *slot, int64_t now_ms, struct live_view *out)
{
	const uint64_t rest = slot->rest;
	const int64_t until = (int64_t)(rest >> 8);

	if (until > now_ms / 1000 && slot->rest_since <= now_ms / 1000) {
		out->rest_until = until;
		out->rest_why = (rest & 0xFF) < ERR_KINDS ? rest & 0xFF : ERR_UP_RATE;
	}
	out->turn = slot->turn;
	out->started = slot->started;
	if (slot->next > now_ms && out->started <= now_ms)
		out->next = slot->next;
	out->spent_since = (int64_t)(slot->spent >> 32);
	out->spent = (double)(slot->spent & UINT32_MAX) / 1000;
}

void live_look_all(struct live *l, const uint64_t *accounts, size_t count, int64_t now_ms,
		   struct live_view *out)
{
	const struct mapfile *map;

	pthread_mutex_lock(&l->lock);
	map = opened(l, &l->accounts);
	for (size_t i = 0; i < count; i++) {
		const struct live_slot *slot = mapfile_find(map, accounts[i]);

		out[i] = (struct live_view){ .rest_until = 0 };
		if (slot)
			read_slot(slot, now_ms, &out[i]);
	}
	pthread_mutex_unlock(&l->lock);
}

void live_look(struct live *l, uint64_t account, int64_t now_ms, struct live_view *out)
{
	live_look_all(l, &account, 1, now_ms, out);
}

void live_rest(struct live *l, uint64_t account, enum error_kind why, int64_t now, int64_t until)
{
	const uint64_t rest = (uint64_t)until << 8 | (uint64_t)why;
	struct live_slot *slot;
	uint64_t old;

	pthread_mutex_lock(&l->lock);
	slot = slot_of(l, account, true);
	if (slot) {
		old = slot->rest_since <= now ? slot->rest : 0;
		slot->rest_since = now;
		if (rest > old)
			slot->rest = rest;
	}
	pthread_mutex_unlock(&l->lock);
}

void live_wake(struct live *l, uint64_t account)
{
	struct live_slot *slot;

	pthread_mutex_lock(&l->lock);
	slot = slot_of(l, account, false);
	if (slot)
		slot->rest = 0;
	pthread_mutex_unlock(&l->lock);
}

bool live_start(struct live *l, uint64_t account, const struct live_view *seen, int64_t now_ms,
		int64_t pause_ms)
{
	struct live_slot *slot, *turns;
	uint64_t turn = seen->turn;
	bool first = true;

	pthread_mutex_lock(&l->lock);
	slot = slot_of(l, account, true);
	turns = slot_of(l, l->turns, true);
	if (slot && turns)
		first = atomic_compare_exchange_strong(&slot->turn, &turn, ++turns->turn);
	if (slot && first) {
		slot->started = now_ms;
		slot->next = now_ms + pause_ms;
	}
	pthread_mutex_unlock(&l->lock);
	return first;
}

void live_spend(struct live *l, uint64_t account, int64_t since, double credits)
{
	const uint64_t begin = (uint64_t)since << 32;
	struct live_slot *slot;
	uint64_t old, sum;

	if (!(credits > 0) || credits > LIMIT_CREDITS || since < 1 || since > UINT32_MAX)
		return;
	pthread_mutex_lock(&l->lock);
	slot = slot_of(l, account, true);
	old = slot ? slot->spent : 0;
	do {
		sum = old >> 32 == begin >> 32 ? old & UINT32_MAX : 0;
		sum += (uint64_t)(credits * 1000 + 0.5);
		if (sum > UINT32_MAX)
			sum = UINT32_MAX;
	} while (slot && !atomic_compare_exchange_weak(&slot->spent, &old, begin | sum));
	pthread_mutex_unlock(&l->lock);
}

/* ---- requests in flight ---- */

/* Said once. */
static int held(struct live *l, int place, const struct error *why)
{
	if (place != HOLD_UNKNOWN || !why->kind)
		return place;
	pthread_mutex_lock(&l->lock);
	if (!l->uncounted)
		log_line(LOG_ERROR, "requests in flight are not counted: %s", why->message);
	l->uncounted = true;
	pthread_mutex_unlock(&l->lock);
	return place;
}

int live_hold(struct live *l, uint64_t account, int limit)
{
	struct error why = { 0 };

	return held(l, hold_take(l->dir, account, limit, &why), &why);
}

int live_count(struct live *l, uint64_t account)
{
	struct error why = { 0 };

	return held(l, hold_count(l->dir, account, &why), &why);
}

/* ---- conversations ---- */

uint64_t live_bound(struct live *l, const char *conversation, int64_t now, int64_t max_age)
{
	const struct affinity_slot *slot;
	uint64_t account = 0;

	pthread_mutex_lock(&l->lock);
	slot = mapfile_find(opened(l, &l->conversations), mapfile_key(conversation));
	if (slot && slot->used <= now && slot->used > now - max_age)
		account = slot->account;
	pthread_mutex_unlock(&l->lock);
	return account;
}

static uint64_t last_used(const void *of)
{
	const struct affinity_slot *slot = of;

	return (uint64_t)slot->used;
}

void live_bind(struct live *l, const char *conversation, uint64_t account, int64_t now)
{
	struct affinity_slot *slot;

	pthread_mutex_lock(&l->lock);
	slot = mapfile_take_oldest(opened(l, &l->conversations), mapfile_key(conversation),
				   last_used);
	if (slot) {
		slot->account = account;
		slot->used = now;
	}
	pthread_mutex_unlock(&l->lock);
}
