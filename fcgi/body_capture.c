#include "common/base.h"
#include "fcgi/body_capture.h"

#include "common/capture.h"
#include "common/clock.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/log.h"
#include "fcgi/auth.h"

void body_capture_begin(struct request *r)
{
	if (!capture_wants(r->site->config->state_dir, r->key.name, clock_wall()))
		return;
	r->response.copy = xcalloc(1, sizeof(*r->response.copy));
	buf_init(r->response.copy, LIMIT_CAPTURE_BODY);
}

static void add_body(struct request *r, struct jsonw *w, const char *name, struct buf *text)
{
	const struct config *config = r->site->config;
	const char *keys[AUTH_MAX_KEYS];
	size_t count = auth_keys(r, keys);

	for (size_t i = 0; i < count; i++)
		capture_scrub_word(text, keys[i]);
	capture_scrub_word(text, secret_reveal(&config->client_token));
	capture_scrub_word(text, secret_reveal(&config->metrics_token));
	capture_scrub_word(text, secret_reveal(&config->webhook_secret));
	capture_scrub(text);
	jsonw_key(w, name);
	jsonw_span(w, buf_span(text));
}

static void write_line(struct request *r, struct buf *asked, struct buf *line)
{
	struct jsonw w;

	jsonw_init(&w, line);
	jsonw_begin_object(&w);
	jsonw_date_member(&w, "timestamp", clock_wall());
	jsonw_text_member(&w, "request_id", r->id);
	jsonw_text_member(&w, "user_id", r->key.name);
	jsonw_text_member(&w, "method", r->method);
	jsonw_text_member(&w, "path", r->path);
	jsonw_int_member(&w, "status", r->response.status);
	jsonw_bool_member(&w, "cut", r->body.len > LIMIT_CAPTURE_BODY || r->response.copy->failed);
	add_body(r, &w, "request", asked);
	add_body(r, &w, "response", r->response.copy);
	jsonw_end(&w);
}

void body_capture_end(struct request *r)
{
	size_t shown = r->body.len < LIMIT_CAPTURE_BODY ? r->body.len : LIMIT_CAPTURE_BODY;
	struct error e = { 0 };
	struct buf asked, line;

	if (!r->response.copy)
		return;
	buf_init(&asked, LIMIT_CAPTURE_BODY);
	buf_init(&line, LIMIT_CAPTURE);
	buf_add(&asked, r->body.at, shown);
	write_line(r, &asked, &line);
	if (!line.failed && capture_append(r->site->config->state_dir, buf_span(&line), &e))
		log_line(LOG_WARN, "capture: %s", e.message);
	buf_wipe(&line);
	buf_wipe(&asked);
	buf_wipe(r->response.copy);
	free(r->response.copy);
	r->response.copy = NULL;
}
