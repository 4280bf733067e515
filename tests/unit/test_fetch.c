#include "common/base.h"
#include "common/http.h"
#include "fcgi/fetch.h"

#include "tests/unit/in_tests.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#define IMAGE "{'type':'image','source':{'type':'url','url':'%s'}}"
#define BODY                                                                                       \
	"{'model':'m','max_tokens':9,'messages':[{'role':'user','content':[{'type':'text',"        \
	"'text':'x'}," IMAGE "]}]}"

static void only_listed_hosts_pass(void)
{
	static const struct {
		const char *allow, *url, *words; /* NULL: passes */
	} rows[] = {
		{ "", "https://a.example/x.png", "URL images are not supported, send base64" },
		{ "a.example", "https://a.example/x.png", NULL },
		{ "b.example, a.example", "https://A.Example:443/x.png", NULL },
		{ "a.example", "https://a.example:8443/x.png",
		  "not supported from a.example:8443" },
		{ "a.example:8443", "https://a.example:8443/x.png", NULL },
		{ "a.example", "https://b.example/x.png", "not supported from b.example" },
		{ "a.example", "https://xa.example/x.png", "not supported from xa.example" },
		{ "a.example", "https://a.example.evil/x", "not supported from a.example.evil" },
		{ "a.example", "https://evil/a.example", "not supported from evil" },
		{ "a.example", "https://a.example@evil/", "Only HTTPS URLs are supported" },
		{ "a.example", "http://a.example/x.png", "Only HTTPS URLs are supported" },
		{ "a.example", "file:///etc/passwd", "Only HTTPS URLs are supported" },
		{ "a.example", "//a.example/x.png", "Only HTTPS URLs are supported" },
		{ "a.example", "", "Only HTTPS URLs are supported" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char allow[64], body[512];
		struct config config = { .fetch_allow = allow };
		struct error e = { .kind = ERR_NONE };
		struct in_test t;
		int rc;

		snprintf(allow, sizeof(allow), "%s", rows[i].allow);
		snprintf(body, sizeof(body), BODY, rows[i].url);
		in_test_read(&t, in_anthropic, body);
		CU_ASSERT_EQUAL_FATAL(t.rc, 0);
		rc = fetch_check(&config, &t.chat, &e);
		if (rows[i].words) {
			CU_ASSERT_EQUAL(rc, -1);
			CU_ASSERT_STRING_EQUAL(e.field, "messages.0.content.1.image.source");
			CU_ASSERT_PTR_NOT_NULL(strstr(e.message, rows[i].words));
		} else {
			CU_ASSERT_EQUAL(rc, 0);
		}
		in_test_release(&t);
	}
}

static void at_most_ten_images_are_fetched(void)
{
	char allow[] = "a.example";
	struct config config = { .fetch_allow = allow };

	for (int count = 10; count <= 11; count++) {
		struct error e = { .kind = ERR_NONE };
		struct in_test t;
		struct buf body;

		buf_init(&body, KB(8));
		buf_add_text(&body, "{'model':'m','max_tokens':9,'messages':[{'role':'user',"
				    "'content':[");
		for (int i = 0; i < count; i++)
			buf_add_format(&body, "%s" IMAGE, i ? "," : "", "https://a.example/x");
		buf_add_text(&body, "]}]}");
		in_test_read(&t, in_anthropic, body.at);
		CU_ASSERT_EQUAL_FATAL(t.rc, 0);
		CU_ASSERT_EQUAL(fetch_check(&config, &t.chat, &e), count == 10 ? 0 : -1);
		in_test_release(&t);
		buf_release(&body);
	}
}

/* The name may be listed: what it resolves to is judged when the connection is made. */
static void a_private_address_is_never_connected_to(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct http_options options = { NULL, NULL };
	struct http_client *client = NULL;
	struct error e = { .kind = ERR_NONE };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct pollfd waiting = { .fd = fd, .events = POLLIN };
	struct http_request request = {
		.method = "GET",
		.connect_ms = 5000,
		.first_byte_ms = 5000,
		.idle_ms = 5000,
		.watch_fd = -1,
		.public_only = true,
	};
	struct http_reply reply;
	struct buf body;
	char url[64];

	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(fd, 4), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	CU_ASSERT_EQUAL_FATAL(http_client_new(&client, &options, &e), 0);
	buf_init(&body, KB(1));
	snprintf(url, sizeof(url), "https://localhost:%d/", ntohs(at.sin_port));
	request.url = url;
	CU_ASSERT_EQUAL(http_fetch(client, &request, &reply, &body, &e), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_UP_NETWORK);
	CU_ASSERT_EQUAL(poll(&waiting, 1, 0), 0);
	error_clear(&e);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(at.sin_port));
	CU_ASSERT_EQUAL(http_fetch(client, &request, &reply, &body, &e), -1);
	CU_ASSERT_EQUAL(poll(&waiting, 1, 0), 0);
	buf_release(&body);
	http_client_free(client);
	close(fd);
}

CU_TestInfo fetch_tests[] = {
	{ "only listed hosts pass", only_listed_hosts_pass },
	{ "at most ten images are fetched", at_most_ten_images_are_fetched },
	{ "a private address is never connected to", a_private_address_is_never_connected_to },
	CU_TEST_INFO_NULL,
};
