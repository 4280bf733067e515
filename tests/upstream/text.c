#include "base.h"
#include "text.h"

#include <stdarg.h>

static void reserve(struct text *t, size_t more)
{
	size_t need = t->len + more + 1;

	if (need <= t->size)
		return;
	t->size = t->size ? t->size * 2 : 256;
	if (t->size < need)
		t->size = need;
	t->at = xrealloc(t->at, t->size);
}

void text_add(struct text *t, const void *bytes, size_t len)
{
	reserve(t, len);
	if (len)
		memcpy(t->at + t->len, bytes, len);
	t->len += len;
	t->at[t->len] = 0;
}

void text_add_str(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void text_addf(struct text *t, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		return;
	reserve(t, (size_t)len);
	va_start(args, format);
	vsnprintf(t->at + t->len, (size_t)len + 1, format, args);
	va_end(args);
	t->len += (size_t)len;
}

void text_release(struct text *t)
{
	free(t->at);
	*t = (struct text){ 0 };
}
