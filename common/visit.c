#include "common/base.h"
#include "common/visit.h"

#include "common/error.h"
#include "common/statedir.h"

static void path_of(const char *state_dir, char out[static PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/refresh.last", state_dir);
}

void visit_note(const char *state_dir, int64_t when, int exit_code)
{
	struct error ignored = { .kind = ERR_NONE };
	char path[PATH_MAX], line[64];
	int fd, len;

	path_of(state_dir, path);
	fd = statedir_open(state_dir, path, &ignored);
	if (fd < 0)
		return;
	/* Of one length, so that a reader never sees two lines mixed. */
	len = snprintf(line, sizeof(line), "%020" PRId64 " %03d\n", when, exit_code);
	(void)statedir_write(fd, (struct span){ line, (size_t)len }, 0);
	close(fd);
}

int visit_last(const char *state_dir, int64_t *when, int *exit_code)
{
	char path[PATH_MAX], line[64] = "";
	int fd, rc;

	path_of(state_dir, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	rc = read(fd, line, sizeof(line) - 1) > 0 &&
			     sscanf(line, "%" SCNd64 " %d", when, exit_code) == 2
		     ? 0
		     : -1;
	close(fd);
	return rc;
}
