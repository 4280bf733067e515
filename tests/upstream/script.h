/*
 * script.h - a scripted answer: its JSON (README.md) compiled to frames ready to send.
 *
 * All encoding and all checking happens here, so playing costs copies and system calls only.
 * Immutable after script_new(); struct library counts the references.
 */
#ifndef STANDIN_SCRIPT_H
#define STANDIN_SCRIPT_H

#include "frame.h"
#include "json.h"

enum op_kind {
	OP_FRAME, /* len bytes of code.bytes from at on */
	OP_SLEEP, /* ns */
	OP_STALL, /* until the client goes */
	OP_CUT,	  /* the connection ends here */
	OP_LOOP,  /* the next `body` ops, `count` times */
};

struct op {
	enum op_kind kind;
	size_t at, len;
	int64_t ns;
	uint64_t count;
	size_t body;
};

struct code {
	struct text bytes;
	struct op *ops;
	size_t count, size;
};

enum cut_kind {
	CUT_CLOSE, /* FIN in the middle of the HTTP body */
	CUT_RESET, /* RST */
	CUT_CLEAN, /* the HTTP body ends properly, the event stream does not */
};

struct script {
	char name[LIMIT_NAME + 1];
	struct code code[ORDER_COUNT]; /* the same answer with either order of headers */

	int status;	    /* 0: play the code; else answer this instead of a stream */
	char *http_headers; /* lines, CRLF each, or NULL */
	char *http_body;
	char *content_type; /* NULL: what the request's protocol says */

	int order;	       /* enum header_order, -1: what the request's service has */
	int64_t first_byte_ns; /* before the status line */
	int64_t pace_ns;       /* between the starts of two frames */
	bool by_frame, random; /* one write a frame; pieces of random size */
	size_t piece;	       /* one write per that many bytes; 0: as many as fit */
	uint32_t seed;
	uint64_t cut_after; /* stream bytes, UINT64_MAX: never */
	enum cut_kind cut_as;
	bool until_close; /* no chunked coding: the end of the connection ends the body */

	long times; /* how often it answers before next does; 0: always */
	char next[LIMIT_NAME + 1];
	unsigned references;
};

/* NULL and *why (to be freed) if the JSON is no script. One reference, the caller's. */
struct script *script_new(const char *name, const cJSON *json, char **why);
void script_free(struct script *s);

#endif
