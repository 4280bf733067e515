#include "common/base.h"
#include "fcgi/in_tools.h"

#include "common/limits.h"
#include "fcgi/in_hints.h"
#include "fcgi/in_parts.h"
#include "fcgi/in_search.h"

/* {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}: the tree
 * is only read. */
static const cJSON input_text = { .type = cJSON_String, .valuestring = "string", .string = "type" };
static const cJSON input_property = { .type = cJSON_Object,
				      .child = (cJSON *)&input_text,
				      .string = "input" };
static const cJSON input_name = { .type = cJSON_String, .valuestring = "input" };
static const cJSON input_required = { .type = cJSON_Array,
				      .child = (cJSON *)&input_name,
				      .string = "required" };
static const cJSON input_properties = { .next = (cJSON *)&input_required,
					.type = cJSON_Object,
					.child = (cJSON *)&input_property,
					.string = "properties" };
static const cJSON input_type = { .next = (cJSON *)&input_properties,
				  .type = cJSON_String,
				  .valuestring = "object",
				  .string = "type" };
static const cJSON input_schema = { .type = cJSON_Object, .child = (cJSON *)&input_type };

/* ---- one tool; `body` holds its members ---- */

struct tool_place {
	const struct json_at *at; /* of body */
	const char *space;	  /* NULL: none */
};

typedef int tool_reader(struct in *in, const cJSON *body, const struct tool_place *place,
			struct tool *tool);

const char *in_tools_name(struct in *in, const char *space, const char *name)
{
	return space ? arena_format(in->arena, "%s__%s", space, name) : name;
}

static int read_named(struct in *in, const cJSON *body, const struct tool_place *place,
		      struct tool *tool)
{
	const char *name;

	if (json_need_text(body, "name", place->at, &name, in->e) ||
	    json_text(body, "description", place->at, &tool->description, in->e) < 0 ||
	    in_shape_check(in, body, place->at, in_hints_tool))
		return -1;
	if (!name[0] || strlen(name) > LIMIT_TOOL_NAME)
		return json_error(place->at, "name", in->e, "Input should have 1 to %d bytes",
				  LIMIT_TOOL_NAME);
	tool->name = in_tools_name(in, place->space, name);
	tool->space = place->space;
	tool->short_name = place->space ? name : NULL;
	return 0;
}

/* A tool of the Messages API is a function whose schema has another name. */
static int read_function(struct in *in, const cJSON *body, const struct tool_place *place,
			 struct tool *tool)
{
	const char *schema;

	if (read_named(in, body, place, tool))
		return -1;
	schema = json_member(body, "parameters") ? "parameters" : "input_schema";
	tool->schema = json_member(body, schema);
	return in_check_schema(in, tool->schema, place->at, schema);
}

/* Chat Completions nests the grammar in the format. *definition: NULL: there is none. */
static int read_grammar(struct in *in, const cJSON *body, const struct json_at *at,
			const char **syntax, const char **definition)
{
	const struct json_at inside = { .up = at, .key = "format" };
	const struct json_at nested = { .up = &inside, .key = "grammar" };
	const struct json_at *grammar_at = &inside;
	const cJSON *format = NULL, *grammar = NULL;
	int rc;

	if (json_object(body, "format", at, &format, in->e) < 0 ||
	    in_shape_check(in, format, &inside, in_hints_format))
		return -1;
	rc = json_object(format, "grammar", &inside, &grammar, in->e);
	if (rc > 0)
		grammar_at = &nested;
	else
		grammar = format;
	if (rc < 0 || in_shape_check(in, grammar, grammar_at, in_hints_grammar))
		return -1;
	*syntax = json_text_or(grammar, "syntax", "");
	*definition = json_text_or(grammar, "definition", NULL);
	return 0;
}

/* A grammar cannot be enforced: the model is told it. */
static int read_custom(struct in *in, const cJSON *body, const struct tool_place *place,
		       struct tool *tool)
{
	const char *syntax, *definition;

	if (read_named(in, body, place, tool) ||
	    read_grammar(in, body, place->at, &syntax, &definition))
		return -1;
	if (definition)
		tool->description = arena_format(
			in->arena, "%s%sThe input must be text of this %s grammar:\n%s",
			tool->description, tool->description[0] ? "\n\n" : "", syntax, definition);
	tool->kind = TOOL_CUSTOM;
	tool->schema = &input_schema;
	return 0;
}

/* 0: left out. The client runs the search only when it says so. */
static int read_search(struct in *in, const cJSON *body, const struct tool_place *place,
		       struct tool *tool)
{
	const char *execution = "";

	if (json_text(body, "execution", place->at, &execution, in->e) < 0 ||
	    json_text(body, "description", place->at, &tool->description, in->e) < 0)
		return -1;
	if (strcmp(execution, "client") != 0)
		return json_error(place->at, "type", in->e,
				  "'tool_search' tools that the service runs are " UNSUPPORTED);
	tool->name = "tool_search";
	tool->kind = TOOL_SEARCH;
	tool->schema = json_member(body, "parameters");
	return in_check_schema(in, tool->schema, place->at, "parameters");
}

static const struct {
	const char *type;
	tool_reader *read;
} tool_rows[] = {
	{ "function", read_function },
	{ "custom", read_custom },
	{ "tool_search", read_search },
};

/* The object that holds a tool's or a choice's members, and where it is. NULL: absent, *in->e says
 * so. */
static const cJSON *members_of(struct in *in, const cJSON *json, const char *type,
			       const struct json_at *at, struct json_at *inside)
{
	const cJSON *nested = json_member(json, type);

	*inside = *at;
	if (!cJSON_IsObject(nested)) {
		if (in->flat_tools || json_member(json, "name"))
			return json;
		json_error(at, type, in->e, "Field required");
		return NULL;
	}
	*inside = (struct json_at){ .up = at, .key = type };
	return nested;
}

static int read_tool(struct in *in, const cJSON *json, const char *space, const struct json_at *at);

static int read_list(struct in *in, const cJSON *tools, const char *space, const struct json_at *at)
{
	struct json_at item_at = { .up = at };
	const cJSON *tool;

	cJSON_ArrayForEach (tool, tools) {
		if (read_tool(in, tool, space, &item_at))
			return -1;
		item_at.index++;
	}
	return 0;
}

/* Searches find a namespace again and again: what it says is told once. */
static void tell_space(struct in *in, const char *space, const char *description)
{
	const char *words = arena_format(in->arena, "The tools %s__*: %s", space, description);

	if (!description[0] || text_map_get(&in->said_spaces, words, NULL))
		return;
	text_map_put(&in->said_spaces, words, 0);
	in_texts_add(in, &in->spaces, span_of(words));
}

static int read_namespace(struct in *in, const cJSON *json, const struct json_at *at)
{
	struct json_at list_at = { .up = at, .key = "tools" };
	const cJSON *tools = NULL;
	const char *space, *description = "";

	if (json_need_text(json, "name", at, &space, in->e) ||
	    json_text(json, "description", at, &description, in->e) < 0 ||
	    json_array(json, "tools", at, &tools, in->e) < 0)
		return -1;
	if (!space[0] || strlen(space) > LIMIT_TOOL_NAME)
		return json_error(at, "name", in->e, "Input should have 1 to %d bytes",
				  LIMIT_TOOL_NAME);
	tell_space(in, space, description);
	return read_list(in, tools, space, &list_at);
}

/* {"name", "description", "input_schema"}, with or without the type "custom". */
static bool is_messages_tool(const cJSON *json)
{
	const char *type = json_text_or(json, "type", "custom");

	return json_member(json, "input_schema") && strcmp(type, "custom") == 0;
}

static int read_tool(struct in *in, const cJSON *json, const char *space, const struct json_at *at)
{
	struct tool_place place = { .space = space };
	struct json_at inside;
	const cJSON *body;
	struct tool *tool;
	const char *type = "function";

	if (in_shape_type(in, json, at, IN_OBJECT) ||
	    (!is_messages_tool(json) && json_need_text(json, "type", at, &type, in->e)))
		return -1;
	if (!space && strcmp(type, "namespace") == 0)
		return read_namespace(in, json, at);
	if (in_search_is_hosted(type))
		return in_search_hosted(in, json, at);
	for (size_t i = 0; i < ARRAY_SIZE(tool_rows); i++) {
		if (strcmp(type, tool_rows[i].type) != 0)
			continue;
		body = members_of(in, json, type, at, &inside);
		tool = body ? in_add_tool(in, at) : NULL;
		place.at = &inside;
		return tool ? tool_rows[i].read(in, body, &place, tool) : -1;
	}
	return json_error(at, "type", in->e, "'%.64s' tools are " UNSUPPORTED, type);
}

int in_tools_read(struct in *in, const cJSON *tools, const struct json_at *at)
{
	return read_list(in, tools, NULL, at);
}

int in_tools_field(struct in *in, const cJSON *body, const char *name)
{
	struct json_at at = { .key = name };
	const cJSON *tools = NULL;

	return json_array(body, name, NULL, &tools, in->e) < 0 ? -1 : in_tools_read(in, tools, &at);
}

int in_tools_search_options(struct in *in, const cJSON *body, const char *name)
{
	const struct json_at at = { .key = name };
	const cJSON *options = NULL;
	int rc = json_object(body, name, NULL, &options, in->e);

	return rc > 0 ? in_search_hosted(in, options, &at) : rc;
}

int in_tools_search(struct in *in, const cJSON *body, const char *name)
{
	const struct json_at at = { .key = name };
	int64_t most = 0;

	/* Of Responses: of the tools that the service runs there is none but this. */
	if (in->flat_tools &&
	    json_int(body, "max_tool_calls", NULL, 1, INT32_MAX, &most, in->e) < 0)
		return -1;
	return in_search_offer(in, most, &at);
}

int in_tools_functions(struct in *in, const cJSON *body, const char *name)
{
	struct json_at at = { .key = name };
	struct json_at item_at = { .up = &at };
	struct tool_place place = { .at = &item_at };
	const cJSON *functions = NULL, *function;

	if (json_array(body, name, NULL, &functions, in->e) < 0)
		return -1;
	if (functions && in->chat->tool_count)
		return json_error(NULL, name, in->e, "functions cannot stand beside tools");
	cJSON_ArrayForEach (function, functions) {
		struct tool *tool;

		if (in_shape_type(in, function, &item_at, IN_OBJECT))
			return -1;
		tool = in_add_tool(in, &at);
		if (!tool || read_function(in, function, &place, tool))
			return -1;
		tool->kind = TOOL_LEGACY;
		in->chat->one_call = true; /* the answer has room for one */
		item_at.index++;
	}
	return 0;
}

/* ---- choices ---- */

/* key: the member of `at`, which takes no 'none'; NULL: it is the choice itself. */
static int read_mode(struct in *in, const char *mode, const struct json_at *at, const char *key)
{
	if (strcmp(mode, "auto") == 0)
		return 0;
	if (!key && strcmp(mode, "none") == 0) {
		in->chat->tool_choice = CHOICE_NONE;
		return 0;
	}
	if (strcmp(mode, "required") != 0)
		return json_error(at, key, in->e,
				  key ? "Input should be 'auto' or 'required'"
				      : "Input should be 'none', 'auto', 'required' or an object");
	if (!in->chat->tool_count)
		return json_error(at, key, in->e, "'required' needs tools");
	in->chat->tool_choice = CHOICE_ANY;
	return 0;
}

/* The tool that a choice names: {"type": "function", "function": {"name"}}, or flat. NULL: *in->e
 * says why there is none. */
static const struct tool *named_tool(struct in *in, const cJSON *choice, const struct json_at *at)
{
	struct json_at inside;
	const char *type, *name, *space = NULL;
	const struct tool *tool;
	const cJSON *members;

	if (json_need_text(choice, "type", at, &type, in->e))
		return NULL;
	tool = in_search_is_hosted(type) && in->chat->search
		       ? in_find_tool(in, in->chat->search->name, in->chat->tool_count)
		       : NULL;
	if (tool)
		return tool;
	if (strcmp(type, "function") != 0 && strcmp(type, "custom") != 0 &&
	    strcmp(type, "tool") != 0) {
		json_error(at, "type", in->e, "'%.64s' is " UNSUPPORTED, type);
		return NULL;
	}
	members = members_of(in, choice, type, at, &inside);
	if (!members || json_need_text(members, "name", &inside, &name, in->e) ||
	    json_text(members, "namespace", &inside, &space, in->e) < 0)
		return NULL;
	tool = in_find_tool(in, in_tools_name(in, space, name), in->chat->tool_count);
	if (!tool)
		json_error(&inside, "name", in->e, "'%.64s' is none of the tools", name);
	return tool;
}

/* Only the allowed tools are left, in the list's order. */
static int read_allowed(struct in *in, const cJSON *choice, const struct json_at *at)
{
	const struct json_at inside = { .up = at, .key = "allowed_tools" };
	const cJSON *nested = NULL, *list = NULL, *item;
	const int is_nested = json_object(choice, "allowed_tools", at, &nested, in->e);
	struct json_at list_at = { .up = is_nested ? &inside : at, .key = "tools" };
	struct json_at item_at = { .up = &list_at };
	const char *mode = "auto";
	struct tool *tools;
	size_t count = 0;

	choice = nested ? nested : choice;
	if (is_nested < 0 || json_text(choice, "mode", list_at.up, &mode, in->e) < 0 ||
	    json_array(choice, "tools", list_at.up, &list, in->e) < 0)
		return -1;
	tools = arena_array(in->arena, (size_t)cJSON_GetArraySize(list), sizeof(*tools));
	cJSON_ArrayForEach (item, list) {
		const struct tool *tool = named_tool(in, item, &item_at);

		if (!tool)
			return -1;
		tools[count++] = *tool;
		item_at.index++;
	}
	in->chat->tools = tools;
	in->chat->tool_count = count;
	if (in->chat->search && !in_find_tool(in, in->chat->search->name, count))
		in->chat->search = NULL;
	return read_mode(in, mode, list_at.up, "mode");
}

/* A choice by word is read at once: 0. 1: it is an object, in *out; -1. */
static int read_word(struct in *in, const cJSON *body, const struct json_at *at, const cJSON **out)
{
	*out = json_member(body, at->key);
	if (!*out)
		return 0;
	if (cJSON_IsString(*out))
		return read_mode(in, (*out)->valuestring, at, NULL);
	return in_shape_type(in, *out, at, IN_TEXT | IN_OBJECT) ? -1 : 1;
}

/* The Messages API's choices but "tool", which names one as the others do. NULL: it is none. */
static const char *messages_mode(const cJSON *choice)
{
	static const char *const modes[][2] = { { "auto", "auto" },
						{ "any", "required" },
						{ "none", "none" } };
	const char *type = json_text_or(choice, "type", "");

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (strcmp(type, modes[i][0]) == 0)
			return modes[i][1];
	}
	return NULL;
}

int in_tools_choice(struct in *in, const cJSON *body, const char *name)
{
	const struct json_at at = { .key = name };
	const struct tool *tool;
	const cJSON *choice;
	int rc = read_word(in, body, &at, &choice);

	if (rc <= 0)
		return rc;
	if (messages_mode(choice))
		return json_bool(choice, "disable_parallel_tool_use", &at, &in->chat->one_call,
				 in->e) < 0
			       ? -1
			       : read_mode(in, messages_mode(choice), &at, NULL);
	if (strcmp(json_text_or(choice, "type", ""), "allowed_tools") == 0)
		return read_allowed(in, choice, &at);
	tool = named_tool(in, choice, &at);
	return tool ? in_forced_tool(in, tool->name, &at, NULL) : -1;
}

int in_tools_function_call(struct in *in, const cJSON *body, const char *name)
{
	const struct json_at at = { .key = name };
	const cJSON *choice;
	const char *wanted;
	int rc = read_word(in, body, &at, &choice);

	if (rc <= 0)
		return rc;
	if (json_need_text(choice, "name", &at, &wanted, in->e))
		return -1;
	return in_forced_tool(in, wanted, &at, "name");
}
