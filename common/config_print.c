#include "common/base.h"
#include "common/config_options.h"

#include "common/jsonw.h"

static const char *const type_names[] = {
	[TEXT] = "text",     [PATH] = "path",	    [BASE_URL] = "URL",	   [PROXY] = "URL",
	[SECRET] = "secret", [INTEGER] = "integer", [BOOLEAN] = "boolean", [CHOICE] = "choice",
};

static const char *const origin_names[] = {
	[CONFIG_FROM_DEFAULT] = "default",
	[CONFIG_FROM_FILE] = "file",
	[CONFIG_FROM_ENVIRONMENT] = "environment",
};

/* Length of the group in "group.name", 0 for none. */
static size_t group_length(const struct config_option *o)
{
	const char *dot = strchr(o->name, '.');

	return dot ? (size_t)(dot - o->name) : 0;
}

static bool same_group(const struct config_option *a, const struct config_option *b)
{
	size_t len = group_length(a);

	return len == group_length(b) && strncmp(a->name, b->name, len) == 0;
}

static void add_choices(const struct config_option *o, struct buf *out)
{
	for (int i = 0; o->choices && o->choices[i]; i++)
		buf_add_format(out, "%s%s", i ? ", " : "", o->choices[i]);
}

static void add_literal(const struct config_option *o, const char *value, struct buf *out)
{
	bool bare = o->type == INTEGER || o->type == BOOLEAN;

	buf_add_format(out, bare ? "%s" : "\"%s\"", value);
}

static void add_example(const struct config_option *o, bool last_of_group, struct buf *out)
{
	const char *tabs = group_length(o) ? "\t\t" : "\t";
	const char *name = group_length(o) ? o->name + group_length(o) + 1 : o->name;

	buf_add_format(out, "\n%s// %s\n", tabs, o->text);
	if (o->type == INTEGER)
		buf_add_format(out, "%s// %" PRId64 " to %" PRId64 " %s\n", tabs, o->min, o->max,
			       o->unit);
	if (o->choices) {
		buf_add_format(out, "%s// one of: ", tabs);
		add_choices(o, out);
		buf_add_char(out, '\n');
	}
	/* A secret has no example value: whoever copies this file would keep it. */
	buf_add_format(out, "%s%s\"%s\": ", tabs, o->type == SECRET ? "// " : "", name);
	add_literal(o, o->initial, out);
	buf_add_text(out, last_of_group ? "\n" : ",\n");
}

void config_write_example(struct buf *out)
{
	buf_add_text(
		out,
		"// kiro.json: settings of kiro-fcgi, with their defaults. See kiro.json(5).\n"
		"// An environment variable KIRO_NAME (dots as _) is stronger than this file;\n"
		"// KIRO_NAME_FILE names a file that holds the value.\n{");
	for (size_t i = 0; i < config_option_count; i++) {
		const struct config_option *o = &config_options[i];
		bool opens = i == 0 || !same_group(o, o - 1);
		bool last = i + 1 == config_option_count;
		bool closes = last || !same_group(o, o + 1);

		if (opens && group_length(o))
			buf_add_format(out, "\n\t\"%.*s\": {", (int)group_length(o), o->name);
		add_example(o, group_length(o) ? closes : last, out);
		if (closes && group_length(o))
			buf_add_format(out, "\t}%s\n", last ? "" : ",");
	}
	buf_add_text(out, "}\n");
}

static void add_value(const struct config *c, const struct config_option *o, struct buf *out)
{
	char mask[SECRET_MASK_SIZE];
	const void *at = config_field(c, o);

	if (o->type == SECRET)
		buf_add_text(out, secret_mask(at, mask));
	else if (o->type == PROXY) /* may hold a password */
		buf_add_text(out, **(char *const *)at ? "(set)" : "");
	else if (config_is_text(o->type))
		buf_add_text(out, *(char *const *)at);
	else if (o->type == BOOLEAN)
		buf_add_text(out, *(const bool *)at ? "true" : "false");
	else if (o->type == CHOICE)
		buf_add_text(out, o->choices[*(const int *)at]);
	else
		buf_add_format(out, "%d %s", *(const int *)at, o->unit);
}

void config_write_effective(const struct config *c, struct buf *out)
{
	buf_add_format(out, "# file: %s\n", c->file ? c->file : "none");
	for (size_t i = 0; i < config_option_count; i++) {
		buf_add_format(out, "%-32s = ", config_options[i].name);
		add_value(c, &config_options[i], out);
		buf_add_format(out, "  (%s)\n", origin_names[c->origins[i]]);
	}
}

void config_write_json(const struct config *c, struct jsonw *w)
{
	jsonw_begin_object(w);
	jsonw_text_member(w, "file", c->file);
	jsonw_begin_array_member(w, "options");
	for (size_t i = 0; i < config_option_count; i++) {
		const struct config_option *o = &config_options[i];
		char variable[CONFIG_VARIABLE_SIZE];
		struct buf value;

		config_variable(o, variable);
		buf_init(&value, LIMIT_CONFIG_FILE);
		add_value(c, o, &value);
		jsonw_begin_object(w);
		jsonw_text_member(w, "name", o->name);
		jsonw_text_member(w, "value", value.at);
		jsonw_text_member(w, "origin", origin_names[c->origins[i]]);
		jsonw_text_member(w, "type", type_names[o->type]);
		jsonw_text_member(w, "default", o->initial);
		jsonw_text_member(w, "variable", variable);
		jsonw_text_member(w, "text", o->text);
		jsonw_end(w);
		buf_wipe(&value);
	}
	jsonw_end(w);
	jsonw_end(w);
}

void config_write_manual(struct buf *out)
{
	for (size_t i = 0; i < config_option_count; i++) {
		const struct config_option *o = &config_options[i];
		char variable[CONFIG_VARIABLE_SIZE];

		config_variable(o, variable);
		buf_add_format(out, ".TP\n.BR %s \" (\" %s ", o->name, type_names[o->type]);
		if (o->unit)
			buf_add_format(out, "\", %s\" ", o->unit);
		buf_add_format(out, "\"; \" %s%s%s \")\"\n%s\n", variable,
			       o->alias ? " \", \" " : "", o->alias ? o->alias : "", o->text);
		if (o->choices) {
			buf_add_text(out, "One of: ");
			add_choices(o, out);
			buf_add_text(out, ".\n");
		}
		if (*o->initial)
			buf_add_format(out, "Default: %s.\n", o->initial);
	}
}
