#include "common/base.h"
#include "fcgi/api.h"

#include "common/clock.h"
#include "common/log.h"
#include "fcgi/up_pool.h"

#define JSON_TYPE "application/json"

int api_live(struct request *r)
{
	return response_whole(&r->response, 200, JSON_TYPE, span_of("{\"status\":\"live\"}"));
}

/* Ready: an account could be chosen now, by the very predicate that chooses one. */
int api_ready(struct request *r)
{
	size_t usable = 0;

	if (site_open_stores(r->site, &r->error) ||
	    up_pool_count(r->site->pool, &r->site->tokens, clock_wall(), &usable, &r->error)) {
		log_line(LOG_ERROR, "%s", r->error.message); /* names paths: not for strangers */
		error_clear(&r->error);
		return error_set(&r->error, ERR_NO_ACCOUNT,
				 "not ready: the state directory cannot be used; see the log");
	}
	if (!usable)
		return error_set(&r->error, ERR_NO_ACCOUNT,
				 "not ready: no usable account (see kiroctl account list)");
	return response_whole(&r->response, 200, JSON_TYPE, span_of("{\"status\":\"ready\"}"));
}

int api_ignore(struct request *r)
{
	return response_whole(&r->response, 200, JSON_TYPE, span_of("{}"));
}

int api_root(struct request *r)
{
	return response_whole(&r->response, 200, "text/plain; charset=utf-8",
			      span_of("kiro-fcgi\n"));
}
