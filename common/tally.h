/*
 * tally.h - what was used: requests, tokens and credits by key, account, model and day (UTC).
 *
 * usage-YYYYMMDD.map   the day's counters (mapfile.h): atomic adds by all processes. kill -9 loses
 *                      nothing of it; a power cut what the kernel had not written yet (it does so
 *                      within half a minute, and kiro-refresh folds every few minutes).
 * usage.gdbm           "d/<day>/<map>/<hash>": absolute totals of one map, so that a fold can be
 *                      killed and repeated. A map that was lost in the middle of a day and made
 *                      anew has another id, and adds to what the earlier one had.
 *                      "f/<day>/<map>": how often a map was folded since its day was over. After
 * the second time the file goes.
 */
#ifndef COMMON_TALLY_H
#define COMMON_TALLY_H

#include "common/base.h"
#include "common/config.h"
#include "common/error.h"
#include "common/key.h"

enum tally_count {
	TALLY_REQUESTS,	 /* chats that were let in */
	TALLY_ERRORS,	 /* of them those that failed, but for clients that left */
	TALLY_ESTIMATED, /* of them those whose tokens are our estimates */
	TALLY_INPUT,	 /* tokens */
	TALLY_OUTPUT,
	TALLY_CACHE_READ,
	TALLY_CACHE_WRITE,
	TALLY_CREDITS, /* in millionths */
	TALLY_COUNTS
};
extern const char *const tally_count_names[TALLY_COUNTS];

struct tally_row {
	int day; /* 20261121 */
	char key_id[KEY_ID_SIZE];
	char key[KEY_NAME_SIZE];
	char account[64], model[96]; /* "-": none; "(other)": the map was full */
	int64_t counts[TALLY_COUNTS];
};

int tally_day(int64_t now); /* 20261121 */

/* ---- counting ---- */

struct tally;

struct tally *tally_new(const char *dir); /* opened at the first use */
void tally_free(struct tally *t);	  /* NULL is fine */
/* Adds the row's counts to today's; its day is not looked at. */
void tally_book(struct tally *t, const struct tally_row *row, int64_t now);

/* ---- reading, by any process ---- */

/* Rows of the days from first to last, from maps and store, in no order; the same key, account and
 * model may come several times. Non-zero from each() ends with that value. */
int tally_each(const struct config *config, int first, int last,
	       int (*each)(void *context, const struct tally_row *row), void *context,
	       struct error *e);

/* What counts against limits: requests, all tokens, credits. */
void tally_measures(const int64_t counts[static TALLY_COUNTS], int64_t out[static KEY_MEASURES]);

/* ---- folding: kiro-refresh ---- */

/* Maps into the store, which is made where it is missing; removes maps that are over, and days
 * older than usage.retention_days. *changed: records written. 0; 1: another process is at it; -1.
 */
int tally_fold(const struct config *config, int64_t now, size_t *changed, struct error *e);

#endif
