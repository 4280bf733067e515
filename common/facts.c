#include "common/base.h"
#include "common/facts.h"

#include "common/clock.h"
#include "common/usage_store.h"

#include <math.h>

double facts_rounded(double value)
{
	return round(value * 100) / 100;
}

double facts_percent(const struct usage *u)
{
	return usage_limit(u) > 0 ? facts_rounded(usage_used(u) * 100 / usage_limit(u)) : NAN;
}

static int64_t refresh_at(const struct config *config, const struct account *a)
{
	if (a->kind == KIND_API_KEY || a->state == STATE_DISABLED || a->state == STATE_INVALID)
		return 0;
	if (!secret_present(&a->access_token)) /* due since it is here */
		return a->added_at ? a->added_at : clock_wall();
	return a->expires_at - config->refresh_ahead;
}

int facts_read(const struct config *config, const struct store *tokens, struct live *live,
	       const struct account *a, struct facts *f, struct error *e)
{
	struct live_view view;
	int rc;

	live_look(live, live_key(a->id), clock_wall_ms(), &view);
	*f = (struct facts){ .refresh_at = refresh_at(config, a), .used_at = view.started / 1000 };
	if (view.rest_until > clock_wall()) {
		f->rest_until = view.rest_until;
		f->rest_why = error_kinds[view.rest_why].name;
	}
	rc = usage_get(tokens, a->id, &f->usage, e);
	if (rc < 0)
		f->usage = (struct usage){ .read_at = 0 };
	f->stale = usage_is_stale(&f->usage, config->usage_interval);
	return rc < 0 ? -1 : 0;
}

static void write_number(struct jsonw *w, const char *key, double value)
{
	jsonw_key(w, key);
	jsonw_double(w, value);
}

static void write_text(struct jsonw *w, const char *key, const char *text)
{
	jsonw_text_member(w, key, *text ? text : NULL);
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
		jsonw_date_member(w, "ends_at", u->parts[i].ends_at);
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
	write_number(w, "percent", facts_percent(u));
	write_number(w, "remaining", remaining >= 0 ? remaining : NAN);
	jsonw_date_member(w, "reset_at", u->reset_at);
	jsonw_date_member(w, "read_at", u->read_at);
	jsonw_bool_member(w, "stale", stale);
	write_text(w, "failure", u->failure);
	write_parts(w, u);
	write_overage(w, &u->overage);
	jsonw_end(w);
}

static void write_facts(struct jsonw *w, const struct facts *f)
{
	jsonw_date_member(w, "last_used_at", f->used_at);
	jsonw_date_member(w, "next_refresh_at", f->refresh_at);
	jsonw_date_member(w, "rest_until", f->rest_until);
	jsonw_text_member(w, "rest_reason", f->rest_why);
	if (f->usage.read_at || *f->usage.failure)
		write_usage(w, &f->usage, f->stale);
	else
		jsonw_null_member(w, "usage");
}

static void write_secret(struct jsonw *w, const char *key, const struct secret *s)
{
	char mask[SECRET_MASK_SIZE];

	jsonw_text_member(w, key, secret_present(s) ? secret_mask(s, mask) : NULL);
}

/* "socks5://user:password@host" without what stands before the "@". */
static const char *mask_proxy(const char *url, char *out, size_t size)
{
	const char *scheme = strstr(url, "://"), *at = strrchr(url, '@');

	if (scheme && at)
		snprintf(out, size, "%.*s***%s", (int)(scheme + 3 - url), url, at);
	else
		snprintf(out, size, "%s", url);
	return out;
}

void facts_write_account(struct jsonw *w, const struct account *a, const struct facts *facts)
{
	char proxy[LIMIT_URL];

	jsonw_begin_object(w);
	jsonw_text_member(w, "id", a->id);
	jsonw_text_member(w, "label", a->label);
	jsonw_text_member(w, "kind", account_kind_names[a->kind]);
	jsonw_text_member(w, "provider", a->provider);
	jsonw_text_member(w, "email", a->email);
	jsonw_text_member(w, "state", account_state_names[a->state]);
	jsonw_text_member(w, "state_reason", a->state_reason);
	jsonw_date_member(w, "state_since", a->state_since);
	jsonw_date_member(w, "state_until", a->state_until);
	jsonw_int_member(w, "priority", a->priority);
	jsonw_int_member(w, "max_inflight", a->max_inflight);
	jsonw_text_member(w, "owner", a->owner);
	jsonw_text_member(w, "upstream", a->upstream);
	jsonw_text_member(w, "region", a->region);
	jsonw_text_member(w, "auth_region", a->auth_region);
	jsonw_text_member(w, "profile_arn", a->profile_arn);
	jsonw_text_member(w, "start_url", a->start_url);
	jsonw_text_member(w, "token_endpoint", a->token_endpoint);
	jsonw_text_member(w, "client_id", a->client_id);
	jsonw_text_member(w, "machine_id", a->machine_id);
	jsonw_text_member(w, "proxy",
			  a->proxy_url ? mask_proxy(a->proxy_url, proxy, sizeof(proxy)) : NULL);
	jsonw_date_member(w, "added_at", a->added_at);
	jsonw_date_member(w, "refreshed_at", a->refreshed_at);
	jsonw_date_member(w, "expires_at", a->expires_at);
	jsonw_date_member(w, "client_expires_at", a->client_expires_at);
	write_secret(w, "access_token", &a->access_token);
	write_secret(w, "refresh_token", &a->refresh_token);
	write_secret(w, "client_secret", &a->client_secret);
	write_secret(w, "api_key", &a->api_key);
	if (facts)
		write_facts(w, facts);
	jsonw_end(w);
}

void facts_write_usage(struct jsonw *w, const struct store *tokens, const struct account *a,
		       int64_t interval)
{
	struct error ignored = { .kind = ERR_NONE };
	struct usage u;
	int known = usage_get(tokens, a->id, &u, &ignored);

	jsonw_begin_object(w);
	jsonw_text_member(w, "id", a->id);
	jsonw_text_member(w, "label", a->label);
	if (known == 1)
		write_usage(w, &u, usage_is_stale(&u, interval));
	else
		jsonw_null_member(w, "usage");
	jsonw_end(w);
}
