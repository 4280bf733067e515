#include "common/base.h"
#include "fcgi/sse.h"

void sse_begin(struct buf *wire, const char *name, struct jsonw *w)
{
	if (name) {
		buf_add_text(wire, "event: ");
		buf_add_text(wire, name);
		buf_add_char(wire, '\n');
	}
	buf_add_text(wire, "data: ");
	jsonw_init(w, wire);
}

void sse_end(struct buf *wire)
{
	buf_add(wire, "\n\n", 2);
}
