#include "common/base.h"
#include "fcgi/in_hints.h"

/* clang-format off */
static const struct in_member prediction[] = {
	{ .name = "type", .types = IN_TEXT, .values = { "content" } },
	{ .name = "content", .types = IN_TEXT | IN_ARRAY },
	{ .name = NULL },
};
static const struct in_member reasoning[] = {
	{ .name = "context", .types = IN_TEXT },
	{ .name = "mode", .types = IN_TEXT },
	{ .name = "summary", .types = IN_TEXT, .values = { "auto", "concise", "detailed", "none" } },
	{ .name = "generate_summary", .types = IN_TEXT, .values = { "auto", "concise", "detailed" } },
	{ .name = NULL },
};
static const struct in_member stream_options[] = {
	{ .name = "include_obfuscation", .types = IN_BOOL },
	{ .name = NULL },
};
static const struct in_member text[] = {
	{ .name = "verbosity", .types = IN_TEXT, .values = { "low", "medium", "high" } },
	{ .name = NULL },
};

static const struct in_member management[] = {
	{ .name = "type", .types = IN_TEXT, .required = true },
	{ .name = "compact_threshold", .types = IN_INTEGER },
	{ .name = NULL },
};

static const struct in_member fields[] = {
	{ .name = "client_metadata", .types = IN_OBJECT, .items = IN_TEXT },
	{ .name = "context_management", .types = IN_ARRAY, .items = IN_OBJECT, .members = management },
	{ .name = "logit_bias", .types = IN_OBJECT, .items = IN_NUMBER, .min = -100 },
	{ .name = "metadata", .types = IN_OBJECT, .items = IN_TEXT },
	{ .name = "moderation", .types = IN_OBJECT },
	{ .name = "prediction", .types = IN_OBJECT, .members = prediction },
	{ .name = "prompt_cache_options", .types = IN_OBJECT },
	{ .name = "prompt_cache_retention", .types = IN_TEXT, .values = { "in-memory", "in_memory", "24h" } },
	{ .name = "reasoning", .types = IN_OBJECT, .members = reasoning },
	{ .name = "safety_identifier", .types = IN_TEXT },
	{ .name = "seed", .types = IN_INTEGER, .min = INT_MIN },
	{ .name = "service_tier", .types = IN_TEXT, .values = { "auto", "default", "flex", "scale", "priority" } },
	{ .name = "store", .types = IN_BOOL },
	{ .name = "stream_options", .types = IN_OBJECT, .members = stream_options },
	{ .name = "text", .types = IN_OBJECT, .members = text },
	{ .name = "truncation", .types = IN_TEXT, .values = { "auto", "disabled" } },
	{ .name = "user", .types = IN_TEXT },
	{ .name = "verbosity", .types = IN_TEXT, .values = { "low", "medium", "high" } },
	{ .name = NULL },
};

const struct in_member in_hints_message[] = {
	{ .name = "name", .types = IN_TEXT },
	{ .name = "reasoning_content", .types = IN_TEXT },
	{ .name = NULL },
};
const struct in_member in_hints_image[] = {
	{ .name = "detail", .types = IN_TEXT, .values = { "auto", "low", "high", "original" } },
	{ .name = NULL },
};
const struct in_member in_hints_item[] = {
	{ .name = "id", .types = IN_TEXT },
	{ .name = "phase", .types = IN_TEXT },
	{ .name = "status", .types = IN_TEXT, .values = { "in_progress", "searching", "completed", "incomplete", "failed" } },
	{ .name = NULL },
};
const struct in_member in_hints_tool[] = {
	{ .name = "strict", .types = IN_BOOL },
	{ .name = "allowed_callers", .types = IN_ARRAY, .items = IN_TEXT },
	{ .name = "defer_loading", .types = IN_BOOL },
	{ .name = "output_schema", .types = IN_OBJECT },
	{ .name = NULL },
};
const struct in_member in_hints_format[] = {
	{ .name = "type", .types = IN_TEXT, .values = { "text", "grammar" } },
	{ .name = NULL },
};
const struct in_member in_hints_grammar[] = {
	{ .name = "syntax", .types = IN_TEXT, .values = { "lark", "regex" } },
	{ .name = "definition", .types = IN_TEXT },
	{ .name = NULL },
};
const struct in_member in_hints_schema[] = {
	{ .name = "name", .types = IN_TEXT },
	{ .name = "description", .types = IN_TEXT },
	{ .name = "strict", .types = IN_BOOL },
	{ .name = NULL },
};
const struct in_member in_hints_search[] = {
	{ .name = "search_context_size", .types = IN_TEXT, .values = { "low", "medium", "high" } },
	{ .name = "search_content_types", .types = IN_ARRAY, .items = IN_TEXT },
	{ .name = NULL },
};
/* clang-format on */

int in_hints_field(struct in *in, const cJSON *body, const char *name)
{
	return in_shape_member(in, body, name, fields);
}
