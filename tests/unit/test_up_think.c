#include "common/base.h"
#include "fcgi/up_think.h"

#include <CUnit/CUnit.h>

/* What came out: "|T:" reasoning, "|X:" text, "|C" a call, "|S" the stop, "|E" ERR_UP_EMPTY. */
struct seen {
	char text[512];
	enum event_kind last;
};

static void put(struct seen *s, const char *text, size_t len)
{
	size_t have = strlen(s->text);

	CU_ASSERT_TRUE_FATAL(have + len < sizeof(s->text));
	memcpy(s->text + have, text, len);
	s->text[have + len] = '\0';
}

static int see(void *context, const struct event *event, struct error *e)
{
	struct seen *s = context;
	bool words = event->kind == EVENT_TEXT || event->kind == EVENT_THINKING;

	(void)e;
	CU_ASSERT_FALSE(words && !event->text.len);
	if (!words || event->kind != s->last)
		put(s,
		    event->kind == EVENT_TEXT	    ? "|X:"
		    : event->kind == EVENT_THINKING ? "|T:"
		    : event->kind == EVENT_STOP	    ? "|S"
						    : "|C",
		    words ? 3 : 2);
	if (words)
		put(s, event->text.at, event->text.len);
	s->last = event->kind;
	return 0;
}

/* Feeds the text in pieces of that size, then a call if asked for, then the stop. */
static void run(const char *text, size_t piece, bool call, bool omit, struct seen *s)
{
	struct error e = { 0 };
	struct event event = { .kind = EVENT_TEXT };
	struct up_think t;

	*s = (struct seen){ .last = EVENT_STOP };
	up_think_init(&t, omit, see, s);
	for (size_t at = 0, len = strlen(text); at < len; at += piece) {
		event.text = (struct span){ text + at, len - at < piece ? len - at : piece };
		CU_ASSERT_EQUAL(up_think_event(&t, &event, &e), 0);
	}
	if (call) {
		event = (struct event){ .kind = EVENT_TOOL_START, .id = "i", .name = "n" };
		CU_ASSERT_EQUAL(up_think_event(&t, &event, &e), 0);
	}
	event = (struct event){ .kind = EVENT_STOP };
	if (up_think_event(&t, &event, &e)) {
		CU_ASSERT_EQUAL(e.kind, ERR_UP_EMPTY);
		put(s, "|E", 2);
	}
	up_think_release(&t);
}

static const struct {
	const char *text;
	bool call;
	const char *want;
} rows[] = {
	{ "<thinking>\nhm\n</thinking>\n\nHello", false, "|T:hm\n|X:Hello|S" },
	{ "<thinking>hm</thinking>\n\nHello\n\nyou", false, "|T:hm|X:Hello\n\nyou|S" },
	{ " \n<thinking>a</thinking>\nb", false, "|T:a|X:b|S" },
	{ "<thinking>a</thinking> \t", true, "|T:a|C|S" },
	{ "<thinking>a</thinking>  ", false, "|T:a|E" },
	{ "<thinking>a</thinking> \n\n  b", false, "|T:a|X:  b|S" },
	{ "<thinking>a</thinking> b\n", true, "|T:a</thinking> b\n|C|S" },
	{ "Hello <thinking>no</thinking>\n", false, "|X:Hello <thinking>no</thinking>\n|S" },
	{ "<thinking>say `</thinking>` twice</thinking>\n\nok", false,
	  "|T:say `</thinking>` twice|X:ok|S" },
	{ "<thinking>never closed", false, "|T:never closed|E" },
	{ "<thinking>cut </think", false, "|T:cut </think|E" },
	{ "<thinking>all</thinking>", false, "|T:all|E" },
	{ "<thinking>then a call</thinking>", true, "|T:then a call|C|S" },
	{ "<thinking>open at a call", true, "|T:open at a call|C|S" },
	{ "<thinking></thinking>\n\nx", false, "|X:x|S" },
	{ "<thinking>a</thinking>\r\n\r\nx", false, "|T:a|X:x|S" },
	{ "<thinking>a</thinking>\n\n\n\n\n\nx", false, "|T:a|X:\n\nx|S" },
	{ "<thinking>", false, "|E" },
	{ "<think", false, "|X:<think|S" },
	{ "<thinker> is text", false, "|X:<thinker> is text|S" },
	{ "plain", true, "|X:plain|C|S" },
	{ "", false, "|E" },
	{ "<thinking>a</thinking>\n\n<thinking>b</thinking>\n\nc", false,
	  "|T:a|X:<thinking>b</thinking>\n\nc|S" },
	{ "<thinking>\xF0\x9F\x98\x80</thinking>\r\n\r\n\xC3\xA9", false,
	  "|T:\xF0\x9F\x98\x80|X:\xC3\xA9|S" },
};

static void tags_are_found_wherever_the_text_is_cut(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t piece = 1; piece <= strlen(rows[i].text) + 1; piece++) {
			struct seen s;

			run(rows[i].text, piece, rows[i].call, false, &s);
			CU_ASSERT_STRING_EQUAL(s.text, rows[i].want);
		}
	}
}

static void omitted_reasoning_leaves_only_the_text(void)
{
	struct seen s;

	run("<thinking>hm</thinking>\n\nHello", 3, false, true, &s);
	CU_ASSERT_STRING_EQUAL(s.text, "|X:Hello|S");
}

CU_TestInfo up_think_tests[] = {
	{ "tags_are_found_wherever_the_text_is_cut", tags_are_found_wherever_the_text_is_cut },
	{ "omitted_reasoning_leaves_only_the_text", omitted_reasoning_leaves_only_the_text },
	CU_TEST_INFO_NULL,
};
