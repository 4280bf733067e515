#include "base.h"
#include "frame.h"

#include <zlib.h>

#define TYPE_STRING 7
#define OVERHEAD    16

struct header {
	const char *name, *value;
};

static void put_u32(unsigned char *at, size_t value)
{
	at[0] = (unsigned char)(value >> 24);
	at[1] = (unsigned char)(value >> 16);
	at[2] = (unsigned char)(value >> 8);
	at[3] = (unsigned char)value;
}

static size_t crc(const void *at, size_t len)
{
	return crc32_z(0, at, len);
}

static void add_header(struct text *out, const struct header *h)
{
	size_t name_len = strlen(h->name), value_len = strlen(h->value);
	unsigned char name_head = (unsigned char)name_len;
	unsigned char value_head[3] = { TYPE_STRING, (unsigned char)(value_len >> 8),
					(unsigned char)value_len };

	text_add(out, &name_head, 1);
	text_add(out, h->name, name_len);
	text_add(out, value_head, sizeof(value_head));
	text_add(out, h->value, value_len);
}

static void add(struct text *out, const struct header *headers, size_t count, const void *payload,
		size_t len)
{
	size_t start = out->len, headers_len;
	unsigned char word[4], prelude[12] = { 0 };

	text_add(out, prelude, sizeof(prelude));
	for (size_t i = 0; i < count; i++)
		add_header(out, &headers[i]);
	headers_len = out->len - start - sizeof(prelude);
	text_add(out, payload, len);

	put_u32(prelude, OVERHEAD + headers_len + len);
	put_u32(prelude + 4, headers_len);
	put_u32(prelude + 8, crc(prelude, 8));
	memcpy(out->at + start, prelude, sizeof(prelude));
	put_u32(word, crc(out->at + start, out->len - start));
	text_add(out, word, sizeof(word));
}

void frame_add_event(struct text *out, enum header_order order, const char *type,
		     const char *payload, size_t len)
{
	const struct header event = { ":event-type", type };
	const struct header content = { ":content-type", "application/json" };
	const struct header kind = { ":message-type", "event" };
	const struct header rts[] = { event, content, kind }, krs[] = { kind, event, content };

	add(out, order == ORDER_RTS ? rts : krs, 3, payload, len);
}

void frame_add_exception(struct text *out, enum header_order order, const char *type,
			 const char *payload, size_t len)
{
	const struct header exception = { ":exception-type", type };
	const struct header content = { ":content-type", "application/json" };
	const struct header kind = { ":message-type", "exception" };
	const struct header rts[] = { exception, content, kind },
			    krs[] = { kind, exception, content };

	add(out, order == ORDER_RTS ? rts : krs, 3, payload, len);
}

void frame_add_error(struct text *out, const char *code, const char *message)
{
	const struct header headers[] = { { ":error-code", code },
					  { ":error-message", message },
					  { ":message-type", "error" } };

	add(out, headers, ARRAY_SIZE(headers), NULL, 0);
}

void frame_add_empty(struct text *out)
{
	add(out, NULL, 0, NULL, 0);
}

void frame_damage(void *at, size_t len, enum frame_damage damage)
{
	unsigned char *bytes = at;

	if (damage == DAMAGE_PRELUDE_CRC) {
		bytes[8] ^= 0xff;
		put_u32(bytes + len - 4, crc(bytes, len - 4));
	} else if (damage == DAMAGE_MESSAGE_CRC) {
		bytes[len - 1] ^= 0xff;
	}
}
