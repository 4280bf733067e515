#include "common/base.h"
#include "fcgi/sessions.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/ids.h"
#include "common/mapfile.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>

#define SESSION_CHARACTERS 43	   /* of [A-Za-z0-9]: 256 bits */
#define FREE_GUESSES	   5	   /* wrong ones without a pause, of one address */
#define FREE_GUESSES_ALL   30	   /* of all addresses together */
#define LONGEST_PAUSE_MS   900000  /* of one address */
#define PAUSE_ALL_MS	   2000	   /* of all: nobody can lock the owner out for long */
#define FORGOTTEN_MS	   3600000 /* after the last wrong guess */
#define EVERYBODY	   "*"	   /* where an address stands */

struct session {
	struct mapfile_slot head;
	_Atomic uint64_t digest[4];
	_Atomic uint64_t password; /* which password opened it */
	_Atomic int64_t expires_at;
};

struct guesses {
	struct mapfile_slot head;
	_Atomic int64_t wrong;
	_Atomic int64_t last_ms, until_ms;
};

static const struct mapfile_format session_format = { "session", 1, sizeof(struct session), 0,
						      256 };
static const struct mapfile_format guess_format = { "guesses", 1, sizeof(struct guesses), 0, 1024 };

struct sessions {
	char *dir;
	pthread_mutex_t lock;	 /* of all below: maps are opened anew when they are replaced */
	pthread_mutex_t hashing; /* held while a password is hashed */
	struct mapfile opened, guesses;
};

struct sessions *sessions_new(const char *state_dir)
{
	struct sessions *s = xcalloc(1, sizeof(*s));

	s->dir = xstrdup(state_dir);
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->hashing, NULL);
	return s;
}

void sessions_free(struct sessions *s)
{
	if (!s)
		return;
	mapfile_close(&s->opened);
	mapfile_close(&s->guesses);
	pthread_mutex_destroy(&s->hashing);
	pthread_mutex_destroy(&s->lock);
	free(s->dir);
	free(s);
}

static int ready(struct sessions *s, struct mapfile *m, const char *name,
		 const struct mapfile_format *format, struct error *e)
{
	if (m->slots && !mapfile_is_stale(m, s->dir, name))
		return 0;
	mapfile_close(m);
	return mapfile_open(m, s->dir, name, format, e);
}

static int open_sessions(struct sessions *s, struct error *e)
{
	return ready(s, &s->opened, "sessions.map", &session_format, e);
}

static void digest_of(const char *text, uint64_t out[static 4])
{
	digest_sha256(span_of(text), (unsigned char *)out);
}

static uint64_t password_key(const char *hash)
{
	return mapfile_key(hash);
}

/* ---- sessions ---- */

/* A free place, one that is over, else the one that ends first. */
static struct session *take_place(struct sessions *s, uint64_t key, int64_t now)
{
	struct session *best = NULL, *at;

	for (size_t n = 0; (at = mapfile_place(&s->opened, key, n)); n++) {
		if (!best || at->expires_at < best->expires_at)
			best = at;
		if (best->expires_at < now)
			break;
	}
	return best;
}

int sessions_open(struct sessions *s, const char *password_hash, int64_t expires_at,
		  char text[static SESSION_TEXT_SIZE], struct error *e)
{
	uint64_t digest[4];
	struct session *place = NULL;

	ids_make(text, SESSION_TEXT_SIZE, "", SESSION_CHARACTERS);
	digest_of(text, digest);
	pthread_mutex_lock(&s->lock);
	if (!open_sessions(s, e))
		place = take_place(s, mapfile_key(text), clock_wall());
	if (place) {
		/* Whoever looks meanwhile finds one that is over. */
		place->expires_at = 0;
		place->head.key = mapfile_key(text);
		for (size_t i = 0; i < ARRAY_SIZE(digest); i++)
			place->digest[i] = digest[i];
		place->password = password_key(password_hash);
		place->expires_at = expires_at;
	}
	pthread_mutex_unlock(&s->lock);
	return place ? 0 : error_set(e, ERR_STORE, "no place for a session");
}

static struct session *find_place(struct sessions *s, const char *text)
{
	uint64_t key = mapfile_key(text), digest[4], stored[4];
	struct session *at;

	digest_of(text, digest);
	for (size_t n = 0; (at = mapfile_place(&s->opened, key, n)); n++) {
		if (at->head.key != key)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(stored); i++)
			stored[i] = at->digest[i];
		if (CRYPTO_memcmp(stored, digest, sizeof(digest)) == 0)
			return at;
	}
	return NULL;
}

int sessions_find(struct sessions *s, const char *text, const char *password_hash,
		  int64_t *expires_at, struct error *e)
{
	struct session *place;
	int rc = -1;

	pthread_mutex_lock(&s->lock);
	if (!open_sessions(s, e)) {
		place = find_place(s, text);
		*expires_at = place ? place->expires_at : 0;
		rc = *expires_at > clock_wall() && place->password == password_key(password_hash);
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int sessions_close(struct sessions *s, const char *text, struct error *e)
{
	struct session *place;
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = open_sessions(s, e);
	place = rc ? NULL : find_place(s, text);
	if (place)
		place->expires_at = 0;
	pthread_mutex_unlock(&s->lock);
	return rc;
}

/* ---- guesses ---- */

/* A network of IPv6 is one guesser: its owner has 2^64 addresses. */
static uint64_t guesser_key(const char *address)
{
	unsigned char bytes[16];
	char name[64];

	if (inet_pton(AF_INET6, address, bytes) == 1)
		memset(bytes + 8, 0, 8);
	else
		return mapfile_key(address);
	inet_ntop(AF_INET6, bytes, name, sizeof(name));
	return mapfile_key(name);
}

/* Its own place, else a free one, else the one whose last guess is longest ago. */
static struct guesses *guesser(struct sessions *s, const char *address)
{
	uint64_t key = guesser_key(address);
	struct guesses *best = NULL, *at;

	for (size_t n = 0; (at = mapfile_place(&s->guesses, key, n)); n++) {
		if (at->head.key == key)
			return at;
		if (!best || at->last_ms < best->last_ms)
			best = at;
	}
	assert(best); /* a key always has a first place */
	best->wrong = best->until_ms = best->last_ms = 0;
	best->head.key = key;
	return best;
}

static int64_t pause_after(int64_t wrong, int64_t allowed, int64_t most)
{
	int64_t over = wrong - allowed;

	if (over < 0)
		return 0;
	return over > 20 || (1000LL << over) > most ? most : 1000LL << over;
}

/* A pause that is longer than any was made by a clock that has been set back since: nobody waits
 * for that. */
static int64_t pause_left(const struct guesses *g, int64_t most, int64_t now)
{
	int64_t left = g->until_ms - now;

	return left > 0 && left <= most ? left : 0;
}

/* Of processes that count at the same time only one gets through behind the free ones. */
static int count(struct guesses *g, int64_t allowed, int64_t most, int64_t now, int64_t *wait)
{
	int64_t until = g->until_ms, pause;

	if (now - g->last_ms > FORGOTTEN_MS)
		g->wrong = 0;
	pause = pause_after(atomic_fetch_add(&g->wrong, 1) + 1, allowed, most);
	*wait = pause;
	if (pause && !atomic_compare_exchange_strong(&g->until_ms, &until, now + pause))
		return -1;
	g->last_ms = now;
	return 0;
}

/* Who is refused because of others has not guessed: or they could make the owner's pauses as long
 * as their own. Theirs is looked at first, so that who only knocks takes no place either. */
static int take_guess(struct sessions *s, const char *address, int64_t now, int64_t *wait)
{
	struct guesses *all = guesser(s, EVERYBODY), *own;

	*wait = pause_left(all, PAUSE_ALL_MS, now);
	if (*wait)
		return -1;
	own = guesser(s, address);
	*wait = pause_left(own, LONGEST_PAUSE_MS, now);
	if (*wait || count(own, FREE_GUESSES, LONGEST_PAUSE_MS, now, wait))
		return -1;
	return count(all, FREE_GUESSES_ALL, PAUSE_ALL_MS, now, wait);
}

int sessions_guess(struct sessions *s, const char *address, struct error *e)
{
	int64_t wait = 0;
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = ready(s, &s->guesses, "guesses.map", &guess_format, e);
	if (!rc && take_guess(s, address, clock_wall_ms(), &wait)) {
		e->retry_after = (int)((wait + 999) / 1000);
		rc = error_set(e, ERR_LOCKED, "too many wrong passwords: try again in %d seconds",
			       e->retry_after);
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

void sessions_guessed(struct sessions *s, const char *address)
{
	const char *const names[] = { address, EVERYBODY };
	struct error ignored = { .kind = ERR_NONE };

	pthread_mutex_lock(&s->lock);
	if (!ready(s, &s->guesses, "guesses.map", &guess_format, &ignored)) {
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			struct guesses *g = guesser(s, names[i]);

			g->wrong = g->until_ms = 0;
		}
	}
	pthread_mutex_unlock(&s->lock);
}

void sessions_lock_hashing(struct sessions *s)
{
	pthread_mutex_lock(&s->hashing);
}

void sessions_unlock_hashing(struct sessions *s)
{
	pthread_mutex_unlock(&s->hashing);
}
