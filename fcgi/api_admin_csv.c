/*
 * GET /admin/api/v1/usage.csv?days=30: one line a day, key, account and model (RFC 4180).
 */
#include "common/base.h"
#include "fcgi/api.h"

#include "common/clock.h"
#include "common/csv.h"
#include "common/limits.h"
#include "common/tally.h"
#include "fcgi/admin.h"

#define TABLE MB(24)

struct rows {
	struct tally_row *at;
	size_t count, room;
};

static int add_row(void *context, const struct tally_row *row)
{
	struct rows *all = context;

	if (all->count == all->room) {
		all->room = all->room ? 2 * all->room : 256;
		all->at = xrealloc(all->at, all->room * sizeof(*all->at));
	}
	all->at[all->count++] = *row;
	return 0;
}

static int compare(const void *one, const void *other)
{
	const struct tally_row *a = one, *b = other;
	int order = a->day - b->day;

	order = order ? order : strcmp(a->key, b->key);
	order = order ? order : strcmp(a->key_id, b->key_id);
	order = order ? order : strcmp(a->account, b->account);
	return order ? order : strcmp(a->model, b->model);
}

/* A day that was counted in two files has two rows of one kind. */
static void unite(struct rows *all)
{
	size_t to = 0;

	if (all->count)
		qsort(all->at, all->count, sizeof(*all->at), compare);
	for (size_t i = 0; i < all->count; i++) {
		if (to && compare(&all->at[to - 1], &all->at[i]) == 0) {
			for (int c = 0; c < TALLY_COUNTS; c++)
				all->at[to - 1].counts[c] += all->at[i].counts[c];
		} else {
			all->at[to++] = all->at[i];
		}
	}
	all->count = to;
}

static const char *label_of(const struct roster *roster, const char *id)
{
	for (size_t i = 0; i < roster->count; i++) {
		const struct account *a = &roster->accounts[i];

		if (strcmp(a->id, id) == 0)
			return a->label ? a->label : "";
	}
	return "";
}

static void write_table(const struct rows *all, const struct roster *roster, struct buf *out)
{
	buf_add_text(out, "day,key,key_id,account,account_label,model");
	for (int c = 0; c < TALLY_COUNTS; c++)
		buf_add_format(out, ",%s", tally_count_names[c]);
	buf_add_text(out, "\r\n");
	for (size_t i = 0; i < all->count; i++) {
		const struct tally_row *row = &all->at[i];
		const char *names[] = { row->key, row->key_id, row->account,
					label_of(roster, row->account), row->model };

		buf_add_format(out, "%04d-%02d-%02d", row->day / 10000, row->day / 100 % 100,
			       row->day % 100);
		for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
			buf_add_char(out, ',');
			csv_cell(out, names[n]);
		}
		for (int c = 0; c < TALLY_COUNTS; c++) {
			if (c == TALLY_CREDITS)
				buf_add_format(out, ",%.6f", (double)row->counts[c] / KEY_CREDIT);
			else
				buf_add_format(out, ",%" PRId64, row->counts[c]);
		}
		buf_add_text(out, "\r\n");
	}
}

static int send_table(struct request *r, struct buf *out)
{
	if (out->failed)
		return error_set(&r->error, ERR_REQUEST,
				 "the table is longer than %zu MB: ask for fewer days",
				 TABLE / MB(1));
	admin_header(r, "content-disposition: attachment; filename=\"kiro-usage.csv\"");
	return response_whole(&r->response, 200, "text/csv; charset=utf-8", buf_span(out));
}

int api_admin_usage_csv(struct request *r)
{
	const int64_t now = clock_wall();
	struct rows all = { .at = NULL };
	struct roster roster;
	struct buf out;
	int days, rc;

	if (admin_days(r, &days) || admin_stores(r))
		return -1;
	roster_init(&roster);
	buf_init(&out, TABLE);
	rc = tally_each(r->site->config, tally_day(now - (int64_t)(days - 1) * 86400),
			tally_day(now), add_row, &all, &r->error);
	if (!rc) {
		struct error damage = { .kind = ERR_NONE }; /* it has no label then */

		roster_load(&roster, &r->site->tokens, &damage);
		unite(&all);
		write_table(&all, &roster, &out);
		rc = send_table(r, &out);
	}
	buf_release(&out);
	roster_release(&roster);
	free(all.at);
	return rc;
}
