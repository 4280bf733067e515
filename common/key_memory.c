#include "common/base.h"
#include "common/key_memory.h"

#include "common/hex.h"
#include "common/secret.h"

#include <pthread.h>

#define PLACES 64 /* by the first byte of a hash; 3 KB each once it was used */

struct known {
	char hash[SECRET_HASH_SIZE]; /* of the text, which of a code may be spelled otherwise */
	struct key key;
};

struct key_memory {
	pthread_mutex_t lock; /* guards everything below */
	struct store_stamp stamp;
	struct known *places[PLACES];
};

struct key_memory *key_memory_new(void)
{
	struct key_memory *m = xcalloc(1, sizeof(*m));

	pthread_mutex_init(&m->lock, NULL);
	return m;
}

static void forget(struct key_memory *m)
{
	for (size_t i = 0; i < PLACES; i++) {
		free(m->places[i]);
		m->places[i] = NULL;
	}
}

void key_memory_free(struct key_memory *m)
{
	if (!m)
		return;
	forget(m);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static struct known **place_of(struct key_memory *m, const char *hash)
{
	return &m->places[(16 * hex_digit(hash[0]) + hex_digit(hash[1])) % PLACES];
}

static bool recall(struct key_memory *m, const struct store_stamp *now, const char *hash,
		   struct key *out)
{
	const struct known *known;
	bool found;

	pthread_mutex_lock(&m->lock);
	if (!store_stamp_is(&m->stamp, now)) {
		forget(m);
		m->stamp = *now;
	}
	known = *place_of(m, hash);
	found = known && secret_equal(known->hash, hash);
	if (found)
		*out = known->key;
	pthread_mutex_unlock(&m->lock);
	return found;
}

/* Read after *now was seen, it is of that time or newer, and in the latter case the next look finds
 * another stamp. Who was overtaken meanwhile keeps nothing. */
static void keep(struct key_memory *m, const struct store_stamp *now, const char *hash,
		 const struct key *key)
{
	struct known **place;

	pthread_mutex_lock(&m->lock);
	if (store_stamp_is(&m->stamp, now)) {
		place = place_of(m, hash);
		if (!*place)
			*place = xmalloc(sizeof(**place));
		memcpy((*place)->hash, hash, SECRET_HASH_SIZE);
		(*place)->key = *key;
	}
	pthread_mutex_unlock(&m->lock);
}

int key_memory_find(struct key_memory *m, const struct store *keys, const char *text,
		    struct key *out, struct error *e)
{
	struct store_stamp now = { 0 };
	struct error unseen = { .kind = ERR_NONE }; /* then keys_find() says what it is */
	char hash[SECRET_HASH_SIZE];
	int rc;

	if (store_changed(keys, &now, &unseen) < 0)
		return keys_find(keys, text, out, e);
	secret_hash(text, hash);
	if (recall(m, &now, hash, out))
		return 1;
	rc = keys_find(keys, text, out, e);
	if (rc == 1)
		keep(m, &now, hash, out);
	return rc;
}
