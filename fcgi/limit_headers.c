#include "common/base.h"
#include "fcgi/limit_headers.h"

#include "common/clock.h"
#include "common/quota.h"
#include "fcgi/dialect.h"

struct left {
	int64_t limit, remaining, resets_at; /* limit 0: there is none */
};

static struct left least_left(const struct key *key, const struct quota_view *view, int measure)
{
	struct left least = { .limit = 0 };

	for (int w = 0; w < KEY_WINDOWS; w++) {
		int64_t limit = key->limits[measure][w];
		int64_t remaining = limit - view->used[measure][w];

		if (!limit)
			continue;
		remaining = remaining > 0 ? remaining : 0;
		if (!least.limit || remaining <= least.remaining)
			least = (struct left){ limit, remaining, view->resets_at[w] };
	}
	return least;
}

static void add_anthropic(struct request *r, const char *name, const struct left *left)
{
	char date[CLOCK_TEXT_SIZE];

	r->response.extra =
		arena_format(&r->arena,
			     "%santhropic-ratelimit-%s-limit: %" PRId64
			     "\r\nanthropic-ratelimit-%s-remaining: %" PRId64
			     "\r\nanthropic-ratelimit-%s-reset: %s\r\n",
			     r->response.extra ? r->response.extra : "", name, left->limit, name,
			     left->remaining, name, clock_format(left->resets_at, date));
}

/* As OpenAI writes a duration: "59s", "6m0s", "14h0m0s". */
static const char *duration(struct request *r, int64_t seconds)
{
	int64_t minutes = seconds / 60;

	if (!minutes)
		return arena_format(&r->arena, "%" PRId64 "s", seconds);
	if (minutes < 60)
		return arena_format(&r->arena, "%" PRId64 "m%" PRId64 "s", minutes, seconds % 60);
	return arena_format(&r->arena, "%" PRId64 "h%" PRId64 "m%" PRId64 "s", minutes / 60,
			    minutes % 60, seconds % 60);
}

static void add_openai(struct request *r, const char *name, const struct left *left, int64_t now)
{
	r->response.extra = arena_format(
		&r->arena,
		"%sx-ratelimit-limit-%s: %" PRId64 "\r\nx-ratelimit-remaining-%s: %" PRId64
		"\r\nx-ratelimit-reset-%s: %s\r\n",
		r->response.extra ? r->response.extra : "", name, left->limit, name,
		left->remaining, name, duration(r, left->resets_at - now));
}

static const int told[] = { MEASURE_REQUESTS, MEASURE_TOKENS };

static bool has_any(const struct key *key)
{
	int64_t sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		for (int w = 0; w < KEY_WINDOWS; w++)
			sum |= key->limits[told[i]][w];
	}
	return sum != 0;
}

void limit_headers(struct request *r)
{
	const int64_t now = clock_wall();
	struct quota_view view;

	/* A count that cannot be read is not told as none. */
	if (!*r->key.id || !has_any(&r->key) || r->error.kind == ERR_STORE)
		return;
	quota_look(r->site->quota, r->key.id, now, &view);
	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		struct left left = least_left(&r->key, &view, told[i]);
		const char *name = key_measure_names[told[i]];

		if (!left.limit)
			continue;
		if (r->dialect == &dialect_anthropic)
			add_anthropic(r, name, &left);
		else
			add_openai(r, name, &left, now);
	}
}
