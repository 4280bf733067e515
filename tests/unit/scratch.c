#include "common/base.h"
#include "tests/unit/scratch.h"

#include "common/limits.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <sys/mman.h>
#include <sys/resource.h>
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

void scratch_write(const char *path, const char *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);

	CU_ASSERT_EQUAL(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

void scratch_damage(const char *path, const char *text)
{
	struct buf file;
	char *at;

	buf_init(&file, MB(1));
	CU_ASSERT_EQUAL_FATAL(buf_read_file(&file, path), 0);
	at = memmem(file.at, file.len, text, strlen(text));
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	*at ^= 1;
	scratch_write(path, file.at, file.len);
	buf_release(&file);
}

void scratch_store(char out[static SCRATCH_SIZE], const char *name, struct store *s)
{
	struct error e = { .kind = ERR_NONE };

	scratch_make(out);
	CU_ASSERT_EQUAL_FATAL(store_create(out, name, 0, &e), 0);
	CU_ASSERT_EQUAL_FATAL(store_open(s, out, name, 0, &e), 0);
}

const char *scratch_get(const struct store *s, const char *key, struct error *e)
{
	static char text[LIMIT_RECORD + 1];
	const char *found = NONE;
	struct buf json;

	error_clear(e);
	buf_init(&json, LIMIT_RECORD);
	if (store_get(s, key, &json, e) == 1) {
		memcpy(text, json.at, json.len + 1);
		found = text;
	}
	buf_release(&json);
	return found;
}

int scratch_add_one(void *context, struct buf *json, struct error *e)
{
	int n = json->len ? atoi(json->at + strlen("{\"n\":")) : 0;

	(void)context;
	(void)e;
	buf_reset(json);
	return buf_add_format(json, "{\"n\":%d}", n + 1);
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

void scratch_take_descriptors(bool take)
{
	static rlim_t before;
	struct rlimit limit;

	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (take)
		before = limit.rlim_cur;
	limit.rlim_cur = take ? 0 : before;
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

int scratch_run(int (*child)(void *context), void *context)
{
	return scratch_wait(scratch_start(child, context));
}

/* The slots stand behind a head that is shorter than there are slots; each begins with its key. */
void scratch_fill_map(const char *dir, const char *name, size_t slots)
{
	char path[SCRATCH_SIZE + 64];
	size_t size, slot;
	struct stat st;
	char *at;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		abort();
	size = (size_t)st.st_size;
	slot = size / slots;
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		abort();
	for (size_t i = 0; i < slots; i++) {
		uint64_t *key = (uint64_t *)(void *)(at + size % slots + i * slot);

		*key = *key ? *key : UINT64_MAX;
	}
	munmap(at, size);
}
