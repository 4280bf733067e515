/*
 * Client keys, and the operator's names for models.
 */
#include "common/base.h"
#include "fcgi/api.h"

#include "common/alias.h"
#include "common/catalogues.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/keys.h"
#include "fcgi/admin.h"

static void write_limits(struct jsonw *w, const struct key *key)
{
	char limits[KEY_LIMIT_SIZE];

	jsonw_begin_object_member(w, "limits");
	for (int m = 0; m < KEY_MEASURES; m++) {
		key_limits_format((enum key_measure)m, key->limits[m], limits);
		jsonw_text_member(w, key_measure_names[m], *limits ? limits : NULL);
	}
	jsonw_end(w);
}

void admin_write_key(struct jsonw *w, const struct key *key)
{
	char words[LIMIT_ERROR_TEXT];

	jsonw_text_member(w, "id", key->id);
	jsonw_text_member(w, "name", key->name);
	jsonw_text_member(w, "prefix", key->prefix);
	jsonw_text_member(w, "role", key_role_names[key->role]);
	jsonw_date_member(w, "added_at", key->added_at);
	jsonw_date_member(w, "expires_at", key->expires_at);
	jsonw_date_member(w, "revoked_at", key->revoked_at);
	jsonw_date_member(w, "ends_at", key->ends_at);
	jsonw_text_member(w, "refusal", key_refusal(key, clock_wall(), words));
	jsonw_text_member(w, "models", *key->models ? key->models : NULL);
	jsonw_text_member(w, "pool", key_pool_names[key->pool]);
	jsonw_int_member(w, "max_streams", key->max_streams);
	write_limits(w, key);
}

struct listing {
	struct request *r;
	struct jsonw *w;
};

/* What it has used, and how many requests of it are served at this moment. */
static void write_use(const struct listing *l, const struct key *key)
{
	const struct site *site = l->r->site;
	int running = gate_streams(site->config, key);
	struct quota_view view;

	quota_look(site->quota, key->id, clock_wall(), &view);
	api_write_limits(l->w, "used", key, &view, false);
	jsonw_date_member(l->w, "last_used_at", view.used_at);
	if (running >= 0)
		jsonw_int_member(l->w, "running", running);
	else
		jsonw_null_member(l->w, "running");
}

static int write_key(void *context, const struct key *key)
{
	const struct listing *l = context;

	jsonw_begin_object(l->w);
	admin_write_key(l->w, key);
	jsonw_bool_member(l->w, "code", key->code.is);
	jsonw_text_member(l->w, "accounts", *key->accounts ? key->accounts : NULL);
	write_use(l, key);
	jsonw_end(l->w);
	return 0;
}

/* {"keys": [...], "damage": "the record ... cannot be read" or null} */
int api_admin_keys(struct request *r)
{
	struct error damage = { .kind = ERR_NONE };
	struct admin_answer a;
	struct listing l = { r, &a.w };

	if (admin_stores(r))
		return -1;
	admin_etag(r, &r->site->keys);
	admin_begin(&a);
	jsonw_begin_object(&a.w);
	jsonw_begin_array_member(&a.w, "keys");
	keys_each(&r->site->keys, write_key, &l, &damage);
	jsonw_end(&a.w);
	jsonw_text_member(&a.w, "damage", damage.kind ? damage.message : NULL);
	jsonw_end(&a.w);
	return admin_send(r, 200, &a);
}

/* This answer and that of a rotation are the only ones that ever hold a key. */
int api_admin_key_add(struct request *r)
{
	struct key settings = { .id = "" };
	char text[KEY_TEXT_SIZE] = "";
	const struct store *keys;
	const char *name = NULL;
	struct admin_answer a;

	if (request_json(r) || json_need_text(r->json, "name", NULL, &name, &r->error) ||
	    admin_check_key(r->json, true, &r->error) || admin_stores(r) ||
	    admin_find_accounts(r, "accounts", "") ||
	    admin_read_key(r->json, &settings, &r->error) ||
	    !(keys = admin_match(r, &r->site->keys)))
		return -1;
	if (keys_add(keys, name, &settings, text, &r->error)) {
		snprintf(r->error.field, sizeof(r->error.field), "name");
		return -1;
	}
	admin_touched(r, name);
	admin_note(r, "key %s (%s) added", name, key_role_names[settings.role]);
	admin_begin(&a);
	jsonw_begin_object(&a.w);
	jsonw_text_member(&a.w, "name", name);
	jsonw_text_member(&a.w, "role", key_role_names[settings.role]);
	jsonw_text_member(&a.w, "key", text);
	jsonw_end(&a.w);
	explicit_bzero(text, sizeof(text));
	return admin_send(r, 201, &a);
}

/* ---- models ---- */

static void write_model(struct jsonw *w, const struct model *m)
{
	jsonw_text_member(w, "id", m->id);
	jsonw_text_member(w, "name", m->display);
	jsonw_int_member(w, "window", m->window);
	jsonw_int_member(w, "max_output", m->max_output);
	jsonw_bool_member(w, "images", m->images);
	jsonw_bool_member(w, "reasoning", m->reasoning != REASONING_NONE);
}

/* {"models": [...], "aliases": [...], "damage": as above} */
int api_admin_models(struct request *r)
{
	struct error damage = { .kind = ERR_NONE };
	const struct model *const *list;
	struct admin_answer a;
	size_t count;

	if (admin_stores(r))
		return -1;
	list = catalogues_list(r->site->catalogues, &r->site->tokens, &r->arena, &count);
	admin_etag(r, &r->site->keys);
	admin_begin(&a);
	jsonw_begin_object(&a.w);
	jsonw_begin_array_member(&a.w, "models");
	for (size_t i = 0; i < count; i++) {
		jsonw_begin_object(&a.w);
		write_model(&a.w, list[i]);
		jsonw_end(&a.w);
	}
	jsonw_end(&a.w);
	jsonw_begin_array_member(&a.w, "aliases");
	alias_each(&r->site->keys, alias_write, &a.w, NULL, &damage);
	jsonw_end(&a.w);
	jsonw_text_member(&a.w, "damage", damage.kind ? damage.message : NULL);
	jsonw_end(&a.w);
	return admin_send(r, 200, &a);
}

/* ?name=: what a client that asks for it gets. */
int api_admin_model_test(struct request *r)
{
	const char *name = request_query(r, "name");
	struct site *site = r->site;
	struct model_meaning m;
	struct admin_answer a;

	if (!name || !*name)
		return error_field(&r->error, "name", "Field required");
	if (admin_stores(r))
		return -1;
	m = catalogues_resolve(site->catalogues, &site->tokens, &site->keys,
			       site->config->gpt_aliases, name, &r->arena);
	if (!m.model) {
		error_set(&r->error, ERR_NOT_FOUND, "no model is called %.100s", name);
		snprintf(r->error.field, sizeof(r->error.field), "name");
		return -1;
	}
	admin_begin(&a);
	jsonw_begin_object(&a.w);
	jsonw_text_member(&a.w, "asked", name);
	jsonw_text_member(&a.w, "through", m.through);
	jsonw_bool_member(&a.w, "by_default", m.by_default);
	write_model(&a.w, m.model);
	jsonw_end(&a.w);
	return admin_send(r, 200, &a);
}

int api_admin_alias_set(struct request *r)
{
	static const char *const known[] = { "target" };
	const struct store *keys;
	const char *target = NULL;

	if (request_json(r) ||
	    admin_check_members(r->json, known, ARRAY_SIZE(known), "cannot be set", &r->error) ||
	    json_need_text(r->json, "target", NULL, &target, &r->error) || admin_stores(r) ||
	    !(keys = admin_match(r, &r->site->keys)) || alias_set(keys, r->rest, target, &r->error))
		return -1;
	admin_note(r, "alias %s stands for %s", r->rest, target);
	return admin_send_text(r, 200, "target", target);
}

int api_admin_alias_remove(struct request *r)
{
	const struct store *keys;
	int rc;

	if (admin_stores(r) || !(keys = admin_match(r, &r->site->keys)))
		return -1;
	rc = alias_remove(keys, r->rest, &r->error);
	if (rc == 1)
		return error_set(&r->error, ERR_NOT_FOUND, "no alias is called %.80s", r->rest);
	if (rc)
		return -1;
	admin_note(r, "alias %s removed", r->rest);
	return admin_send_text(r, 200, "removed", r->rest);
}
