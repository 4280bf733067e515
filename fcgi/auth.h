/*
 * auth.h - who may come in: a client key from x-api-key, Authorization: Bearer or x-goog-api-key.
 */
#ifndef FCGI_AUTH_H
#define FCGI_AUTH_H

#include "fcgi/request.h"

/* 0 and r->key filled; -1: ERR_AUTH, ERR_NOT_CONFIGURED (no key exists at all), ERR_FORBIDDEN
 * (auth "none" and the peer is not on the loopback interface), ERR_STORE. */
int auth_client(struct request *r);

/* All that a client sent where its key belongs, without blanks around it, in the arena. */
#define AUTH_MAX_KEYS 4
size_t auth_keys(struct request *r, const char *keys[static AUTH_MAX_KEYS]);

/* Who may read /metrics: holders of metrics_token; where there is none, clients of this machine. */
int auth_scraper(struct request *r);

/* The client, as the web server knows it, is on this machine, and no proxy asks for another. */
bool auth_is_loopback(struct request *r);

#endif
