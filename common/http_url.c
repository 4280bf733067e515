/*
 * What http.h says of URLs: libcurl reads them, as it does when it goes there.
 */
#include "common/base.h"
#include "common/http.h"

#include <arpa/inet.h>
#include <curl/urlapi.h>

bool http_https_host(const char *url, char *out, size_t size)
{
	char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL;
	CURLU *u = curl_url();
	bool good;

	if (!u)
		abort();
	good = !curl_url_set(u, CURLUPART_URL, url, 0) &&
	       !curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) && strcmp(scheme, "https") == 0 &&
	       !curl_url_get(u, CURLUPART_HOST, &host, 0) &&
	       curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_NO_USER;
	if (good) {
		curl_url_get(u, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
		good = (size_t)snprintf(out, size, "%s%s%s", host, port ? ":" : "",
					port ? port : "") < size;
		for (char *c = out; *c; c++)
			*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + ('a' - 'A')) : *c;
	}
	curl_free(user);
	curl_free(port);
	curl_free(host);
	curl_free(scheme);
	curl_url_cleanup(u);
	return good;
}

static bool is_loopback(const char *host)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

int http_check_base_url(const char *url, struct error *e)
{
	char *scheme = NULL, *host = NULL, *unwanted = NULL;
	CURLU *u = curl_url();
	int rc = 0;

	if (!u)
		abort();
	if (strlen(url) >= LIMIT_URL || curl_url_set(u, CURLUPART_URL, url, 0) ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0))
		rc = error_set(e, ERR_CONFIG, "\"%s\" is not a URL", url);
	else if (!curl_url_get(u, CURLUPART_USER, &unwanted, 0) ||
		 !curl_url_get(u, CURLUPART_QUERY, &unwanted, 0) ||
		 !curl_url_get(u, CURLUPART_FRAGMENT, &unwanted, 0))
		rc = error_set(e, ERR_CONFIG, "the URL must have no user, query or fragment");
	else if (strcmp(scheme, "https") != 0 &&
		 !(strcmp(scheme, "http") == 0 && is_loopback(host)))
		rc = error_set(e, ERR_CONFIG,
			       "\"%s\": https is required (plain http only to a loopback host)",
			       url);
	curl_free(unwanted);
	curl_free(host);
	curl_free(scheme);
	curl_url_cleanup(u);
	return rc;
}
