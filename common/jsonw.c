#include "common/base.h"
#include "common/jsonw.h"

#include "common/clock.h"
#include "common/utf8.h"

#include <math.h>

void jsonw_init(struct jsonw *w, struct buf *out)
{
	w->out = out;
	w->depth = 0;
	w->first = true;
	w->has_key = false;
}

static void begin_value(struct jsonw *w)
{
	if (w->has_key) {
		w->has_key = false;
		return;
	}
	assert(!w->depth || w->closers[w->depth - 1] == ']');
	if (!w->first)
		buf_add_char(w->out, ',');
	w->first = false;
}

static void begin(struct jsonw *w, char opener, char closer)
{
	begin_value(w);
	buf_add_char(w->out, opener);
	assert(w->depth < JSONW_DEPTH);
	w->closers[w->depth++] = closer;
	w->first = true;
}

void jsonw_begin_object(struct jsonw *w)
{
	begin(w, '{', '}');
}

void jsonw_begin_array(struct jsonw *w)
{
	begin(w, '[', ']');
}

void jsonw_end(struct jsonw *w)
{
	assert(w->depth && !w->has_key);
	buf_add_char(w->out, w->closers[--w->depth]);
	w->first = false;
}

/* NEL, LINE and PARAGRAPH SEPARATOR: JSON takes them as they are, but clients that read a stream's
 * lines by Python's str.splitlines() (httpx does) would break it there. NULL: it is none of them.
 */
static const char *line_end(const char *at, size_t len)
{
	if (len == 2 && memcmp(at, "\xC2\x85", 2) == 0)
		return "\\u0085";
	if (len != 3 || memcmp(at, "\xE2\x80", 2) != 0)
		return NULL;
	return at[2] == '\xA8' ? "\\u2028" : at[2] == '\xA9' ? "\\u2029" : NULL;
}

/* Plain spans are copied whole; only quotes, backslashes, control bytes, line ends and damage stop
 * them. */
static void escape(struct buf *out, struct span text)
{
	static const char hex[] = "0123456789abcdef";
	size_t from = 0, i = 0;

	for (;;) {
		const char *end;
		unsigned char c;
		size_t len;

		i += utf8_plain_prefix((struct span){ text.at + i, text.len - i });
		if (i == text.len)
			break;
		c = (unsigned char)text.at[i];
		len = c < 0x80 ? 1 : utf8_char(text.at + i, text.len - i);
		end = len > 1 ? line_end(text.at + i, len) : NULL;
		if (len > 1 && !end) {
			i += len;
			continue;
		}
		buf_add(out, text.at + from, i - from);
		if (end) {
			buf_add_text(out, end);
			i += len - 1;
		} else if (!len) {
			buf_add(out, "\xEF\xBF\xBD", 3);
		} else if (c == '"' || c == '\\') {
			buf_add(out, (char[]){ '\\', (char)c }, 2);
		} else if (c == '\n') {
			buf_add(out, "\\n", 2);
		} else {
			buf_add(out, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
		}
		from = ++i;
	}
	buf_add(out, text.at + from, i - from);
}

void jsonw_begin_text(struct jsonw *w)
{
	begin_value(w);
	buf_add_char(w->out, '"');
}

void jsonw_add_text(struct jsonw *w, struct span text)
{
	escape(w->out, text);
}

void jsonw_end_text(struct jsonw *w)
{
	buf_add_char(w->out, '"');
}

void jsonw_key(struct jsonw *w, const char *key)
{
	assert(w->depth && w->closers[w->depth - 1] == '}' && !w->has_key);
	if (!w->first)
		buf_add_char(w->out, ',');
	w->first = false;
	buf_add_char(w->out, '"');
	escape(w->out, span_of(key));
	buf_add_char(w->out, '"');
	buf_add_char(w->out, ':');
	w->has_key = true;
}

void jsonw_span(struct jsonw *w, struct span text)
{
	jsonw_begin_text(w);
	jsonw_add_text(w, text);
	jsonw_end_text(w);
}

void jsonw_text(struct jsonw *w, const char *text)
{
	if (text)
		jsonw_span(w, span_of(text));
	else
		jsonw_null(w);
}

void jsonw_int(struct jsonw *w, int64_t value)
{
	begin_value(w);
	buf_add_int(w->out, value);
}

void jsonw_double(struct jsonw *w, double value)
{
	char text[32];

	begin_value(w);
	if (!isfinite(value)) {
		buf_add_text(w->out, "null");
		return;
	}
	/* 17 digits always round-trip, fewer are nicer where they do. */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	buf_add_text(w->out, text);
}

void jsonw_bool(struct jsonw *w, bool value)
{
	begin_value(w);
	buf_add_text(w->out, value ? "true" : "false");
}

void jsonw_null(struct jsonw *w)
{
	begin_value(w);
	buf_add_text(w->out, "null");
}

void jsonw_raw(struct jsonw *w, struct span json)
{
	begin_value(w);
	buf_add(w->out, json.at, json.len);
}

void jsonw_line(struct jsonw *w, struct span json)
{
	begin_value(w);
	for (size_t i = 0, len; i < json.len; i += len) {
		const char *at = json.at + i, *end;

		len = (unsigned char)*at < 0x80 ? 1 : utf8_char(at, json.len - i);
		len = len ? len : 1;
		end = line_end(at, len);
		if (end)
			buf_add_text(w->out, end);
		else if (*at != '\r' && *at != '\n')
			buf_add(w->out, at, len);
	}
}

void jsonw_tree(struct jsonw *w, const cJSON *tree)
{
	const cJSON *child;

	if (cJSON_IsObject(tree) || cJSON_IsArray(tree)) {
		(cJSON_IsObject(tree) ? jsonw_begin_object : jsonw_begin_array)(w);
		cJSON_ArrayForEach (child, tree) {
			if (cJSON_IsObject(tree))
				jsonw_key(w, child->string);
			jsonw_tree(w, child);
		}
		jsonw_end(w);
	} else if (cJSON_IsString(tree)) {
		jsonw_text(w, tree->valuestring);
	} else if (cJSON_IsNumber(tree) && tree->valuestring) {
		jsonw_raw(w, span_of(tree->valuestring)); /* see json_parse() */
	} else if (cJSON_IsNumber(tree)) {
		jsonw_double(w, tree->valuedouble);
	} else if (cJSON_IsBool(tree)) {
		jsonw_bool(w, cJSON_IsTrue(tree));
	} else {
		jsonw_null(w);
	}
}

void jsonw_text_member(struct jsonw *w, const char *key, const char *text)
{
	jsonw_key(w, key);
	jsonw_text(w, text);
}

void jsonw_date_member(struct jsonw *w, const char *key, int64_t seconds)
{
	char date[CLOCK_TEXT_SIZE];

	jsonw_text_member(w, key, seconds ? clock_format(seconds, date) : NULL);
}

void jsonw_int_member(struct jsonw *w, const char *key, int64_t value)
{
	jsonw_key(w, key);
	jsonw_int(w, value);
}

void jsonw_bool_member(struct jsonw *w, const char *key, bool value)
{
	jsonw_key(w, key);
	jsonw_bool(w, value);
}

void jsonw_null_member(struct jsonw *w, const char *key)
{
	jsonw_key(w, key);
	jsonw_null(w);
}

void jsonw_begin_object_member(struct jsonw *w, const char *key)
{
	jsonw_key(w, key);
	jsonw_begin_object(w);
}

void jsonw_begin_array_member(struct jsonw *w, const char *key)
{
	jsonw_key(w, key);
	jsonw_begin_array(w);
}
