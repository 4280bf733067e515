/*
 * usage.h - what the upstream says of an account's plan and how much of it is used, and the record
 * "u/<account id>" in tokens.gdbm that keeps the last good answer.
 *
 * An allowance comes in parts: the plan's own, a free trial, bonuses. A part counts until it ends;
 * all of it counts until the reset date, after which nothing is known before the next answer.
 */
#ifndef COMMON_USAGE_H
#define COMMON_USAGE_H

#include "common/account.h"
#include "common/base.h"
#include "common/config.h"
#include "common/error.h"
#include "common/http.h"
#include "common/store.h"

#define USAGE_PREFIX  "u/"
#define USAGE_UNKNOWN (-1.0)
#define USAGE_PARTS   16 /* the plan, a trial and more bonuses than were ever seen */

enum usage_part_kind { USAGE_PLAN, USAGE_TRIAL, USAGE_BONUS, USAGE_PART_KINDS };
extern const char *const usage_part_names[USAGE_PART_KINDS]; /* plan, trial, bonus */

struct usage_part {
	enum usage_part_kind kind;
	char name[32]; /* of a bonus, for people; "" none */
	double used, limit;
	int64_t ends_at; /* 0: with the plan, or not told */
};

struct usage_overage { /* use beyond the limit, which is paid for; 0: not told */
	bool enabled;
	double used, cap; /* in the plan's unit */
	double rate, charges;
	char currency[8];
};

struct usage {
	char plan[64];	   /* "KIRO PRO", "" unknown */
	char email[128];   /* "" unknown; not in the record */
	char unit[32];	   /* "Credits", "" unknown */
	char resource[32]; /* which entry of the answer this is: "CREDIT", ...; "" unknown */
	struct usage_part parts[USAGE_PARTS];
	size_t part_count;
	int64_t reset_at; /* 0: unknown */
	struct usage_overage overage;
	int64_t read_at;   /* when the upstream said so; 0: never */
	int64_t tried_at;  /* the last look, good or not */
	char failure[160]; /* why the last look failed; "": it did not */
	char user_id[128]; /* the service's own, "" unknown; not in the record */
};

/* One GET getUsageLimits with the account's bearer. Refusals of the upstream as up_error has them.
 */
int usage_fetch(struct http_client *http, const struct config *config, const struct account *a,
		struct usage *out, struct error *e);

/* The body of such an answer, read now. -1: no usage in it. */
int usage_read(struct usage *out, struct span body, struct error *e);

/* The record. from: *u is overwritten; ERR_STORE when it is none. */
int usage_from_record(struct usage *u, const cJSON *record, struct error *e);
void usage_to_record(const struct usage *u, struct buf *record);

/* Both over the parts that have not ended; the limit is 0 when none was told. */
double usage_used(const struct usage *u);
double usage_limit(const struct usage *u);

/* What is left of the parts that have not ended, in the plan's unit: 0 when all is used, whether
 * the account may go beyond or not. USAGE_UNKNOWN (negative): never read, no limit told, or the
 * reset date is behind. An old number is still a number: see usage_is_stale(). */
double usage_remaining(const struct usage *u);

/* Known to be used up: nothing remains, and nothing can be had beyond the limit (or none of it is
 * wanted). Enabled overage without a cap has no end. */
bool usage_is_exhausted(const struct usage *u, bool allow_overage);

/* Not what the upstream would say today: never read, the last look failed, older than two
 * intervals, or of a period that is over. */
bool usage_is_stale(const struct usage *u, int64_t interval);

#endif
