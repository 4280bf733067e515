/*
 * fake_login.h - a login service on 127.0.0.1, in a thread of the test: takes a request, notes it,
 * answers what the test wants. Enough HTTP for one POST per connection.
 *
 * Without a set answer it rotates like the real ones: who sends the current refresh token gets the
 * next access and refresh token ("access-N", "refresh-N"), any other gets invalid_grant.
 */
#ifndef TESTS_UNIT_FAKE_LOGIN_H
#define TESTS_UNIT_FAKE_LOGIN_H

#include "common/base.h"

#include <pthread.h>

struct fake_login {
	char url[64];	    /* http://127.0.0.1:PORT */
	_Atomic int count;  /* requests so far */
	char request[8192]; /* the last one, headers and body */
	const char *body;   /* in it */

	/* Set before the request is sent. */
	int generation;	     /* refresh-<generation> is the current token */
	int delay_ms;	     /* before the answer */
	int status;	     /* 0: rotate */
	const char *answer;  /* body for that status */
	const char *headers; /* further header lines, each with \r\n; NULL: none */
	void (*meanwhile)(struct fake_login *f); /* before the answer; NULL: nothing */

	int listener;
	pthread_t thread;
};

void fake_login_start(struct fake_login *f);
void fake_login_stop(struct fake_login *f);

#endif
