/* Calls of tools: their pieces, their order, their ids and names. */
#include "common/base.h"
#include "tests/unit/event_tests.h"

static void up_event_streams_a_tool_call(void)
{
	struct play p;

	play_begin(&p);
	tool(&p, "{\"name\":\"Read\",\"toolUseId\":\"tooluse_1\"}");
	TOLD(&p, "C(tooluse_1,Read)");
	tool(&p, "{\"input\":\"{\\\"p\\\":\",\"name\":\"Read\",\"toolUseId\":\"tooluse_1\"}");
	TOLD(&p, "C(tooluse_1,Read)A({\"p\":)");
	tool(&p, "{\"input\":\"1}\",\"name\":\"Read\",\"toolUseId\":\"tooluse_1\",\"stop\":false}");
	tool(&p, "{\"name\":\"Read\",\"stop\":true,\"toolUseId\":\"tooluse_1\"}");
	tool(&p, "{\"name\":\"Read\",\"stop\":true,\"toolUseId\":\"tooluse_1\"}");
	TOLD(&p, "C(tooluse_1,Read)A({\"p\":)A(1})E");
	trailer(&p, "END_TURN"); /* a completed call wins */
	TOLD(&p, "C(tooluse_1,Read)A({\"p\":)A(1})E!(tool_use)");
	play_end(&p);
}

static void up_event_takes_every_form_of_arguments(void)
{
	static const struct form {
		const char *json, *told;
	} forms[] = {
		{ "{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":true}", "C(i,n)A({})E" },
		{ "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"\",\"stop\":true}",
		  "C(i,n)A({})E" },
		{ "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":null,\"stop\":true}",
		  "C(i,n)A({})E" },
		{ "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":{},\"stop\":true}",
		  "C(i,n)A({})E" },
		{ "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":{\"a\":[1,\"x\"]},\"stop\":true}",
		  "C(i,n)A({\"a\":[1,\"x\"]})E" },
		{ "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"{\\\"a\\\":1}\",\"stop\":true}",
		  "C(i,n)A({\"a\":1})E" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct play p;

		play_begin(&p);
		tool(&p, forms[i].json);
		TOLD(&p, forms[i].told);
		CU_ASSERT_EQUAL(p.rc, 0);
		play_end(&p);
	}
}

static void up_event_takes_pieces_behind_an_empty_object(void)
{
	struct play p;

	play_begin(&p);
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":{}}");
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"{\\\"a\\\":1}\"}");
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":true}");
	TOLD(&p, "C(i,n)A({\"a\":1})E");
	play_end(&p);
}

static void up_event_refuses_broken_calls(void)
{
	static const char *const frames[] = {
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"{\\\"a\\\":\",\"stop\":true}",
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"[1]\",\"stop\":true}",
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"{}{}\",\"stop\":true}",
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\" \",\"stop\":true}",
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"{\\\"a\\\":\\\"\\\\ud800\\\"}\","
		"\"stop\":true}",
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":7}",
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":[]}",
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":\"false\"}",
		"{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":1}",
		"{\"toolUseId\":7,\"name\":\"n\"}",
		"{\"toolUseId\":\"i\",\"name\":{}}",
		"{\"toolUseId\":\"i\",\"stop\":true}",
		"{\"input\":\"{}\"}",
		"{}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		struct play p;

		play_begin(&p);
		tool(&p, frames[i]);
		CU_ASSERT_EQUAL(p.rc, -1);
		CU_ASSERT_EQUAL(p.error.kind, ERR_UP_DAMAGED);
		CU_ASSERT_PTR_NULL(strchr(p.told.at, 'E'));
		play_end(&p);
	}
}

static void up_event_refuses_arguments_behind_the_end(void)
{
	struct play p;

	play_begin(&p);
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"stop\":true}");
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"{}\"}");
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_DAMAGED);
	play_end(&p);

	play_begin(&p);
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"n\"}");
	tool(&p, "{\"toolUseId\":\"i\",\"name\":\"m\"}");
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_DAMAGED);
	play_end(&p);
}

static void up_event_orders_interleaved_calls(void)
{
	struct play p;

	play_begin(&p);
	text(&p, "{\"content\":\"before\"}");
	tool(&p, "{\"toolUseId\":\"a\",\"name\":\"A\",\"input\":\"{\\\"x\"}");
	tool(&p, "{\"toolUseId\":\"b\",\"name\":\"B\",\"input\":\"{\\\"y\"}");
	text(&p, "{\"content\":\"mid\"}");
	tool(&p, "{\"toolUseId\":\"b\",\"name\":\"B\",\"input\":\"\\\":2}\",\"stop\":true}");
	text(&p, "{\"content\":\"dle\"}");
	TOLD(&p, "T(before)C(a,A)A({\"x)");
	tool(&p, "{\"toolUseId\":\"a\",\"name\":\"A\",\"input\":\"\\\":1}\"}");
	tool(&p, "{\"toolUseId\":\"a\",\"stop\":true}");
	text(&p, "{\"content\":\"after\"}");
	trailer(&p, "TOOL_USE");
	TOLD(&p, "T(before)C(a,A)A({\"x)A(\":1})ET(middle)C(b,B)A({\"y\":2})ET(after)!(tool_use)");
	play_end(&p);
}

static void up_event_keys_a_call_late(void)
{
	struct play p;

	play_begin(&p);
	tool(&p, "{\"name\":\"Read\"}");
	TOLD(&p, "");
	tool(&p, "{\"name\":\"Read\",\"toolUseId\":\"i\",\"input\":\"{}\"}");
	tool(&p, "{\"name\":\"Read\",\"toolUseId\":\"i\",\"stop\":true}");
	TOLD(&p, "C(i,Read)A({})E");
	tool(&p, "{\"toolUseId\":\"j\",\"input\":\"{\"}"); /* the name comes late */
	TOLD(&p, "C(i,Read)A({})E");
	tool(&p, "{\"toolUseId\":\"j\",\"name\":\"Grep\",\"input\":\"}\",\"stop\":true}");
	trailer(&p, "TOOL_USE");
	TOLD(&p, "C(i,Read)A({})EC(j,Grep)A({})E!(tool_use)");
	play_end(&p);
}

/* 65 characters: one too many. */
#define LONG_ID "12345678901234567890123456789012345678901234567890123456789012345"

/* The id of the only call told. */
static void told_id(const struct play *p, char out[static 128])
{
	out[0] = '\0';
	sscanf(p->told.at, "C(%127[^,]", out);
}

static void up_event_makes_an_id_only_where_upstream_gave_no_fit_one(void)
{
	static const char *const ids[] = { "a b", "\xc3\xa9", LONG_ID, "" };
	char json[256], id[128];
	struct play p;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		play_begin(&p);
		snprintf(json, sizeof(json), "{\"toolUseId\":\"%s\",\"name\":\"n\",\"stop\":true}",
			 ids[i]);
		tool(&p, json);
		told_id(&p, id);
		CU_ASSERT_EQUAL(p.rc, 0);
		CU_ASSERT_EQUAL(strncmp(id, "toolu_", 6), 0);
		CU_ASSERT_EQUAL(strlen(id), 30);
		play_end(&p);
	}
	play_begin(&p); /* 64 characters fit */
	snprintf(json, sizeof(json), "{\"toolUseId\":\"%.64s\",\"name\":\"n\"}", ids[2]);
	tool(&p, json);
	told_id(&p, id);
	CU_ASSERT_EQUAL(strncmp(id, ids[2], 64), 0);
	CU_ASSERT_EQUAL(strlen(id), 64);
	play_end(&p);
}

static void up_event_gives_the_client_its_own_tool_name(void)
{
	static const char client[] = "mcp__server.with.dots__tool";
	char json[256], told[256];
	struct play p;

	play_begin(&p);
	snprintf(json, sizeof(json), "{\"toolUseId\":\"i\",\"name\":\"%s\"}",
		 tool_names_add(&p.names, client));
	CU_ASSERT_PTR_NULL(strstr(json, client));
	tool(&p, json);
	snprintf(told, sizeof(told), "C(i,%s)", client);
	TOLD(&p, told);
	play_end(&p);
}

static void up_event_limits_calls_and_arguments(void)
{
	char json[128];
	struct buf big;
	struct play p;

	play_begin(&p);
	for (int i = 0; i < LIMIT_OPEN_TOOLS; i++) {
		snprintf(json, sizeof(json), "{\"toolUseId\":\"i%d\",\"name\":\"n\"}", i);
		tool(&p, json);
	}
	CU_ASSERT_EQUAL(p.rc, 0);
	tool(&p, "{\"toolUseId\":\"one more\",\"name\":\"n\"}");
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_DAMAGED);
	play_end(&p);

	play_begin(&p);
	buf_init(&big, MB(2));
	buf_add_text(&big, "{\"toolUseId\":\"i\",\"name\":\"n\",\"input\":\"");
	while (big.len < MB(1))
		buf_add_char(&big, 'x');
	buf_add_text(&big, "\"}");
	for (int i = 0; i < 8; i++)
		tool(&p, big.at);
	CU_ASSERT_EQUAL(p.rc, 0);
	tool(&p, big.at);
	CU_ASSERT_EQUAL(p.error.kind, ERR_UP_DAMAGED);
	buf_release(&big);
	play_end(&p);
}

CU_TestInfo up_event_tool_tests[] = {
	{ "streams a tool call", up_event_streams_a_tool_call },
	{ "takes every form of arguments", up_event_takes_every_form_of_arguments },
	{ "takes pieces behind an empty object", up_event_takes_pieces_behind_an_empty_object },
	{ "refuses broken calls", up_event_refuses_broken_calls },
	{ "refuses arguments behind the end", up_event_refuses_arguments_behind_the_end },
	{ "orders interleaved calls", up_event_orders_interleaved_calls },
	{ "keys a call late", up_event_keys_a_call_late },
	{ "makes an id only where upstream gave no fit one",
	  up_event_makes_an_id_only_where_upstream_gave_no_fit_one },
	{ "gives the client its own tool name", up_event_gives_the_client_its_own_tool_name },
	{ "limits calls and arguments", up_event_limits_calls_and_arguments },
	CU_TEST_INFO_NULL,
};
