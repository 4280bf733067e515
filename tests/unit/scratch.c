#include "common/base.h"
#include "tests/unit/scratch.h"

#include <dirent.h>
#include <sys/wait.h>

const char *scratch_make(char out[static SCRATCH_SIZE])
{
	snprintf(out, SCRATCH_SIZE, "/tmp/kiro-unit-XXXXXX");
	if (!mkdtemp(out))
		abort();
	return out;
}

void scratch_remove(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char path[SCRATCH_SIZE + 256];

	while (d && (entry = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    unlink(path) != 0)
			scratch_remove(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

pid_t scratch_start(int (*child)(void *context), void *context)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0)
		_exit(child(context));
	return pid;
}

int scratch_wait(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int scratch_run(int (*child)(void *context), void *context)
{
	return scratch_wait(scratch_start(child, context));
}
