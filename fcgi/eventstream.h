/*
 * eventstream.h - pushed bytes in, whole and checked frames out (vnd.amazon.eventstream).
 *
 * Owns one buffer that grows to the largest frame seen and is then reused: nothing is allocated per
 * frame. Both checksums and all lengths are checked before anything is handed out. What next()
 * gives is borrowed until the following feed() or next(). After an error every call returns it.
 *
 * feed(), then next() until it gives 0, then feed() again: so no byte is moved more than once.
 */
#ifndef FCGI_EVENTSTREAM_H
#define FCGI_EVENTSTREAM_H

#include "common/base.h"
#include "common/buf.h"
#include "common/error.h"

/* The standard headers; the spans are empty where a header is absent or no text. */
struct frame {
	struct span message_type;  /* ":message-type": event, exception, error */
	struct span event_type;	   /* ":event-type", ":exception-type" or ":error-code" */
	struct span error_message; /* ":error-message" */
	struct span headers;	   /* all of them, for eventstream_header() */
	struct span payload;
};

enum header_type {
	HEADER_TRUE,
	HEADER_FALSE,
	HEADER_I8,
	HEADER_I16,
	HEADER_I32,
	HEADER_I64,
	HEADER_BYTES,
	HEADER_TEXT,
	HEADER_TIMESTAMP,
	HEADER_UUID,
	HEADER_TYPES
};

struct frame_header {
	struct span name;
	enum header_type type;
	int64_t number;	   /* I8..I64, TIMESTAMP (ms since 1970), TRUE 1, FALSE 0 */
	struct span bytes; /* BYTES, TEXT, UUID (16 bytes) */
};

struct eventstream {
	struct buf in;
	size_t taken;	    /* bytes of `in` that were handed out already */
	size_t position;    /* of in.at[0] in the whole stream */
	const char *damage; /* why no more is read; NULL: it is */
};

void eventstream_init(struct eventstream *es); /* no allocation */
void eventstream_release(struct eventstream *es);
void eventstream_reset(struct eventstream *es); /* for the next answer; memory is kept */

int eventstream_feed(struct eventstream *es, struct span bytes, struct error *e);

/* 1: *out is a frame; 0: feed more; -1: ERR_UP_DAMAGED, *e says what and at which byte. */
int eventstream_next(struct eventstream *es, struct frame *out, struct error *e);

/* At the end of input: 0, or ERR_UP_TRUNCATED when bytes of an unfinished frame are left. */
int eventstream_finish(struct eventstream *es, struct error *e);

/* Walks frame->headers (start with *at = 0): 1, 0 at the end. They were checked already. */
int eventstream_header(const struct frame *frame, size_t *at, struct frame_header *out);

#endif
