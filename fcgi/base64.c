#include "common/base.h"
#include "fcgi/base64.h"

#include <openssl/evp.h>

/* clang-format off */
static const bool alphabet[256] = {
	['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['0' ... '9'] = true,
	['+'] = true, ['/'] = true,
};
/* clang-format on */

int64_t base64_size(struct span base64)
{
	size_t padding = 0, bad = 0;

	if (base64.len % 4)
		return -1;
	while (padding < 2 && padding < base64.len && base64.at[base64.len - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < base64.len - padding; i++)
		bad += !alphabet[(unsigned char)base64.at[i]];
	return bad ? -1 : (int64_t)(base64.len / 4 * 3 - padding);
}

bool base64_decode(struct span base64, struct arena *arena, struct span *out)
{
	const int64_t size = base64_size(base64);
	unsigned char *bytes;

	if (size < 0 || base64.len > INT_MAX)
		return false;
	bytes = arena_alloc(arena, base64.len / 4 * 3 + 1);
	if (EVP_DecodeBlock(bytes, (const unsigned char *)base64.at, (int)base64.len) < 0)
		return false;
	bytes[size] = '\0';
	*out = (struct span){ (const char *)bytes, (size_t)size };
	return true;
}

static unsigned value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0' + 52);
	return c == '+' ? 62 : c == '/' ? 63 : 0;
}

unsigned char base64_byte(struct span base64, size_t offset)
{
	const size_t four = offset / 3 * 4;
	unsigned bits = 0;

	if (four + 4 > base64.len)
		return 0;
	for (size_t i = 0; i < 4; i++)
		bits = bits << 6 | value_of(base64.at[four + i]);
	return (unsigned char)(bits >> (16 - 8 * (offset % 3)));
}
