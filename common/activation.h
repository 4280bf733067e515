/*
 * activation.h - what an outer service says of an activation code (activation_server_url), asked
 * for at most once in a while:
 *
 *	POST URL/api/tunnel/check  {"code":"XXXX-XXXX-...","machineId":"..."}
 *	200 {"success":true,"expiresAt":"2026-12-31T00:00:00Z"} or {"success":false,"message":"..."}
 *
 * The code goes there without "act-", in capitals; machineId is what the client sent, or "". An
 * answer holds for all processes: a good one ACTIVATION_GOOD seconds, a refusal ACTIVATION_BAD. It
 * is kept in activation.map, by the key's id and the hash of the machine's, for
 * ACTIVATION_MACHINES machines of each kind. One process asks for one code at a time; the others
 * wait for what it hears. Beyond LIMIT_ACTIVATION_SLOTS codes, what was heard longest ago is
 * forgotten and asked for anew.
 *
 * Anything else than such an answer - no connection, silence, a status of 500 and more, another
 * text - says that the service is down: nobody asks for ACTIVATION_DOWN seconds, and who was good
 * within activation_grace seconds (and before expiresAt) goes on. The others are refused.
 */
#ifndef COMMON_ACTIVATION_H
#define COMMON_ACTIVATION_H

#include "common/base.h"
#include "common/config.h"
#include "common/error.h"
#include "common/http.h"
#include "common/keys.h"

#define ACTIVATION_GOOD	    300
#define ACTIVATION_BAD	    60
#define ACTIVATION_DOWN	    15
#define ACTIVATION_MACHINES 4

struct activation;

struct activation *activation_new(const struct config *config);
void activation_free(struct activation *a); /* NULL is fine */

/* 0: it may come in, also where no service is configured. machine NULL: none was sent. -1:
 * ERR_FORBIDDEN with the reason, ERR_KEY_UNSURE (the service is down), ERR_STORE. */
int activation_check(struct activation *a, struct http_client *http, const struct key *key,
		     const char *text, const char *machine, struct error *e);

#endif
