#include "common/base.h"
#include "common/tally.h"

#include "common/ids.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/tally_map.h"

#include <pthread.h>
#include <stdatomic.h>

#define LABEL_BYTES 256
#define MAP_ID	    "(map)" /* the label of the slot that holds it: no row has this */
#define OTHER	    "(other)"

const char *const tally_count_names[TALLY_COUNTS] = {
	[TALLY_REQUESTS] = "requests",
	[TALLY_ERRORS] = "errors",
	[TALLY_ESTIMATED] = "estimated",
	[TALLY_INPUT] = "input_tokens",
	[TALLY_OUTPUT] = "output_tokens",
	[TALLY_CACHE_READ] = "cache_read_tokens",
	[TALLY_CACHE_WRITE] = "cache_write_tokens",
	[TALLY_CREDITS] = "credits",
};

/* label: key id, key name, account and model, a tab between. */
struct tally_slot {
	struct mapfile_slot head;
	char label[LABEL_BYTES];
	_Atomic int64_t counts[TALLY_COUNTS];
};

_Static_assert(KEY_ID_SIZE + KEY_NAME_SIZE + sizeof(((struct tally_row *)0)->account) +
			       sizeof(((struct tally_row *)0)->model) <=
		       LABEL_BYTES,
	       "a label has room for every row");

static const struct mapfile_format format = { "usage", 1, sizeof(struct tally_slot), LABEL_BYTES,
					      LIMIT_USAGE_SLOTS };

/* ---- days ---- */

int tally_day(int64_t now)
{
	time_t t = (time_t)now;
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return 0;
	return (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
}

/* ---- the file ---- */

void tally_map_name(int day, char out[static TALLY_MAP_NAME_SIZE])
{
	snprintf(out, TALLY_MAP_NAME_SIZE, "usage-%08d.map", day);
}

bool tally_map_day(const char *name, int *day)
{
	char again[TALLY_MAP_NAME_SIZE];

	if (sscanf(name, "usage-%8d.map", day) != 1 || *day < 0)
		return false;
	tally_map_name(*day, again);
	return strcmp(name, again) == 0;
}

int tally_map_open(struct mapfile *map, const char *dir, int day, struct error *e)
{
	char name[TALLY_MAP_NAME_SIZE];

	tally_map_name(day, name);
	return mapfile_open(map, dir, name, &format, e);
}

uint64_t tally_map_id(const struct mapfile *map)
{
	struct tally_slot *slot = mapfile_take(map, mapfile_key(MAP_ID), MAP_ID);
	int64_t id = 0, none = 0;

	if (!slot)
		return 1;
	ids_random(&id, sizeof(id));
	id |= 1;
	if (!atomic_compare_exchange_strong(&slot->counts[0], &none, id))
		id = none;
	return (uint64_t)id;
}

size_t tally_map_slots(const struct mapfile *map)
{
	return map->format->slots;
}

/* The next field of a label. false: it is none of ours. */
static bool take_field(const char **at, char *out, size_t size)
{
	size_t len = strcspn(*at, "\t");

	if (len >= size)
		return false;
	snprintf(out, size, "%.*s", (int)len, *at);
	*at += len;
	if (**at)
		(*at)++;
	return len > 0;
}

const struct tally_row *tally_map_row(const struct mapfile *map, size_t index,
				      struct tally_row *out)
{
	struct tally_slot *slot = mapfile_at(map, index);
	const char *at;

	if (!slot || !mapfile_is_taken(map, slot))
		return NULL;
	at = mapfile_label(map, slot);
	if (strcmp(at, MAP_ID) == 0 || !take_field(&at, out->key_id, sizeof(out->key_id)) ||
	    !take_field(&at, out->key, sizeof(out->key)) ||
	    !take_field(&at, out->account, sizeof(out->account)) ||
	    !take_field(&at, out->model, sizeof(out->model)))
		return NULL;
	for (int i = 0; i < TALLY_COUNTS; i++)
		out->counts[i] = slot->counts[i];
	return out;
}

/* ---- counting ---- */

struct tally {
	pthread_mutex_t lock; /* guards everything below: the map is replaced each day */
	char *dir;
	int day;
	struct mapfile map;
	bool full; /* said so */
};

struct tally *tally_new(const char *dir)
{
	struct tally *t = xcalloc(1, sizeof(*t));

	pthread_mutex_init(&t->lock, NULL);
	t->dir = xstrdup(dir);
	return t;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	mapfile_close(&t->map);
	pthread_mutex_destroy(&t->lock);
	free(t->dir);
	free(t);
}

/* Under the lock. */
static const struct mapfile *opened(struct tally *t, int day)
{
	char name[TALLY_MAP_NAME_SIZE];
	struct error e = { 0 };

	if (t->day != day)
		mapfile_close(&t->map);
	t->day = day;
	tally_map_name(day, name);
	if (mapfile_follow(&t->map, t->dir, name, &format, &e) < 0) {
		log_line(LOG_ERROR, "usage is not counted: %s", e.message);
		return NULL;
	}
	return &t->map;
}

/* A field in which a tab would tear the label. */
static void add_field(struct buf *label, const char *text)
{
	if (label->len)
		buf_add_char(label, '\t');
	for (text = *text ? text : "-"; *text; text++)
		buf_add_char(label, *text == '\t' ? ' ' : *text);
}

static struct tally_slot *slot_for(const struct mapfile *map, const struct tally_row *row,
				   const char *account, const char *model)
{
	char room[LABEL_BYTES + 1];
	struct buf label;

	buf_init_in(&label, room, sizeof(room));
	add_field(&label, row->key_id);
	add_field(&label, row->key);
	add_field(&label, account);
	add_field(&label, model);
	return mapfile_take(map, mapfile_key(label.at), label.at);
}

void tally_book(struct tally *t, const struct tally_row *row, int64_t now)
{
	struct tally_slot *slot = NULL;
	const struct mapfile *map;

	pthread_mutex_lock(&t->lock);
	map = opened(t, tally_day(now));
	if (map)
		slot = slot_for(map, row, row->account, row->model);
	if (map && !slot)
		slot = slot_for(map, row, OTHER, OTHER);
	for (int i = 0; slot && i < TALLY_COUNTS; i++) {
		if (row->counts[i])
			atomic_fetch_add(&slot->counts[i], row->counts[i]);
	}
	if (map && !slot && !t->full)
		log_line(LOG_ERROR, "usage of %s is not counted: the day's file is full", row->key);
	t->full |= map && !slot;
	pthread_mutex_unlock(&t->lock);
}

void tally_measures(const int64_t counts[static TALLY_COUNTS], int64_t out[static KEY_MEASURES])
{
	out[MEASURE_REQUESTS] = counts[TALLY_REQUESTS];
	out[MEASURE_TOKENS] = counts[TALLY_INPUT] + counts[TALLY_OUTPUT] +
			      counts[TALLY_CACHE_READ] + counts[TALLY_CACHE_WRITE];
	out[MEASURE_CREDITS] = counts[TALLY_CREDITS];
}
