#include "common/base.h"
#include "common/arena.h"

/* Each stream has one of them for its whole life: what a short Messages request needs is 3.6 KB.
 * With 5 KiB a stream cost 0.8 KiB more, with less it had two; a large request gains nothing by
 * large ones. */
#define BLOCK_SIZE ((size_t)4 * 1024)

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	max_align_t at[];
};

void arena_init(struct arena *a)
{
	a->blocks = NULL;
}

void arena_release(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *next = a->blocks->next;

		free(a->blocks);
		a->blocks = next;
	}
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t unit = _Alignof(max_align_t);
	struct arena_block *block = a->blocks;
	char *at;

	size = (size + unit - 1) / unit * unit;
	if (!block || block->size - block->used < size) {
		size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;

		block = xmalloc(sizeof(*block) + room);
		*block = (struct arena_block){ .next = a->blocks, .size = room };
		a->blocks = block;
	}
	at = (char *)block->at + block->used;
	block->used += size;
	return memset(at, 0, size);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	assert(!size || count <= SIZE_MAX / 2 / size);
	return arena_alloc(a, count * size);
}

char *arena_strndup(struct arena *a, const char *text, size_t len)
{
	char *copy = arena_alloc(a, len + 1);

	if (len)
		memcpy(copy, text, len);
	return copy;
}

char *arena_format(struct arena *a, const char *format, ...)
{
	char mostly[256], *text;
	va_list args, again;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(mostly, sizeof(mostly), format, args);
	assert(len >= 0);
	text = arena_alloc(a, (size_t)len + 1);
	if ((size_t)len < sizeof(mostly))
		memcpy(text, mostly, (size_t)len);
	else
		vsnprintf(text, (size_t)len + 1, format, again);
	va_end(again);
	va_end(args);
	return text;
}
