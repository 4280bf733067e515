/*
 * management.h - requests to the upstream's control plane (usage limits, model lists): one piece
 * that knows its hosts, its headers and how it refuses.
 */
#ifndef COMMON_MANAGEMENT_H
#define COMMON_MANAGEMENT_H

#include "common/account.h"
#include "common/base.h"
#include "common/buf.h"
#include "common/config.h"
#include "common/error.h"
#include "common/http.h"

struct management_request {
	const char *path;   /* below the host, with its query */
	const char *target; /* awsJson: x-amz-target of a POST; NULL: a GET */
	struct span body;
	int timeout_ms; /* for all of it; 0: as long as a person would wait */
};

/* Base URL of the host that answers: the configured one, or by the account's service generation
 * and region. */
void management_base_url(const struct config *config, const struct account *a, char *out,
			 size_t size);

/* "&name=value", percent-encoded; nothing for a NULL value. */
void management_add_query(struct buf *path, const char *name, const char *value);

/* One exchange with the account's bearer. 0: body holds the 200 answer. -1: refusals of the
 * upstream as up_error has them, or http_fetch()'s failures. */
int management_call(struct http_client *http, const struct config *config, const struct account *a,
		    const struct management_request *request, struct buf *body, struct error *e);

#endif
