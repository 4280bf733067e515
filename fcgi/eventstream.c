/*
 * One frame, all integers big-endian:
 *
 *	u32 total length = 16 + headers + payload
 *	u32 length of the headers
 *	u32 prelude checksum: crc32 of the 8 bytes before
 *	headers: u8 name length (1..255), name, u8 type, value (header_types[])
 *	payload
 *	u32 message checksum: crc32 of all bytes before
 *
 * The lengths are believed only after the prelude's checksum, and nothing is reserved by them: the
 * buffer grows by what has really arrived.
 */
#include "common/base.h"
#include "fcgi/eventstream.h"

#include "common/limits.h"

#include <zlib.h>

#define PRELUDE	 12 /* bytes before the headers */
#define OVERHEAD 16 /* prelude and message checksum: the smallest frame */

/* Bytes of a value; where `counted`, a u16 with the length of what follows. */
static const struct header_form {
	size_t size;
	bool counted;
} header_types[HEADER_TYPES] = {
	[HEADER_TRUE] = { 0, false },	   [HEADER_FALSE] = { 0, false },
	[HEADER_I8] = { 1, false },	   [HEADER_I16] = { 2, false },
	[HEADER_I32] = { 4, false },	   [HEADER_I64] = { 8, false },
	[HEADER_BYTES] = { 2, true },	   [HEADER_TEXT] = { 2, true },
	[HEADER_TIMESTAMP] = { 8, false }, [HEADER_UUID] = { 16, false },
};

/* Twice the largest frame: one that is nearly whole, and the feed that completes it. */
void eventstream_init(struct eventstream *es)
{
	*es = (struct eventstream){ .taken = 0 };
	buf_init(&es->in, 2 * LIMIT_FRAME);
}

void eventstream_release(struct eventstream *es)
{
	buf_release(&es->in);
}

void eventstream_reset(struct eventstream *es)
{
	buf_reset(&es->in);
	es->taken = 0;
	es->position = 0;
	es->damage = NULL;
}

/* Nothing is taken any more: the place stays what it was. */
static int failed(const struct eventstream *es, struct error *e)
{
	if (e->kind == ERR_NONE)
		error_set(e, ERR_UP_DAMAGED, "damaged answer of the upstream: %s at byte %zu",
			  es->damage, es->position + es->taken);
	return -1;
}

static int damaged(struct eventstream *es, const char *what, struct error *e)
{
	es->damage = what;
	return failed(es, e);
}

int eventstream_feed(struct eventstream *es, struct span bytes, struct error *e)
{
	if (es->damage)
		return failed(es, e);
	buf_cut(&es->in, es->taken);
	es->position += es->taken;
	es->taken = 0;
	if (buf_add(&es->in, bytes.at, bytes.len))
		return damaged(es, "more input than a frame may have", e);
	return 0;
}

/* The first `size` bytes as a signed number: callers who want 32 bits unsigned cast back. */
static int64_t big_endian(const char *at, size_t size)
{
	uint64_t value = (size && (unsigned char)at[0] & 0x80) ? UINT64_MAX : 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | (unsigned char)at[i];
	return (int64_t)value;
}

static uint32_t u32(const char *at)
{
	return (uint32_t)big_endian(at, 4);
}

static uint32_t checksum(const char *at, size_t len)
{
	return (uint32_t)crc32(0, (const Bytef *)at, (uInt)len);
}

/* One header at headers.at[*at]: 1 and *at behind it, 0 at the end, -1 when it runs over. */
static int read_header(struct span headers, size_t *at, struct frame_header *out)
{
	const char *from = headers.at + *at;
	size_t left = headers.len - *at, name_len, size;
	const struct header_form *form;

	if (!left)
		return 0;
	name_len = (unsigned char)from[0];
	if (!name_len || left < 1 + name_len + 1)
		return -1;
	out->name = (struct span){ from + 1, name_len };
	from += 1 + name_len + 1;
	left -= 1 + name_len + 1;
	if ((unsigned char)from[-1] >= HEADER_TYPES)
		return -1;
	out->type = (enum header_type)from[-1];
	form = &header_types[out->type];
	size = form->size;
	if (left < size)
		return -1;
	out->number = size <= 8 ? big_endian(from, size) : 0;
	if (out->type == HEADER_TRUE)
		out->number = 1;
	out->bytes = (struct span){ from, 0 };
	if (form->counted) {
		out->number = 0;
		out->bytes.at = from + size;
		out->bytes.len = (size_t)(unsigned char)from[0] << 8 | (unsigned char)from[1];
		size += out->bytes.len;
		if (left < size)
			return -1;
	} else if (out->type == HEADER_UUID) {
		out->bytes.len = size;
	}
	*at = (size_t)(from - headers.at) + size;
	return 1;
}

int eventstream_header(const struct frame *frame, size_t *at, struct frame_header *out)
{
	return read_header(frame->headers, at, out) == 1;
}

#define NAME(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

/* The last of equal names wins, as in the official client. */
static void keep_standard(const struct frame_header *header, struct frame *out)
{
	static const struct standard {
		struct span name;
		size_t at; /* the span's place in struct frame */
	} standards[] = {
		{ NAME(":event-type"), offsetof(struct frame, event_type) },
		{ NAME(":message-type"), offsetof(struct frame, message_type) },
		{ NAME(":exception-type"), offsetof(struct frame, event_type) },
		{ NAME(":error-code"), offsetof(struct frame, event_type) },
		{ NAME(":error-message"), offsetof(struct frame, error_message) },
	};

	if (header->type != HEADER_TEXT)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(standards); i++) {
		struct span name = standards[i].name;

		if (header->name.len == name.len && memcmp(header->name.at, name.at, name.len) == 0)
			*(struct span *)((char *)out + standards[i].at) = header->bytes;
	}
}

/* What is wrong with the headers, or NULL. */
static const char *read_headers(struct frame *out)
{
	struct frame_header header;
	size_t at = 0, count = 0;
	int rc;

	while ((rc = read_header(out->headers, &at, &header)) == 1) {
		if (++count > LIMIT_FRAME_HEADERS)
			return "too many headers";
		keep_standard(&header, out);
	}
	return rc ? "broken header" : NULL;
}

/* What is wrong with the prelude, or NULL and both lengths. */
static const char *read_prelude(const char *at, size_t *total, size_t *headers)
{
	if (checksum(at, 8) != u32(at + 8))
		return "wrong prelude checksum";
	*total = u32(at);
	*headers = u32(at + 4);
	if (*total < OVERHEAD || *headers > *total - OVERHEAD)
		return "impossible frame length";
	if (*total > LIMIT_FRAME)
		return "frame too large";
	return NULL;
}

int eventstream_next(struct eventstream *es, struct frame *out, struct error *e)
{
	const char *at = es->in.at + es->taken, *wrong;
	size_t left = es->in.len - es->taken, total, headers;

	if (es->damage)
		return failed(es, e);
	if (left < PRELUDE)
		return 0;
	wrong = read_prelude(at, &total, &headers);
	if (wrong)
		return damaged(es, wrong, e);
	if (left < total)
		return 0;
	if (checksum(at, total - 4) != u32(at + total - 4))
		return damaged(es, "wrong message checksum", e);

	*out = (struct frame){ .message_type = { "", 0 },
			       .event_type = { "", 0 },
			       .error_message = { "", 0 },
			       .headers = { at + PRELUDE, headers },
			       .payload = { at + PRELUDE + headers, total - OVERHEAD - headers } };
	wrong = read_headers(out);
	if (wrong)
		return damaged(es, wrong, e);
	es->taken += total;
	return 1;
}

int eventstream_finish(struct eventstream *es, struct error *e)
{
	if (es->damage)
		return failed(es, e);
	if (es->taken == es->in.len)
		return 0;
	if (e->kind == ERR_NONE)
		error_set(e, ERR_UP_TRUNCATED,
			  "the upstream's answer ended inside a frame: %zu bytes left at byte %zu",
			  es->in.len - es->taken, es->position + es->taken);
	return -1;
}
