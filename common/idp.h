/*
 * idp.h - which external identity providers we talk to. Their addresses come with accounts, out of
 * files that somebody made or from a sign-in page: without a list they would be a way to have our
 * tokens sent anywhere, or our host ask its own network.
 */
#ifndef COMMON_IDP_H
#define COMMON_IDP_H

#include "common/base.h"
#include "common/config.h"
#include "common/error.h"

/* -1 (of that kind, naming `what`) unless url is https:// at a known provider or at one of
 * upstream.idp_hosts. Plain http only to a loopback host that is listed there. */
int idp_check(const struct config *config, const char *url, const char *what, enum error_kind kind,
	      struct error *e);

#endif
