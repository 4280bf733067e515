/*
 * log_read.h - what log.h wrote to a file, read back: for those who watch it from afar.
 *
 * Both forms, and both in one file. A line that is none of ours (another program writes to the
 * same file, a library has died) is passed over.
 */
#ifndef COMMON_LOG_READ_H
#define COMMON_LOG_READ_H

#include "common/base.h"
#include "common/error.h"
#include "common/log.h"

#define LOG_STAMP_SIZE 32 /* "2026-11-21T10:00:00.123Z" */
#define LOG_NAME_SIZE  96

/* Texts are borrowed until each() returns. */
struct log_record {
	char at[LOG_STAMP_SIZE];
	enum log_level level;
	bool access;		 /* it tells of a request that is over; what follows is its */
	char request[48];	 /* "": of none */
	const char *text;	 /* an access record of JSON is put into words */
	char key[LOG_NAME_SIZE]; /* who asked; "": not told, as in the rest */
	char account[LOG_NAME_SIZE], model[LOG_NAME_SIZE];
	int status;	 /* 0: not told */
	int64_t took_ms; /* -1: not told */
};

/* How far somebody has read. inode 0: not at all. */
struct log_place {
	uint64_t inode;
	int64_t offset;
};

struct log_reading {
	bool more;   /* there is more behind the place: go on at once */
	bool missed; /* something between the old place and the first record is gone or left out */
};

/* The records behind *place, of at most `most` bytes, the oldest first; the place then stands
 * behind them. Not read at all yet: those of the file's last `most` bytes. Another file has come in
 * its place, or this one was cut: from its begin on. No such file: no records. -1: ERR_STORE. */
int log_read(const char *path, size_t most, struct log_place *place,
	     void (*each)(void *context, const struct log_record *record), void *context,
	     struct log_reading *how, struct error *e);

int log_level_of(const char *name); /* -1: it is none */

#endif
