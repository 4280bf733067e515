/*
 * api.h - the handlers of routes[]. Each answers the request: with a response, or by leaving
 * r->error filled and returning -1, which the router turns into the dialect's envelope.
 */
#ifndef FCGI_API_H
#define FCGI_API_H

#include "common/jsonw.h"
#include "common/models.h"
#include "common/quota.h"
#include "fcgi/request.h"

/* The model that a client's name means: the owner's aliases, then what the accounts are offered,
 * then models[], then the gpt aliases where they are switched on, then the alias "default". NULL:
 * r->error is ERR_MODEL. */
const struct model *api_find_model(struct request *r, const char *name);

/* Does the name end with thinking_suffix? *plain: its length without it. */
bool api_asks_thinking(const struct request *r, const char *model, size_t *plain);

/* An array of a key's limits, with what it has used of each; all: of windows without one too. */
void api_write_limits(struct jsonw *w, const char *name, const struct key *key,
		      const struct quota_view *view, bool all);

int api_chat(struct request *r);
int api_usage(struct request *r);
int api_count_tokens(struct request *r);
int api_models(struct request *r);
int api_model(struct request *r);
int api_live(struct request *r);
int api_ready(struct request *r);
int api_metrics(struct request *r);
int api_stream(struct request *r);
int api_ignore(struct request *r);
int api_root(struct request *r);

/* The admin API (admin.h). */
int api_admin_account(struct request *r);
int api_admin_account_action(struct request *r);
int api_admin_account_add(struct request *r);
int api_admin_account_change(struct request *r);
int api_admin_account_remove(struct request *r);
int api_admin_accounts(struct request *r);
int api_admin_alias_remove(struct request *r);
int api_admin_alias_set(struct request *r);
int api_admin_code(struct request *r);
int api_admin_code_add(struct request *r);
int api_admin_code_change(struct request *r);
int api_admin_code_remove(struct request *r);
int api_admin_code_reset(struct request *r);
int api_admin_codes(struct request *r);
int api_admin_config(struct request *r);
int api_admin_events(struct request *r);
int api_admin_health(struct request *r);
int api_admin_import(struct request *r);
int api_admin_key_add(struct request *r);
int api_admin_key_change(struct request *r);
int api_admin_key_remove(struct request *r);
int api_admin_key_revoke(struct request *r);
int api_admin_key_rotate(struct request *r);
int api_admin_keys(struct request *r);
int api_admin_log(struct request *r);
int api_admin_login_callback(struct request *r);
int api_admin_login_cancel(struct request *r);
int api_admin_login_poll(struct request *r);
int api_admin_login_start(struct request *r);
int api_admin_model_test(struct request *r);
int api_admin_models(struct request *r);
int api_admin_reload(struct request *r);
int api_admin_session(struct request *r);
int api_admin_sign_in(struct request *r);
int api_admin_sign_out(struct request *r);
int api_admin_stats(struct request *r);
int api_admin_usage(struct request *r);
int api_admin_usage_csv(struct request *r);
int api_admin_user(struct request *r);
int api_admin_user_add(struct request *r);
int api_admin_user_remove(struct request *r);
int api_admin_user_stats(struct request *r);
int api_admin_users(struct request *r);
int api_panel(struct request *r);
int api_panel_openapi(struct request *r);

#endif
