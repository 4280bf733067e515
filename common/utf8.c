#include "common/base.h"
#include "common/utf8.h"

#include <endian.h>

size_t utf8_char(const char *at, size_t left)
{
	const unsigned char *c = (const unsigned char *)at;
	/* What the second byte may be, where it is narrower than 80..BF: RFC 3629 section 4. */
	unsigned char low = 0x80, high = 0xBF;
	size_t len;

	if (c[0] < 0x80)
		return 1;
	if (c[0] < 0xC2 || c[0] > 0xF4)
		return 0;
	len = c[0] < 0xE0 ? 2 : c[0] < 0xF0 ? 3 : 4;
	if (left < len)
		return 0;
	if (c[0] == 0xE0)
		low = 0xA0;
	else if (c[0] == 0xED)
		high = 0x9F;
	else if (c[0] == 0xF0)
		low = 0x90;
	else if (c[0] == 0xF4)
		high = 0x8F;
	if (c[1] < low || c[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((c[i] & 0xC0) != 0x80)
			return 0;
	}
	return len;
}

/* Compilers make vector instructions of them where there are some. */
typedef signed char lanes __attribute__((vector_size(16)));
typedef signed char half __attribute__((vector_size(8)));

/* Signed: what is no ASCII is less than a space too. For characters and vectors of them. */
#define SPECIAL(c) (((c) < 0x20) | ((c) == '"') | ((c) == '\\') | ((c) == 0x7F))

/* How many of eight bytes are plain before the first that is not. */
static size_t plain_of_eight(uint64_t found)
{
	return found ? (size_t)__builtin_ctzll(le64toh(found)) / 8 : 8;
}

static size_t plain_of_half(const char *at)
{
	uint64_t found;
	half c;

	memcpy(&c, at, sizeof(c));
	c = SPECIAL(c);
	memcpy(&found, &c, sizeof(found));
	return plain_of_eight(found);
}

static size_t plain_of_lanes(const char *at)
{
	uint64_t found[2];
	size_t plain;
	lanes c;

	memcpy(&c, at, sizeof(c));
	c = SPECIAL(c);
	memcpy(found, &c, sizeof(found));
	plain = plain_of_eight(found[0]);
	return plain < 8 ? plain : 8 + plain_of_eight(found[1]);
}

/* Less than sixteen bytes. */
static size_t plain_of_few(struct span text)
{
	const size_t last = text.len - sizeof(half);
	size_t at = 0;

	if (text.len >= sizeof(half)) {
		at = plain_of_half(text.at);
		return at < sizeof(half) ? at : last + plain_of_half(text.at + last);
	}
	while (at < text.len && !SPECIAL((signed char)text.at[at]))
		at++;
	return at;
}

/* Sixteen bytes at a time: JSON strings are read and written twice as fast as byte by byte. The
 * last ones are looked at together with plain ones before them: the names of members and the pieces
 * of a few words that a stream is made of are nothing but an end. */
size_t utf8_plain_prefix(struct span text)
{
	const size_t last = text.len - sizeof(lanes);

	if (text.len < sizeof(lanes))
		return plain_of_few(text);
	for (size_t at = 0; at < last; at += sizeof(lanes)) {
		size_t plain = plain_of_lanes(text.at + at);

		if (plain < sizeof(lanes))
			return at + plain;
	}
	return last + plain_of_lanes(text.at + last);
}

size_t utf8_valid_prefix(struct span text)
{
	size_t at = 0;

	while (at < text.len) {
		size_t len = utf8_plain_prefix((struct span){ text.at + at, text.len - at });

		if (!len)
			len = utf8_char(text.at + at, text.len - at);
		if (!len)
			break;
		at += len;
	}
	return at;
}

size_t utf8_count(struct span text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.at[i] & 0xC0) != 0x80;
	return count;
}

size_t utf8_prefix(struct span text, size_t max_chars)
{
	size_t at = 0;

	while (at < text.len) {
		size_t len = utf8_char(text.at + at, text.len - at);

		if (!max_chars--)
			break;
		at += len ? len : 1;
	}
	return at;
}
