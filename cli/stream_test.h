/*
 * stream_test.h - what stands between a client and the gateway at a URL, measured from the client's
 * side with POST /health/stream: no account is needed, and no request goes upstream.
 */
#ifndef CLI_STREAM_TEST_H
#define CLI_STREAM_TEST_H

#include "cli/ctl.h"

struct stream_test {
	const char *url; /* of the gateway: http://HOST/kiro */
	const char *key; /* of a client; "": none */
	int silence;	 /* seconds */
	/* Called for each check, passed or not; text says what was found, and what to change. */
	void (*report)(void *context, const char *check, bool passed, const char *text);
	void *context;
};

/* How many checks failed, or -1 and *e: nothing could be measured. */
int stream_test_run(struct ctl *c, const struct stream_test *test, struct error *e);

#endif
