/*
 * POST target AmazonCodeWhispererService.ListAvailableProfiles {"maxResults":10}
 *   200 {"profiles":[{"arn","profileName"}],"nextToken"}; 403 for a Builder ID.
 */
#include "common/base.h"
#include "common/profile.h"

#include "common/account_store.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/management.h"

#define TARGET	   "AmazonCodeWhispererService.ListAvailableProfiles"
#define BUILDER_ID "BuilderId"

/* Where profiles may live, besides the account's own region. */
static const char *const regions[] = { "us-east-1", "eu-central-1" };

bool profile_is_missing(const struct account *a)
{
	if (a->start_url && strstr(a->start_url, "view.awsapps.com"))
		return false;
	if (a->profile_arn || (a->kind != KIND_IDC && a->kind != KIND_EXTERNAL_IDP))
		return false;
	return !a->provider || strcasecmp(a->provider, BUILDER_ID) != 0;
}

/* 1: *arn (the caller frees it) is the first profile; 0: the list is empty. */
static int first_profile(const struct account *a, struct span reply, char **arn, struct error *e)
{
	struct error unread = { 0 };
	cJSON *tree = json_parse(reply, &unread);
	const cJSON *list = json_member(tree, "profiles");
	const char *first = json_text_or(cJSON_GetArrayItem(list, 0), "arn", NULL);
	int count = cJSON_GetArraySize(list), rc = 0;

	if (!tree)
		rc = error_set(e, ERR_UP_DAMAGED, "the list of profiles is %s", unread.message);
	else if (first)
		*arn = xstrdup(first);
	if (count > 1)
		log_line(LOG_WARN, "account %s has %d profiles, the first is used: %s",
			 a->id ? a->id : "", count, first ? first : "");
	cJSON_Delete(tree);
	return rc ? rc : *arn != NULL;
}

static int ask(struct http_client *http, const struct config *config, const struct account *a,
	       char **arn, struct error *e)
{
	const struct management_request request = { .path = "/",
						    .target = TARGET,
						    .body = span_of("{\"maxResults\":10}") };
	struct buf reply;
	int rc;

	buf_init(&reply, LIMIT_UP_REPLY);
	rc = management_call(http, config, a, &request, &reply, e);
	if (!rc)
		rc = first_profile(a, buf_span(&reply), arn, e);
	buf_release(&reply);
	return rc;
}

/* As ask(), over the regions; one look is all where the host is configured. */
static int ask_everywhere(struct http_client *http, const struct config *config,
			  const struct account *a, char **arn, struct error *e)
{
	const char *own = account_region(a, config->upstream_region);
	int rc = ask(http, config, a, arn, e);

	for (size_t i = 0; !rc && i < ARRAY_SIZE(regions) && !*config->management_url; i++) {
		struct account there;

		if (strcmp(regions[i], own) == 0)
			continue;
		account_init(&there);
		account_copy(&there, a);
		free(there.region);
		there.region = xstrdup(regions[i]);
		rc = ask(http, config, &there, arn, e);
		account_release(&there);
	}
	return rc;
}

/* arn NULL: the login is a Builder ID. */
static bool learn(struct account *a, void *arn)
{
	if (arn) {
		account_set_profile(a, arn);
	} else {
		free(a->provider);
		a->provider = xstrdup(BUILDER_ID);
	}
	return true;
}

static bool is_denied(const struct error *e)
{
	return e->kind == ERR_UP_DENIED || e->kind == ERR_UP_REFUSED;
}

/* 1: *arn is the profile; 0: the login is a Builder ID, which has none; -1. */
static int find(struct http_client *http, const struct config *config, const struct account *a,
		char **arn, struct error *e)
{
	int rc = ask_everywhere(http, config, a, arn, e);

	if (rc == 0)
		return error_set(e, ERR_UP_REFUSED,
				 "account %s: the service lists no profile for this login; give "
				 "one with --profile-arn",
				 a->id ? a->id : "");
	if (rc < 0 && !(is_denied(e) && a->kind == KIND_IDC && !a->provider))
		return -1;
	error_clear(e);
	return *arn != NULL;
}

int profile_find(struct http_client *http, const struct config *config, struct account *a,
		 struct error *e)
{
	char *arn = NULL;
	int rc = find(http, config, a, &arn, e);

	if (rc >= 0)
		learn(a, arn);
	free(arn);
	return rc < 0 ? -1 : 0;
}

int profile_resolve(struct http_client *http, const struct config *config,
		    const struct store *tokens, struct account *a, struct error *e)
{
	char *arn = NULL;
	int rc = find(http, config, a, &arn, e);

	if (rc < 0)
		return -1;
	learn(a, arn);
	rc = account_change(tokens, a->id, learn, arn, NULL, e);
	log_line(LOG_INFO, "account %s: %s", a->id, arn ? arn : "a Builder ID, without profile");
	free(arn);
	return rc < 0 ? -1 : 0;
}
