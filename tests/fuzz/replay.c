/*
 * The targets over their corpus, without libFuzzer:
 *
 *   fuzz-replay FOLDER...    FOLDER/TARGET/FILE is an input of that target
 *
 * What aborts has its file's name printed before.
 */
#include "common/base.h"
#include "tests/fuzz/fuzz.h"

#include "common/buf.h"
#include "common/limits.h"

#include <dirent.h>
#include <signal.h>

static char current[PATH_MAX]; /* for on_abort() */

static void on_abort(int number)
{
	static const char text[] = "fuzz-replay: it was ";

	(void)number;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)!write(STDERR_FILENO, current, strlen(current));
	(void)!write(STDERR_FILENO, "\n", 1);
	signal(SIGABRT, SIG_DFL);
}

static int replay_file(const struct fuzz_target *target, const char *path)
{
	struct buf input;
	int rc;

	snprintf(current, sizeof(current), "%s", path);
	buf_init(&input, LIMIT_BODY);
	rc = buf_read_file(&input, path);
	if (rc) {
		perror(path);
	} else { /* of its size exactly, so that a read beyond it is seen */
		char *exact = xmalloc(input.len + !input.len);

		memcpy(exact, input.at, input.len);
		target->run((struct span){ exact, input.len });
		free(exact);
	}
	buf_release(&input);
	return rc;
}

/* The number of files, -1: it cannot be read. */
static int replay_folder(const struct fuzz_target *target, const char *folder)
{
	char path[PATH_MAX];
	DIR *dir;
	struct dirent *entry;
	int count = 0;

	snprintf(path, sizeof(path), "%s/%s", folder, target->name);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -1;
	while (count >= 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", folder, target->name, entry->d_name);
		count = replay_file(target, path) ? -1 : count + 1;
	}
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	int files = 0;

	signal(SIGABRT, on_abort);
	fuzz_init();
	for (const struct fuzz_target *t = fuzz_targets; t->name; t++) {
		int of_target = 0;

		for (int i = 1; i < argc; i++) {
			int count = replay_folder(t, argv[i]);

			if (count < 0)
				return 1;
			of_target += count;
		}
		if (!of_target) {
			fprintf(stderr, "fuzz-replay: no input for %s\n", t->name);
			return 1;
		}
		files += of_target;
	}
	printf("%d inputs, nothing broken\n", files);
	return 0;
}
