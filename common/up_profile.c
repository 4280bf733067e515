#include "common/base.h"
#include "common/up_profile.h"

#include "common/region.h"

/* The ARN that the service's own clients send for every Builder ID login. */
#define BUILDER_ID_ARN "arn:aws:codewhisperer:us-east-1:638616132270:profile/AAAACCCCXXXX"

static const struct up_profile up_profiles[] = {
	/* KiroRuntimeService, awsJson 1.0: as the IDE (1.0.437) and kiro-cli 2.x speak it. */
	{
		.name = "krs",
		.host_before = "https://runtime.",
		.host_behind = ".kiro.dev",
		.path = "/",
		.target = "KiroRuntimeService.GenerateAssistantResponse",
		.mcp_path = "/",
		.mcp_target = "KiroRuntimeService.InvokeMCP",
		.content_type = "application/x-amz-json-1.0",
		.sdk = "1.0.0",
		.api = "kiroruntime",
		.sdk_features = "m/N",
		.agent_mode_in_body = true,
		.attribution = "kiro-ide",
		.documents = true,
		.builder_id_arn = true,
	},
	/* AmazonCodeWhispererStreamingService, restJson: its generated client 1.0.34. */
	{
		.name = "rts",
		.host_before = "https://q.",
		.host_behind = ".amazonaws.com",
		.path = "/generateAssistantResponse",
		.target = NULL,
		.mcp_path = "/mcp",
		.mcp_target = NULL,
		.content_type = "application/json",
		.sdk = "1.0.34",
		.api = "codewhispererstreaming",
		.sdk_features = "m/E",
		.agent_mode_in_body = false,
		.attribution = NULL,
		.documents = false,
		.builder_id_arn = false,
	},
};

/* The TokenType header per kind of credential; social logins send none. */
static const char *const token_types[ACCOUNT_KINDS] = {
	[KIND_EXTERNAL_IDP] = "EXTERNAL_IDP",
	[KIND_API_KEY] = "API_KEY",
};

const struct up_profile *up_profile_of(const struct config *config, const struct account *account)
{
	for (size_t i = 0; account->upstream && i < ARRAY_SIZE(up_profiles); i++) {
		if (strcmp(up_profiles[i].name, account->upstream) == 0)
			return &up_profiles[i];
	}
	return &up_profiles[config->upstream_profile];
}

static bool is_builder_id(const struct account *a)
{
	if (a->kind != KIND_IDC)
		return false;
	if (a->provider && strcasecmp(a->provider, "BuilderId") == 0)
		return true;
	return !a->provider && a->start_url && strstr(a->start_url, "view.awsapps.com");
}

const char *up_profile_arn(const struct up_profile *profile, const struct account *account)
{
	if (account->kind == KIND_API_KEY)
		return NULL;
	if (is_builder_id(account) && !profile->builder_id_arn)
		return NULL;
	if (account->profile_arn)
		return account->profile_arn;
	return is_builder_id(account) ? BUILDER_ID_ARN : NULL;
}

/* configured: what the owner set instead of the service's own host, or "". */
static int base_url(const struct up_profile *profile, const struct config *config,
		    const char *configured, const struct account *account,
		    char out[static LIMIT_URL], struct error *e)
{
	const char *region = account_region(account, config->upstream_region);
	size_t len;

	if (*configured) {
		snprintf(out, LIMIT_URL, "%s", configured);
	} else {
		if (!region_valid(region, strlen(region)))
			return error_set(e, ERR_CONFIG, "account %s: \"%.40s\" is not a region",
					 account->id, region);
		snprintf(out, LIMIT_URL, "%s%s%s", profile->host_before, region,
			 profile->host_behind);
	}
	len = strlen(out);
	while (len && out[len - 1] == '/')
		out[--len] = '\0';
	return 0;
}

static void add(struct up_wire *w, const char *name, const char *value)
{
	assert(w->header_count < UP_MAX_HEADERS);
	w->headers[w->header_count++] = (struct http_header){ name, value };
}

/* The service parses the version behind "KiroIDE-"; an unreadable one caps the history at 198. */
static void add_identity(struct up_wire *w, const struct up_profile *p, const struct config *c,
			 const struct account *a, struct arena *arena)
{
	const char *ide = arena_format(arena, "KiroIDE-%s-%s", c->kiro_version,
				       a->machine_id ? a->machine_id : "");

	add(w, "x-amz-user-agent", arena_format(arena, "aws-sdk-js/%s %s", p->sdk, ide));
	add(w, "user-agent",
	    arena_format(arena, "aws-sdk-js/%s ua/2.1 os/%s lang/js md/nodejs#%s api/%s#%s %s %s",
			 p->sdk, c->system_version, c->node_version, p->api, p->sdk,
			 p->sdk_features, ide));
}

/* In the order of the service's own clients. InvokeMCP leaves out what only a chat bears. */
static void add_headers(struct up_wire *w, const struct up_profile *p, const struct config *c,
			const struct account *a, struct arena *arena, const char *target, bool chat)
{
	const char *arn = up_profile_arn(p, a);

	add(w, "content-type", p->content_type);
	add(w, "accept", NULL); /* the official client sends none; libcurl would */
	add(w, "authorization", arena_format(arena, "Bearer %s", account_bearer(a)));
	if (target)
		add(w, "x-amz-target", target);
	if (chat && !p->agent_mode_in_body)
		add(w, "x-amzn-kiro-agent-mode", UP_AGENT_MODE);
	if (!chat && !target && arn)
		add(w, "x-amzn-kiro-profile-arn", arn);
	if (p->attribution)
		add(w, "x-amzn-kiro-client-attribution", p->attribution);
	if (chat)
		add(w, "x-amzn-codewhisperer-optout", c->content_optout ? "true" : "false");
	if (token_types[a->kind])
		add(w, "TokenType", token_types[a->kind]);
	add_identity(w, p, c, a, arena);
}

static void add_attempt(struct up_wire *w, const char *invocation_id, int attempt,
			struct arena *arena)
{
	add(w, "amz-sdk-invocation-id", invocation_id);
	add(w, "amz-sdk-request", arena_format(arena, "attempt=%d; max=3", attempt));
}

int up_profile_wire(const struct up_profile *profile, const struct config *config,
		    const struct account *account, const char *invocation_id, int attempt,
		    struct arena *arena, struct up_wire *out, struct error *e)
{
	char base[LIMIT_URL];

	*out = (struct up_wire){ .header_count = 0 };
	if (base_url(profile, config, config->inference_url, account, base, e))
		return -1;
	out->url = arena_format(arena, "%s%s", base, profile->path);
	add_headers(out, profile, config, account, arena, profile->target, true);
	add_attempt(out, invocation_id, attempt, arena);
	return 0;
}

int up_profile_mcp_wire(const struct up_profile *profile, const struct config *config,
			const struct account *account, const char *invocation_id, int attempt,
			struct arena *arena, struct up_wire *out, struct error *e)
{
	char base[LIMIT_URL];

	*out = (struct up_wire){ .header_count = 0 };
	if (base_url(profile, config, config->mcp_url, account, base, e))
		return -1;
	out->url = arena_format(arena, "%s%s", base, profile->mcp_path);
	add_headers(out, profile, config, account, arena, profile->mcp_target, false);
	add_attempt(out, invocation_id, attempt, arena);
	return 0;
}
