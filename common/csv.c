#include "common/base.h"
#include "common/csv.h"

void csv_cell(struct buf *out, const char *text)
{
	bool formula = *text && strchr("=+-@\t\r", *text) && text[1];

	if (!formula && !strpbrk(text, ",\"\r\n")) {
		buf_add_text(out, text);
		return;
	}
	buf_add_text(out, formula ? "\"'" : "\"");
	for (; *text; text++) {
		if (*text == '"')
			buf_add_char(out, '"');
		buf_add_char(out, *text);
	}
	buf_add_char(out, '"');
}
