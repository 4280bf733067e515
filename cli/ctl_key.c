/*
 * kiroctl key add, list, remove.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/table.h"
#include "common/clock.h"
#include "common/jsonw.h"
#include "common/keys.h"

/* The key to store, in `out`; stays empty where one is to be made. */
static int read_given(struct ctl *c, struct secret *out, struct error *e)
{
	const char *file = ctl_value(c, "from-file"), *variable = ctl_value(c, "from-env");
	const char *value;

	if (file)
		return ctl_read_secret(c, "--from-file", file, out, e);
	if (!variable)
		return 0;
	value = getenv(variable);
	if (!value || !*value)
		return error_set(e, ERR_REQUEST, "--from-env: %.80s is not set, or empty",
				 variable);
	secret_set(out, value);
	return 0;
}

/* A new key is all that standard output holds, so that a script can take it; NULL: a given one,
 * which is not echoed. */
static void print_added(const struct ctl *c, const char *name, const char *text)
{
	struct jsonw w;
	struct buf out;

	fprintf(stderr, "kiroctl: key %s added%s\n", name, text ? "; it is shown this once" : "");
	if (!c->json && text)
		puts(text);
	if (!c->json)
		return;
	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "name", name);
	jsonw_text_member(&w, "key", text);
	jsonw_end(&w);
	ctl_print_json(&out);
	buf_wipe(&out);
}

static int add(struct ctl *c, const struct secret *given, struct error *e)
{
	const char *name = c->operands[0], *value = secret_reveal(given);
	char text[KEY_TEXT_SIZE] = "";
	int rc;

	if (strlen(value) >= sizeof(text))
		return error_set(e, ERR_REQUEST, "key %.60s: is longer than %zu characters", name,
				 sizeof(text) - 1);
	memcpy(text, value, strlen(value));
	rc = ctl_create(c, e) || ctl_keys(c, e) ? -1 : keys_add(&c->keys, name, NULL, text, e);
	if (!rc)
		print_added(c, name, *value ? NULL : text);
	explicit_bzero(text, sizeof(text));
	return rc;
}

int ctl_key_add(struct ctl *c, struct error *e)
{
	struct secret given = { NULL };
	int rc;

	if (ctl_value(c, "from-file") && ctl_value(c, "from-env"))
		return ctl_usage(c, "key add: give --from-file or --from-env, not both");
	rc = read_given(c, &given, e);
	if (!rc)
		rc = add(c, &given, e);
	secret_release(&given);
	return rc;
}

static int add_row(void *context, const struct key *key)
{
	char added[CLOCK_TEXT_SIZE];
	const char *cells[] = { key->name, key->prefix,
				ctl_date(key->added_at, "unknown", added, sizeof(added)) };

	table_add(context, cells);
	return 0;
}

static int write_key(void *context, const struct key *key)
{
	struct jsonw *w = context;
	char added[CLOCK_TEXT_SIZE];

	jsonw_begin_object(w);
	jsonw_text_member(w, "name", key->name);
	jsonw_text_member(w, "prefix", key->prefix);
	jsonw_text_member(w, "added_at", clock_format(key->added_at, added));
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
	rc = keys_each(&c->keys, write_key, &w, e);
	jsonw_end(&w);
	ctl_print_json(&out);
	buf_release(&out);
	return rc;
}

int ctl_key_list(struct ctl *c, struct error *e)
{
	static const char *const heads[] = { "NAME", "KEY", "ADDED" };
	struct table t;
	int rc;

	if (ctl_keys(c, e))
		return -1;
	if (c->json)
		return list_json(c, e);
	table_init(&t, heads, ARRAY_SIZE(heads));
	rc = keys_each(&c->keys, add_row, &t, e);
	table_sort(&t);
	if (t.rows > 1)
		table_print(&t, stdout);
	else if (!rc)
		fputs("kiroctl: no keys yet: kiroctl key add NAME\n", stderr);
	table_release(&t);
	return rc;
}

int ctl_key_remove(struct ctl *c, struct error *e)
{
	const char *name = c->operands[0];
	int rc;

	if (ctl_keys(c, e))
		return -1;
	rc = keys_remove(&c->keys, name, e);
	if (rc == 1)
		return error_set(e, ERR_NOT_FOUND, "no key is called %.80s (see kiroctl key list)",
				 name);
	if (!rc)
		ctl_print_result(c, name, "removed");
	return rc;
}
