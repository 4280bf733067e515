/*
 * kiroctl account list, show, remove, enable, disable.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/ctl_account.h"
#include "common/clock.h"
#include "common/roster.h"
#include "cli/table.h"
#include "common/jsonw.h"

#include <sysexits.h>

#define LINE 120 /* places of a table's line, where labels and plans can be cut to fit */

enum { LABEL_COLUMN = 1, PLAN_COLUMN };

int ctl_accounts(struct ctl *c, struct roster *r, struct error *damage, struct error *e)
{
	if (ctl_tokens(c, e))
		return -1;
	if (roster_load(r, &c->tokens, damage) && !r->count)
		return error_set(e, damage->kind, "%s", damage->message);
	return 0;
}

struct account *ctl_account_find(struct ctl *c, struct roster *r, const char *name, struct error *e)
{
	struct error damage = { 0 };
	struct account *found;

	if (ctl_accounts(c, r, &damage, e))
		return NULL;
	found = roster_find(r, name, e);
	/* A damaged record matters only if it may be the one that is meant. */
	if (!found && damage.kind)
		fprintf(stderr, "kiroctl: warning: %s\n", damage.message);
	return found;
}

struct account *ctl_account_named(struct ctl *c, struct roster *r, struct error *e)
{
	struct account *found = ctl_account_find(c, r, c->operands[0], e);

	if (found)
		ctl_touched(c, found->id);
	return found;
}

static void print_list_json(struct ctl *c, const struct roster *r)
{
	struct jsonw w;
	struct buf out;

	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	jsonw_begin_array(&w);
	for (size_t i = 0; i < r->count; i++) {
		struct facts facts;

		ctl_facts_read(c, &r->accounts[i], &facts);
		facts_write_account(&w, &r->accounts[i], &facts);
	}
	jsonw_end(&w);
	ctl_print_json(&out);
	buf_release(&out);
}

static void add_row(struct table *t, const struct account *a, const struct facts *f)
{
	char amount[CTL_FACT_SIZE], percent[CTL_FACT_SIZE], reset[CTL_FACT_SIZE];
	char used[CTL_FACT_SIZE], refresh[CTL_FACT_SIZE], state[CTL_FACT_SIZE];
	const char *cells[] = {
		a->id,
		a->label,
		f->usage.plan,
		ctl_facts_amount(f, amount),
		ctl_facts_percent(f, percent),
		ctl_facts_reset(f, reset),
		ctl_facts_used(f, used),
		ctl_facts_refresh(f, refresh),
		ctl_facts_state(a, f, state),
	};

	table_add(t, cells);
}

/* Why it is in its state, and why its numbers are old: a line each, below the table. */
static void print_reasons(const struct account *a, const struct facts *f)
{
	char date[CLOCK_TEXT_SIZE];

	if (a->state_reason) {
		printf("%s is %s%s%s: ", a->id, account_state_names[a->state],
		       a->state_until ? " until " : "",
		       ctl_date(a->state_until, "", date, sizeof(date)));
		ctl_print_clean(stdout, a->state_reason);
		puts(a->state == STATE_INVALID ? " (log in again with kiroctl login)" : "");
	}
	if (f->rest_until)
		printf("%s rests until %s: %s\n", a->id,
		       ctl_date(f->rest_until, "", date, sizeof(date)), f->rest_why);
	if (*f->usage.failure) {
		printf("%s: usage known as of %s: ", a->id,
		       ctl_date(f->usage.read_at, "never", date, sizeof(date)));
		ctl_print_clean(stdout, f->usage.failure);
		putchar('\n');
	}
}

static void print_list(struct ctl *c, const struct roster *r)
{
	static const char *const heads[] = { "ACCOUNT", "LABEL",    "PLAN",    "USED/LIMIT", "%",
					     "RESET",	"LAST USE", "REFRESH", "STATE" };
	struct facts *facts = xcalloc(r->count, sizeof(*facts));
	struct table t;

	table_init(&t, heads, ARRAY_SIZE(heads));
	for (size_t i = 0; i < r->count; i++) {
		ctl_facts_read(c, &r->accounts[i], &facts[i]);
		add_row(&t, &r->accounts[i], &facts[i]);
	}
	table_fit(&t, LABEL_COLUMN, 10, LINE);
	table_fit(&t, PLAN_COLUMN, 8, LINE);
	table_print(&t, stdout);
	table_release(&t);
	for (size_t i = 0; i < r->count; i++)
		print_reasons(&r->accounts[i], &facts[i]);
	free(facts);
}

int ctl_account_list(struct ctl *c, struct error *e)
{
	struct roster r;
	int rc;

	roster_init(&r);
	if (ctl_tokens(c, e))
		return -1;
	rc = roster_load(&r, &c->tokens, e);
	if (c->json)
		print_list_json(c, &r);
	else if (r.count)
		print_list(c, &r);
	else if (!rc)
		fputs("kiroctl: no accounts yet: kiroctl account import FILE\n", stderr);
	roster_release(&r);
	return rc;
}

/* One "name  value" line a member of the JSON form, "outer.name" for those of an object in it: the
 * two cannot differ. */
static void print_members(const cJSON *tree, const char *outer)
{
	const cJSON *item;
	size_t index = 0;

	cJSON_ArrayForEach (item, tree) {
		char name[96], number[24];

		snprintf(number, sizeof(number), "%zu", index++);
		snprintf(name, sizeof(name), "%s%s%s", outer, *outer ? "." : "",
			 item->string ? item->string : number);
		if (cJSON_IsArray(item) || cJSON_IsObject(item))
			print_members(item, name);
		if (!cJSON_IsString(item) && !cJSON_IsNumber(item) && !cJSON_IsBool(item))
			continue;
		printf("%-22s ", name);
		if (cJSON_IsString(item))
			ctl_print_clean(stdout, item->valuestring);
		else if (cJSON_IsNumber(item))
			printf("%.15g", item->valuedouble);
		else
			fputs(cJSON_IsTrue(item) ? "yes" : "no", stdout);
		putchar('\n');
	}
}

int ctl_account_show(struct ctl *c, struct error *e)
{
	struct facts facts;
	struct account *a;
	struct roster r;
	struct jsonw w;
	struct buf out;
	cJSON *tree;

	roster_init(&r);
	buf_init(&out, CTL_OUTPUT);
	a = ctl_account_named(c, &r, e);
	if (a) {
		jsonw_init(&w, &out);
		ctl_facts_read(c, a, &facts);
		facts_write_account(&w, a, &facts);
		tree = cJSON_Parse(out.at);
		if (c->json)
			ctl_print_json(&out);
		else
			print_members(tree, "");
		cJSON_Delete(tree);
	}
	buf_release(&out);
	roster_release(&r);
	return a ? 0 : -1;
}

int ctl_account_remove(struct ctl *c, struct error *e)
{
	struct account *a;
	struct roster r;
	int rc = -1;

	roster_init(&r);
	a = ctl_account_named(c, &r, e);
	if (a && !ctl_value(c, "yes")) {
		rc = ctl_usage(c, "%s (%s): its tokens cannot be had back; say --yes to remove it",
			       a->id, account_kind_names[a->kind]);
	} else if (a) {
		rc = roster_remove(&c->tokens, a->id, e);
		if (rc >= 0)
			ctl_print_result(c, a->id, "removed");
	}
	roster_release(&r);
	return rc < 0 ? -1 : rc == EX_USAGE ? rc : 0;
}

static int change_named(struct ctl *c,
			int (*change)(const struct store *, struct account *, struct error *),
			struct error *e)
{
	struct account *a;
	struct roster r;
	int rc = -1;

	roster_init(&r);
	a = ctl_account_named(c, &r, e);
	if (a) {
		rc = change(&c->tokens, a, e);
		if (!rc)
			ctl_print_result(c, a->id, account_state_names[a->state]);
	}
	roster_release(&r);
	return rc;
}

int ctl_account_enable(struct ctl *c, struct error *e)
{
	return change_named(c, roster_enable, e);
}

int ctl_account_disable(struct ctl *c, struct error *e)
{
	return change_named(c, roster_disable, e);
}
