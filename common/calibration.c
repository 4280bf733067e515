#include "common/base.h"
#include "common/calibration.h"

#include "common/limits.h"
#include "common/log.h"
#include "common/mapfile.h"

#include <pthread.h>
#include <stdatomic.h>

#define FILE_NAME "calibration.map"

/* The word: 8 bits of samples, 28 of mean, 28 of deviation, both in millionths. */
#define PARTS	   1e6
#define FIELD_BITS 28
#define FIELD	   ((UINT64_C(1) << FIELD_BITS) - 1)

/* The lower bound is the calibrated estimate less so many mean deviations; a deviation of few
 * answers says little, and without any the estimator's own band is all that is known. */
#define DEVIATIONS  3
#define BAND_MIN    0.1
#define BAND_MAX    0.5
#define LABEL_BYTES 96

struct calibration_slot {
	struct mapfile_slot head;
	char label[LABEL_BYTES]; /* the model's id */
	_Atomic uint64_t word;
};

static const struct mapfile_format format = { "calibra", 1, sizeof(struct calibration_slot),
					      LABEL_BYTES, LIMIT_CALIBRATION_SLOTS };

struct calibration {
	pthread_mutex_t lock; /* guards everything below: the map may be replaced */
	char *dir;
	struct mapfile map;
};

struct calibration *calibration_new(const char *dir)
{
	struct calibration *c = xcalloc(1, sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	c->dir = xstrdup(dir);
	return c;
}

void calibration_free(struct calibration *c)
{
	if (!c)
		return;
	mapfile_close(&c->map);
	pthread_mutex_destroy(&c->lock);
	free(c->dir);
	free(c);
}

static bool is_there(const struct calibration *c)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", c->dir, FILE_NAME);
	return access(path, F_OK) == 0;
}

/* Under the lock. NULL: there is nothing to look at. Only who learns makes the file. */
static const struct mapfile *opened(struct calibration *c, bool make)
{
	struct error e = { 0 };

	if (!c->map.slots && !make && !is_there(c))
		return NULL;
	if (mapfile_follow(&c->map, c->dir, FILE_NAME, &format, &e) < 0) {
		log_line(LOG_DEBUG, "token estimates are calibrated for this process only: %s",
			 e.message);
		mapfile_open_private(&c->map, &format);
	}
	return &c->map;
}

static unsigned samples_of(uint64_t word)
{
	return (unsigned)(word & 0xFF);
}

static double mean_of(uint64_t word)
{
	return (double)(word >> 8 & FIELD) / PARTS;
}

static double deviation_of(uint64_t word)
{
	return (double)(word >> (8 + FIELD_BITS) & FIELD) / PARTS;
}

static uint64_t word_of(unsigned samples, double mean, double deviation)
{
	return samples | (uint64_t)(mean * PARTS + 0.5) << 8 |
	       (uint64_t)(deviation * PARTS + 0.5) << (8 + FIELD_BITS);
}

static uint64_t with_sample(uint64_t word, double ratio)
{
	const unsigned samples =
		samples_of(word) < CALIBRATION_MEMORY ? samples_of(word) + 1 : CALIBRATION_MEMORY;
	const double mean = mean_of(word), off = ratio > mean ? ratio - mean : mean - ratio;

	if (samples == 1)
		return word_of(1, ratio, 0);
	return word_of(samples, mean + (ratio - mean) / samples,
		       deviation_of(word) + (off - deviation_of(word)) / (samples - 1));
}

void calibration_look(struct calibration *c, const char *model_id, struct calibration_view *out)
{
	const struct calibration_slot *slot;
	const struct mapfile *map;
	uint64_t word = 0;
	double band;

	pthread_mutex_lock(&c->lock);
	map = opened(c, false);
	slot = map ? mapfile_find(map, mapfile_key(model_id)) : NULL;
	if (slot)
		word = slot->word;
	pthread_mutex_unlock(&c->lock);
	*out = (struct calibration_view){ samples_of(word), 1, 0, 1 - BAND_MAX };
	/* whoever wrote the file: what cannot be learned cannot stand in it */
	if (out->samples < CALIBRATION_MIN_SAMPLES || mean_of(word) > CALIBRATION_MAX ||
	    mean_of(word) < 1 / CALIBRATION_MAX)
		return;
	out->factor = mean_of(word);
	out->deviation = deviation_of(word) / out->factor;
	band = DEVIATIONS * out->deviation;
	band = band < BAND_MIN ? BAND_MIN : band;
	out->low = 1 - (band < BAND_MAX ? band : BAND_MAX);
}

void calibration_learn(struct calibration *c, const char *model_id, int64_t estimated, int64_t told)
{
	const double ratio = estimated > 0 ? (double)told / (double)estimated : 0;
	struct calibration_slot *slot;
	uint64_t word;

	if (estimated < CALIBRATION_MIN_TOKENS)
		return;
	if (ratio > CALIBRATION_MAX || ratio < 1 / CALIBRATION_MAX) {
		log_line(LOG_DEBUG, "%s: told %" PRId64 " tokens, estimated %" PRId64 ": no sample",
			 model_id, told, estimated);
		return;
	}
	pthread_mutex_lock(&c->lock);
	slot = mapfile_take(opened(c, true), mapfile_key(model_id), model_id);
	if (slot) {
		word = slot->word;
		while (!atomic_compare_exchange_weak(&slot->word, &word, with_sample(word, ratio)))
			continue;
	}
	pthread_mutex_unlock(&c->lock);
}
