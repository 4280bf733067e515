#include "common/base.h"
#include "cli/table.h"

#include "cli/ctl.h"
#include "common/utf8.h"

void table_init(struct table *t, const char *const *heads, size_t columns)
{
	*t = (struct table){ .columns = columns };
	table_add(t, heads);
}

void table_add(struct table *t, const char *const *cells)
{
	size_t at = t->rows++ * t->columns;

	t->cells = xrealloc(t->cells, t->rows * t->columns * sizeof(*t->cells));
	for (size_t i = 0; i < t->columns; i++)
		t->cells[at + i] = xstrdup(cells[i] && *cells[i] ? cells[i] : "-");
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void table_sort(struct table *t)
{
	qsort(t->cells + t->columns, t->rows - 1, t->columns * sizeof(*t->cells), compare);
}

static size_t width(const struct table *t, size_t column)
{
	size_t most = 0;

	for (size_t row = 0; row < t->rows; row++) {
		size_t count = utf8_count(span_of(t->cells[row * t->columns + column]));

		most = count > most ? count : most;
	}
	return most;
}

void table_print(const struct table *t, FILE *to)
{
	size_t *widths = xcalloc(t->columns, sizeof(*widths));

	for (size_t column = 0; column < t->columns; column++)
		widths[column] = width(t, column);
	for (size_t at = 0; at < t->rows * t->columns; at++) {
		size_t column = at % t->columns;
		const char *cell = t->cells[at];
		size_t blanks = widths[column] + 2 - utf8_count(span_of(cell));

		ctl_print_clean(to, cell);
		if (column + 1 == t->columns)
			fputc('\n', to);
		else
			fprintf(to, "%*s", (int)blanks, "");
	}
	free(widths);
}

void table_release(struct table *t)
{
	for (size_t i = 0; i < t->rows * t->columns; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){ .columns = t->columns };
}
