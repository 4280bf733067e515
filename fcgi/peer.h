/*
 * peer.h - where a request comes from: the connection as the web server tells of it, and the page
 * that asks as its browser does.
 */
#ifndef FCGI_PEER_H
#define FCGI_PEER_H

#include "fcgi/request.h"

/* The client, as the web server knows it, is on this machine, and no proxy asks for another. */
bool peer_is_loopback(struct request *r);

/* It is one of trusted_proxies. */
bool peer_is_trusted_proxy(struct request *r);

/* The client's connection is encrypted, as the web server or a trusted proxy knows it. */
bool peer_over_https(struct request *r);

/* "[::1]:8080" -> "::1", "host:80" -> "host", in the arena. */
const char *peer_host_name(struct request *r, const char *host);

/* A name that no page of another host can have: an address, localhost. */
bool peer_is_own_name(const char *name);

/* The page (Origin) is one of this host. */
bool peer_is_same_origin(struct request *r, const char *origin, const char *host);

#endif
