/*
 * jsonw.h - writes JSON straight into a buf, commas and escapes included. One line, no spaces.
 *
 * Failure is the buf's (`out->failed`), looked at once at the end. Misuse (a value without its
 * key, an end too many) is our own mistake and asserts. A byte that is not UTF-8 becomes U+FFFD:
 * texts are checked where they come in, so that only foreign error texts can meet this.
 */
#ifndef COMMON_JSONW_H
#define COMMON_JSONW_H

#include "common/base.h"
#include "common/buf.h"
#include "common/limits.h"

#include <cjson/cJSON.h>

#define JSONW_DEPTH (LIMIT_JSON_DEPTH + 32)

struct jsonw {
	struct buf *out;
	unsigned depth;
	bool first;   /* no comma before the next item */
	bool has_key; /* a key was written, its value is due */
	char closers[JSONW_DEPTH];
};

void jsonw_init(struct jsonw *w, struct buf *out);

void jsonw_begin_object(struct jsonw *w);
void jsonw_begin_array(struct jsonw *w);
void jsonw_end(struct jsonw *w); /* the innermost open one */

void jsonw_key(struct jsonw *w, const char *key);
void jsonw_text(struct jsonw *w, const char *text); /* NULL: null */
void jsonw_span(struct jsonw *w, struct span text);
void jsonw_int(struct jsonw *w, int64_t value);
void jsonw_double(struct jsonw *w, double value); /* not finite: null */
void jsonw_bool(struct jsonw *w, bool value);
void jsonw_null(struct jsonw *w);
void jsonw_tree(struct jsonw *w, const cJSON *tree); /* nested at most LIMIT_JSON_DEPTH */
void jsonw_raw(struct jsonw *w, struct span json);   /* a value that is JSON already */
void jsonw_line(struct jsonw *w, struct span json);  /* the same for an event: on one line */

/* key and value in one call */
void jsonw_text_member(struct jsonw *w, const char *key, const char *text);
void jsonw_int_member(struct jsonw *w, const char *key, int64_t value);
void jsonw_bool_member(struct jsonw *w, const char *key, bool value);
void jsonw_null_member(struct jsonw *w, const char *key);
void jsonw_date_member(struct jsonw *w, const char *key, int64_t seconds); /* 0: null */
void jsonw_begin_object_member(struct jsonw *w, const char *key);
void jsonw_begin_array_member(struct jsonw *w, const char *key);

/* A text in pieces, for one string value that several sources add to. */
void jsonw_begin_text(struct jsonw *w);
void jsonw_add_text(struct jsonw *w, struct span text);
void jsonw_end_text(struct jsonw *w);

#endif
