#include "common/base.h"
#include "tests/unit/scene.h"

#include "common/account_store.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/log.h"

#include <CUnit/CUnit.h>

static int send_step(struct up_call *call, const struct account *account, struct error *e)
{
	struct scene *s = call->context;
	const struct step *step = s->steps;

	s->sent++;
	call->began -= s->takes_ms;
	snprintf(s->last, sizeof(s->last), "%s", account->id);
	if (s->meanwhile) {
		void (*meanwhile)(struct scene *) = s->meanwhile;

		s->meanwhile = NULL;
		meanwhile(s);
	}
	if (!step || !step->kind)
		return 0;
	if (!--s->left) {
		s->steps++;
		s->left = s->steps->times;
	}
	e->retry_after = step->retry_after;
	return error_set(e, step->kind, "the upstream's words");
}

static bool sink_committed(void *context)
{
	return ((struct scene *)context)->shown;
}

static int sink_tick(void *context, struct error *e)
{
	if (((struct scene *)context)->leaves)
		return error_set(e, ERR_GONE, "the client has left");
	return 1000;
}

struct error scene_request(struct scene *s)
{
	const struct up_sink sink = {
		.tick = sink_tick, .committed = sink_committed, .watch_fd = -1, .context = s
	};
	struct error e = { .kind = ERR_NONE };
	struct arena arena;
	struct up_call call = {
		.site = s->site, .arena = &arena, .sink = &sink, .send = send_step, .context = s
	};

	arena_init(&arena);
	up_call_run(&call, &e);
	arena_release(&arena);
	return e;
}

struct error scene_request_met(struct scene *s, const struct step *steps)
{
	s->steps = steps;
	s->left = steps->times;
	s->sent = 0;
	return scene_request(s);
}

void scene_put(struct scene *s, const char *id, enum account_kind kind, int64_t expires_at)
{
	struct error e = { .kind = ERR_NONE };
	char key[STORE_KEY_SIZE];
	struct account a;
	struct buf json;

	account_init(&a);
	a.id = xstrdup(id);
	a.label = xstrdup(id);
	a.kind = kind;
	secret_set(&a.access_token, "access-0");
	secret_set(&a.refresh_token, "refresh-0");
	secret_set(&a.api_key, "key");
	a.expires_at = expires_at;
	a.client_id = xstrdup("client");
	secret_set(&a.client_secret, "client-secret");
	buf_init(&json, LIMIT_RECORD);
	account_write(&a, &json);
	snprintf(key, sizeof(key), "a/%s", id);
	CU_ASSERT_EQUAL_FATAL(store_put(&s->site->tokens, key, buf_span(&json), &e), 0);
	buf_release(&json);
	account_release(&a);
}

void scene_is(struct scene *s, const char *id, enum account_state state, int64_t until)
{
	struct error e = { .kind = ERR_NONE };
	char key[STORE_KEY_SIZE];
	struct account a;
	cJSON *tree;

	snprintf(key, sizeof(key), "a/%s", id);
	account_init(&a);
	tree = json_parse(span_of(scratch_get(&s->site->tokens, key, &e)), &e);
	CU_ASSERT_EQUAL_FATAL(account_read(&a, tree, &e), 0);
	CU_ASSERT_EQUAL(a.state, state);
	CU_ASSERT_EQUAL(a.state_until, until);
	account_release(&a);
	cJSON_Delete(tree);
}

static void write_config(const struct scene *s, char *path, size_t size)
{
	char text[512];

	snprintf(path, size, "%s/kiro.json", s->dir);
	snprintf(text, sizeof(text),
		 "{ \"state_dir\": \"%s\", \"log\": { \"file\": \"/dev/null\" },"
		 " \"upstream\": { \"social_url\": \"%s\", \"oidc_url\": \"%s\","
		 " \"management_url\": \"%s\" } }",
		 s->dir, s->login.url, s->login.url, s->login.url);
	scratch_write(path, text, strlen(text));
}

void scene_begin(struct scene *s)
{
	struct error e = { .kind = ERR_NONE };
	char path[256];

	*s = (struct scene){ .sent = 0 };
	scratch_make(s->dir);
	fake_login_start(&s->login);
	write_config(s, path, sizeof(path));
	CU_ASSERT_EQUAL_FATAL(store_create(s->dir, "tokens", 0, &e), 0);
	CU_ASSERT_EQUAL_FATAL(store_create(s->dir, "keys", 0, &e), 0);
	CU_ASSERT_EQUAL_FATAL(app_init(&s->app, path, "kiro.fcgi", &e), 0);
	s->site = app_site(&s->app);
	CU_ASSERT_EQUAL_FATAL(site_open_stores(s->site, &e), 0);
	clock_set_wall(NOW);
}

void scene_end(struct scene *s)
{
	static const struct log_options loud = { .level = LOG_INFO };

	site_drop(s->site);
	app_release(&s->app);
	fake_login_stop(&s->login);
	clock_set_wall(0);
	log_open(&loud);
	scratch_remove(s->dir);
}
