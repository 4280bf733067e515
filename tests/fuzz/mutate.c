#include "common/base.h"
#include "tests/fuzz/mutate.h"

#include "common/json.h"

#define CHANGES_MAX 4

/* Texts, and names of members, that mean something to a reader. */
static const char *const words[] = {
#define WORD(text) text,
#include "tests/fuzz/words.h"
#undef WORD
};

static unsigned dice(unsigned *seed, unsigned sides)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 10) % sides;
}

static const char *word(unsigned *seed)
{
	return words[dice(seed, ARRAY_SIZE(words))];
}

static unsigned count_nodes(const cJSON *tree)
{
	unsigned count = 1;
	const cJSON *child;

	cJSON_ArrayForEach (child, tree)
		count += count_nodes(child);
	return count;
}

/* The node of that number in depth-first order; *parent: what holds it, NULL: it is the root. */
static cJSON *find_node(cJSON *tree, unsigned *number, cJSON **parent)
{
	cJSON *child, *found;

	if (!*number)
		return tree;
	cJSON_ArrayForEach (child, tree) {
		--*number;
		if (!*number) {
			*parent = tree;
			return child;
		}
		found = find_node(child, number, parent);
		if (found)
			return found;
	}
	return NULL;
}

static cJSON *any_node(cJSON *root, unsigned *seed, cJSON **parent)
{
	unsigned number = dice(seed, count_nodes(root));

	*parent = NULL;
	return find_node(root, &number, parent);
}

static cJSON *any_value(unsigned *seed)
{
	static const double numbers[] = { 0,	1,    -1,    0.5,	 1024, 1e9,
					  1e19, -1e9, 1e308, 2147483648, 100,  64 };
	cJSON *made;

	switch (dice(seed, 8)) {
	case 0:
		return cJSON_CreateNull();
	case 1:
		return cJSON_CreateBool(dice(seed, 2));
	case 2:
		return cJSON_CreateNumber(numbers[dice(seed, ARRAY_SIZE(numbers))]);
	case 3:
		return cJSON_CreateArray();
	case 4:
		made = cJSON_CreateObject();
		cJSON_AddItemToObject(made, word(seed), cJSON_CreateString(word(seed)));
		return made;
	default:
		return cJSON_CreateString(word(seed));
	}
}

static void add_to(cJSON *holder, const char *name, cJSON *item)
{
	if (cJSON_IsObject(holder))
		cJSON_AddItemToObject(holder, name, item);
	else if (cJSON_IsArray(holder))
		cJSON_AddItemToArray(holder, item);
	else
		cJSON_Delete(item);
}

static void replace(cJSON *parent, cJSON *node, cJSON *with)
{
	if (cJSON_IsObject(parent) && node->string)
		cJSON_AddItemToObject(parent, node->string, with);
	else
		cJSON_InsertItemInArray(parent, 0, with);
	/* behind the rest where it was a member; the reader looks at names, not at places */
	cJSON_Delete(cJSON_DetachItemViaPointer(parent, node));
}

static void change(cJSON *root, unsigned *seed)
{
	cJSON *parent, *other_parent, *node = any_node(root, seed, &parent);
	cJSON *other = any_node(root, seed, &other_parent);
	const unsigned kind = dice(seed, 8);

	if (!parent) {
		add_to(root, word(seed), any_value(seed));
	} else if (kind == 0) {
		cJSON_Delete(cJSON_DetachItemViaPointer(parent, node));
	} else if (kind == 1) {
		add_to(parent, node->string ? word(seed) : NULL, cJSON_Duplicate(node, true));
	} else if (kind == 2) {
		replace(parent, node, any_value(seed));
	} else if (kind == 3) {
		replace(parent, node, cJSON_Duplicate(other, true));
	} else if (kind == 4) {
		add_to(other, word(seed), cJSON_Duplicate(node, true));
	} else if (kind == 5) {
		add_to(node, word(seed), any_value(seed));
	} else if (kind == 6 && cJSON_IsString(node)) {
		cJSON_SetValuestring(node, "");
	} else if (kind == 7 && cJSON_IsNumber(node)) {
		cJSON_SetNumberValue(node, node->valuedouble * (dice(seed, 5) - 1.0));
	} else {
		replace(parent, node, cJSON_CreateString(word(seed)));
	}
}

size_t mutate_json(char *text, size_t len, size_t max, unsigned seed)
{
	struct error ignored = { .kind = ERR_NONE };
	cJSON *tree = json_parse((struct span){ text, len }, &ignored);
	size_t made = 0;
	char *printed;

	for (unsigned i = tree ? 1 + dice(&seed, CHANGES_MAX) : 0; i > 0; i--)
		change(tree, &seed);
	printed = tree ? cJSON_PrintUnformatted(tree) : NULL;
	if (printed && strlen(printed) <= max) {
		made = strlen(printed);
		memcpy(text, printed, made);
	}
	cJSON_free(printed);
	cJSON_Delete(tree);
	return made;
}
