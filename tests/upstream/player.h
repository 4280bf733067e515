/*
 * player.h - plays a script onto a connection.
 */
#ifndef STANDIN_PLAYER_H
#define STANDIN_PLAYER_H

#include "conn.h"
#include "script.h"

enum played {
	PLAYED_WHOLE,	    /* the script ran to its end; the connection may serve on */
	PLAYED_AND_CLOSE,   /* the same, but the end of the connection is part of the answer */
	PLAYED_CUT,	    /* the script cut the connection */
	PLAYED_CLIENT_GONE, /* the client left first */
};

/* head: status line and headers without the empty line and without transfer-encoding (heap; taken).
 */
enum played play(const struct script *script, enum header_order order, struct conn *c, char *head,
		 uint64_t *sent);

#endif
