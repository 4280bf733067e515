#include "common/base.h"
#include "common/envelope.h"
#include "common/limits.h"

#include <CUnit/CUnit.h>

static void envelope_has_the_documented_bytes(void)
{
	struct buf value;
	struct span json;

	buf_init(&value, LIMIT_RECORD);
	CU_ASSERT_EQUAL(envelope_write(span_of("{\"a\":1}"), &value), 0);
	CU_ASSERT_EQUAL(value.len, 512);
	CU_ASSERT_NSTRING_EQUAL(value.at, "{\"a\":1}  ", 9);
	CU_ASSERT_STRING_EQUAL(value.at + 495, "\n#crc32=277ddbec\n");
	CU_ASSERT_EQUAL(envelope_read(buf_span(&value), &json), 0);
	CU_ASSERT_TRUE(span_is(json, "{\"a\":1}"));
	buf_release(&value);
}

static void envelope_grows_by_512_bytes(void)
{
	char text[600];
	struct buf value;

	memset(text, 'x', sizeof(text));
	memcpy(text, "{\"k\":\"", 6);
	memcpy(text + 493, "\"}", 2);
	buf_init(&value, LIMIT_RECORD);
	CU_ASSERT_EQUAL(envelope_write((struct span){ text, 495 }, &value), 0);
	CU_ASSERT_EQUAL(value.len, 512);
	CU_ASSERT_STRING_EQUAL(value.at + 495, "\n#crc32=24e10a30\n");
	buf_reset(&value);
	CU_ASSERT_EQUAL(envelope_write((struct span){ text, 496 }, &value), 0);
	CU_ASSERT_EQUAL(value.len, 1024);
	buf_release(&value);
}

static void envelope_refuses_every_flipped_byte(void)
{
	struct buf value;
	struct span json;

	buf_init(&value, LIMIT_RECORD);
	envelope_write(span_of("{\"token\":\"abc\"}"), &value);
	for (size_t i = 0; i < value.len; i++) {
		value.at[i] ^= 0x20;
		CU_ASSERT_EQUAL(envelope_read(buf_span(&value), &json), -1);
		value.at[i] ^= 0x20;
		CU_ASSERT_EQUAL(envelope_read((struct span){ value.at, i }, &json), -1);
	}
	CU_ASSERT_EQUAL(envelope_read(buf_span(&value), &json), 0);
	buf_release(&value);
}

CU_TestInfo envelope_tests[] = {
	{ "has the documented bytes", envelope_has_the_documented_bytes },
	{ "grows by 512 bytes", envelope_grows_by_512_bytes },
	{ "refuses every flipped byte", envelope_refuses_every_flipped_byte },
	CU_TEST_INFO_NULL,
};
