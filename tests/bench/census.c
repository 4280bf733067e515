/*
 * census.so, for LD_PRELOAD: counts what a program calls, into the file that CENSUS names: 64-bit
 * numbers in the order of enum count. "own" are calls from the program itself, the others come from
 * its libraries. Says nothing without CENSUS. No part of the programs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum count { OWN_ALLOCATIONS, ALLOCATIONS, WRITES, OWN_LOCKS, LOCKS, FILE_LOCKS, COUNTS };

static _Atomic uint64_t *counts; /* of the file; NULL: nothing is counted */
static uintptr_t begin, end;	 /* of the program in memory */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *at, size_t size);

/* The first is the program itself. */
static int find_program(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)size;
	(void)unused;
	begin = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD)
			end = begin + p->p_vaddr + p->p_memsz;
	}
	return 1;
}

static __attribute__((constructor)) void start(void)
{
	const char *path = getenv("CENSUS");
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	void *at;

	if (fd < 0 || ftruncate(fd, COUNTS * sizeof(*counts)))
		return;
	at = mmap(NULL, COUNTS * sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	dl_iterate_phdr(find_program, NULL);
	if (at != MAP_FAILED)
		counts = at;
}

static void note(enum count which)
{
	if (counts)
		atomic_fetch_add_explicit(&counts[which], 1, memory_order_relaxed);
}

static void note_from(const void *caller, enum count own, enum count all)
{
	if ((uintptr_t)caller >= begin && (uintptr_t)caller < end)
		note(own);
	note(all);
}

#define ALLOCATED() note_from(__builtin_return_address(0), OWN_ALLOCATIONS, ALLOCATIONS)

void *malloc(size_t size)
{
	ALLOCATED();
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	ALLOCATED();
	return __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
	ALLOCATED();
	return __libc_realloc(at, size);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	static __typeof__(&pthread_mutex_lock) real;

	if (!real)
		real = REAL(pthread_mutex_lock);
	note_from(__builtin_return_address(0), OWN_LOCKS, LOCKS);
	return real(mutex);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
	static __typeof__(&write) real;

	if (!real)
		real = REAL(write);
	note(WRITES);
	return real(fd, bytes, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	note(WRITES);
	return REAL(writev)(fd, parts, count);
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
	note(WRITES);
	return REAL(send)(fd, bytes, size, flags);
}

ssize_t sendto(int fd, const void *bytes, size_t size, int flags, const struct sockaddr *to,
	       socklen_t to_size)
{
	note(WRITES);
	return REAL(sendto)(fd, bytes, size, flags, to, to_size);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	note(WRITES);
	return REAL(sendmsg)(fd, message, flags);
}

int flock(int fd, int operation)
{
	note(FILE_LOCKS);
	return REAL(flock)(fd, operation);
}

int fcntl(int fd, int command, ...)
{
	va_list args;
	void *argument;

	va_start(args, command);
	argument = va_arg(args, void *);
	va_end(args);
	if (command == F_OFD_SETLK || command == F_OFD_SETLKW || command == F_SETLK ||
	    command == F_SETLKW)
		note(FILE_LOCKS);
	return REAL(fcntl)(fd, command, argument);
}
