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

/* Compilers make vector instructions of it where there are some. */
typedef signed char lanes __attribute__((vector_size(16)));

/* Signed: what is no ASCII is less than a space too. */
static bool is_plain(signed char c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c != 0x7F;
}

/* Sixteen bytes at a time: JSON strings are read and written twice as fast as byte by byte. */
size_t utf8_plain_prefix(struct span text)
{
	size_t at = 0;

	for (; text.len - at >= sizeof(lanes); at += sizeof(lanes)) {
		uint64_t found[2];
		lanes c;

		memcpy(&c, text.at + at, sizeof(c));
		c = (c < 0x20) | (c == '"') | (c == '\\') | (c == 0x7F);
		memcpy(found, &c, sizeof(found));
		if (found[0])
			return at + (size_t)__builtin_ctzll(le64toh(found[0])) / 8;
		if (found[1])
			return at + 8 + (size_t)__builtin_ctzll(le64toh(found[1])) / 8;
	}
	while (at < text.len && is_plain((signed char)text.at[at]))
		at++;
	return at;
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
