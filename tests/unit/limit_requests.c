#include "common/base.h"
#include "tests/unit/limit_probes.h"

#include "fcgi/app.h"
#include "fcgi/conn.h"
#include "fcgi/router.h"
#include "fcgi/tool_names.h"
#include "fcgi/up_check.h"
#include "tests/unit/in_tests.h"

#include <openssl/evp.h>

static bool parses(struct buf *text)
{
	struct error e = { .kind = ERR_NONE };
	cJSON *tree = json_parse(buf_span(text), &e);
	bool good = tree != NULL;

	cJSON_Delete(tree);
	buf_release(text);
	return good;
}

/* A request of the Messages API in the notation of in_tests.h. */
static bool reads(struct buf *notation)
{
	struct in_test t;
	bool good;

	in_test_read(&t, in_anthropic, notation->at);
	good = t.rc == 0;
	if (!good && t.error.kind != ERR_REQUEST && t.error.kind != ERR_TOO_LARGE)
		CU_FAIL("refused for another reason");
	in_test_release(&t);
	buf_release(notation);
	return good;
}

#define HEAD "{'model':'m','max_tokens':9,"
#define HI   "'messages':[{'role':'user','content':'hi'}]"

bool takes_body(size_t n)
{
	static const char settings[] = "{\"state_dir\":\"/nonexistent/kiro\",\"log\":{\"file\":"
				       "\"/dev/null\"},\"client_token\":\"0123456789abcdef-test\"}";
	static const char *const params[] = { "REQUEST_METHOD=POST",
					      "PATH_INFO=/v1/messages/count_tokens",
					      "HTTP_X_API_KEY=0123456789abcdef-test", NULL };
	char path[] = "/tmp/kiro-limits-XXXXXX";
	struct error e = { .kind = ERR_NONE };
	struct buf body, answer;
	struct conn_memory memory;
	struct conn conn;
	struct app app;
	bool taken;
	int fd = mkstemp(path);

	CU_ASSERT_EQUAL(write(fd, settings, strlen(settings)), (ssize_t)strlen(settings));
	close(fd);
	buf_init(&body, ANY);
	buf_init(&answer, MB(1));
	add_char_many(&body, ' ', n - 2);
	buf_add_text(&body, "{}");
	memory = (struct conn_memory){ params, buf_span(&body), &answer, 0 };
	CU_ASSERT_EQUAL_FATAL(app_init(&app, path, NULL, &e), 0);
	conn_init_memory(&conn, &memory);
	router_serve(&app, &conn);
	app_release(&app);
	unlink(path);
	taken = strstr(answer.at, "Status: 400 ") != NULL; /* "{}" lacks all fields */
	CU_ASSERT_TRUE(taken || strstr(answer.at, "Status: 413 "));
	buf_release(&answer);
	buf_release(&body);
	return taken;
}

bool takes_depth(size_t n)
{
	struct buf text;

	buf_init(&text, ANY);
	add_char_many(&text, '[', n);
	add_char_many(&text, ']', n);
	return parses(&text);
}

bool takes_values(size_t n)
{
	struct buf text;

	buf_init(&text, ANY);
	buf_add_char(&text, '[');
	add_many(&text, "7", n, ",");
	buf_add_char(&text, ']');
	return parses(&text);
}

bool takes_messages(size_t n)
{
	struct buf text;

	buf_init(&text, ANY);
	buf_add_text(&text, HEAD "'messages':[");
	add_many(&text, "{'role':'user','content':'x'}", n, ",");
	buf_add_text(&text, "]}");
	return reads(&text);
}

bool takes_tools(size_t n)
{
	struct buf text;

	buf_init(&text, ANY);
	buf_add_text(&text, HEAD HI ",'tools':[");
	for (size_t i = 0; i < n; i++)
		buf_add_format(&text, "%s{'name':'t%zu','input_schema':{'type':'object'}}",
			       i ? "," : "", i);
	buf_add_text(&text, "]}");
	return reads(&text);
}

bool takes_tool_name(size_t n)
{
	struct buf text;

	buf_init(&text, ANY);
	buf_add_text(&text, HEAD HI ",'tools':[{'name':'");
	add_char_many(&text, 'n', n);
	buf_add_text(&text, "','input_schema':{'type':'object'}}]}");
	return reads(&text);
}

bool sends_name_as_it_is(size_t n)
{
	struct tool_names names;
	struct arena arena;
	struct buf name;
	bool same;

	buf_init(&name, ANY);
	add_char_many(&name, 'n', n);
	arena_init(&arena);
	tool_names_init(&names, &arena);
	same = strcmp(tool_names_add(&names, name.at), name.at) == 0;
	arena_release(&arena);
	buf_release(&name);
	return same;
}

static bool takes_stops(const char *open, const char *piece, size_t n, const char *between,
			const char *close)
{
	struct buf text;

	buf_init(&text, ANY);
	buf_add_format(&text, HEAD HI ",'stop_sequences':%s", open);
	add_many(&text, piece, n, between);
	buf_add_format(&text, "%s}", close);
	return reads(&text);
}

bool takes_stop_sequences(size_t n)
{
	return takes_stops("[", "'stop'", n, ",", "]");
}

bool takes_long_stop_sequence(size_t n)
{
	return takes_stops("['", "x", n, "", "']");
}

/* `count` pictures of so many bytes and pixels: the head of a PNG, and nothing behind it. */
static bool takes_pictures(size_t count, size_t bytes, size_t width)
{
	static const char head[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\1\x08\6\0\0\0";
	char *picture = xcalloc(1, bytes);
	struct buf text, base64;

	memcpy(picture, head, sizeof(head) - 1);
	picture[18] = (char)(width >> 8);
	picture[19] = (char)width;
	buf_init(&base64, ANY);
	add_char_many(&base64, '.', (bytes + 2) / 3 * 4);
	EVP_EncodeBlock((unsigned char *)base64.at, (const unsigned char *)picture, (int)bytes);
	buf_init(&text, ANY);
	buf_add_text(&text, HEAD "'messages':[{'role':'user','content':[");
	for (size_t i = 0; i < count; i++)
		buf_add_format(&text,
			       "%s{'type':'image','source':{'type':'base64','media_type':"
			       "'image/png','data':'%s'}}",
			       i ? "," : "", base64.at);
	buf_add_text(&text, "]}]}");
	buf_release(&base64);
	free(picture);
	return reads(&text);
}

bool takes_image_bytes(size_t n)
{
	return takes_pictures(1, n, 1);
}

bool takes_image_side(size_t n)
{
	return takes_pictures(1, 64, n);
}

bool takes_side_of_many(size_t n)
{
	return takes_pictures(LIMIT_FEW_IMAGES + 1, 64, n);
}

/* As few as n may be wider. */
bool takes_wide_images(size_t n)
{
	return takes_pictures(n, 64, LIMIT_MANY_IMAGE_SIDE + 1);
}

/* Up to there a refusal without a reason is not put down to the size of the body. */
bool is_no_matter_of_size(size_t n)
{
	struct error refusal = { .kind = ERR_NONE };
	struct in_test t;

	in_test_read(&t, in_anthropic, HEAD HI "}");
	error_set(&refusal, ERR_UP_INVALID, "Improperly formed request.");
	up_check_explain(&t.chat, n, &refusal);
	in_test_release(&t);
	return refusal.kind == ERR_UP_INVALID;
}
