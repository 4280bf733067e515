/*
 * kiroctl doctor: the installation, point by point, each with what to do where it fails.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/roster.h"
#include "common/clock.h"
#include "common/http.h"
#include "common/jsonw.h"
#include "common/keys.h"
#include "common/management.h"
#include "common/statedir.h"

#define REACH_TIMEOUT_MS 10000

/* Returns 0 (OK), 1 (FAIL) or -1 (not looked at); text says what was found or what to do. */
typedef int check_fn(struct ctl *c, char *text, size_t size);

static int fail(char *text, size_t size, const struct error *e)
{
	snprintf(text, size, "%s", e->message);
	return 1;
}

static int check_config(struct ctl *c, char *text, size_t size)
{
	struct error e = { 0 };

	if (ctl_config(c, &e))
		return fail(text, size, &e);
	snprintf(text, size, "%s",
		 c->config->file ? c->config->file : "no file: defaults and environment");
	return 0;
}

static int check_state_dir(struct ctl *c, char *text, size_t size)
{
	struct error e = { 0 };

	if (!c->config)
		return -1;
	if (statedir_check(c->config->state_dir, c->config->state_on_network, &e))
		return fail(text, size, &e);
	snprintf(text, size, "%s", c->config->state_dir);
	return 0;
}

static int check_store(const struct store *s, char *text, size_t size)
{
	struct error e = { 0 };
	size_t records, damaged;

	if (store_verify(s, &records, &damaged, &e))
		return fail(text, size, &e);
	if (damaged)
		snprintf(text, size,
			 "%s: %zu of %zu records are damaged: restore a backup, or "
			 "import and add again what is missing",
			 s->path, damaged, records);
	else
		snprintf(text, size, "%s: %zu records", s->path, records);
	return damaged ? 1 : 0;
}

static int check_tokens(struct ctl *c, char *text, size_t size)
{
	struct error e = { 0 };

	if (!c->config)
		return -1;
	return ctl_tokens(c, &e) ? fail(text, size, &e) : check_store(&c->tokens, text, size);
}

static int check_keys(struct ctl *c, char *text, size_t size)
{
	struct error e = { 0 };

	if (!c->config)
		return -1;
	return ctl_keys(c, &e) ? fail(text, size, &e) : check_store(&c->keys, text, size);
}

static int check_accounts(struct ctl *c, char *text, size_t size)
{
	struct error e = { 0 };
	struct roster r;
	size_t usable = 0, count;

	if (!c->tokens.path)
		return -1;
	roster_init(&r);
	roster_load(&r, &c->tokens, &e); /* damage is told by the store's own line */
	count = r.count;
	for (size_t i = 0; i < count; i++)
		usable += account_usable(&r.accounts[i], clock_wall());
	roster_release(&r);
	snprintf(text, size, "%zu of %zu usable%s", usable, count,
		 usable	 ? ""
		 : count ? ": see kiroctl account list"
			 : ": kiroctl account import FILE --yes");
	return usable ? 0 : 1;
}

static int check_client_key(struct ctl *c, char *text, size_t size)
{
	struct error e = { 0 };
	size_t count = 0;

	if (c->config && c->config->auth == AUTH_NONE) {
		snprintf(text, size, "none is asked for (auth: none), from the loopback interface");
		return 0;
	}
	if (!c->keys.path)
		return -1;
	if (keys_count(&c->keys, &count, &e))
		return fail(text, size, &e);
	count += secret_present(&c->config->client_token);
	if (!count)
		snprintf(text, size,
			 "there is none, so every client is refused: kiroctl key add NAME");
	else
		snprintf(text, size, "%zu", count);
	return count ? 0 : 1;
}

/* Any answer at all will do: nothing that needs a login is asked. */
static int reach(struct ctl *c, const struct account *a, char *text, size_t size)
{
	struct http_reply reply = { 0 };
	struct error e = { 0 };
	struct buf body;
	char url[LIMIT_URL];
	int rc;

	management_base_url(c->config, a, url, sizeof(url));
	const struct http_request request = {
		.method = "GET",
		.url = url,
		.connect_ms = REACH_TIMEOUT_MS,
		.first_byte_ms = REACH_TIMEOUT_MS,
		.idle_ms = REACH_TIMEOUT_MS,
		.total_ms = REACH_TIMEOUT_MS,
		.proxy = a ? a->proxy_url : NULL,
		.watch_fd = -1,
	};
	if (ctl_http(c, &e))
		return fail(text, size, &e);
	buf_init(&body, LIMIT_UP_REPLY);
	rc = http_fetch(c->http, &request, &reply, &body, &e);
	buf_release(&body);
	if (rc)
		snprintf(text, size, "%s: %s: see network, proxy_url and ca_file", url, e.message);
	else
		snprintf(text, size, "%s answers (HTTP %d)", url, reply.status);
	return rc ? 1 : 0;
}

static int check_upstream(struct ctl *c, char *text, size_t size)
{
	struct error e = { 0 };
	struct account nobody;
	struct roster r;
	int rc;

	if (!c->config || !ctl_value(c, "online"))
		return -1;
	roster_init(&r);
	if (c->tokens.path)
		roster_load(&r, &c->tokens, &e);
	account_init(&nobody);
	rc = reach(c, r.count ? &r.accounts[0] : &nobody, text, size);
	account_release(&nobody);
	roster_release(&r);
	return rc;
}

/* clang-format off */
static const struct {
	const char *name;
	check_fn *check;
} checks[] = {
	{ "configuration", check_config },
	{ "state directory", check_state_dir },
	{ "account store", check_tokens },
	{ "key store", check_keys },
	{ "accounts", check_accounts },
	{ "client key", check_client_key },
	{ "upstream", check_upstream },
};
/* clang-format on */

static void print_result(const char *name, int failed, const char *text)
{
	printf("%-5s %-16s ", failed ? "FAIL" : "OK", name);
	ctl_print_clean(stdout, text);
	putchar('\n');
}

static void write_result(struct jsonw *w, const char *name, int failed, const char *text)
{
	jsonw_begin_object(w);
	jsonw_text_member(w, "check", name);
	jsonw_bool_member(w, "ok", !failed);
	jsonw_text_member(w, "text", text);
	jsonw_end(w);
}

int ctl_doctor(struct ctl *c, struct error *e)
{
	char text[LIMIT_URL + LIMIT_ERROR_TEXT];
	struct jsonw w;
	struct buf out;
	int failures = 0;

	(void)e;
	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	jsonw_begin_array(&w);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		int rc = checks[i].check(c, text, sizeof(text));

		if (rc < 0)
			continue;
		failures += rc;
		if (c->json)
			write_result(&w, checks[i].name, rc, text);
		else
			print_result(checks[i].name, rc, text);
	}
	jsonw_end(&w);
	if (c->json)
		ctl_print_json(&out);
	buf_release(&out);
	return failures ? 1 : 0;
}
