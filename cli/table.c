#include "common/base.h"
#include "cli/table.h"

#include "cli/ctl.h"
#include "common/utf8.h"

#include <locale.h>
#include <wchar.h>

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

/* wcwidth() knows wide and combining characters only under a UTF-8 locale, and cron has none. */
static locale_t enter_utf8(locale_t *before)
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);

	*before = utf8 ? uselocale(utf8) : (locale_t)0;
	return utf8;
}

static void leave_utf8(locale_t utf8, locale_t before)
{
	if (!utf8)
		return;
	uselocale(before);
	freelocale(utf8);
}

/* Places on the screen of the character at `at`, *len its bytes; "?" stands for what cannot be
 * shown (ctl_print_clean). */
static size_t places_of(const char *at, size_t *len)
{
	mbstate_t state = { 0 };
	wchar_t wide = L'?';
	int places;

	*len = utf8_char(at, strlen(at));
	if (!*len || mbrtowc(&wide, at, *len, &state) != *len)
		wide = L'?';
	*len = *len ? *len : 1;
	places = wcwidth(wide);
	return places < 0 ? 1 : (size_t)places;
}

static size_t places(const char *text)
{
	size_t count = 0, len;

	for (; *text; text += len)
		count += places_of(text, &len);
	return count;
}

static size_t width(const struct table *t, size_t column)
{
	size_t most = 0;

	for (size_t row = 0; row < t->rows; row++) {
		size_t count = places(t->cells[row * t->columns + column]);

		most = count > most ? count : most;
	}
	return most;
}

/* Ends the text with an ellipsis where it takes more places than these (at least 1). */
static void cut(char **text, size_t most)
{
	static const char ellipsis[] = "\xE2\x80\xA6";
	size_t kept = 0, count = 0, len;
	char *copy;

	if (places(*text) <= most)
		return;
	while (count + places_of(*text + kept, &len) < most) {
		count += places_of(*text + kept, &len);
		kept += len;
	}
	copy = xmalloc(kept + sizeof(ellipsis));
	memcpy(copy, *text, kept);
	memcpy(copy + kept, ellipsis, sizeof(ellipsis));
	free(*text);
	*text = copy;
}

void table_fit(struct table *t, size_t column, size_t least, size_t total)
{
	locale_t before, utf8 = enter_utf8(&before);
	size_t others = 2 * (t->columns - 1), room;

	for (size_t i = 0; i < t->columns; i++)
		others += i == column ? 0 : width(t, i);
	room = total > others + least ? total - others : least;
	for (size_t row = 0; row < t->rows; row++)
		cut(&t->cells[row * t->columns + column], room);
	leave_utf8(utf8, before);
}

void table_print(const struct table *t, FILE *to)
{
	locale_t before, utf8 = enter_utf8(&before);
	size_t *widths = xcalloc(t->columns, sizeof(*widths));

	for (size_t column = 0; column < t->columns; column++)
		widths[column] = width(t, column);
	for (size_t at = 0; at < t->rows * t->columns; at++) {
		size_t column = at % t->columns;
		const char *cell = t->cells[at];
		size_t blanks = widths[column] + 2 - places(cell);

		ctl_print_clean(to, cell);
		if (column + 1 == t->columns)
			fputc('\n', to);
		else
			fprintf(to, "%*s", (int)blanks, "");
	}
	free(widths);
	leave_utf8(utf8, before);
}

void table_release(struct table *t)
{
	for (size_t i = 0; i < t->rows * t->columns; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){ .columns = t->columns };
}
