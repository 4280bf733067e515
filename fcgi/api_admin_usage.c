/*
 * What accounts have left, and what was used of late (?days=30): by day, key, account and model.
 */
#include "common/base.h"
#include "fcgi/api.h"

#include "common/clock.h"
#include "common/facts.h"
#include "common/tally.h"
#include "fcgi/admin.h"

#define DAYS   30 /* where the request does not say how many */
#define MOST   3660
#define GROUPS 512 /* of one kind; what comes after is in "(other)" */

enum kind { BY_DAY, BY_KEY, BY_ACCOUNT, BY_MODEL, KINDS };
static const char *const kind_names[KINDS] = { "days", "keys", "accounts_used", "models" };

struct group {
	char name[96];
	int64_t counts[TALLY_COUNTS];
};

struct groups {
	struct group *at[KINDS];
	size_t count[KINDS];
};

static struct group *group_of(struct groups *g, enum kind kind, const char *name)
{
	struct group *list = g->at[kind];
	size_t *count = &g->count[kind];

	for (size_t i = 0; i < *count; i++) {
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	}
	if (*count == GROUPS)
		return &list[GROUPS - 1];
	g->at[kind] = xrealloc(list, (*count + 1) * sizeof(*list));
	g->at[kind][*count] = (struct group){ .name = "" };
	snprintf(g->at[kind][*count].name, sizeof(list->name), "%s",
		 *count == GROUPS - 1 ? "(other)" : name);
	return &g->at[kind][(*count)++];
}

static int add_row(void *context, const struct tally_row *row)
{
	char day[24];
	const char *const names[KINDS] = { day, row->key, row->account, row->model };

	snprintf(day, sizeof(day), "%04d-%02d-%02d", row->day / 10000, row->day / 100 % 100,
		 row->day % 100);
	for (int kind = 0; kind < KINDS; kind++) {
		struct group *group = group_of(context, (enum kind)kind, names[kind]);

		for (int i = 0; i < TALLY_COUNTS; i++)
			group->counts[i] += row->counts[i];
	}
	return 0;
}

static void write_group(struct jsonw *w, const struct group *group)
{
	jsonw_begin_object(w);
	jsonw_text_member(w, "name", group->name);
	for (int i = 0; i < TALLY_COUNTS; i++) {
		jsonw_key(w, tally_count_names[i]);
		if (i == TALLY_CREDITS)
			jsonw_double(w, (double)group->counts[i] / KEY_CREDIT);
		else
			jsonw_int(w, group->counts[i]);
	}
	jsonw_end(w);
}

static void write_groups(struct jsonw *w, const struct groups *g)
{
	for (int kind = 0; kind < KINDS; kind++) {
		jsonw_begin_array_member(w, kind_names[kind]);
		for (size_t i = 0; i < g->count[kind]; i++)
			write_group(w, &g->at[kind][i]);
		jsonw_end(w);
	}
}

static void write_accounts(struct request *r, struct jsonw *w, struct error *damage)
{
	struct roster roster;

	roster_init(&roster);
	roster_load(&roster, &r->site->tokens, damage);
	jsonw_begin_array_member(w, "accounts");
	for (size_t i = 0; i < roster.count; i++)
		facts_write_usage(w, &r->site->tokens, &roster.accounts[i],
				  r->site->config->usage_interval);
	jsonw_end(w);
	roster_release(&roster);
}

int admin_days(struct request *r, int *days)
{
	const char *text = request_query(r, "days");
	char *end;
	long number = text ? strtol(text, &end, 10) : DAYS;

	if (number < 1 || number > MOST || (text && *end))
		return error_field(&r->error, "days", "is no number from 1 to %d", MOST);
	*days = (int)number;
	return 0;
}

int api_admin_usage(struct request *r)
{
	int64_t now = clock_wall();
	struct error damage = { .kind = ERR_NONE };
	struct groups groups = { .count = { 0 } };
	struct admin_answer a;
	int days;

	if (admin_days(r, &days) || admin_stores(r))
		return -1;
	tally_each(r->site->config, tally_day(now - (int64_t)(days - 1) * 86400), tally_day(now),
		   add_row, &groups, &damage);
	admin_begin(&a);
	jsonw_begin_object(&a.w);
	write_accounts(r, &a.w, &damage);
	write_groups(&a.w, &groups);
	jsonw_text_member(&a.w, "damage", damage.kind ? damage.message : NULL);
	jsonw_end(&a.w);
	for (int kind = 0; kind < KINDS; kind++)
		free(groups.at[kind]);
	return admin_send(r, 200, &a);
}
