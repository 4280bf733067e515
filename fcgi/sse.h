/*
 * sse.h - the framing of server-sent events: one line of JSON per event.
 */
#ifndef FCGI_SSE_H
#define FCGI_SSE_H

#include "common/buf.h"
#include "common/jsonw.h"

/* Begins an event; the caller writes one JSON value through w, then calls sse_end(). name NULL:
 * a data line only (the OpenAI APIs). */
void sse_begin(struct buf *wire, const char *name, struct jsonw *w);
void sse_end(struct buf *wire);

#endif
