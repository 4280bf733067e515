#include "common/base.h"
#include "cli/ctl_facts.h"

#include "common/clock.h"

#include <math.h>

void ctl_facts_read(struct ctl *c, const struct account *a, struct facts *f)
{
	struct error e = { 0 };

	if (facts_read(c->config, &c->tokens, ctl_live(c), a, f, &e))
		fprintf(stderr, "kiroctl: warning: %s: %s\n", a->id, e.message);
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

static const char *mark(const struct facts *f)
{
	return f->stale ? "~" : "";
}

const char *ctl_facts_amount(const struct facts *f, char out[static CTL_FACT_SIZE])
{
	const struct usage *u = &f->usage;

	if (!u->read_at)
		return set(out, "%s", "");
	if (!(usage_limit(u) > 0))
		return set(out, "%s%.10g/-", mark(f), facts_rounded(usage_used(u)));
	return set(out, "%s%.10g/%.10g", mark(f), facts_rounded(usage_used(u)),
		   facts_rounded(usage_limit(u)));
}

const char *ctl_facts_percent(const struct facts *f, char out[static CTL_FACT_SIZE])
{
	double share = facts_percent(&f->usage);

	/* 100 is said when all is used, not a moment earlier. */
	if (isnan(share))
		return set(out, "%s", "");
	return set(out, "%s%.0f%%", mark(f), floor(share));
}

const char *ctl_facts_reset(const struct facts *f, char out[static CTL_FACT_SIZE])
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

const char *ctl_facts_used(const struct facts *f, char out[static CTL_FACT_SIZE])
{
	int64_t ago = clock_wall() - f->used_at;
	char span[CTL_FACT_SIZE];

	if (!f->used_at)
		return set(out, "%s", "");
	return set(out, "%.16s ago", span_text(ago > 0 ? ago : 0, span));
}

const char *ctl_facts_refresh(const struct facts *f, char out[static CTL_FACT_SIZE])
{
	int64_t in = f->refresh_at - clock_wall();
	char span[CTL_FACT_SIZE];

	if (!f->refresh_at)
		return set(out, "%s", "");
	return in > 0 ? set(out, "in %.16s", span_text(in, span)) : set(out, "due");
}

const char *ctl_facts_state(const struct account *a, const struct facts *f,
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
