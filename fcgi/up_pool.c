#include "common/base.h"
#include "fcgi/up_pool.h"

#include "common/account_store.h"
#include "common/clock.h"
#include "common/ids.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/live.h"
#include "common/log.h"
#include "common/rest.h"
#include "common/usage.h"
#include "fcgi/up_strategy.h"

#include <pthread.h>

#define COOL_SECONDS  3	   /* after a rate limit that names no time */
#define COOL_LONGEST  3600 /* after one that names an absurd time */
#define DEFER_SECONDS 10   /* while the login service fails */

#define BUSY_MS 100 /* how soon a busy account is looked at again */

struct member {
	struct account account;
	uint64_t key;	     /* live_key() */
	int64_t empty_until; /* its allowance is used up, the upstream said; 0: it is not */
	double left;	     /* of its allowance, as of read_at; negative: not known */
	int64_t read_at;     /* 0: not known, or not in credits */
	bool out;	     /* of the search under way */
	struct up_candidate candidate;
	struct live_view *view; /* of the pool's views */
};

struct up_pool {
	const struct config *config; /* borrowed */
	struct live *live;
	pthread_mutex_t lock; /* guards everything below */
	struct store_stamp stamp;
	bool loaded;
	struct member *members; /* the oldest first */
	size_t count;
	uint64_t *keys; /* of the members, for live_look_all() */
	struct live_view *views;
};

struct up_pool *up_pool_new(const struct config *config)
{
	struct up_pool *p = xcalloc(1, sizeof(*p));

	p->config = config;
	p->live = live_new(config->state_dir);
	pthread_mutex_init(&p->lock, NULL);
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
	free(p->keys);
	free(p->views);
	live_free(p->live);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

struct loading {
	bool overage;
	struct member *members;
	size_t count, room;
};

static int load_one(void *context, const char *key, struct span json)
{
	struct loading *l = context;
	struct error e = { 0 };
	struct member *m;

	if (l->count == LIMIT_ACCOUNTS) {
		log_line(LOG_ERROR, "record %s is left out: there are more than %d accounts", key,
			 LIMIT_ACCOUNTS);
		return 0;
	}
	if (l->count == l->room) {
		l->room = l->room ? 2 * l->room : 16;
		l->members = xrealloc(l->members, l->room * sizeof(*l->members));
	}
	m = &l->members[l->count];
	*m = (struct member){ .left = USAGE_UNKNOWN };
	account_init(&m->account);
	if (!account_parse(&m->account, json, &e))
		l->count++;
	else
		log_line(LOG_ERROR, "record %s is left out: %s", key, e.message);
	return 0;
}

static int by_id(const void *left, const void *right)
{
	return strcmp(((const struct member *)left)->account.id,
		      ((const struct member *)right)->account.id);
}

/* Where no reset date is told the upstream may be asked: it will say. */
static int load_usage(void *context, const char *key, struct span json)
{
	char id[STORE_KEY_SIZE];
	struct loading *l = context;
	struct member wanted = { .account.id = id }, *m;
	struct error e = { 0 };
	struct usage usage;
	cJSON *tree;

	snprintf(id, sizeof(id), "%s", key + strlen(USAGE_PREFIX));
	m = bsearch(&wanted, l->members, l->count, sizeof(wanted), by_id);
	if (!m)
		return 0;
	tree = json_parse(json, &e);
	if (tree && !usage_from_record(&usage, tree, &e)) {
		m->left = usage_remaining(&usage);
		if (strcmp(usage.resource, "CREDIT") == 0)
			m->read_at = usage.read_at;
		if (usage_is_exhausted(&usage, l->overage))
			m->empty_until = usage.reset_at;
	} else {
		log_line(LOG_ERROR, "record %s is left out: %s", key, e.message);
	}
	cJSON_Delete(tree);
	return 0;
}

static int by_age(const void *left, const void *right)
{
	return account_compare_age(&((const struct member *)left)->account,
				   &((const struct member *)right)->account);
}

static void rank(struct loading *l)
{
	qsort(l->members, l->count, sizeof(*l->members), by_age);
	for (size_t i = 0; i < l->count; i++) {
		struct member *m = &l->members[i];

		m->key = live_key(m->account.id);
		m->candidate.priority = m->account.priority;
		m->candidate.rank = i;
	}
}

static void make_views(struct up_pool *p)
{
	free(p->keys);
	free(p->views);
	p->keys = xcalloc(p->count, sizeof(*p->keys));
	p->views = xcalloc(p->count, sizeof(*p->views));
	for (size_t i = 0; i < p->count; i++) {
		p->keys[i] = p->members[i].key;
		p->members[i].view = &p->views[i];
	}
}

/* Under the lock. */
static int load(struct up_pool *p, const struct store *tokens, struct error *e)
{
	struct loading l = { .overage = p->config->overage };
	struct store_stamp stamp = p->stamp; /* kept only with what was read of it */
	int changed = store_changed(tokens, &stamp, e);

	if (changed < 0)
		return -1;
	if (p->loaded && !changed)
		return 0;
	/* A damaged record is logged by the store; the others serve. */
	if (store_each(tokens, "a/", load_one, &l, &stamp, e) < 0 && !l.count) {
		free(l.members);
		return -1;
	}
	error_clear(e);
	if (l.count) {
		struct error ignored = { 0 }; /* nothing is known then: no reason not to serve */

		qsort(l.members, l.count, sizeof(*l.members), by_id);
		store_each(tokens, USAGE_PREFIX, load_usage, &l, NULL, &ignored);
		rank(&l);
	}
	free_members(p->members, p->count);
	p->members = l.members;
	p->count = l.count;
	make_views(p);
	p->stamp = stamp;
	p->loaded = true;
	return 0;
}

static bool usable(const struct member *m, int64_t now)
{
	return !m->view->rest_until && m->empty_until <= now && account_usable(&m->account, now);
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

static bool barred(const struct member *m, const struct up_pool_wish *wish)
{
	return wish->key && !key_allows_account(wish->key, m->account.id, m->account.owner);
}

static bool was_tried(const struct member *m, const struct up_pool_wish *wish)
{
	return listed(m->account.id, wish->tried, wish->tried_count);
}

static bool fits(const struct member *m, const struct up_pool_wish *wish, int64_t now)
{
	return usable(m, now) && !was_tried(m, wish) && !lacks(m, wish) && !barred(m, wish);
}

/* Where it stands by what was seen of it. */
static void stand(struct member *m)
{
	m->candidate.turn = m->view->turn;
	m->candidate.left = m->left;
	if (m->left > 0 && m->read_at && m->read_at == m->view->spent_since)
		m->candidate.left = m->left > m->view->spent ? m->left - m->view->spent : 0;
}

/* How all stand now. */
static void look(struct up_pool *p, int64_t now_ms)
{
	live_look_all(p->live, p->keys, p->count, now_ms, p->views);
	for (size_t i = 0; i < p->count; i++)
		stand(&p->members[i]);
}

static struct member *best(struct up_pool *p)
{
	struct member *found = NULL;

	for (size_t i = 0; i < p->count; i++) {
		struct member *m = &p->members[i];

		if (!m->out && (!found || up_strategy_prefers(p->config->strategy, &m->candidate,
							      &found->candidate)))
			found = m;
	}
	return found;
}

/* The account that has served this conversation, if it fits. */
static struct member *home(struct up_pool *p, const struct up_pool_wish *wish, int64_t now)
{
	int64_t age = (int64_t)p->config->affinity_minutes * 60;
	uint64_t key = 0;

	if (wish->conversation && age)
		key = live_bound(p->live, wish->conversation, now, age);
	for (size_t i = 0; key && i < p->count; i++) {
		if (p->members[i].key == key && !p->members[i].out)
			return &p->members[i];
	}
	return NULL;
}

static int interval(const struct up_pool *p)
{
	uint32_t jitter;

	ids_random(&jitter, sizeof(jitter));
	return p->config->min_interval_ms +
	       (int)(jitter % (uint32_t)(p->config->interval_jitter_ms + 1));
}

/* Takes a place of the account for one request. 0: *place is it; > 0: it is busy, for so many ms or
 * for nobody knows how long; -1: another process was faster, it stands otherwise now. */
static int take(struct up_pool *p, struct member *m, int64_t now_ms, int *place)
{
	int limit =
		m->account.max_inflight ? (int)m->account.max_inflight : p->config->max_inflight;
	int fd;

	if (m->view->next > now_ms)
		return (int)(m->view->next - now_ms);
	fd = live_hold(p->live, m->key, limit);
	if (fd == LIVE_FULL)
		return BUSY_MS;
	if (live_start(p->live, m->key, m->view, now_ms, interval(p))) {
		*place = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	live_look(p->live, m->key, now_ms, m->view);
	stand(m);
	return -1;
}

/* The account to serve, with a place of it; NULL: none, or all that could are busy for *wait ms. */
static struct member *choose(struct up_pool *p, const struct up_pool_wish *wish, int64_t now_ms,
			     int *place, int *wait)
{
	struct member *known, *m;
	uint64_t seed;

	look(p, now_ms);
	ids_random(&seed, sizeof(seed));
	for (size_t i = 0; i < p->count; i++) {
		m = &p->members[i];
		m->out = !fits(m, wish, now_ms / 1000);
		m->candidate.luck =
			(uint32_t)((m->key ^ seed) * UINT64_C(0x9E3779B97F4A7C15) >> 32);
	}
	known = home(p, wish, now_ms / 1000);
	*wait = 0;
	while ((m = known && !known->out ? known : best(p))) {
		int busy = take(p, m, now_ms, place);

		if (!busy)
			break;
		m->out = busy > 0;
		if (busy > 0 && (!*wait || busy < *wait))
			*wait = busy;
	}
	/* One that is only busy is come back to. */
	if (m && wish->conversation && (!known || known == m))
		live_bind(p->live, wish->conversation, m->key, now_ms / 1000);
	return m;
}

static bool all_lack(const struct up_pool *p, const struct up_pool_wish *wish)
{
	for (size_t i = 0; i < p->count; i++) {
		if (!lacks(&p->members[i], wish) && !barred(&p->members[i], wish))
			return false;
	}
	return true;
}

static bool all_barred(const struct up_pool *p, const struct up_pool_wish *wish)
{
	for (size_t i = 0; i < p->count; i++) {
		if (!barred(&p->members[i], wish))
			return false;
	}
	return true;
}

/* ---- when there is none ---- */

/* Why an account is not used, and how long: the client is told as if it had met the cause itself.
 */
struct rest {
	enum error_kind kind; /* ERR_NONE: it is used, or not before a person sees to it */
	int64_t until;
};

static const enum error_kind state_kinds[ACCOUNT_STATES] = {
	[STATE_EXHAUSTED] = ERR_UP_QUOTA,
	[STATE_SUSPENDED] = ERR_UP_SUSPENDED,
	[STATE_REFUSED] = ERR_UP_REFUSED,
};

static const struct {
	enum error_kind kind;
	const char *text;
} causes[] = {
	{ ERR_UP_RATE, "a rate limit" },
	{ ERR_UP_QUOTA, "its allowance is used up" },
	{ ERR_UP_SUSPENDED, "the upstream has suspended it" },
	{ ERR_UP_REFUSED, "the upstream refuses it" },
};

static const char *cause_of(enum error_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		if (causes[i].kind == kind)
			return causes[i].text;
	}
	return "a failure upstream";
}

/* Of several rests of one account the last to end. */
static struct rest rest_of(const struct member *m, int64_t now)
{
	const struct account *a = &m->account;
	struct rest rest = { state_kinds[a->state], a->state_until };

	if (account_usable(a, now))
		rest = (struct rest){ ERR_NONE, now };
	else if (!rest.kind)
		return rest;
	if (m->empty_until > rest.until)
		rest = (struct rest){ ERR_UP_QUOTA, m->empty_until };
	if (m->view->rest_until > rest.until)
		rest = (struct rest){ m->view->rest_why, m->view->rest_until };
	return rest;
}

/* The rest that ends first; again: of accounts that were tried, too. */
static struct rest soonest_back(const struct up_pool *p, const struct up_pool_wish *wish,
				bool again, int64_t now)
{
	struct rest found = { ERR_NONE, 0 };

	for (size_t i = 0; i < p->count; i++) {
		const struct member *m = &p->members[i];
		struct rest rest = rest_of(m, now);

		if (rest.kind && rest.until > now && !lacks(m, wish) && !barred(m, wish) &&
		    (again || !was_tried(m, wish)) && (!found.kind || rest.until < found.until))
			found = rest;
	}
	return found;
}

/* Those that fit are busy for so many ms: one that rests may be back before. */
static int wait_of(const struct up_pool *p, const struct up_pool_wish *wish, int64_t now_ms,
		   int busy)
{
	struct rest rest = soonest_back(p, wish, false, now_ms / 1000);
	int64_t left = rest.until - now_ms / 1000;

	return rest.kind && left <= busy / 1000 ? (int)(left * 1000 - now_ms % 1000) : busy;
}

/* Says honestly why and when. */
static int none_usable(const struct up_pool *p, const struct up_pool_wish *wish, int64_t now,
		       struct error *e)
{
	char date[CLOCK_TEXT_SIZE];
	struct rest rest;

	if (!p->count)
		return error_set(e, ERR_NO_ACCOUNT,
				 "no account yet: the owner of this gateway adds one with "
				 "\"kiroctl account add\" or \"kiroctl account import\"");
	if (all_barred(p, wish) && wish->key->pool == POOL_NONE)
		return error_set(e, ERR_FORBIDDEN,
				 "this %s may use no account of this gateway (its pool is none): "
				 "it is for requests that bring Kiro credentials of their own",
				 key_noun(wish->key));
	if (all_barred(p, wish) && wish->key->code.is)
		return error_set(e, ERR_FORBIDDEN,
				 "no account serves this activation code: it has none of its own "
				 "and no grant to use the shared ones; the owner of this gateway "
				 "gives it one (kiroctl code set NAME --account ID) or the grant "
				 "(kiroctl code set NAME --pool shared)");
	if (all_barred(p, wish))
		return error_set(e, ERR_FORBIDDEN,
				 "no account of this gateway is for this API key; its owner says "
				 "which with kiroctl key set, or account set --owner");
	if (all_lack(p, wish))
		return error_set(e, ERR_MODEL, "model: %.100s", wish->model);
	rest = soonest_back(p, wish, true, now);
	if (!rest.kind)
		return error_set(e, ERR_NO_ACCOUNT,
				 "no account is usable; see kiroctl account list");
	e->retry_after = rest.until - now < INT_MAX ? (int)(rest.until - now) : INT_MAX;
	return error_set(e, rest.kind,
			 "no account is usable now; the first is back in %d seconds, at %s (%s)",
			 e->retry_after, clock_format(rest.until, date), cause_of(rest.kind));
}

int up_pool_pick(struct up_pool *p, const struct store *tokens, const struct up_pool_wish *wish,
		 int64_t now_ms, struct account *out, int *place, struct error *e)
{
	struct member *m = NULL;
	int rc, wait;

	*place = -1;
	pthread_mutex_lock(&p->lock);
	rc = load(p, tokens, e);
	if (!rc) {
		m = choose(p, wish, now_ms, place, &wait);
		if (m)
			account_copy(out, &m->account);
		else if (wait)
			rc = wait_of(p, wish, now_ms, wait);
		else
			rc = none_usable(p, wish, now_ms / 1000, e);
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
	if (!rc)
		look(p, now * 1000);
	for (size_t i = 0; !rc && i < p->count; i++)
		*count += usable(&p->members[i], now);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

int up_pool_back(struct up_pool *p, const struct store *tokens, const struct up_pool_wish *wish,
		 int64_t now)
{
	struct error ignored = { 0 }; /* what was read before is told then */
	bool ready = false;
	struct rest rest;

	pthread_mutex_lock(&p->lock);
	load(p, tokens, &ignored);
	look(p, now * 1000);
	for (size_t i = 0; i < p->count && !ready; i++)
		ready = fits(&p->members[i], wish, now);
	rest = soonest_back(p, wish, true, now);
	pthread_mutex_unlock(&p->lock);
	if (ready)
		return 0;
	return rest.kind && rest.until - now < INT_MAX ? (int)(rest.until - now) : -1;
}

static void cool(struct up_pool *p, const struct account *account, struct error *failure,
		 int seconds, int64_t now)
{
	int wait = failure->retry_after < COOL_LONGEST ? failure->retry_after : COOL_LONGEST;

	failure->retry_after = wait ? wait : seconds;
	live_rest(p->live, live_key(account->id), failure->kind, now, now + failure->retry_after);
}

void up_pool_book(struct up_pool *p, const struct store *tokens, const struct account *account,
		  struct error *failure, int64_t now)
{
	if (error_row(failure)->effect != ACCOUNT_COOL) {
		rest_book(tokens, account, failure, now);
		return;
	}
	cool(p, account, failure, COOL_SECONDS, now);
}

void up_pool_spend(struct up_pool *p, const struct store *tokens, const char *account_id,
		   double credits)
{
	struct error ignored = { 0 }; /* then by what was read before */
	int64_t read_at = 0;
	uint64_t key = 0;

	pthread_mutex_lock(&p->lock);
	load(p, tokens, &ignored);
	for (size_t i = 0; i < p->count; i++) {
		if (strcmp(p->members[i].account.id, account_id) == 0) {
			key = p->members[i].key;
			read_at = p->members[i].read_at;
		}
	}
	pthread_mutex_unlock(&p->lock);
	if (read_at)
		live_spend(p->live, key, read_at, credits);
}

void up_pool_defer(struct up_pool *p, const struct account *account, struct error *failure,
		   int64_t now)
{
	cool(p, account, failure, DEFER_SECONDS, now);
}
