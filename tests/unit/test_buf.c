#include "common/base.h"
#include "common/arena.h"
#include "common/buf.h"

#include <CUnit/CUnit.h>

static void buf_holds_exactly_its_maximum(void)
{
	struct buf b;

	buf_init(&b, 5);
	CU_ASSERT_EQUAL(buf_add(&b, "12345", 5), 0);
	CU_ASSERT_EQUAL(buf_add(&b, "", 0), 0);
	CU_ASSERT_FALSE(b.failed);
	CU_ASSERT_EQUAL(buf_add(&b, "6", 1), -1);
	CU_ASSERT_TRUE(b.failed);
	CU_ASSERT_STRING_EQUAL(b.at, "12345");
	buf_release(&b);
}

static void callers_memory_is_filled_and_no_more(void)
{
	char room[6];
	struct buf b;

	buf_init_in(&b, room, 5);
	room[5] = '#';
	CU_ASSERT_STRING_EQUAL(room, "");
	CU_ASSERT_EQUAL(buf_add_text(&b, "123"), 0);
	CU_ASSERT_EQUAL(buf_add_int(&b, 4), 0);
	CU_ASSERT_EQUAL(buf_add_char(&b, '5'), -1);
	CU_ASSERT_TRUE(b.failed);
	CU_ASSERT_STRING_EQUAL(room, "1234");
	CU_ASSERT_EQUAL(room[5], '#');
}

static void numbers_are_written_whole(void)
{
	struct buf b;

	buf_init(&b, 100);
	buf_add_int(&b, 0);
	buf_add_char(&b, ' ');
	buf_add_int(&b, INT64_MIN);
	buf_add_char(&b, ' ');
	buf_add_int(&b, INT64_MAX);
	CU_ASSERT_STRING_EQUAL(b.at, "0 -9223372036854775808 9223372036854775807");
	buf_release(&b);
}

static void overflow_sticks_until_reset(void)
{
	struct buf b;

	buf_init(&b, 4);
	buf_add_format(&b, "%d", 12345);
	CU_ASSERT_EQUAL(b.len, 0);
	CU_ASSERT_EQUAL(buf_add_char(&b, 'x'), -1);
	buf_reset(&b);
	CU_ASSERT_EQUAL(buf_add_char(&b, 'x'), 0);
	CU_ASSERT_STRING_EQUAL(b.at, "x");
	buf_release(&b);
}

static void empty_buf_is_an_empty_string(void)
{
	struct buf b;

	buf_init(&b, 0);
	CU_ASSERT_STRING_EQUAL(b.at, "");
	buf_reset(&b);
	buf_cut(&b, 0);
	CU_ASSERT_STRING_EQUAL(b.at, "");
	buf_release(&b);
}

static void cut_drops_the_first_bytes(void)
{
	struct buf b;

	buf_init(&b, 100);
	buf_add_text(&b, "abcdef");
	buf_cut(&b, 2);
	CU_ASSERT_STRING_EQUAL(b.at, "cdef");
	buf_cut(&b, 4);
	CU_ASSERT_EQUAL(b.len, 0);
	buf_release(&b);
}

static void format_grows_over_many_sizes(void)
{
	struct buf b;
	size_t want = 0;

	buf_init(&b, 1000000);
	for (int i = 0; i < 1000; i++) {
		buf_add_format(&b, "%*d", i % 97, 7);
		want += i % 97 ? (size_t)(i % 97) : 1;
	}
	CU_ASSERT_EQUAL(b.len, want);
	CU_ASSERT_EQUAL(strlen(b.at), want);
	buf_release(&b);
}

static void missing_and_long_files_are_told_apart(void)
{
	char path[] = "/tmp/kiro-test-XXXXXX";
	int fd = mkstemp(path);
	struct buf b;

	CU_ASSERT_EQUAL(write(fd, "123456", 6), 6);
	close(fd);
	buf_init(&b, 6);
	CU_ASSERT_EQUAL(buf_read_file(&b, path), 0);
	CU_ASSERT_STRING_EQUAL(b.at, "123456");
	buf_release(&b);
	buf_init(&b, 5);
	CU_ASSERT_EQUAL(buf_read_file(&b, path), -1);
	CU_ASSERT_EQUAL(errno, EFBIG);
	buf_release(&b);
	unlink(path);
	CU_ASSERT_EQUAL(buf_read_file(&b, path), -1);
	CU_ASSERT_EQUAL(errno, ENOENT);
}

static void arena_pieces_are_zeroed_aligned_and_apart(void)
{
	struct arena a;
	char *last = NULL;

	arena_init(&a);
	for (size_t size = 1; size < 40000; size = size * 3 / 2 + 1) {
		char *at = arena_alloc(&a, size);

		CU_ASSERT_EQUAL((uintptr_t)at % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++) {
			if (at[i])
				CU_FAIL("not zeroed");
			at[i] = 'x';
		}
		CU_ASSERT_PTR_NOT_EQUAL(at, last);
		last = at;
	}
	CU_ASSERT_STRING_EQUAL(arena_strndup(&a, "hello", 3), "hel");
	CU_ASSERT_STRING_EQUAL(arena_format(&a, "%s-%d", "n", 42), "n-42");
	arena_release(&a);
}

CU_TestInfo buf_tests[] = {
	{ "buf_holds_exactly_its_maximum", buf_holds_exactly_its_maximum },
	{ "callers_memory_is_filled_and_no_more", callers_memory_is_filled_and_no_more },
	{ "numbers_are_written_whole", numbers_are_written_whole },
	{ "overflow_sticks_until_reset", overflow_sticks_until_reset },
	{ "empty_buf_is_an_empty_string", empty_buf_is_an_empty_string },
	{ "cut_drops_the_first_bytes", cut_drops_the_first_bytes },
	{ "format_grows_over_many_sizes", format_grows_over_many_sizes },
	{ "missing_and_long_files_are_told_apart", missing_and_long_files_are_told_apart },
	{ "arena_pieces_are_zeroed_aligned_and_apart", arena_pieces_are_zeroed_aligned_and_apart },
	CU_TEST_INFO_NULL,
};
