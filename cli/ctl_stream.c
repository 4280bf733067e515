/*
 * kiroctl stream-test: the web server in front, point by point, each with the directive to change
 * where it fails.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/stream_test.h"
#include "common/jsonw.h"

#include <sysexits.h>

#define SILENCE	    60 /* seconds */
#define MAX_SILENCE 600

struct report {
	const struct ctl *ctl;
	struct jsonw json;
};

static void report(void *context, const char *check, bool passed, const char *text)
{
	struct report *r = context;

	if (!r->ctl->json) {
		printf("%-5s %-16s ", passed ? "OK" : "FAIL", check);
		ctl_print_clean(stdout, text);
		putchar('\n');
		fflush(stdout); /* the next one may take a minute */
		return;
	}
	jsonw_begin_object(&r->json);
	jsonw_text_member(&r->json, "check", check);
	jsonw_bool_member(&r->json, "ok", passed);
	jsonw_text_member(&r->json, "text", text);
	jsonw_end(&r->json);
}

/* -1: it is no number in range. */
static int read_silence(const struct ctl *c, int *seconds)
{
	const char *text = ctl_value(c, "silence");
	char *end;
	long value;

	*seconds = SILENCE;
	if (!text)
		return 0;
	value = strtol(text, &end, 10);
	if (!*text || *end || value < 1 || value > MAX_SILENCE)
		return -1;
	*seconds = (int)value;
	return 0;
}

/* --key-file, else client_token, else none. */
static int read_key(struct ctl *c, struct secret *key, struct error *e)
{
	const char *file = ctl_value(c, "key-file");

	if (ctl_config(c, e))
		return -1;
	if (file)
		return ctl_read_secret(c, "--key-file", file, key, e);
	if (secret_present(&c->config->client_token))
		secret_set(key, secret_reveal(&c->config->client_token));
	return 0;
}

int ctl_stream_test(struct ctl *c, struct error *e)
{
	struct report r = { .ctl = c };
	struct secret key = { 0 };
	struct stream_test test = { .url = c->operands[0], .report = report, .context = &r };
	struct buf out;
	int rc;

	if (read_silence(c, &test.silence))
		return ctl_usage(c, "--silence: must be 1 to %d seconds", MAX_SILENCE);
	if (read_key(c, &key, e))
		return -1;
	test.key = secret_present(&key) ? secret_reveal(&key) : "";
	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&r.json, &out);
	jsonw_begin_array(&r.json);
	rc = stream_test_run(c, &test, e);
	jsonw_end(&r.json);
	if (c->json && rc >= 0)
		ctl_print_json(&out);
	buf_release(&out);
	secret_release(&key);
	return rc > 0 ? 1 : rc;
}
