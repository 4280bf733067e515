/*
 * up_tests.h - for the tests of what up_request writes: a client's body in short notation
 * (in_tests.h) in, the upstream's JSON out.
 */
#ifndef TESTS_UNIT_UP_TESTS_H
#define TESTS_UNIT_UP_TESTS_H

#include "fcgi/up_request.h"
#include "tests/unit/in_tests.h"
#include "tests/unit/up_rules.h"

#define CURRENT "conversationState.currentMessage.userInputMessage."
#define HISTORY "conversationState.history."

/* A request on its way: body text in, upstream's JSON out. */
struct up_test {
	struct in_test in;
	struct tool_names names;
	struct buf body;
	struct error error;
	cJSON *out;
	int rc;
};

/* What every such request has. */
static const struct up_request_options up_test_options = {
	.origin = "AI_EDITOR",
	.conversation_id = "c-1",
	.continuation_id = "k-1",
};

/* Writes the chat that was read. */
static inline void up_test_write(struct up_test *t, const char *model,
				 const struct up_request_options *options)
{
	tool_names_init(&t->names, &t->in.arena);
	buf_init(&t->body, LIMIT_UP_BODY);
	t->error = (struct error){ .kind = ERR_NONE };
	t->rc = up_request_write(&t->in.chat, models_find(model), options, &t->names, &t->in.arena,
				 &t->body, &t->error);
	t->out = cJSON_Parse(t->body.at);
}

static inline void up_test_run(struct up_test *t, in_reader *reader, const char *notation,
			       const char *model)
{
	in_test_accept(&t->in, reader, notation);
	up_test_write(t, model, &up_test_options);
}

/* What was written; the chat stays and can be written again. */
static inline void up_test_release_out(struct up_test *t)
{
	cJSON_Delete(t->out);
	buf_release(&t->body);
}

static inline void up_test_release(struct up_test *t)
{
	up_test_release_out(t);
	in_test_release(&t->in);
}

static inline const char *text_at(const struct up_test *t, const char *path)
{
	const cJSON *item = down(t->out, path);

	return cJSON_IsString(item) ? item->valuestring : "(no text there)";
}

#endif
