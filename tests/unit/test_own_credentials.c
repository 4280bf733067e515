#include "common/base.h"
#include "fcgi/own_credentials.h"

#include "common/account.h"
#include "common/clock.h"

#include <CUnit/CUnit.h>

/* {"accessToken":"0123456789abcdef0123","expiresAt":2000000000} and its base64 */
#define JSON "{\"accessToken\":\"0123456789abcdef0123\",\"expiresAt\":2000000000}"
#define BASE64                                                                                     \
	"eyJhY2Nlc3NUb2tlbiI6IjAxMjM0NTY3ODlhYmNkZWYwMTIzIiwiZXhwaXJlc0F0IjoyMDAwMDAwMDAwfQ=="

static struct error e;
static char bearer[64], machine[80]; /* of the credentials that were read last */

/* What own_credentials_read() makes of one more header (NULL: none) from this machine. */
static int read_with(const char *header)
{
	static char none[] = "";
	struct config config = { .own_credentials = true, .trusted_proxies = none };
	struct site site = { .config = &config };
	const char *params[] = { "REQUEST_METHOD=POST", "REMOTE_ADDR=127.0.0.1", header, NULL };
	struct conn_memory memory = { .params = params };
	struct request r;
	struct conn conn;
	int rc;

	conn_init_memory(&conn, &memory);
	request_init(&r, &site, &conn);
	*bearer = *machine = '\0';
	rc = own_credentials_read(&r);
	CU_ASSERT_EQUAL(rc, r.error.kind == ERR_NONE ? 0 : -1);
	CU_ASSERT_TRUE(!r.own || !rc);
	if (r.own) {
		snprintf(bearer, sizeof(bearer), "%s", account_bearer(r.own));
		snprintf(machine, sizeof(machine), "%s", r.own->machine_id);
	}
	e = r.error;
	request_release(&r);
	CU_ASSERT_PTR_NULL(r.own);
	return rc;
}

static void own_credentials_are_read_in_both_forms(void)
{
	char of_json[80];

	CU_ASSERT_EQUAL(read_with(NULL), 0);
	CU_ASSERT_STRING_EQUAL(bearer, "");
	CU_ASSERT_EQUAL(read_with("HTTP_X_KIRO_CREDENTIALS="), 0);
	CU_ASSERT_STRING_EQUAL(bearer, "");
	CU_ASSERT_EQUAL(read_with("HTTP_X_KIRO_CREDENTIALS=" JSON), 0);
	CU_ASSERT_STRING_EQUAL(bearer, "0123456789abcdef0123");
	CU_ASSERT_EQUAL(strlen(machine), 64);
	memcpy(of_json, machine, sizeof(of_json));
	CU_ASSERT_EQUAL(read_with("HTTP_X_API_KEY=creds-" BASE64), 0);
	CU_ASSERT_STRING_EQUAL(bearer, "0123456789abcdef0123");
	CU_ASSERT_STRING_EQUAL(machine, of_json);
	CU_ASSERT_EQUAL(read_with("HTTP_X_API_KEY=Creds-" BASE64), 0); /* some key */
	CU_ASSERT_STRING_EQUAL(bearer, "");
}

/* Only the whole of it is good; what follows is the padding, which may be left out. */
static void own_credentials_cut_anywhere_are_refused(void)
{
	static const char json[] = JSON, base64[] = BASE64;
	char header[256];

	for (size_t len = 1; len + 1 < sizeof(json); len++) {
		snprintf(header, sizeof(header), "HTTP_X_KIRO_CREDENTIALS=%.*s", (int)len, json);
		CU_ASSERT_EQUAL(read_with(header), -1);
		CU_ASSERT_EQUAL(e.kind, ERR_AUTH);
	}
	for (size_t len = 0; len < sizeof(base64); len++) {
		snprintf(header, sizeof(header), "HTTP_X_API_KEY=creds-%.*s", (int)len, base64);
		CU_ASSERT_EQUAL(read_with(header), len + 1 < sizeof(base64) - 2 ? -1 : 0);
	}
}

static void own_credentials_that_are_no_base64_are_refused(void)
{
	static const char *const texts[] = { "=",     "====",  "e",    "e===",
					     "eyJ9 ", "ey J9", "eyJ*", "eyJ\xC3\xA9" };
	char header[128];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		snprintf(header, sizeof(header), "HTTP_X_API_KEY=creds-%s", texts[i]);
		CU_ASSERT_EQUAL(read_with(header), -1);
		CU_ASSERT_EQUAL(e.kind, ERR_AUTH);
	}
}

static void own_credentials_end(void)
{
	clock_set_wall(1999999999);
	CU_ASSERT_EQUAL(read_with("HTTP_X_KIRO_CREDENTIALS=" JSON), 0);
	clock_set_wall(2000000000);
	CU_ASSERT_EQUAL(read_with("HTTP_X_KIRO_CREDENTIALS=" JSON), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_AUTH);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "accessToken: ended at 2033-05-18"));
	clock_set_wall(0);
}

CU_TestInfo own_credentials_tests[] = {
	{ "are read in both forms", own_credentials_are_read_in_both_forms },
	{ "cut anywhere are refused", own_credentials_cut_anywhere_are_refused },
	{ "that are no base64 are refused", own_credentials_that_are_no_base64_are_refused },
	{ "end", own_credentials_end },
	CU_TEST_INFO_NULL,
};
