/*
 * Changes of a store's records: collected in memory, then put into one new generation.
 */
#include "common/base.h"
#include "common/store.h"

#include "common/generation.h"
#include "common/limits.h"
#include "common/secret.h"
#include "common/store_parts.h"

#include <search.h>

struct step_change {
	char *key;
	char *json;
	size_t len; /* 0: removed */
	struct step_change *next;
};

static int compare(const void *a, const void *b)
{
	const struct step_change *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static struct step_change *find(const struct step *step, const char *key)
{
	const struct step_change wanted = { .key = (char *)(uintptr_t)key };
	struct step_change *const *node = tfind(&wanted, &step->index, compare);

	return node ? *node : NULL;
}

int step_look(const struct step *step, const char *key, struct buf *json, bool *damaged,
	      struct error *e)
{
	const struct step_change *c = find(step, key);

	if (!c)
		return store_look(step->store, key, json, damaged, e);
	*damaged = false;
	buf_reset(json);
	buf_add(json, c->json, c->len);
	return c->len ? 1 : 0;
}

int step_get(const struct step *step, const char *key, struct buf *json, struct error *e)
{
	bool damaged;

	return step_look(step, key, json, &damaged, e);
}

static void take_json(struct step_change *c, struct span json)
{
	secret_free(c->json);
	c->json = xstrndup(json.len ? json.at : "", json.len);
	c->len = json.len;
}

int step_put(struct step *step, const char *key, struct span json, struct error *e)
{
	struct step_change *c;

	if (store_check_key(key, e))
		return -1;
	c = find(step, key);
	if (!c) {
		c = xcalloc(1, sizeof(*c));
		c->key = xstrdup(key);
		c->next = step->changes;
		step->changes = c;
		step->count++;
		if (!tsearch(c, &step->index, compare))
			abort(); /* as xmalloc() does */
	}
	take_json(c, json);
	return 0;
}

int step_update(struct step *step, const char *key,
		int (*change)(void *context, struct buf *json, struct error *e), void *context,
		struct error *e)
{
	struct buf old, json;
	int rc;

	buf_init(&old, LIMIT_RECORD);
	buf_init(&json, LIMIT_RECORD);
	rc = step_get(step, key, &old, e);
	if (rc >= 0) {
		buf_add(&json, old.at, old.len);
		rc = change(context, &json, e);
	}
	if (!rc && json.failed)
		rc = error_set(e, ERR_STORE, "record %s is too long", key);
	if (!rc && (json.len != old.len || memcmp(json.at, old.at, json.len) != 0))
		rc = step_put(step, key, buf_span(&json), e);
	buf_wipe(&old);
	buf_wipe(&json);
	return rc;
}

static int publish(const struct step *step, int64_t spilled, struct error *e)
{
	struct record *records = xcalloc(step->count, sizeof(*records));
	size_t count = 0;
	int rc;

	for (const struct step_change *c = step->changes; c; c = c->next)
		records[count++] = (struct record){ c->key, { c->json, c->len } };
	rc = generation_replace(step->store, records, count, spilled, e);
	free(records);
	return rc;
}

static void keep(void *change)
{
	(void)change; /* the list has it still */
}

static void release(struct step *step)
{
	struct step_change *next;

	tdestroy(step->index, keep);
	for (struct step_change *c = step->changes; c; c = next) {
		next = c->next;
		secret_free(c->json);
		free(c->key);
		free(c);
	}
}

int step_end(struct step *step, int rc, int64_t spilled, struct error *e)
{
	if (!rc && step->count)
		rc = publish(step, spilled, e);
	release(step);
	return rc;
}

/* Under the lock. Before the spill file is folded in: no author of a change has seen that. */
static int check_expected(const struct store *s, struct error *e)
{
	struct store_stamp stamp;
	int rc;

	if (!s->expected || s->expected->found)
		return 0;
	stamp = s->expected->stamp;
	rc = store_changed(s, &stamp, e);
	if (rc > 0)
		error_set(e, ERR_STALE, STORE_STALE);
	s->expected->found = !rc;
	return rc ? -1 : 0;
}

int store_step(const struct store *s,
	       int (*work)(void *context, struct step *step, struct error *e), void *context,
	       struct error *e)
{
	struct step step = { .store = s };
	int fd = store_lock(s, e), rc;

	if (fd < 0)
		return -1;
	rc = check_expected(s, e);
	if (!rc)
		rc = store_fold(s, e);
	if (!rc)
		rc = step_end(&step, work(context, &step, e), 0, e);
	close(fd);
	return rc;
}

/* ---- steps of one change ---- */

struct update {
	const char *key;
	int (*change)(void *context, struct buf *json, struct error *e);
	void *context;
};

static int update_one(void *context, struct step *step, struct error *e)
{
	const struct update *u = context;

	return step_update(step, u->key, u->change, u->context, e);
}

int store_update(const struct store *s, const char *key,
		 int (*change)(void *context, struct buf *json, struct error *e), void *context,
		 struct error *e)
{
	struct update u = { key, change, context };

	return store_check_key(key, e) ? -1 : store_step(s, update_one, &u, e);
}

static int put_one(void *context, struct step *step, struct error *e)
{
	const struct record *r = context;

	return step_put(step, r->key, r->json, e);
}

int store_put(const struct store *s, const char *key, struct span json, struct error *e)
{
	struct record r = { key, json };

	if (store_check_key(key, e))
		return -1;
	if (!json.len)
		return error_set(e, ERR_STORE, "record %s is empty", key);
	return store_step(s, put_one, &r, e);
}

static int make_empty(void *context, struct buf *json, struct error *e)
{
	(void)context;
	(void)e;
	if (!json->len)
		return 1;
	buf_reset(json);
	return 0;
}

int store_remove(const struct store *s, const char *key, struct error *e)
{
	return store_update(s, key, make_empty, NULL, e);
}

/* ---- steps of many ---- */

struct merge {
	const struct record *records;
	size_t count;
	bool (*wanted)(void *context, size_t index, struct span now);
	void *context;
};

static int merge_all(void *context, struct step *step, struct error *e)
{
	const struct merge *m = context;
	struct buf now;
	int rc = 0;

	buf_init(&now, LIMIT_RECORD);
	for (size_t i = 0; i < m->count && !rc; i++) {
		const struct record *r = &m->records[i];

		rc = step_get(step, r->key, &now, e) < 0 ? -1 : 0;
		if (!rc && m->wanted(m->context, i, buf_span(&now)))
			rc = step_put(step, r->key, r->json, e);
	}
	buf_wipe(&now);
	return rc;
}

int store_merge(const struct store *s, const struct record *records, size_t count,
		bool (*wanted)(void *context, size_t index, struct span now), void *context,
		struct error *e)
{
	struct merge m = { records, count, wanted, context };

	return store_step(s, merge_all, &m, e);
}
