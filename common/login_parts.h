/*
 * login_parts.h - what the files of login.h share and nobody else needs.
 */
#ifndef COMMON_LOGIN_PARTS_H
#define COMMON_LOGIN_PARTS_H

#include "common/login.h"
#include "common/login_call.h"

#define LOGIN_REGION	     "us-east-1"
#define LOGIN_BUILDER_ID_URL "https://view.awsapps.com/start"

/* One request of a login. body: of that content type. The answer is to be released. */
int login_send(const struct login_service *s, const struct login *l, const char *url,
	       const char *content_type, const struct buf *body, struct login_call *x,
	       struct error *e);

/* Why the service did not do `what`: kind by status and error code, in its words without the
 * login's secrets. Always -1. */
int login_refused(const struct login *l, const struct login_call *x, const char *what,
		  struct error *e);

/* The tokens of an answer, and all that the login knows. 0 or -1, ERR_UP_DAMAGED. */
int login_take(const struct login *l, enum account_kind kind, const char *provider,
	       const cJSON *answer, struct account *account, struct error *e);

void login_set(char **to, const char *text); /* copies; NULL stays NULL */

typedef int login_starter(const struct login_service *s, struct login *l,
			  const struct login_request *ask, struct error *e);
typedef int login_poller(const struct login_service *s, struct login *l, struct account *account,
			 struct error *e);
typedef int login_finisher(const struct login_service *s, struct login *l, const char *url,
			   struct account *account, struct error *e);

/* login_device.c */
int login_register(const struct login_service *s, struct login *l, const char *redirect_uri,
		   struct error *e);
login_starter login_start_oidc, login_start_social;
login_poller login_poll_oidc, login_poll_social;

/* login_code.c: url is an address that login_callback() has found to be of this login. */
login_starter login_start_idc_browser, login_start_external, login_start_portal;
login_finisher login_finish_idc_browser, login_finish_external, login_finish_portal;

#endif
