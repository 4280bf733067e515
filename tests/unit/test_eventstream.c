/*
 * The frames were made by the official JavaScript codec (@smithy/eventstream-codec) and their
 * checksums verified apart; what is expected of them is what that encoder was given.
 */
#include "common/base.h"
#include "common/limits.h"
#include "fcgi/eventstream.h"
#include "tests/unit/frames.h"

#include <CUnit/CUnit.h>

#define TOOL_HEADERS                                                                               \
	"0b3a6576656e742d7479706507000c746f6f6c5573654576656e74"                                   \
	"0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e"                       \
	"0d3a6d6573736167652d747970650700056576656e74"

static const struct example {
	const char *hex;
	size_t size;
	const char *message_type, *event_type, *error_message, *payload;
} examples[] = {
	{ "0000007c0000005c3bddcf78"
	  "0b3a6576656e742d74797065070016617373697374616e74526573706f6e73654576656e74"
	  "0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e"
	  "0d3a6d6573736167652d747970650700056576656e74"
	  "7b22636f6e74656e74223a224869227db02babdc",
	  124, "event", "assistantResponseEvent", "", "{\"content\":\"Hi\"}" },
	{ "00000089000000525cb13d52" TOOL_HEADERS
	  "7b226e616d65223a2252656164222c22746f6f6c5573654964223a22746f6f6c7573655f31227d52dc6f2b",
	  137, "event", "toolUseEvent", "", "{\"name\":\"Read\",\"toolUseId\":\"tooluse_1\"}" },
	{ "0000009b000000524691f9b0" TOOL_HEADERS
	  "7b22696e707574223a227b5c22705c223a222c226e616d65223a2252656164222c22746f6f6c5573654964"
	  "223a22746f6f6c7573655f31227da5bfee8c",
	  155, "event", "toolUseEvent", "",
	  "{\"input\":\"{\\\"p\\\":\",\"name\":\"Read\",\"toolUseId\":\"tooluse_1\"}" },
	{ "0000009500000052f9a147d1" TOOL_HEADERS
	  "7b226e616d65223a2252656164222c2273746f70223a747275652c22746f6f6c5573654964223a22746f6f"
	  "6c7573655f31227dfaeae076",
	  149, "event", "toolUseEvent", "",
	  "{\"name\":\"Read\",\"stop\":true,\"toolUseId\":\"tooluse_1\"}" },
	{ "0000008600000057ae8b5e0c"
	  "0b3a6576656e742d74797065070011636f6e7465787455736167654576656e74"
	  "0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e"
	  "0d3a6d6573736167652d747970650700056576656e74"
	  "7b22636f6e74657874557361676550657263656e74616765223a31322e357d775490df",
	  134, "event", "contextUsageEvent", "", "{\"contextUsagePercentage\":12.5}" },
	{ "0000007c00000053ab62d2e9"
	  "0b3a6576656e742d7479706507000d6d657461646174614576656e74"
	  "0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e"
	  "0d3a6d6573736167652d747970650700056576656e74"
	  "7b2273746f70526561736f6e223a22454e445f5455524e227d5460e76e",
	  124, "event", "metadataEvent", "", "{\"stopReason\":\"END_TURN\"}" },
	{ "0000007f0000005d0b7a853e"
	  "0d3a6d6573736167652d74797065070009657863657074696f6e"
	  "0f3a657863657074696f6e2d7479706507000f7468726f74746c696e674572726f72"
	  "0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e"
	  "7b226d657373616765223a22736c6f77227dc9de3ab5",
	  127, "exception", "throttlingError", "", "{\"message\":\"slow\"}" },
	{ "0000005800000048154692c1"
	  "0b3a6572726f722d636f646507000d496e7465726e616c4572726f72"
	  "0e3a6572726f722d6d657373616765070004626f6f6d"
	  "0d3a6d6573736167652d747970650700056572726f72f9da682d",
	  88, "error", "InternalError", "boom", "" },
	{ "0000005d0000004dadcce93e 017400 016601 016202ff 0173030102 01690401020304"
	  "016c050000000000000001 0179060002dead 017a070002c3a9 016d080000018bcfe56800"
	  "0175090102030405060708090a0b0c0d0e0f10 e3bd300f",
	  93, "", "", "", "" },
	{ "000000100000000005c248eb7d98c8ff", 16, "", "", "", "" },
};

static void load(const struct example *example, struct buf *bytes)
{
	buf_init(bytes, MB(1));
	add_hex(bytes, example->hex);
}

static bool frame_is(const struct frame *frame, const struct example *example)
{
	return span_is(frame->message_type, example->message_type) &&
	       span_is(frame->event_type, example->event_type) &&
	       span_is(frame->error_message, example->error_message) &&
	       span_is(frame->payload, example->payload);
}

/* Feeds the bytes in pieces of `size` and describes all that comes out: "TYPE PAYLOAD;" per frame,
 * then the error's kind as a number, if any. */
static void describe(struct eventstream *es, struct span bytes, size_t size, struct buf *out)
{
	struct error e = { .kind = ERR_NONE };
	struct frame frame;
	int rc = 0;

	for (size_t at = 0; !rc && at < bytes.len; at += size) {
		size_t left = bytes.len - at;

		rc = eventstream_feed(es, (struct span){ bytes.at + at, left < size ? left : size },
				      &e);
		while (!rc && (rc = eventstream_next(es, &frame, &e)) == 1) {
			buf_add(out, frame.event_type.at, frame.event_type.len);
			buf_add_char(out, ' ');
			buf_add(out, frame.payload.at, frame.payload.len);
			buf_add_char(out, ';');
			rc = 0;
		}
	}
	if (!rc)
		rc = eventstream_finish(es, &e);
	if (rc)
		buf_add_format(out, "%d", (int)e.kind);
}

static void eventstream_reads_every_example(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		struct error e = { .kind = ERR_NONE };
		struct eventstream es;
		struct frame frame;
		struct buf bytes;

		load(&examples[i], &bytes);
		CU_ASSERT_EQUAL(bytes.len, examples[i].size);
		eventstream_init(&es);
		CU_ASSERT_EQUAL(eventstream_feed(&es, buf_span(&bytes), &e), 0);
		CU_ASSERT_EQUAL_FATAL(eventstream_next(&es, &frame, &e), 1);
		CU_ASSERT(frame_is(&frame, &examples[i]));
		CU_ASSERT_EQUAL(eventstream_next(&es, &frame, &e), 0);
		CU_ASSERT_EQUAL(eventstream_finish(&es, &e), 0);
		CU_ASSERT_EQUAL(e.kind, ERR_NONE);
		eventstream_release(&es);
		buf_release(&bytes);
	}
}

static void eventstream_waits_for_the_last_byte(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		struct buf bytes;

		load(&examples[i], &bytes);
		for (size_t cut = 0; cut < bytes.len; cut++) {
			struct error e = { .kind = ERR_NONE }, end = { .kind = ERR_NONE };
			struct eventstream es;
			struct frame frame;

			eventstream_init(&es);
			CU_ASSERT_EQUAL(eventstream_feed(&es, (struct span){ bytes.at, cut }, &e),
					0);
			CU_ASSERT_EQUAL(eventstream_next(&es, &frame, &e), 0);
			CU_ASSERT_EQUAL(
				eventstream_feed(
					&es, (struct span){ bytes.at + cut, bytes.len - cut }, &e),
				0);
			CU_ASSERT_EQUAL_FATAL(eventstream_next(&es, &frame, &e), 1);
			CU_ASSERT(frame_is(&frame, &examples[i]));

			eventstream_reset(&es);
			eventstream_feed(&es, (struct span){ bytes.at, cut }, &end);
			CU_ASSERT_EQUAL(eventstream_next(&es, &frame, &end), 0);
			CU_ASSERT_EQUAL(eventstream_finish(&es, &end), cut ? -1 : 0);
			CU_ASSERT_EQUAL(end.kind, cut ? ERR_UP_TRUNCATED : ERR_NONE);
			eventstream_release(&es);
		}
		buf_release(&bytes);
	}
}

static void eventstream_notices_every_flipped_byte(void)
{
	static const unsigned char masks[] = { 0x01, 0x80, 0xFF, 0x55 };

	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		struct buf bytes;

		load(&examples[i], &bytes);
		for (size_t n = 0; n < bytes.len * ARRAY_SIZE(masks); n++) {
			struct error e = { .kind = ERR_NONE };
			struct eventstream es;
			struct frame frame;
			size_t at = n / ARRAY_SIZE(masks);
			char mask = (char)masks[n % ARRAY_SIZE(masks)];

			bytes.at[at] ^= mask;
			eventstream_init(&es);
			CU_ASSERT_EQUAL(eventstream_feed(&es, buf_span(&bytes), &e), 0);
			CU_ASSERT_EQUAL(eventstream_next(&es, &frame, &e), -1);
			CU_ASSERT_EQUAL(e.kind, ERR_UP_DAMAGED);
			eventstream_release(&es);
			bytes.at[at] ^= mask;
		}
		buf_release(&bytes);
	}
}

static void eventstream_gives_same_frames_wherever_input_is_cut(void)
{
	struct buf bytes, whole, cut;
	struct eventstream es;

	buf_init(&bytes, MB(1));
	buf_init(&whole, MB(1));
	buf_init(&cut, MB(1));
	eventstream_init(&es);
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		add_hex(&bytes, examples[i].hex);
	describe(&es, buf_span(&bytes), bytes.len, &whole);
	CU_ASSERT_PTR_NOT_NULL(strstr(whole.at, "metadataEvent {\"stopReason\":\"END_TURN\"};"));
	for (size_t size = 1; size < bytes.len; size++) {
		eventstream_reset(&es);
		buf_reset(&cut);
		describe(&es, buf_span(&bytes), size, &cut);
		CU_ASSERT_STRING_EQUAL(cut.at, whole.at);
	}
	eventstream_release(&es);
	buf_release(&bytes);
	buf_release(&whole);
	buf_release(&cut);
}

static void eventstream_walks_all_ten_header_types(void)
{
	static const struct expected {
		const char *name;
		enum header_type type;
		int64_t number;
		struct span bytes;
	} expected[] = {
		{ "t", HEADER_TRUE, 1, { "", 0 } },
		{ "f", HEADER_FALSE, 0, { "", 0 } },
		{ "b", HEADER_I8, -1, { "", 0 } },
		{ "s", HEADER_I16, 258, { "", 0 } },
		{ "i", HEADER_I32, 16909060, { "", 0 } },
		{ "l", HEADER_I64, 1, { "", 0 } },
		{ "y", HEADER_BYTES, 0, { "\xde\xad", 2 } },
		{ "z", HEADER_TEXT, 0, { "\xc3\xa9", 2 } },
		{ "m", HEADER_TIMESTAMP, 1700000000000, { "", 0 } },
		{ "u", HEADER_UUID, 0, { "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20", 16 } },
	};
	struct error e = { .kind = ERR_NONE };
	struct frame_header header;
	struct eventstream es;
	struct frame frame;
	struct buf bytes;
	size_t at = 0;

	load(&examples[8], &bytes);
	eventstream_init(&es);
	eventstream_feed(&es, buf_span(&bytes), &e);
	CU_ASSERT_EQUAL_FATAL(eventstream_next(&es, &frame, &e), 1);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		CU_ASSERT_EQUAL_FATAL(eventstream_header(&frame, &at, &header), 1);
		CU_ASSERT(span_is(header.name, expected[i].name));
		CU_ASSERT_EQUAL(header.type, expected[i].type);
		CU_ASSERT_EQUAL(header.number, expected[i].number);
		CU_ASSERT_EQUAL_FATAL(header.bytes.len, expected[i].bytes.len);
		CU_ASSERT_EQUAL(memcmp(header.bytes.at, expected[i].bytes.at, header.bytes.len), 0);
	}
	CU_ASSERT_EQUAL(eventstream_header(&frame, &at, &header), 0);
	eventstream_release(&es);
	buf_release(&bytes);
}

/* The kind of error that one frame with these headers gives, ERR_NONE when it is read. */
static enum error_kind kind_of_headers(struct span headers)
{
	struct error e = { .kind = ERR_NONE };
	struct eventstream es;
	struct frame frame;
	struct buf bytes;

	buf_init(&bytes, MB(1));
	eventstream_init(&es);
	add_frame(&bytes, headers, span_of(""));
	eventstream_feed(&es, buf_span(&bytes), &e);
	CU_ASSERT(eventstream_next(&es, &frame, &e) != 0);
	eventstream_release(&es);
	buf_release(&bytes);
	return e.kind;
}

static void eventstream_refuses_broken_headers(void)
{
	static const struct span broken[] = {
		{ "\0\7\0\0", 4 },    /* no name */
		{ "\1", 1 },	      /* name runs over */
		{ "\1a", 2 },	      /* no type */
		{ "\1a\12", 3 },      /* type 10 */
		{ "\1a\377", 3 },     /* type 255 */
		{ "\1a\2", 3 },	      /* i8 without its byte */
		{ "\1a\3\0", 4 },     /* half an i16 */
		{ "\1a\4\0\0\0", 6 }, /* three quarters of an i32 */
		{ "\1a\5\0\0\0\0\0\0\0", 10 },
		{ "\1a\10\0\0\0\0\0\0\0", 10 },
		{ "\1a\6\0", 4 },   /* half a length */
		{ "\1a\7\0\1", 5 }, /* text shorter than its length */
		{ "\1a\7\377\377x", 6 },
		{ "\1a\11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 18 },
		{ "\1a\0\377", 4 }, /* a good one, then a name that runs over */
	};

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		CU_ASSERT_EQUAL(kind_of_headers(broken[i]), ERR_UP_DAMAGED);
}

static void eventstream_tolerates_unknown_and_repeated_headers(void)
{
	struct error e = { .kind = ERR_NONE };
	struct buf headers, bytes;
	struct eventstream es;
	struct frame frame;

	buf_init(&headers, KB(4));
	buf_init(&bytes, KB(4));
	add_text_header(&headers, ":event-type", "first");
	add_text_header(&headers, "x-new", "?");
	buf_add(&headers, "\13:event-type\2\1", 14); /* an i8 of that name is none */
	add_text_header(&headers, ":event-type", "second");
	add_frame(&bytes, buf_span(&headers), span_of("p"));
	eventstream_init(&es);
	eventstream_feed(&es, buf_span(&bytes), &e);
	CU_ASSERT_EQUAL_FATAL(eventstream_next(&es, &frame, &e), 1);
	CU_ASSERT(span_is(frame.event_type, "second"));
	CU_ASSERT(span_is(frame.message_type, ""));
	eventstream_release(&es);
	buf_release(&headers);
	buf_release(&bytes);
}

static void eventstream_takes_1024_headers_and_not_one_more(void)
{
	struct buf headers;

	buf_init(&headers, KB(16));
	for (size_t i = 0; i < LIMIT_FRAME_HEADERS; i++)
		buf_add(&headers, "\1a\0", 3);
	CU_ASSERT_EQUAL(kind_of_headers(buf_span(&headers)), ERR_NONE);
	buf_add(&headers, "\1a\0", 3);
	CU_ASSERT_EQUAL(kind_of_headers(buf_span(&headers)), ERR_UP_DAMAGED);
	buf_release(&headers);
}

/* Only the prelude is there: what a length alone does. */
static int next_of_prelude(size_t total, size_t headers, struct error *e)
{
	struct eventstream es;
	struct frame frame;
	struct buf bytes;
	int rc;

	buf_init(&bytes, 64);
	add_u32(&bytes, total);
	add_u32(&bytes, headers);
	add_u32(&bytes, crc32(0, (const Bytef *)bytes.at, 8));
	eventstream_init(&es);
	eventstream_feed(&es, buf_span(&bytes), e);
	rc = eventstream_next(&es, &frame, e);
	CU_ASSERT(es.in.size <= 64); /* nothing was reserved by the length */
	eventstream_release(&es);
	buf_release(&bytes);
	return rc;
}

static void eventstream_judges_lengths_by_the_prelude(void)
{
	static const struct lengths {
		size_t total, headers;
		int rc;
	} lengths[] = {
		{ 0, 0, -1 },
		{ 15, 0, -1 },
		{ 16, 0, 0 },
		{ 16, 1, -1 },
		{ 100, 84, 0 },
		{ 100, 85, -1 },
		{ 100, 0xFFFFFFFF, -1 },
		{ LIMIT_FRAME, 0, 0 },
		{ LIMIT_FRAME, LIMIT_FRAME - 16, 0 },
		{ LIMIT_FRAME + 1, 0, -1 },
		{ 0xFFFFFFFF, 0, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct error e = { .kind = ERR_NONE };

		CU_ASSERT_EQUAL(next_of_prelude(lengths[i].total, lengths[i].headers, &e),
				lengths[i].rc);
		CU_ASSERT_EQUAL(e.kind, lengths[i].rc ? ERR_UP_DAMAGED : ERR_NONE);
	}
}

static void eventstream_reads_frames_up_to_24_mib(void)
{
	static const size_t sizes[] = { MB(23), MB(24) };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct error e = { .kind = ERR_NONE };
		struct buf payload, bytes, out;
		struct eventstream es;

		buf_init(&payload, MB(32));
		buf_init(&bytes, MB(32));
		buf_init(&out, MB(32));
		while (payload.len < sizes[i] - 16)
			buf_add_char(&payload, 'x');
		add_frame(&bytes, span_of(""), buf_span(&payload));
		eventstream_init(&es);
		describe(&es, buf_span(&bytes), 16384, &out);
		CU_ASSERT_EQUAL(out.len, sizes[i] - 16 + 2);
		CU_ASSERT_EQUAL(e.kind, ERR_NONE);
		eventstream_release(&es);
		buf_release(&payload);
		buf_release(&bytes);
		buf_release(&out);
	}
}

static void eventstream_stays_broken_and_names_the_byte(void)
{
	struct error first = { .kind = ERR_NONE }, again = first, feed = first, end = first;
	struct eventstream es;
	struct frame frame;
	struct buf bytes;

	load(&examples[0], &bytes);
	add_hex(&bytes, examples[5].hex);
	add_hex(&bytes, examples[9].hex);
	bytes.at[124 + 60] ^= 1; /* in the second frame */
	eventstream_init(&es);
	CU_ASSERT_EQUAL(eventstream_feed(&es, buf_span(&bytes), &first), 0);
	CU_ASSERT_EQUAL(eventstream_next(&es, &frame, &first), 1);
	CU_ASSERT_EQUAL(eventstream_next(&es, &frame, &first), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(first.message, "at byte 124"));
	CU_ASSERT_EQUAL(eventstream_next(&es, &frame, &again), -1);
	CU_ASSERT_STRING_EQUAL(again.message, first.message);
	CU_ASSERT_EQUAL(eventstream_feed(&es, span_of(""), &feed), -1);
	CU_ASSERT_EQUAL(feed.kind, ERR_UP_DAMAGED);
	CU_ASSERT_EQUAL(eventstream_finish(&es, &end), -1);
	CU_ASSERT_EQUAL(end.kind, ERR_UP_DAMAGED);

	eventstream_reset(&es);
	error_clear(&first);
	CU_ASSERT_EQUAL(eventstream_feed(&es, (struct span){ bytes.at, 124 }, &first), 0);
	CU_ASSERT_EQUAL(eventstream_next(&es, &frame, &first), 1);
	eventstream_release(&es);
	buf_release(&bytes);
}

static void eventstream_counts_bytes_over_feeds(void)
{
	struct error e = { .kind = ERR_NONE };
	struct eventstream es;
	struct frame frame;
	struct buf bytes;

	load(&examples[0], &bytes);
	eventstream_init(&es);
	for (int i = 0; i < 3; i++) {
		eventstream_feed(&es, buf_span(&bytes), &e);
		CU_ASSERT_EQUAL(eventstream_next(&es, &frame, &e), 1);
	}
	eventstream_feed(&es, span_of("no frame at all"), &e);
	CU_ASSERT_EQUAL(eventstream_next(&es, &frame, &e), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "at byte 372"));
	eventstream_release(&es);
	buf_release(&bytes);
}

static void eventstream_allocates_nothing_per_frame(void)
{
	struct error e = { .kind = ERR_NONE };
	struct eventstream es;
	struct buf bytes;
	size_t size = 0, frames = 0;
	const char *at = NULL;
	struct frame frame;

	buf_init(&bytes, KB(4));
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		add_hex(&bytes, examples[i].hex);
	eventstream_init(&es);
	for (int round = 0; round < 102; round++) { /* over a thousand frames, odd pieces */
		for (size_t from = 0; from < bytes.len; from += 97) {
			size_t left = bytes.len - from;

			eventstream_feed(
				&es, (struct span){ bytes.at + from, left < 97 ? left : 97 }, &e);
			while (eventstream_next(&es, &frame, &e) == 1)
				frames++;
		}
		if (round == 1) {
			size = es.in.size;
			at = es.in.at;
		}
	}
	CU_ASSERT_EQUAL(frames, 102 * ARRAY_SIZE(examples));
	CU_ASSERT_EQUAL(es.in.size, size);
	CU_ASSERT_PTR_EQUAL(es.in.at, at);
	CU_ASSERT(size <= 512); /* the largest frame and a piece, doubled */
	eventstream_release(&es);
	buf_release(&bytes);
}

CU_TestInfo eventstream_tests[] = {
	{ "reads every example", eventstream_reads_every_example },
	{ "waits for the last byte", eventstream_waits_for_the_last_byte },
	{ "notices every flipped byte", eventstream_notices_every_flipped_byte },
	{ "gives same frames wherever input is cut",
	  eventstream_gives_same_frames_wherever_input_is_cut },
	{ "walks all ten header types", eventstream_walks_all_ten_header_types },
	{ "refuses broken headers", eventstream_refuses_broken_headers },
	{ "tolerates unknown and repeated headers",
	  eventstream_tolerates_unknown_and_repeated_headers },
	{ "takes 1024 headers and not one more", eventstream_takes_1024_headers_and_not_one_more },
	{ "judges lengths by the prelude", eventstream_judges_lengths_by_the_prelude },
	{ "reads frames up to 24 MiB", eventstream_reads_frames_up_to_24_mib },
	{ "stays broken and names the byte", eventstream_stays_broken_and_names_the_byte },
	{ "counts bytes over feeds", eventstream_counts_bytes_over_feeds },
	{ "allocates nothing per frame", eventstream_allocates_nothing_per_frame },
	CU_TEST_INFO_NULL,
};
