/*
 * A request on its way: a client's body in, the upstream's body out.
 */
#include "common/base.h"
#include "tests/bench/subjects.h"

#include "common/arena.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/models.h"
#include "fcgi/in.h"
#include "fcgi/tokens.h"
#include "fcgi/up_request.h"

#define TOOLS	    20
#define TURNS	    60
#define RESULT_SIZE 12500 /* bytes: TURNS / 2 of them make the 400 KB */

struct asked {
	struct buf body;
	struct buf out;
};

/* English with what needs escapes in JSON now and then, as files have it. */
static void add_words(struct jsonw *w, const char *key, size_t size)
{
	static const char line[] = "\tif (words[at] == NULL) /* the \"last\" of them */\n"
				   "\t\treturn at_the_end_of(words, at);\n";

	jsonw_key(w, key);
	jsonw_begin_text(w);
	for (size_t at = 0; at < size; at += strlen(line))
		jsonw_add_text(w, span_of(line));
	jsonw_end_text(w);
}

static void add_tool(struct jsonw *w, unsigned n)
{
	char name[32];

	snprintf(name, sizeof(name), "tool_%u", n);
	jsonw_begin_object(w);
	jsonw_text_member(w, "name", name);
	add_words(w, "description", 400);
	jsonw_begin_object_member(w, "input_schema");
	jsonw_text_member(w, "type", "object");
	jsonw_begin_object_member(w, "properties");
	for (unsigned i = 0; i < 6; i++) {
		char key[16];

		snprintf(key, sizeof(key), "field_%u", i);
		jsonw_begin_object_member(w, key);
		jsonw_text_member(w, "type", "string");
		jsonw_text_member(w, "description", "A value of this field, see above.");
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_begin_array_member(w, "required");
	jsonw_text(w, "field_0");
	jsonw_end(w);
	jsonw_end(w);
	jsonw_end(w);
}

/* A call and its result. */
static void add_turns(struct jsonw *w, unsigned n, size_t result)
{
	char id[32];

	snprintf(id, sizeof(id), "toolu_%u", n);
	jsonw_begin_object(w);
	jsonw_text_member(w, "role", "assistant");
	jsonw_begin_array_member(w, "content");
	jsonw_begin_object(w);
	jsonw_text_member(w, "type", "text");
	add_words(w, "text", 200);
	jsonw_end(w);
	jsonw_begin_object(w);
	jsonw_text_member(w, "type", "tool_use");
	jsonw_text_member(w, "id", id);
	jsonw_text_member(w, "name", "tool_1");
	jsonw_begin_object_member(w, "input");
	jsonw_text_member(w, "field_0", "a/path/of/some/file.c");
	jsonw_end(w);
	jsonw_end(w);
	jsonw_end(w);
	jsonw_end(w);

	jsonw_begin_object(w);
	jsonw_text_member(w, "role", "user");
	jsonw_begin_array_member(w, "content");
	jsonw_begin_object(w);
	jsonw_text_member(w, "type", "tool_result");
	jsonw_text_member(w, "tool_use_id", id);
	add_words(w, "content", result);
	jsonw_end(w);
	jsonw_end(w);
	jsonw_end(w);
}

static void write_request(struct buf *body, unsigned tools, unsigned turns)
{
	struct jsonw w;

	jsonw_init(&w, body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "model", "claude-sonnet-4-5");
	jsonw_int_member(&w, "max_tokens", 8192);
	jsonw_bool_member(&w, "stream", true);
	if (tools)
		jsonw_begin_array_member(&w, "tools");
	for (unsigned i = 0; i < tools; i++)
		add_tool(&w, i);
	if (tools)
		jsonw_end(&w);
	jsonw_begin_array_member(&w, "messages");
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "role", "user");
	jsonw_text_member(&w, "content", "Have a look at these files, please.");
	jsonw_end(&w);
	for (unsigned i = 0; i < turns / 2; i++)
		add_turns(&w, i, RESULT_SIZE);
	jsonw_end(&w);
	jsonw_end(&w);
	if (body->failed)
		bench_die("the request does not fit");
}

static struct asked *asked_new(unsigned tools, unsigned turns)
{
	struct asked *a = xcalloc(1, sizeof(*a));

	buf_init(&a->body, LIMIT_BODY);
	buf_init(&a->out, LIMIT_UP_BODY);
	write_request(&a->body, tools, turns);
	return a;
}

static void asked_end(void *state)
{
	struct asked *a = state;

	buf_release(&a->body);
	buf_release(&a->out);
	free(a);
}

static void *large_begin(void)
{
	return asked_new(TOOLS, TURNS);
}

static void *small_begin(void)
{
	return asked_new(0, 0);
}

/* Read, estimated, converted: as api_chat.c and turn.c do for the first try. */
static size_t convert(void *state)
{
	const struct up_request_options options = { .origin = "AI_EDITOR",
						    .conversation_id = "c-1",
						    .continuation_id = "k-1" };
	struct asked *a = state;
	struct error e = { 0 };
	struct tool_names names;
	struct chat chat = { 0 };
	struct arena arena;
	cJSON *tree;

	arena_init(&arena);
	tool_names_init(&names, &arena);
	buf_reset(&a->out);
	tree = json_parse(buf_span(&a->body), &e);
	if (!tree || in_anthropic(tree, &arena, &chat, &e) || !tokens_of_chat(&chat) ||
	    up_request_write(&chat, models_find(chat.model), &options, &names, &arena, &a->out, &e))
		bench_die("request: %s", e.message);
	cJSON_Delete(tree);
	arena_release(&arena);
	return a->body.len;
}

const struct subject request_subjects[] = {
	{ "request 400 KB", "request", 1, large_begin, convert, asked_end },
	{ "request small", "request", 1, small_begin, convert, asked_end },
};
const size_t request_subject_count = ARRAY_SIZE(request_subjects);
