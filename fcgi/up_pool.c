#include "common/base.h"
#include "fcgi/up_pool.h"

#include "common/ids.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/rest.h"

#include <pthread.h>

#define COOL_SECONDS 3	  /* after a rate limit that names no time */
#define COOL_LONGEST 3600 /* after one that names an absurd time */

struct member {
	struct account account;
	int64_t cool_until; /* in this process only */
};

struct up_pool {
	pthread_mutex_t lock; /* guards everything below */
	struct store_stamp stamp;
	bool loaded;
	struct member *members;
	size_t count;
	unsigned turn; /* where the next search begins */
};

struct up_pool *up_pool_new(void)
{
	struct up_pool *p = xcalloc(1, sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	ids_random(&p->turn, sizeof(p->turn)); /* CGI: each process starts elsewhere */
	return p;
}

static void free_members(struct member *members, size_t count)
{
	for (size_t i = 0; i < count; i++)
		account_release(&members[i].account);
	free(members);
}

void up_pool_free(struct up_pool *p)
{
	if (!p)
		return;
	free_members(p->members, p->count);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

struct loading {
	struct member *members;
	size_t count, room;
};

static int load_one(void *context, const char *key, struct span json)
{
	struct loading *l = context;
	struct error e = { 0 };
	struct member *m;
	cJSON *tree;

	if (l->count == LIMIT_ACCOUNTS)
		return 0;
	if (l->count == l->room) {
		l->room = l->room ? 2 * l->room : 16;
		l->members = xrealloc(l->members, l->room * sizeof(*l->members));
	}
	m = &l->members[l->count];
	m->cool_until = 0;
	account_init(&m->account);
	tree = json_parse(json, &e);
	if (tree && !account_read(&m->account, tree, &e)) {
		l->count++;
	} else {
		log_line(LOG_ERROR, "record %s is left out: %s", key, e.message);
		account_release(&m->account);
	}
	cJSON_Delete(tree);
	return 0;
}

/* Rests of this process outlive the records' reading. */
static void keep_rests(const struct up_pool *p, struct loading *l)
{
	for (size_t i = 0; i < p->count; i++) {
		if (!p->members[i].cool_until)
			continue;
		for (size_t k = 0; k < l->count; k++) {
			if (strcmp(l->members[k].account.id, p->members[i].account.id) == 0)
				l->members[k].cool_until = p->members[i].cool_until;
		}
	}
}

static int by_priority(const void *left, const void *right)
{
	const struct account *a = &((const struct member *)left)->account;
	const struct account *b = &((const struct member *)right)->account;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return strcmp(a->id, b->id);
}

/* Under the lock. */
static int load(struct up_pool *p, const struct store *tokens, struct error *e)
{
	struct loading l = { .count = 0 };
	int changed = store_changed(tokens, &p->stamp, e);

	if (changed < 0)
		return -1;
	if (p->loaded && !changed)
		return 0;
	/* A damaged record is logged by the store; the others serve. */
	if (store_each(tokens, "a/", load_one, &l, &p->stamp, e) < 0 && !l.count)
		return -1;
	error_clear(e);
	if (l.count)
		qsort(l.members, l.count, sizeof(*l.members), by_priority);
	keep_rests(p, &l);
	free_members(p->members, p->count);
	p->members = l.members;
	p->count = l.count;
	p->loaded = true;
	return 0;
}

static bool usable(const struct member *m, int64_t now)
{
	return m->cool_until <= now && account_usable(&m->account, now);
}

static bool listed(const char *id, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i], id) == 0)
			return true;
	}
	return false;
}

static bool lacks(const struct member *m, const struct up_pool_wish *wish)
{
	return wish->model && catalogues_lack(wish->catalogues, m->account.id, wish->model);
}

static bool fits(const struct member *m, const struct up_pool_wish *wish, int64_t now)
{
	return usable(m, now) && !listed(m->account.id, wish->tried, wish->tried_count) &&
	       !lacks(m, wish);
}

/* Among the best priority that has a usable account: the next in turn. */
static struct member *choose(struct up_pool *p, const struct up_pool_wish *wish, int64_t now)
{
	struct member *first = NULL, *chosen = NULL;
	size_t candidates = 0, turn;

	for (size_t i = 0; i < p->count; i++) {
		struct member *m = &p->members[i];

		if (first && m->account.priority != first->account.priority)
			break;
		if (!fits(m, wish, now))
			continue;
		if (!first)
			first = m;
		candidates++;
	}
	if (!first)
		return NULL;
	turn = p->turn++ % candidates;
	for (struct member *m = first; m < p->members + p->count; m++) {
		if (!fits(m, wish, now))
			continue;
		chosen = m;
		if (!turn--)
			break;
	}
	return chosen;
}

static bool all_lack(const struct up_pool *p, const struct up_pool_wish *wish)
{
	for (size_t i = 0; i < p->count; i++) {
		if (!lacks(&p->members[i], wish))
			return false;
	}
	return true;
}

/* What a client is told of an account's rest: as if it had met the cause itself. */
struct rest {
	enum error_kind kind;
	const char *words;
};

static const struct rest rests[ACCOUNT_STATES] = {
	[STATE_ACTIVE] = { ERR_UP_RATE, "all accounts rest after a rate limit" },
	[STATE_EXHAUSTED] = { ERR_UP_QUOTA, "the allowance of all accounts is used up" },
	[STATE_SUSPENDED] = { ERR_UP_SUSPENDED, "the upstream has suspended all accounts" },
	[STATE_REFUSED] = { ERR_UP_REFUSED, "the upstream refuses all accounts" },
};

/* The rest that ends first, NULL: none will end by itself. */
static const struct rest *soonest_back(const struct up_pool *p, const struct up_pool_wish *wish,
				       int64_t now, int64_t *when)
{
	const struct rest *found = NULL;

	for (size_t i = 0; i < p->count; i++) {
		const struct member *m = &p->members[i];
		bool cools = m->cool_until > now;
		int64_t until = cools ? m->cool_until : m->account.state_until;

		if (m->account.state == STATE_DISABLED || m->account.state == STATE_INVALID ||
		    lacks(m, wish) || until <= now || (found && until >= *when))
			continue;
		found = &rests[cools ? STATE_ACTIVE : m->account.state];
		*when = until;
	}
	return found;
}

/* Says honestly why and when. */
static int none_usable(const struct up_pool *p, const struct up_pool_wish *wish, int64_t now,
		       struct error *e)
{
	const struct rest *rest;
	int64_t soonest = 0;

	if (!p->count)
		return error_set(e, ERR_NO_ACCOUNT,
				 "no account yet: the owner of this gateway adds one with "
				 "\"kiroctl account add\" or \"kiroctl account import\"");
	if (all_lack(p, wish))
		return error_set(e, ERR_MODEL, "model: %.100s", wish->model);
	rest = soonest_back(p, wish, now, &soonest);
	if (!rest)
		return error_set(e, ERR_NO_ACCOUNT,
				 "no account is usable; see kiroctl account list");
	e->retry_after = (int)(soonest - now);
	return error_set(e, rest->kind, "%s; the next account is back in %" PRId64 " seconds",
			 rest->words, soonest - now);
}

int up_pool_pick(struct up_pool *p, const struct store *tokens, const struct up_pool_wish *wish,
		 int64_t now, struct account *out, struct error *e)
{
	struct member *m = NULL;
	int rc;

	pthread_mutex_lock(&p->lock);
	rc = load(p, tokens, e);
	if (!rc) {
		m = choose(p, wish, now);
		if (m)
			account_copy(out, &m->account);
		else
			rc = none_usable(p, wish, now, e);
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

int up_pool_count(struct up_pool *p, const struct store *tokens, int64_t now, size_t *count,
		  struct error *e)
{
	int rc;

	*count = 0;
	pthread_mutex_lock(&p->lock);
	rc = load(p, tokens, e);
	for (size_t i = 0; !rc && i < p->count; i++)
		*count += usable(&p->members[i], now);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

static void cool(struct up_pool *p, const char *id, int64_t until)
{
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < p->count; i++) {
		if (strcmp(p->members[i].account.id, id) == 0)
			p->members[i].cool_until = until;
	}
	pthread_mutex_unlock(&p->lock);
}

void up_pool_book(struct up_pool *p, const struct store *tokens, const struct account *account,
		  struct error *failure, int64_t now)
{
	int wait = failure->retry_after;

	if (error_row(failure)->effect != ACCOUNT_COOL) {
		rest_book(tokens, account, failure, now);
		return;
	}
	if (wait > COOL_LONGEST)
		wait = COOL_LONGEST;
	failure->retry_after = wait ? wait : COOL_SECONDS;
	cool(p, account->id, now + failure->retry_after);
}
