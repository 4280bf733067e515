/*
 * Activation codes (code.h), and the paths by which their older gateway knew them.
 */
#include "common/base.h"
#include "fcgi/api.h"

#include "common/code_add.h"
#include "common/hold.h"
#include "common/import_plan.h"
#include "common/json.h"
#include "common/keys.h"
#include "fcgi/admin.h"

/* ---- one code ---- */

/* By its user's name, or by the code itself. The path may hold a code: it goes into no message. */
static int find(struct request *r, const char *name, struct key *out)
{
	const struct store *keys = &r->site->keys;
	int rc = admin_stores(r) ? -1 : 0;

	if (!rc)
		rc = code_is_text(name) ? keys_find(keys, name, out, &r->error) : 0;
	if (!rc)
		rc = keys_named(keys, name, out, &r->error);
	if (rc < 0)
		return -1;
	if (rc && out->code.is)
		return 0;
	return error_set(&r->error, ERR_NOT_FOUND, "no activation code is called that");
}

static bool is_own(const struct account *a, const struct key *key)
{
	return a->owner && strcmp(a->owner, key->id) == 0;
}

static void write_accounts(struct jsonw *w, const struct roster *roster, const struct key *key)
{
	jsonw_begin_array_member(w, "accounts");
	for (size_t i = 0; i < roster->count; i++) {
		if (is_own(&roster->accounts[i], key))
			jsonw_text(w, roster->accounts[i].id);
	}
	jsonw_end(w);
}

static void write_code(struct jsonw *w, const struct key *key, const struct roster *roster)
{
	jsonw_begin_object(w);
	admin_write_key(w, key);
	jsonw_text_member(w, "only_accounts", *key->accounts ? key->accounts : NULL);
	jsonw_int_member(w, "days", key->code.days);
	jsonw_date_member(w, "first_used_at", key->code.first_used_at);
	jsonw_bool_member(w, "one_machine", key->code.one_machine);
	jsonw_text_member(w, "machine", *key->code.machine ? key->code.machine : NULL);
	write_accounts(w, roster, key);
	jsonw_end(w);
}

/* What cannot be read of the accounts is missing in the answer, not the answer. */
static void load_accounts(struct request *r, struct roster *roster)
{
	struct error damage = { .kind = ERR_NONE };

	roster_init(roster);
	roster_load(roster, &r->site->tokens, &damage);
}

/* It was there a moment ago; 1: somebody removed it meanwhile. */
static int stored(struct request *r, int rc)
{
	return rc == 1 ? error_set(&r->error, ERR_NOT_FOUND, "this activation code is gone") : rc;
}

/* As it is by now: see admin_etag(). */
static int send_code(struct request *r, struct key *key)
{
	struct admin_answer a;
	struct roster roster;
	int rc;

	admin_etag(r, &r->site->keys);
	rc = keys_named(&r->site->keys, key->name, key, &r->error);
	if (rc <= 0)
		return stored(r, rc ? -1 : 1);
	load_accounts(r, &roster);
	admin_begin(&a);
	write_code(&a.w, key, &roster);
	roster_release(&roster);
	return admin_send(r, 200, &a);
}

int api_admin_code(struct request *r)
{
	struct key key;

	return find(r, r->rest, &key) ? -1 : send_code(r, &key);
}

/* ---- all ---- */

struct listing {
	struct jsonw *w;
	struct roster roster;
	void (*write)(struct jsonw *w, const struct key *key, const struct roster *roster);
	int64_t users, with_account;
};

static int list_one(void *context, const struct key *key)
{
	struct listing *l = context;
	bool has = false;

	if (!key->code.is || key->ends_at)
		return 0;
	for (size_t i = 0; i < l->roster.count; i++)
		has |= is_own(&l->roster.accounts[i], key);
	l->users++;
	l->with_account += has;
	if (l->write)
		l->write(l->w, key, &l->roster);
	return 0;
}

/* Those that can be read; -1 when there are others. */
static int list(struct request *r, struct listing *l, struct error *e)
{
	int rc;

	load_accounts(r, &l->roster);
	rc = keys_each(&r->site->keys, list_one, l, e);
	roster_release(&l->roster);
	return rc;
}

/* {"codes": [...], "damage": "the record ... cannot be read" or null} */
int api_admin_codes(struct request *r)
{
	struct error damage = { .kind = ERR_NONE };
	struct admin_answer a;
	struct listing l = { .w = &a.w, .write = write_code };

	if (admin_stores(r))
		return -1;
	admin_etag(r, &r->site->keys);
	admin_begin(&a);
	jsonw_begin_object(&a.w);
	jsonw_begin_array_member(&a.w, "codes");
	list(r, &l, &damage);
	jsonw_end(&a.w);
	jsonw_text_member(&a.w, "damage", damage.kind ? damage.message : NULL);
	jsonw_end(&a.w);
	return admin_send(r, 200, &a);
}

/* ---- settings ---- */

static int read_machine(const cJSON *body, struct code *code, struct error *e)
{
	const char *text = NULL;

	if (json_text(body, "machine", NULL, &text, e) < 0)
		return -1;
	if (!text)
		return 0;
	if (strcmp(text, "any") == 0)
		code->one_machine = false;
	else if (strcmp(text, "first") == 0)
		code_bind(code, NULL);
	else if (code_machine_good(text))
		code_bind(code, text);
	else
		return error_field(e, "machine", "is not any, first, or the id of a machine");
	return 0;
}

/* Only what the body names is changed. expires_at behind days: it holds as an earlier end. */
static int read_settings(const cJSON *body, struct key *key, struct error *e)
{
	int64_t days = 0;
	int given = json_int(body, "days", NULL, 0, CODE_DAYS_MAX, &days, e);

	if (given < 0)
		return -1;
	if (given)
		code_set_days(key, days);
	return admin_read_key(body, key, e) ||
			       admin_read_list(body, "only_accounts", key->accounts, e) ||
			       read_machine(body, &key->code, e)
		       ? -1
		       : 0;
}

static int check_names(const cJSON *body, bool new, struct error *e)
{
	static const char *const known[] = { "name",	 "account",    "models",  "only_accounts",
					     "pool",	 "expires_at", "days",	  "machine",
					     "requests", "tokens",     "credits", "max_streams" };
	const size_t first = new ? 0 : 1;

	return admin_check_members(body, known + first, ARRAY_SIZE(known) - first, "cannot be set",
				   e);
}

/* The account that is to be its own; *out NULL: none is named. */
static int find_account(struct request *r, struct roster *roster, struct account **out)
{
	const char *name = NULL;

	*out = NULL;
	if (json_text(r->json, "account", NULL, &name, &r->error) < 0)
		return -1;
	if (!name)
		return 0;
	*out = roster_find(roster, name, &r->error);
	if (!*out)
		snprintf(r->error.field, sizeof(r->error.field), "account");
	return *out ? 0 : -1;
}

static int give(struct request *r, struct account *a, const struct key *key)
{
	return a ? roster_give(&r->site->tokens, a, key->id, &r->error) : 0;
}

/* The only answer that ever holds a code. */
static int send_text(struct request *r, const char *name, const char *text)
{
	struct admin_answer a;

	admin_begin(&a);
	jsonw_begin_object(&a.w);
	jsonw_text_member(&a.w, "name", name);
	jsonw_text_member(&a.w, "code", text);
	jsonw_end(&a.w);
	return admin_send(r, 201, &a);
}

static int add(struct request *r, struct roster *roster, char text[static KEY_TEXT_SIZE])
{
	struct key key = { .role = KEY_USER, .pool = POOL_OWN, .code = { .is = true } };
	const struct store *keys;
	struct account *account;
	const char *name = NULL;

	if (json_need_text(r->json, "name", NULL, &name, &r->error) ||
	    check_names(r->json, true, &r->error) || admin_find_accounts(r, "only_accounts", "") ||
	    read_settings(r->json, &key, &r->error) || find_account(r, roster, &account) ||
	    !(keys = admin_match(r, &r->site->keys)))
		return -1;
	if (code_add(keys, &r->site->tokens, name, &key, account, text, &r->error)) {
		if (r->error.kind == ERR_REQUEST)
			snprintf(r->error.field, sizeof(r->error.field), "name");
		return -1;
	}
	admin_touched(r, name);
	admin_note(r, "activation code %s added", name);
	return send_text(r, name, text);
}

int api_admin_code_add(struct request *r)
{
	char text[KEY_TEXT_SIZE] = "";
	struct roster roster;
	int rc;

	if (request_json(r) || admin_stores(r))
		return -1;
	load_accounts(r, &roster);
	rc = add(r, &roster, text);
	roster_release(&roster);
	explicit_bzero(text, sizeof(text));
	return rc;
}

/* What is stored is changed, whatever became of it meanwhile: it was all checked before. */
static void apply(struct key *key, const void *context)
{
	struct error ignored = { .kind = ERR_NONE };

	read_settings(context, key, &ignored);
}

static int edit(struct request *r, const struct key *key,
		void (*change)(struct key *key, const void *context), const char *what)
{
	const struct store *keys = admin_match(r, &r->site->keys);

	if (!keys || stored(r, keys_change(keys, key->name, change, r->json, &r->error)))
		return -1;
	admin_touched(r, key->name);
	admin_note(r, "activation code %s %s", key->name, what);
	return 0;
}

static int change(struct request *r, struct roster *roster)
{
	struct account *account;
	struct key key, checked;

	if (find(r, r->rest, &key))
		return -1;
	checked = key;
	if (check_names(r->json, false, &r->error) ||
	    admin_find_accounts(r, "only_accounts", key.accounts) ||
	    read_settings(r->json, &checked, &r->error) || find_account(r, roster, &account) ||
	    edit(r, &key, apply, "changed") || give(r, account, &key))
		return -1;
	return send_code(r, &key);
}

int api_admin_code_change(struct request *r)
{
	struct roster roster;
	int rc;

	if (request_json(r) || admin_stores(r))
		return -1;
	load_accounts(r, &roster);
	rc = change(r, &roster);
	roster_release(&roster);
	return rc;
}

static void unbind(struct key *key, const void *context)
{
	(void)context;
	code_bind(&key->code, NULL);
}

/* ".../codes/NAME/reset": the next machine that is seen has it. */
int api_admin_code_reset(struct request *r)
{
	struct key key;

	if (find(r, request_segment(r), &key) || edit(r, &key, unbind, "is for the next machine"))
		return -1;
	return send_code(r, &key);
}

static int remove_code(struct request *r, struct key *key)
{
	const struct store *keys;

	if (find(r, r->rest, key) || !(keys = admin_match(r, &r->site->keys)) ||
	    stored(r, keys_remove(keys, key->name, &r->error)))
		return -1;
	admin_touched(r, key->name);
	admin_note(r, "activation code %s removed", key->name);
	return 0;
}

int api_admin_code_remove(struct request *r)
{
	struct key key;

	return remove_code(r, &key) ? -1 : admin_send_text(r, 200, "removed", key.name);
}

/* ---- the older gateway's paths ---- */

/* Its answers, but for the code, of which nobody needs more than its first characters. */
static void write_user(struct jsonw *w, const struct key *key, const struct roster *roster)
{
	const struct account *own = NULL;
	char shown[sizeof(key->prefix) + 4];

	for (size_t i = 0; i < roster->count && !own; i++) {
		if (is_own(&roster->accounts[i], key))
			own = &roster->accounts[i];
	}
	snprintf(shown, sizeof(shown), "%s...", key->prefix);
	jsonw_begin_object(w);
	jsonw_text_member(w, "activation_code", shown);
	jsonw_text_member(w, "user_name", key->name);
	jsonw_bool_member(w, "has_credentials", own != NULL);
	jsonw_date_member(w, "expires_at", own ? own->expires_at : 0);
	jsonw_date_member(w, "expires_date", key->expires_at);
	jsonw_date_member(w, "created_at", key->added_at);
	jsonw_date_member(w, "updated_at",
			  !own		      ? 0
			  : own->refreshed_at ? own->refreshed_at
					      : own->added_at);
	jsonw_end(w);
}

int api_admin_users(struct request *r)
{
	struct admin_answer a;
	struct listing l = { .w = &a.w, .write = write_user };
	int rc;

	if (admin_stores(r))
		return -1;
	admin_begin(&a);
	jsonw_begin_array(&a.w);
	rc = list(r, &l, &r->error);
	jsonw_end(&a.w);
	return admin_finish(r, rc, &a);
}

int api_admin_user_stats(struct request *r)
{
	struct listing l = { .w = NULL };
	struct admin_answer a;

	if (admin_stores(r) || list(r, &l, &r->error))
		return -1;
	admin_begin(&a);
	jsonw_begin_object(&a.w);
	jsonw_int_member(&a.w, "total_users", l.users);
	jsonw_int_member(&a.w, "with_credentials", l.with_account);
	jsonw_end(&a.w);
	return admin_send(r, 200, &a);
}

int api_admin_user(struct request *r)
{
	struct admin_answer a;
	struct roster roster;
	struct key key;

	if (find(r, r->rest, &key))
		return -1;
	load_accounts(r, &roster);
	admin_begin(&a);
	write_user(&a.w, &key, &roster);
	roster_release(&roster);
	return admin_send(r, 200, &a);
}

static int send_success(struct request *r, const char *what, const char *name)
{
	struct admin_answer a;
	char message[KEY_NAME_SIZE + 32];

	snprintf(message, sizeof(message), "%s: %s", what, name);
	admin_begin(&a);
	jsonw_begin_object(&a.w);
	jsonw_bool_member(&a.w, "success", true);
	jsonw_text_member(&a.w, "message", message);
	jsonw_text_member(&a.w, "user_name", name);
	jsonw_end(&a.w);
	return admin_send(r, 200, &a);
}

int api_admin_user_remove(struct request *r)
{
	struct key key;

	return remove_code(r, &key) ? -1 : send_success(r, "removed", key.name);
}

/* A new code is a strong one; a known one may be as it was imported. */
static int check_entry(struct request *r, const struct import *i, const struct import_plan *p)
{
	const char *why;

	if (i->count != 1 || p->code == IMPORT_VERDICTS)
		return import_verdict(p) == IMPORT_REFUSE
			       ? error_set(&r->error, ERR_REQUEST, "%s", p->reason)
			       : error_field(&r->error, "activation_code", "Field required");
	if (p->code == IMPORT_ADD &&
	    !secret_is_strong(secret_reveal(&i->entries[0].code.text), &why))
		return error_field(&r->error, "activation_code", "is too weak: it %s", why);
	return 0;
}

/* What was stored: the account, and then the code, where that went well. */
static void note_user(struct request *r, const struct import *i, const struct import_plan *p,
		      bool code)
{
	const struct import_entry *entry = &i->entries[0];
	const char *name = entry->code.key.name;
	const bool account = p->verdict == IMPORT_ADD || p->verdict == IMPORT_UPDATE;

	if (account)
		admin_touched(r, p->account ? p->account->id : entry->account.id);
	if (code) {
		admin_touched(r, name);
		admin_note(r, "activation code %s stored", name);
	} else if (account) {
		admin_note(r, "the account of %s is stored, its activation code is not", name);
	}
}

/* {"activation_code", "user_name", "credentials": {...}}: the code is made where it is new, and the
 * account is its own. */
int api_admin_user_add(struct request *r)
{
	struct import i = { .entries = NULL };
	struct import_plan *plans = NULL;
	const struct store *keys;
	struct roster roster;
	bool accounts = false;
	int rc;

	roster_init(&roster);
	rc = admin_stores(r) || import_read(&i, "request", buf_span(&r->body), &r->error) ||
	     roster_load(&roster, &r->site->tokens, &r->error);
	plans = xcalloc(i.count + 1, sizeof(*plans));
	if (!rc)
		rc = import_plan(plans, &i, &roster, &r->site->keys, &r->error) ||
		     check_entry(r, &i, &plans[0]) || !(keys = admin_match(r, &r->site->keys)) ||
		     import_carry_out(&r->site->tokens, keys, plans, &i, &accounts, &r->error);
	if (accounts)
		note_user(r, &i, plans, !rc);
	if (!rc)
		rc = send_success(r, "stored", i.entries[0].code.key.name);
	free(plans);
	roster_release(&roster);
	import_release(&i);
	return rc ? -1 : 0;
}
