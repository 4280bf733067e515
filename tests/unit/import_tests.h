/*
 * import_tests.h - for the tests of import: a file of data/import/ or a text in, its entries out.
 */
#ifndef TESTS_UNIT_IMPORT_TESTS_H
#define TESTS_UNIT_IMPORT_TESTS_H

#include "common/base.h"
#include "common/import.h"
#include "common/limits.h"

#include <CUnit/CUnit.h>

#define FOLDER "tests/unit/data/import/"

#define AT_2030_01_02 INT64_C(1893553445) /* 2030-01-02T03:04:05Z */

static inline bool begins(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

static inline bool same(const char *got, const char *wanted)
{
	return got && wanted ? strcmp(got, wanted) == 0 : got == wanted;
}

/* The client registration of a Kiro IDE login, from the file beside it. */
static inline int beside(void *context, const char *hash, struct buf *text)
{
	char path[256];

	(void)context;
	snprintf(path, sizeof(path), FOLDER "%s.json", hash);
	return buf_read_file(text, path);
}

/* A file of FOLDER. */
static inline void load(struct import *i, const char *file)
{
	struct error e = { 0 };
	char path[256];
	struct buf text;

	*i = (struct import){ .registration = beside };
	buf_init(&text, LIMIT_IMPORT_FILE);
	snprintf(path, sizeof(path), FOLDER "%s", file);
	CU_ASSERT_EQUAL_FATAL(buf_read_file(&text, path), 0);
	CU_ASSERT_EQUAL(import_read(i, file, buf_span(&text), &e), 0);
	CU_ASSERT_STRING_EQUAL(e.message, "");
	buf_release(&text);
}

static inline int read_text(struct import *i, const char *text, struct error *e)
{
	*i = (struct import){ .entries = NULL };
	*e = (struct error){ 0 };
	return import_read(i, "text", span_of(text), e);
}

/* The reason why the one entry of this text is refused; "" when it is taken. */
static inline const char *refusal(const char *text)
{
	static char reason[IMPORT_REASON_SIZE];
	struct import i;
	struct error e;

	CU_ASSERT_EQUAL(read_text(&i, text, &e), 0);
	CU_ASSERT_EQUAL_FATAL(i.count, 1);
	snprintf(reason, sizeof(reason), "%s", i.entries[0].refused);
	import_release(&i);
	return reason;
}

#endif
