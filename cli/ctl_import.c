/*
 * kiroctl account import: first what would be done with each entry, then, with --yes, that.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/import_database.h"
#include "common/import_plan.h"
#include "common/roster.h"
#include "cli/table.h"
#include "common/jsonw.h"
#include "common/limits.h"

#include <sysexits.h>

static int carry_out(struct ctl *c, struct import_plan *plans, struct import *i, struct error *e)
{
	bool accounts;
	int rc = import_carry_out(&c->tokens, &c->keys, plans, i, &accounts, e);

	for (size_t n = 0; n < i->count && accounts; n++) {
		if (plans[n].verdict == IMPORT_ADD)
			ctl_touched(c, i->entries[n].account.id);
		else if (plans[n].verdict == IMPORT_UPDATE)
			ctl_touched(c, plans[n].account->id);
		if (plans[n].code <= IMPORT_UPDATE && !rc)
			ctl_touched(c, i->entries[n].code.key.name);
	}
	if (!rc)
		return 0;
	fprintf(stderr, "kiroctl: %s\n",
		accounts ? "the accounts are stored and stay unchanged when this is run again, the "
			   "activation codes are not"
			 : "nothing was stored");
	return -1;
}

static void print_table(const struct import_plan *plans, const struct import *i, bool done)
{
	static const char *const heads[] = { "SOURCE",	 "ENTRY",      "ACCOUNT", "KIND",
					     "PROVIDER", "CREDENTIAL", "WHAT",	  "WHY" };
	struct table t;

	table_init(&t, heads, ARRAY_SIZE(heads));
	for (size_t n = 0; n < i->count; n++) {
		const struct import_entry *entry = &i->entries[n];
		const struct account *a = &entry->account;
		char index[24], name[256], mask[SECRET_MASK_SIZE];
		const char *cells[] = {
			entry->source,
			index,
			import_name(entry, name, sizeof(name)),
			import_kind(entry),
			a->provider,
			import_credential_mask(entry, mask),
			(done ? import_did : import_would)[import_verdict(&plans[n])],
			plans[n].reason,
		};

		snprintf(index, sizeof(index), "%zu", entry->index);
		table_add(&t, cells);
	}
	table_print(&t, stdout);
	table_release(&t);
}

static void print_summary(const size_t counts[IMPORT_VERDICTS], const struct import *i, bool done)
{
	putchar('\n');
	for (size_t n = 0; n < i->count; n++) {
		const struct import_entry *entry = &i->entries[n];

		if (entry->index > 1)
			continue;
		ctl_print_clean(stdout, entry->source);
		printf(" was understood as: %s\n", entry->format);
	}
	printf("%zu %s, %zu %s, %zu unchanged, %zu refused.\n", counts[IMPORT_ADD],
	       done ? "added" : "to add", counts[IMPORT_UPDATE], done ? "updated" : "to update",
	       counts[IMPORT_KEEP], counts[IMPORT_REFUSE]);
	if (!done)
		puts("Nothing was stored: say --yes to do it.");
}

static void print_json(const struct import_plan *plans, const struct import *i, bool done)
{
	struct jsonw w;
	struct buf out;

	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	import_plan_write(&w, plans, i, done);
	ctl_print_json(&out);
	buf_release(&out);
}

/* Exit code: 0, or EX_DATAERR when an entry was refused. */
static int report(const struct ctl *c, const struct import_plan *plans, const struct import *i,
		  bool done)
{
	size_t counts[IMPORT_VERDICTS] = { 0 };

	for (size_t n = 0; n < i->count; n++)
		counts[import_verdict(&plans[n])]++;
	if (c->json) {
		print_json(plans, i, done);
	} else {
		print_table(plans, i, done);
		print_summary(counts, i, done);
	}
	return counts[IMPORT_REFUSE] ? EX_DATAERR : 0;
}

/* A dry run may come before there is a state directory. */
static int load_roster(struct ctl *c, struct roster *r, bool store, struct error *e)
{
	struct error missing = { 0 };

	if (store)
		return ctl_create(c, e) || ctl_tokens(c, e) || ctl_keys(c, e) ||
				       roster_load(r, &c->tokens, e)
			       ? -1
			       : 0;
	if (ctl_config(c, e))
		return -1;
	if (access(c->config->state_dir, F_OK) && errno == ENOENT)
		return 0;
	if (ctl_tokens(c, &missing) || ctl_keys(c, &missing)) {
		fprintf(stderr, "kiroctl: warning: %s\n", missing.message);
		return 0;
	}
	return roster_load(r, &c->tokens, e);
}

/* Two users of one login lock each other out: whoever renews first has the only good token. */
static void warn_of_sharing(const struct import *i)
{
	bool shared = false;

	for (size_t n = 0; n < i->count; n++)
		shared |= i->entries[n].shared && !i->entries[n].refused[0];
	if (shared)
		fputs("kiroctl: warning: this login is also the one of the program that it was "
		      "taken "
		      "from. A refresh\n"
		      "token is good once: when both go on, one of them will have to log in again. "
		      "Do "
		      "not use it there\n"
		      "any more, or get a login of its own with kiroctl login (builder-id, google, "
		      "github, idc).\n",
		      stderr);
}

static int process(struct ctl *c, struct import *i, bool store, struct error *e)
{
	struct import_plan *plans = xcalloc(i->count, sizeof(*plans));
	struct roster r;
	int rc;

	warn_of_sharing(i);
	roster_init(&r);
	rc = load_roster(c, &r, store, e);
	if (!rc)
		rc = import_plan(plans, i, &r, c->keys.path ? &c->keys : NULL, e);
	if (!rc && store)
		rc = carry_out(c, plans, i, e);
	if (!rc)
		rc = report(c, plans, i, store);
	roster_release(&r);
	free(plans);
	return rc;
}

/* The folder of the imported file, for the Kiro IDE's client registrations beside it. */
static int read_beside(void *context, const char *hash, struct buf *text)
{
	const char *file = context, *slash = strrchr(file, '/');
	char path[LIMIT_URL];
	int len;

	len = snprintf(path, sizeof(path), "%.*s%s.json", slash ? (int)(slash + 1 - file) : 0, file,
		       hash);
	return len < 0 || (size_t)len >= sizeof(path) ? -1 : buf_read_file(text, path);
}

static bool is_database(const char *path)
{
	struct span beginning = { .len = 0 };
	char bytes[32];
	FILE *f = strcmp(path, "-") == 0 ? NULL : fopen(path, "re");

	if (f) {
		beginning = (struct span){ bytes, fread(bytes, 1, sizeof(bytes), f) };
		fclose(f);
	}
	return import_is_database(beginning);
}

static int read_file(struct ctl *c, struct import *i, const char *source, const char *path,
		     struct error *e)
{
	struct buf text;
	int rc;

	if (is_database(path))
		return import_database(i, source, path, e);
	buf_init(&text, LIMIT_IMPORT_FILE);
	i->registration = strcmp(path, "-") == 0 ? NULL : read_beside;
	i->context = (void *)(uintptr_t)path;
	rc = ctl_read(c, path, &text, e);
	if (!rc)
		rc = import_read(i, source, buf_span(&text), e);
	buf_wipe(&text);
	return rc;
}

/* KIRO_AUTH_TOKEN is JSON, or the path of a file with it. */
static int read_auth_token(struct ctl *c, struct import *i, struct error *e)
{
	static const char name[] = "KIRO_AUTH_TOKEN";
	const char *value = getenv(name), *file = getenv("KIRO_AUTH_TOKEN_FILE");

	if (value && strchr("[{", value[strspn(value, " \t\r\n")]) && *value)
		return import_read(i, name, span_of(value), e);
	if (value && *value)
		return read_file(c, i, name, value, e);
	return file && *file ? read_file(c, i, "KIRO_AUTH_TOKEN_FILE", file, e) : 0;
}

static void write_login(struct jsonw *w, const char *method, struct span token)
{
	jsonw_begin_object(w);
	jsonw_text_member(w, "auth", method);
	jsonw_key(w, "refreshToken");
	jsonw_span(w, token);
}

/* AWS_REFRESHTOKEN: refresh tokens of social logins, separated by commas. */
static void write_social(struct jsonw *w, const char *tokens)
{
	while (*tokens) {
		struct span token = { tokens, strcspn(tokens, ",") };

		tokens += token.len + (tokens[token.len] == ',');
		if (strspn(token.at, " \t\r\n") < token.len) {
			write_login(w, "social", token);
			jsonw_end(w);
		}
	}
}

/* IDC_REFRESH_TOKEN, IDC_CLIENT_ID, IDC_CLIENT_SECRET: one IdC login. */
static void write_idc(struct jsonw *w, const char *token)
{
	write_login(w, "idc", span_of(token));
	jsonw_text_member(w, "clientId", getenv("IDC_CLIENT_ID"));
	jsonw_text_member(w, "clientSecret", getenv("IDC_CLIENT_SECRET"));
	jsonw_end(w);
}

static int read_variable(struct import *i, const char *name,
			 void (*write)(struct jsonw *w, const char *value), struct error *e)
{
	const char *value = getenv(name);
	struct jsonw w;
	struct buf json;
	int rc;

	if (!value || !*value)
		return 0;
	buf_init(&json, LIMIT_IMPORT_FILE);
	jsonw_init(&w, &json);
	jsonw_begin_array(&w);
	write(&w, value);
	jsonw_end(&w);
	rc = import_read(i, name, buf_span(&json), e);
	buf_wipe(&json);
	return rc;
}

static int read_environment(struct ctl *c, struct import *i, struct error *e)
{
	const char *method = getenv("AUTH_METHOD"), *provider;
	enum account_kind kind;

	if (method && *method && import_method(method, &kind, &provider))
		return error_set(e, ERR_REQUEST, "AUTH_METHOD: unknown method \"%.40s\"", method);
	if (read_auth_token(c, i, e) || read_variable(i, "AWS_REFRESHTOKEN", write_social, e) ||
	    read_variable(i, "IDC_REFRESH_TOKEN", write_idc, e))
		return -1;
	if (!i->count)
		return error_set(e, ERR_REQUEST,
				 "the environment has none of KIRO_AUTH_TOKEN, "
				 "KIRO_AUTH_TOKEN_FILE, AWS_REFRESHTOKEN and "
				 "IDC_REFRESH_TOKEN");
	return 0;
}

int ctl_import(struct ctl *c, const char *file, bool store, bool share, struct error *e)
{
	const char *slash = file ? strrchr(file, '/') : NULL;
	struct import i = { .share = share };
	int rc;

	if (file)
		rc = read_file(c, &i, slash ? slash + 1 : file, file, e);
	else
		rc = read_environment(c, &i, e);
	if (!rc)
		rc = process(c, &i, store, e);
	import_release(&i);
	return rc;
}

int ctl_account_import(struct ctl *c, struct error *e)
{
	const char *file = c->operand_count ? c->operands[0] : NULL;

	if (!file == !ctl_value(c, "env"))
		return ctl_usage(c, "account import: give a file (- for standard input), or --env");
	return ctl_import(c, file, ctl_value(c, "yes") || ctl_value(c, "apply"),
			  ctl_value(c, "share"), e);
}
