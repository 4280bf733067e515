#include "common/base.h"
#include "common/models.h"

#define NAME_MAX_LEN 96

const char *const model_effort_names[MODEL_EFFORTS] = {
	[MODEL_EFFORT_NONE] = "none", [MODEL_EFFORT_MINIMAL] = "minimal",
	[MODEL_EFFORT_LOW] = "low",   [MODEL_EFFORT_MEDIUM] = "medium",
	[MODEL_EFFORT_HIGH] = "high", [MODEL_EFFORT_XHIGH] = "xhigh",
	[MODEL_EFFORT_MAX] = "max",
};

#define BIT(effort) (1u << MODEL_EFFORT_##effort)
#define CLAUDE_4    (BIT(LOW) | BIT(MEDIUM) | BIT(HIGH) | BIT(MAX))
#define CLAUDE	    (CLAUDE_4 | BIT(XHIGH))
#define GPT	    (BIT(NONE) | BIT(LOW) | BIT(MEDIUM) | BIT(HIGH) | BIT(XHIGH))

/* clang-format off */
/* Newest first. Windows are those of the upstream's own catalogue; where that tells no output
 * limit, 64,000 stands. Some dates are approximate: they only order the list. */
static const struct model models[] = {
	/* id                     display              line        window   output  reasoning         images efforts  always created                limit */
	{ "claude-opus-5.5",     "Claude Opus 5.5",   "opus",     1000000, 64000, REASONING_CLAUDE, true,  CLAUDE,   true,  "2026-10-01T00:00:00Z", 0, 0 },
	{ "claude-sonnet-5.5",   "Claude Sonnet 5.5", "sonnet",   1000000, 64000, REASONING_CLAUDE, true,  CLAUDE,   true,  "2026-10-01T00:00:00Z", 0, 0 },
	{ "gpt-5.6-sol",         "GPT-5.6 Sol",       "gpt",       272000, 64000, REASONING_GPT,    true,  GPT,      false, "2026-09-01T00:00:00Z", 0, 0 },
	{ "gpt-5.6-terra",       "GPT-5.6 Terra",     "gpt",       272000, 64000, REASONING_GPT,    true,  GPT,      false, "2026-09-01T00:00:00Z", 0, 0 },
	{ "gpt-5.6-luna",        "GPT-5.6 Luna",      "gpt",       272000, 64000, REASONING_GPT,    true,  GPT,      false, "2026-09-01T00:00:00Z", 0, 0 },
	{ "claude-opus-5",       "Claude Opus 5",     "opus",     1000000, 64000, REASONING_CLAUDE, true,  CLAUDE,   false, "2026-08-01T00:00:00Z", 0, 0 },
	{ "claude-sonnet-5",     "Claude Sonnet 5",   "sonnet",   1000000, 64000, REASONING_CLAUDE, true,  CLAUDE,   false, "2026-07-01T00:00:00Z", 0, 0 },
	{ "claude-opus-4.8",     "Claude Opus 4.8",   "opus",     1000000, 64000, REASONING_CLAUDE, true,  CLAUDE,   false, "2026-06-01T00:00:00Z", 0, 0 },
	{ "claude-opus-4.7",     "Claude Opus 4.7",   "opus",     1000000, 64000, REASONING_CLAUDE, true,  CLAUDE,   false, "2026-04-16T00:00:00Z", 0, 0 },
	{ "claude-sonnet-4.6",   "Claude Sonnet 4.6", "sonnet",   1000000, 64000, REASONING_CLAUDE, true,  CLAUDE_4, false, "2026-02-17T00:00:00Z", 0, 0 },
	{ "glm-5",               "GLM-5",             "glm",       200000, 64000, REASONING_NONE,   false, 0,        false, "2026-02-11T00:00:00Z", 0, 0 },
	{ "minimax-m2.5",        "MiniMax M2.5",      "minimax",   196000, 64000, REASONING_NONE,   false, 0,        false, "2026-02-11T00:00:00Z", 0, 0 },
	/* opus-4.6 takes the native fields, but they only raise its cost. */
	{ "claude-opus-4.6",     "Claude Opus 4.6",   "opus",     1000000, 64000, REASONING_SPARED, true,  CLAUDE_4, false, "2026-02-05T00:00:00Z", 0, 0 },
	{ "qwen3-coder-next",    "Qwen3 Coder Next",  "qwen",      256000, 64000, REASONING_NONE,   false, 0,        false, "2026-02-03T00:00:00Z", 0, 0 },
	{ "minimax-m2.1",        "MiniMax M2.1",      "minimax",   196000, 64000, REASONING_NONE,   false, 0,        false, "2025-12-23T00:00:00Z", 0, 0 },
	{ "deepseek-3.2",        "DeepSeek V3.2",     "deepseek",  164000, 64000, REASONING_NONE,   false, 0,        false, "2025-12-01T00:00:00Z", 0, 0 },
	{ "claude-opus-4.5",     "Claude Opus 4.5",   "opus",      200000, 64000, REASONING_NONE,   true,  0,        false, "2025-11-24T00:00:00Z", 0, 0 },
	{ "auto",                "Auto",              "auto",     1000000, 64000, REASONING_NONE,   true,  0,        false, "2025-11-17T00:00:00Z", 0, 0 },
	{ "claude-haiku-4.5",    "Claude Haiku 4.5",  "haiku",     200000, 64000, REASONING_NONE,   true,  0,        false, "2025-10-15T00:00:00Z", 0, 0 },
	{ "claude-sonnet-4.5",   "Claude Sonnet 4.5", "sonnet",    200000, 64000, REASONING_NONE,   true,  0,        false, "2025-09-29T00:00:00Z", 0, 0 },
	{ "claude-sonnet-4.5-1m", "Claude Sonnet 4.5 (1M)", "sonnet", 1000000, 64000, REASONING_NONE, true, 0,        false, "2025-09-29T00:00:00Z", 0, 0 },
	{ "claude-sonnet-4",     "Claude Sonnet 4",   "sonnet",    200000, 64000, REASONING_NONE,   true,  0,        false, "2025-05-22T00:00:00Z", 0, 0 },
	{ "claude-3.7-sonnet",   "Claude Sonnet 3.7", "sonnet",    200000, 64000, REASONING_NONE,   true,  0,        false, "2025-02-24T00:00:00Z", 0, 0 },
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

const struct model *models_all(size_t *count)
{
	*count = ARRAY_SIZE(models);
	return models;
}

const struct model *models_row(const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		if (strcmp(models[i].id, id) == 0)
			return &models[i];
	}
	return NULL;
}

/* "claude-X-Y" as "claude-Y-X"; false: it is no such name. */
static bool swap_parts(const char *name, char out[static NAME_MAX_LEN + 1])
{
	static const char maker[] = "claude-";
	const char *first = name + strlen(maker), *dash;

	if (strncmp(name, maker, strlen(maker)) != 0)
		return false;
	dash = strchr(first, '-');
	if (!dash)
		return false;
	snprintf(out, NAME_MAX_LEN + 1, "%s%s-%.*s", maker, dash + 1, (int)(dash - first), first);
	return true;
}

const struct model *models_search(const char *name,
				  const struct model *(*known)(void *context, const char *id),
				  void *context)
{
	char plain[NAME_MAX_LEN + 1], swapped[NAME_MAX_LEN + 1];
	const struct model *model;
	size_t len;

	name += strspn(name, " \t\r\n");
	len = strlen(name);
	while (len && strchr(" \t\r\n", name[len - 1]))
		len--;
	if (!len || len > NAME_MAX_LEN)
		return NULL;
	memcpy(plain, name, len);
	plain[len] = '\0';
	model = known(context, plain);
	while (drop_suffix(plain, "[1m]") || drop_suffix(plain, "-latest") ||
	       drop_suffix(plain, "-thinking") || drop_date(plain))
		continue;
	dot_versions(plain);
	if (!model)
		model = known(context, plain);
	if (!model && swap_parts(plain, swapped))
		model = known(context, swapped);
	return model;
}

static const struct model *in_table(void *context, const char *id)
{
	(void)context;
	return models_row(id);
}

const struct model *models_find(const char *name)
{
	return models_search(name, in_table, NULL);
}

const char *models_gpt_alias(const char *name)
{
	/* clang-format off */
	static const struct {
		const char *name, *target;
	} aliases[] = {
		{ "gpt-3.5-turbo", "claude-haiku-4.5" },
		{ "gpt-4",         "claude-sonnet-4.5" },
		{ "gpt-4-turbo",   "claude-sonnet-4.5" },
		{ "gpt-4.1",       "claude-sonnet-4.5" },
		{ "gpt-4.1-mini",  "claude-haiku-4.5" },
		{ "gpt-4o",        "claude-sonnet-4.5" },
		{ "gpt-4o-mini",   "claude-haiku-4.5" },
		{ "gpt-5",         "claude-sonnet-4.5" },
		{ "gpt-5-mini",    "claude-haiku-4.5" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
		if (strcmp(aliases[i].name, name) == 0)
			return aliases[i].target;
	}
	return NULL;
}

const char *models_effort(const struct model *model, enum model_effort wished)
{
	for (int i = (int)wished; i >= 0; i--) {
		if (model->efforts & 1u << i)
			return model_effort_names[i];
	}
	for (int i = (int)wished + 1; i < MODEL_EFFORTS; i++) {
		if (model->efforts & 1u << i)
			return model_effort_names[i];
	}
	return NULL;
}
