/*
 * herd STATE_DIR URL PROCESSES THREADS: all at once want all accounts whose tokens have ended, as
 * responders do for waiting requests; one thread of each process serves the other accounts and
 * measures how long it takes. Prints one line of JSON; herd.test.mjs looks at the login service.
 */
#include "common/base.h"
#include "common/roster.h"
#include "common/clock.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/refresh.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define BUCKETS 200000 /* of 1 us */

static struct shared {
	_Atomic int ready, go, active;
	_Atomic int renewed, taken_over, timeouts, failures;
	_Atomic unsigned times[BUCKETS]; /* of requests for other accounts */
	_Atomic unsigned longest;	 /* us */
	char why[LIMIT_ERROR_TEXT];
} * shared;

static struct config config;
static struct store tokens;
static struct http_client *http;
static struct roster roster;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void wait_for_all(void)
{
	shared->ready++;
	while (!shared->go)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static bool is_due(const struct account *a)
{
	return account_expires_within(a, clock_wall(), 0);
}

static void want(const struct account *wanted)
{
	const struct refresher r = { .config = &config, .http = http, .tokens = &tokens };
	struct error e = { .kind = ERR_NONE };
	struct account a;
	int rc;

	account_init(&a);
	account_copy(&a, wanted); /* what this request has read before */
	rc = refresh_account(&r, &a, REFRESH_HARD, 0, &e);
	if (rc == 1)
		shared->renewed++;
	else if (rc == 0 && !is_due(&a))
		shared->taken_over++;
	else if (e.kind == ERR_UP_TIMEOUT)
		shared->timeouts++;
	else if (!shared->failures++)
		memcpy(shared->why, e.message, sizeof(e.message));
	account_release(&a);
}

static void *want_all(void *context)
{
	size_t from;

	(void)context;
	ids_random(&from, sizeof(from));
	wait_for_all();
	for (size_t i = 0; i < roster.count; i++) {
		const struct account *a =
			&roster.accounts[(from % roster.count + i) % roster.count];

		if (a->expires_at < clock_wall())
			want(a);
	}
	shared->active--;
	return NULL;
}

/* What a request for a healthy account does with the store before it goes upstream. */
static void serve(const struct account *healthy)
{
	const struct refresher r = { .config = &config, .http = http, .tokens = &tokens };
	struct store_stamp stamp = { .inode = 0 };
	struct error e = { .kind = ERR_NONE };
	char key[STORE_KEY_SIZE];
	struct account a;
	struct buf json;

	account_init(&a);
	account_copy(&a, healthy);
	buf_init(&json, LIMIT_RECORD);
	snprintf(key, sizeof(key), "a/%s", a.id);
	if (store_changed(&tokens, &stamp, &e) < 0 || store_get(&tokens, key, &json, &e) != 1 ||
	    refresh_account(&r, &a, REFRESH_SOFT, 120, &e) != 0)
		if (!shared->failures++)
			memcpy(shared->why, e.message, sizeof(e.message));
	buf_wipe(&json);
	account_release(&a);
}

static void *serve_others(void *context)
{
	(void)context;
	wait_for_all();
	while (shared->active > 0) {
		for (size_t i = 0; i < roster.count; i++) {
			int64_t began = now_us();
			unsigned took;

			if (roster.accounts[i].expires_at < clock_wall())
				continue;
			serve(&roster.accounts[i]);
			took = (unsigned)(now_us() - began);
			shared->times[took < BUCKETS ? took : BUCKETS - 1]++;
			if (took > shared->longest)
				shared->longest = took;
		}
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	return NULL;
}

static int run_process(const char *dir, unsigned threads)
{
	struct error e = { .kind = ERR_NONE };
	pthread_t *ids = xcalloc(threads, sizeof(*ids));

	if (store_open(&tokens, dir, "tokens", 0, &e) ||
	    http_client_new(&http, &(struct http_options){ NULL, NULL }, &e)) {
		fprintf(stderr, "herd: %s\n", e.message);
		return 1;
	}
	roster_init(&roster);
	if (roster_load(&roster, &tokens, &e))
		return 1;
	for (unsigned i = 0; i < threads; i++) {
		if (pthread_create(&ids[i], NULL, i ? want_all : serve_others, NULL))
			return 1;
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	roster_release(&roster);
	http_client_free(http);
	store_close(&tokens);
	free(ids);
	return 0;
}

static unsigned at_share(double share)
{
	uint64_t all = 0, seen = 0;

	for (size_t i = 0; i < BUCKETS; i++)
		all += shared->times[i];
	for (size_t i = 0; i < BUCKETS; i++) {
		seen += shared->times[i];
		if ((double)seen >= share * (double)all)
			return (unsigned)i;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct log_options log = { .level = LOG_ERROR };
	unsigned processes, threads;
	int64_t began;
	int status, bad = 0;

	if (argc != 5)
		return 64;
	processes = (unsigned)atoi(argv[3]);
	threads = (unsigned)atoi(argv[4]);
	log_open(&log);
	config = (struct config){ .social_url = argv[2],
				  .oidc_url = argv[2],
				  .connect_timeout = 30,
				  .kiro_version = (char[]){ "1.0.0" } };
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return 2;
	shared->active = (int)(processes * (threads - 1));
	for (unsigned i = 0; i < processes; i++) {
		if (fork() == 0)
			_exit(run_process(argv[1], threads));
	}
	while (shared->ready < (int)(processes * threads))
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	began = now_us();
	shared->go = 1;
	while (wait(&status) > 0)
		bad += status != 0;
	printf("{\"ms\":%" PRId64 ",\"renewed\":%d,\"taken_over\":%d,\"timeouts\":%d,"
	       "\"failures\":%d,\"bad_ends\":%d,\"others_p50_us\":%u,\"others_p99_us\":%u,"
	       "\"others_longest_us\":%u,\"why\":\"%s\"}\n",
	       (now_us() - began) / 1000, shared->renewed, shared->taken_over, shared->timeouts,
	       shared->failures, bad, at_share(0.5), at_share(0.99), shared->longest, shared->why);
	return 0;
}
