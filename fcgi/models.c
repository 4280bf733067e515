#include "common/base.h"
#include "fcgi/models.h"

#include "common/clock.h"
#include "common/jsonw.h"

#define OWNER "kiro"

static void write_supported(struct jsonw *w, const char *name, bool supported)
{
	jsonw_begin_object_member(w, name);
	jsonw_bool_member(w, "supported", supported);
	jsonw_end(w);
}

static void write_context_management(struct jsonw *w)
{
	static const char *const edits[] = { "clear_thinking_20251015", "clear_tool_uses_20250919",
					     "compact_20260112" };

	jsonw_begin_object_member(w, "context_management");
	jsonw_bool_member(w, "supported", false);
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++)
		write_supported(w, edits[i], false);
	jsonw_end(w);
}

/* The search is the gateway's own: search.c. */
static void write_server_tools(struct jsonw *w)
{
	jsonw_begin_object_member(w, "server_tools");
	jsonw_bool_member(w, "supported", true);
	write_supported(w, "code_execution", false);
	write_supported(w, "web_search", true);
	jsonw_end(w);
}

/* What reads no images is not said to read pages. */
static void write_capabilities(struct jsonw *w, const struct model *m, bool documents)
{
	static const char *const absent[] = { "batch", "citations", "code_execution" };
	const bool native = m->efforts != 0 && m->reasoning != REASONING_SPARED;

	jsonw_begin_object_member(w, "capabilities");
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
		write_supported(w, absent[i], false);
	write_context_management(w);
	write_server_tools(w);
	write_supported(w, "structured_outputs", true); /* emulated: up_format.c */
	write_supported(w, "image_input", m->images);
	write_supported(w, "pdf_input", m->images && documents);
	jsonw_begin_object_member(w, "effort");
	jsonw_bool_member(w, "supported", native);
	for (int i = MODEL_EFFORT_LOW; i < MODEL_EFFORTS; i++)
		write_supported(w, model_effort_names[i], native && m->efforts & 1u << i);
	jsonw_end(w);
	jsonw_begin_object_member(w, "thinking");
	jsonw_bool_member(w, "supported", true);
	jsonw_begin_object_member(w, "types");
	write_supported(w, "adaptive", true);
	write_supported(w, "between_tools", !m->always_thinks);
	write_supported(w, "disabled", !m->always_thinks);
	write_supported(w, "enabled", true);
	jsonw_end(w);
	jsonw_end(w);
	jsonw_end(w);
}

static bool is_claude(const struct model *m)
{
	return strncmp(m->id, "claude-", 7) == 0;
}

static void write_model(struct jsonw *w, const struct model *m, const char *id, bool documents)
{
	int64_t created = 0;

	(void)clock_parse(m->created, &created);
	jsonw_begin_object(w);
	jsonw_text_member(w, "id", id);
	jsonw_text_member(w, "object", "model");
	jsonw_text_member(w, "type", "model");
	jsonw_int_member(w, "created", created);
	jsonw_text_member(w, "created_at", m->created);
	jsonw_text_member(w, "owned_by", OWNER);
	jsonw_text_member(w, "display_name", m->display);
	jsonw_text_member(w, "line", is_claude(m) ? m->line : NULL); /* others have none there */
	jsonw_int_member(w, "max_input_tokens", m->window);
	jsonw_int_member(w, "max_tokens", m->max_output);
	jsonw_text_member(w, "lifecycle", "active");
	jsonw_null_member(w, "deprecated_at");
	jsonw_null_member(w, "retires_at");
	write_capabilities(w, m, documents);
	jsonw_end(w);
}

/* The dashed spelling of a dotted claude name; NULL: there is none. */
static const char *dashed_name(const struct model *m, struct arena *arena)
{
	char *name, *dot;

	if (!is_claude(m) || !strchr(m->id, '.'))
		return NULL;
	name = arena_strndup(arena, m->id, strlen(m->id));
	while ((dot = strchr(name, '.')))
		*dot = '-';
	return name;
}

/* One line of the list. */
struct entry {
	const struct model *model;
	const char *id;
};

static size_t list_entries(const struct model *const *list, size_t count, struct arena *arena,
			   struct entry **out)
{
	struct entry *entries = arena_array(arena, 2 * count, sizeof(*entries));
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		const char *dashed = dashed_name(list[i], arena);

		entries[used++] = (struct entry){ list[i], list[i]->id };
		if (dashed)
			entries[used++] = (struct entry){ list[i], dashed };
	}
	*out = entries;
	return used;
}

static size_t index_of(const struct entry *entries, size_t count, const char *id)
{
	size_t i = 0;

	while (i < count && strcmp(entries[i].id, id) != 0)
		i++;
	return i;
}

/* What the page leaves of the list: entries first to end - 1. before_id pages backwards, so that
 * its limit counts from there; true: the list goes on in the direction of paging. */
static bool cut_page(const struct entry *entries, size_t count, const struct models_page *page,
		     size_t *first, size_t *end)
{
	size_t limit = page->limit ? page->limit : count;

	*first = 0;
	*end = count;
	if (page->after_id)
		*first = index_of(entries, count, page->after_id) + 1;
	if (page->before_id) {
		*end = index_of(entries, count, page->before_id);
		*end = *end == count ? 0 : *end;
	}
	if (*first >= *end) {
		*first = *end;
		return false;
	}
	if (*end - *first <= limit)
		return false;
	if (page->before_id && !page->after_id)
		*first = *end - limit;
	else
		*end = *first + limit;
	return true;
}

void models_write_list(const struct model *const *list, size_t count,
		       const struct models_page *page, bool documents, struct arena *arena,
		       struct buf *body)
{
	struct entry *entries;
	struct jsonw w;
	size_t first, end;
	bool more;

	count = list_entries(list, count, arena, &entries);
	more = cut_page(entries, count, page, &first, &end);
	jsonw_init(&w, body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "object", "list");
	jsonw_begin_array_member(&w, "data");
	for (size_t i = first; i < end; i++)
		write_model(&w, entries[i].model, entries[i].id, documents);
	jsonw_end(&w);
	jsonw_bool_member(&w, "has_more", more);
	jsonw_text_member(&w, "first_id", first < end ? entries[first].id : NULL);
	jsonw_text_member(&w, "last_id", first < end ? entries[end - 1].id : NULL);
	jsonw_end(&w);
}

void models_write_one(const struct model *model, bool documents, struct buf *body)
{
	struct jsonw w;

	jsonw_init(&w, body);
	write_model(&w, model, model->id, documents);
}
