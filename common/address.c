/*
 * The ranges are those of the IANA special-purpose address registries (RFC 6890 and later).
 */
#include "common/base.h"
#include "common/address.h"

#include <netinet/in.h>

struct range {
	unsigned char bytes[6];
	unsigned bits;
};

static const struct range closed_v4[] = {
	{ { 0 }, 8 },
	{ { 10 }, 8 },
	{ { 100, 64 }, 10 },
	{ { 127 }, 8 },
	{ { 169, 254 }, 16 },
	{ { 172, 16 }, 12 },
	{ { 192, 0, 0 }, 24 },
	{ { 192, 0, 2 }, 24 },
	{ { 192, 88, 99 }, 24 },
	{ { 192, 168 }, 16 },
	{ { 198, 18 }, 15 },
	{ { 198, 51, 100 }, 24 },
	{ { 203, 0, 113 }, 24 },
	{ { 224 }, 4 },
	{ { 240 }, 4 },
};

/* Only 2000::/3 is given out; these lie inside. */
static const struct range open_v6 = { { 0x20 }, 3 };
static const struct range closed_v6[] = {
	{ { 0x20, 0x01, 0x00 }, 23 },	    /* protocol assignments, Teredo */
	{ { 0x20, 0x01, 0x0D, 0xB8 }, 32 }, /* documentation */
	{ { 0x20, 0x02 }, 16 },		    /* 6to4 */
	{ { 0x3F, 0xFF }, 20 },		    /* documentation */
};

static bool lies_in(const unsigned char *address, const struct range *range)
{
	for (unsigned i = 0; i < range->bits; i++) {
		unsigned difference = address[i / 8] ^ range->bytes[i / 8];

		if (difference >> (7 - i % 8) & 1)
			return false;
	}
	return true;
}

static bool lies_in_any(const unsigned char *address, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (lies_in(address, &ranges[i]))
			return true;
	}
	return false;
}

bool address_is_public(const struct sockaddr *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		return !lies_in_any((const unsigned char *)&v4.sin_addr, closed_v4,
				    ARRAY_SIZE(closed_v4));
	}
	if (address->sa_family != AF_INET6)
		return false;
	memcpy(&v6, address, sizeof(v6));
	return lies_in(v6.sin6_addr.s6_addr, &open_v6) &&
	       !lies_in_any(v6.sin6_addr.s6_addr, closed_v6, ARRAY_SIZE(closed_v6));
}
