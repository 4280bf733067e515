#include "common/base.h"
#include "common/key_names.h"

#include <search.h>

static int compare(const void *a, const void *b)
{
	const struct key_name *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void key_names_add(struct key_names *names, const char *name, const char *hash)
{
	struct key_name *n = xcalloc(1, sizeof(*n)), **node;

	snprintf(n->name, sizeof(n->name), "%s", name);
	snprintf(n->hash, sizeof(n->hash), "%s", hash);
	n->next = names->all;
	names->all = n;
	names->count++;
	node = tsearch(n, &names->index, compare);
	if (!node)
		abort(); /* as xmalloc() does */
	if (*node != n) {
		n->same = (*node)->same;
		(*node)->same = n;
	}
}

const struct key_name *key_names_find(const struct key_names *names, const char *name)
{
	struct key_name wanted = { .next = NULL }, *const * node;

	snprintf(wanted.name, sizeof(wanted.name), "%s", name);
	node = tfind(&wanted, &names->index, compare);
	return node ? *node : NULL;
}

static void keep(void *name)
{
	(void)name; /* the list has it still */
}

void key_names_release(struct key_names *names)
{
	struct key_name *next;

	tdestroy(names->index, keep);
	for (struct key_name *n = names->all; n; n = next) {
		next = n->next;
		free(n);
	}
	*names = (struct key_names){ .count = 0 };
}
