/*
 * kiroctl stream-test: the web server in front, point by point, each with the directive to change
 * where it fails.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/doctor.h"
#include "cli/stream_test.h"
#include "common/jsonw.h"

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

/* With the key and the silence of the command line. How many checks failed, or -1. */
static int measure(struct ctl *c, struct stream_test *test, struct error *e)
{
	struct secret key = { 0 };
	int rc;

	if (read_silence(c, &test->silence))
		return error_set(e, ERR_REQUEST, "--silence: must be 1 to %d seconds", MAX_SILENCE);
	if (read_key(c, &key, e))
		return -1;
	test->key = secret_reveal(&key);
	rc = stream_test_run(c, test, e);
	secret_release(&key);
	return rc;
}

int ctl_stream_test(struct ctl *c, struct error *e)
{
	struct report r = { .ctl = c };
	struct stream_test test = { .url = c->operands[0], .report = report, .context = &r };
	struct buf out;
	int rc;

	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&r.json, &out);
	jsonw_begin_array(&r.json);
	rc = measure(c, &test, e);
	jsonw_end(&r.json);
	if (c->json && rc >= 0)
		ctl_print_json(&out);
	buf_release(&out);
	return rc > 0 ? 1 : rc;
}

static void report_finding(void *context, const char *check, bool passed, const char *text)
{
	struct doctor *d = context;

	d->check = check;
	doctor_say(d, passed ? FINDING_OK : FINDING_FAIL, "%s", text);
}

void doctor_url(struct doctor *d)
{
	struct stream_test test = { .url = ctl_value(d->ctl, "url"),
				    .report = report_finding,
				    .context = d };
	struct error e = { 0 };

	if (test.url && measure(d->ctl, &test, &e) < 0)
		doctor_fail(d, &e);
}
