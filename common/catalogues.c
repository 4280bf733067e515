#include "common/base.h"
#include "common/catalogues.h"

#include "common/alias.h"
#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"

#include <pthread.h>

#define DEFAULT_ALIAS "default"

struct item {
	char *account;
	struct catalogue catalogue;
};

struct catalogues {
	pthread_mutex_t lock; /* guards everything below; nothing else is locked meanwhile */
	struct store_stamp stamp;
	bool loaded;
	struct item *items; /* by account */
	size_t count, room;
};

struct catalogues *catalogues_new(void)
{
	struct catalogues *c = xcalloc(1, sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	return c;
}

static void drop_items(struct catalogues *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->items[i].account);
		catalogue_release(&c->items[i].catalogue);
	}
	c->count = 0;
}

void catalogues_free(struct catalogues *c)
{
	if (!c)
		return;
	drop_items(c);
	free(c->items);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static int load_one(void *context, const char *key, struct span json)
{
	struct catalogues *c = context;
	struct error e = { 0 };
	struct item *item;

	if (c->count == LIMIT_ACCOUNTS)
		return 0;
	if (c->count == c->room) {
		c->room = c->room ? 2 * c->room : 16;
		c->items = xrealloc(c->items, c->room * sizeof(*c->items));
	}
	item = &c->items[c->count];
	catalogue_init(&item->catalogue);
	if (catalogue_read(&item->catalogue, json, &e)) {
		log_line(LOG_ERROR, "record %s is left out: %s", key, e.message);
		catalogue_release(&item->catalogue);
		return 0;
	}
	item->account = xstrdup(key + strlen(CATALOGUE_PREFIX));
	c->count++;
	return 0;
}

static int by_account(const void *left, const void *right)
{
	return strcmp(((const struct item *)left)->account, ((const struct item *)right)->account);
}

/* Under the lock. */
static void load(struct catalogues *c, const struct store *tokens)
{
	struct store_stamp stamp = c->stamp; /* kept once the file could be opened */
	struct error e = { 0 };
	int changed = tokens ? store_changed(tokens, &stamp, &e) : -1;

	if (changed < 0 || (c->loaded && !changed))
		return;
	drop_items(c);
	if (store_each(tokens, CATALOGUE_PREFIX, load_one, c, &c->stamp, &e) < 0)
		log_line(LOG_ERROR, "model catalogues: %s", e.message);
	if (c->count)
		qsort(c->items, c->count, sizeof(*c->items), by_account);
	c->loaded = true;
}

/* NULL: the account has no catalogue, or none that was ever good. */
static const struct item *find(const struct catalogues *c, const char *account_id)
{
	struct item wanted = { .account = (char *)(uintptr_t)account_id };

	return c->count ? bsearch(&wanted, c->items, c->count, sizeof(*c->items), by_account)
			: NULL;
}

static const struct model *copy(const struct model *m, struct arena *arena)
{
	struct model *out = arena_alloc(arena, sizeof(*out));

	*out = *m;
	out->id = arena_strndup(arena, m->id, strlen(m->id));
	out->display = arena_strndup(arena, m->display, strlen(m->display));
	out->line = arena_strndup(arena, m->line, strlen(m->line));
	return out; /* created is a constant */
}

static const struct model *in_any(void *context, const char *id)
{
	const struct catalogues *c = context;
	const struct model *m = NULL;

	for (size_t i = 0; !m && i < c->count; i++)
		m = catalogue_find(&c->items[i].catalogue, id);
	return m;
}

const struct model *catalogues_search(struct catalogues *c, const struct store *tokens,
				      const char *name, struct arena *arena)
{
	const struct model *m;

	pthread_mutex_lock(&c->lock);
	load(c, tokens);
	m = models_search(name, in_any, c);
	if (m)
		m = copy(m, arena);
	pthread_mutex_unlock(&c->lock);
	return m ? m : models_find(name);
}

/* The target of the owner's alias; NULL: there is none. */
static const char *target_of(const struct store *keys, const char *name, struct arena *arena)
{
	struct error e = { 0 };
	struct alias alias;

	if (!keys || alias_find(keys, name, &alias, &e) <= 0)
		return NULL;
	return arena_strndup(arena, alias.target, strlen(alias.target));
}

struct model_meaning catalogues_resolve(struct catalogues *c, const struct store *tokens,
					const struct store *keys, bool gpt_aliases,
					const char *name, struct arena *arena)
{
	struct model_meaning meaning = { .through = target_of(keys, name, arena) };

	meaning.model =
		catalogues_search(c, tokens, meaning.through ? meaning.through : name, arena);
	if (meaning.model || meaning.through)
		return meaning;
	if (gpt_aliases)
		meaning.through = models_gpt_alias(name);
	if (!meaning.through) {
		meaning.through = target_of(keys, DEFAULT_ALIAS, arena);
		meaning.by_default = meaning.through != NULL;
	}
	if (meaning.through)
		meaning.model = catalogues_search(c, tokens, meaning.through, arena);
	return meaning;
}

const struct model *catalogues_model(struct catalogues *c, const struct store *tokens,
				     const char *account_id, const struct model *model,
				     struct arena *arena, bool *due)
{
	const struct item *item;
	const struct model *m = model;

	pthread_mutex_lock(&c->lock);
	load(c, tokens);
	item = find(c, account_id);
	*due = !item || catalogue_is_due(&item->catalogue, clock_wall());
	if (item && item->catalogue.count) {
		m = catalogue_find(&item->catalogue, model->id);
		m = m ? copy(m, arena) : NULL;
	}
	pthread_mutex_unlock(&c->lock);
	return m;
}

bool catalogues_lack(struct catalogues *c, const char *account_id, const char *model_id)
{
	const struct item *item;
	bool lack;

	pthread_mutex_lock(&c->lock);
	item = find(c, account_id);
	lack = item && item->catalogue.count && !catalogue_find(&item->catalogue, model_id);
	pthread_mutex_unlock(&c->lock);
	return lack;
}

bool catalogues_any(struct catalogues *c, const struct store *tokens)
{
	bool any = false;

	pthread_mutex_lock(&c->lock);
	load(c, tokens);
	for (size_t i = 0; !any && i < c->count; i++)
		any = c->items[i].catalogue.count > 0;
	pthread_mutex_unlock(&c->lock);
	return any;
}

bool catalogues_due(struct catalogues *c, const char *account_id, int64_t now)
{
	const struct item *item;
	bool due;

	pthread_mutex_lock(&c->lock);
	item = find(c, account_id);
	due = !item || catalogue_is_due(&item->catalogue, now);
	pthread_mutex_unlock(&c->lock);
	return due;
}

/* The models of the union that stand in models[] in its order, then the others as they come. */
static size_t collect(const struct catalogues *c, struct arena *arena, const struct model **out,
		      size_t room)
{
	const struct model *all;
	size_t rows, count = 0;

	all = models_all(&rows);
	for (size_t i = 0; i < rows && count < room; i++) {
		const struct model *m = in_any((void *)(uintptr_t)c, all[i].id);

		if (m)
			out[count++] = copy(m, arena);
	}
	for (size_t i = 0; i < c->count; i++) {
		const struct catalogue *catalogue = &c->items[i].catalogue;

		for (size_t k = 0; k < catalogue->count && count < room; k++) {
			const struct model *m = &catalogue->models[k];
			size_t n = 0;

			while (n < count && strcmp(out[n]->id, m->id) != 0)
				n++;
			if (n == count)
				out[count++] = copy(m, arena);
		}
	}
	return count;
}

const struct model *const *catalogues_list(struct catalogues *c, const struct store *tokens,
					   struct arena *arena, size_t *count)
{
	const struct model **list = arena_array(arena, LIMIT_MODELS, sizeof(*list));
	const struct model *all;

	pthread_mutex_lock(&c->lock);
	load(c, tokens);
	*count = collect(c, arena, list, LIMIT_MODELS);
	pthread_mutex_unlock(&c->lock);
	if (*count)
		return list;
	all = models_all(count);
	for (size_t i = 0; i < *count; i++)
		list[i] = &all[i];
	return list;
}
