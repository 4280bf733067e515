#include "common/base.h"

#include "tests/unit/in_tests.h"

#define USER(x) "{'model':'m','max_tokens':9,'messages':[{'role':'user','content':[" x "]}]}"
#define FILE(media, data, more)                                                                    \
	"{'type':'document','source':{'type':'base64','media_type':'" media "','data':'" data      \
	"'}" more "}"
#define PDF	   "JVBERi0xLjQ="     /* %PDF-1.4 */
#define LATE_PDF   "CgolUERGLTEuNA==" /* \n\n%PDF-1.4 */
#define ZIP	   "UEsDBBQ="	      /* PK\3\4\x14 */
#define OLD_OFFICE "0M8R4KGxGuE="     /* D0 CF 11 E0 A1 B1 1A E1 */
#define TEXT	   "YSxi"	      /* a,b */
#define OFFICE	   "application/vnd.openxmlformats-officedocument."

static const struct block *only_block(const struct in_test *t)
{
	CU_ASSERT_EQUAL_FATAL(t->rc, 0);
	CU_ASSERT_EQUAL_FATAL(t->chat.messages[0].block_count, 1);
	return &t->chat.messages[0].blocks[0];
}

static void files_get_the_format_of_their_bytes(void)
{
	static const struct {
		const char *body, *format;
	} rows[] = {
		{ USER(FILE("application/pdf", PDF, "")), "pdf" },
		{ USER(FILE("application/octet-stream", LATE_PDF, "")), "pdf" },
		{ USER(FILE(OFFICE "wordprocessingml.document", ZIP, "")), "docx" },
		{ USER(FILE(OFFICE "spreadsheetml.sheet", ZIP, "")), "xlsx" },
		{ USER(FILE("application/msword", OLD_OFFICE, "")), "doc" },
		{ USER(FILE("application/vnd.ms-excel", OLD_OFFICE, "")), "xls" },
		{ USER(FILE("text/csv", TEXT, "")), "csv" },
		{ USER(FILE("text/markdown", TEXT, "")), "md" },
		{ USER(FILE("text/html; charset=utf-8", TEXT, "")), "html" },
		{ USER(FILE("text/plain", TEXT, "")), "txt" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct block *b;
		struct in_test t;

		in_test_read(&t, in_anthropic, rows[i].body);
		b = only_block(&t);
		CU_ASSERT_EQUAL(b->kind, BLOCK_DOCUMENT);
		CU_ASSERT_STRING_EQUAL(b->format, rows[i].format);
		CU_ASSERT_STRING_EQUAL(b->name, "document");
		CU_ASSERT_STRING_EQUAL(b->path, "messages.0.content.0.document.source.base64");
		CU_ASSERT_EQUAL(t.chat.document_count, 1);
		in_test_release(&t);
	}
}

static void files_that_are_something_else_are_refused(void)
{
#define WHERE "messages.0.content.0.document.source.base64"
	static const struct in_refusal rows[] = {
		{ USER(FILE("application/pdf", ZIP, "")), WHERE,
		  "The PDF specified was not valid" },
		{ USER(FILE(OFFICE "spreadsheetml.sheet", TEXT, "")), WHERE, "it is no xlsx file" },
		{ USER(FILE("application/msword", ZIP, "")), WHERE,
		  "Could not process document (capability_rejected: document_block): it is no doc "
		  "file" },
		{ USER(FILE("image/svg+xml", TEXT, "")), WHERE ".media_type",
		  "documents of type image/svg+xml are not supported (capability_rejected: "
		  "document_block): " },
	};

	in_test_refusals(in_anthropic, rows, ARRAY_SIZE(rows));
}

/* The model host allows letters, digits, single spaces, hyphens, brackets; no name twice. */
static void names_are_legal_and_unique(void)
{
	static const struct {
		const char *title, *name;
	} rows[] = {
		{ "Report 2026.pdf", "Report 2026" },
		{ "Report 2026.PDF", "Report 2026 (2)" },
		{ "Report 2026", "Report 2026 (3)" },
		{ "Report 2026 (2)", "Report 2026 (2) (2)" },
		{ "a/b_c  d..pdf", "a-b-c d" },
		{ "\xC3\xBC\xE4\xB8\xAD.pdf", "document" },
		{ "  x\xC3\xBCy [1](2) ", "x-y [1](2)" },
		{ "", "document (2)" },
	};
	struct in_test t;
	struct buf body;

	buf_init(&body, KB(8));
	buf_add_text(&body, "{'model':'m','max_tokens':9,'messages':[{'role':'user','content':[");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		buf_add_format(&body, "%s" FILE("application/pdf", PDF, ",'title':'%s'"),
			       i ? "," : "", rows[i].title);
	buf_add_text(&body, "]}]}");
	in_test_read(&t, in_anthropic, body.at);
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CU_ASSERT_STRING_EQUAL(t.chat.messages[0].blocks[i].name, rows[i].name);
		CU_ASSERT_EQUAL(t.chat.messages[0].blocks[i].number, i + 1);
	}
	in_test_release(&t);
	buf_release(&body);
}

static void long_titles_are_cut(void)
{
	static const size_t lengths[][2] = { { LIMIT_DOCUMENT_NAME, LIMIT_DOCUMENT_NAME },
					     { LIMIT_DOCUMENT_NAME + 1, LIMIT_DOCUMENT_NAME },
					     { 300, LIMIT_DOCUMENT_NAME } };
	char body[1024], title[301];
	struct in_test t;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		memset(title, 'a', lengths[i][0]);
		title[lengths[i][0]] = '\0';
		snprintf(body, sizeof(body), USER(FILE("application/pdf", PDF, ",'title':'%s'")),
			 title);
		in_test_read(&t, in_anthropic, body);
		CU_ASSERT_EQUAL(strlen(only_block(&t)->name), lengths[i][1]);
		in_test_release(&t);
	}
}

static void texts_stand_in_tags(void)
{
	static const struct {
		const char *body, *text;
	} rows[] = {
		{ USER("{'type':'document','source':{'type':'text','media_type':'text/plain',"
		       "'data':'a b'}}"),
		  "<document>\na b\n</document>" },
		{ USER("{'type':'document','title':'t.txt','context':'mine','source':{'type':"
		       "'text','media_type':'text/plain','data':'a'}}"),
		  "<document title=\"t.txt\" context=\"mine\">\na\n</document>" },
		{ USER("{'type':'document','title':'a\\\'b','source':{'type':'content','content':"
		       "[{'type':'text','text':'x'},{'type':'text','text':'y'}]}}"),
		  "<document title=\"a&quot;b\">\nx\ny\n</document>" },
		{ USER("{'type':'document','source':{'type':'content','content':'z'}}"),
		  "<document>\nz\n</document>" },
		{ USER("{'type':'search_result','source':'https://x/','title':'T','content':[{"
		       "'type':'text','text':'one'},{'type':'text','text':'two'}]}"),
		  "<search_result source=\"https://x/\" title=\"T\">\none\ntwo\n</search_result>" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct in_test t;

		in_test_read(&t, in_anthropic, rows[i].body);
		CU_ASSERT_EQUAL(only_block(&t)->kind, BLOCK_TEXT);
		CU_ASSERT_TRUE(span_is(only_block(&t)->text, rows[i].text));
		in_test_release(&t);
	}
}

CU_TestInfo in_document_tests[] = {
	{ "files get the format of their bytes", files_get_the_format_of_their_bytes },
	{ "files that are something else are refused", files_that_are_something_else_are_refused },
	{ "names are legal and unique", names_are_legal_and_unique },
	{ "long titles are cut", long_titles_are_cut },
	{ "texts stand in tags", texts_stand_in_tags },
	CU_TEST_INFO_NULL,
};
