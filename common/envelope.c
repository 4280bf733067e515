#include "common/base.h"
#include "common/envelope.h"

#include <zlib.h>

static void print_trailer(struct span covered, char out[static ENVELOPE_TRAILER + 1])
{
	uLong crc = crc32(0, (const Bytef *)covered.at, (uInt)covered.len);

	snprintf(out, ENVELOPE_TRAILER + 1, "\n#crc32=%08lx\n", crc);
}

int envelope_write(struct span json, struct buf *value)
{
	char trailer[ENVELOPE_TRAILER + 1];
	size_t units = (json.len + ENVELOPE_TRAILER + ENVELOPE_UNIT - 1) / ENVELOPE_UNIT;
	size_t start = value->len, covered = units * ENVELOPE_UNIT - ENVELOPE_TRAILER;

	if (!json.len || buf_add(value, json.at, json.len))
		return -1;
	while (value->len - start < covered) {
		if (buf_add_char(value, ' '))
			return -1;
	}
	print_trailer((struct span){ value->at + start, covered }, trailer);
	return buf_add(value, trailer, ENVELOPE_TRAILER);
}

int envelope_read(struct span value, struct span *json)
{
	char trailer[ENVELOPE_TRAILER + 1];
	struct span covered = { value.at, value.len - ENVELOPE_TRAILER };

	if (!value.len || value.len % ENVELOPE_UNIT || value.len > UINT_MAX)
		return -1;
	print_trailer(covered, trailer);
	if (memcmp(value.at + covered.len, trailer, ENVELOPE_TRAILER) != 0)
		return -1;
	while (covered.len && covered.at[covered.len - 1] == ' ')
		covered.len--;
	*json = covered;
	return covered.len ? 0 : -1;
}
