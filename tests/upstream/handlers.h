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

/* control.c; no journal, no bearer */
void control_answer(struct exchange *x);

#endif
