#include "common/base.h"
#include "common/form.h"

#include <ctype.h>

void form_add(struct buf *to, const char *name, const char *value)
{
	if (!value)
		return;
	if (to->len && to->at[to->len - 1] != '?')
		buf_add_char(to, '&');
	buf_add_format(to, "%s=", name);
	for (; *value; value++) {
		if (isalnum((unsigned char)*value) || strchr("-._~", *value))
			buf_add_char(to, *value);
		else
			buf_add_format(to, "%%%02X", (unsigned char)*value);
	}
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* NULL: a broken escape, or a NUL byte. */
static char *decode(const char *from, size_t len)
{
	char *out = xmalloc(len + 1), *to = out;

	for (size_t i = 0; i < len; i++, to++) {
		int high, low;

		*to = from[i] == '+' ? ' ' : from[i];
		if (from[i] != '%')
			continue;
		high = len - i > 2 ? digit(from[i + 1]) : -1;
		low = len - i > 2 ? digit(from[i + 2]) : -1;
		if (high < 0 || low < 0 || high + low == 0) {
			free(out);
			return NULL;
		}
		*to = (char)(high * 16 + low);
		i += 2;
	}
	*to = '\0';
	return out;
}

char *form_value(const char *url, const char *name)
{
	const char *at = strchr(url, '?');
	size_t name_len = strlen(name);

	while (at && *at && *at != '#') {
		size_t len = strcspn(++at, "&#");

		if (len >= name_len && strncmp(at, name, name_len) == 0 &&
		    (len == name_len || at[name_len] == '='))
			return len == name_len ? xstrdup("")
					       : decode(at + name_len + 1, len - name_len - 1);
		at += len;
	}
	return NULL;
}
