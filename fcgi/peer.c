#include "common/base.h"
#include "fcgi/peer.h"

#include "common/list.h"

#include <arpa/inet.h>

/* ---- the connection ---- */

/* A proxy on this machine looks like a local client, but tells for whom it asks. */
static bool is_forwarded(struct request *r)
{
	static const char *const names[] = { "HTTP_FORWARDED",	       "HTTP_X_FORWARDED_FOR",
					     "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST",
					     "HTTP_X_REAL_IP",	       "HTTP_VIA" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (request_header(r, names[i]))
			return true;
	}
	return false;
}

bool peer_is_loopback(struct request *r)
{
	const char *peer = conn_param(r->conn, "REMOTE_ADDR");

	return peer &&
	       (strncmp(peer, "127.", 4) == 0 || strcmp(peer, "::1") == 0 ||
		strncmp(peer, "::ffff:127.", 11) == 0) &&
	       !is_forwarded(r);
}

bool peer_is_trusted_proxy(struct request *r)
{
	const char *peer = conn_param(r->conn, "REMOTE_ADDR");

	return peer && list_names(r->site->config->trusted_proxies, peer);
}

bool peer_over_https(struct request *r)
{
	const char *https = conn_param(r->conn, "HTTPS");
	const char *scheme = conn_param(r->conn, "REQUEST_SCHEME");
	const char *told = request_header(r, "HTTP_X_FORWARDED_PROTO");

	if (peer_is_trusted_proxy(r))
		return told && strcasecmp(told, "https") == 0;
	return (https && *https && strcasecmp(https, "off") != 0) ||
	       (scheme && strcasecmp(scheme, "https") == 0);
}

/* ---- the page ---- */

const char *peer_host_name(struct request *r, const char *host)
{
	if (*host == '[')
		return arena_strndup(&r->arena, host + 1, strcspn(host + 1, "]"));
	return arena_strndup(&r->arena, host, strcspn(host, ":"));
}

bool peer_is_own_name(const char *name)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1 ||
	       strcasecmp(name, "localhost") == 0;
}

bool peer_is_same_origin(struct request *r, const char *origin, const char *host)
{
	const char *name = strstr(origin, "://");

	if (!name || strcasecmp(name + 3, host) != 0)
		return false;
	if (strncasecmp(origin, "https://", 8) == 0)
		return true; /* a proxy that is not in trusted_proxies may have ended it */
	return strncasecmp(origin, "http://", 7) == 0 && !peer_over_https(r);
}
