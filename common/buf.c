#include "common/base.h"
#include "common/buf.h"

#define READ_SIZE 4096 /* of a file at once */

static char nothing[1];

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .at = nothing, .max = max };
}

void buf_init_in(struct buf *b, char *room, size_t size)
{
	*b = (struct buf){ .at = room, .size = size, .max = size - 1 };
	*room = '\0';
}

void buf_release(struct buf *b)
{
	if (b->size)
		free(b->at);
	buf_init(b, b->max);
}

void buf_wipe(struct buf *b)
{
	if (b->size)
		explicit_bzero(b->at, b->size);
	buf_release(b);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->size)
		b->at[0] = '\0';
}

/* Room for `more` bytes and the NUL; doubling keeps appends linear in total. */
static int reserve(struct buf *b, size_t more)
{
	size_t size = b->size ? b->size : 64;

	if (b->failed || more > b->max - b->len) {
		b->failed = true;
		return -1;
	}
	while (size < b->len + more + 1)
		size *= 2;
	if (size != b->size) {
		char *at = xrealloc(b->size ? b->at : NULL, size);

		at[b->len] = '\0';
		b->at = at;
		b->size = size;
	}
	return 0;
}

int buf_add(struct buf *b, const void *bytes, size_t len)
{
	/* Mostly there is room: without the doubling loop an append costs half. */
	if (len >= b->size - b->len || len > b->max - b->len || b->failed) {
		if (reserve(b, len))
			return -1;
	}
	if (len)
		memcpy(b->at + b->len, bytes, len);
	b->len += len;
	b->at[b->len] = '\0';
	return 0;
}

int buf_add_text(struct buf *b, const char *text)
{
	return buf_add(b, text, strlen(text));
}

/* Without a call where there is room: JSON is one character in three. */
int buf_add_char(struct buf *b, char c)
{
	if (b->size - b->len < 2 || b->len == b->max || b->failed)
		return buf_add(b, &c, 1);
	b->at[b->len++] = c;
	b->at[b->len] = '\0';
	return 0;
}

/* By hand: printf() was a tenth of all instructions for a text delta. */
int buf_add_int(struct buf *b, int64_t value)
{
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char text[24], *at = text + sizeof(text);

	do
		*--at = (char)('0' + left % 10);
	while (left /= 10);
	if (value < 0)
		*--at = '-';
	return buf_add(b, at, (size_t)(text + sizeof(text) - at));
}

int buf_add_format(struct buf *b, const char *format, ...)
{
	size_t room = b->size - b->len;
	va_list args, again;
	int len;

	va_start(args, format);
	va_copy(again, args);
	/* Mostly there is room: to print only once saves a tenth of a small request. */
	len = vsnprintf(room ? b->at + b->len : NULL, room, format, args);
	if (len >= 0 && reserve(b, (size_t)len) == 0) {
		if ((size_t)len >= room)
			vsnprintf(b->at + b->len, (size_t)len + 1, format, again);
		b->len += (size_t)len;
	} else if (room) {
		b->at[b->len] = '\0';
	}
	va_end(again);
	va_end(args);
	return b->failed || len < 0 ? -1 : 0;
}

void buf_cut(struct buf *b, size_t from_start)
{
	assert(from_start <= b->len);
	if (!from_start)
		return;
	b->len -= from_start;
	memmove(b->at, b->at + from_start, b->len + 1);
}

struct span buf_span(const struct buf *b)
{
	struct span s = { b->at, b->len };

	return s;
}

/* Straight into the buffer: on the stack a piece of a file would be, for its whole life, a page
 * more of each thread that has read one. */
int buf_read_fd(struct buf *b, int fd)
{
	char beyond;
	ssize_t got = -1;

	do {
		size_t left = b->max - b->len, most = left < READ_SIZE ? left : READ_SIZE;

		if (reserve(b, most))
			break;
		got = most ? read(fd, b->at + b->len, most) : read(fd, &beyond, 1);
		if (got > 0 && !most)
			b->failed = true;
		else if (got > 0)
			b->len += (size_t)got;
		b->at[b->len] = '\0';
	} while (got > 0 && !b->failed);
	if (b->failed)
		errno = EFBIG;
	return got || b->failed ? -1 : 0;
}

int buf_read_file_seen(struct buf *b, const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return -1;
	rc = fstat(fd, st) ? -1 : buf_read_fd(b, fd);
	close(fd); /* of a file that was only read: it leaves errno alone */
	return rc;
}

int buf_read_file(struct buf *b, const char *path)
{
	struct stat unwanted;

	return buf_read_file_seen(b, path, &unwanted);
}
