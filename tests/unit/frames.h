/*
 * frames.h - for tests: frames as hexadecimal text, and an encoder of its own, so that what the
 * decoder reads does not come from the decoder's file.
 */
#ifndef TESTS_UNIT_FRAMES_H
#define TESTS_UNIT_FRAMES_H

#include "common/base.h"
#include "common/buf.h"

#include <zlib.h>

/* Appends the bytes of a hexadecimal text; spaces and newlines are skipped. */
static inline void add_hex(struct buf *b, const char *hex)
{
	unsigned value = 0, digits = 0;

	for (; *hex; hex++) {
		const char *set = "0123456789abcdef", *found = strchr(set, *hex);

		if (!found)
			continue;
		value = value << 4 | (unsigned)(found - set);
		if (++digits % 2 == 0) {
			buf_add_char(b, (char)value);
			value = 0;
		}
	}
}

static inline void add_u32(struct buf *b, size_t value)
{
	const char bytes[] = { (char)(value >> 24), (char)(value >> 16), (char)(value >> 8),
			       (char)value };

	buf_add(b, bytes, 4);
}

static inline void add_text_header(struct buf *b, const char *name, const char *value)
{
	size_t len = strlen(value);

	buf_add_char(b, (char)strlen(name));
	buf_add_text(b, name);
	buf_add_char(b, 7);
	buf_add_char(b, (char)(len >> 8));
	buf_add_char(b, (char)len);
	buf_add(b, value, len);
}

/* A frame with right checksums around any headers. */
static inline void add_frame(struct buf *b, struct span headers, struct span payload)
{
	size_t from = b->len;

	add_u32(b, 16 + headers.len + payload.len);
	add_u32(b, headers.len);
	add_u32(b, crc32(0, (const Bytef *)b->at + from, 8));
	buf_add(b, headers.at, headers.len);
	buf_add(b, payload.at, payload.len);
	add_u32(b, crc32(0, (const Bytef *)b->at + from, (uInt)(b->len - from)));
}

/* `kind` is event or exception; `type` its name. */
static inline void add_message(struct buf *b, const char *kind, const char *type, const char *json)
{
	char name[32];
	struct buf headers;

	buf_init(&headers, 4096);
	snprintf(name, sizeof(name), ":%s-type", kind);
	add_text_header(&headers, name, type);
	add_text_header(&headers, ":content-type", "application/json");
	add_text_header(&headers, ":message-type", kind);
	add_frame(b, buf_span(&headers), span_of(json));
	buf_release(&headers);
}

#endif
