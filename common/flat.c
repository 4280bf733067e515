#include "common/base.h"
#include "common/flat.h"

#include "common/utf8.h"

#define MEMBERS 16 /* most that are looked at */

static char unescaped(char c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found = c ? strchr(from, c) : NULL;

	return found ? to[found - from] : '\0'; /* \u is rare: left to the parser */
}

/* The text whose opening quote is before `at`, decoded where it lies. Returns what follows its
 * closing quote, NULL: not for us. */
static char *read_text(char *at, const char *end, struct span *out)
{
	char *to = at;

	out->at = at;
	for (;;) {
		size_t len = utf8_plain_prefix((struct span){ at, (size_t)(end - at) });
		char c;

		if (to != at)
			memmove(to, at, len);
		at += len;
		to += len;
		if (at == end)
			return NULL;
		if (*at == '"')
			break;
		if (*at == '\\') {
			c = end - at > 1 ? unescaped(at[1]) : '\0';
			if (!c)
				return NULL;
			*to++ = c;
			at += 2;
			continue;
		}
		len = (unsigned char)*at < 0x20 ? 0 : utf8_char(at, (size_t)(end - at));
		if (!len)
			return NULL;
		memmove(to, at, len);
		at += len;
		to += len;
	}
	*to = '\0';
	out->len = (size_t)(to - out->at);
	return at + 1;
}

/* The first of a name counts, as everywhere. */
static void keep(struct flat_member *wanted, size_t count, const char *key, struct span text)
{
	for (size_t i = 0; i < count; i++) {
		if (!wanted[i].text.at && strcmp(wanted[i].key, key) == 0) {
			wanted[i].text = text;
			return;
		}
	}
}

/* What follows a member, NULL: not for us. */
static char *read_member(char *at, const char *end, struct flat_member *wanted, size_t count)
{
	struct span key, text;

	if (end - at < 1 || *at != '"')
		return NULL;
	at = read_text(at + 1, end, &key);
	if (!at || end - at < 2 || at[0] != ':' || at[1] != '"')
		return NULL;
	at = read_text(at + 2, end, &text);
	if (at)
		keep(wanted, count, key.at, text);
	return at;
}

bool flat_read(struct buf *scratch, struct span json, struct flat_member *wanted, size_t count)
{
	const char *end;
	char *at;

	for (size_t i = 0; i < count; i++)
		wanted[i].text = (struct span){ NULL, 0 };
	buf_reset(scratch);
	if (json.len < 2 || json.at[0] != '{' || json.at[json.len - 1] != '}' ||
	    buf_add(scratch, json.at, json.len))
		return false;
	at = scratch->at + 1;
	end = scratch->at + json.len - 1;
	for (size_t members = 0; members < MEMBERS; members++) {
		at = read_member(at, end, wanted, count);
		if (!at)
			return false;
		if (at == end)
			return true;
		if (*at++ != ',')
			return false;
	}
	return false;
}
