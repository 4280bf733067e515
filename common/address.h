/*
 * address.h - which network addresses lie in the public internet.
 */
#ifndef COMMON_ADDRESS_H
#define COMMON_ADDRESS_H

#include "common/base.h"

#include <sys/socket.h>

/* False for private, loopback, link-local, shared, documentation, multicast and reserved ranges,
 * for IPv6 forms that carry an IPv4 address, and for other families. */
bool address_is_public(const struct sockaddr *address);

#endif
