/*
 * calibration.h - how far the estimate of tokens (fcgi/tokens.h) is from what the upstream counts:
 * a factor per model, learned from answers that tell it, shared by all processes in
 * calibration.map (mapfile.h). Its loss is harmless: it is learned again.
 *
 * One word of 64 bits a model holds number of samples, mean and mean deviation of the ratio
 * "told by the upstream / estimated"; the newest CALIBRATION_MEMORY samples weigh most. A ratio
 * beyond CALIBRATION_MAX or below its inverse is no estimate's error but another window or another
 * request than we think: it is not learned from. Below CALIBRATION_MIN_SAMPLES nothing is known.
 */
#ifndef COMMON_CALIBRATION_H
#define COMMON_CALIBRATION_H

#include "common/base.h"

#define CALIBRATION_MIN_SAMPLES 5
#define CALIBRATION_MEMORY	64
#define CALIBRATION_MAX		2.5
#define CALIBRATION_MIN_TOKENS	2000 /* of an estimate: percentages are too coarse for less */

struct calibration;

struct calibration_view {
	unsigned samples;
	double factor;	  /* to multiply an estimate with; 1 while nothing is known */
	double deviation; /* mean, as a part of the estimate; 0 while nothing is known */
	double low;	  /* part of the calibrated estimate that the truth hardly falls below */
};

/* The file is opened at the first use, and made by who learns first: the directory may come to
 * exist after us. */
struct calibration *calibration_new(const char *dir);
void calibration_free(struct calibration *c); /* NULL is fine */

void calibration_look(struct calibration *c, const char *model_id, struct calibration_view *out);

/* An answer told the tokens that we had estimated, both in all. */
void calibration_learn(struct calibration *c, const char *model_id, int64_t estimated,
		       int64_t told);

#endif
