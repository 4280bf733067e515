#include "base.h"
#include "library.h"

#include <ctype.h>

#define NEXT_MAX 100 /* a ring of "next" without times would never end */

struct shelf {
	struct script *script;
	long used;
	struct shelf *next;
};

void library_init(struct library *l)
{
	*l = (struct library){ 0 };
	pthread_mutex_init(&l->lock, NULL);
}

static void drop(struct script *s)
{
	if (!--s->references)
		script_free(s);
}

static struct shelf **find(struct library *l, const char *name)
{
	struct shelf **at = &l->shelves;

	while (*at && strcmp((*at)->script->name, name))
		at = &(*at)->next;
	return at;
}

static bool remove_locked(struct library *l, const char *name)
{
	struct shelf **at = find(l, name), *old = *at;

	if (!old)
		return false;
	*at = old->next;
	drop(old->script);
	free(old);
	return true;
}

int library_put(struct library *l, const char *name, const cJSON *json, char **why)
{
	struct script *script = script_new(name, json, why);
	struct shelf *shelf;

	if (!script)
		return -1;
	shelf = xcalloc(1, sizeof(*shelf));
	shelf->script = script;
	pthread_mutex_lock(&l->lock);
	remove_locked(l, name);
	shelf->next = l->shelves;
	l->shelves = shelf;
	pthread_mutex_unlock(&l->lock);
	return 0;
}

bool library_remove(struct library *l, const char *name)
{
	bool removed;

	pthread_mutex_lock(&l->lock);
	removed = remove_locked(l, name);
	pthread_mutex_unlock(&l->lock);
	return removed;
}

void library_reset(struct library *l)
{
	pthread_mutex_lock(&l->lock);
	while (l->shelves)
		remove_locked(l, l->shelves->script->name);
	pthread_mutex_unlock(&l->lock);
}

void library_release(struct library *l)
{
	library_reset(l);
	pthread_mutex_destroy(&l->lock);
}

const struct script *library_take(struct library *l, const char *name)
{
	struct script *script = NULL;

	pthread_mutex_lock(&l->lock);
	for (int i = 0; i < NEXT_MAX && *name; i++) {
		struct shelf *shelf = *find(l, name);

		if (!shelf)
			break;
		if (!shelf->script->times || shelf->used < shelf->script->times) {
			shelf->used++;
			script = shelf->script;
			script->references++;
			break;
		}
		name = shelf->script->next;
	}
	pthread_mutex_unlock(&l->lock);
	return script;
}

void library_done(struct library *l, const struct script *s)
{
	pthread_mutex_lock(&l->lock);
	drop((struct script *)(uintptr_t)s);
	pthread_mutex_unlock(&l->lock);
}

static size_t name_length(const char *at)
{
	size_t len = 0;

	while (isalnum((unsigned char)at[len]) || (at[len] && strchr("_.-", at[len])))
		len++;
	return len;
}

bool library_find_mark(struct library *l, const char *text, char name[LIMIT_NAME + 1])
{
	bool found = false;

	for (const char *at = strchr(text, '@'); at && !found; at = strchr(at + 1, '@')) {
		size_t len = name_length(at + 1);

		if (!len || len > LIMIT_NAME || at[1 + len] != '@')
			continue;
		memcpy(name, at + 1, len);
		name[len] = 0;
		pthread_mutex_lock(&l->lock);
		found = *find(l, name) != NULL;
		pthread_mutex_unlock(&l->lock);
	}
	return found;
}
