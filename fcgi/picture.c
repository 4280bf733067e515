/*
 * PNG:  8 bytes magic, "IHDR" chunk: width at 16, height at 20, 4 bytes each, big endian
 * GIF:  "GIF87a" or "GIF89a", width at 6, height at 8, 2 bytes each, little endian
 * JPEG: segments FF xx length(2, big endian, counts itself) ...; the frame header (SOF) holds
 *       precision(1) height(2) width(2)
 * WebP: "RIFF" size(4) "WEBP", then one of
 *       "VP8 ": width and height at 26 and 28, 14 bits each, little endian
 *       "VP8L": at 21: 14 bits width - 1, 14 bits height - 1
 *       "VP8X": at 24: width - 1, at 27: height - 1, 3 bytes each
 */
#include "common/base.h"
#include "fcgi/picture.h"

#include "fcgi/base64.h"

#define JPEG_SEGMENTS 1000 /* before the frame header; cameras write a few dozen */

static bool bytes_are(struct span base64, size_t offset, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (base64_byte(base64, offset + i) != (unsigned char)bytes[i])
			return false;
	}
	return true;
}

static unsigned big(struct span base64, size_t offset, size_t len)
{
	unsigned value = 0;

	for (size_t i = 0; i < len; i++)
		value = value << 8 | base64_byte(base64, offset + i);
	return value;
}

static unsigned little(struct span base64, size_t offset, size_t len)
{
	unsigned value = 0;

	while (len--)
		value = value << 8 | base64_byte(base64, offset + len);
	return value;
}

static void measure_png(struct span base64, struct picture *p)
{
	p->width = big(base64, 16, 4);
	p->height = big(base64, 20, 4);
}

static void measure_gif(struct span base64, struct picture *p)
{
	p->width = little(base64, 6, 2);
	p->height = little(base64, 8, 2);
}

static bool is_frame_header(unsigned marker)
{
	return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 &&
	       marker != 0xCC;
}

static void measure_jpeg(struct span base64, struct picture *p)
{
	size_t at = 2;

	for (int i = 0; i < JPEG_SEGMENTS && base64_byte(base64, at) == 0xFF; i++) {
		unsigned marker = base64_byte(base64, at + 1);

		if (is_frame_header(marker)) {
			p->height = big(base64, at + 5, 2);
			p->width = big(base64, at + 7, 2);
			return;
		}
		if (marker == 0xFF) /* filler */
			at++;
		else if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8))
			at += 2; /* without a length */
		else if (marker == 0xD9 || marker == 0xDA)
			return; /* the picture begins, or ends, without a header */
		else
			at += 2 + big(base64, at + 2, 2);
	}
}

static void measure_webp(struct span base64, struct picture *p)
{
	if (bytes_are(base64, 12, "VP8 ", 4)) {
		p->width = little(base64, 26, 2) & 0x3FFF;
		p->height = little(base64, 28, 2) & 0x3FFF;
	} else if (bytes_are(base64, 12, "VP8L", 4)) {
		p->width = (little(base64, 21, 4) & 0x3FFF) + 1;
		p->height = (little(base64, 21, 4) >> 14 & 0x3FFF) + 1;
	} else if (bytes_are(base64, 12, "VP8X", 4)) {
		p->width = little(base64, 24, 3) + 1;
		p->height = little(base64, 27, 3) + 1;
	}
}

struct picture picture_read(struct span base64)
{
	static const struct {
		const char *format;
		size_t offset, len;
		const char *magic;
		void (*measure)(struct span base64, struct picture *p);
	} formats[] = {
		{ "png", 0, 8, "\x89PNG\r\n\x1A\n", measure_png },
		{ "jpeg", 0, 3, "\xFF\xD8\xFF", measure_jpeg },
		{ "gif", 0, 6, "GIF87a", measure_gif },
		{ "gif", 0, 6, "GIF89a", measure_gif },
		{ "webp", 8, 4, "WEBP", measure_webp },
	};
	struct picture p = { .format = NULL };

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (!bytes_are(base64, formats[i].offset, formats[i].magic, formats[i].len))
			continue;
		p.format = formats[i].format;
		formats[i].measure(base64, &p);
		break;
	}
	return p;
}
