/*
 * login.h - a person logs in to Kiro in a browser, anywhere, and we get the account's tokens.
 *
 *   login_start()      what to open (url, code), until when, and how often to ask
 *   login_poll()       every `interval` seconds, until it is over: device logins
 *   login_callback()   with the address at which the browser ended: logins by_callback
 *
 * Between two calls a login is data: login_write() and login_read() carry it to another process,
 * which goes on with it. That text holds secrets (a device code is as good as the tokens it turns
 * into), so it belongs into the state store and nowhere else. Nothing is stored here: an account
 * that came out of LOGIN_DONE has all but id, label, machine id and date.
 *
 * Sources: RFC 8628 (device codes), RFC 7636 (PKCE), and what the services' own clients send.
 */
#ifndef COMMON_LOGIN_H
#define COMMON_LOGIN_H

#include "common/account.h"
#include "common/base.h"
#include "common/buf.h"
#include "common/config.h"
#include "common/error.h"
#include "common/http.h"
#include "common/secret.h"

enum login_method {
	LOGIN_BUILDER_ID,  /* AWS Builder ID, device code */
	LOGIN_IDC,	   /* IAM Identity Center, device code */
	LOGIN_IDC_BROWSER, /* IAM Identity Center, authorization code with PKCE */
	LOGIN_GOOGLE,	   /* device code of the social service */
	LOGIN_GITHUB,
	LOGIN_EXTERNAL_IDP, /* authorization code with PKCE at the company's own provider */
	LOGIN_PORTAL,	    /* Kiro's sign-in page, where the person chooses one of the others */
	LOGIN_METHODS
};
/* builder-id, idc, idc-browser, google, github, external-idp, portal */
extern const char *const login_method_names[LOGIN_METHODS];

struct login_service {
	const struct config *config; /* borrowed */
	struct http_client *http;    /* borrowed */
	int watch_fd; /* input on it ends a running exchange with ERR_GONE; -1: nothing does */
};

/* What is wanted; texts are borrowed, NULL: the default. */
struct login_request {
	enum login_method method;
	const char *region;	/* of the Identity Center (us-east-1) */
	const char *start_url;	/* IDC*: required; BUILDER_ID: view.awsapps.com's */
	const char *issuer_url; /* EXTERNAL_IDP: required, as is client_id */
	const char *client_id, *scopes, *login_hint, *audience;
	const char *proxy; /* as account.proxy_url; the account gets it */
};

struct login {
	enum login_method method;
	bool by_callback;
	char *url;	    /* to open in a browser; with a code: holds it already */
	char *page, *code;  /* the page without the code, and the code to type there; or NULL */
	int64_t expires_at; /* wall clock, seconds */
	int interval;	    /* seconds between two polls */

	/* the rest is login*.c's */
	char *region, *start_url, *issuer_url, *token_endpoint, *client_id, *scopes, *redirect_uri;
	char *proxy;
	struct secret client_secret, device_code, verifier, state;
	int64_t client_expires_at; /* of client_secret; 0: not told */
};

enum login_step {
	LOGIN_PENDING,	 /* not yet; after login_callback(): there is a new link to open */
	LOGIN_SLOW_DOWN, /* not yet, and interval has grown */
	LOGIN_DONE,	 /* *account is filled */
	LOGIN_DENIED,	 /* the person, or the organisation, said no */
	LOGIN_EXPIRED,	 /* too late: start again */
};

void login_init(struct login *l);
void login_release(struct login *l); /* wipes */

/* *out is initialised. -1: ERR_REQUEST names what is missing or wrong in the request; ERR_LOGIN,
 * the service refuses it; ERR_UP_* and ERR_GONE as login_call() has them. */
int login_start(const struct login_service *s, const struct login_request *ask, struct login *out,
		struct error *e);

/* A login_step, or -1: it cannot go on (ERR_LOGIN, ERR_UP_DAMAGED), or, where login_may_go_on(),
 * the service could not be asked this time. account: initialised, filled by LOGIN_DONE. */
int login_poll(const struct login_service *s, struct login *l, struct account *account,
	       struct error *e);

/* url: the whole address, with its query. The same answers; ERR_REQUEST when the address is none
 * of this login. The code in it is good once. */
int login_callback(const struct login_service *s, struct login *l, const char *url,
		   struct account *account, struct error *e);

/* Approves a device login with the session cookie of the AWS access portal (x-amz-sso_authn), in
 * place of a person at the browser; login_poll() is next. ERR_LOGIN: the portal refuses it. */
int login_approve(const struct login_service *s, const struct login *l, const struct secret *cookie,
		  struct error *e);

/* Is it a failure of the way there (network, overload) that may be gone the next time? */
bool login_may_go_on(const struct error *e);

/* One JSON object. -1: ERR_STORE, it is none, or of another version. */
void login_write(const struct login *l, struct buf *json);
int login_read(struct login *l, struct span json, struct error *e);

#endif
