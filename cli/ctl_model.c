/*
 * kiroctl model alias, list.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/table.h"
#include "common/alias.h"
#include "common/jsonw.h"

static int forget(struct ctl *c, struct error *e)
{
	const char *name = c->operands[0];
	int rc;

	if (ctl_keys(c, e))
		return -1;
	rc = alias_remove(&c->keys, name, e);
	if (rc == 1)
		return error_set(e, ERR_NOT_FOUND,
				 "no alias is called %.80s (see kiroctl model list)", name);
	if (!rc)
		ctl_print_result(c, name, "removed");
	return rc;
}

int ctl_model_alias(struct ctl *c, struct error *e)
{
	bool remove = ctl_value(c, "remove") != NULL;
	char result[ALIAS_SIZE + 16];

	if (remove && c->operand_count > 1)
		return ctl_usage(c, "model alias --remove takes only the NAME");
	if (remove)
		return forget(c, e);
	if (c->operand_count < 2)
		return ctl_usage(c, "model alias: the TARGET is missing");
	if (ctl_create(c, e) || ctl_keys(c, e) ||
	    alias_set(&c->keys, c->operands[0], c->operands[1], e))
		return -1;
	snprintf(result, sizeof(result), "stands for %s", c->operands[1]);
	ctl_print_result(c, c->operands[0], result);
	return 0;
}

static int add_row(void *context, const struct alias *alias)
{
	const char *cells[] = { alias->name, alias->target };

	table_add(context, cells);
	return 0;
}

static int write_alias(void *context, const struct alias *alias)
{
	struct jsonw *w = context;

	jsonw_begin_object(w);
	jsonw_text_member(w, "name", alias->name);
	jsonw_text_member(w, "target", alias->target);
	jsonw_end(w);
	return 0;
}

static int list_json(struct ctl *c, struct error *e)
{
	struct jsonw w;
	struct buf out;
	int rc;

	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	jsonw_begin_array(&w);
	rc = alias_each(&c->keys, write_alias, &w, NULL, e);
	jsonw_end(&w);
	ctl_print_json(&out);
	buf_release(&out);
	return rc;
}

int ctl_model_list(struct ctl *c, struct error *e)
{
	static const char *const heads[] = { "ALIAS", "MODEL" };
	struct table t;
	int rc;

	if (ctl_keys(c, e))
		return -1;
	if (c->json)
		return list_json(c, e);
	table_init(&t, heads, ARRAY_SIZE(heads));
	rc = alias_each(&c->keys, add_row, &t, NULL, e);
	table_sort(&t);
	if (t.rows > 1)
		table_print(&t, stdout);
	else if (!rc)
		fputs("kiroctl: no aliases: kiroctl model alias NAME TARGET makes one\n", stderr);
	table_release(&t);
	return rc;
}
