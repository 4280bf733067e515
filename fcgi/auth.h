/*
 * auth.h - who may come in: a client key from x-api-key, Authorization: Bearer or x-goog-api-key.
 */
#ifndef FCGI_AUTH_H
#define FCGI_AUTH_H

#include "fcgi/request.h"

/* Who may come in at a door: column of routes[], against the role of a key. */
enum guard {
	OPEN,	  /* anybody */
	HOLDER,	  /* whoever holds a key, of any role */
	CLIENT,	  /* users of the client APIs: user, admin */
	CHAT,	  /* the same, within the limits of their key (gate.h) */
	VIEWER,	  /* who may see: viewer, operator, admin */
	OPERATOR, /* who may see to accounts: operator, admin */
	ADMIN,	  /* admin */
	PANEL,	  /* anybody whose browser knows this host by its own name (admin.h) */
	GUARDS
};

/* 0 and r->key filled; -1: ERR_AUTH (no key, a wrong, expired or revoked one), ERR_FORBIDDEN (its
 * role may not; an activation code that may not, auth_code.h; or auth is "none" and the peer is not
 * on the loopback interface), ERR_NOT_CONFIGURED (no key exists at all), ERR_STORE. With auth
 * "none" the client APIs ask for no key, all else does. */
int auth_enter(struct request *r, enum guard guard);

/* All that a client sent where its key belongs, without blanks around it, in the arena. */
#define AUTH_MAX_KEYS 4
size_t auth_keys(struct request *r, const char *keys[static AUTH_MAX_KEYS]);

/* Who may read /metrics: holders of metrics_token; where there is none, clients of this machine. */
int auth_scraper(struct request *r);

#endif
