/*
 * control.c - /_control/: what tests set up and what they look at afterwards (README.md).
 *
 * On the service's own port, so that a test needs one address; never in the journal.
 */
#include "base.h"
#include "handlers.h"

static void done(struct exchange *x)
{
	exchange_answer_text(x, 204, NULL, NULL, NULL);
}

static void complain(struct exchange *x, int status, const char *why)
{
	cJSON *out = cJSON_CreateObject();

	cJSON_AddStringToObject(out, "error", why);
	exchange_answer(x, status, out);
}

static void health(struct exchange *x, const char *name)
{
	(void)name;
	exchange_answer_text(x, 200, "text/plain", NULL, "ok\n");
}

static void file_script(struct exchange *x, const char *name)
{
	char *why = NULL;

	if (!library_put(&x->app->library, name, x->body, &why))
		done(x);
	else
		complain(x, 400, why);
	free(why);
}

static void put_script(struct exchange *x, const char *name)
{
	if (*name == ':')
		complain(x, 400, "a script's name does not start with a colon");
	else
		file_script(x, name);
}

static void remove_script(struct exchange *x, const char *name)
{
	if (library_remove(&x->app->library, name))
		done(x);
	else
		complain(x, 404, "no script of that name");
}

/* An answer for another operation is a script that only has "http", under a name apart. */
static void put_answer(struct exchange *x, const char *operation)
{
	char *name = xformat(":%s", operation);

	if (json_object(x->body, "http"))
		file_script(x, name);
	else
		complain(x, 400, "needs http: {status, headers, body}");
	free(name);
}

static void remove_answer(struct exchange *x, const char *operation)
{
	char *name = xformat(":%s", operation);

	remove_script(x, name);
	free(name);
}

/* ?since=ID: only later ones; ?wait=MS: first wait so long for answers still under way. */
static void get_requests(struct exchange *x, const char *name)
{
	char *since = http_query(&x->request, "since"), *wait = http_query(&x->request, "wait");
	int64_t until = clock_mono_ns() + (wait ? strtol(wait, NULL, 10) : 0) * 1000000;
	struct text out = { 0 };
	unsigned now, most;

	(void)name;
	for (;;) {
		journal_concurrency(&x->app->journal, &now, &most);
		if (!now || clock_mono_ns() >= until || conn_wait(x->conn, 2000000))
			break;
	}
	journal_print(&x->app->journal, since ? strtoull(since, NULL, 10) : 0, &out);
	exchange_answer_text(x, 200, NULL, NULL, out.at);
	text_release(&out);
	free(since);
	free(wait);
}

static void clear_requests(struct exchange *x, const char *name)
{
	(void)name;
	journal_clear(&x->app->journal);
	done(x);
}

static void put_accounts(struct exchange *x, const char *name)
{
	cJSON *out = cJSON_CreateArray(), *account;
	const cJSON *spec = cJSON_IsArray(x->body) ? x->body->child : x->body;
	const char *why = NULL;

	(void)name;
	for (; spec && !why; spec = cJSON_IsArray(x->body) ? spec->next : NULL) {
		if (!accounts_put(&x->app->accounts, spec, &account, &why))
			cJSON_AddItemToArray(out, account);
	}
	if (!why) {
		exchange_answer(x, 200, out);
		return;
	}
	cJSON_Delete(out);
	complain(x, 400, why);
}

static void get_accounts(struct exchange *x, const char *name)
{
	(void)name;
	exchange_answer(x, 200, accounts_list(&x->app->accounts));
}

static void clear_accounts(struct exchange *x, const char *name)
{
	(void)name;
	accounts_reset(&x->app->accounts);
	done(x);
}

static void set_refresh(struct exchange *x, const char *name)
{
	struct refresh_script *s = &x->app->refresh;
	const cJSON *body = json_get(x->body, "body");
	const char *account = json_str(x->body, "account");

	(void)name;
	pthread_mutex_lock(&x->app->lock);
	free(s->body);
	*s = (struct refresh_script){
		.delay_ns = (int64_t)(json_num(x->body, "delay_ms", 0) * 1e6),
		.status = (int)json_num(x->body, "status", 0),
		.keep = !json_bool(x->body, "rotate", true),
		.drop_answer = json_bool(x->body, "drop_answer", false),
		.times = (long)json_num(x->body, "times", 0),
		.body = cJSON_IsString(body) ? xstrdup(body->valuestring)
			: body		     ? json_text(body)
					     : NULL,
	};
	if (account)
		snprintf(s->account, sizeof(s->account), "%s", account);
	pthread_mutex_unlock(&x->app->lock);
	done(x);
}

static void copy_name(char to[LIMIT_NAME + 1], const cJSON *from, const char *member,
		      const char *missing)
{
	const char *text = json_str(from, member);

	snprintf(to, LIMIT_NAME + 1, "%s", text ? text : missing);
}

static void set_device(struct exchange *x, const char *name)
{
	struct device_script *d = &x->app->device;
	static const char *const results[] = { "authorized", "expired_token", "access_denied" };
	const char *result = json_str(x->body, "result");
	size_t i = 0;

	(void)name;
	while (result && i < ARRAY_SIZE(results) && strcmp(results[i], result))
		i++;
	if (i == ARRAY_SIZE(results)) {
		complain(x, 400, "result must be authorized, expired_token or access_denied");
		return;
	}
	pthread_mutex_lock(&x->app->lock);
	d->result = results[i];
	d->pending = (int)json_num(x->body, "pending", 1);
	d->slow_downs = (int)json_num(x->body, "slow_downs", 0);
	d->drops = (int)json_num(x->body, "drops", 0);
	d->interval_s = (int)json_num(x->body, "interval", 1);
	d->expires_in_s = (int)json_num(x->body, "expires_in", 600);
	copy_name(d->user, x->body, "user", "");
	copy_name(d->option, x->body, "option", "google");
	copy_name(d->cookie, x->body, "cookie", "");
	pthread_mutex_unlock(&x->app->lock);
	done(x);
}

static void set_settings(struct exchange *x, const char *name)
{
	(void)name;
	x->app->rpc_denied_status =
		(int)json_num(x->body, "awsjson_denied_status", x->app->rpc_denied_status);
	x->app->max_body = (int)json_num(x->body, "max_body", x->app->max_body);
	done(x);
}

static void get_stats(struct exchange *x, const char *name)
{
	cJSON *out = cJSON_CreateObject();
	unsigned now, most;

	(void)name;
	journal_concurrency(&x->app->journal, &now, &most);
	cJSON_AddItemToObject(out, "operations", journal_counts(&x->app->journal));
	cJSON_AddItemToObject(out, "refresh", accounts_stats(&x->app->accounts));
	cJSON_AddNumberToObject(out, "in_flight", now);
	cJSON_AddNumberToObject(out, "max_in_flight", most);
	cJSON_AddNumberToObject(out, "connections", (double)server_accepted(&x->app->server));
	exchange_answer(x, 200, out);
}

static void clear_stats(struct exchange *x, const char *name)
{
	(void)name;
	journal_clear_counts(&x->app->journal);
	accounts_clear_stats(&x->app->accounts);
	done(x);
}

static void reset(struct exchange *x, const char *name)
{
	(void)name;
	if (standin_reset(x->app))
		complain(x, 500, "the start-up files cannot be read again");
	else
		done(x);
}

static const struct control {
	const char *method, *path; /* a path that ends in '/' takes a name behind it */
	bool body;
	void (*handle)(struct exchange *x, const char *name);
} controls[] = {
	{ "GET", "/_health", false, health },
	{ "PUT", "/_control/script/", true, put_script },
	{ "DELETE", "/_control/script/", false, remove_script },
	{ "PUT", "/_control/answer/", true, put_answer },
	{ "DELETE", "/_control/answer/", false, remove_answer },
	{ "GET", "/_control/requests", false, get_requests },
	{ "DELETE", "/_control/requests", false, clear_requests },
	{ "POST", "/_control/accounts", true, put_accounts },
	{ "GET", "/_control/accounts", false, get_accounts },
	{ "DELETE", "/_control/accounts", false, clear_accounts },
	{ "POST", "/_control/refresh", true, set_refresh },
	{ "POST", "/_control/device", true, set_device },
	{ "POST", "/_control/settings", true, set_settings },
	{ "GET", "/_control/stats", false, get_stats },
	{ "DELETE", "/_control/stats", false, clear_stats },
	{ "POST", "/_control/reset", false, reset },
};

static const struct control *find(const struct request *r, const char **name)
{
	for (size_t i = 0; i < ARRAY_SIZE(controls); i++) {
		const struct control *c = &controls[i];
		size_t len = strlen(c->path);
		bool named = c->path[len - 1] == '/';

		if (strcmp(c->method, r->method) || strncmp(c->path, r->path, len))
			continue;
		*name = r->path + len;
		if (named ? **name != 0 : **name == 0)
			return c;
	}
	return NULL;
}

void control_answer(struct exchange *x)
{
	const char *name, *why = NULL;
	const struct control *c = find(&x->request, &name);

	if (!c) {
		complain(x, 404, "no such control");
		return;
	}
	if (c->body) {
		x->body = json_read(x->request.body.at, x->request.body.len, &why);
		if (!x->body) {
			complain(x, 400, why);
			return;
		}
	}
	c->handle(x, name);
}
