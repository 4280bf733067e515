#include "common/base.h"
#include "common/management.h"

#include "common/form.h"
#include "common/ids.h"
#include "common/limits.h"
#include "common/up_error.h"
#include "common/up_profile.h"

#define TIMEOUT_MS 30000 /* a person waits, or cron */

/* Hosts of the service generations. */
static const struct {
	const char *profile, *before, *behind; /* around the region */
} hosts[] = {
	{ "krs", "https://management.", ".kiro.dev" },
	{ "rts", "https://q.", ".amazonaws.com" },
};

/* The TokenType header per kind of credential; the others send none. */
static const char *const token_types[ACCOUNT_KINDS] = {
	[KIND_EXTERNAL_IDP] = "EXTERNAL_IDP",
	[KIND_API_KEY] = "API_KEY",
};

void management_base_url(const struct config *config, const struct account *a, char *out,
			 size_t size)
{
	const char *profile = up_profile_of(config, a)->name;
	size_t row = ARRAY_SIZE(hosts) - 1;

	while (row && strcmp(hosts[row].profile, profile) != 0)
		row--;
	if (config->management_url && *config->management_url)
		snprintf(out, size, "%s", config->management_url);
	else
		snprintf(out, size, "%s%s%s", hosts[row].before,
			 account_region(a, config->upstream_region), hosts[row].behind);
	for (size_t len = strlen(out); len && out[len - 1] == '/'; len--)
		out[len - 1] = '\0';
}

void management_add_query(struct buf *path, const char *name, const char *value)
{
	form_add(path, name, value);
}

static int exchange(struct http_client *http, const struct config *config, const struct account *a,
		    const struct management_request *asked, struct http_reply *reply,
		    struct buf *body, struct error *e)
{
	char url[LIMIT_URL], agent[512], short_agent[256], id[UUID_SIZE];
	const char *machine = a->machine_id ? a->machine_id : "";
	struct buf bearer;
	size_t len;
	int rc;

	buf_init(&bearer, LIMIT_SECRET_FILE);
	buf_add_format(&bearer, "Bearer %s", account_bearer(a));
	management_base_url(config, a, url, sizeof(url));
	len = strlen(url);
	snprintf(url + len, sizeof(url) - len, "%s", asked->path);
	ids_uuid(id);
	snprintf(short_agent, sizeof(short_agent), "aws-sdk-js/1.0.0 KiroIDE-%s-%s",
		 config->kiro_version, machine);
	snprintf(
		agent, sizeof(agent),
		"aws-sdk-js/1.0.0 ua/2.1 os/%s lang/js md/nodejs#%s api/codewhispererruntime#1.0.0 "
		"m/N,E KiroIDE-%s-%s",
		config->system_version, config->node_version, config->kiro_version, machine);
	const struct http_header headers[] = {
		{ "Authorization", bearer.at },
		{ "TokenType", token_types[a->kind] },
		{ "Accept", "application/json" },
		{ "Content-Type", asked->target ? "application/x-amz-json-1.0" : NULL },
		{ "x-amz-target", asked->target },
		{ "User-Agent", agent },
		{ "x-amz-user-agent", short_agent },
		{ "amz-sdk-invocation-id", id },
		{ "amz-sdk-request", "attempt=1; max=1" },
	};
	const int timeout = asked->timeout_ms ? asked->timeout_ms : TIMEOUT_MS;
	const struct http_request request = {
		.method = asked->target ? "POST" : "GET",
		.url = url,
		.headers = headers,
		.header_count = ARRAY_SIZE(headers),
		.body = asked->body,
		.connect_ms = config->connect_timeout * 1000,
		.first_byte_ms = timeout,
		.idle_ms = timeout,
		.total_ms = timeout,
		.proxy = a->proxy_url,
		.watch_fd = -1,
	};
	rc = http_fetch(http, &request, reply, body, e);
	buf_wipe(&bearer);
	return rc;
}

int management_call(struct http_client *http, const struct config *config, const struct account *a,
		    const struct management_request *request, struct buf *body, struct error *e)
{
	struct http_reply reply = { 0 };

	if (exchange(http, config, a, request, &reply, body, e))
		return -1;
	if (reply.status == 200)
		return 0;
	return up_error_set(&(const struct up_refusal){ reply.status, reply.error_type,
							reply.retry_after, buf_span(body) },
			    e);
}
