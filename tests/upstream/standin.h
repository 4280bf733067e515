/*
 * standin.h - the whole program's state: what main() sets up and every handler sees.
 */
#ifndef STANDIN_H
#define STANDIN_H

#include "account.h"
#include "journal.h"
#include "library.h"
#include "server.h"

#include <stdatomic.h>

enum profile { PROFILE_BOTH, PROFILE_RTS, PROFILE_KRS };

/* How the refresh endpoints answer while `times` lasts (0: for good); set by the control API. */
struct refresh_script {
	int64_t delay_ns;
	int status; /* 0: the real answer */
	char *body;
	bool keep;	  /* do not rotate: the old refresh token stays good, none is returned */
	bool drop_answer; /* rotate, then close the connection without a word */
	long times;
	char account[LIMIT_NAME + 1]; /* only this one's refreshes, "" for all */
};

/* How logins go, by device code and in a browser. */
struct device_script {
	int drops;	    /* first so many polls end without a word, */
	int slow_downs;	    /* then so many are told to slow down, */
	int pending;	    /* then so many that it is not yet; then comes the result */
	const char *result; /* "authorized", "expired_token" or "access_denied" */
	int interval_s, expires_in_s;
	int made;		      /* accounts made so far, for their names */
	char user[LIMIT_NAME + 1];    /* who logs in: the user id of these accounts */
	char option[LIMIT_NAME + 1];  /* what is chosen on the sign-in page */
	char cookie[LIMIT_NAME + 1];  /* the access portal's session, "": there is none */
	char session[LIMIT_NAME + 1]; /* that the portal handed out for it */
};

struct standin {
	/* options */
	enum profile profile;
	bool strict;	       /* an unscripted chat is a fatal 500, as AWS's own mock has it */
	int64_t reply_pace_ns; /* between the frames of the built-in reply */
	const char *script_file, *accounts_file, *log_file;

	/* settings that the control API changes */
	atomic_int
		rpc_denied_status; /* status of a bad bearer under awsJson: 403, seen live: 400 */
	atomic_int max_body;	   /* bytes of a chat request */

	pthread_mutex_t lock; /* for the next four */
	struct refresh_script refresh;
	struct device_script device;
	struct login *logins; /* device authorizations under way */
	struct auth_code
		*codes; /* authorization codes handed out, and clients that may ask for them */

	struct accounts accounts;
	struct library library;
	struct journal journal;
	struct server server;
};

/* Back to what the options say: start-up's scripts and accounts, nothing else. 0 or -1. */
int standin_reset(struct standin *app);

#endif
