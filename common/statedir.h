/*
 * statedir.h - the state directory: who may be in it, and files in it that several users share.
 *
 * Private (0700) or for two users of one group (2770: web server and cron). Files take their mode
 * from the directory, whatever the umask; files that root makes belong to the directory's owner.
 */
#ifndef COMMON_STATEDIR_H
#define COMMON_STATEDIR_H

#include "common/base.h"
#include "common/buf.h"
#include "common/error.h"

/* Makes the directory and its missing parents, 0700. */
int statedir_make(const char *dir, struct error *e);

/* ERR_STORE with what to do: missing, no directory, open to others, foreign, on a network file
 * system (unless any_fs). */
int statedir_check(const char *dir, bool any_fs, struct error *e);

/* The same for a file in it: mode and owner. */
int statedir_check_file(const char *path, const struct stat *st, struct error *e);

/* Opens for reading and writing; makes the file, empty, where it is missing. -1: ERR_STORE. */
int statedir_open(const char *dir, const char *path, struct error *e);

/* All of the bytes at that place, or -1 with errno: a part of them may be there then. */
int statedir_write(int fd, struct span bytes, off_t at);
/* In place of all that is in the file; a text that has failed (buf.h) is not written. */
int statedir_rewrite(int fd, const struct buf *text);

/* Gives a new file the owner and mode that files of the directory have. */
int statedir_adopt(const char *dir, int fd);

int statedir_adopt_dir(const char *dir, int fd); /* the same for a directory below it */

int statedir_sync(const char *dir); /* makes renames in it durable; -1 with errno */

/* Name of a file system that several hosts share, by its statfs magic; NULL: a local one. */
const char *statedir_network_fs(unsigned long magic);

#endif
