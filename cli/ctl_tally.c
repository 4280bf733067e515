/*
 * kiroctl usage: what was used, by key, account, model or day.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/table.h"
#include "common/clock.h"
#include "common/csv.h"
#include "common/jsonw.h"
#include "common/tally.h"

#define BAR_PLACES 24

enum by { BY_KEY, BY_ACCOUNT, BY_MODEL, BY_DAY, BYS };
static const char *const by_names[BYS] = { "key", "account", "model", "day" };

struct group {
	char name[96], id[KEY_ID_SIZE]; /* id: of a key */
	int64_t counts[TALLY_COUNTS];
};

struct groups {
	enum by by;
	const char *key; /* only this one's; NULL: all */
	int first, last;
	struct group *at;
	size_t count, room;
};

/* ---- collecting ---- */

static void name_group(const struct groups *g, const struct tally_row *row, struct group *out)
{
	char day[16];

	*out = (struct group){ .name = "" };
	snprintf(day, sizeof(day), "%04d-%02d-%02d", row->day / 10000, row->day / 100 % 100,
		 row->day % 100);
	snprintf(out->name, sizeof(out->name), "%s",
		 (const char *[]){ row->key, row->account, row->model, day }[g->by]);
	if (g->by == BY_KEY)
		snprintf(out->id, sizeof(out->id), "%s", row->key_id);
}

static struct group *group_of(struct groups *g, const struct tally_row *row)
{
	struct group wanted;

	name_group(g, row, &wanted);
	for (size_t i = 0; i < g->count; i++) {
		if (strcmp(g->at[i].name, wanted.name) == 0 && strcmp(g->at[i].id, wanted.id) == 0)
			return &g->at[i];
	}
	if (g->count == g->room) {
		g->room = g->room ? 2 * g->room : 64;
		g->at = xrealloc(g->at, g->room * sizeof(*g->at));
	}
	g->at[g->count] = wanted;
	return &g->at[g->count++];
}

static int add_row(void *context, const struct tally_row *row)
{
	struct groups *g = context;
	struct group *group;

	if (g->key && strcmp(g->key, row->key) != 0)
		return 0;
	group = group_of(g, row);
	for (int i = 0; i < TALLY_COUNTS; i++)
		group->counts[i] += row->counts[i];
	return 0;
}

/* Days in their order, all else by what was used most. */
static int by_name(const void *left, const void *right)
{
	return strcmp(((const struct group *)left)->name, ((const struct group *)right)->name);
}

static int64_t tokens_of(const struct group *group)
{
	int64_t measures[KEY_MEASURES];

	tally_measures(group->counts, measures);
	return measures[MEASURE_TOKENS];
}

static int by_tokens(const void *left, const void *right)
{
	int64_t a = tokens_of(left), b = tokens_of(right);

	return a != b ? (a < b ? 1 : -1) : by_name(left, right);
}

/* ---- the command line ---- */

static int read_day(struct ctl *c, const char *option, int otherwise, int *out, struct error *e)
{
	const char *text = ctl_value(c, option), *rest;
	struct tm tm = { 0 };

	*out = otherwise;
	if (!text)
		return 0;
	rest = strptime(text, "%Y-%m-%d", &tm);
	if (!rest || *rest)
		return error_set(e, ERR_REQUEST, "--%s: %.40s: must be a day as 2026-11-21", option,
				 text);
	*out = (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
	return 0;
}

static int read_options(struct ctl *c, struct groups *g, struct error *e)
{
	const char *by = ctl_value(c, "by");
	const int today = tally_day(clock_wall());
	int index = by ? key_name_index(by_names, BYS, by) : BY_KEY;

	if (index < 0)
		return error_set(e, ERR_REQUEST, "--by: %.40s: must be key, account, model or day",
				 by);
	g->by = (enum by)index;
	g->key = ctl_value(c, "key");
	if (read_day(c, "from", today / 100 * 100 + 1, &g->first, e) ||
	    read_day(c, "to", today, &g->last, e))
		return -1;
	return g->first <= g->last ? 0 : error_set(e, ERR_REQUEST, "--from is later than --to");
}

/* ---- output ---- */

static double amount(const struct group *group, int count)
{
	double value = (double)group->counts[count];

	return count == TALLY_CREDITS ? value / KEY_CREDIT : value;
}

static void print_json(const struct groups *g)
{
	struct jsonw w;
	struct buf out;

	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	jsonw_begin_array(&w);
	for (size_t i = 0; i < g->count; i++) {
		jsonw_begin_object(&w);
		jsonw_text_member(&w, by_names[g->by], g->at[i].name);
		if (g->by == BY_KEY)
			jsonw_text_member(&w, "key_id", g->at[i].id);
		for (int k = 0; k < TALLY_COUNTS; k++) {
			jsonw_key(&w, tally_count_names[k]);
			jsonw_double(&w, amount(&g->at[i], k));
		}
		jsonw_end(&w);
	}
	jsonw_end(&w);
	ctl_print_json(&out);
	buf_release(&out);
}

static void print_csv(const struct groups *g)
{
	struct buf name;

	buf_init(&name, CTL_OUTPUT);
	printf("%s", by_names[g->by]);
	for (int k = 0; k < TALLY_COUNTS; k++)
		printf(",%s", tally_count_names[k]);
	putchar('\n');
	for (size_t i = 0; i < g->count; i++) {
		buf_reset(&name);
		csv_cell(&name, g->at[i].name);
		ctl_print_clean(stdout, name.at);
		for (int k = 0; k < TALLY_COUNTS; k++)
			printf(",%.15g", amount(&g->at[i], k));
		putchar('\n');
	}
	buf_release(&name);
}

static const char *bar(int64_t part, int64_t most, char out[static BAR_PLACES + 1])
{
	int places = most > 0 ? (int)(part * BAR_PLACES / most) : 0;

	if (!places && part > 0)
		places = 1;
	memset(out, '#', (size_t)places);
	out[places] = '\0';
	return out;
}

#define CELL 32

/* Sums of tokens in which estimates are. */
static const char *estimate_mark(const struct group *group, int count)
{
	bool tokens = count >= TALLY_INPUT && count <= TALLY_CACHE_WRITE;

	return tokens && group->counts[TALLY_ESTIMATED] && group->counts[count] ? "~" : "";
}

static void print_table(const struct groups *g)
{
	const char *heads[TALLY_COUNTS + 2] = {
		by_names[g->by], "REQUESTS",   "ERRORS",      "ESTIMATED", "INPUT",
		"OUTPUT",	 "CACHE READ", "CACHE WRITE", "CREDITS",   "TOKENS",
	};
	int64_t most = 0;
	struct table t;

	for (size_t i = 0; i < g->count; i++)
		most = tokens_of(&g->at[i]) > most ? tokens_of(&g->at[i]) : most;
	table_init(&t, heads, ARRAY_SIZE(heads));
	for (size_t i = 0; i < g->count; i++) {
		char texts[TALLY_COUNTS][CELL], chart[BAR_PLACES + 1];
		const char *cells[TALLY_COUNTS + 2] = { g->at[i].name };

		for (int k = 0; k < TALLY_COUNTS; k++) {
			snprintf(texts[k], CELL, "%s%.10g", estimate_mark(&g->at[i], k),
				 amount(&g->at[i], k));
			cells[k + 1] = texts[k];
		}
		cells[TALLY_COUNTS + 1] = bar(tokens_of(&g->at[i]), most, chart);
		table_add(&t, cells);
	}
	table_print(&t, stdout);
	table_release(&t);
	for (size_t i = 0; i < g->count; i++) {
		if (g->at[i].counts[TALLY_ESTIMATED]) {
			fputs("kiroctl: ~ marks sums that hold estimates of this program: of as "
			      "many requests as ESTIMATED says the upstream told no tokens\n",
			      stderr);
			break;
		}
	}
}

int ctl_tally(struct ctl *c, struct error *e)
{
	struct groups g = { .at = NULL };
	int rc;

	if (ctl_config(c, e) || read_options(c, &g, e))
		return -1;
	rc = tally_each(c->config, g.first, g.last, add_row, &g, e);
	if (!rc && g.count)
		qsort(g.at, g.count, sizeof(*g.at), g.by == BY_DAY ? by_name : by_tokens);
	if (!rc && c->json)
		print_json(&g);
	else if (!rc && ctl_value(c, "csv"))
		print_csv(&g);
	else if (!rc && g.count)
		print_table(&g);
	else if (!rc)
		fputs("kiroctl: nothing was used in that time\n", stderr);
	free(g.at);
	return rc;
}
