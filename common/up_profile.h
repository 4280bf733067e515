/*
 * up_profile.h - the generations of the upstream service as rows: where they live and what their
 * requests look like. Source: the service's own clients, see each row.
 */
#ifndef COMMON_UP_PROFILE_H
#define COMMON_UP_PROFILE_H

#include "common/account.h"
#include "common/arena.h"
#include "common/config.h"
#include "common/http.h"

struct up_profile {
	const char *name;
	const char *host_before, *host_behind; /* inference: URL with the region in between */
	const char *path;		       /* of the chat operation */
	const char *target;		   /* x-amz-target; NULL: the path names the operation */
	const char *mcp_path, *mcp_target; /* of InvokeMCP, likewise */
	const char *content_type;
	const char *sdk, *api;	  /* in the client identity */
	const char *sdk_features; /* "m/..." there */
	bool agent_mode_in_body;  /* else the header x-amzn-kiro-agent-mode */
	const char *attribution;  /* x-amzn-kiro-client-attribution, NULL: none */
	bool documents;		  /* messages may carry documents */
	bool builder_id_arn;	  /* Builder ID accounts send the placeholder ARN; else none */
};

#define UP_AGENT_MODE  "vibe"
#define UP_ORIGIN      "AI_EDITOR"
#define UP_MAX_HEADERS 16

/* The account's profile, else the configured one. */
const struct up_profile *up_profile_of(const struct config *config, const struct account *account);

/* The profileArn to send for this account, NULL: none. */
const char *up_profile_arn(const struct up_profile *profile, const struct account *account);

/* URL and headers of a chat request; texts in the arena. attempt counts from 1. */
struct up_wire {
	const char *url;
	struct http_header headers[UP_MAX_HEADERS];
	size_t header_count;
};

int up_profile_wire(const struct up_profile *profile, const struct config *config,
		    const struct account *account, const char *invocation_id, int attempt,
		    struct arena *arena, struct up_wire *out, struct error *e);

/* The same for InvokeMCP. awsJson has the profileArn in its body, restJson in one of these headers.
 */
int up_profile_mcp_wire(const struct up_profile *profile, const struct config *config,
			const struct account *account, const char *invocation_id, int attempt,
			struct arena *arena, struct up_wire *out, struct error *e);

#endif
