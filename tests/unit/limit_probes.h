/*
 * limit_probes.h - for test_limits.c: is so much taken? Each probe asks the code that keeps a
 * limit, with n bytes, items or pixels.
 */
#ifndef TESTS_UNIT_LIMIT_PROBES_H
#define TESTS_UNIT_LIMIT_PROBES_H

#include "common/base.h"
#include "common/buf.h"
#include "common/limits.h"

/* Room for any text of a probe. */
#define ANY MB(200)

static inline void add_many(struct buf *text, const char *piece, size_t n, const char *between)
{
	for (size_t i = 0; i < n; i++) {
		buf_add_text(text, i ? between : "");
		buf_add_text(text, piece);
	}
}

static inline void add_char_many(struct buf *text, char c, size_t n)
{
	while (n--)
		buf_add_char(text, c);
}

/* limit_requests.c: what clients send */
bool takes_body(size_t n);
bool takes_depth(size_t n);
bool takes_values(size_t n);
bool takes_messages(size_t n);
bool takes_tools(size_t n);
bool takes_tool_name(size_t n);
bool sends_name_as_it_is(size_t n);
bool takes_stop_sequences(size_t n);
bool takes_long_stop_sequence(size_t n);
bool is_no_matter_of_size(size_t n);
bool takes_image_bytes(size_t n);
bool takes_image_side(size_t n);
bool takes_side_of_many(size_t n);
bool takes_wide_images(size_t n);

/* limit_answers.c: what the upstream sends, and what we write */
bool takes_arguments(size_t n);
bool takes_text(size_t n);
bool writes_event(size_t n);

/* limit_files.c: files, and texts of ours */
bool loads_config(size_t n);
bool loads_secret(size_t n);
bool stores_record(size_t n);
bool keeps_accounts(size_t n);
bool captures(size_t n);
bool logs(size_t n);
bool takes_url(size_t n);
bool tells(size_t n);

#endif
