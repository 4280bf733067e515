/*
 * kiroctl code add, list, show, set, reset, rotate, revoke, remove: activation codes, which are
 * keys with a few members more (common/code.h).
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/ctl_account.h"
#include "cli/ctl_key.h"
#include "cli/table.h"
#include "common/clock.h"
#include "common/code_add.h"
#include "common/keys.h"

/* The code that the operand names. */
static int find(struct ctl *c, struct key *out, struct error *e)
{
	int rc = ctl_keys(c, e) ? -1 : keys_named(&c->keys, c->operands[0], out, e);

	if (rc <= 0)
		return rc < 0 ? -1 : ctl_key_missing(c, e);
	if (out->code.is)
		return 0;
	return error_set(e, ERR_REQUEST, "%.80s is a key and no activation code: see kiroctl key",
			 c->operands[0]);
}

/* ---- settings ---- */

static int read_days(struct ctl *c, struct key *key, struct error *e)
{
	const char *text = ctl_value(c, "days");
	char *end;
	long value;

	if (!text)
		return 0;
	value = strtol(text, &end, 10);
	if (end == text || *end || value < 0 || value > CODE_DAYS_MAX)
		return error_set(e, ERR_REQUEST, "--days: must be a whole number from 0 to %d",
				 CODE_DAYS_MAX);
	code_set_days(key, value);
	return 0;
}

static int read_machine(struct ctl *c, struct key *key, struct error *e)
{
	const char *text = ctl_value(c, "machine");

	if (!text)
		return 0;
	if (strcmp(text, "any") == 0)
		key->code.one_machine = false;
	else if (strcmp(text, "first") == 0)
		code_bind(&key->code, NULL);
	else if (code_machine_good(text))
		code_bind(&key->code, text);
	else
		return error_set(e, ERR_REQUEST,
				 "--machine: must be any, first, or an id of 1 to %d visible ASCII "
				 "characters",
				 CODE_MACHINE_SIZE - 1);
	return 0;
}

/* --expires after --days, so that it holds as an earlier end of both. */
static int read_settings(struct ctl *c, struct key *key, struct error *e)
{
	return read_days(c, key, e) || read_machine(c, key, e) || ctl_key_read_rights(c, key, e)
		       ? -1
		       : 0;
}

/* ---- its account ---- */

/* Looked for before anything is changed. */
static int find_account(struct ctl *c, struct roster *r, struct account **out, struct error *e)
{
	const char *name = ctl_value(c, "account");

	*out = name ? ctl_account_find(c, r, name, e) : NULL;
	return name && !*out ? -1 : 0;
}

static int give_account(struct ctl *c, struct account *a, const struct key *key, struct error *e)
{
	return a ? roster_give(&c->tokens, a, key->id, e) : 0;
}

/* ---- commands ---- */

static int add(struct ctl *c, char text[static KEY_TEXT_SIZE], struct error *e)
{
	struct key key = { .role = KEY_USER, .pool = POOL_OWN, .code = { .is = true } };
	struct account *account;
	struct roster r;
	int rc;

	roster_init(&r);
	rc = read_settings(c, &key, e) || ctl_key_check_end(c, &key, e) || ctl_create(c, e) ||
	     ctl_keys(c, e) || find_account(c, &r, &account, e);
	if (!rc)
		rc = code_add(&c->keys, &c->tokens, c->operands[0], &key, account, text, e);
	if (!rc && !account && key.pool == POOL_OWN)
		fprintf(stderr,
			"kiroctl: note: it has no account of its own and no grant for the shared "
			"ones: code set %s --account ID, or --pool shared\n",
			c->operands[0]);
	roster_release(&r);
	return rc ? -1 : 0;
}

int ctl_code_add(struct ctl *c, struct error *e)
{
	return ctl_key_with_secret(c, "added", add, e);
}

/* What is stored is changed, whatever became of it meanwhile: it was all checked before. */
static void change(struct key *key, const void *context)
{
	struct ctl *c = (struct ctl *)(uintptr_t)context;
	struct error ignored = { .kind = ERR_NONE };

	read_settings(c, key, &ignored);
}

static int set(struct ctl *c, struct roster *r, struct error *e)
{
	struct account *account;
	struct key key, checked;
	int rc;

	if (find(c, &key, e))
		return -1;
	checked = key;
	if (read_settings(c, &checked, e) || find_account(c, r, &account, e))
		return -1;
	rc = keys_change(&c->keys, c->operands[0], change, c, e);
	if (rc)
		return rc < 0 ? -1 : ctl_key_missing(c, e);
	if (give_account(c, account, &key, e))
		return -1;
	ctl_print_result(c, c->operands[0], "changed");
	return 0;
}

int ctl_code_set(struct ctl *c, struct error *e)
{
	struct roster r;
	bool any = false;
	int rc;

	for (size_t i = 0; i < CTL_OPTIONS; i++)
		any |= c->values[i] != NULL;
	if (!any)
		return ctl_usage(c, "code set: give at least one option, for what is to change");
	roster_init(&r);
	rc = set(c, &r, e);
	roster_release(&r);
	return rc;
}

static void unbind(struct key *key, const void *context)
{
	(void)context;
	code_bind(&key->code, NULL);
}

int ctl_code_reset(struct ctl *c, struct error *e)
{
	struct key key;
	int rc = find(c, &key, e);

	if (!rc && !key.code.one_machine)
		return error_set(
			e, ERR_REQUEST,
			"%.80s is not bound to a machine: code set --machine first binds it "
			"to the next",
			c->operands[0]);
	if (!rc)
		rc = keys_change(&c->keys, c->operands[0], unbind, NULL, e);
	if (rc)
		return rc < 0 ? -1 : ctl_key_missing(c, e);
	ctl_print_result(c, c->operands[0], "reset: the next machine has it");
	return 0;
}

int ctl_code_show(struct ctl *c, struct error *e)
{
	struct key key;

	return find(c, &key, e) ? -1 : ctl_key_show(c, e);
}

int ctl_code_rotate(struct ctl *c, struct error *e)
{
	struct key key;

	return find(c, &key, e) ? -1 : ctl_key_rotate(c, e);
}

int ctl_code_revoke(struct ctl *c, struct error *e)
{
	struct key key;

	return find(c, &key, e) ? -1 : ctl_key_revoke(c, e);
}

int ctl_code_remove(struct ctl *c, struct error *e)
{
	struct key key;

	return find(c, &key, e) ? -1 : ctl_key_remove(c, e);
}

/* ---- the list ---- */

struct listing {
	struct quota *quota;
	struct roster accounts;
	struct table table;
	struct jsonw json;
	struct buf out;
};

/* Of the accounts that are its own, as many as have room. */
static const char *own_accounts(const struct roster *r, const char *id, char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < r->count; i++) {
		const struct account *a = &r->accounts[i];
		size_t len = strlen(out);

		if (a->owner && strcmp(a->owner, id) == 0)
			snprintf(out + len, size - len, "%s%s", len ? "," : "", a->id);
	}
	return *out ? out : "-";
}

static int add_row(void *context, const struct key *key)
{
	struct listing *l = context;
	char used_at[CLOCK_TEXT_SIZE], expires[CLOCK_TEXT_SIZE], days[48], accounts[160];
	struct quota_view used;

	if (!key->code.is)
		return 0;
	quota_look(l->quota, key->id, clock_wall(), &used);
	ctl_key_write(&l->json, key, &used);
	snprintf(days, sizeof(days), "%" PRId64 " days after first use", key->code.days);
	table_add(
		&l->table,
		(const char *[]){ key->name, key->prefix, ctl_key_state(key),
				  code_waits(key) && key->code.days && !key->expires_at
					  ? days
					  : ctl_date(key->ends_at ? key->ends_at : key->expires_at,
						     "never", expires, sizeof(expires)),
				  ctl_code_machine(&key->code), key_pool_names[key->pool],
				  own_accounts(&l->accounts, key->id, accounts, sizeof(accounts)),
				  ctl_date(used.used_at, "-", used_at, sizeof(used_at)) });
	return 0;
}

static void print_list(const struct ctl *c, struct listing *l, bool whole)
{
	if (c->json)
		ctl_print_json(&l->out);
	else if (l->table.rows > 1)
		table_print(&l->table, stdout);
	else if (whole)
		fputs("kiroctl: no activation codes yet: kiroctl code add USER\n", stderr);
}

int ctl_code_list(struct ctl *c, struct error *e)
{
	static const char *const heads[] = { "USER",	"CODE", "STATE",    "EXPIRES",
					     "MACHINE", "POOL", "ACCOUNTS", "LAST USED" };
	struct error damage = { .kind = ERR_NONE };
	struct listing l;
	int rc;

	if (ctl_keys(c, e) || ctl_tokens(c, e))
		return -1;
	roster_init(&l.accounts);
	if (roster_load(&l.accounts, &c->tokens, &damage))
		fprintf(stderr, "kiroctl: warning: %s\n", damage.message);
	l.quota = quota_new(c->config);
	table_init(&l.table, heads, ARRAY_SIZE(heads));
	buf_init(&l.out, CTL_OUTPUT);
	jsonw_init(&l.json, &l.out);
	jsonw_begin_array(&l.json);
	rc = keys_each(&c->keys, add_row, &l, e);
	jsonw_end(&l.json);
	table_sort(&l.table);
	print_list(c, &l, !rc);
	table_release(&l.table);
	buf_release(&l.out);
	quota_free(l.quota);
	roster_release(&l.accounts);
	return rc;
}
