#include "common/base.h"
#include "fcgi/picture.h"

#include <CUnit/CUnit.h>
#include <openssl/evp.h>

/* Bytes as the specifications of the formats say, and what they mean. */
#define BYTES(text) text, sizeof(text) - 1

static const struct sample {
	const char *bytes;
	size_t len;
	const char *format;
	unsigned width, height;
} samples[] = {
	{ BYTES("\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\x1F\x41\0\0\0\x05\x08\6\0\0\0"), "png", 8001,
	  5 },
	{ BYTES("GIF89a\x34\x12\x01\x00\0\0\0"), "gif", 0x1234, 1 },
	{ BYTES("GIF87a\x02\x00\x03\x00\0\0\0"), "gif", 2, 3 },
	{ BYTES("\xFF\xD8\xFF\xE0\0\x04\x01\x02\xFF\xFF\xC0\0\x0B\x08\x01\x00\x02\x00\x01\0\0\0"),
	  "jpeg", 512, 256 },
	{ BYTES("\xFF\xD8\xFF\xC4\0\x03\x07\xFF\xC2\0\x0B\x08\0\x07\0\x09\x01\0\0\0"), "jpeg", 9,
	  7 },
	{ BYTES("\xFF\xD8\xFF\xDA\0\x04\0\0\xFF\xC0\0\x0B\x08\0\x07\0\x09\x01"), "jpeg", 0, 0 },
	{ BYTES("RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9D\x01\x2A\x40\x41\x05\x80\0\0"), "webp", 320,
	  5 },
	{ BYTES("RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2F\x03\x40\0\0\0\0"), "webp", 4, 2 },
	{ BYTES("RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x3F\x1F\0\x01\0\0\0\0"), "webp", 8000, 2 },
	{ BYTES("%PDF-1.4\n"), NULL, 0, 0 },
	{ BYTES(""), NULL, 0, 0 },
};

static struct span encode(const struct sample *s, size_t len, char out[static 256])
{
	return (struct span){ out,
			      (size_t)EVP_EncodeBlock((unsigned char *)out,
						      (const unsigned char *)s->bytes, (int)len) };
}

static void picture_reads_format_and_size(void)
{
	char text[256];

	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		struct picture p = picture_read(encode(&samples[i], samples[i].len, text));

		CU_ASSERT_STRING_EQUAL(p.format ? p.format : "-",
				       samples[i].format ? samples[i].format : "-");
		CU_ASSERT_EQUAL(p.width, samples[i].width);
		CU_ASSERT_EQUAL(p.height, samples[i].height);
	}
}

/* Never beyond the text: each copy ends where its memory ends. */
static void picture_survives_cuts_anywhere(void)
{
	char text[256];

	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		size_t whole = encode(&samples[i], samples[i].len, text).len;

		for (size_t len = 0; len <= whole; len++) {
			char *copy = xcalloc(1, len + 1);

			memcpy(copy, text, len);
			(void)picture_read((struct span){ copy, len });
			free(copy);
		}
	}
	CU_PASS("read nothing that is not there");
}

static void picture_gives_up_on_endless_segments(void)
{
	size_t len = 400000;
	char *text = xcalloc(1, len + 1);

	memset(text, '/', len); /* 0xFF only */
	CU_ASSERT_EQUAL(picture_read((struct span){ text, len }).width, 0);
	memcpy(text, "/9j/", 4);
	CU_ASSERT_STRING_EQUAL(picture_read((struct span){ text, len }).format, "jpeg");
	free(text);
}

CU_TestInfo picture_tests[] = {
	{ "reads format and size", picture_reads_format_and_size },
	{ "survives cuts anywhere", picture_survives_cuts_anywhere },
	{ "gives up on endless segments", picture_gives_up_on_endless_segments },
	CU_TEST_INFO_NULL,
};
