/*
 * table.h - rows of text in aligned columns. Cells are copied, and shown without control
 * characters: they may come from other parties.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "common/base.h"

struct table {
	size_t columns, rows; /* the first row is the heading */
	char **cells;
};

void table_init(struct table *t, const char *const *heads, size_t columns);
void table_add(struct table *t, const char *const *cells); /* as many as there are columns */
void table_sort(struct table *t);			   /* by the first column */
/* Cuts the cells of one column so that a line takes at most `total` places, but none to less than
 * `least`. */
void table_fit(struct table *t, size_t column, size_t least, size_t total);
void table_print(const struct table *t, FILE *to);
void table_release(struct table *t);

#endif
