/*
 * webhook.h - tells the configured URL (webhook_url) which accounts came to another state since it
 * was told last. kiro-refresh does it behind its work, so that no request of a client waits for it.
 *
 * One POST of JSON: { "type": "account.state", "sent_at": date, "changes": [ { "account", "label",
 * "from", "to", "reason", "until" } ] }, with the headers
 *
 *	x-kiro-timestamp: seconds since 1970
 *	x-kiro-signature: sha256=HEX, the HMAC-SHA256 of "TIMESTAMP.BODY" by webhook_secret
 *
 * Any 2xx is an answer; else the same, and what came to it, is told at the next run: a receiver may
 * be told twice, never not at all. What was told last stands in webhook.json of the state
 * directory; without it the states of now are where the telling begins.
 */
#ifndef COMMON_WEBHOOK_H
#define COMMON_WEBHOOK_H

#include "common/account.h"
#include "common/config.h"
#include "common/http.h"

/* 1: told; 0: nothing to tell, or another process does; -1: ERR_CONFIG, ERR_STORE, ERR_UP_*. */
int webhook_tell(const struct config *config, struct http_client *http,
		 const struct account *accounts, size_t count, struct error *e);

#endif
