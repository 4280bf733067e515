/*
 * kiroctl key add, set, list, show, rotate, revoke, remove.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/ctl_key.h"
#include "cli/table.h"
#include "common/clock.h"
#include "common/jsonw.h"
#include "common/keys.h"
#include "common/quota.h"

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

/* By the command: "code add" and its like have these handlers too. */
static const char *noun(const struct ctl *c)
{
	return strncmp(c->command->words, "code ", 5) == 0 ? "code" : "key";
}

/* A new key is all that standard output holds, so that a script can take it; text NULL: a given
 * one, which is not echoed. */
static void print_secret(const struct ctl *c, const char *name, const char *done, const char *text)
{
	struct jsonw w;
	struct buf out;

	fprintf(stderr, "kiroctl: %s %s %s%s\n", noun(c), name, done,
		text ? "; it is shown this once" : "");
	if (!c->json && text)
		puts(text);
	if (!c->json)
		return;
	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "name", name);
	jsonw_text_member(&w, noun(c), text);
	jsonw_end(&w);
	ctl_print_json(&out);
	buf_wipe(&out);
}

int ctl_key_missing(const struct ctl *c, struct error *e)
{
	return error_set(e, ERR_NOT_FOUND, "no %s is called %.80s (see kiroctl %s list)", noun(c),
			 c->operands[0], noun(c));
}

int ctl_key_with_secret(struct ctl *c, const char *done, ctl_key_taker *take, struct error *e)
{
	const char *name = c->operands[0];
	struct secret given = { NULL };
	char text[KEY_TEXT_SIZE] = "";
	int rc;

	if (ctl_value(c, "from-file") && ctl_value(c, "from-env"))
		return ctl_usage(c, "%s: give --from-file or --from-env, not both",
				 c->command->words);
	rc = read_given(c, &given, e);
	if (!rc && strlen(secret_reveal(&given)) >= sizeof(text))
		rc = error_set(e, ERR_REQUEST, "%s %.60s: is longer than %zu characters", noun(c),
			       name, sizeof(text) - 1);
	if (!rc) {
		snprintf(text, sizeof(text), "%s", secret_reveal(&given));
		rc = take(c, text, e);
	}
	if (!rc)
		print_secret(c, name, done, secret_present(&given) ? NULL : text);
	secret_release(&given);
	explicit_bzero(text, sizeof(text));
	return rc;
}

static int add(struct ctl *c, char text[static KEY_TEXT_SIZE], struct error *e)
{
	struct key settings = { .role = KEY_USER };

	if (ctl_key_read_settings(c, &settings, e) || ctl_key_check_end(c, &settings, e) ||
	    ctl_create(c, e) || ctl_keys(c, e))
		return -1;
	return keys_add(&c->keys, c->operands[0], &settings, text, e);
}

int ctl_key_add(struct ctl *c, struct error *e)
{
	return ctl_key_with_secret(c, "added", add, e);
}

static int rotate(struct ctl *c, char text[static KEY_TEXT_SIZE], struct error *e)
{
	const char *overlap = ctl_value(c, "overlap"), *name = c->operands[0];
	int64_t seconds = 0;
	struct key key;
	int rc;

	if (overlap && strcmp(overlap, "0") != 0 && ctl_key_duration(overlap, &seconds))
		return error_set(e, ERR_REQUEST, "--overlap: %.40s: must be as 24h, 30m or 7d",
				 overlap);
	if (ctl_keys(c, e))
		return -1;
	rc = keys_named(&c->keys, name, &key, e);
	if (rc == 1 && key.revoked_at)
		return error_set(e, ERR_REQUEST, "%.80s was revoked: add another key", name);
	if (rc == 1)
		rc = keys_rotate(&c->keys, name, clock_wall() + seconds, text, e) == 0 ? 1 : -1;
	return rc == 1 ? 0 : rc == 0 ? ctl_key_missing(c, e) : -1;
}

int ctl_key_rotate(struct ctl *c, struct error *e)
{
	return ctl_key_with_secret(c, "has a new secret", rotate, e);
}

/* ---- changing ---- */

/* What is stored is changed, whatever became of it meanwhile: it was all checked before. */
static void change_settings(struct key *key, const void *context)
{
	struct ctl *c = (struct ctl *)(uintptr_t)context;
	struct error ignored = { 0 };

	ctl_key_read_settings(c, key, &ignored);
}

static void end_key(struct key *key, const void *context)
{
	if (!key->revoked_at)
		key->revoked_at = *(const int64_t *)context;
}

static int finish(struct ctl *c, int rc, const char *done, struct error *e)
{
	if (rc == 1)
		return ctl_key_missing(c, e);
	if (!rc)
		ctl_print_result(c, c->operands[0], done);
	return rc;
}

/* A code is a key of a user, by whatever command it is changed. */
static int check_role(struct ctl *c, struct error *e)
{
	struct key key;
	int rc = ctl_value(c, "role") ? keys_named(&c->keys, c->operands[0], &key, e) : 0;

	if (rc == 1 && key.code.is)
		return error_set(e, ERR_REQUEST,
				 "--role: %.80s is an activation code: its role is user",
				 c->operands[0]);
	return rc < 0 ? -1 : 0;
}

int ctl_key_set(struct ctl *c, struct error *e)
{
	struct key checked = { .role = KEY_USER };
	bool any = false;

	for (size_t i = 0; i < CTL_OPTIONS; i++)
		any |= c->values[i] != NULL;
	if (!any)
		return ctl_usage(c, "key set: give at least one option, for what is to change");
	if (ctl_key_read_settings(c, &checked, e) || ctl_keys(c, e) || check_role(c, e))
		return -1;
	return finish(c, keys_change(&c->keys, c->operands[0], change_settings, c, e), "changed",
		      e);
}

int ctl_key_revoke(struct ctl *c, struct error *e)
{
	const int64_t now = clock_wall();

	if (ctl_keys(c, e))
		return -1;
	return finish(c, keys_change(&c->keys, c->operands[0], end_key, &now, e), "revoked", e);
}

int ctl_key_remove(struct ctl *c, struct error *e)
{
	if (ctl_keys(c, e))
		return -1;
	return finish(c, keys_remove(&c->keys, c->operands[0], e), "removed", e);
}

/* ---- showing ---- */

struct listing {
	struct quota *quota;
	struct table *table;
	struct jsonw *json;
};

static int add_row(void *context, const struct key *key)
{
	const struct listing *l = context;
	char limits[3 * KEY_LIMIT_SIZE + 64] = "", part[KEY_LIMIT_SIZE];
	char added[CLOCK_TEXT_SIZE], used_at[CLOCK_TEXT_SIZE], expires[CLOCK_TEXT_SIZE];
	struct quota_view used;

	quota_look(l->quota, key->id, clock_wall(), &used);
	for (int m = 0; m < KEY_MEASURES; m++) {
		size_t len = strlen(limits);

		if (*key_limits_format((enum key_measure)m, key->limits[m], part))
			snprintf(limits + len, sizeof(limits) - len, "%s%s %s", len ? "; " : "",
				 key_measure_names[m], part);
	}
	table_add(l->table,
		  (const char *[]){ key->name, key->prefix,
				    ctl_date(key->added_at, "unknown", added, sizeof(added)),
				    key_role_names[key->role], ctl_key_state(key),
				    ctl_date(key->ends_at ? key->ends_at : key->expires_at, "never",
					     expires, sizeof(expires)),
				    ctl_date(used.used_at, "-", used_at, sizeof(used_at)),
				    *limits ? limits : "-" });
	return 0;
}

static int write_key(void *context, const struct key *key)
{
	const struct listing *l = context;
	struct quota_view used;

	quota_look(l->quota, key->id, clock_wall(), &used);
	ctl_key_write(l->json, key, &used);
	return 0;
}

static int list_json(struct ctl *c, struct listing *l, struct error *e)
{
	struct jsonw w;
	struct buf out;
	int rc;

	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	l->json = &w; /* cppcheck-suppress autoVariables ; for keys_each() alone */
	jsonw_begin_array(&w);
	rc = keys_each(&c->keys, write_key, l, e);
	jsonw_end(&w);
	ctl_print_json(&out);
	buf_release(&out);
	return rc;
}

static int list_table(struct ctl *c, struct listing *l, struct error *e)
{
	static const char *const heads[] = { "NAME",  "KEY",	 "ADDED",     "ROLE",
					     "STATE", "EXPIRES", "LAST USED", "LIMITS" };
	struct table t;
	int rc;

	table_init(&t, heads, ARRAY_SIZE(heads));
	l->table = &t; /* cppcheck-suppress autoVariables ; for keys_each() alone */
	rc = keys_each(&c->keys, add_row, l, e);
	table_sort(&t);
	if (t.rows > 1)
		table_print(&t, stdout);
	else if (!rc)
		fputs("kiroctl: no keys yet: kiroctl key add NAME\n", stderr);
	table_release(&t);
	return rc;
}

int ctl_key_list(struct ctl *c, struct error *e)
{
	struct listing l = { .quota = NULL };
	int rc;

	if (ctl_keys(c, e))
		return -1;
	l.quota = quota_new(c->config);
	rc = c->json ? list_json(c, &l, e) : list_table(c, &l, e);
	quota_free(l.quota);
	return rc;
}

static void show(struct ctl *c, const struct key *key)
{
	struct quota *quota = quota_new(c->config);
	struct quota_view used;
	struct jsonw w;
	struct buf out;

	quota_look(quota, key->id, clock_wall(), &used);
	quota_free(quota);
	if (!c->json) {
		ctl_key_print(key, &used);
		return;
	}
	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	ctl_key_write(&w, key, &used);
	ctl_print_json(&out);
	buf_release(&out);
}

int ctl_key_show(struct ctl *c, struct error *e)
{
	const char *name = c->operands[0];
	struct key key;
	int rc = ctl_keys(c, e) ? -1 : keys_named(&c->keys, name, &key, e);

	if (rc <= 0)
		return rc < 0 ? -1 : ctl_key_missing(c, e);
	show(c, &key);
	return 0;
}
