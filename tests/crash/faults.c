/*
 * faults.so, for LD_PRELOAD: counts the calls by which a program changes files or takes locks, and
 * kills it or fails the call at the one that FAULT names. No part of the programs.
 *
 *   FAULT=kill:before:17   SIGKILL instead of the 17th call
 *   FAULT=kill:half:17     after half of the bytes, when it is a write
 *   FAULT=kill:after:17    behind it
 *   FAULT=fail:ENOSPC:17   the 17th call and all later ones of its kind fail so
 *   FAULT=once:EMFILE:17   that one alone
 *
 *   FAULT_ONLY=write   counts only calls of this kind: write, sync, name, lock (comma separated);
 *                      "open" or "read" alone: each open(), each read()
 *   FAULT_PATH=TEXT    counts only files with this in their path
 *   FAULT_LOG=FILE     a line for each call before it is made, "PID THREAD N NAME PATH"
 *   FAULT_CORE=1       a program that forbids core files of itself is not heard
 *
 * N is 0 where a call is not counted. A request that renews a token is there as "renew" with the
 * refresh token as PATH: for made-up ones only.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum action { NOTHING, KILL_BEFORE, KILL_HALF, KILL_AFTER, FAIL, FAIL_ONCE };

static struct {
	enum action action;
	int at, error, log;
	const char *only, *path;
} plan = { .log = -1 };
static atomic_int calls;
static atomic_bool failing;

static const struct {
	const char *name;
	int number;
} errors[] = {
	{ "ENOSPC", ENOSPC }, { "EROFS", EROFS },   { "ENOLCK", ENOLCK }, { "EIO", EIO },
	{ "EACCES", EACCES }, { "EDQUOT", EDQUOT }, { "EMFILE", EMFILE },
};

static void read_fault(const char *text)
{
	char what[16] = "", how[16] = "";

	if (!text || sscanf(text, "%15[^:]:%15[^:]:%d", what, how, &plan.at) != 3)
		return;
	if (strcmp(what, "fail") == 0 || strcmp(what, "once") == 0) {
		plan.action = *what == 'f' ? FAIL : FAIL_ONCE;
		for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
			if (strcmp(errors[i].name, how) == 0)
				plan.error = errors[i].number;
		}
	} else {
		plan.action = strcmp(how, "before") == 0 ? KILL_BEFORE
			      : strcmp(how, "half") == 0 ? KILL_HALF
							 : KILL_AFTER;
	}
}

static __attribute__((constructor)) void start(void)
{
	const char *log = getenv("FAULT_LOG");

	plan.only = getenv("FAULT_ONLY");
	plan.path = getenv("FAULT_PATH");
	if (log)
		plan.log = (int)syscall(SYS_openat, AT_FDCWD, log,
					O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	read_fault(getenv("FAULT"));
}

static const char *path_of(int fd, char *out, size_t size)
{
	char link[32];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, out, size - 1);
	out[len > 0 ? len : 0] = '\0';
	return out;
}

static void note(int number, const char *name, const char *path)
{
	char line[512];
	int len;

	if (plan.log < 0)
		return;
	len = snprintf(line, sizeof(line), "%d %ld %d %s %s\n", getpid(), syscall(SYS_gettid),
		       number, name, path);
	(void)!syscall(SYS_write, plan.log, line, (size_t)len);
}

static void die(void)
{
	syscall(SYS_kill, getpid(), SIGKILL);
	for (;;)
		pause();
}

/* Counts the call. True: it is to fail with errno set. */
static bool enter(const char *kind, const char *name, const char *path, int *number)
{
	bool counted =
		(!plan.only || strstr(plan.only, kind)) && (!plan.path || strstr(path, plan.path));

	*number = counted ? ++calls : 0;
	note(*number, name, path);
	if (!counted)
		return false;
	if (plan.action == KILL_BEFORE && *number == plan.at)
		die();
	if ((plan.action == FAIL && (*number == plan.at || failing)) ||
	    (plan.action == FAIL_ONCE && *number == plan.at)) {
		failing = true;
		errno = plan.error;
		return true;
	}
	return false;
}

static void leave(int number)
{
	if ((plan.action == KILL_AFTER || plan.action == KILL_HALF) && number && number == plan.at)
		die();
}

static bool halves(int number)
{
	return plan.action == KILL_HALF && number && number == plan.at;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *at, size_t len)
{
	char path[256];
	ssize_t rc;
	int n = 0;

	if (enter("write", "write", path_of(fd, path, sizeof(path)), &n))
		return -1;
	rc = REAL(write)(fd, at, halves(n) ? len / 2 : len);
	leave(n);
	return rc;
}

ssize_t read(int fd, void *at, size_t len)
{
	char path[256];
	int n = 0;

	if (plan.only && strcmp(plan.only, "read") == 0 &&
	    enter("read", "read", path_of(fd, path, sizeof(path)), &n))
		return -1;
	return syscall(SYS_read, fd, at, len);
}

static ssize_t put_at(int fd, const void *at, size_t len, off_t where)
{
	char path[256];
	ssize_t rc;
	int n = 0;

	if (enter("write", "pwrite", path_of(fd, path, sizeof(path)), &n))
		return -1;
	rc = syscall(SYS_pwrite64, fd, at, halves(n) ? len / 2 : len, where);
	leave(n);
	return rc;
}

ssize_t pwrite(int fd, const void *at, size_t len, off_t where)
{
	return put_at(fd, at, len, where);
}

ssize_t pwrite64(int fd, const void *at, size_t len, off64_t where)
{
	return put_at(fd, at, len, where);
}

/* A call on a descriptor, and one on one or two paths. */
#define ON_FD(kind, name, parameters, arguments)                                                   \
	int name parameters                                                                        \
	{                                                                                          \
		char path[256];                                                                    \
		int n = 0, rc;                                                                     \
                                                                                                   \
		if (enter(kind, #name, path_of(fd, path, sizeof(path)), &n))                       \
			return -1;                                                                 \
		rc = REAL(name) arguments;                                                         \
		leave(n);                                                                          \
		return rc;                                                                         \
	}

#define ON_PATH(kind, name, parameters, arguments)                                                 \
	int name parameters                                                                        \
	{                                                                                          \
		int n = 0, rc;                                                                     \
                                                                                                   \
		if (enter(kind, #name, path, &n))                                                  \
			return -1;                                                                 \
		rc = REAL(name) arguments;                                                         \
		leave(n);                                                                          \
		return rc;                                                                         \
	}

ON_FD("sync", fsync, (int fd), (fd))
ON_FD("sync", fdatasync, (int fd), (fd))
ON_FD("write", ftruncate, (int fd, off_t len), (fd, len))
ON_FD("write", ftruncate64, (int fd, off64_t len), (fd, len))
ON_FD("name", fchmod, (int fd, mode_t mode), (fd, mode))
ON_FD("name", fchown, (int fd, uid_t user, gid_t group), (fd, user, group))
ON_FD("name", futimens, (int fd, const struct timespec times[2]), (fd, times))
ON_FD("lock", flock, (int fd, int how), (fd, how))
ON_PATH("name", rename, (const char *path, const char *to), (path, to))
ON_PATH("name", unlink, (const char *path), (path))
ON_PATH("name", mkdir, (const char *path, mode_t mode), (path, mode))

/* These two return the error instead of setting it. */
int posix_fallocate(int fd, off_t at, off_t len)
{
	char path[256];
	int n = 0, rc;

	if (enter("write", "posix_fallocate", path_of(fd, path, sizeof(path)), &n))
		return errno;
	rc = REAL(posix_fallocate)(fd, at, len);
	leave(n);
	return rc;
}

int posix_fallocate64(int fd, off64_t at, off64_t len)
{
	return posix_fallocate(fd, at, len);
}

static int open_file(const char *path, int flags, mode_t mode)
{
	int n = 0, rc;

	if (plan.only && strcmp(plan.only, "open") == 0) {
		if (enter("open", "open", path, &n))
			return -1;
	} else if (flags & (O_CREAT | O_WRONLY | O_RDWR) && enter("name", "open", path, &n)) {
		return -1;
	}
	rc = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	leave(n);
	return rc;
}

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = va_arg(args, mode_t);
	va_end(args);
	return open_file(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = va_arg(args, mode_t);
	va_end(args);
	return open_file(path, flags, mode);
}

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

int __open_2(const char *path, int flags)
{
	return open_file(path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
	return open_file(path, flags, 0);
}

int fcntl(int fd, int command, ...)
{
	char path[256];
	va_list args;
	int n = 0, rc;
	void *at;

	va_start(args, command);
	at = va_arg(args, void *);
	va_end(args);
	if (command == F_OFD_SETLK && enter("lock", "fcntl", path_of(fd, path, sizeof(path)), &n))
		return -1;
	rc = (int)syscall(SYS_fcntl, fd, command, at);
	leave(n);
	return rc;
}

int fcntl64(int fd, int command, ...) __attribute__((alias("fcntl")));

int prctl(int option, ...)
{
	unsigned long arguments[4];
	va_list args;

	va_start(args, option);
	for (int i = 0; i < 4; i++)
		arguments[i] = va_arg(args, unsigned long);
	va_end(args);
	if (option == PR_SET_DUMPABLE && getenv("FAULT_CORE"))
		return 0;
	return (int)syscall(SYS_prctl, option, arguments[0], arguments[1], arguments[2],
			    arguments[3]);
}

/* The refresh token of a JSON body. */
static void note_renewal(const char *at, size_t len)
{
	static const char member[] = "\"refreshToken\":\"";
	const char *from = memmem(at, len, member, sizeof(member) - 1), *end;
	char token[256];

	if (!from)
		return;
	from += sizeof(member) - 1;
	end = memchr(from, '"', (size_t)(at + len - from));
	snprintf(token, sizeof(token), "%.*s", end ? (int)(end - from) : 0, from);
	note(0, "renew", token);
}

ssize_t send(int fd, const void *at, size_t len, int flags)
{
	note_renewal(at, len);
	return REAL(send)(fd, at, len, flags);
}
