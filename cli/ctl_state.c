#include "common/base.h"
#include "cli/ctl.h"

#include "common/account.h"
#include "common/http.h"
#include "common/live.h"
#include "common/jsonw.h"

static const char *const store_names[] = { "tokens", "keys", "usage" };

int ctl_config(struct ctl *c, struct error *e)
{
	if (c->config)
		return 0;
	return config_load(&c->config, c->config_file, *c->program ? c->program : NULL, e);
}

static unsigned store_flags(const struct ctl *c)
{
	return c->config->state_on_network ? STORE_ANY_FS : 0;
}

int ctl_create(struct ctl *c, struct error *e)
{
	if (ctl_config(c, e))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(store_names); i++) {
		if (store_create(c->config->state_dir, store_names[i], store_flags(c), e))
			return -1;
	}
	return 0;
}

static bool exists(const char *dir, const char *name)
{
	char path[LIMIT_URL];

	snprintf(path, sizeof(path), "%s/%s.gdbm", dir, name);
	return access(path, F_OK) == 0;
}

static int open_store(struct ctl *c, struct store *s, const char *name, struct error *e)
{
	if (s->path)
		return 0;
	if (ctl_config(c, e))
		return -1;
	/* What may not be looked at is told by store_open(), with whose it is. */
	if (!exists(c->config->state_dir, name) && errno != EACCES)
		return error_set(
			e, ERR_STORE,
			"%s: no %s.gdbm there: make it with kiroctl init, bring it back with "
			"kiroctl repair, or name another directory (--state-dir, "
			"KIRO_STATE_DIR, state_dir)",
			c->config->state_dir, name);
	return store_open_sealed(s, c->config->state_dir, name, store_flags(c),
				 c->config->state_key_file, e);
}

int ctl_tokens(struct ctl *c, struct error *e)
{
	return open_store(c, &c->tokens, "tokens", e);
}

int ctl_keys(struct ctl *c, struct error *e)
{
	return open_store(c, &c->keys, "keys", e);
}

/* Installations of older versions have none. */
int ctl_usage_store(struct ctl *c, struct error *e)
{
	if (ctl_config(c, e) || store_create(c->config->state_dir, "usage", store_flags(c), e))
		return -1;
	return open_store(c, &c->usage, "usage", e);
}

int ctl_http(struct ctl *c, struct error *e)
{
	const struct http_options options = { c->config->ca_file, c->config->proxy_url };

	return c->http ? 0 : http_client_new(&c->http, &options, e);
}

struct live *ctl_live(struct ctl *c)
{
	if (!c->live)
		c->live = live_new(c->config->state_dir);
	return c->live;
}

void ctl_release(struct ctl *c)
{
	if (c->tokens.path)
		store_close(&c->tokens);
	if (c->keys.path)
		store_close(&c->keys);
	if (c->usage.path)
		store_close(&c->usage);
	free(c->accounts);
	live_free(c->live);
	http_client_free(c->http);
	config_free(c->config);
}

int ctl_init(struct ctl *c, struct error *e)
{
	bool before = true;

	if (ctl_config(c, e))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(store_names); i++)
		before &= exists(c->config->state_dir, store_names[i]);
	if (ctl_create(c, e) || ctl_tokens(c, e) || ctl_keys(c, e))
		return -1;
	if (c->json) {
		struct jsonw w;
		struct buf out;

		buf_init(&out, CTL_OUTPUT);
		jsonw_init(&w, &out);
		jsonw_begin_object(&w);
		jsonw_text_member(&w, "state_dir", c->config->state_dir);
		jsonw_bool_member(&w, "created", !before);
		jsonw_end(&w);
		ctl_print_json(&out);
		buf_release(&out);
	} else {
		printf("%s: %s\n", c->config->state_dir, before ? "already there" : "made");
	}
	return 0;
}
