#include "common/base.h"
#include "common/spill.h"

#include "common/lock.h"
#include "common/statedir.h"

#include <zlib.h>

#define MAGIC	     0x4C50534Bu /* "KSPL" */
#define LOCK_WAIT_MS 5000

struct head {
	uint32_t magic;
	uint32_t crc; /* of all that follows in the entry */
	int64_t sequence;
	uint32_t key_size; /* with its NUL */
	uint32_t json_len;
};

static size_t entry_size(const struct head *h)
{
	return (sizeof(*h) + h->key_size + h->json_len + 7) & ~(size_t)7;
}

static uint32_t checksum(const char *entry, const struct head *h)
{
	size_t skipped = offsetof(struct head, sequence);

	return (uint32_t)crc32(0, (const Bytef *)entry + skipped,
			       (uInt)(sizeof(*h) + h->key_size + h->json_len - skipped));
}

/* Preallocation is what makes the file useful, so that a file without it is not kept. */
int spill_make(const char *dir, const char *path, struct error *e)
{
	int fd, rc;
	struct stat st;

	if (stat(path, &st) == 0 && st.st_size >= (off_t)SPILL_SIZE)
		return 0;
	fd = statedir_open(dir, path, e);
	if (fd < 0)
		return -1;
	rc = posix_fallocate(fd, 0, SPILL_SIZE);
	if (!rc && (fsync(fd) != 0 || statedir_sync(dir) != 0))
		rc = errno;
	close(fd);
	if (rc)
		return error_set(e, ERR_STORE, "cannot reserve %zu bytes for %s: %s",
				 (size_t)SPILL_SIZE, path, strerror(rc));
	return 0;
}

bool spill_pending(const char *path)
{
	uint32_t magic = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool pending;

	if (fd < 0)
		return false;
	pending = pread(fd, &magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) && magic == MAGIC;
	close(fd);
	return pending;
}

/* The whole entry at bytes + s->used, which must follow `last`; false: there is none. */
static bool next_entry(struct spill *s, int64_t last, struct head *h)
{
	const char *at = s->bytes + s->used;
	size_t left = SPILL_SIZE - s->used;

	if (left < sizeof(*h))
		return false;
	memcpy(h, at, sizeof(*h));
	if (h->magic != MAGIC || h->key_size < 2 || h->key_size > left || h->json_len > left ||
	    entry_size(h) > left || h->sequence <= last)
		return false;
	return h->crc == checksum(at, h) && at[sizeof(*h) + h->key_size - 1] == '\0';
}

static void scan(struct spill *s)
{
	int64_t last = 0;
	struct head h;

	while (next_entry(s, last, &h)) {
		const char *key = s->bytes + s->used + sizeof(h);
		struct spill_entry entry = { .sequence = h.sequence,
					     .key = key,
					     .json = { key + h.key_size, h.json_len } };

		s->entries = xrealloc(s->entries, (s->count + 1) * sizeof(entry));
		s->entries[s->count++] = entry;
		s->used += entry_size(&h);
		last = h.sequence;
	}
}

int spill_open(struct spill *s, const char *path, struct error *e)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	int locked;

	*s = (struct spill){ .fd = fd };
	if (fd < 0)
		return error_set(e, ERR_STORE, "cannot open %s: %s", path, strerror(errno));
	locked = lock_file(fd, LOCK_WAIT_MS);
	if (locked < 0)
		error_set(e, ERR_STORE, "cannot lock %s: %s", path, strerror(errno));
	else if (!locked)
		error_set(e, ERR_STORE, "cannot lock %s: held by another process", path);
	s->bytes = xcalloc(1, SPILL_SIZE);
	if (locked == 1 && pread(fd, s->bytes, SPILL_SIZE, 0) != (ssize_t)SPILL_SIZE) {
		error_set(e, ERR_STORE, "cannot read %s: short file", path);
		locked = -1;
	}
	if (locked != 1) {
		spill_close(s);
		return -1;
	}
	scan(s);
	return 0;
}

void spill_unlock(struct spill *s)
{
	if (s->fd >= 0)
		close(s->fd); /* the lock belongs to the open file */
	s->fd = -1;
}

void spill_close(struct spill *s)
{
	spill_unlock(s);
	if (s->bytes)
		explicit_bzero(s->bytes, SPILL_SIZE);
	free(s->bytes);
	free(s->entries);
	*s = (struct spill){ .fd = -1 };
}

static int write_at(struct spill *s, const void *bytes, size_t len, size_t at, struct error *e)
{
	if (statedir_write(s->fd, (struct span){ bytes, len }, (off_t)at) || fdatasync(s->fd) != 0)
		return error_set(e, ERR_STORE, "cannot write the spill file: %s", strerror(errno));
	return 0;
}

bool spill_fits(const struct spill *s, const char *key, size_t json_len)
{
	struct head h = { .key_size = (uint32_t)strlen(key) + 1, .json_len = (uint32_t)json_len };

	return json_len <= SPILL_SIZE && entry_size(&h) <= SPILL_SIZE - s->used;
}

int spill_add(struct spill *s, int64_t sequence, const char *key, struct span json, struct error *e)
{
	struct head h = { .magic = MAGIC,
			  .sequence = sequence,
			  .json_len = (uint32_t)json.len,
			  .key_size = (uint32_t)strlen(key) + 1 };
	char *at = s->bytes + s->used;

	if (!spill_fits(s, key, json.len))
		return error_set(e, ERR_STORE, "the spill file is full");
	memset(at, 0, entry_size(&h));
	memcpy(at, &h, sizeof(h));
	memcpy(at + sizeof(h), key, h.key_size);
	memcpy(at + sizeof(h) + h.key_size, json.at, json.len);
	h.crc = checksum(at, &h);
	memcpy(at, &h, sizeof(h));
	if (write_at(s, at, entry_size(&h), s->used, e))
		return -1;
	s->used += entry_size(&h);
	return 0;
}

/* All zeroes, so that no token stays behind on the disk. */
int spill_clear(struct spill *s, struct error *e)
{
	memset(s->bytes, 0, SPILL_SIZE);
	s->used = s->count = 0;
	return write_at(s, s->bytes, SPILL_SIZE, 0, e);
}

int spill_rehearse(struct spill *s, struct error *e)
{
	static const char zeroes[sizeof(struct head)];

	if (SPILL_SIZE - s->used < sizeof(zeroes))
		return 0; /* full: the store itself will have to take it */
	return write_at(s, zeroes, sizeof(zeroes), s->used, e);
}
