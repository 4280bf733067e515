#include "common/base.h"
#include "fcgi/in_typed.h"

#include "common/jsonw.h"
#include "common/limits.h"
#include "fcgi/in_shape.h"

#define TEXT_PROPERTY(name, what) "\"" name "\":{\"type\":\"string\",\"description\":\"" what "\"}"
#define LINE_PROPERTY                                                                              \
	"\"insert_line\":{\"type\":\"integer\",\"description\":\"insert: the line after which "    \
	"the "                                                                                     \
	"text goes, 0 for the beginning of the file.\"}"
#define RANGE_PROPERTY                                                                             \
	"\"view_range\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"description\":"     \
	"\"view of a file: first and last line, counted from 1; -1 is the end of the file.\"}"
#define PATH_PROPERTY(what) TEXT_PROPERTY("path", what)
#define OLD_PROPERTY                                                                               \
	TEXT_PROPERTY("old_str", "str_replace: the text to replace; it must occur exactly once.")
#define COMMAND_PROPERTY(list)                                                                     \
	"\"command\":{\"type\":\"string\",\"enum\":[" list "],\"description\":\"What to do.\"}"

#define BASH                                                                                       \
	"{\"type\":\"object\",\"properties\":{" TEXT_PROPERTY(                                     \
		"command",                                                                         \
		"The command to run. Required unless restart is true.") ","                        \
									"\"restart\":{\"type\":"   \
									"\"boolean\","             \
									"\"description\":\"True "  \
									"starts the session "      \
									"anew.\"}}}"

/* The older editor inserts new_str and can undo; the newer one inserts insert_text. */
#define EDITOR(commands, insert)                                                                   \
	"{\"type\":\"object\",\"properties\":{" COMMAND_PROPERTY(commands) "," PATH_PROPERTY(      \
		"Abs"                                                                              \
		"olu"                                                                              \
		"te "                                                                              \
		"pat"                                                                              \
		"h "                                                                               \
		"of "                                                                              \
		"a "                                                                               \
		"fil"                                                                              \
		"e "                                                                               \
		"or "                                                                              \
		"dir"                                                                              \
		"ect"                                                                              \
		"ory"                                                                              \
		".") "," TEXT_PROPERTY("file_text",                                                \
				       "create: the content of the new file.") "," OLD_PROPERTY    \
									       "," insert          \
									       "," LINE_PROPERTY   \
									       "," RANGE_PROPERTY  \
									       "},"                \
									       "\"required\":["    \
									       "\"command\","      \
									       "\"path\"]}"
#define OLD_EDITOR                                                                                 \
	EDITOR("\"view\",\"create\",\"str_replace\",\"insert\",\"undo_edit\"",                     \
	       TEXT_PROPERTY("new_str", "str_replace, insert: the new text."))
#define NEW_EDITOR                                                                                 \
	EDITOR("\"view\",\"create\",\"str_replace\",\"insert\"",                                   \
	       TEXT_PROPERTY("new_str", "str_replace: the new text.") "," TEXT_PROPERTY(           \
		       "insert_text", "insert: the new text."))
#define EDIT "Shows, creates and edits text files: view, create, str_replace, insert"

#define MEMORY                                                                                                                                                                                                   \
	"{\"type\":\"object\",\"properties\":{" COMMAND_PROPERTY(                                                                                                                                                \
		"\"view\",\"create\",\"str_"                                                                                                                                                                     \
		"replace\",\"insert\","                                                                                                                                                                          \
		"\"delete\",\"rename\"") "," PATH_PROPERTY("Path below /memories; not for "                                                                                                                      \
							   "rename.") "," TEXT_PROPERTY("file_"                                                                                                                  \
											"text",                                                                                                                  \
											"create: "                                                                                                               \
											"the "                                                                                                                   \
											"content "                                                                                                               \
											"of the "                                                                                                                \
											"new "                                                                                                                   \
											"file.") "," OLD_PROPERTY                                                                                                \
												 "," TEXT_PROPERTY(                                                                                              \
													 "new_str",                                                                                              \
													 "str_"                                                                                                  \
													 "replace: "                                                                                             \
													 "the new "                                                                                              \
													 "text.") "," LINE_PROPERTY                                                                              \
														  "," TEXT_PROPERTY(                                                                             \
															  "insert_text",                                                                         \
															  "insert: the new "                                                                     \
															  "text.") "," RANGE_PROPERTY                                                            \
																   "," TEXT_PROPERTY("old_path", "rename: the present path.") "," TEXT_PROPERTY( \
																	   "new_path",                                                           \
																	   "rename: the new path.") "},\"required\":[\"command\"]}"

#define POINT_PROPERTY(name, what)                                                                 \
	"\"" name                                                                                  \
	"\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"description\":\"" what "\"}"
#define COMPUTER(actions, more)                                                                    \
	"{\"type\":\"object\",\"properties\":{\"action\":{\"type\":\"string\",\"enum\":["          \
	"\"key\",\"type\",\"mouse_move\",\"left_click\",\"left_click_drag\",\"right_click\","      \
	"\"middle_click\",\"double_click\",\"screenshot\",\"cursor_position\"" actions             \
	"],\"description\":\"What to do.\"}," POINT_PROPERTY(                                      \
		"coordinate",                                                                      \
		"x and y in pixels from the top left corner.") "," TEXT_PROPERTY("text",           \
										 "key: the key "   \
										 "or keys, as in " \
										 "ctrl+s; type: "  \
										 "the text.") more \
		"},"                                                                               \
		"\"required\":[\"action\"]}"
#define ACTIONS_2025                                                                               \
	",\"left_mouse_down\",\"left_mouse_up\",\"scroll\",\"hold_key\",\"wait\",\"triple_click\""
#define MORE_2025                                                                                  \
	"," POINT_PROPERTY(                                                                        \
		"start_coordinate",                                                                \
		"left_click_drag: where the drag begins.") ","                                     \
							   "\"scroll_direction\":{\"type\":"       \
							   "\"string\",\"enum\":[\"up\",\"down\"," \
							   "\"left\","                             \
							   "\"right\"]},\"scroll_amount\":{"       \
							   "\"type\":\"integer\"},\"duration\":{"  \
							   "\"type\":\"number\","                  \
							   "\"description\":\"hold_key, wait: "    \
							   "seconds.\"}"
#define ZOOM "," POINT_PROPERTY("region", "zoom: x0, y0, x1, y1 of the part to show enlarged.")

/* clang-format off */
static const struct typed {
	const char *type, *name, *description, *schema;
	const char *zoomed; /* schema where the client has zoom enabled; NULL: it cannot */
	bool display; /* the client tells the size of its display */
} typed[] = {
	{ "bash_20241022", "bash", "Runs a command in a shell session that lasts.", BASH, NULL, false },
	{ "bash_20250124", "bash", "Runs a command in a shell session that lasts.", BASH, NULL, false },
	{ "text_editor_20241022", "str_replace_editor", EDIT ", undo_edit.", OLD_EDITOR, NULL, false },
	{ "text_editor_20250124", "str_replace_editor", EDIT ", undo_edit.", OLD_EDITOR, NULL, false },
	{ "text_editor_20250429", "str_replace_based_edit_tool", EDIT ".", NEW_EDITOR, NULL, false },
	{ "text_editor_20250728", "str_replace_based_edit_tool", EDIT ".", NEW_EDITOR, NULL, false },
	{ "memory_20250818", "memory",
	  "Keeps notes in files below /memories, which last from one conversation to the next.", MEMORY, NULL, false },
	{ "computer_20241022", "computer", "Uses mouse, keyboard and screen of a computer.",
	  COMPUTER("", ""), NULL, true },
	{ "computer_20250124", "computer", "Uses mouse, keyboard and screen of a computer.",
	  COMPUTER(ACTIONS_2025, MORE_2025), NULL, true },
	{ "computer_20251124", "computer", "Uses mouse, keyboard and screen of a computer.",
	  COMPUTER(ACTIONS_2025, MORE_2025), COMPUTER(ACTIONS_2025 ",\"zoom\"", MORE_2025 ZOOM), true },
};
/* clang-format on */

static const struct typed *find(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(typed); i++) {
		if (strcmp(typed[i].type, type) == 0)
			return &typed[i];
	}
	return NULL;
}

static int need_pixels(struct in *in, const cJSON *json, const char *key, const struct json_at *at,
		       int64_t *out)
{
	int rc = json_int(json, key, at, 1, INT32_MAX, out, in->e);

	if (rc == 0)
		return json_error(at, key, in->e, "Field required");
	return rc < 0 ? -1 : 0;
}

static int describe_display(struct in *in, const cJSON *json, const struct json_at *at,
			    struct tool *tool)
{
	int64_t width, height;

	if (need_pixels(in, json, "display_width_px", at, &width) ||
	    need_pixels(in, json, "display_height_px", at, &height))
		return -1;
	tool->description =
		arena_format(in->arena, "%s The display has %" PRId64 " x %" PRId64 " pixels.",
			     tool->description, width, height);
	return 0;
}

int in_typed_check(struct in *in, const cJSON *json, const struct json_at *at)
{
	static const struct in_member members[] = {
		{ .name = "strict", .types = IN_BOOL },
		{ .name = "eager_input_streaming", .types = IN_BOOL },
		{ .name = "input_examples", .types = IN_ARRAY, .items = IN_OBJECT },
		{ .name = "allowed_callers", .types = IN_ARRAY, .items = IN_TEXT },
		{ .name = "max_characters", .types = IN_INTEGER, .min = 1 },
		{ .name = "display_number", .types = IN_INTEGER },
		{ .name = NULL },
	};

	return in_shape_check(in, json, at, in_shape_cache_control) ||
			       in_shape_check(in, json, at, members)
		       ? -1
		       : 0;
}

void in_typed_examples(struct in *in, const cJSON *json, struct tool *tool)
{
	const cJSON *examples = json_member(json, "input_examples"), *example;
	const char *gap = tool->description[0] ? "\n\n" : "";
	struct jsonw w;
	struct buf text;

	if (!examples || !examples->child)
		return;
	buf_init(&text, LIMIT_BODY * 2);
	buf_add_format(&text, "%s%sExamples of its input:", tool->description, gap);
	cJSON_ArrayForEach (example, examples) {
		buf_add_text(&text, "\n");
		jsonw_init(&w, &text);
		jsonw_tree(&w, example);
	}
	tool->description = arena_strndup(in->arena, text.at, text.len);
	buf_release(&text);
}

int in_typed_read(struct in *in, const cJSON *json, const char *type, const struct json_at *at,
		  struct tool *tool)
{
	struct json_at inside = { .up = at, .key = type };
	const struct typed *known = find(type);
	bool zoom = false;

	/* Tools that the server would execute (web_search_*, web_fetch_*, code_execution_*, ...)
	 * have no place in typed[]: one that this gateway learns to serve branches off here. */
	if (!known)
		return json_error(at, NULL, in->e, "%.64s is not supported by this gateway", type);
	*tool = (struct tool){ .description = known->description, .schema_json = known->schema };
	if (json_need_text(json, "name", &inside, &tool->name, in->e) ||
	    in_typed_check(in, json, &inside) ||
	    json_bool(json, "enable_zoom", &inside, &zoom, in->e) < 0)
		return -1;
	if (zoom && known->zoomed)
		tool->schema_json = known->zoomed;
	if (strcmp(tool->name, known->name) != 0)
		return json_error(&inside, "name", in->e, "Input should be '%s'", known->name);
	if (known->display && describe_display(in, json, &inside, tool))
		return -1;
	in_typed_examples(in, json, tool);
	return 0;
}
