#include "common/base.h"
#include "fcgi/models.h"

#include "common/clock.h"
#include "common/jsonw.h"

#define NAME_MAX_LEN 96
#define OWNER	     "kiro"

/* clang-format off */
/* Newest first. Windows are those of the upstream's own catalogue; where that tells no output
 * limit, 64,000 stands. Some dates are approximate: they only order the list. */
static const struct model models[] = {
	/* id                     display              line        window   output  reasoning         images no_xhigh always created */
	{ "claude-opus-5.5",     "Claude Opus 5.5",   "opus",     1000000, 64000, REASONING_CLAUDE, true,  false, true,  "2026-10-01T00:00:00Z" },
	{ "claude-sonnet-5.5",   "Claude Sonnet 5.5", "sonnet",   1000000, 64000, REASONING_CLAUDE, true,  false, true,  "2026-10-01T00:00:00Z" },
	{ "gpt-5.6-sol",         "GPT-5.6 Sol",       "gpt",       272000, 64000, REASONING_GPT,    true,  false, false, "2026-09-01T00:00:00Z" },
	{ "gpt-5.6-terra",       "GPT-5.6 Terra",     "gpt",       272000, 64000, REASONING_GPT,    true,  false, false, "2026-09-01T00:00:00Z" },
	{ "gpt-5.6-luna",        "GPT-5.6 Luna",      "gpt",       272000, 64000, REASONING_GPT,    true,  false, false, "2026-09-01T00:00:00Z" },
	{ "claude-opus-5",       "Claude Opus 5",     "opus",     1000000, 64000, REASONING_CLAUDE, true,  false, false, "2026-08-01T00:00:00Z" },
	{ "claude-sonnet-5",     "Claude Sonnet 5",   "sonnet",   1000000, 64000, REASONING_CLAUDE, true,  false, false, "2026-07-01T00:00:00Z" },
	{ "claude-opus-4.8",     "Claude Opus 4.8",   "opus",     1000000, 64000, REASONING_CLAUDE, true,  false, false, "2026-06-01T00:00:00Z" },
	{ "claude-opus-4.7",     "Claude Opus 4.7",   "opus",     1000000, 64000, REASONING_CLAUDE, true,  false, false, "2026-04-16T00:00:00Z" },
	{ "claude-sonnet-4.6",   "Claude Sonnet 4.6", "sonnet",   1000000, 64000, REASONING_CLAUDE, true,  true,  false, "2026-02-17T00:00:00Z" },
	{ "glm-5",               "GLM-5",             "glm",       200000, 64000, REASONING_NONE,   false, false, false, "2026-02-11T00:00:00Z" },
	{ "minimax-m2.5",        "MiniMax M2.5",      "minimax",   196000, 64000, REASONING_NONE,   false, false, false, "2026-02-11T00:00:00Z" },
	/* opus-4.6 takes the native fields, but they only raise its cost. */
	{ "claude-opus-4.6",     "Claude Opus 4.6",   "opus",     1000000, 64000, REASONING_NONE,   true,  true,  false, "2026-02-05T00:00:00Z" },
	{ "qwen3-coder-next",    "Qwen3 Coder Next",  "qwen",      256000, 64000, REASONING_NONE,   false, false, false, "2026-02-03T00:00:00Z" },
	{ "minimax-m2.1",        "MiniMax M2.1",      "minimax",   196000, 64000, REASONING_NONE,   false, false, false, "2025-12-23T00:00:00Z" },
	{ "deepseek-3.2",        "DeepSeek V3.2",     "deepseek",  164000, 64000, REASONING_NONE,   false, false, false, "2025-12-01T00:00:00Z" },
	{ "claude-opus-4.5",     "Claude Opus 4.5",   "opus",      200000, 64000, REASONING_NONE,   true,  false, false, "2025-11-24T00:00:00Z" },
	{ "auto",                "Auto",              "auto",     1000000, 64000, REASONING_NONE,   true,  false, false, "2025-11-17T00:00:00Z" },
	{ "claude-haiku-4.5",    "Claude Haiku 4.5",  "haiku",     200000, 64000, REASONING_NONE,   true,  false, false, "2025-10-15T00:00:00Z" },
	{ "claude-sonnet-4.5",   "Claude Sonnet 4.5", "sonnet",    200000, 64000, REASONING_NONE,   true,  false, false, "2025-09-29T00:00:00Z" },
	{ "claude-sonnet-4.5-1m", "Claude Sonnet 4.5 (1M)", "sonnet", 1000000, 64000, REASONING_NONE, true, false, false, "2025-09-29T00:00:00Z" },
	{ "claude-sonnet-4",     "Claude Sonnet 4",   "sonnet",    200000, 64000, REASONING_NONE,   true,  false, false, "2025-05-22T00:00:00Z" },
	{ "claude-3.7-sonnet",   "Claude Sonnet 3.7", "sonnet",    200000, 64000, REASONING_NONE,   true,  false, false, "2025-02-24T00:00:00Z" },
};
/* clang-format on */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool drop_suffix(char *name, const char *suffix)
{
	size_t len = strlen(name), tail = strlen(suffix);

	if (len <= tail || strcmp(name + len - tail, suffix) != 0)
		return false;
	name[len - tail] = '\0';
	return true;
}

static bool drop_date(char *name)
{
	size_t len = strlen(name);

	if (len < 10 || name[len - 9] != '-' || strspn(name + len - 8, "0123456789") != 8)
		return false;
	name[len - 9] = '\0';
	return true;
}

/* "4-8" becomes "4.8"; the "-1m" of a model's long-context twin stays. */
static void dot_versions(char *name)
{
	for (char *c = name; *c; c++) {
		size_t digits = *c == '-' ? strspn(c + 1, "0123456789") : 0;

		if (digits && c > name && is_digit(c[-1]) &&
		    (!c[1 + digits] || c[1 + digits] == '-'))
			*c = '.';
	}
}

static const struct model *find_exactly(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		if (strcmp(models[i].id, name) == 0)
			return &models[i];
	}
	return NULL;
}

/* "claude-X-Y" as "claude-Y-X". */
static const struct model *find_swapped(const char *name)
{
	static const char maker[] = "claude-";
	char swapped[NAME_MAX_LEN + 1];
	const char *first = name + strlen(maker), *dash;

	if (strncmp(name, maker, strlen(maker)) != 0)
		return NULL;
	dash = strchr(first, '-');
	if (!dash)
		return NULL;
	snprintf(swapped, sizeof(swapped), "%s%s-%.*s", maker, dash + 1, (int)(dash - first),
		 first);
	return find_exactly(swapped);
}

const struct model *models_find(const char *name)
{
	const struct model *model;
	char plain[NAME_MAX_LEN + 1];
	size_t len;

	name += strspn(name, " \t\r\n");
	len = strlen(name);
	while (len && strchr(" \t\r\n", name[len - 1]))
		len--;
	if (!len || len > NAME_MAX_LEN)
		return NULL;
	memcpy(plain, name, len);
	plain[len] = '\0';
	while (drop_suffix(plain, "[1m]") || drop_suffix(plain, "-latest") ||
	       drop_suffix(plain, "-thinking") || drop_date(plain))
		continue;
	dot_versions(plain);
	model = find_exactly(plain);
	return model ? model : find_swapped(plain);
}

static void write_supported(struct jsonw *w, const char *name, bool supported)
{
	jsonw_begin_object_member(w, name);
	jsonw_bool_member(w, "supported", supported);
	jsonw_end(w);
}

static void write_capabilities(struct jsonw *w, const struct model *m)
{
	static const char *const absent[] = { "batch", "citations", "code_execution",
					      "context_management", "pdf_input" };
	static const char *const efforts[] = { "low", "medium", "high", "xhigh", "max" };
	const bool native = m->reasoning != REASONING_NONE;

	jsonw_begin_object_member(w, "capabilities");
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
		write_supported(w, absent[i], false);
	write_supported(w, "image_input", m->images);
	jsonw_begin_object_member(w, "effort");
	jsonw_bool_member(w, "supported", native);
	for (size_t i = 0; i < ARRAY_SIZE(efforts); i++)
		write_supported(w, efforts[i], native && !(i == 3 && m->no_xhigh));
	jsonw_end(w);
	jsonw_begin_object_member(w, "thinking");
	jsonw_bool_member(w, "supported", true);
	jsonw_begin_object_member(w, "types");
	write_supported(w, "adaptive", true);
	write_supported(w, "between_tools", false);
	write_supported(w, "disabled", !m->always_thinks);
	write_supported(w, "enabled", true);
	jsonw_end(w);
	jsonw_end(w);
	jsonw_end(w);
}

static void write_model(struct jsonw *w, const struct model *m, const char *id)
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
	jsonw_text_member(w, "line", m->line);
	jsonw_int_member(w, "max_input_tokens", m->window);
	jsonw_int_member(w, "max_tokens", m->max_output);
	jsonw_text_member(w, "lifecycle", "active");
	jsonw_null_member(w, "deprecated_at");
	jsonw_null_member(w, "retires_at");
	write_capabilities(w, m);
	jsonw_end(w);
}

/* The dashed spelling of a dotted claude name; false: there is none. */
static bool dashed_name(const struct model *m, char out[static NAME_MAX_LEN + 1])
{
	char *dot;

	if (strncmp(m->id, "claude-", 7) != 0 || !strchr(m->id, '.'))
		return false;
	snprintf(out, NAME_MAX_LEN + 1, "%s", m->id);
	while ((dot = strchr(out, '.')))
		*dot = '-';
	return true;
}

void models_write_list(struct buf *body)
{
	char dashed[NAME_MAX_LEN + 1];
	struct jsonw w;

	jsonw_init(&w, body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "object", "list");
	jsonw_begin_array_member(&w, "data");
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		write_model(&w, &models[i], models[i].id);
		if (dashed_name(&models[i], dashed))
			write_model(&w, &models[i], dashed);
	}
	jsonw_end(&w);
	jsonw_bool_member(&w, "has_more", false);
	jsonw_text_member(&w, "first_id", models[0].id);
	if (!dashed_name(&models[ARRAY_SIZE(models) - 1], dashed))
		snprintf(dashed, sizeof(dashed), "%s", models[ARRAY_SIZE(models) - 1].id);
	jsonw_text_member(&w, "last_id", dashed);
	jsonw_end(&w);
}

void models_write_one(const struct model *model, struct buf *body)
{
	struct jsonw w;

	jsonw_init(&w, body);
	write_model(&w, model, model->id);
}
