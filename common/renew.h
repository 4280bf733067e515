/*
 * renew.h - one renewal request to the service that issued an account's tokens: what to send for
 * each kind of credential (auth_methods[]) and what the reply means. No locks and no store: those
 * are refresh.c's.
 */
#ifndef COMMON_RENEW_H
#define COMMON_RENEW_H

#include "common/account.h"
#include "common/config.h"
#include "common/error.h"
#include "common/http.h"

struct renewal {
	struct secret access_token;
	struct secret refresh_token; /* none: the old one stays good */
	int64_t lifetime;	     /* seconds */
	char *profile_arn;	     /* NULL: not told */
};

/* Fills an empty renewal from an answer that hands out tokens to that kind of account.
 * -1: ERR_UP_DAMAGED, there is no usable token in it. */
int renewal_read(enum account_kind kind, const cJSON *tree, struct renewal *out, struct error *e);
void renewal_release(struct renewal *n);

/* Fills an empty renewal. -1: ERR_LOGIN (the service refuses this refresh token or this client),
 * ERR_UP_RATE, ERR_UP_OVERLOAD, ERR_UP_DENIED, ERR_UP_NETWORK, ERR_UP_TIMEOUT, ERR_UP_DAMAGED, or
 * ERR_STORE (the record names a host that we do not send tokens to). Messages hold no secrets. */
int renew(const struct config *config, struct http_client *http, const struct account *a,
	  const struct secret *refresh_token, struct renewal *out, struct error *e);

/* Where the account's tokens are renewed. -1: nowhere, or its settings are refused. */
int renew_url(const struct config *config, const struct account *account, char *out, size_t size);

#endif
