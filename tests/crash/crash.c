/*
 * Kills writers of the store with SIGKILL at random moments and looks at what is left: every record
 * that was acknowledged must be there, whole, and not older than the acknowledgement.
 *
 * usage: crash-tests [ROUNDS]. Writers note in shared memory what they are about to write (intent)
 * and what the store has acknowledged (acked); the store's files live on from round to round.
 * Half of the rounds run in memory (/dev/shm), where fsync costs nothing and kills hit the code
 * between the system calls more often, half on disk.
 */
#include "common/base.h"
#include "common/clock.h"
#include "common/ids.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/store.h"

#include <dirent.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define WRITERS	       4
#define RECORDS	       10 /* of each writer */
#define DEFAULT_ROUNDS 300
#define CREATE_ROUNDS  40

struct progress {
	_Atomic int intent, acked;
};

static struct progress (*progress)[RECORDS]; /* [WRITERS], shared */
static unsigned passed, failed;

static unsigned random_below(unsigned limit)
{
	uint32_t n;

	ids_random(&n, sizeof(n));
	return n % limit;
}

static void sleep_us(unsigned us)
{
	nanosleep(&(struct timespec){ .tv_nsec = (long)us * 1000 }, NULL);
}

static void check(bool ok, const char *format, ...) PRINTF_LIKE(2, 3);

static void check(bool ok, const char *format, ...)
{
	va_list args;

	if (ok) {
		passed++;
		return;
	}
	failed++;
	fputs("FAILED: ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* ---- records whose every byte follows from writer, record and version ---- */

static void record_key(unsigned w, unsigned n, char out[static 32])
{
	snprintf(out, 32, "a/%u-%u", w, n);
}

static void record_write(unsigned w, unsigned n, int version, struct buf *json)
{
	unsigned filler = (unsigned)(version * 613 + (int)n * 97) % 4500;

	buf_reset(json);
	buf_add_format(json, "{\"w\":%u,\"n\":%u,\"version\":%d,\"filler\":\"", w, n, version);
	for (unsigned i = 0; i < filler; i++)
		buf_add_char(json, (char)('a' + (version + (int)i) % 26));
	buf_add_text(json, "\"}");
}

/* -1: not a record that we have written. */
static int record_version(unsigned w, unsigned n, const struct buf *json)
{
	const char *at = strstr(json->at, "\"version\":");
	int version = at ? atoi(at + 10) : -1;
	struct buf want;
	bool same;

	buf_init(&want, LIMIT_RECORD);
	record_write(w, n, version, &want);
	same = want.len == json->len && memcmp(want.at, json->at, json->len) == 0;
	buf_release(&want);
	return same ? version : -1;
}

/* ---- writers ---- */

/* Mostly usual writes; now and then the spill file, which later writes fold in. */
static int write_once(const struct store *s, unsigned w, unsigned n, struct buf *json)
{
	struct error e = { .kind = ERR_NONE };
	char key[32];

	record_key(w, n, key);
	if (random_below(8) == 0)
		return store_spill(s, key, buf_span(json), &e);
	return store_put(s, key, buf_span(json), &e);
}

static void write_for_ever(const char *dir, unsigned w)
{
	struct error e = { .kind = ERR_NONE };
	struct store s;
	struct buf json;

	if (store_open(&s, dir, "tokens", 0, &e)) {
		fprintf(stderr, "writer: %s\n", e.message);
		_exit(1);
	}
	buf_init(&json, LIMIT_RECORD);
	for (;;) {
		unsigned n = random_below(RECORDS);
		struct progress *p = &progress[w][n];
		int version = p->intent + 1;

		record_write(w, n, version, &json);
		p->intent = version;
		if (write_once(&s, w, n, &json) == 0)
			p->acked = version;
	}
}

static pid_t start_writer(const char *dir, unsigned w)
{
	pid_t pid = fork();

	if (pid == 0) {
		write_for_ever(dir, w);
		_exit(0);
	}
	return pid;
}

/* True when it died of our signal. */
static bool end_writer(pid_t pid)
{
	int status = 0;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* ---- what is left ---- */

static bool is_intact(const struct store *s, unsigned w, unsigned n)
{
	struct error e = { .kind = ERR_NONE };
	struct progress *p = &progress[w][n];
	int version = 0, found;
	struct buf json;
	char key[32];

	record_key(w, n, key);
	buf_init(&json, LIMIT_RECORD);
	found = store_get(s, key, &json, &e);
	if (found == 1)
		version = record_version(w, n, &json);
	buf_release(&json);
	if (found >= 0 && version >= p->acked && version <= p->intent)
		return true;
	printf("%s: found %d, version %d, acknowledged %d, intended %d: %s\n", key, found, version,
	       p->acked, p->intent, e.message);
	return false;
}

static void check_store(const char *dir, unsigned round)
{
	struct error e = { .kind = ERR_NONE };
	size_t records = 0, damaged = 0;
	bool intact = true;
	struct store s;

	if (store_open(&s, dir, "tokens", 0, &e)) {
		check(false, "round %u: the store does not open: %s", round, e.message);
		return;
	}
	/* Opening and making room fold in what was spilled. */
	check(store_room(&s, &e) == 0, "round %u: no room: %s", round, e.message);
	for (unsigned w = 0; w < WRITERS; w++) {
		for (unsigned n = 0; n < RECORDS; n++)
			intact &= is_intact(&s, w, n);
	}
	check(intact, "round %u: acknowledged records are missing or damaged", round);
	check(store_verify(&s, &records, &damaged, &e) == 0 && damaged == 0,
	      "round %u: %zu damaged of %zu: %s", round, damaged, records, e.message);
	store_close(&s);
}

static void remove_dir(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char path[512];

	while (d && (entry = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

static bool make_dir(const char *below, char out[static 64])
{
	snprintf(out, 64, "%s/kiro-crash-XXXXXX", below);
	return mkdtemp(out) != NULL;
}

static void kill_writers(const char *below, unsigned rounds)
{
	struct error e = { .kind = ERR_NONE };
	unsigned total = 0;
	char dir[64];

	if (!make_dir(below, dir)) {
		printf("%s: no directory can be made there, skipped\n", below);
		return;
	}
	memset(progress, 0, sizeof(*progress) * WRITERS);
	check(store_create(dir, "tokens", 0, &e) == 0, "%s: %s", dir, e.message);
	for (unsigned round = 0; round < rounds; round++) {
		pid_t pids[WRITERS];
		bool killed = true;

		for (unsigned w = 0; w < WRITERS; w++)
			pids[w] = start_writer(dir, w);
		sleep_us(3000 + random_below(25000));
		for (unsigned w = 0; w < WRITERS; w++)
			killed &= end_writer(pids[w]);
		check(killed, "round %u: a writer ended by itself", round);
		check_store(dir, round);
	}
	for (unsigned w = 0; w < WRITERS; w++) {
		for (unsigned n = 0; n < RECORDS; n++)
			total += (unsigned)progress[w][n].acked;
	}
	printf("%s: %u rounds of %u killed writers, %u acknowledged writes\n", below, rounds,
	       WRITERS, total);
	check(total > 0, "no write was acknowledged: the kills came too early");
	remove_dir(dir);
}

/* Whoever is killed while making a store must leave one, or nothing in the way of making it. */
static void kill_makers(const char *below, unsigned rounds)
{
	for (unsigned round = 0; round < rounds; round++) {
		struct error e = { .kind = ERR_NONE };
		struct store s;
		char dir[64];
		pid_t pid;

		if (!make_dir(below, dir))
			return;
		pid = fork();
		if (pid == 0)
			_exit(store_create(dir, "tokens", 0, &e) != 0);
		sleep_us(random_below(2000));
		end_writer(pid);
		check(store_create(dir, "tokens", 0, &e) == 0 &&
			      store_open(&s, dir, "tokens", 0, &e) == 0,
		      "a killed maker left no way: %s", e.message);
		if (e.kind == ERR_NONE)
			store_close(&s);
		remove_dir(dir);
	}
}

int main(int argc, char **argv)
{
	static const struct log_options log = { .level = LOG_WARN };
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : DEFAULT_ROUNDS;
	const char *on_disk = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";

	log_open(&log);
	progress = mmap(NULL, sizeof(*progress) * WRITERS, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (progress == MAP_FAILED)
		return 2;
	kill_writers("/dev/shm", rounds / 2);
	kill_writers(on_disk, rounds - rounds / 2);
	kill_makers("/dev/shm", CREATE_ROUNDS);
	kill_makers(on_disk, CREATE_ROUNDS);
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
