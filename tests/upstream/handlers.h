/*
 * handlers.h - what operation.c's table calls: body read, bearer checked, entry in the journal.
 */
#ifndef STANDIN_HANDLERS_H
#define STANDIN_HANDLERS_H

#include "exchange.h"

/* chat.c */
void chat_answer(struct exchange *x);

/* service.c */
void service_usage(struct exchange *x);
void service_models(struct exchange *x);
void service_profiles(struct exchange *x);
void service_profile(struct exchange *x);
void service_features(struct exchange *x);
void service_user(struct exchange *x);

/* mcp.c */
void mcp_answer(struct exchange *x);

/* refresh.c */
void refresh_social(struct exchange *x);
void refresh_oidc(struct exchange *x);

/* login.c */
void login_register(struct exchange *x);
void login_oidc_start(struct exchange *x);
void login_oidc_poll(struct exchange *x);
void login_social_start(struct exchange *x);
void login_social_poll(struct exchange *x);
void logins_free(struct login *list);
/* Is that client id's secret this one? */
bool login_registered(const char *id, const char *secret);
/* A new account for a login that went well, as accounts_put() describes it; to be deleted. */
cJSON *login_account(struct exchange *x, const char *kind, const char *client_id,
		     const char *client_secret);
void login_approve(struct standin *app); /* the newest OIDC device login is authorized now */
void login_refuse(struct exchange *x, int status, const char *error, const char *description);

/* code.c */
void code_register(struct exchange *x, const char *client_id); /* notes its redirectUris */
void code_oidc_page(struct exchange *x);
void code_oidc_token(struct exchange *x);
void code_signin_page(struct exchange *x);
void code_social_token(struct exchange *x);
void code_idp_discovery(struct exchange *x);
void code_idp_page(struct exchange *x);
void code_idp_token(struct exchange *x);
void codes_free(struct auth_code *list);

/* sso.c */
void sso_who(struct exchange *x);
void sso_session(struct exchange *x);
void sso_accept(struct exchange *x);
void sso_associate(struct exchange *x);

/* control.c; no journal, no bearer */
void control_answer(struct exchange *x);

#endif
