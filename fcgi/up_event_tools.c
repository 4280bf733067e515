/*
 * Tool calls of an answer: {"toolUseId","name"} first, then frames with a piece of the arguments in
 * "input", then "stop": true, alone or with the last piece. Seen as well: a first frame without id,
 * the arguments as one complete object, calls that interleave, "stop": false, a repeated stop.
 */
#include "common/base.h"
#include "fcgi/up_event_parts.h"

#include "common/ids.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"

#define TOOL_ID_SIZE 65

struct up_tool {
	char *key;	  /* upstream's id, NULL: not told yet */
	char *name;	  /* upstream's name, NULL: not told yet */
	struct buf input; /* arguments so far; released at the end */
	size_t sent;	  /* bytes of input that were handed out */
	bool started, stopped;
};

void up_event_release_tools(struct up_event *u)
{
	for (size_t i = 0; i < u->tool_count; i++) {
		free(u->tools[i].key);
		free(u->tools[i].name);
		buf_release(&u->tools[i].input);
	}
	free(u->tools);
}

/* The call whose turn it is, NULL: none is open. */
static struct up_tool *tool_head(const struct up_event *u)
{
	return u->tools_ended < u->tool_count ? &u->tools[u->tools_ended] : NULL;
}

bool up_event_in_tool(const struct up_event *u)
{
	const struct up_tool *head = tool_head(u);

	return head && head->started;
}

static struct up_tool *tool_add(struct up_event *u)
{
	struct up_tool *tool;

	if (u->tool_count == LIMIT_OPEN_TOOLS)
		return NULL;
	u->tools = xrealloc(u->tools, (u->tool_count + 1) * sizeof(*u->tools));
	tool = &u->tools[u->tool_count++];
	*tool = (struct up_tool){ .key = NULL };
	buf_init(&tool->input, LIMIT_TOOL_INPUT);
	return tool;
}

/* The open call that has no id yet and that an event with this name (or "") can belong to. */
static struct up_tool *tool_without_key(const struct up_event *u, const char *name)
{
	for (size_t i = u->tools_ended; i < u->tool_count; i++) {
		struct up_tool *tool = &u->tools[i];

		if (tool->key || tool->stopped)
			continue;
		if (!*name || !tool->name || strcmp(name, tool->name) == 0)
			return tool;
	}
	return NULL;
}

/* The call that an event belongs to, a new one if need be. NULL: *e says why there is none. */
static struct up_tool *tool_find(struct up_event *u, const char *key, const char *name,
				 struct error *e)
{
	struct up_tool *tool;

	for (size_t i = 0; *key && i < u->tool_count; i++) {
		if (u->tools[i].key && strcmp(u->tools[i].key, key) == 0)
			return &u->tools[i];
	}
	tool = tool_without_key(u, name);
	if (!tool && !*key && !*name) {
		up_event_damaged(e, "a tool call without id and name");
		return NULL;
	}
	if (!tool)
		tool = tool_add(u);
	if (!tool)
		up_event_damaged(e, "too many tool calls");
	else if (*key)
		tool->key = xstrdup(key);
	return tool;
}

/* Upstream's own id where clients take it (it comes back with the result and must fit the history
 * then), else a new one. */
static void tool_client_id(const struct up_tool *tool, char out[static TOOL_ID_SIZE])
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_-";
	size_t len = tool->key ? strlen(tool->key) : 0;

	if (len && len < TOOL_ID_SIZE && strspn(tool->key, allowed) == len)
		memcpy(out, tool->key, len + 1);
	else
		ids_make(out, TOOL_ID_SIZE, "toolu_", 24);
}

static int tool_start(struct up_event *u, struct up_tool *tool, struct error *e)
{
	char id[TOOL_ID_SIZE];
	const struct event event = { .kind = EVENT_TOOL_START,
				     .id = id,
				     .name = tool_names_client(u->options.names, tool->name) };

	tool_client_id(tool, id);
	tool->started = true;
	u->any_content = u->any_visible = true;
	return up_event_hand_out(u, &event, e);
}

/* The arguments are whole: one JSON object, or nothing, which stands for an empty one. */
static int tool_end(struct up_event *u, struct up_tool *tool, struct error *e)
{
	const struct event event = { .kind = EVENT_TOOL_END };
	int rc = 0;

	if (!tool->input.len)
		rc = up_event_hand_out_text(u, EVENT_TOOL_INPUT, span_of("{}"), e);
	else if (!json_is_object(buf_span(&tool->input)))
		rc = up_event_damaged(e, "the arguments of a tool call are no JSON object");
	buf_release(&tool->input);
	return rc ? rc : up_event_hand_out(u, &event, e);
}

/* Hands out all that can go now: the first open call piece by piece; when it has ended, the text
 * that came in the meantime, then the next call. */
static int tools_advance(struct up_event *u, struct error *e)
{
	struct up_tool *tool;
	int rc = 0;

	while (!rc && (tool = tool_head(u)) != NULL) {
		if (!tool->name && tool->stopped)
			return up_event_damaged(e, "a tool call without name");
		if (!tool->name || (!tool->key && !tool->stopped))
			return 0;
		if (!tool->started)
			rc = tool_start(u, tool, e);
		if (!rc)
			rc = up_event_hand_out_text(u, EVENT_TOOL_INPUT,
						    (struct span){ tool->input.at + tool->sent,
								   tool->input.len - tool->sent },
						    e);
		tool->sent = tool->input.len;
		if (rc || !tool->stopped)
			return rc;
		rc = tool_end(u, tool, e);
		u->tools_ended++;
		if (!rc)
			rc = up_event_hand_out_text(u, EVENT_TEXT, buf_span(&u->held), e);
		buf_reset(&u->held);
	}
	return rc;
}

/* What one event tells of a call. */
struct tool_news {
	const char *key, *name; /* "" where absent */
	struct span input;	/* a piece of the arguments */
	const cJSON *whole;	/* or all of them, an object; NULL */
	bool stop;
};

static int tool_add_input(struct up_event *u, struct up_tool *tool, const struct tool_news *news,
			  struct error *e)
{
	size_t before = tool->input.len;
	struct jsonw w;

	jsonw_init(&w, &tool->input);
	buf_add(&tool->input, news->input.at, news->input.len);
	if (news->whole && news->whole->child) /* {} may come before pieces */
		jsonw_tree(&w, news->whole);
	if (tool->input.failed)
		return up_event_damaged(e, "the arguments of a tool call are too large");
	if (tool->stopped && tool->input.len > before)
		return up_event_damaged(e, "arguments behind the end of a tool call");
	return up_event_count(u, (struct span){ tool->input.at + before, tool->input.len - before },
			      e);
}

static int take_tool_news(struct up_event *u, const struct tool_news *news, struct error *e)
{
	struct up_tool *tool = tool_find(u, news->key, news->name, e);

	if (!tool)
		return -1;
	if (*news->name && !tool->name)
		tool->name = xstrdup(news->name);
	else if (*news->name && strcmp(news->name, tool->name) != 0)
		return up_event_damaged(e, "a tool call changed its name");
	if (tool_add_input(u, tool, news, e))
		return -1;
	u->trailer &= tool->stopped; /* a repeated stop changes nothing */
	tool->stopped |= news->stop;
	return tools_advance(u, e);
}

int up_event_on_tool(struct up_event *u, const cJSON *body, struct error *e)
{
	const cJSON *input = json_member(body, "input");
	struct tool_news news = { .key = "", .name = "", .input = { "", 0 } };

	if (up_event_text(body, "toolUseId", &news.key, e) ||
	    up_event_text(body, "name", &news.name, e) ||
	    up_event_bool(body, "stop", &news.stop, e))
		return -1;
	if (cJSON_IsString(input))
		news.input = span_of(input->valuestring);
	else if (cJSON_IsObject(input))
		news.whole = input;
	else if (input)
		return up_event_damaged(e, "the arguments of a tool call are no text");
	return take_tool_news(u, &news, e);
}

/* Anything but texts in it, as "stop": true, comes by way of up_event_on_tool(). */
int up_event_take_tool(struct up_event *u, const struct flat_member *told, struct error *e)
{
	const struct tool_news news = { .key = told[0].text.at ? told[0].text.at : "",
					.name = told[1].text.at ? told[1].text.at : "",
					.input = told[2].text };

	if (told[3].text.at)
		return up_event_damaged(e, "stop: Input should be a valid boolean");
	return take_tool_news(u, &news, e);
}
