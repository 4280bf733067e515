#include "common/base.h"
#include "fcgi/text_map.h"

#include "common/ids.h"

#define FIRST_ROOM 32

struct text_slot {
	const char *key; /* NULL: free */
	uint64_t hash;
	size_t value;
};

void text_map_init(struct text_map *m, struct arena *arena)
{
	*m = (struct text_map){ .arena = arena };
}

/* FNV-1a, from a start that nobody knows: of texts that were chosen to meet each one would be
 * looked for behind all before it. */
static uint64_t hash_of(const struct text_map *m, const char *key)
{
	uint64_t hash = m->seed;

	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * 0x100000001b3u;
	return hash ^ hash >> 32;
}

/* The slot of the key, or the free one where it belongs. There is always a free slot. */
static struct text_slot *slot_of(const struct text_map *m, const char *key, uint64_t hash)
{
	size_t at = (size_t)hash & (m->room - 1);

	while (m->slots[at].key &&
	       (m->slots[at].hash != hash || strcmp(m->slots[at].key, key) != 0))
		at = (at + 1) & (m->room - 1);
	return &m->slots[at];
}

static void grow(struct text_map *m)
{
	struct text_map bigger = { .arena = m->arena, .seed = m->seed, .count = m->count };

	if (!m->room)
		ids_random(&bigger.seed, sizeof(bigger.seed));
	bigger.room = m->room ? m->room * 2 : FIRST_ROOM;
	bigger.slots = arena_array(m->arena, bigger.room, sizeof(*bigger.slots));
	for (size_t i = 0; i < m->room; i++) {
		if (m->slots[i].key)
			*slot_of(&bigger, m->slots[i].key, m->slots[i].hash) = m->slots[i];
	}
	*m = bigger;
}

void text_map_put(struct text_map *m, const char *key, size_t value)
{
	struct text_slot *slot;
	uint64_t hash;

	if (m->count >= m->room / 2)
		grow(m);
	hash = hash_of(m, key);
	slot = slot_of(m, key, hash);
	m->count += !slot->key;
	if (!slot->key)
		slot->key = key;
	slot->hash = hash;
	slot->value = value;
}

bool text_map_get(const struct text_map *m, const char *key, size_t *value)
{
	const struct text_slot *slot;

	if (!m->count)
		return false;
	slot = slot_of(m, key, hash_of(m, key));
	if (slot->key && value)
		*value = slot->value;
	return slot->key;
}
