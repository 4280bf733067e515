/*
 * The state directory: records, and the choice of an account.
 */
#include "common/base.h"
#include "tests/bench/subjects.h"

#include "common/account.h"
#include "common/clock.h"
#include "common/limits.h"
#include "common/store.h"
#include "fcgi/up_pool.h"

#define PICKS 20

struct state {
	char dir[BENCH_DIR_SIZE];
	struct store tokens;
	struct config config;
	struct up_pool *pool;
	struct catalogues *catalogues;
	struct buf json;
};

static void account_record(unsigned n, struct buf *json)
{
	struct account a;
	char id[32];

	account_init(&a);
	snprintf(id, sizeof(id), "acc_%08u", n);
	a.id = xstrdup(id);
	a.label = xstrdup(id);
	a.kind = KIND_SOCIAL;
	a.added_at = clock_wall() - n;
	a.expires_at = clock_wall() + 3600;
	secret_set(&a.access_token, "an-access-token-of-some-length-0123456789");
	secret_set(&a.refresh_token, "a-refresh-token-of-some-length-0123456789");
	account_write(&a, json);
	account_release(&a);
}

static bool any(void *context, size_t index, struct span now)
{
	(void)context;
	(void)index;
	(void)now;
	return true;
}

static void fill(struct state *s, unsigned accounts)
{
	struct record *records = xcalloc(accounts, sizeof(*records));
	struct buf *texts = xcalloc(accounts, sizeof(*texts));
	char(*keys)[32] = xcalloc(accounts, sizeof(*keys));
	struct error e = { 0 };

	for (unsigned i = 0; i < accounts; i++) {
		buf_init(&texts[i], LIMIT_RECORD);
		account_record(i, &texts[i]);
		snprintf(keys[i], sizeof(keys[i]), "a/acc_%08u", i);
		records[i] = (struct record){ keys[i], buf_span(&texts[i]) };
	}
	if (store_merge(&s->tokens, records, accounts, any, NULL, &e))
		bench_die("store: %s", e.message);
	for (unsigned i = 0; i < accounts; i++)
		buf_release(&texts[i]);
	free(keys);
	free(texts);
	free(records);
}

static struct state *state_new(unsigned accounts)
{
	struct state *s = xcalloc(1, sizeof(*s));
	struct error e = { 0 };

	bench_dir(s->dir);
	if (store_create(s->dir, "tokens", STORE_ANY_FS, &e) ||
	    store_open(&s->tokens, s->dir, "tokens", STORE_ANY_FS, &e))
		bench_die("store: %s", e.message);
	fill(s, accounts);
	s->config = (struct config){ .state_dir = s->dir, .affinity_minutes = 60 };
	s->pool = up_pool_new(&s->config);
	s->catalogues = catalogues_new();
	buf_init(&s->json, LIMIT_RECORD);
	return s;
}

static void state_end(void *state)
{
	struct state *s = state;

	up_pool_free(s->pool);
	catalogues_free(s->catalogues);
	store_close(&s->tokens);
	buf_release(&s->json);
	bench_remove(s->dir);
	free(s);
}

static void *few_begin(void)
{
	return state_new(5);
}

static void *many_begin(void)
{
	return state_new(1000);
}

static size_t get(void *state)
{
	struct state *s = state;
	struct error e = { 0 };

	for (unsigned i = 0; i < PICKS; i++) {
		buf_reset(&s->json);
		if (store_get(&s->tokens, "a/acc_00000003", &s->json, &e) != 1)
			bench_die("store_get: %s", e.message);
	}
	return 0;
}

static size_t put(void *state)
{
	struct state *s = state;
	struct error e = { 0 };

	buf_reset(&s->json);
	account_record(3, &s->json);
	if (store_put(&s->tokens, "a/acc_00000003", buf_span(&s->json), &e))
		bench_die("store_put: %s", e.message);
	return 0;
}

static void pick_one(struct state *s)
{
	const struct up_pool_wish wish = { .model = "claude-sonnet-4.5",
					   .catalogues = s->catalogues,
					   .conversation = "a-conversation" };
	struct error e = { 0 };
	struct account out;
	int place;

	account_init(&out);
	if (up_pool_pick(s->pool, &s->tokens, &wish, clock_wall_ms(), &out, &place, &e))
		bench_die("pick: %s", e.message);
	if (place >= 0)
		close(place);
	account_release(&out);
}

static size_t pick(void *state)
{
	for (unsigned i = 0; i < PICKS; i++)
		pick_one(state);
	return 0;
}

/* A process that starts, or sees that the store was replaced. */
static size_t load(void *state)
{
	struct state *s = state;

	up_pool_free(s->pool);
	s->pool = up_pool_new(&s->config);
	pick_one(s);
	return 0;
}

const struct subject state_subjects[] = {
	{ "store get", "record", PICKS, few_begin, get, state_end },
	{ "store put", "record", 1, few_begin, put, state_end },
	{ "pool pick of 5", "pick", PICKS, few_begin, pick, state_end },
	{ "pool pick of 1000", "pick", PICKS, many_begin, pick, state_end },
	{ "pool load of 1000", "load", 1, many_begin, load, state_end },
};
const size_t state_subject_count = ARRAY_SIZE(state_subjects);
