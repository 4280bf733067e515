/*
 * The audit log: which commands change what, and the commands that read it.
 */
#include "common/base.h"
#include "cli/ctl_audit.h"

#include "cli/table.h"
#include "common/audit.h"
#include "common/json.h"
#include "common/jsonw.h"

#include <pwd.h>
#include <sysexits.h>

/* Every command that changes something, or hands out secrets. Where it needs an option for that,
 * its other runs only look. */
static const struct change {
	const char *words, *action, *options[2];
} changes[] = {
	{ "init", "state.init", { NULL, NULL } },
	{ "login", "account.login", { NULL, NULL } },
	{ "account add", "account.add", { NULL, NULL } },
	{ "account import", "account.import", { "yes", "apply" } },
	{ "account set", "account.set", { NULL, NULL } },
	{ "account remove", "account.remove", { "yes", NULL } },
	{ "account enable", "account.enable", { NULL, NULL } },
	{ "account disable", "account.disable", { NULL, NULL } },
	{ "account refresh", "account.refresh", { NULL, NULL } },
	{ "key add", "key.add", { NULL, NULL } },
	{ "key set", "key.set", { NULL, NULL } },
	{ "key rotate", "key.rotate", { NULL, NULL } },
	{ "key revoke", "key.revoke", { NULL, NULL } },
	{ "key remove", "key.remove", { NULL, NULL } },
	{ "code add", "code.add", { NULL, NULL } },
	{ "code set", "code.set", { NULL, NULL } },
	{ "code reset", "code.reset", { NULL, NULL } },
	{ "code rotate", "code.rotate", { NULL, NULL } },
	{ "code revoke", "code.revoke", { NULL, NULL } },
	{ "code remove", "code.remove", { NULL, NULL } },
	{ "models add", "alias.set", { NULL, NULL } },
	{ "models remove", "alias.remove", { NULL, NULL } },
	{ "model alias", "alias.set", { NULL, NULL } },
	{ "capture start", "capture.start", { NULL, NULL } },
	{ "capture stop", "capture.stop", { NULL, NULL } },
	{ "backup", "state.backup", { NULL, NULL } },
	{ "restore", "state.restore", { "yes", NULL } },
	{ "export", "state.export", { "secrets", NULL } },
	{ "import-state", "state.import", { "yes", NULL } },
	{ "repair", "state.repair", { "yes", NULL } },
	{ "rekey", "state.rekey", { NULL, NULL } },
	{ "admin passwd", "password.set", { NULL, NULL } },
	{ "admin off", "password.remove", { NULL, NULL } },
};

/* NULL: this run changes nothing. */
static const struct change *change_of(const struct ctl *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		const struct change *k = &changes[i];

		if (strcmp(k->words, c->command->words) != 0)
			continue;
		if (!k->options[0] || ctl_value(c, k->options[0]) ||
		    (k->options[1] && ctl_value(c, k->options[1])))
			return k;
	}
	return NULL;
}

void ctl_touched(struct ctl *c, const char *name)
{
	size_t len = strlen(c->touched);

	snprintf(c->touched + len, sizeof(c->touched) - len, "%s%s", len ? "," : "", name);
}

static void name_person(char *out, size_t size)
{
	const struct passwd *user = getpwuid(getuid());
	const char *sudo = getenv("SUDO_USER");

	snprintf(out, size, "uid %u (%s)%s%.64s", (unsigned)getuid(),
		 user && user->pw_name ? user->pw_name : "?", sudo ? ", by sudo of " : "",
		 sudo ? sudo : "");
}

static void name_place(char *out, size_t size)
{
	const char *ssh = getenv("SSH_CONNECTION"), *terminal = ttyname(STDIN_FILENO);

	if (ssh && *ssh)
		snprintf(out, size, "ssh %.*s", (int)strcspn(ssh, " "), ssh);
	else
		snprintf(out, size, "%s", terminal ? terminal : "no terminal");
}

/* The operands and the names of the options; their values may be of any kind. */
static void describe(const struct ctl *c, struct buf *out)
{
	for (size_t i = 0; i < c->operand_count; i++)
		buf_add_format(out, "%s%.100s", out->len ? " " : "", c->operands[i]);
	for (size_t i = 0; c->command->options && c->command->options[i].name; i++) {
		if (c->values[i])
			buf_add_format(out, "%s--%s", out->len ? " " : "",
				       c->command->options[i].name);
	}
}

static void describe_end(int rc, const struct error *failure, char *out, size_t size)
{
	if (rc < 0)
		snprintf(out, size, "failed: %s", failure->message);
	else if (rc) /* some of it was done: of several accounts one is refused */
		snprintf(out, size, "exit code %d", rc);
	else
		snprintf(out, size, "ok");
}

/* The line of this run; result NULL: it is about to begin. */
static int note(struct ctl *c, const struct change *change, const char *result, struct error *e)
{
	char who[160], from[160];
	struct audit_entry entry = { .who = who, .from = from, .action = change->action };
	struct buf detail;
	int rc;

	name_person(who, sizeof(who));
	name_place(from, sizeof(from));
	buf_init(&detail, LIMIT_ERROR_TEXT);
	describe(c, &detail);
	entry.target = *c->touched ? c->touched : c->operands[0];
	entry.detail = detail.len ? detail.at : NULL;
	entry.result = result;
	entry.begun = c->announced;
	rc = result ? audit_write(c->config->state_dir, &entry, e)
		    : audit_begin(c->config->state_dir, &entry, &c->announced, e);
	buf_release(&detail);
	return rc;
}

int ctl_audit_begin(struct ctl *c, struct error *e)
{
	const struct change *change = change_of(c);

	if (!change)
		return 0;
	if (ctl_config(c, e))
		return -1;
	return access(c->config->state_dir, F_OK) ? 0 : note(c, change, NULL, e);
}

int ctl_audit_note(struct ctl *c, int rc, const struct error *failure, struct error *e)
{
	const struct change *change = change_of(c);
	char result[LIMIT_ERROR_TEXT + 16];

	if (!change || !c->config || access(c->config->state_dir, F_OK))
		return 0;
	describe_end(rc, failure, result, sizeof(result));
	return note(c, change, result, e);
}

/* ---- reading it ---- */

struct listing {
	struct table table;
	struct jsonw w;
	struct buf out;
	bool json;
	int64_t *unfinished; /* numbers of lines */
	size_t unfinished_count;
};

/* An announcement whose outcome has a line of its own says nothing more. */
static bool is_settled(const struct listing *l, const cJSON *line)
{
	int64_t number = (int64_t)json_number_or(line, "seq", 0);

	if (strcmp(json_text_or(line, "result", ""), AUDIT_BEGUN) != 0)
		return false;
	for (size_t i = 0; i < l->unfinished_count; i++) {
		if (l->unfinished[i] == number)
			return false;
	}
	return true;
}

static int list_line(void *context, const cJSON *line)
{
	struct listing *l = context;
	const char *cells[] = {
		json_text_or(line, "time", "?"),   json_text_or(line, "who", "-"),
		json_text_or(line, "from", "-"),   json_text_or(line, "action", "?"),
		json_text_or(line, "target", "-"), json_text_or(line, "result", "?")
	};

	if (l->json) {
		jsonw_tree(&l->w, line);
		/* The log may be longer than any buffer. */
		fwrite(l->out.at, 1, l->out.len, stdout);
		buf_reset(&l->out);
	} else if (!is_settled(l, line)) {
		table_add(&l->table, cells);
	}
	return 0;
}

static int is_wrong(const struct audit_sum *sum)
{
	if (!sum->bad_line)
		return 0;
	fprintf(stderr, "kiroctl: audit.log: line %zu: %s\n", sum->bad_line, sum->why);
	return EX_DATAERR;
}

int ctl_audit_show(struct ctl *c, struct error *e)
{
	static const char *const heads[] = { "TIME", "WHO", "FROM", "ACTION", "TARGET", "RESULT" };
	struct listing l = { .json = c->json };
	struct audit_sum sum;
	int rc;

	if (ctl_config(c, e) ||
	    audit_unfinished(c->config->state_dir, &l.unfinished, &l.unfinished_count, e))
		return -1;
	table_init(&l.table, heads, ARRAY_SIZE(heads));
	buf_init(&l.out, CTL_OUTPUT);
	jsonw_init(&l.w, &l.out);
	jsonw_begin_array(&l.w);
	rc = audit_read(c->config->state_dir, list_line, &l, &sum, e);
	jsonw_end(&l.w);
	if (!rc && c->json)
		ctl_print_json(&l.out);
	else if (!rc)
		table_print(&l.table, stdout);
	buf_release(&l.out);
	table_release(&l.table);
	free(l.unfinished);
	return rc ? rc : is_wrong(&sum);
}

static void print_sum(const struct audit_sum *sum)
{
	struct jsonw w;
	struct buf out;

	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	jsonw_begin_object(&w);
	jsonw_bool_member(&w, "ok", !sum->bad_line);
	jsonw_int_member(&w, "lines", (int64_t)sum->lines);
	jsonw_int_member(&w, "torn", (int64_t)sum->torn);
	jsonw_int_member(&w, "open", (int64_t)sum->open);
	jsonw_int_member(&w, "bad_line", (int64_t)sum->bad_line);
	jsonw_text_member(&w, "why", sum->bad_line ? sum->why : NULL);
	jsonw_text_member(&w, "last", sum->last);
	jsonw_end(&w);
	ctl_print_json(&out);
	buf_release(&out);
}

int ctl_audit_verify(struct ctl *c, struct error *e)
{
	struct audit_sum sum;

	if (ctl_config(c, e) || audit_read(c->config->state_dir, NULL, NULL, &sum, e))
		return -1;
	if (c->json)
		print_sum(&sum);
	else if (!sum.bad_line)
		printf("%zu lines%s, each follows the one before it; the last is %s\n", sum.lines,
		       sum.torn ? ", some cut off by a crash" : "", sum.last);
	if (!c->json && !sum.bad_line && sum.open)
		printf("%zu of them announce a change that has no outcome: cut off by a crash, or "
		       "going on now\n",
		       sum.open);
	return is_wrong(&sum);
}
