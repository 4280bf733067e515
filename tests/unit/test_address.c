#include "common/base.h"
#include "common/address.h"

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <netinet/in.h>

static bool is_public(const char *text)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = { .v4 = { .sin_family = AF_INET } };

	if (inet_pton(AF_INET, text, &at.v4.sin_addr) == 1)
		return address_is_public(&at.any);
	at.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
	CU_ASSERT_EQUAL_FATAL(inet_pton(AF_INET6, text, &at.v6.sin6_addr), 1);
	return address_is_public(&at.any);
}

static void address_tells_public_from_private(void)
{
	static const char *const open[] = {
		"1.1.1.1",     "9.255.255.255",	  "11.0.0.1",	 "100.63.255.255", "100.128.0.1",
		"172.15.0.1",  "172.32.0.1",	  "192.167.1.1", "192.169.0.1",	   "198.17.0.1",
		"223.255.1.1", "2606:4700::1111", "2a00::1",
	};
	static const char *const closed[] = {
		"0.0.0.0",     "10.1.2.3",	  "100.64.0.1",	      "127.0.0.1",
		"127.255.0.1", "169.254.169.254", "172.16.0.1",	      "172.31.255.255",
		"192.168.1.1", "198.18.0.1",	  "198.19.255.1",     "224.0.0.1",
		"239.1.1.1",   "240.0.0.1",	  "255.255.255.255",  "::",
		"::1",	       "::ffff:8.8.8.8",  "64:ff9b::808:808", "fc00::1",
		"fd12::1",     "fe80::1",	  "ff02::1",	      "2001:db8::1",
		"2001:0:1::1", "2002:7f00:1::1",
	};
	struct sockaddr unix_socket = { .sa_family = AF_UNIX };

	for (size_t i = 0; i < ARRAY_SIZE(open); i++)
		CU_ASSERT_TRUE(is_public(open[i]));
	for (size_t i = 0; i < ARRAY_SIZE(closed); i++)
		CU_ASSERT_FALSE(is_public(closed[i]));
	CU_ASSERT_FALSE(address_is_public(&unix_socket));
}

CU_TestInfo address_tests[] = {
	{ "tells public from private", address_tells_public_from_private },
	CU_TEST_INFO_NULL,
};
