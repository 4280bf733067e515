#include "common/base.h"
#include "common/json.h"
#include "common/limits.h"
#include "fcgi/models.h"

#include <CUnit/CUnit.h>

static void models_find_a_name_in_every_spelling(void)
{
	static const struct {
		const char *name, *id;
	} rows[] = {
		{ "claude-opus-4.8", "claude-opus-4.8" },
		{ "claude-opus-4-8", "claude-opus-4.8" },
		{ " claude-opus-4-8\n", "claude-opus-4.8" },
		{ "claude-opus-4-8[1m]", "claude-opus-4.8" },
		{ "claude-opus-4-8-thinking", "claude-opus-4.8" },
		{ "claude-sonnet-4-5-20250929", "claude-sonnet-4.5" },
		{ "claude-sonnet-4-5-20250929-thinking[1m]", "claude-sonnet-4.5" },
		{ "claude-sonnet-4-20250514", "claude-sonnet-4" },
		{ "claude-haiku-4-5-latest", "claude-haiku-4.5" },
		{ "claude-4.5-opus", "claude-opus-4.5" },
		{ "claude-4-sonnet", "claude-sonnet-4" },
		{ "claude-3-7-sonnet-20250219", "claude-3.7-sonnet" },
		{ "claude-sonnet-4-5-1m", "claude-sonnet-4.5-1m" },
		{ "claude-sonnet-4.5-1m", "claude-sonnet-4.5-1m" },
		{ "claude-opus-5-5", "claude-opus-5.5" },
		{ "minimax-m2-1", "minimax-m2.1" },
		{ "gpt-5-6-sol", "gpt-5.6-sol" },
		{ "auto", "auto" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct model *m = models_find(rows[i].name);

		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		CU_ASSERT_STRING_EQUAL(m->id, rows[i].id);
	}
}

static void models_never_guess(void)
{
	static const char *const unknown[] = {
		"",
		" ",
		"gpt-4o",
		"claude",
		"claude-",
		"claude-sonnet",
		"claude-sonnet-9-9",
		"claude-opus-4-8x",
		"my-custom-model",
		"[1m]",
		"-latest",
		"claude-3-5-haiku-20241022",
	};
	char longest[4096];

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		CU_ASSERT_PTR_NULL(models_find(unknown[i]));
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	CU_ASSERT_PTR_NULL(models_find(longest));
}

static void models_have_the_windows_of_the_catalogue(void)
{
	static const struct {
		const char *id;
		int64_t window;
	} rows[] = {
		{ "auto", 1000000 },
		{ "claude-opus-4.5", 200000 },
		{ "claude-opus-4.6", 1000000 },
		{ "claude-opus-5.5", 1000000 },
		{ "claude-sonnet-4", 200000 },
		{ "claude-sonnet-4.5", 200000 },
		{ "claude-sonnet-4.6", 1000000 },
		{ "claude-haiku-4.5", 200000 },
		{ "gpt-5.6-luna", 272000 },
		{ "deepseek-3.2", 164000 },
		{ "minimax-m2.5", 196000 },
		{ "glm-5", 200000 },
		{ "qwen3-coder-next", 256000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(models_find(rows[i].id));
		CU_ASSERT_EQUAL(models_find(rows[i].id)->window, rows[i].window);
	}
}

static void write_all(const struct models_page *page, struct arena *arena, struct buf *body)
{
	const struct model *list[LIMIT_MODELS], *all;
	size_t count;

	all = models_all(&count);
	for (size_t i = 0; i < count; i++)
		list[i] = &all[i];
	models_write_list(list, count, page, true, arena, body);
}

static void models_list_serves_both_apis(void)
{
	const cJSON *data, *item;
	bool dashed = false;
	struct arena arena;
	struct buf body;
	cJSON *tree;

	arena_init(&arena);
	buf_init(&body, LIMIT_UP_REPLY);
	write_all(&(struct models_page){ .limit = 0 }, &arena, &body);
	tree = cJSON_Parse(body.at);
	CU_ASSERT_STRING_EQUAL(json_text_or(tree, "object", ""), "list");
	CU_ASSERT_TRUE(cJSON_IsFalse(cJSON_GetObjectItem(tree, "has_more")));
	data = json_member(tree, "data");
	CU_ASSERT_FATAL(cJSON_GetArraySize(data) > 20);
	cJSON_ArrayForEach (item, data) {
		const char *id = json_text_or(item, "id", "?");

		CU_ASSERT_PTR_NOT_NULL(models_find(id));
		CU_ASSERT_STRING_EQUAL(json_text_or(item, "object", ""), "model");
		CU_ASSERT_STRING_EQUAL(json_text_or(item, "type", ""), "model");
		CU_ASSERT_TRUE(json_number_or(item, "created", 0) > 1.7e9);
		CU_ASSERT_TRUE(json_number_or(item, "max_input_tokens", 0) >= 100000);
		CU_ASSERT_STRING_NOT_EQUAL(json_text_or(item, "display_name", ""), "");
		CU_ASSERT_STRING_NOT_EQUAL(json_text_or(item, "created_at", ""), "");
		CU_ASSERT_STRING_NOT_EQUAL(json_text_or(item, "owned_by", ""), "");
		dashed = dashed || strcmp(id, "claude-opus-4-8") == 0;
		if (item == data->child)
			CU_ASSERT_STRING_EQUAL(json_text_or(tree, "first_id", ""), id);
		if (!item->next)
			CU_ASSERT_STRING_EQUAL(json_text_or(tree, "last_id", ""), id);
	}
	CU_ASSERT_TRUE(dashed);
	cJSON_Delete(tree);
	buf_reset(&body);
	models_write_one(models_find("claude-haiku-4-5"), true, &body);
	tree = cJSON_Parse(body.at);
	CU_ASSERT_STRING_EQUAL(json_text_or(tree, "id", ""), "claude-haiku-4.5");
	cJSON_Delete(tree);
	buf_release(&body);
	arena_release(&arena);
}

/* type: of that capability; NULL: it has none. */
static bool says(const struct model *model, bool documents, const char *capability,
		 const char *type)
{
	const cJSON *it;
	struct buf body;
	cJSON *tree;
	bool yes;

	buf_init(&body, LIMIT_UP_REPLY);
	models_write_one(model, documents, &body);
	tree = cJSON_Parse(body.at);
	it = json_member(json_member(tree, "capabilities"), capability);
	it = type ? json_member(json_member(it, "types"), type) : it;
	yes = cJSON_IsTrue(json_member(it, "supported"));
	CU_ASSERT_TRUE(yes || cJSON_IsFalse(json_member(it, "supported")));
	cJSON_Delete(tree);
	buf_release(&body);
	return yes;
}

static bool says_pdf_input(const char *model, bool documents)
{
	return says(models_find(model), documents, "pdf_input", NULL);
}

static void pdf_input_is_told_where_service_and_model_read_pages(void)
{
	CU_ASSERT_TRUE(says_pdf_input("claude-opus-4-8", true));
	CU_ASSERT_FALSE(says_pdf_input("claude-opus-4-8", false));
	CU_ASSERT_FALSE(says_pdf_input("qwen3-coder-next", true));
}

static bool says_thinking(const struct model *model, const char *type)
{
	return says(model, true, "thinking", type);
}

static void a_model_that_always_thinks_does_not_say_that_it_may_be_told_not_to(void)
{
	struct model model = *models_find("claude-opus-4-8");

	CU_ASSERT_TRUE(says_thinking(&model, "adaptive"));
	CU_ASSERT_TRUE(says_thinking(&model, "disabled"));
	CU_ASSERT_TRUE(says_thinking(&model, "between_tools"));
	model.always_thinks = true;
	CU_ASSERT_TRUE(says_thinking(&model, "adaptive"));
	CU_ASSERT_FALSE(says_thinking(&model, "disabled"));
	CU_ASSERT_FALSE(says_thinking(&model, "between_tools"));
}

/* The client's types have all of these without a question mark: whoever reads one that is not there
 * throws. */
static void capabilities_are_all_told(void)
{
	static const struct {
		const char *group, *name;
		bool supported;
	} rows[] = {
		{ NULL, "batch", false },
		{ NULL, "citations", false },
		{ NULL, "code_execution", false },
		{ NULL, "context_management", false },
		{ "context_management", "clear_thinking_20251015", false },
		{ "context_management", "clear_tool_uses_20250919", false },
		{ "context_management", "compact_20260112", false },
		{ "effort", "xhigh", true },
		{ NULL, "image_input", true },
		{ NULL, "pdf_input", true },
		{ NULL, "server_tools", true },
		{ "server_tools", "code_execution", false },
		{ "server_tools", "web_search", true },
		{ NULL, "structured_outputs", true },
		{ NULL, "thinking", true },
	};
	const cJSON *all, *it;
	struct buf body;
	cJSON *tree;

	buf_init(&body, LIMIT_UP_REPLY);
	models_write_one(models_find("claude-opus-4-8"), true, &body);
	tree = cJSON_Parse(body.at);
	all = json_member(tree, "capabilities");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		it = json_member(rows[i].group ? json_member(all, rows[i].group) : all,
				 rows[i].name);
		it = json_member(it, "supported");
		CU_ASSERT_TRUE_FATAL(cJSON_IsBool(it));
		CU_ASSERT_EQUAL(cJSON_IsTrue(it), rows[i].supported);
	}
	cJSON_Delete(tree);
	buf_release(&body);
}

/* The API's lines are those of Claude; a model of no line has null. */
static void only_claude_models_have_a_line(void)
{
	static const struct {
		const char *id, *line;
	} rows[] = {
		{ "claude-opus-4.8", "opus" },
		{ "claude-haiku-4.5", "haiku" },
		{ "claude-3.7-sonnet", "sonnet" },
		{ "gpt-5.6-sol", NULL },
		{ "glm-5", NULL },
		{ "auto", NULL },
	};
	struct buf body;
	cJSON *tree;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		buf_init(&body, LIMIT_UP_REPLY);
		models_write_one(models_find(rows[i].id), true, &body);
		tree = cJSON_Parse(body.at);
		if (rows[i].line) {
			CU_ASSERT_STRING_EQUAL(json_text_or(tree, "line", ""), rows[i].line);
		} else {
			CU_ASSERT_TRUE(cJSON_IsNull(cJSON_GetObjectItem(tree, "line")));
		}
		cJSON_Delete(tree);
		buf_release(&body);
	}
}

/* Ids of a page of the first list entries, and has_more: "claude-opus-5.5 claude-opus-5-5 +". */
static void check_page(struct models_page page, const char *expected)
{
	char text[512] = "";
	struct arena arena;
	const cJSON *item;
	struct buf body;
	cJSON *tree;

	arena_init(&arena);
	buf_init(&body, LIMIT_UP_REPLY);
	write_all(&page, &arena, &body);
	tree = cJSON_Parse(body.at);
	cJSON_ArrayForEach (item, json_member(tree, "data"))
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ",
			 json_text_or(item, "id", "?"));
	if (cJSON_IsTrue(json_member(tree, "has_more")))
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "+");
	CU_ASSERT_STRING_EQUAL(text, expected);
	CU_ASSERT_EQUAL(!*expected, !json_member(tree, "first_id"));
	cJSON_Delete(tree);
	buf_release(&body);
	arena_release(&arena);
}

static void models_list_is_given_in_pages(void)
{
	check_page((struct models_page){ .limit = 2 }, "claude-opus-5.5 claude-opus-5-5 +");
	check_page((struct models_page){ 2, "claude-opus-5-5", NULL },
		   "claude-sonnet-5.5 claude-sonnet-5-5 +");
	check_page((struct models_page){ 1, NULL, "claude-sonnet-5.5" }, "claude-opus-5-5 +");
	check_page((struct models_page){ 5, NULL, "claude-sonnet-5.5" },
		   "claude-opus-5.5 claude-opus-5-5 ");
	check_page((struct models_page){ 0, "claude-opus-5.5", "claude-sonnet-5-5" },
		   "claude-opus-5-5 claude-sonnet-5.5 ");
	check_page((struct models_page){ 0, "claude-sonnet-4", NULL },
		   "claude-3.7-sonnet claude-3-7-sonnet ");
	check_page((struct models_page){ 0, "claude-3-7-sonnet", NULL }, "");
	check_page((struct models_page){ 0, "no-such-model", NULL }, "");
	check_page((struct models_page){ 0, NULL, "no-such-model" }, "");
	check_page((struct models_page){ 0, NULL, "claude-opus-5.5" }, "");
}

static void models_effort_is_the_nearest_that_is_allowed(void)
{
	static const struct {
		const char *model;
		enum model_effort wished;
		const char *effort;
	} rows[] = {
		{ "claude-opus-4.8", MODEL_EFFORT_XHIGH, "xhigh" },
		{ "claude-sonnet-4.6", MODEL_EFFORT_XHIGH, "high" },
		{ "claude-sonnet-4.6", MODEL_EFFORT_MAX, "max" },
		{ "gpt-5.6-sol", MODEL_EFFORT_MAX, "xhigh" },
		{ "gpt-5.6-sol", MODEL_EFFORT_NONE, "none" },
		{ "claude-opus-5", MODEL_EFFORT_MINIMAL, "low" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CU_ASSERT_STRING_EQUAL(models_effort(models_find(rows[i].model), rows[i].wished),
				       rows[i].effort);
	CU_ASSERT_PTR_NULL(models_effort(models_find("claude-haiku-4.5"), MODEL_EFFORT_HIGH));
}

CU_TestInfo models_tests[] = {
	{ "find a name in every spelling", models_find_a_name_in_every_spelling },
	{ "never guess", models_never_guess },
	{ "have the windows of the catalogue", models_have_the_windows_of_the_catalogue },
	{ "list serves both APIs", models_list_serves_both_apis },
	{ "pdf_input is told where service and model read pages",
	  pdf_input_is_told_where_service_and_model_read_pages },
	{ "a model that always thinks does not say that it may be told not to",
	  a_model_that_always_thinks_does_not_say_that_it_may_be_told_not_to },
	{ "only Claude models have a line", only_claude_models_have_a_line },
	{ "capabilities are all told", capabilities_are_all_told },
	{ "list is given in pages", models_list_is_given_in_pages },
	{ "effort is the nearest that is allowed", models_effort_is_the_nearest_that_is_allowed },
	CU_TEST_INFO_NULL,
};
