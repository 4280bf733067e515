/*
 * bench-micro: times each subject for a while and prints one line of JSON for it.
 *
 *   bench-micro [MS [NAME]]      all, or one
 *   bench-micro count NAME N     N rounds of one, for callgrind
 *   bench-micro list             the names
 */
#include "common/base.h"
#include "tests/bench/subjects.h"

#include "common/log.h"

#include <dirent.h>
#include <time.h>

/* Every allocation of the program and its libraries goes through here. */
static size_t allocations;

#ifndef __SANITIZE_ADDRESS__
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *at, size_t size);

void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
	allocations++;
	return __libc_realloc(at, size);
}
#endif

_Noreturn void bench_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

const char *bench_dir(char out[static BENCH_DIR_SIZE])
{
	const char *base = getenv("TMPDIR");

	snprintf(out, BENCH_DIR_SIZE, "%s/kiro-bench-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(out))
		bench_die("%s: %s", out, strerror(errno));
	return out;
}

void bench_remove(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;

	while (d && (entry = readdir(d)))
		unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

#define SLICES 10 /* the best of so many is told: others use this machine too */

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void measure(const struct subject *s, int64_t ms)
{
	void *state = s->begin();
	size_t bytes = s->round(state); /* buffers grow once */
	size_t before = allocations, slices = 0, all = 0;
	double best = 0, ns;

	for (; slices < SLICES; slices++) {
		size_t rounds = 0;
		int64_t from = cpu_ns(), spent;

		do {
			s->round(state);
			rounds++;
			spent = cpu_ns() - from;
		} while (spent < ms * 1000000 / SLICES);
		ns = (double)spent / (double)rounds;
		best = slices && best < ns ? best : ns;
		all += rounds;
	}
	ns = best / s->events;
	printf("{\"name\":\"%s\",\"unit\":\"%s\",\"ns\":%.1f,\"per_second\":%.0f,"
	       "\"allocations\":%.3f",
	       s->name, s->unit, ns, 1e9 / ns,
	       (double)(allocations - before) / (double)all / s->events);
	if (bytes)
		printf(",\"mb_per_second\":%.1f", (double)bytes * 1e3 / best);
	puts("}");
	fflush(stdout);
	s->end(state);
}

static void count(const struct subject *s, const char *rounds)
{
	void *state = s->begin();

	for (long n = strtol(rounds, NULL, 10); n > 0; n--)
		s->round(state);
	s->end(state);
	printf("%u\n", s->events);
}

static void each(int argc, char **argv, const struct subject *subjects, size_t n)
{
	const char *first = argc > 1 ? argv[1] : "500";
	const bool counting = strcmp(first, "count") == 0 && argc > 3;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(first, "list") == 0)
			puts(subjects[i].name);
		else if (argc > 2 && strcmp(argv[2], subjects[i].name) != 0)
			continue;
		else if (counting)
			count(&subjects[i], argv[3]);
		else
			measure(&subjects[i], strtol(first, NULL, 10));
	}
}

int main(int argc, char **argv)
{
	static const struct log_options quiet = { .file = "/dev/null" };

	log_open(&quiet);
	each(argc, argv, answer_subjects, answer_subject_count);
	each(argc, argv, request_subjects, request_subject_count);
	each(argc, argv, state_subjects, state_subject_count);
	return 0;
}
