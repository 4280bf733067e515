/*
 * The rules that the upstream has for a request (up_rules.h), kept for seeded conversations,
 * whatever the client sends.
 */
#include "common/base.h"
#include "tests/unit/up_tests.h"

#define HEAD	   "{'model':'m','max_tokens':10,"
#define TOOL(name) "{'name':'" name "','description':'d','input_schema':{'type':'object'}}"

struct maker {
	uint32_t seed;
	struct buf text;
	int calls, open[8], open_count, message;
};

static unsigned dice(struct maker *m, unsigned sides)
{
	m->seed = m->seed * 1664525u + 1013904223u;
	return (m->seed >> 16) % sides;
}

static void make_result(struct maker *m, int id)
{
	static const char *const contents[] = {
		"'content':'ok'",
		"'content':''",
		"'is_error':true",
		"'content':[{'type':'text','text':'a'}," PIXEL ",{'type':'text','text':'b'}]",
		"'content':[{'type':'tool_reference','tool_name':'Late'}]",
		"'content':[" PIXEL "]",
	};

	buf_add_format(&m->text, "{'type':'tool_result','tool_use_id':'t%d',%s},", id,
		       contents[dice(m, ARRAY_SIZE(contents))]);
}

static void make_user(struct maker *m)
{
	buf_add_text(&m->text, "{'role':'user','content':[");
	while (m->open_count) {
		unsigned at = dice(m, (unsigned)m->open_count);

		if (dice(m, 6))
			make_result(m, m->open[at]);
		if (!dice(m, 8))
			make_result(m, m->open[at]); /* twice */
		m->open[at] = m->open[--m->open_count];
	}
	if (!dice(m, 6))
		make_result(m, 900 + (int)dice(m, 9)); /* answers nothing */
	if (!dice(m, 4))
		buf_add_text(&m->text, PIXEL ",");
	if (dice(m, 3))
		buf_add_format(&m->text, "{'type':'text','text':'u%d'},", m->message);
	buf_add_text(&m->text, dice(m, 3) ? "{'type':'text','text':'z'}]}" : PIXEL "]}");
}

static void make_assistant(struct maker *m)
{
	static const char *const names[] = { "Read",
					     "read",
					     "gone",
					     "a-b",
					     "_x",
					     "Late",
					     "a_name_that_is_longer_than_the_sixty_four_characters_"
					     "that_upstream_takes" };

	buf_add_text(&m->text, "{'role':'assistant','content':[");
	if (!dice(m, 3))
		buf_add_text(&m->text, "{'type':'redacted_thinking','data':'x'},");
	for (unsigned i = dice(m, 4); i > 0 && m->open_count < 8; i--) {
		/* ids that begin anew now and then, as some clients' do */
		int id = dice(m, 9) ? ++m->calls + 100 : (int)dice(m, 3) + 10 * m->open_count;

		for (int k = 0; k < m->open_count; k++)
			id = m->open[k] == id ? ++m->calls + 100 : id;
		m->open[m->open_count++] = id;
		buf_add_format(&m->text, "{'type':'tool_use','id':'t%d','name':'%s','input':{}},",
			       id, names[dice(m, ARRAY_SIZE(names))]);
	}
	buf_add_text(&m->text, dice(m, 3) ? "{'type':'text','text':'a'}]}"
					  : "{'type':'thinking','thinking':'h','signature':''}]}");
}

static void make_body(struct maker *m)
{
	unsigned turns = dice(m, 24);

	buf_add_text(&m->text, HEAD);
	if (dice(m, 2))
		buf_add_text(&m->text, "'system':'S',");
	if (dice(m, 2))
		buf_add_text(&m->text, "'tools':[" TOOL("Read") "," TOOL("other") "],");
	if (!dice(m, 4))
		buf_add_text(&m->text, "'tool_choice':{'type':'none'},");
	buf_add_text(&m->text, "'messages':[");
	while (turns--) {
		unsigned kind = dice(m, 8);

		m->message++;
		if (kind < 3)
			make_user(m);
		else if (kind < 7 && !m->open_count)
			make_assistant(m);
		else
			buf_add_text(&m->text, "{'role':'system','content':'note'}");
		buf_add_char(&m->text, ',');
	}
	make_user(m);
	buf_add_text(&m->text, "]}");
}

/* The same conversation with wishes for its answer, perhaps as a second try. */
static void wish_something(struct maker *m, struct up_test *t)
{
	char answer[] = "It is so.", words[] = "It is not.";
	struct up_request_options options = up_test_options;
	const struct up_again again = {
		.answer = { .at = answer, .len = dice(m, 2) ? strlen(answer) : 0 },
		.words = { .at = words, .len = strlen(words) },
	};
	struct chat *chat = &t->in.chat;

	chat->format = dice(m, 2) ? FORMAT_JSON : FORMAT_TEXT;
	chat->one_call = dice(m, 2);
	if (chat->tool_count && dice(m, 2)) {
		chat->tool_choice = CHOICE_TOOL;
		chat->forced_tool = chat->tools[dice(m, (unsigned)chat->tool_count)].name;
	}
	options.again = dice(m, 2) ? &again : NULL;
	up_test_write(t, "claude-sonnet-4.5", &options);
}

static void up_request_keeps_the_invariants_for_any_conversation(void)
{
	for (uint32_t seed = 1; seed <= 2000; seed++) {
		struct maker m = { .seed = seed };
		const char *rule;
		struct up_test t;

		buf_init(&m.text, MB(1));
		make_body(&m);
		up_test_run(&t, in_anthropic, m.text.at, "claude-sonnet-4.5");
		rule = t.rc ? t.error.message : broken_rule(t.out);
		if (rule)
			printf("\nseed %u: %s\n%s\n%s\n", seed, rule, m.text.at, t.body.at);
		CU_ASSERT_PTR_NULL_FATAL(rule);
		up_test_release_out(&t);
		wish_something(&m, &t);
		rule = t.rc ? t.error.message : broken_rule(t.out);
		if (rule)
			printf("\nseed %u: %s\n%s\n", seed, rule, t.body.at);
		CU_ASSERT_PTR_NULL_FATAL(rule);
		up_test_release(&t);
		buf_release(&m.text);
	}
}

CU_TestInfo up_rules_tests[] = {
	{ "keeps the invariants for any conversation",
	  up_request_keeps_the_invariants_for_any_conversation },
	CU_TEST_INFO_NULL,
};
