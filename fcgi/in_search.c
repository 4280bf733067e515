#include "common/base.h"
#include "fcgi/in_search.h"

#include "common/limits.h"
#include "common/log.h"
#include "fcgi/hits.h"
#include "fcgi/in_hints.h"

#define NAME	    "web_search"
#define DOMAINS_MAX 256
#define DOMAIN_STAR "a domain may have one *, in its path: example.com/*/articles"

/* What the model is told: nothing of this is the client's. */
#define DESCRIPTION                                                                                \
	"Searches the web and returns titles, URLs and excerpts of matching pages. Use it for "    \
	"facts that are recent or not known."
#define SCHEMA                                                                                     \
	"{\"type\":\"object\",\"properties\":{\"query\":{\"type\":\"string\",\"description\":"     \
	"\"What to search for\"}},\"required\":[\"query\"]}"

bool in_search_is_type(const char *type)
{
	static const char *const types[] = { "web_search_20250305", "web_search_20260209",
					     "web_search_20260318" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strcmp(types[i], type) == 0)
			return true;
	}
	return false;
}

static int read_domains(struct in *in, const cJSON *json, const char *key, const struct json_at *at,
			const char ***out, size_t *count)
{
	struct json_at list_at = { .up = at, .key = key };
	struct json_at item_at = { .up = &list_at };
	const cJSON *list = NULL, *item;

	if (json_array(json, key, at, &list, in->e) < 0)
		return -1;
	if (cJSON_GetArraySize(list) > DOMAINS_MAX)
		return json_error(at, key, in->e, "List should have at most %d items", DOMAINS_MAX);
	*out = arena_array(in->arena, (size_t)cJSON_GetArraySize(list) + 1, sizeof(**out));
	cJSON_ArrayForEach (item, list) {
		if (in_shape_type(in, item, &item_at, IN_TEXT))
			return -1;
		if (!hits_is_domain(item->valuestring))
			return json_error(&item_at, NULL, in->e, DOMAIN_STAR);
		(*out)[(*count)++] = item->valuestring;
		item_at.index++;
	}
	return 0;
}

/* The domains that both APIs take. at: of json. */
static int read_limits(struct in *in, const cJSON *json, const struct json_at *at,
		       struct chat_search *search)
{
	if (read_domains(in, json, "allowed_domains", at, &search->allowed,
			 &search->allowed_count) ||
	    read_domains(in, json, "blocked_domains", at, &search->blocked, &search->blocked_count))
		return -1;
	if (search->allowed_count && search->blocked_count)
		return json_error(at, "blocked_domains", in->e,
				  "only one of allowed_domains and blocked_domains may be given");
	return 0;
}

static const struct in_member place_members[] = {
	{ .name = "type", .types = IN_TEXT, .values = { "approximate" } },
	{ .name = "city", .types = IN_TEXT },
	{ .name = "region", .types = IN_TEXT },
	{ .name = "country", .types = IN_TEXT },
	{ .name = "timezone", .types = IN_TEXT },
	{ .name = NULL },
};

static const struct in_member nested_members[] = {
	{ .name = "approximate", .types = IN_OBJECT, .members = place_members },
	{ .name = NULL },
};

/* user_location; Chat Completions nests the place in it. */
static int read_place(struct in *in, const cJSON *json, const struct json_at *at,
		      const cJSON **place)
{
	const struct json_at inside = { .up = at, .key = "user_location" };
	const cJSON *nested;

	*place = NULL;
	if (json_object(json, "user_location", at, place, in->e) < 0 ||
	    in_shape_check(in, *place, &inside, place_members) ||
	    in_shape_check(in, *place, &inside, nested_members))
		return -1;
	nested = json_member(*place, "approximate");
	if (nested)
		*place = nested;
	return 0;
}

/* The upstream's search takes nothing but a query: where the user is, the model has to put into it.
 */
static const char *describe(struct in *in, const cJSON *user)
{
	static const char *const parts[] = { "city", "region", "country" };
	const char *zone = json_text_or(user, "timezone", ""), *place = "";

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *part = json_text_or(user, parts[i], "");

		if (*part)
			place = arena_format(in->arena, "%s%s%s", place, *place ? ", " : "", part);
	}
	if (!*place && !*zone)
		return DESCRIPTION;
	return arena_format(in->arena,
			    DESCRIPTION " Where the place matters, name it in the query: the user "
					"is near %s%s%s%s.",
			    *place ? place : "an unknown place", *zone ? " (time zone " : "", zone,
			    *zone ? ")" : "");
}

int in_search_tool(struct in *in, const cJSON *json, const char *type, const struct json_at *at,
		   struct tool *tool)
{
	struct json_at inside = { .up = at, .key = type };
	struct chat_search *search = arena_alloc(in->arena, sizeof(*search));
	const cJSON *place;

	if (json_need_text(json, "name", &inside, &search->name, in->e) ||
	    json_int(json, "max_uses", &inside, 1, INT32_MAX, &search->max_uses, in->e) < 0 ||
	    read_limits(in, json, &inside, search) || read_place(in, json, &inside, &place))
		return -1;
	if (strcmp(search->name, NAME) != 0)
		return json_error(&inside, "name", in->e, "Input should be '" NAME "'");
	in->chat->search = search;
	*tool = (struct tool){ .name = search->name,
			       .description = describe(in, place),
			       .schema_json = SCHEMA };
	return 0;
}

bool in_search_is_hosted(const char *type)
{
	return strncmp(type, NAME, strlen(NAME)) == 0;
}

int in_search_hosted(struct in *in, const cJSON *json, const struct json_at *at)
{
	const struct json_at inside = { .up = at, .key = "filters" };
	struct chat_search *search = arena_alloc(in->arena, sizeof(*search));
	const cJSON *filters = NULL, *place;
	bool live = true;

	if (in_shape_check(in, json, at, in_hints_search) ||
	    json_bool(json, "external_web_access", at, &live, in->e) < 0 ||
	    json_object(json, "filters", at, &filters, in->e) < 0 ||
	    read_limits(in, filters, &inside, search) || read_place(in, json, at, &place))
		return -1;
	search->name = NAME;
	in->search_description = describe(in, place);
	if (live)
		in->chat->search = search;
	else
		log_line(LOG_INFO, "web search without access to the web is left out");
	return 0;
}

int in_search_offer(struct in *in, int64_t max_uses, const struct json_at *at)
{
	struct chat_search *limited = arena_alloc(in->arena, sizeof(*limited));
	struct chat *chat = in->chat;
	struct tool *tool;

	if (in_find_tool(in, NAME, chat->tool_count))
		chat->search = NULL; /* the client runs its own */
	if (!chat->search)
		return 0;
	tool = in_add_tool(in, at);
	if (!tool)
		return -1;
	*limited = *chat->search;
	limited->max_uses = max_uses;
	chat->search = limited;
	tool->name = NAME;
	tool->description = in->search_description;
	tool->schema_json = SCHEMA;
	return 0;
}

int in_search_result(struct in *in, const cJSON *json, const struct json_at *at, struct block *out)
{
	const cJSON *content = json_member(json, "content");
	struct block *text = arena_alloc(in->arena, sizeof(*text));
	struct hits hits;

	*out = (struct block){ .kind = BLOCK_TOOL_RESULT,
			       .is_error = cJSON_IsObject(content),
			       .blocks = text,
			       .block_count = 1 };
	if (in_need_name(in, json, "tool_use_id", at, &out->id))
		return -1;
	if (!cJSON_IsArray(content) && !out->is_error)
		return json_error(at, "content", in->e, "Input should be a valid array or object");
	*text = (struct block){ .kind = BLOCK_TEXT };
	if (out->is_error) {
		text->text =
			span_of(arena_format(in->arena, "The web search failed: %s",
					     json_text_or(content, "error_code", "unavailable")));
	} else {
		hits_read(&hits, content, in->arena);
		text->text = hits_text(&hits, in->arena);
	}
	return 0;
}
