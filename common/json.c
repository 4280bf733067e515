#include "common/base.h"
#include "common/json.h"

#include "common/utf8.h"

#define PLAIN_DIGITS 15 /* an integer of so many is the same as a double */

const char *json_path(const struct json_at *at, const char *key, char out[static JSON_PATH_SIZE])
{
	const struct json_at *frames[LIMIT_JSON_DEPTH] = { NULL };
	size_t depth = 0, len = 0;

	for (; at && depth < ARRAY_SIZE(frames); at = at->up)
		frames[depth++] = at;
	out[0] = '\0';
	while (depth-- > 0 && len < JSON_PATH_SIZE - 1) {
		const char *dot = len ? "." : "";

		if (frames[depth]->key)
			snprintf(out + len, JSON_PATH_SIZE - len, "%s%s", dot, frames[depth]->key);
		else
			snprintf(out + len, JSON_PATH_SIZE - len, "%s%zu", dot,
				 frames[depth]->index);
		len += strlen(out + len);
	}
	if (key && len < JSON_PATH_SIZE - 1)
		snprintf(out + len, JSON_PATH_SIZE - len, "%s%s", len ? "." : "", key);
	return out;
}

int json_error(const struct json_at *at, const char *key, struct error *e, const char *format, ...)
{
	char path[JSON_PATH_SIZE], text[LIMIT_ERROR_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return error_field(e, json_path(at, key, path), "%s", text);
}

/* What is wrong at text.at[*at], or NULL; *at ends behind the string's closing quote. */
static const char *check_string(struct span text, bool allow_nul, size_t *at)
{
	size_t i = *at + 1;

	for (;;) {
		size_t len;

		if (i < text.len)
			i += utf8_plain_prefix((struct span){ text.at + i, text.len - i });
		*at = i;
		if (i >= text.len)
			return "unterminated string";
		if (text.at[i] == '"')
			break;
		if ((unsigned char)text.at[i] < 0x20)
			return "control character in a string";
		if (text.at[i] == '\\') {
			if (!allow_nul && text.len - i >= 6 &&
			    memcmp(text.at + i, "\\u0000", 6) == 0)
				return "\\u0000 is not supported in strings";
			i += 2;
			continue;
		}
		len = utf8_char(text.at + i, text.len - i);
		if (!len)
			return "invalid UTF-8";
		i += len;
	}
	*at = i + 1;
	return NULL;
}

static bool starts_number(char c)
{
	return c == '-' || (c >= '0' && c <= '9');
}

static size_t digits_length(struct span text, size_t at)
{
	size_t i = at;

	while (i < text.len && text.at[i] >= '0' && text.at[i] <= '9')
		i++;
	return i - at;
}

/* The characters from `at` on that may belong to a number. */
static size_t number_length(struct span text, size_t at)
{
	size_t i = at;

	while (i < text.len && text.at[i] && strchr("0123456789+-.eE", text.at[i]))
		i++;
	return i - at;
}

/* cJSON takes what strtod() takes: 01, 1. and -.5 too. */
static bool is_number(struct span number)
{
	size_t at = number.at[0] == '-';
	size_t whole = digits_length(number, at), more = 1;

	if (!whole || (whole > 1 && number.at[at] == '0'))
		return false;
	at += whole;
	if (at < number.len && number.at[at] == '.') {
		more = digits_length(number, at + 1);
		at += 1 + more;
	}
	if (more && at < number.len && (number.at[at] | 0x20) == 'e') {
		at++;
		at += at < number.len && (number.at[at] == '+' || number.at[at] == '-');
		more = digits_length(number, at);
		at += more;
	}
	return more && at == number.len;
}

/* Would a double give the number back in other words? */
static bool needs_its_text(struct span number)
{
	size_t at = number.at[0] == '-';
	size_t whole = digits_length(number, at);

	return whole > PLAIN_DIGITS || at + whole < number.len;
}

/* One pass before cJSON sees the text: strings, numbers, nesting and stray bytes. *numbers: how
 * many need their text. */
static const char *check(struct span text, bool allow_nul, size_t *at, size_t *numbers)
{
	size_t depth = 0, nodes = 0;

	*numbers = 0;

	for (*at = 0; *at < text.len;) {
		unsigned char c = (unsigned char)text.at[*at];
		const char *wrong;

		if (c == '"') {
			wrong = check_string(text, allow_nul, at);
			if (wrong)
				return wrong;
			continue;
		}
		if (starts_number((char)c)) {
			struct span number = { text.at + *at, number_length(text, *at) };

			if (!is_number(number))
				return "bad number";
			*numbers += needs_its_text(number);
			*at += number.len;
			continue;
		}
		if (c == '{' || c == '[') {
			if (++depth > LIMIT_JSON_DEPTH)
				return "nested too deeply";
			nodes++;
		} else if (c == '}' || c == ']') {
			depth -= depth > 0;
		} else if (c == ',') {
			if (++nodes > LIMIT_JSON_NODES)
				return "too many values";
		} else if (c >= 0x7F || (c < 0x20 && c != '\t' && c != '\n' && c != '\r')) {
			return "unexpected byte";
		}
		++*at;
	}
	return NULL;
}

/* The next number of a text that is good JSON. */
static struct span next_number(struct span text, size_t *at)
{
	struct span number = { NULL, 0 };

	while (!starts_number(text.at[*at])) {
		if (text.at[*at] == '"')
			check_string(text, true, at);
		else
			++*at;
	}
	number = (struct span){ text.at + *at, number_length(text, *at) };
	*at += number.len;
	return number;
}

/* Numbers stand in the tree in the order of the text. cJSON frees a valuestring of any item. */
static void keep_numbers(cJSON *tree, struct span text, size_t *at, size_t *left)
{
	for (cJSON *item = tree; item && *left; item = item->next) {
		struct span number;

		keep_numbers(item->child, text, at, left);
		if (!cJSON_IsNumber(item))
			continue;
		number = next_number(text, at);
		if (!needs_its_text(number))
			continue;
		item->valuestring = xstrndup(number.at, number.len);
		--*left;
	}
}

cJSON *json_parse(struct span text, struct error *e)
{
	const char *end = NULL, *wrong;
	size_t at = 0, numbers;
	cJSON *tree;

	wrong = check(text, false, &at, &numbers);
	if (wrong) {
		error_set(e, ERR_REQUEST, "not valid JSON: %s at byte %zu", wrong, at);
		return NULL;
	}
	tree = cJSON_ParseWithLengthOpts(text.at, text.len, &end, false);
	while (tree && end < text.at + text.len && strchr(" \t\r\n", *end))
		end++;
	if (!tree || end < text.at + text.len) {
		at = end ? (size_t)(end - text.at) : 0;
		error_set(e, ERR_REQUEST, "not valid JSON: %s at byte %zu",
			  tree	     ? "text behind the value"
			  : text.len ? "syntax error"
				     : "empty text",
			  at);
		cJSON_Delete(tree);
		return NULL;
	}
	at = 0;
	keep_numbers(tree, text, &at, &numbers);
	return tree;
}

bool json_is_object(struct span text)
{
	const char *end = NULL;
	size_t at = 0, numbers;
	cJSON *tree;
	bool is;

	if (check(text, true, &at, &numbers))
		return false;
	tree = cJSON_ParseWithLengthOpts(text.at, text.len, &end, false);
	while (end && end < text.at + text.len && strchr(" \t\r\n", *end))
		end++;
	is = cJSON_IsObject(tree) && end == text.at + text.len;
	cJSON_Delete(tree);
	return is;
}

const cJSON *json_member(const cJSON *from, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(from, key);

	return cJSON_IsNull(item) ? NULL : item;
}

int json_text(const cJSON *from, const char *key, const struct json_at *at, const char **out,
	      struct error *e)
{
	const cJSON *item = json_member(from, key);

	if (!item)
		return 0;
	if (!cJSON_IsString(item))
		return json_error(at, key, e, "Input should be a valid string");
	*out = item->valuestring;
	return 1;
}

int json_bool(const cJSON *from, const char *key, const struct json_at *at, bool *out,
	      struct error *e)
{
	const cJSON *item = json_member(from, key);

	if (!item)
		return 0;
	if (!cJSON_IsBool(item))
		return json_error(at, key, e, "Input should be a valid boolean");
	*out = cJSON_IsTrue(item);
	return 1;
}

int json_int(const cJSON *from, const char *key, const struct json_at *at, int64_t min, int64_t max,
	     int64_t *out, struct error *e)
{
	const cJSON *item = json_member(from, key);
	double value;

	if (!item)
		return 0;
	value = cJSON_IsNumber(item) ? item->valuedouble : 0.5;
	if (!(value >= -9e15 && value <= 9e15) || value != (double)(int64_t)value)
		return json_error(at, key, e, "Input should be a valid integer");
	if (value < (double)min)
		return json_error(at, key, e, "Input should be greater than or equal to %" PRId64,
				  min);
	if (value > (double)max)
		return json_error(at, key, e, "Input should be less than or equal to %" PRId64,
				  max);
	*out = (int64_t)value;
	return 1;
}

int json_array(const cJSON *from, const char *key, const struct json_at *at, const cJSON **out,
	       struct error *e)
{
	const cJSON *item = json_member(from, key);

	if (!item)
		return 0;
	if (!cJSON_IsArray(item))
		return json_error(at, key, e, "Input should be a valid array");
	*out = item;
	return 1;
}

int json_object(const cJSON *from, const char *key, const struct json_at *at, const cJSON **out,
		struct error *e)
{
	const cJSON *item = json_member(from, key);

	if (!item)
		return 0;
	if (!cJSON_IsObject(item))
		return json_error(at, key, e, "Input should be a valid object");
	*out = item;
	return 1;
}

int json_need_text(const cJSON *from, const char *key, const struct json_at *at, const char **out,
		   struct error *e)
{
	int rc = json_text(from, key, at, out, e);

	if (rc == 0)
		return json_error(at, key, e, "Field required");
	return rc < 0 ? -1 : 0;
}

const char *json_text_or(const cJSON *from, const char *key, const char *otherwise)
{
	const cJSON *item = json_member(from, key);

	return cJSON_IsString(item) ? item->valuestring : otherwise;
}

double json_number_or(const cJSON *from, const char *key, double otherwise)
{
	const cJSON *item = json_member(from, key);

	return cJSON_IsNumber(item) ? item->valuedouble : otherwise;
}
