/*
 * kiroctl account list, show, remove, enable, disable.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/ctl_account.h"
#include "cli/roster.h"
#include "cli/table.h"
#include "common/clock.h"
#include "common/jsonw.h"
#include "common/live.h"

#include <sysexits.h>

struct account *ctl_account_named(struct ctl *c, struct roster *r, struct error *e)
{
	struct error damage = { 0 };
	struct account *found;

	if (ctl_tokens(c, e))
		return NULL;
	/* A damaged record matters only if it may be the one that is meant. */
	if (roster_load(r, &c->tokens, &damage) && !r->count) {
		error_set(e, damage.kind, "%s", damage.message);
		return NULL;
	}
	found = roster_find(r, c->operands[0], e);
	if (!found && damage.kind)
		fprintf(stderr, "kiroctl: warning: %s\n", damage.message);
	return found;
}

static const char *state_text(const struct account *a, char *out, size_t size)
{
	char date[CLOCK_TEXT_SIZE];

	snprintf(out, size, "%s%s%s%s%s", account_state_names[a->state],
		 a->state_reason ? ": " : "", a->state_reason ? a->state_reason : "",
		 a->state_until ? " until " : "", ctl_date(a->state_until, "", date, sizeof(date)));
	return out;
}

static const char *expiry_text(const struct account *a, char *out, size_t size)
{
	return ctl_date(a->expires_at, a->kind == KIND_API_KEY ? "never" : "unknown", out, size);
}

static void write_date(struct jsonw *w, const char *key, int64_t seconds)
{
	char date[CLOCK_TEXT_SIZE];

	jsonw_text_member(w, key, seconds ? clock_format(seconds, date) : NULL);
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

void ctl_account_write(struct jsonw *w, const struct account *a)
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
	write_date(w, "state_since", a->state_since);
	write_date(w, "state_until", a->state_until);
	jsonw_int_member(w, "priority", a->priority);
	jsonw_int_member(w, "max_inflight", a->max_inflight);
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
	write_date(w, "added_at", a->added_at);
	write_date(w, "refreshed_at", a->refreshed_at);
	write_date(w, "expires_at", a->expires_at);
	write_secret(w, "access_token", &a->access_token);
	write_secret(w, "refresh_token", &a->refresh_token);
	write_secret(w, "client_secret", &a->client_secret);
	write_secret(w, "api_key", &a->api_key);
	jsonw_end(w);
}

static void print_list_json(const struct roster *r)
{
	struct jsonw w;
	struct buf out;

	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	jsonw_begin_array(&w);
	for (size_t i = 0; i < r->count; i++)
		ctl_account_write(&w, &r->accounts[i]);
	jsonw_end(&w);
	ctl_print_json(&out);
	buf_release(&out);
}

static void print_list(const struct ctl *c, const struct roster *r)
{
	static const char *const heads[] = { "ID",     "LABEL",	  "KIND",     "STATE",
					     "REGION", "EXPIRES", "REFRESHED" };
	struct table t;

	table_init(&t, heads, ARRAY_SIZE(heads));
	for (size_t i = 0; i < r->count; i++) {
		const struct account *a = &r->accounts[i];
		char state[256], expires[CLOCK_TEXT_SIZE], refreshed[CLOCK_TEXT_SIZE];
		const char *cells[] = {
			a->id,
			a->label,
			account_kind_names[a->kind],
			state_text(a, state, sizeof(state)),
			account_region(a, c->config->upstream_region),
			expiry_text(a, expires, sizeof(expires)),
			ctl_date(a->refreshed_at, "never", refreshed, sizeof(refreshed)),
		};

		table_add(&t, cells);
	}
	table_print(&t, stdout);
	table_release(&t);
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
		print_list_json(&r);
	else if (r.count)
		print_list(c, &r);
	else if (!rc)
		fputs("kiroctl: no accounts yet: kiroctl account import FILE\n", stderr);
	roster_release(&r);
	return rc;
}

/* One "name  value" line a member of the JSON form: the two cannot differ. */
static void print_members(const struct buf *json)
{
	cJSON *tree = cJSON_Parse(json->at);
	const cJSON *item;

	cJSON_ArrayForEach (item, tree) {
		if (cJSON_IsNull(item))
			continue;
		printf("%-15s ", item->string);
		if (cJSON_IsString(item))
			ctl_print_clean(stdout, item->valuestring);
		else
			printf("%.0f", item->valuedouble);
		putchar('\n');
	}
	cJSON_Delete(tree);
}

int ctl_account_show(struct ctl *c, struct error *e)
{
	struct account *a;
	struct roster r;
	struct jsonw w;
	struct buf out;

	roster_init(&r);
	buf_init(&out, CTL_OUTPUT);
	a = ctl_account_named(c, &r, e);
	if (a) {
		jsonw_init(&w, &out);
		ctl_account_write(&w, a);
		if (c->json)
			ctl_print_json(&out);
		else
			print_members(&out);
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

static void enable(struct account *stored, void *context)
{
	(void)context;
	account_set_state(stored, STATE_ACTIVE, NULL, clock_wall(), 0);
}

static void disable(struct account *stored, void *context)
{
	(void)context;
	account_set_state(stored, STATE_DISABLED, "by hand", clock_wall(), 0);
}

/* A short rest that the processes keep among them ends too. */
static void wake(const struct ctl *c, const struct account *a)
{
	struct live *live = live_new(c->config->state_dir);

	live_wake(live, live_key(a->id));
	live_free(live);
}

static int change_named(struct ctl *c, void (*change)(struct account *, void *), struct error *e)
{
	struct account *a;
	struct roster r;
	int rc = -1;

	roster_init(&r);
	a = ctl_account_named(c, &r, e);
	if (a) {
		rc = roster_change(&c->tokens, a, change, NULL, e);
		if (!rc && a->state == STATE_ACTIVE)
			wake(c, a);
		if (!rc)
			ctl_print_result(c, a->id, account_state_names[a->state]);
	}
	roster_release(&r);
	return rc;
}

int ctl_account_enable(struct ctl *c, struct error *e)
{
	return change_named(c, enable, e);
}

int ctl_account_disable(struct ctl *c, struct error *e)
{
	return change_named(c, disable, e);
}
