/*
 * kiroctl models list, show, add, remove, test.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "common/roster.h"
#include "cli/table.h"
#include "common/alias.h"
#include "common/calibration.h"
#include "common/catalogues.h"
#include "common/clock.h"
#include "common/jsonw.h"
#include "common/refresh.h"

#define REFRESH_WITHIN 60 /* seconds that a token must still live to be used as it is */

/* ---- aliases ---- */

int ctl_models_remove(struct ctl *c, struct error *e)
{
	const char *name = c->operands[0];
	int rc;

	if (ctl_keys(c, e))
		return -1;
	rc = alias_remove(&c->keys, name, e);
	if (rc == 1)
		return error_set(e, ERR_NOT_FOUND,
				 "no alias is called %.80s (see kiroctl models show)", name);
	if (!rc)
		ctl_print_result(c, name, "removed");
	return rc;
}

static int add_alias(void *context, const struct alias *alias)
{
	const char *cells[] = { alias->name, alias->target };

	table_add(context, cells);
	return 0;
}

static int show_json(struct ctl *c, struct error *e)
{
	struct jsonw w;
	struct buf out;
	int rc;

	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	jsonw_begin_array(&w);
	rc = alias_each(&c->keys, alias_write, &w, NULL, e);
	jsonw_end(&w);
	ctl_print_json(&out);
	buf_release(&out);
	return rc;
}

int ctl_models_show(struct ctl *c, struct error *e)
{
	static const char *const heads[] = { "ALIAS", "MODEL" };
	struct table t;
	int rc;

	if (ctl_keys(c, e))
		return -1;
	if (c->json)
		return show_json(c, e);
	table_init(&t, heads, ARRAY_SIZE(heads));
	rc = alias_each(&c->keys, add_alias, &t, NULL, e);
	table_sort(&t);
	if (t.rows > 1)
		table_print(&t, stdout);
	else if (!rc)
		fputs("kiroctl: no aliases: kiroctl models add NAME TARGET makes one\n", stderr);
	table_release(&t);
	return rc;
}

/* ---- models ---- */

/* What the commands about models look at. */
struct view {
	struct arena arena;
	struct catalogues *catalogues;
	struct calibration *calibration;
	struct roster roster;
};

static int view_init(struct view *v, struct ctl *c, struct error *e)
{
	struct error damage = { 0 };

	arena_init(&v->arena);
	roster_init(&v->roster);
	v->catalogues = catalogues_new();
	v->calibration = NULL;
	if (ctl_tokens(c, e))
		return -1;
	v->calibration = calibration_new(c->config->state_dir);
	if (roster_load(&v->roster, &c->tokens, &damage))
		fprintf(stderr, "kiroctl: warning: %s\n", damage.message);
	return 0;
}

static void view_release(struct view *v)
{
	catalogues_free(v->catalogues);
	calibration_free(v->calibration);
	roster_release(&v->roster);
	arena_release(&v->arena);
}

/* How many accounts have a catalogue with this model in it. */
static size_t offers(const struct view *v, struct ctl *c, const struct model *model)
{
	struct arena arena;
	size_t count = 0;
	bool due;

	arena_init(&arena);
	for (size_t i = 0; i < v->roster.count; i++) {
		const struct model *own = catalogues_model(
			v->catalogues, &c->tokens, v->roster.accounts[i].id, model, &arena, &due);

		count += own && own != model;
	}
	arena_release(&arena);
	return count;
}

/* How good our estimates of its tokens are; nothing where too few of its answers told. */
static void write_calibration(struct jsonw *w, const struct view *v, const struct model *m)
{
	struct calibration_view known;

	calibration_look(v->calibration, m->id, &known);
	if (known.samples < CALIBRATION_MIN_SAMPLES)
		return;
	jsonw_begin_object_member(w, "estimates");
	jsonw_int_member(w, "answers", known.samples);
	jsonw_key(w, "factor");
	jsonw_double(w, known.factor);
	jsonw_key(w, "deviation");
	jsonw_double(w, known.deviation);
	jsonw_end(w);
}

static void write_model(struct jsonw *w, const struct view *v, const struct model *m,
			size_t accounts)
{
	jsonw_text_member(w, "id", m->id);
	jsonw_text_member(w, "name", m->display);
	jsonw_int_member(w, "window", m->window);
	jsonw_int_member(w, "max_output", m->max_output);
	jsonw_bool_member(w, "images", m->images);
	jsonw_begin_array_member(w, "efforts");
	for (int i = 0; i < MODEL_EFFORTS; i++) {
		if (m->efforts & 1u << i)
			jsonw_text(w, model_effort_names[i]);
	}
	jsonw_end(w);
	jsonw_int_member(w, "accounts", (int64_t)accounts);
	write_calibration(w, v, m);
}

static int refresh_one(struct ctl *c, struct account *a, struct error *e)
{
	const struct refresher r = { .config = c->config, .http = c->http, .tokens = &c->tokens };

	if (account_expires_within(a, clock_wall(), REFRESH_WITHIN) &&
	    refresh_account(&r, a, REFRESH_HARD, REFRESH_WITHIN, e) < 0)
		return -1;
	return catalogue_fetch(c->http, c->config, &c->tokens, a, e);
}

/* Goes on after a failure; the first one decides the exit code. */
static int refresh_lists(struct ctl *c, const struct roster *r, struct error *e)
{
	if (ctl_http(c, e))
		return -1;
	for (size_t i = 0; i < r->count; i++) {
		struct account *a = &r->accounts[i];
		struct error why = { 0 };

		if (!account_usable(a, clock_wall()) || !refresh_one(c, a, &why))
			continue;
		fprintf(stderr, "kiroctl: %s: the stored list stays: %s\n", a->id, why.message);
		error_set(e, why.kind, "%s: %.400s", a->id, why.message);
	}
	return e->kind ? -1 : 0;
}

static void list_json(struct ctl *c, const struct view *v, const struct model *const *list,
		      size_t count)
{
	struct jsonw w;
	struct buf out;

	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	jsonw_begin_array(&w);
	for (size_t i = 0; i < count; i++) {
		jsonw_begin_object(&w);
		write_model(&w, v, list[i], offers(v, c, list[i]));
		jsonw_end(&w);
	}
	jsonw_end(&w);
	ctl_print_json(&out);
	buf_release(&out);
}

static void list_table(struct ctl *c, const struct view *v, const struct model *const *list,
		       size_t count)
{
	static const char *const heads[] = { "MODEL",  "NAME",	"WINDOW",
					     "OUTPUT", "INPUT", "ACCOUNTS" };
	struct table t;
	bool known = false;

	table_init(&t, heads, ARRAY_SIZE(heads));
	for (size_t i = 0; i < count; i++) {
		const struct model *m = list[i];
		size_t accounts = offers(v, c, m);
		char window[24], output[24], offered[32];
		const char *cells[] = {
			m->id,	m->display, window, output, m->images ? "text, image" : "text",
			offered
		};

		known = known || accounts;
		snprintf(window, sizeof(window), "%" PRId64, m->window);
		snprintf(output, sizeof(output), "%" PRId64, m->max_output);
		snprintf(offered, sizeof(offered), "%zu of %zu", accounts, v->roster.count);
		table_add(&t, cells);
	}
	table_print(&t, stdout);
	if (!known)
		fputs("kiroctl: what this program knows by itself: no account's list was fetched "
		      "yet (kiroctl models list --refresh)\n",
		      stderr);
	table_release(&t);
}

int ctl_models_list(struct ctl *c, struct error *e)
{
	const struct model *const *list;
	struct view v;
	size_t count;
	int rc = view_init(&v, c, e);

	if (!rc && ctl_value(c, "refresh"))
		rc = refresh_lists(c, &v.roster, e);
	if (c->tokens.path) {
		list = catalogues_list(v.catalogues, &c->tokens, &v.arena, &count);
		if (c->json)
			list_json(c, &v, list, count);
		else
			list_table(c, &v, list, count);
	}
	view_release(&v);
	return rc;
}

static void print_meaning(struct ctl *c, const struct view *v, const struct model_meaning *m)
{
	size_t accounts = offers(v, c, m->model);
	struct calibration_view known;
	struct jsonw w;
	struct buf out;

	calibration_look(v->calibration, m->model->id, &known);
	if (!c->json) {
		printf("%s: ", c->operands[0]);
		if (m->through)
			printf("stands for %s%s: ", m->through,
			       m->by_default ? " (the alias default)" : "");
		printf("%s, %" PRId64 " tokens, offered by %zu of %zu accounts", m->model->id,
		       m->model->window, accounts, v->roster.count);
		if (known.samples >= CALIBRATION_MIN_SAMPLES)
			printf(", estimates times %.3f, off by %.1f %% (%u answers)", known.factor,
			       100 * known.deviation, known.samples);
		putchar('\n');
		return;
	}
	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "asked", c->operands[0]);
	jsonw_text_member(&w, "through", m->through);
	write_model(&w, v, m->model, accounts);
	jsonw_end(&w);
	ctl_print_json(&out);
	buf_release(&out);
}

int ctl_models_test(struct ctl *c, struct error *e)
{
	struct model_meaning meaning = { .model = NULL };
	struct view v;
	int rc = view_init(&v, c, e);

	if (!rc)
		rc = ctl_keys(c, e);
	if (!rc) {
		meaning = catalogues_resolve(v.catalogues, &c->tokens, &c->keys,
					     c->config->gpt_aliases, c->operands[0], &v.arena);
		if (meaning.model)
			print_meaning(c, &v, &meaning);
		else
			rc = error_set(e, ERR_NOT_FOUND,
				       "no model is called %.80s (see kiroctl models list)",
				       c->operands[0]);
	}
	view_release(&v);
	return rc;
}

/* ---- making an alias ---- */

/* A target may come tomorrow; today its clients get 404. */
static void note_unknown(struct ctl *c)
{
	struct error ignored = { .kind = ERR_NONE };
	struct view v;

	if (!view_init(&v, c, &ignored) &&
	    !catalogues_resolve(v.catalogues, &c->tokens, &c->keys, c->config->gpt_aliases,
				c->operands[0], &v.arena)
		     .model)
		fprintf(stderr,
			"kiroctl: note: there is no model %.80s now (see kiroctl models list)\n",
			c->operands[1]);
	view_release(&v);
}

int ctl_models_add(struct ctl *c, struct error *e)
{
	char result[ALIAS_SIZE + 16];

	if (ctl_create(c, e) || ctl_keys(c, e) ||
	    alias_set(&c->keys, c->operands[0], c->operands[1], e))
		return -1;
	note_unknown(c);
	snprintf(result, sizeof(result), "stands for %s", c->operands[1]);
	ctl_print_result(c, c->operands[0], result);
	return 0;
}

int ctl_model_alias(struct ctl *c, struct error *e)
{
	if (ctl_value(c, "remove") && c->operand_count > 1)
		return ctl_usage(c, "model alias --remove takes only the NAME");
	if (ctl_value(c, "remove"))
		return ctl_models_remove(c, e);
	if (c->operand_count < 2)
		return ctl_usage(c, "model alias: the TARGET is missing");
	return ctl_models_add(c, e);
}
