/*
 * in_tests.h - for the tests of both dialects' readers: a body in short notation in, chat or error
 * out. In the notation ' stands for ".
 */
#ifndef TESTS_IN_TESTS_H
#define TESTS_IN_TESTS_H

#include "common/base.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/limits.h"
#include "fcgi/in.h"

#include <CUnit/CUnit.h>

/* One pixel. */
#define PNG                                                                                        \
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"         \
	"AABJRU5ErkJggg=="
#define PIXEL                                                                                      \
	"{'type':'image','source':{'type':'base64','media_type':'image/png','data':'" PNG "'}}"

typedef int in_reader(const cJSON *body, struct arena *arena, struct chat *chat, struct error *e);

struct in_test {
	cJSON *tree;
	struct arena arena;
	struct chat chat;
	struct error error;
	int rc;
};

static inline void in_test_tree(struct in_test *t, in_reader *reader, cJSON *tree)
{
	*t = (struct in_test){ .tree = tree };
	arena_init(&t->arena);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
	t->rc = reader(tree, &t->arena, &t->chat, &t->error);
}

static inline void in_test_read(struct in_test *t, in_reader *reader, const char *notation)
{
	char *text = xstrdup(notation), *c;

	for (c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	in_test_tree(t, reader, cJSON_Parse(text));
	free(text);
}

/* A body that is to be taken. */
static inline void in_test_accept(struct in_test *t, in_reader *reader, const char *notation)
{
	in_test_read(t, reader, notation);
	if (t->rc)
		printf("\n%s\n", t->error.message);
	CU_ASSERT_EQUAL_FATAL(t->rc, 0);
}

/* The body of a recorded request. */
static inline void in_test_fixture(struct in_test *t, in_reader *reader, const char *name)
{
	struct buf text;
	cJSON *tree;
	char path[256];

	snprintf(path, sizeof(path), "tests/unit/data/requests/%s.json", name);
	buf_init(&text, LIMIT_BODY);
	CU_ASSERT_FATAL(buf_read_file(&text, path) == 0);
	tree = cJSON_Parse(text.at);
	in_test_tree(t, reader, cJSON_DetachItemFromObjectCaseSensitive(tree, "body"));
	cJSON_Delete(tree);
	buf_release(&text);
}

static inline void in_test_release(struct in_test *t)
{
	arena_release(&t->arena);
	cJSON_Delete(t->tree);
}

static inline const struct block *in_test_block(const struct in_test *t, size_t message,
						size_t block)
{
	CU_ASSERT_FATAL(message < t->chat.message_count);
	CU_ASSERT_FATAL(block < t->chat.messages[message].block_count);
	return &t->chat.messages[message].blocks[block];
}

/* The tree is the one in short notation. */
static inline void in_test_is_json(const cJSON *tree, const char *notation)
{
	char *text = xstrdup(notation), *c;
	cJSON *expected;

	for (c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	expected = cJSON_Parse(text);
	CU_ASSERT(tree != NULL && cJSON_Compare(tree, expected, true));
	cJSON_Delete(expected);
	free(text);
}

/* A refused body and what the client is told. */
struct in_refusal {
	const char *body, *field, *message;
};

static inline void in_test_refusals(in_reader *reader, const struct in_refusal *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct in_test t;

		in_test_read(&t, reader, rows[i].body);
		if (t.rc != -1 || t.error.kind != ERR_REQUEST ||
		    strcmp(t.error.field, rows[i].field) != 0 ||
		    !strstr(t.error.message, rows[i].message)) {
			printf("\n%s\n  gave: [%s] %s\n", rows[i].body, t.error.field,
			       t.error.message);
			CU_FAIL("not refused as it should be");
		}
		in_test_release(&t);
	}
}

#endif
