/*
 * ledger.h - what one request was and what it cost: plain data, filled along its way (router, auth,
 * api_chat, up_call, turn) and closed exactly once, at its end (router.c: finish()). Whatever keeps
 * account of requests is a row of takers[] in ledger.c and sees the closed ledger: the log, the
 * metrics, the usage counters.
 *
 * Texts are borrowed from the request, which outlives its ledger, unless they are arrays.
 */
#ifndef FCGI_LEDGER_H
#define FCGI_LEDGER_H

#include "common/base.h"
#include "common/error.h"
#include "common/http.h"
#include "common/keys.h"

struct site;

enum ledger_kind {
	LEDGER_OTHER,  /* no chat, or refused before it was one */
	LEDGER_WHOLE,  /* a chat answered in one piece */
	LEDGER_STREAM, /* a streamed one */
	LEDGER_KINDS
};
extern const char *const ledger_kind_names[LEDGER_KINDS]; /* "", "whole", "stream" */

struct ledger {
	/* who asked for what; at the close */
	const char *id;	    /* of the request */
	const char *client; /* address, "" unknown */
	const char *method, *path;
	const char *route;   /* the row's path; NULL: no such door */
	const char *dialect; /* anthropic, openai, responses; never NULL */
	const struct key *key;
	bool let_in; /* by the limits of its key (gate.c): it counts as used */

	/* of a chat; the models are NULL until they are known */
	enum ledger_kind kind;
	const char *asked;  /* the model's name by the client */
	const char *served; /* its name upstream */

	/* upstream: the account that answered or failed last ("": none was asked), and the last
	 * exchange with it */
	char account[64];
	char upstream_id[96];		   /* x-amzn-requestid, "" not told */
	int64_t connect_us, first_byte_us; /* 0: not reached, or a kept connection */
	uint16_t met[ERR_KINDS];	   /* exchanges by what they met, ERR_NONE: an answer */

	/* Of all tokens that came, whole or cut. 0 where nothing was asked of the upstream. */
	int64_t input, output, cache_read, cache_write;
	double credits;
	bool measured; /* upstream's numbers, no estimates */

	/* the answer */
	int64_t began;		   /* clock_ticks() */
	int64_t first_event;	   /* ms from then to the upstream's first event, -1: none came */
	int64_t took;		   /* ms in all, by the close */
	int status;		   /* sent; 0: the client has left before; at the close */
	size_t bytes;		   /* of the body sent; at the close */
	const struct error *error; /* kind ERR_NONE: none; at the close. May be set after a 200 */
};

void ledger_open(struct ledger *l);

/* One exchange with the upstream for this request is over. All may be called with l NULL. */
void ledger_exchange(struct ledger *l, const char *account, const struct http_reply *reply,
		     enum error_kind met);
void ledger_first_event(struct ledger *l); /* only the first call counts */

/* After the answer, before the request is released; what is "at the close" is filled. site: NULL
 * where there are no settings. */
void ledger_close(struct ledger *l, struct site *site);

#endif
