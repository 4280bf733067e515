/*
 * script.c - the script's own settings; what its steps mean stands in step.c.
 */
#include "base.h"
#include "script.h"
#include "step.h"

#include <ctype.h>

typedef char *(*setting_reader)(struct script *s, const cJSON *value);

#define MS 1000000.0

static char *want(const char *what)
{
	return xformat("must be %s", what);
}

static char *read_ms(int64_t *ns, const cJSON *value)
{
	if (!cJSON_IsNumber(value) || value->valuedouble < 0 || value->valuedouble > 1e9)
		return want("milliseconds, 0 or more");
	*ns = (int64_t)(value->valuedouble * MS);
	return NULL;
}

static char *read_first_byte(struct script *s, const cJSON *value)
{
	return read_ms(&s->first_byte_ns, value);
}

static char *read_pace(struct script *s, const cJSON *value)
{
	return read_ms(&s->pace_ns, value);
}

static char *read_chunking(struct script *s, const cJSON *value)
{
	const char *text = cJSON_GetStringValue(value);

	if (cJSON_IsNumber(value) && value->valuedouble >= 1) {
		s->piece = (size_t)value->valuedouble;
		return NULL;
	}
	if (text && !strcmp(text, "frame")) {
		s->by_frame = true;
		return NULL;
	}
	if (text && !strncmp(text, "random:", 7) && isdigit((unsigned char)text[7])) {
		s->random = true;
		s->seed = (uint32_t)strtoul(text + 7, NULL, 10) | 1u;
		return NULL;
	}
	return want("\"frame\", a number of bytes, or \"random:SEED\"");
}

static char *read_order(struct script *s, const cJSON *value)
{
	const char *text = cJSON_GetStringValue(value);

	if (text && !strcmp(text, "rts"))
		s->order = ORDER_RTS;
	else if (text && !strcmp(text, "krs"))
		s->order = ORDER_KRS;
	else
		return want("\"rts\" or \"krs\"");
	return NULL;
}

static char *read_content_type(struct script *s, const cJSON *value)
{
	if (!cJSON_IsString(value) || strpbrk(value->valuestring, "\r\n"))
		return want("a header value");
	s->content_type = xstrdup(value->valuestring);
	return NULL;
}

static char *read_cut_after(struct script *s, const cJSON *value)
{
	if (!cJSON_IsNumber(value) || value->valuedouble < 0)
		return want("a number of bytes");
	s->cut_after = (uint64_t)value->valuedouble;
	return NULL;
}

static char *read_cut_as(struct script *s, const cJSON *value)
{
	static const char *const names[] = {
		[CUT_CLOSE] = "close", [CUT_RESET] = "reset", [CUT_CLEAN] = "clean"
	};
	const char *text = cJSON_GetStringValue(value);

	for (size_t i = 0; text && i < ARRAY_SIZE(names); i++) {
		if (!strcmp(names[i], text)) {
			s->cut_as = (enum cut_kind)i;
			return NULL;
		}
	}
	return want("\"close\", \"reset\" or \"clean\"");
}

static char *read_transfer(struct script *s, const cJSON *value)
{
	const char *text = cJSON_GetStringValue(value);

	if (!text || (strcmp(text, "chunked") && strcmp(text, "close")))
		return want("\"chunked\" or \"close\"");
	s->until_close = !strcmp(text, "close");
	return NULL;
}

static char *read_times(struct script *s, const cJSON *value)
{
	if (!cJSON_IsNumber(value) || value->valuedouble < 1 || value->valuedouble > INT32_MAX)
		return want("1 or more");
	s->times = (long)value->valuedouble;
	return NULL;
}

static char *read_next(struct script *s, const cJSON *value)
{
	const char *text = cJSON_GetStringValue(value);

	if (!text || !*text || strlen(text) > LIMIT_NAME)
		return want("the name of a script");
	memcpy(s->next, text, strlen(text) + 1);
	return NULL;
}

static char *read_http_headers(struct script *s, const cJSON *headers)
{
	struct text lines = { 0 };
	const cJSON *header;

	cJSON_ArrayForEach (header, headers) {
		if (!cJSON_IsString(header) || strpbrk(header->valuestring, "\r\n") ||
		    strpbrk(header->string, "\r\n: ")) {
			text_release(&lines);
			return want("an object; in headers, names and text values only");
		}
		text_addf(&lines, "%s: %s\r\n", header->string, header->valuestring);
	}
	s->http_headers = lines.at;
	return NULL;
}

/* {"status":N,"headers":{..},"body":object or verbatim string} */
static char *read_http(struct script *s, const cJSON *value)
{
	const cJSON *body = json_get(value, "body"), *member;
	double status = json_num(value, "status", 0);

	if (status < 200 || status > 599)
		return want("an object with a status from 200 to 599");
	cJSON_ArrayForEach (member, value) {
		if (strcmp(member->string, "status") && strcmp(member->string, "headers") &&
		    strcmp(member->string, "body"))
			return want("an object of status, headers and body only");
	}
	s->status = (int)status;
	if (cJSON_IsString(body))
		s->http_body = xstrdup(body->valuestring);
	else if (body)
		s->http_body = json_text(body);
	return read_http_headers(s, json_object(value, "headers"));
}

static char *skip(struct script *s, const cJSON *value)
{
	(void)s;
	(void)value;
	return NULL; /* steps and trailer: step.c reads them */
}

static const struct {
	const char *name;
	setting_reader read;
} settings[] = {
	{ "steps", skip },
	{ "trailer", skip },
	{ "http", read_http },
	{ "first_byte_delay_ms", read_first_byte },
	{ "pace_ms", read_pace },
	{ "chunking", read_chunking },
	{ "header_order", read_order },
	{ "content_type", read_content_type },
	{ "cut_after_bytes", read_cut_after },
	{ "cut_as", read_cut_as },
	{ "transfer", read_transfer },
	{ "times", read_times },
	{ "next", read_next },
};

static char *read_settings(struct script *s, const cJSON *json)
{
	const cJSON *member;
	char *wrong = NULL, *why;
	size_t i;

	cJSON_ArrayForEach (member, json) {
		for (i = 0; i < ARRAY_SIZE(settings); i++) {
			if (!strcmp(settings[i].name, member->string))
				break;
		}
		if (i == ARRAY_SIZE(settings))
			return xformat("%s: no such setting of a script", member->string);
		wrong = settings[i].read(s, member);
		if (wrong)
			break;
	}
	if (!wrong)
		return NULL;
	why = xformat("%s: %s", member->string, wrong);
	free(wrong);
	return why;
}

struct script *script_new(const char *name, const cJSON *json, char **why)
{
	struct script *s = xcalloc(1, sizeof(*s));

	*why = NULL;
	s->order = -1;
	s->cut_after = UINT64_MAX;
	s->references = 1;
	snprintf(s->name, sizeof(s->name), "%s", name);
	if (!*name || strlen(name) > LIMIT_NAME)
		*why = xstrdup("a script's name has 1 to 64 characters");
	else if (!cJSON_IsObject(json))
		*why = xstrdup("a script is a JSON object");
	else
		*why = read_settings(s, json);
	for (int order = 0; !*why && order < ORDER_COUNT; order++)
		*why = steps_compile(&s->code[order], (enum header_order)order, json);
	if (!*why)
		return s;
	script_free(s);
	return NULL;
}

void script_free(struct script *s)
{
	for (int order = 0; order < ORDER_COUNT; order++) {
		text_release(&s->code[order].bytes);
		free(s->code[order].ops);
	}
	free(s->http_headers);
	free(s->http_body);
	free(s->content_type);
	free(s);
}
