/*
 * import_database.h - the database file of kiro-cli, read into accounts (common/import.h). The file
 * is left as it is.
 */
#ifndef CLI_IMPORT_DATABASE_H
#define CLI_IMPORT_DATABASE_H

#include "common/import.h"

int import_database(struct import *i, const char *source, const char *path, struct error *e);

#endif
