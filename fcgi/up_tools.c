#include "common/base.h"
#include "fcgi/up_tools.h"

#include "common/limits.h"
#include "common/utf8.h"
#include "fcgi/up_schema.h"

#define PLACEHOLDER "Used earlier in this conversation; not available now."

static const char *lower_case(struct arena *arena, const char *name)
{
	char *copy = arena_strndup(arena, name, strlen(name));

	for (char *c = copy; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + ('a' - 'A')) : *c;
	return copy;
}

static void add(struct up_tools *t, const char *name, const struct tool *tool)
{
	struct up_tool *spec = &t->items[t->count++];

	*spec = (struct up_tool){ .name = name, .tool = tool };
	if (!tool)
		return;
	spec->shown = strlen(tool->description);
	if (spec->shown > LIMIT_TOOL_DESC) /* bytes; only then count characters */
		spec->shown = utf8_prefix(span_of(tool->description), LIMIT_TOOL_DESC);
}

bool up_tools_offered(const struct chat *chat, const struct tool *tool)
{
	if (chat->tool_choice == CHOICE_TOOL)
		return strcmp(tool->name, chat->forced_tool) == 0;
	return chat->tool_choice != CHOICE_NONE;
}

/* Upstream refuses a history that calls tools which it is not told of; it compares names without
 * case, so that a second spelling would be a duplicate. */
int up_tools_plan(struct up_tools *t, const struct chat *chat, const struct up_turns *turns,
		  struct tool_names *names, struct arena *arena, struct error *e)
{
	struct text_map tools, told, used;

	text_map_init(&tools, arena);
	text_map_init(&told, arena);
	text_map_init(&used, arena);
	t->count = 0;
	t->items = arena_array(arena, chat->tool_count + turns->call_count, sizeof(*t->items));
	for (size_t i = 0; i < chat->tool_count; i++) {
		const struct tool *tool = &chat->tools[i];

		if (text_map_get(&tools, tool->name, NULL))
			return error_field(e, "tools", "Tool names must be unique.");
		text_map_put(&tools, tool->name, i);
		if (!up_tools_offered(chat, tool))
			continue;
		add(t, tool_names_add(names, tool->name), tool);
		text_map_put(&told, lower_case(arena, t->items[t->count - 1].name), i);
	}
	for (size_t i = 0; i < turns->call_count; i++) {
		const char *client = turns->calls[i].use->name, *name, *lower;

		if (text_map_get(&used, client, NULL))
			continue;
		text_map_put(&used, client, i);
		name = tool_names_add(names, client);
		lower = lower_case(arena, name);
		if (!text_map_get(&told, lower, NULL)) {
			text_map_put(&told, lower, i);
			add(t, name, NULL);
		}
	}
	return 0;
}

const char *up_tools_rest(const struct up_tool *tool)
{
	return tool->tool ? tool->tool->description + tool->shown : "";
}

void up_tools_write(const struct up_tools *t, struct jsonw *w)
{
	jsonw_begin_array_member(w, "tools");
	for (size_t i = 0; i < t->count; i++) {
		const struct up_tool *spec = &t->items[i];
		struct span description = span_of(PLACEHOLDER);

		if (spec->tool)
			description = (struct span){ spec->tool->description, spec->shown };
		if (!description.len)
			description = span_of(spec->name);
		jsonw_begin_object(w);
		jsonw_begin_object_member(w, "toolSpecification");
		jsonw_text_member(w, "name", spec->name);
		jsonw_key(w, "description");
		jsonw_span(w, description);
		jsonw_begin_object_member(w, "inputSchema");
		jsonw_key(w, "json");
		if (spec->tool && spec->tool->schema_json)
			jsonw_raw(w, span_of(spec->tool->schema_json));
		else
			up_schema_write(w, spec->tool ? spec->tool->schema : NULL);
		jsonw_end(w);
		jsonw_end(w);
		jsonw_end(w);
	}
	jsonw_end(w);
}
