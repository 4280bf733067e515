/*
 * struct head, zeroes up to HEAD_SIZE, then `slots` slots. Numbers in the machine's own byte order:
 * the head of a file from another kind of machine does not fit and the file is made anew.
 */
#include "common/base.h"
#include "common/mapfile.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/lock.h"
#include "common/log.h"
#include "common/statedir.h"

#include <stdatomic.h>
#include <sys/mman.h>

#define MAGIC	     "KIROMAP1"
#define HEAD_SIZE    4096
#define LOCK_WAIT_MS 5000
#define LOOK_MS	     1000 /* so often a file is looked for that somebody took away */

struct head {
	char magic[8];
	struct mapfile_format format;
};

static struct head head_of(const struct mapfile_format *format)
{
	struct head h = { .format = *format };

	memcpy(h.magic, MAGIC, sizeof(h.magic));
	return h;
}

static size_t file_size(const struct mapfile_format *f)
{
	return HEAD_SIZE + (size_t)f->slots * f->slot_size;
}

static const char *path_of(const char *dir, const char *name, const char *ending,
			   char out[static PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%s%s", dir, name, ending);
	return out;
}

static bool fits(int fd, const struct stat *st, const struct mapfile_format *format)
{
	const struct head wanted = head_of(format);
	struct head found;

	return S_ISREG(st->st_mode) && st->st_size == (off_t)file_size(format) &&
	       pread(fd, &found, sizeof(found), 0) == (ssize_t)sizeof(found) &&
	       memcmp(&found, &wanted, sizeof(found)) == 0;
}

/* 1: mapped; 0: there is none that fits; -1: *e. */
static int map(struct mapfile *m, const char *path, const struct mapfile_format *format,
	       struct error *e)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	size_t size = file_size(format);
	struct stat st;
	char *at = NULL;
	int rc = 0;

	if (fd < 0 && errno != ENOENT && errno != ELOOP && errno != EISDIR && errno != ENXIO)
		return error_set(e, ERR_STORE, "cannot open %s: %s", path, strerror(errno));
	if (fd >= 0 && fstat(fd, &st) == 0 && fits(fd, &st, format)) {
		at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		rc = at == MAP_FAILED
			     ? error_set(e, ERR_STORE, "cannot map %s: %s", path, strerror(errno))
			     : 1;
	}
	if (rc == 1)
		*m = (struct mapfile){ .format = format,
				       .slots = at + HEAD_SIZE,
				       .size = size,
				       .device = st.st_dev,
				       .inode = st.st_ino };
	if (fd >= 0)
		close(fd);
	return rc;
}

static int write_new(const char *dir, const char *path, const struct mapfile_format *format,
		     struct error *e)
{
	const struct head h = head_of(format);
	int fd, rc;

	unlink(path); /* of one who was killed here */
	fd = statedir_open(dir, path, e);
	if (fd < 0)
		return -1;
	rc = posix_fallocate(fd, 0, (off_t)file_size(format));
	if (!rc && statedir_write(fd, (struct span){ (const char *)&h, sizeof(h) }, 0))
		rc = errno;
	close(fd);
	if (!rc)
		return 0;
	unlink(path);
	return error_set(e, ERR_STORE, "cannot reserve %zu bytes for %s: %s", file_size(format),
			 path, strerror(rc));
}

/* Under the lock. What is there and does not fit goes aside first. */
static int replace(const char *dir, const char *name, const struct mapfile_format *format,
		   struct error *e)
{
	char path[PATH_MAX], aside[PATH_MAX], fresh[PATH_MAX];
	struct stat st;

	path_of(dir, name, "", path);
	path_of(dir, name, ".damaged", aside);
	path_of(dir, name, ".new", fresh);
	if (write_new(dir, fresh, format, e))
		return -1;
	if (lstat(path, &st) == 0) {
		if (rename(path, aside) != 0) {
			error_set(e, ERR_STORE, "cannot set %s aside: %s", path, strerror(errno));
			unlink(fresh);
			return -1;
		}
		log_line(LOG_WARN, "%s is damaged or of another version: set aside as %s", path,
			 aside);
	}
	if (rename(fresh, path) != 0)
		return error_set(e, ERR_STORE, "cannot make %s: %s", path, strerror(errno));
	return 0;
}

int mapfile_open(struct mapfile *m, const char *dir, const char *name,
		 const struct mapfile_format *format, struct error *e)
{
	char path[PATH_MAX], lock[PATH_MAX];
	int fd, rc;

	assert(format->slot_size % 8 == 0 && format->label_size % 8 == 0 &&
	       !(format->slots & (format->slots - 1)) && format->slots >= MAPFILE_WINDOW &&
	       sizeof(struct mapfile_slot) + format->label_size <= format->slot_size);
	*m = (struct mapfile){ .format = format };
	rc = map(m, path_of(dir, name, "", path), format, e);
	if (rc)
		return rc < 0 ? -1 : 0;
	fd = statedir_open(dir, path_of(dir, "map", ".lock", lock), e);
	if (fd < 0)
		return -1;
	if (lock_file(fd, LOCK_WAIT_MS) != 1) {
		close(fd);
		return error_set(e, ERR_STORE, "cannot lock %s", lock);
	}
	rc = map(m, path, format, e); /* another process may have been faster */
	if (!rc && !replace(dir, name, format, e))
		rc = map(m, path, format, e);
	close(fd);
	return rc == 1 ? 0 : error_set(e, ERR_STORE, "cannot use %s", path);
}

void mapfile_open_private(struct mapfile *m, const struct mapfile_format *format)
{
	size_t size = file_size(format);
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		abort();
	*m = (struct mapfile){ .format = format, .slots = at + HEAD_SIZE, .size = size };
}

void mapfile_close(struct mapfile *m)
{
	if (m->slots)
		munmap(m->slots - HEAD_SIZE, m->size);
	*m = (struct mapfile){ .slots = NULL };
}

bool mapfile_is_stale(const struct mapfile *m, const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	if (!m->inode)
		return false;
	return stat(path_of(dir, name, "", path), &st) != 0 || st.st_ino != m->inode ||
	       st.st_dev != m->device || st.st_size != (off_t)m->size;
}

int mapfile_follow(struct mapfile *m, const char *dir, const char *name,
		   const struct mapfile_format *format, struct error *e)
{
	const int64_t now = clock_ticks();

	if (m->slots && now - m->looked < LOOK_MS)
		return 0;
	m->looked = now;
	if (m->slots && !mapfile_is_stale(m, dir, name))
		return 0;
	mapfile_close(m);
	if (mapfile_open(m, dir, name, format, e))
		return -1;
	m->looked = now;
	return 1;
}

uint64_t mapfile_key(const char *name)
{
	unsigned char digest[DIGEST_SIZE];
	uint64_t key;

	digest_sha256(span_of(name), digest);
	memcpy(&key, digest, sizeof(key));
	return key ? key : 1;
}

void *mapfile_at(const struct mapfile *m, size_t index)
{
	return index < m->format->slots ? m->slots + index * m->format->slot_size : NULL;
}

void *mapfile_place(const struct mapfile *m, uint64_t key, size_t nth)
{
	return nth < MAPFILE_WINDOW ? mapfile_at(m, (key + nth) & (m->format->slots - 1)) : NULL;
}

void *mapfile_find(const struct mapfile *m, uint64_t key)
{
	struct mapfile_slot *slot;

	for (size_t i = 0; (slot = mapfile_place(m, key, i)); i++) {
		uint64_t found = atomic_load_explicit(&slot->key, memory_order_acquire);

		if (found == key)
			return slot;
		if (!found)
			return NULL;
	}
	return NULL;
}

/* Takers of one key write the same bytes: who was killed half way does no harm, and word by word
 * two at once do none either. */
static void write_label(const struct mapfile *m, struct mapfile_slot *slot, const char *label)
{
	_Atomic uint64_t *words = (_Atomic uint64_t *)(slot + 1);
	size_t len = strlen(label), room = m->format->label_size;

	if (!room || atomic_load_explicit(&slot->labelled, memory_order_acquire))
		return;
	if (len > room - 1)
		len = room - 1;
	for (size_t at = 0; at < room; at += 8) {
		uint64_t word = 0;

		if (at < len)
			memcpy(&word, label + at, len - at < 8 ? len - at : 8);
		atomic_store_explicit(&words[at / 8], word, memory_order_relaxed);
	}
	atomic_store_explicit(&slot->labelled, 1, memory_order_release);
}

void *mapfile_take(const struct mapfile *m, uint64_t key, const char *label)
{
	struct mapfile_slot *slot;

	for (size_t i = 0; (slot = mapfile_place(m, key, i)); i++) {
		uint64_t found = atomic_load_explicit(&slot->key, memory_order_acquire);

		if (!found && atomic_compare_exchange_strong(&slot->key, &found, key))
			found = key;
		if (found == key) {
			write_label(m, slot, label);
			return slot;
		}
	}
	return NULL;
}

/* Never back to 0: mapfile_find() ends there. */
void *mapfile_take_oldest(const struct mapfile *m, uint64_t key, uint64_t (*used)(const void *slot))
{
	struct mapfile_slot *slot = mapfile_take(m, key, ""), *oldest = NULL;
	uint64_t old;

	if (slot)
		return slot;
	for (size_t i = 0; (slot = mapfile_place(m, key, i)); i++) {
		if (!oldest || used(slot) < used(oldest))
			oldest = slot;
	}
	assert(oldest); /* a key always has a first place */
	old = oldest->key;
	return atomic_compare_exchange_strong(&oldest->key, &old, key) ? oldest : NULL;
}

bool mapfile_is_taken(const struct mapfile *m, const void *slot)
{
	const struct mapfile_slot *head = slot;

	return atomic_load_explicit(&head->key, memory_order_acquire) &&
	       (!m->format->label_size ||
		atomic_load_explicit(&head->labelled, memory_order_acquire));
}

const char *mapfile_label(const struct mapfile *m, const void *slot)
{
	const struct mapfile_slot *head = slot;

	return m->format->label_size ? (const char *)(head + 1) : "";
}
