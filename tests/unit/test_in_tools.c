#include "common/base.h"

#include "tests/unit/in_tests.h"

#define BODY(tools)                                                                                \
	"{'model':'m','max_tokens':9,'messages':[{'role':'user','content':'x'}],'tools':[" tools   \
	"]}"
#define DISPLAY "'display_width_px':1024,'display_height_px':768"

static const struct {
	const char *type, *name, *more, *properties;
} kinds[] = {
	{ "bash_20250124", "bash", "", "command restart" },
	{ "text_editor_20250124", "str_replace_editor", "",
	  "command path file_text old_str new_str insert_line view_range" },
	{ "text_editor_20250429", "str_replace_based_edit_tool", "",
	  "command path file_text old_str new_str insert_text insert_line view_range" },
	{ "text_editor_20250728", "str_replace_based_edit_tool", ",'max_characters':100",
	  "command path file_text old_str new_str insert_text insert_line view_range" },
	{ "memory_20250818", "memory", "",
	  "command path file_text old_str new_str insert_line insert_text view_range old_path "
	  "new_path" },
	{ "computer_20250124", "computer", "," DISPLAY,
	  "action coordinate text start_coordinate scroll_direction scroll_amount duration" },
	{ "computer_20251124", "computer", ",'enable_zoom':true," DISPLAY,
	  "action coordinate text region" },
};

static void typed_tools_have_their_public_schemas(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char body[512], list[256], *save = NULL;
		const cJSON *properties;
		struct in_test t;
		cJSON *schema;

		snprintf(body, sizeof(body), BODY("{'type':'%s','name':'%s'%s}"), kinds[i].type,
			 kinds[i].name, kinds[i].more);
		in_test_read(&t, in_anthropic, body);
		CU_ASSERT_EQUAL_FATAL(t.rc, 0);
		CU_ASSERT_EQUAL_FATAL(t.chat.tool_count, 1);
		CU_ASSERT_STRING_EQUAL(t.chat.tools[0].name, kinds[i].name);
		CU_ASSERT_TRUE(*t.chat.tools[0].description);
		schema = cJSON_Parse(t.chat.tools[0].schema_json);
		CU_ASSERT_STRING_EQUAL(json_text_or(schema, "type", ""), "object");
		properties = json_member(schema, "properties");
		snprintf(list, sizeof(list), "%s", kinds[i].properties);
		for (char *p = strtok_r(list, " ", &save); p; p = strtok_r(NULL, " ", &save))
			CU_ASSERT_PTR_NOT_NULL(json_member(properties, p));
		cJSON_Delete(schema);
		in_test_release(&t);
	}
}

static void the_model_learns_the_size_of_the_display(void)
{
	struct in_test t;

	in_test_read(&t, in_anthropic,
		     BODY("{'type':'computer_20250124','name':'computer'," DISPLAY "}"));
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(t.chat.tools[0].description, "1024 x 768 pixels"));
	in_test_release(&t);
}

/* The client that has not enabled it cannot do it. */
static void the_model_is_offered_zoom_only_where_it_is_enabled(void)
{
	static const struct {
		const char *tool;
		bool zooms;
	} rows[] = {
		{ "'computer_20251124','enable_zoom':true", true },
		{ "'computer_20251124','enable_zoom':false", false },
		{ "'computer_20251124'", false },
		{ "'computer_20250124','enable_zoom':true", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char body[256];
		struct in_test t;

		snprintf(body, sizeof(body), BODY("{'name':'computer'," DISPLAY ",'type':%s}"),
			 rows[i].tool);
		in_test_accept(&t, in_anthropic, body);
		CU_ASSERT_EQUAL(strstr(t.chat.tools[0].schema_json, "\"zoom\"") != NULL,
				rows[i].zooms);
		CU_ASSERT_EQUAL(strstr(t.chat.tools[0].schema_json, "\"region\"") != NULL,
				rows[i].zooms);
		in_test_release(&t);
	}
}

static void deferred_typed_tools_stay_hidden(void)
{
	struct in_test t;

	in_test_read(&t, in_anthropic,
		     BODY("{'type':'bash_20250124','name':'bash','defer_loading':true}"));
	CU_ASSERT_EQUAL_FATAL(t.rc, 0);
	CU_ASSERT_EQUAL(t.chat.tool_count, 0);
	in_test_release(&t);
}

static void other_types_are_refused_by_name(void)
{
	static const struct in_refusal rows[] = {
		{ BODY("{'type':'bash_20990101','name':'bash'}"), "tools.0",
		  "tools.0: bash_20990101 is not supported by this gateway" },
		{ BODY("{'type':'web_fetch_20250910','name':'web_fetch'}"), "tools.0",
		  "web_fetch_20250910 is not supported" },
		{ BODY("{'type':'code_execution_20250825','name':'code_execution'}"), "tools.0",
		  "code_execution_20250825 is not supported" },
		{ BODY("{'type':'tool_search_tool_regex_20251119','name':'x'}"), "tools.0",
		  "tool_search_tool_regex_20251119 is not supported" },
		{ BODY("{'type':'computer_toolset_20260801'}"), "tools.0", "is not supported" },
		{ BODY("{'type':'bash_20250124','name':'shell'}"), "tools.0.bash_20250124.name",
		  "Input should be 'bash'" },
		{ BODY("{'type':'bash_20250124'}"), "tools.0.bash_20250124.name",
		  "Field required" },
		{ BODY("{'type':'computer_20250124','name':'computer','display_width_px':1}"),
		  "tools.0.computer_20250124.display_height_px", "Field required" },
		{ BODY("{'type':'computer_20250124','name':'computer','display_width_px':0,"
		       "'display_height_px':1}"),
		  "tools.0.computer_20250124.display_width_px", "greater than or equal to 1" },
	};

	in_test_refusals(in_anthropic, rows, ARRAY_SIZE(rows));
}

CU_TestInfo in_tools_tests[] = {
	{ "typed tools have their public schemas", typed_tools_have_their_public_schemas },
	{ "the model learns the size of the display", the_model_learns_the_size_of_the_display },
	{ "the model is offered zoom only where it is enabled",
	  the_model_is_offered_zoom_only_where_it_is_enabled },
	{ "deferred typed tools stay hidden", deferred_typed_tools_stay_hidden },
	{ "other types are refused by name", other_types_are_refused_by_name },
	CU_TEST_INFO_NULL,
};
