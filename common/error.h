/*
 * error.h - how a failure travels: functions return -1 and fill a struct error, once, where the
 * reason is known. It is read once: in up_call (try again?), response (what the client sees) and
 * log. The first error wins; a caller that recovers calls error_clear().
 *
 * Everything that depends on the kind of a failure stands in one row of error_kinds[].
 * Sources: statuses and type names from the Messages API and Chat Completions error tables;
 * 429 + billing_error for an exhausted quota and x-should-retry are Claude Code's gateway contract.
 */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

#include "common/base.h"
#include "common/limits.h"

enum error_kind {
	ERR_NONE,

	/* the client's request */
	ERR_REQUEST,	/* malformed, or a field that we do not serve */
	ERR_CONTEXT,	/* the conversation does not fit the model's window */
	ERR_AUTH,	/* no key or a wrong one */
	ERR_FORBIDDEN,	/* the key may not do this */
	ERR_NOT_FOUND,	/* unknown path or object */
	ERR_MODEL,	/* unknown model */
	ERR_METHOD,	/* known path, other method */
	ERR_TOO_LARGE,	/* body above the route's limit */
	ERR_KEY_RATE,	/* its key has reached a limit that passes in a minute */
	ERR_KEY_LIMIT,	/* one that passes in a day or a month */
	ERR_KEY_BUDGET, /* it has spent its month's tokens or credits */
	ERR_KEY_UNSURE, /* whether it is good cannot be found out now */
	ERR_STALE,	/* If-Match: it was changed since it was read */
	ERR_LOCKED,	/* too many wrong passwords: not before retry_after */

	/* this installation */
	ERR_INTERNAL,	    /* our own fault, or memory, disk, ... */
	ERR_CONFIG,	    /* kiro.json or the environment */
	ERR_STORE,	    /* the state directory or a record in it */
	ERR_NOT_CONFIGURED, /* no client key exists */
	ERR_NO_ACCOUNT,	    /* no usable account */
	ERR_BUSY,	    /* all workers taken */

	/* what the upstream answered, or how it failed to */
	ERR_UP_TOKEN,	  /* it refused the account's token: refresh once */
	ERR_UP_DENIED,	  /* this account may not do this; others may */
	ERR_UP_REFUSED,	  /* this account may not do anything; a refresh does not mend it */
	ERR_UP_SUSPENDED, /* the account is locked */
	ERR_UP_QUOTA,	  /* monthly or daily allowance used up */
	ERR_UP_RATE,	  /* too many requests of this account */
	ERR_UP_CAPACITY,  /* the model is short of capacity; the account is fine */
	ERR_UP_OVERLOAD,  /* 500, 503: transient */
	ERR_UP_INVALID,	  /* it refused our body */
	ERR_UP_NETWORK,	  /* no connection, TLS failure, reset before the answer */
	ERR_UP_TIMEOUT,	  /* silence */
	ERR_UP_DAMAGED,	  /* broken framing, bad checksum, unreadable event */
	ERR_UP_TRUNCATED, /* ended without its final marker */
	ERR_UP_EMPTY,	  /* ended well, without any content */
	ERR_UP_UNMET,	  /* not what the request asked for: the model is told so and asked again */
	ERR_LOGIN,	  /* the refresh token is dead: a person must log in again */

	ERR_GONE, /* the client has left; nothing is sent any more */
	ERR_KINDS
};

/* What a failure does to the account that met it. */
enum account_effect {
	ACCOUNT_KEEP,
	ACCOUNT_REFRESH, /* one forced refresh, then one retry, then as REFUSE */
	ACCOUNT_REFUSE,	 /* rest, then one probe */
	ACCOUNT_COOL,	 /* rest for retry_after or a default */
	ACCOUNT_EXHAUST, /* rest until the quota resets */
	ACCOUNT_SUSPEND, /* rest for hours, then one probe */
	ACCOUNT_INVALID, /* a person must log in again */
};

struct error_row {
	const char *name;	 /* for logs and metrics */
	int status;		 /* HTTP status for every client API */
	const char *anthropic;	 /* error.type of the Messages API */
	const char *openai;	 /* error.type of the OpenAI APIs */
	const char *openai_code; /* error.code, NULL: null */
	bool client_retries;	 /* x-should-retry */
	bool other_account;	 /* another account may do better */
	enum account_effect effect;
};

extern const struct error_row error_kinds[ERR_KINDS];

/* When an allowance begins anew, as far as a refusal tells. */
enum error_period { PERIOD_UNKNOWN, PERIOD_HOUR, PERIOD_DAY, PERIOD_MONTH };

struct error {
	enum error_kind kind;
	enum error_period period; /* of UP_QUOTA */
	int retry_after;	  /* seconds, 0: unknown */
	int up_status;		  /* HTTP status of the upstream, 0: none */
	int64_t tokens, window;	  /* CONTEXT: our estimate, what the model takes; 0: not told */
	char field[128];	  /* path of the offending request field, or "" */
	char message[LIMIT_ERROR_TEXT];
};

void error_clear(struct error *e);
const struct error_row *error_row(const struct error *e);

/* Both return -1. Without effect when e already holds an error. */
int error_set(struct error *e, enum error_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);
/* ERR_REQUEST for a named field; the message becomes "FIELD: TEXT". */
int error_field(struct error *e, const char *field, const char *format, ...) PRINTF_LIKE(3, 4);

/* Process exit code for a command that failed so (sysexits.h values). */
int error_exit_code(const struct error *e);

#endif
