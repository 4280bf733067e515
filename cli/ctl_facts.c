#include "common/base.h"
#include "cli/ctl_facts.h"

#include "common/clock.h"
#include "common/live.h"
#include "common/usage_store.h"

#include <math.h>

static int64_t refresh_at(const struct ctl *c, const struct account *a)
{
	if (a->kind == KIND_API_KEY || a->state == STATE_DISABLED || a->state == STATE_INVALID)
		return 0;
	if (!secret_present(&a->access_token)) /* due since it is here */
		return a->added_at ? a->added_at : clock_wall();
	return a->expires_at - c->config->refresh_ahead;
}

void ctl_facts_read(struct ctl *c, const struct account *a, struct ctl_facts *f)
{
	struct live_view view;
	struct error e = { 0 };

	live_look(ctl_live(c), live_key(a->id), clock_wall_ms(), &view);
	*f = (struct ctl_facts){ .refresh_at = refresh_at(c, a), .used_at = view.started / 1000 };
	if (view.rest_until > clock_wall()) {
		f->rest_until = view.rest_until;
		f->rest_why = error_kinds[view.rest_why].name;
	}
	if (usage_get(&c->tokens, a->id, &f->usage, &e) < 0) {
		fprintf(stderr, "kiroctl: warning: %s: %s\n", a->id, e.message);
		f->usage = (struct usage){ .read_at = 0 };
	}
	f->stale = usage_is_stale(&f->usage, c->config->usage_interval);
}

/* ---- as JSON ---- */

static void write_number(struct jsonw *w, const char *key, double value)
{
	jsonw_key(w, key);
	jsonw_double(w, value);
}

static void write_date(struct jsonw *w, const char *key, int64_t seconds)
{
	char date[CLOCK_TEXT_SIZE];

	jsonw_text_member(w, key, seconds ? clock_format(seconds, date) : NULL);
}

static void write_text(struct jsonw *w, const char *key, const char *text)
{
	jsonw_text_member(w, key, *text ? text : NULL);
}

/* Rounded to a hundredth, as people read it. */
static double rounded(double value)
{
	return round(value * 100) / 100;
}

static double percent(const struct usage *u)
{
	return usage_limit(u) > 0 ? rounded(usage_used(u) * 100 / usage_limit(u)) : NAN;
}

static void write_parts(struct jsonw *w, const struct usage *u)
{
	jsonw_begin_array_member(w, "parts");
	for (size_t i = 0; i < u->part_count; i++) {
		jsonw_begin_object(w);
		jsonw_text_member(w, "kind", usage_part_names[u->parts[i].kind]);
		write_text(w, "name", u->parts[i].name);
		write_number(w, "used", u->parts[i].used);
		write_number(w, "limit", u->parts[i].limit);
		write_date(w, "ends_at", u->parts[i].ends_at);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void write_overage(struct jsonw *w, const struct usage_overage *overage)
{
	jsonw_begin_object_member(w, "overage");
	jsonw_bool_member(w, "enabled", overage->enabled);
	write_number(w, "used", overage->used);
	write_number(w, "cap", overage->cap > 0 ? overage->cap : NAN);
	write_number(w, "rate", overage->rate > 0 ? overage->rate : NAN);
	write_number(w, "charges", overage->charges);
	write_text(w, "currency", overage->currency);
	jsonw_end(w);
}

/* Without a single good answer there are no numbers, but there may be a reason. */
static void write_usage(struct jsonw *w, const struct usage *u, bool stale)
{
	double remaining = usage_remaining(u);

	jsonw_begin_object_member(w, "usage");
	write_text(w, "plan", u->plan);
	write_number(w, "used", u->read_at ? usage_used(u) : NAN);
	write_number(w, "limit", usage_limit(u) > 0 ? usage_limit(u) : NAN);
	write_text(w, "unit", u->unit);
	write_number(w, "percent", percent(u));
	write_number(w, "remaining", remaining >= 0 ? remaining : NAN);
	write_date(w, "reset_at", u->reset_at);
	write_date(w, "read_at", u->read_at);
	jsonw_bool_member(w, "stale", stale);
	write_text(w, "failure", u->failure);
	write_parts(w, u);
	write_overage(w, &u->overage);
	jsonw_end(w);
}

void ctl_facts_write(struct jsonw *w, const struct ctl_facts *f)
{
	write_date(w, "last_used_at", f->used_at);
	write_date(w, "next_refresh_at", f->refresh_at);
	write_date(w, "rest_until", f->rest_until);
	jsonw_text_member(w, "rest_reason", f->rest_why);
	if (f->usage.read_at || *f->usage.failure)
		write_usage(w, &f->usage, f->stale);
	else
		jsonw_null_member(w, "usage");
}

/* ---- as cells ---- */

static const char *set(char out[static CTL_FACT_SIZE], const char *format, ...) PRINTF_LIKE(2, 3);

static const char *set(char out[static CTL_FACT_SIZE], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(out, CTL_FACT_SIZE, format, args);
	va_end(args);
	return out;
}

static const char *mark(const struct ctl_facts *f)
{
	return f->stale ? "~" : "";
}

const char *ctl_facts_amount(const struct ctl_facts *f, char out[static CTL_FACT_SIZE])
{
	const struct usage *u = &f->usage;

	if (!u->read_at)
		return set(out, "%s", "");
	if (!(usage_limit(u) > 0))
		return set(out, "%s%.10g/-", mark(f), rounded(usage_used(u)));
	return set(out, "%s%.10g/%.10g", mark(f), rounded(usage_used(u)), rounded(usage_limit(u)));
}

const char *ctl_facts_percent(const struct ctl_facts *f, char out[static CTL_FACT_SIZE])
{
	double share = percent(&f->usage);

	/* 100 is said when all is used, not a moment earlier. */
	if (isnan(share))
		return set(out, "%s", "");
	return set(out, "%s%.0f%%", mark(f), floor(share));
}

const char *ctl_facts_reset(const struct ctl_facts *f, char out[static CTL_FACT_SIZE])
{
	char date[CLOCK_TEXT_SIZE];

	if (!f->usage.reset_at)
		return set(out, "%s", "");
	return set(out, "%.10s", clock_format(f->usage.reset_at, date));
}

/* "45s", "12m", "3h", "10d": the largest unit that fits. */
static const char *span_text(int64_t seconds, char out[static CTL_FACT_SIZE])
{
	static const struct {
		int64_t seconds;
		char name;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(units) && seconds < units[i].seconds)
		i++;
	return set(out, "%" PRId64 "%c", seconds / units[i].seconds, units[i].name);
}

const char *ctl_facts_used(const struct ctl_facts *f, char out[static CTL_FACT_SIZE])
{
	int64_t ago = clock_wall() - f->used_at;
	char span[CTL_FACT_SIZE];

	if (!f->used_at)
		return set(out, "%s", "");
	return set(out, "%.16s ago", span_text(ago > 0 ? ago : 0, span));
}

const char *ctl_facts_refresh(const struct ctl_facts *f, char out[static CTL_FACT_SIZE])
{
	int64_t in = f->refresh_at - clock_wall();
	char span[CTL_FACT_SIZE];

	if (!f->refresh_at)
		return set(out, "%s", "");
	return in > 0 ? set(out, "in %.16s", span_text(in, span)) : set(out, "due");
}

const char *ctl_facts_state(const struct account *a, const struct ctl_facts *f,
			    char out[static CTL_FACT_SIZE])
{
	int64_t left = a->state_until - clock_wall();
	const char *name = account_state_names[a->state];
	char span[CTL_FACT_SIZE];

	if (a->state == STATE_ACTIVE && f->rest_until)
		return set(out, "resting %.16s", span_text(f->rest_until - clock_wall(), span));
	if (a->state == STATE_ACTIVE && usage_is_exhausted(&f->usage, true))
		return set(out, "%s, nothing left", name);
	if (a->state == STATE_ACTIVE && usage_is_exhausted(&f->usage, false))
		return set(out, "%s, overage", name);
	if (a->state_until && left > 0)
		return set(out, "%s %.16s", name, span_text(left, span));
	return set(out, "%s", name);
}
