#include "base.h"
#include "json.h"

static size_t sequence_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0)
		return 3;
	return first < 0xf5 ? 4 : 0;
}

/* Bytes of the UTF-8 sequence at p (1..4), 0 if it is none. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
	size_t len = sequence_length(p[0]);
	unsigned char min = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char max = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;

	if (!len || len > left)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (p[i] < (i == 1 ? min : 0x80) || p[i] > (i == 1 ? max : 0xbf))
			return 0;
	}
	return len;
}

bool utf8_ok(const char *at, size_t len)
{
	const unsigned char *p = (const unsigned char *)at;

	for (size_t i = 0; i < len;) {
		size_t step = utf8_sequence(p + i, len - i);

		if (!step)
			return false;
		i += step;
	}
	return true;
}

/* Walks the text once, telling strings from structure. */
static size_t scan(const char *at, size_t len, bool *control_in_string)
{
	size_t depth = 0, deepest = 0;
	bool in_string = false;

	*control_in_string = false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)at[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
			else if (c < 0x20)
				*control_in_string = true;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > deepest)
				deepest = depth;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return deepest;
}

size_t json_depth(const char *at, size_t len)
{
	bool ignored;

	return scan(at, len, &ignored);
}

cJSON *json_read(const char *at, size_t len, const char **why)
{
	bool control;
	cJSON *value;

	*why = NULL;
	if (!utf8_ok(at, len))
		*why = "not UTF-8";
	else if (scan(at, len, &control) > LIMIT_JSON_DEPTH)
		*why = "nested too deep";
	else if (control)
		*why = "control character in a string";
	if (*why)
		return NULL;
	value = cJSON_ParseWithLengthOpts(at, len + 1, NULL, true);
	if (!value)
		*why = "not JSON";
	return value;
}

const cJSON *json_get(const cJSON *object, const char *name)
{
	const cJSON *item;

	if (!cJSON_IsObject(object))
		return NULL;
	item = cJSON_GetObjectItemCaseSensitive(object, name);
	return cJSON_IsNull(item) ? NULL : item;
}

const cJSON *json_array(const cJSON *object, const char *name)
{
	const cJSON *item = json_get(object, name);

	return cJSON_IsArray(item) ? item : NULL;
}

const cJSON *json_object(const cJSON *object, const char *name)
{
	const cJSON *item = json_get(object, name);

	return cJSON_IsObject(item) ? item : NULL;
}

const char *json_str(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(json_get(object, name));
}

double json_num(const cJSON *object, const char *name, double missing)
{
	const cJSON *item = json_get(object, name);

	return cJSON_IsNumber(item) ? item->valuedouble : missing;
}

bool json_bool(const cJSON *object, const char *name, bool missing)
{
	const cJSON *item = json_get(object, name);

	return cJSON_IsBool(item) ? cJSON_IsTrue(item) : missing;
}

char *json_text(const cJSON *value)
{
	char *text = cJSON_PrintUnformatted(value);

	return text ? text : xstrdup("null");
}
