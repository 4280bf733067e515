#include "common/base.h"
#include "common/merge.h"

#include "common/roster.h"
#include "common/clock.h"
#include "common/limits.h"

static void set_text(char **to, const char *from)
{
	if (!from)
		return;
	free(*to);
	*to = xstrdup(from);
}

static void merge_details(struct account *stored, const struct account *a)
{
	set_text(&stored->provider, a->provider);
	set_text(&stored->region, a->region);
	set_text(&stored->auth_region, a->auth_region);
	set_text(&stored->start_url, a->start_url);
	set_text(&stored->client_id, a->client_id);
	set_text(&stored->token_endpoint, a->token_endpoint);
	set_text(&stored->issuer_url, a->issuer_url);
	set_text(&stored->scopes, a->scopes);
	set_text(&stored->email, a->email);
	set_text(&stored->user_id, a->user_id);
	set_text(&stored->profile_arn, a->profile_arn);
	set_text(&stored->proxy_url, a->proxy_url);
	if (!stored->owner)
		set_text(&stored->owner, a->owner);
	if (!secret_present(&a->client_secret))
		return;
	if (a->client_expires_at ||
	    !secret_equal(secret_reveal(&a->client_secret), secret_reveal(&stored->client_secret)))
		stored->client_expires_at = a->client_expires_at;
	secret_set(&stored->client_secret, secret_reveal(&a->client_secret));
}

static void take_access_token(struct account *stored, const struct account *a)
{
	secret_set(&stored->access_token, secret_reveal(&a->access_token));
	stored->expires_at = a->expires_at;
	if (a->refreshed_at)
		stored->refreshed_at = a->refreshed_at;
}

bool merge_mends(const struct account *stored)
{
	return stored->state == STATE_INVALID || stored->state == STATE_REFUSED;
}

bool merge_account(struct account *stored, void *context)
{
	const struct account *a = context;
	enum roster_match match = roster_compare(stored, a);

	if (match == ROSTER_OLDER)
		return false;
	merge_details(stored, a);
	if (match == ROSTER_SAME) {
		if (secret_present(&a->access_token) && a->expires_at > stored->expires_at)
			take_access_token(stored, a);
		return true;
	}
	secret_set(&stored->previous_refresh_token, secret_reveal(&stored->refresh_token));
	secret_set(&stored->refresh_token, secret_reveal(&a->refresh_token));
	secret_set(&stored->api_key, secret_reveal(&a->api_key));
	take_access_token(stored, a);
	if (merge_mends(stored))
		account_set_state(stored, STATE_ACTIVE, NULL, clock_wall(), 0);
	return true;
}

bool merge_changes(const struct account *stored, const struct account *a)
{
	struct account copy;
	struct buf before, after;
	bool differ;

	buf_init(&before, LIMIT_RECORD);
	buf_init(&after, LIMIT_RECORD);
	account_init(&copy);
	account_copy(&copy, stored);
	account_write(&copy, &before);
	merge_account(&copy, (void *)(uintptr_t)a);
	account_write(&copy, &after);
	differ = before.len != after.len || memcmp(before.at, after.at, before.len) != 0;
	account_release(&copy);
	buf_wipe(&before);
	buf_wipe(&after);
	return differ;
}
