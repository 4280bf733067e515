/*
 * csv.h - a cell of comma-separated values (RFC 4180).
 */
#ifndef COMMON_CSV_H
#define COMMON_CSV_H

#include "common/buf.h"

/* In quotes where the text needs them, and behind an apostrophe where a spreadsheet would take it
 * for a formula ("-" alone is none). */
void csv_cell(struct buf *out, const char *text);

#endif
