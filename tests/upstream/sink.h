/*
 * sink.h - the body of one streamed answer on its way out, cut into writes as a script wants.
 *
 * Bytes collect in the sink and leave in one system call, with the head before the first and
 * the last chunk behind the end. The first failure sticks: the client has gone.
 */
#ifndef STANDIN_SINK_H
#define STANDIN_SINK_H

#include "conn.h"
#include "script.h"

#define SINK_BYTES (16u * 1024)

struct sink {
	struct conn *conn;
	char *head; /* owned; NULL once it is out */
	bool chunked;
	size_t piece;	 /* 0: as many as fit */
	uint32_t random; /* state; 0: no random pieces */
	size_t limit;	 /* of the write being collected */
	uint64_t cut_after, sent;
	bool cut; /* cut_after was reached, all up to it is out */
	size_t used;
	char bytes[SINK_BYTES];
};

/* Takes head (heap). */
void sink_init(struct sink *s, struct conn *c, char *head, const struct script *script);

/* All of these: 0, or -1 when the client has gone or the cut was reached. */
int sink_put(struct sink *s, const void *bytes, size_t len);
int sink_flush(struct sink *s);
int sink_end(struct sink *s); /* the proper end of the HTTP body */

void sink_release(struct sink *s);

#endif
