/*
 * One request for each question. The events tell when they were sent (by the gateway's clock), we
 * know when they came: with the least difference as zero, what is left is the time that something
 * held them back.
 */
#include "common/base.h"
#include "cli/stream_test.h"

#include "cli/stream_advice.h"
#include "common/clock.h"
#include "common/http.h"
#include "common/json.h"
#include "common/limits.h"

#define EVENTS	    20
#define INTERVAL_MS 100
#define BODY_SIZE   MB(5)
#define CONNECT_MS  10000
#define ANSWER_MS   60000 /* until the first byte, and between two, beside the silence asked for */

/* One answer, as far as it came. */
struct measured {
	struct http_reply reply;
	struct buf text; /* what is not a whole event yet; of a failure, its body */
	bool hello, end, authorization;
	char server[96], transport[32]; /* next to the gateway */
	int64_t body_bytes;
	int64_t began; /* clock_ticks() */
	int64_t late[EVENTS];
	size_t ticks, pings;
};

struct run {
	struct ctl *ctl;
	const struct stream_test *test;
	char url[LIMIT_URL];
	char front[96], server[96], transport[32]; /* of the last answer that told */
	const char *key_header;
	int failures;
};

static void take_hello(struct measured *m, const cJSON *data)
{
	const char *server = cJSON_GetStringValue(cJSON_GetObjectItem(data, "server"));
	const char *transport = cJSON_GetStringValue(cJSON_GetObjectItem(data, "transport"));
	const cJSON *bytes = cJSON_GetObjectItem(data, "body_bytes");

	m->hello = true;
	m->authorization = cJSON_IsTrue(cJSON_GetObjectItem(data, "authorization"));
	m->body_bytes = cJSON_IsNumber(bytes) ? (int64_t)bytes->valuedouble : 0;
	snprintf(m->server, sizeof(m->server), "%s", server ? server : "");
	snprintf(m->transport, sizeof(m->transport), "%s", transport ? transport : "");
}

static void take_tick(struct measured *m, const cJSON *data)
{
	const cJSON *at = cJSON_GetObjectItem(data, "at_ms");

	if (m->ticks < EVENTS && cJSON_IsNumber(at))
		m->late[m->ticks++] = clock_ticks() - m->began - (int64_t)at->valuedouble;
}

/* "event: NAME\ndata: JSON" */
static void take_event(struct measured *m, const char *text, size_t len)
{
	static const char before_name[] = "event: ", before_data[] = "\ndata: ";
	const char *end = text + len, *name = text + strlen(before_name);
	const char *at = memmem(text, len, before_data, strlen(before_data));
	struct error ignored = { 0 };
	struct span data;
	cJSON *json;

	if (!at || at < name || strncmp(text, before_name, strlen(before_name)) != 0)
		return;
	data.at = at + strlen(before_data);
	data.len = (size_t)(end - data.at);
	json = json_parse(data, &ignored);
	if (strncmp(name, "hello\n", 6) == 0)
		take_hello(m, json);
	else if (strncmp(name, "tick\n", 5) == 0)
		take_tick(m, json);
	else if (strncmp(name, "ping\n", 5) == 0)
		m->pings++;
	else if (strncmp(name, "end\n", 4) == 0)
		m->end = true;
	cJSON_Delete(json);
}

static int on_bytes(void *context, const struct http_reply *reply, struct span bytes,
		    struct error *e)
{
	struct measured *m = context;
	const char *end;

	if (buf_add(&m->text, bytes.at, bytes.len))
		return error_set(e, ERR_UP_DAMAGED, "the answer is too long for a gateway's");
	while (reply->status == 200 && (end = memmem(m->text.at, m->text.len, "\n\n", 2))) {
		take_event(m, m->text.at, (size_t)(end - m->text.at));
		buf_cut(&m->text, (size_t)(end - m->text.at) + 2);
	}
	return 0;
}

/* Here it is no upstream that cannot be reached: of the message what is behind the colon is right.
 */
static int unreached(const struct run *r, const struct error *why, struct error *e)
{
	const char *reason = strstr(why->message, ": ");

	return error_set(e, why->kind, "%s cannot be reached: %s", r->test->url,
			 reason ? reason + 2 : why->message);
}

/* 0: there was an answer, whatever it was. */
static int ask(struct run *r, const char *query, struct span body, struct measured *m,
	       struct error *e)
{
	struct buf url, key;
	struct http_header headers[2] = { { "content-type", "application/json" } };
	struct error why = { .kind = ERR_NONE };
	int rc;

	buf_init(&url, LIMIT_URL + 64);
	buf_init(&key, KB(8));
	buf_add_format(&url, "%s?%s", r->url, query);
	if (strcmp(r->key_header, "authorization") == 0)
		buf_add_text(&key, "Bearer ");
	buf_add_text(&key, r->test->key);
	headers[1] = (struct http_header){ r->key_header, key.at };
	const struct http_request request = {
		.method = "POST",
		.url = url.at,
		.headers = headers,
		.header_count = *r->test->key ? 2 : 1,
		.body = body,
		.connect_ms = CONNECT_MS,
		.first_byte_ms = ANSWER_MS + r->test->silence * 1000,
		.idle_ms = ANSWER_MS + r->test->silence * 1000,
		.proxy = "direct", /* the configured one is the upstream's */
		.once = true,
		.compressed = true, /* some servers hold back what they compress */
		.on_bytes = on_bytes,
		.watch_fd = -1,
		.context = m,
	};

	*m = (struct measured){ .began = clock_ticks() };
	buf_init(&m->text, KB(64));
	rc = http_run(r->ctl->http, &request, &m->reply, &why);
	buf_release(&url);
	buf_wipe(&key);
	if (*m->reply.server)
		snprintf(r->front, sizeof(r->front), "%s", m->reply.server);
	if (m->hello) {
		snprintf(r->server, sizeof(r->server), "%s", m->server);
		snprintf(r->transport, sizeof(r->transport), "%s", m->transport);
	}
	return rc && !m->reply.status ? unreached(r, &why, e) : 0;
}

static void passed(struct run *r, const char *check, const char *format, ...) PRINTF_LIKE(3, 4);
static void passed(struct run *r, const char *check, const char *format, ...)
{
	char text[LIMIT_ERROR_TEXT];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	r->test->report(r->test->context, check, true, text);
}

/* What was found, then what to set where: next to the gateway, and in front of that. */
static void failed(struct run *r, const char *check, enum stream_problem problem, const char *found)
{
	const char *before =
		strncasecmp(r->front, r->server, strcspn(r->front, "/")) ? r->front : "";
	struct buf text;
	size_t advice;

	buf_init(&text, KB(4));
	buf_add_text(&text, found);
	advice = stream_advice(problem, r->server, r->transport, &text);
	if (*before)
		advice += stream_advice(problem, before, "", &text);
	if (!advice)
		buf_add_format(&text, ". The server is %s: nothing is known of it",
			       *r->front ? r->front : "unnamed");
	r->failures++;
	r->test->report(r->test->context, check, false, text.at);
	buf_release(&text);
}

/* 0: m is a stream of ours. */
static int expect_stream(const struct run *r, const struct measured *m, struct error *e)
{
	if (m->hello)
		return 0;
	if (m->reply.status == 401)
		return error_set(e, ERR_AUTH, "%s refuses the key: name a good one by --key-file",
				 r->test->url);
	return error_set(e, ERR_NOT_FOUND,
			 "%s is no kiro-fcgi: HTTP %d%s%.200s. The URL is the base URL of clients, "
			 "http://HOST/kiro",
			 r->url, m->reply.status, m->text.len ? ": " : "", m->text.at);
}

/* With the key in Authorization; where it is refused so, in x-api-key. */
static int check_authorization(struct run *r, struct measured *m, struct error *e)
{
	char query[64];

	snprintf(query, sizeof(query), "events=%d&interval_ms=%d", EVENTS, INTERVAL_MS);
	r->key_header = "authorization";
	if (ask(r, query, span_of("{}"), m, e))
		return -1;
	if (m->reply.status == 401) {
		buf_release(&m->text);
		r->key_header = "x-api-key";
		if (ask(r, query, span_of("{}"), m, e))
			return -1;
	}
	if (expect_stream(r, m, e))
		return -1;
	if (!*r->test->key)
		return 0;
	if (m->authorization)
		passed(r, "Authorization", "comes through");
	else
		failed(r, "Authorization", STREAM_NO_AUTHORIZATION,
		       "the web server keeps the header to itself");
	return 0;
}

static int64_t least_of(const struct measured *m)
{
	int64_t least = m->late[0];

	for (size_t i = 1; i < m->ticks; i++)
		least = m->late[i] < least ? m->late[i] : least;
	return least;
}

/* A machine under load delays some; a buffer most. */
static void check_events(struct run *r, const struct measured *m)
{
	int64_t least = least_of(m), most = 0;
	size_t late = 0;
	char text[160];

	for (size_t i = 0; i < m->ticks; i++) {
		int64_t by = m->late[i] - least;

		late += by >= INTERVAL_MS;
		most = by > most ? by : most;
	}
	snprintf(text, sizeof(text),
		 "of %d events, one each %d ms, %zu came, %zu of them late, by up to %" PRId64
		 " ms",
		 EVENTS, INTERVAL_MS, m->ticks, late, most);
	if (m->end && m->ticks == EVENTS && late <= EVENTS / 4)
		passed(r, "event by event", "%s", text);
	else
		failed(r, "event by event", m->end ? STREAM_HELD : STREAM_CUT, text);
}

static void check_body(struct run *r)
{
	char *bytes = xmalloc(BODY_SIZE), text[160];
	struct error e = { 0 };
	struct measured m;
	int rc;

	memset(bytes, ' ', BODY_SIZE);
	rc = ask(r, "events=0", (struct span){ bytes, BODY_SIZE }, &m, &e);
	if (!rc && m.hello && m.body_bytes == BODY_SIZE) {
		passed(r, "5 MB body", "came through");
	} else {
		if (rc)
			snprintf(text, sizeof(text), "a body of %lld bytes: %.120s",
				 (long long)BODY_SIZE, e.message);
		else
			snprintf(text, sizeof(text),
				 "a body of %lld bytes: HTTP %d, %" PRId64 " came",
				 (long long)BODY_SIZE, m.reply.status, m.body_bytes);
		failed(r, "5 MB body", STREAM_BODY_REFUSED, text);
	}
	buf_release(&m.text);
	free(bytes);
}

static void check_silence(struct run *r)
{
	char query[64], text[160];
	struct error e = { 0 };
	struct measured m;

	snprintf(query, sizeof(query), "events=1&silence=%d", r->test->silence);
	ask(r, query, span_of("{}"), &m, &e);
	snprintf(text, sizeof(text), "%d s with nothing but %zu pings", r->test->silence, m.pings);
	if (m.end) {
		passed(r, "silence", "%s", text);
	} else {
		snprintf(text, sizeof(text),
			 "the stream was cut after %" PRId64 " s of %d, %zu pings",
			 (clock_ticks() - m.began) / 1000, r->test->silence, m.pings);
		failed(r, "silence", STREAM_CUT, text);
	}
	buf_release(&m.text);
}

int stream_test_run(struct ctl *c, const struct stream_test *test, struct error *e)
{
	struct run r = { .ctl = c, .test = test };
	struct measured m = { .began = 0 };
	size_t len = strlen(test->url);
	int rc;

	while (len && test->url[len - 1] == '/')
		len--;
	if (len + 64 > sizeof(r.url))
		return error_set(e, ERR_REQUEST, "the URL is too long");
	snprintf(r.url, sizeof(r.url), "%.*s/health/stream", (int)len, test->url);
	if (ctl_http(c, e))
		return -1;
	rc = check_authorization(&r, &m, e);
	if (!rc) {
		check_events(&r, &m);
		check_body(&r);
		check_silence(&r);
	}
	buf_release(&m.text);
	return rc ? -1 : r.failures;
}
