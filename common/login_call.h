/*
 * login_call.h - one exchange with a service that hands out tokens: where those services are, what
 * every request to them has, and how they refuse. Used by renew.c and by the logins.
 */
#ifndef COMMON_LOGIN_CALL_H
#define COMMON_LOGIN_CALL_H

#include "common/base.h"
#include "common/buf.h"
#include "common/config.h"
#include "common/error.h"
#include "common/http.h"
#include "common/secret.h"

#include <cjson/cJSON.h>

#define LOGIN_JSON	 "application/json"
#define LOGIN_FORM	 "application/x-www-form-urlencoded"
#define LOGIN_QUOTE_SIZE 400

struct login_call {
	const struct config *config;
	struct http_client *http;
	const char *method, *url, *content_type;
	const char *agent;	     /* User-Agent */
	const char *proxy;	     /* as http_request has it */
	const char *referer;	     /* NULL: none */
	const struct secret *bearer; /* NULL: none */
	struct span body;
	int watch_fd; /* input on it ends the exchange with ERR_GONE; -1: none */

	struct http_reply reply;
	cJSON *tree; /* the answer's body; NULL: it is no JSON */
};

/* Sent once: where a connection breaks, it is not sent again behind our back, as tokens and codes
 * are good once. 0, whatever the status; -1: http_fetch()'s failures, ERR_GONE. */
int login_call(struct login_call *c, struct error *e);
void login_call_release(struct login_call *c); /* wipes the answer */

/* What the service says in a refusal, fit for people and logs: short and printable. */
const char *login_quote(const cJSON *tree, char *out, size_t size);

/* Adds the URL of a path at these hosts: the configured one, or the service's own. */
void login_url_social(const struct config *config, const char *path, struct buf *url);
void login_url_oidc(const struct config *config, const char *region, const char *path,
		    struct buf *url);
void login_url_portal(const struct config *config, const char *region, const char *path,
		      struct buf *url);
void login_url_signin(const struct config *config, const char *path, struct buf *url);

#endif
