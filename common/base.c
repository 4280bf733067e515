#include "common/base.h"

static void *checked(void *at)
{
	if (!at) {
		static const char text[] = "kiro-fcgi: out of memory\n";

		(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
		abort();
	}
	return at;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *at, size_t size)
{
	return checked(realloc(at, size ? size : 1));
}

char *xstrdup(const char *text)
{
	return checked(strdup(text));
}

char *xstrndup(const char *text, size_t len)
{
	return checked(strndup(text, len));
}

struct span span_of(const char *text)
{
	struct span s = { text ? text : "", text ? strlen(text) : 0 };

	return s;
}

bool span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && (!s.len || memcmp(s.at, text, s.len) == 0);
}
