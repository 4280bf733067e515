#include "common/base.h"
#include "common/rest.h"

#include "common/account_store.h"
#include "common/log.h"
#include "common/usage_store.h"

#include <time.h>

#define MINUTE	60
#define HOUR	(60 * MINUTE)
#define DAY	(24 * HOUR)
#define LONGEST ACCOUNT_LONGEST_REST

#define PROBE_SECONDS (5 * MINUTE) /* a probe that has not answered by then is lost */
#define PROBE_AGAIN   MINUTE	   /* after a probe that told nothing */

/* Rests that grow. */
static const struct ladder {
	enum account_effect effect;
	enum account_state state;
	int64_t first, longest;
} ladders[] = {
	{ ACCOUNT_SUSPEND, STATE_SUSPENDED, 6 * HOUR, 7 * DAY },
	{ ACCOUNT_REFRESH, STATE_REFUSED, MINUTE, DAY },
	{ ACCOUNT_REFUSE, STATE_REFUSED, 15 * MINUTE, DAY },
};

enum deed { BOOK, CLAIM, RETURN, END };

struct change {
	enum deed deed;
	const struct account *seen;
	enum account_state state;    /* BOOK */
	const char *reason;	     /* BOOK */
	const struct ladder *ladder; /* BOOK: of a rest that grows; NULL: of another */
	int64_t now, until;
};

bool rest_needs_claim(const struct account *a)
{
	return a->state == STATE_SUSPENDED || a->state == STATE_REFUSED;
}

static bool same_rest(const struct account *a, const struct account *b)
{
	return a->state == b->state && a->state_since == b->state_since &&
	       a->state_tries == b->state_tries;
}

static bool has_moved_on(const struct account *a, const struct change *c)
{
	if (a->state == STATE_DISABLED || a->state == STATE_INVALID)
		return true;
	if (c->deed == BOOK)
		return !same_rest(a, c->seen) && !account_usable(a, c->now);
	if (a->state == STATE_ACTIVE || !same_rest(a, c->seen))
		return true;
	if (c->deed == RETURN)
		return a->state_until != c->seen->state_until;
	return c->deed == CLAIM && !account_usable(a, c->now);
}

static int64_t climb(const struct ladder *l, const struct account *a, int64_t now)
{
	int64_t length = l->first;

	if (a->state == l->state) {
		for (int64_t n = a->state_tries; n > 0 && length < l->longest; n--)
			length *= 2;
	}
	return now + (length < l->longest ? length : l->longest);
}

/* The rest grows by what is stored: the account may have been active since it was read. */
static void book(struct account *a, struct change *c)
{
	bool again = a->state == c->state;
	int64_t tries = again ? a->state_tries : 0;
	/* of a quota: when it was last heard of, so that newer numbers can tell otherwise */
	int64_t since = again && rest_needs_claim(a) ? a->state_since : c->now;

	if (c->ladder)
		c->until = climb(c->ladder, a, c->now);
	account_set_state(a, c->state, c->reason, since, c->until);
	a->state_tries = tries + 1;
}

static bool apply(struct account *a, void *context)
{
	struct change *c = context;

	if (has_moved_on(a, c))
		return false;
	if (c->deed == BOOK)
		book(a, c);
	else if (c->deed == END)
		account_set_state(a, STATE_ACTIVE, NULL, c->now, 0);
	else
		a->state_until = c->until;
	return true;
}

/* 0: done; > 0: the record has moved on, or is gone; -1. */
static int change(const struct store *tokens, struct change *c, struct error *e)
{
	return account_change(tokens, c->seen->id, apply, c, NULL, e);
}

/* For changes that nobody waits for. True: done. */
static bool note(const struct store *tokens, struct change *c)
{
	struct error e = { .kind = ERR_NONE };
	int rc = change(tokens, c, &e);

	if (rc < 0)
		log_line(LOG_ERROR, "account %s: state cannot be stored: %s", c->seen->id,
			 e.message);
	return !rc;
}

int rest_claim(const struct store *tokens, struct account *a, int64_t now, struct error *e)
{
	struct change c = { .deed = CLAIM, .seen = a, .now = now, .until = now + PROBE_SECONDS };
	int rc = change(tokens, &c, e);

	if (rc)
		return rc < 0 ? -1 : 0;
	a->state_until = c.until;
	log_line(LOG_INFO, "account %s is %s: this request finds out if it still is", a->id,
		 account_state_names[a->state]);
	return 1;
}

void rest_return(const struct store *tokens, const struct account *a, int64_t now)
{
	struct change c = { .deed = RETURN, .seen = a, .now = now, .until = now + PROBE_AGAIN };

	note(tokens, &c);
}

void rest_end(const struct store *tokens, const struct account *a, int64_t now)
{
	struct change c = { .deed = END, .seen = a, .now = now };

	if (a->state != STATE_ACTIVE && note(tokens, &c))
		log_line(LOG_INFO, "account %s (%s) answers again", a->id, a->label);
}

/* 0 hours UTC of the next day, or of the next month's first. */
static int64_t next_period(int64_t now, bool month)
{
	time_t at = (time_t)now;
	struct tm tm;

	gmtime_r(&at, &tm);
	tm.tm_mday = month ? 1 : tm.tm_mday + 1;
	tm.tm_mon += month;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	return (int64_t)timegm(&tm);
}

/* The date that the service told with the account's usage; 0: unknown. */
static int64_t reset_date(const struct store *tokens, const char *account_id, int64_t now)
{
	struct error unread = { .kind = ERR_NONE };
	struct usage u;

	if (usage_get(tokens, account_id, &u, &unread) <= 0)
		return 0;
	return u.reset_at > now && u.reset_at <= now + LONGEST ? u.reset_at : 0;
}

/* The service's own date for the account, else what the refusal says, else what its words mean. */
static int64_t allowance_returns(const struct store *tokens, const char *account_id,
				 const struct error *failure, int64_t now)
{
	int64_t told = failure->retry_after ? now + failure->retry_after : 0;
	int64_t reset = 0;

	if (failure->period == PERIOD_MONTH || failure->period == PERIOD_UNKNOWN)
		reset = reset_date(tokens, account_id, now);
	if (reset)
		return reset;
	if (told)
		return told < now + LONGEST ? told : now + LONGEST;
	if (failure->period == PERIOD_MONTH || failure->period == PERIOD_DAY)
		return next_period(now, failure->period == PERIOD_MONTH);
	return now + HOUR;
}

/* Fills state and end of the rest. */
static bool plan(const struct store *tokens, const struct account *a, const struct error *failure,
		 struct change *c)
{
	enum account_effect effect = error_row(failure)->effect;

	if (effect == ACCOUNT_EXHAUST) {
		c->state = STATE_EXHAUSTED;
		c->until = allowance_returns(tokens, a->id, failure, c->now);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ladders); i++) {
		if (ladders[i].effect != effect)
			continue;
		c->state = ladders[i].state;
		c->ladder = &ladders[i];
		c->until = climb(c->ladder, a, c->now);
		return true;
	}
	return false;
}

bool rest_book(const struct store *tokens, const struct account *a, struct error *failure,
	       int64_t now)
{
	struct change c = { .deed = BOOK, .seen = a, .reason = failure->message, .now = now };

	if (!plan(tokens, a, failure, &c))
		return false;
	if (note(tokens, &c))
		log_line(LOG_WARN, "account %s (%s) is now %s: %s", a->id, a->label,
			 account_state_names[c.state], c.reason);
	failure->retry_after = (int)(c.until - now);
	return true;
}
