/*
 * answers.h - for the tests of the writers: event sequences, and an SSE reader of its own.
 */
#ifndef TESTS_UNIT_ANSWERS_H
#define TESTS_UNIT_ANSWERS_H

#include "common/base.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/utf8.h"
#include "fcgi/out.h"

#include <CUnit/CUnit.h>

/* clang-format off */
#define T(t)	     { .kind = EVENT_TEXT, .text = { t, sizeof(t) - 1 } }
#define K(t)	     { .kind = EVENT_THINKING, .text = { t, sizeof(t) - 1 } }
#define SIGNATURE(t) { .kind = EVENT_SIGNATURE, .text = { t, sizeof(t) - 1 } }
#define CALL(i, n)   { .kind = EVENT_TOOL_START, .id = i, .name = n }
#define A(t)	     { .kind = EVENT_TOOL_INPUT, .text = { t, sizeof(t) - 1 } }
#define END	     { .kind = EVENT_TOOL_END }
#define STOP(s)                                                          \
	{                                                                \
		.kind = EVENT_STOP, .stop = s, .text = { "", 0 },        \
		.usage = { .input = 500, .output = 77, .cache_read = 3, .cache_write = 2 } \
	}

/* clang-format on */

#define ANSWER_EVENTS 24

static const struct answer {
	const char *name;
	struct event events[ANSWER_EVENTS]; /* up to and with STOP */
} answers[] = {
	{ "text",
	  { T("Hel"), T(""), T("lo \"\\\n\t\x01\xe2\x80\xa8\xf0\x9f\x98\x80"),
	    STOP(STOP_END_TURN) } },
	{ "tool",
	  { CALL("tooluse_1", "f"), A("{\"a\":"), A(""), A("1}"), END, STOP(STOP_TOOL_USE) } },
	{ "two tools",
	  { CALL("t1", "f"), A("{}"), END, CALL("t2", "g"), A("{\"x\":[1,"), A("\"\\\"\"]}"), END,
	    STOP(STOP_TOOL_USE) } },
	{ "thinking text tool",
	  { K("let me "), K("think"), SIGNATURE("sig=="), T("ok"), CALL("t1", "f"), A("{}"), END,
	    STOP(STOP_TOOL_USE) } },
	{ "unsigned thinking", { K("let me "), K("think"), T("ok"), STOP(STOP_END_TURN) } },
	{ "thinking only", { K("deep"), STOP(STOP_MAX_TOKENS) } },
	{ "signature only", { SIGNATURE("opaque"), T("ok"), STOP(STOP_END_TURN) } },
	{ "two thoughts",
	  { K("a"), SIGNATURE("s1"), K("b"), SIGNATURE("s2"), T("ok"), STOP(STOP_END_TURN) } },
	{ "text between tools",
	  { CALL("t1", "f"), A("{}"), END, T("and"), CALL("t2", "f"), A("{}"), END, T("done"),
	    STOP(STOP_TOOL_USE) } },
	{ "max tokens", { T("cut"), STOP(STOP_MAX_TOKENS) } },
	{ "context", { T("cut"), STOP(STOP_CONTEXT) } },
	{ "pause", { T("wait"), STOP(STOP_PAUSE_TURN) } },
	{ "refusal",
	  { { .kind = EVENT_STOP,
	      .stop = STOP_REFUSAL,
	      .text = { "because", 7 },
	      .usage = { .input = 500, .output = 1 } } } },
	{ "stop sequence",
	  { T("until"),
	    { .kind = EVENT_STOP,
	      .stop = STOP_SEQUENCE,
	      .stop_sequence = "END",
	      .usage = { .input = 500, .output = 5 } } } },
};

/* What the writer makes of the answer's events. */
static inline void play(const struct out_dialect *dialect, const struct out_options *options,
			const struct answer *answer, struct out *o, struct buf *wire)
{
	struct error e = { .kind = ERR_NONE };
	const struct event *event = answer->events;

	out_init(o, dialect, options);
	out_begin(o, wire);
	do {
		CU_ASSERT_EQUAL(out_event(o, event, wire, &e), 0);
	} while ((event++)->kind != EVENT_STOP);
	CU_ASSERT(!wire->failed);
}

static inline const struct answer *answer_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		if (strcmp(answers[i].name, name) == 0)
			return &answers[i];
	}
	CU_FAIL_FATAL("no such answer");
	return NULL;
}

#define SSE_EVENTS 64

struct sse {
	struct sse_event {
		char name[64]; /* "" where there is no event: line */
		cJSON *data;   /* NULL: no JSON, "[DONE]" */
		char *line;
	} events[SSE_EVENTS];
	size_t count;
};

/* Splits a stream strictly: "event: X\ndata: Y\n\n" or "data: Y\n\n"; comments are left out.
 * Contract 4: each payload is one line of valid JSON in UTF-8 without NUL. */
static inline void sse_read(struct sse *s, const struct buf *wire)
{
	const char *at = wire->at;

	memset(s, 0, sizeof(*s));
	CU_ASSERT_EQUAL(strlen(wire->at), wire->len);
	while (*at) {
		struct sse_event *event = &s->events[s->count];
		const char *end = strstr(at, "\n\n");
		struct error e = { .kind = ERR_NONE };

		CU_ASSERT_FATAL(end != NULL && s->count < SSE_EVENTS);
		if (*at == ':') {
			at = end + 2;
			continue;
		}
		if (strncmp(at, "event: ", 7) == 0) {
			sscanf(at, "event: %63[^\n]\n", event->name);
			at = strchr(at, '\n') + 1;
		}
		CU_ASSERT_FATAL(strncmp(at, "data: ", 6) == 0);
		at += 6;
		CU_ASSERT_PTR_EQUAL(memchr(at, '\n', (size_t)(end - at)), NULL);
		event->line = xstrndup(at, (size_t)(end - at));
		if (strcmp(event->line, "[DONE]") != 0) {
			event->data = json_parse(span_of(event->line), &e);
			CU_ASSERT_PTR_NOT_NULL_FATAL(event->data);
		}
		s->count++;
		at = end + 2;
	}
}

static inline void sse_free(struct sse *s)
{
	for (size_t i = 0; i < s->count; i++) {
		cJSON_Delete(s->events[i].data);
		free(s->events[i].line);
	}
}

/* The text at a path such as "choices.0.delta.content", NULL: absent or no text. */
static inline const cJSON *json_at(const cJSON *from, const char *path)
{
	char key[64];

	while (from && *path) {
		size_t len = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)len, path);
		from = cJSON_IsArray(from) ? cJSON_GetArrayItem(from, atoi(key))
					   : cJSON_GetObjectItemCaseSensitive(from, key);
		path += len + (path[len] == '.');
	}
	return from;
}

static inline const char *text_at(const cJSON *from, const char *path)
{
	return cJSON_GetStringValue(json_at(from, path));
}

static inline double number_at(const cJSON *from, const char *path)
{
	const cJSON *item = json_at(from, path);

	return cJSON_IsNumber(item) ? item->valuedouble : -1;
}

static inline bool text_is(const cJSON *from, const char *path, const char *expected)
{
	const char *text = text_at(from, path);

	return text && strcmp(text, expected) == 0;
}

#endif
