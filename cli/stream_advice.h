/*
 * stream_advice.h - which directive of which web server mends what stream_test has found.
 */
#ifndef CLI_STREAM_ADVICE_H
#define CLI_STREAM_ADVICE_H

#include "common/base.h"
#include "common/buf.h"

enum stream_problem {
	STREAM_HELD,		 /* events come in lumps, or all at the end */
	STREAM_NO_AUTHORIZATION, /* the header does not come through */
	STREAM_BODY_REFUSED,
	STREAM_CUT, /* in a silence */
};

/* server: as it calls itself, "lighttpd/1.4.69". transport: as /health/stream has it. Appends what
 * to set; returns how much that was. */
size_t stream_advice(enum stream_problem problem, const char *server, const char *transport,
		     struct buf *out);

#endif
