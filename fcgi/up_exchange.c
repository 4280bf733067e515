#include "common/base.h"
#include "fcgi/up_exchange.h"

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/rest.h"
#include "common/up_error.h"
#include "common/up_profile.h"
#include "fcgi/up_check.h"
#include "fcgi/up_pool.h"
#include "fcgi/up_request.h"

/* One exchange: a 200 body goes to the sink, any other body is kept for judging. */
struct exchange {
	struct up_call *call;
	const struct account *account;
	bool begun, answered; /* the answer has come in part; the client has a part of it */
	struct buf *body;     /* until it is sent */
	struct buf refusal;
};

/* A long answer of an account that was at rest need not be over before others use it too. */
static int take_answer(struct exchange *x, struct span bytes, struct error *e)
{
	const struct up_sink *sink = x->call->sink;
	int rc = sink->bytes(sink->context, bytes, e);

	x->begun = true;
	if (rc >= 0 && !x->answered && sink->committed(sink->context)) {
		x->answered = true;
		rest_end(&x->call->site->tokens, x->account, clock_wall());
	}
	return rc;
}

static int on_bytes(void *context, const struct http_reply *reply, struct span bytes,
		    struct error *e)
{
	struct exchange *x = context;

	if (reply->status == 200)
		return take_answer(x, bytes, e);
	if (bytes.len > x->refusal.max - x->refusal.len)
		bytes.len = x->refusal.max - x->refusal.len;
	buf_add(&x->refusal, bytes.at, bytes.len);
	return 0;
}

static int on_read(void *context, struct error *e)
{
	const struct up_sink *sink = ((struct exchange *)context)->call->sink;

	return sink->read ? sink->read(sink->context, e) : 0;
}

/* A stream would keep it to its end: one with a request of 450 KB had 1,320 KiB instead of 720. */
static void on_sent(void *context)
{
	buf_release(((struct exchange *)context)->body);
}

static int on_tick(void *context, struct error *e)
{
	const struct up_sink *sink = ((struct exchange *)context)->call->sink;

	return sink->tick(sink->context, e);
}

static int on_watch(void *context, struct error *e)
{
	const struct up_sink *sink = ((struct exchange *)context)->call->sink;

	return sink->watch(sink->context, e);
}

static int total_ms(const struct config *c, bool stream)
{
	int special = stream ? c->stream_timeout : c->simple_timeout;
	int minutes = special ? special : c->request_timeout;

	return minutes * 60 * 1000;
}

/* One id for one conversation of the client: upstream's caches are keyed by it. */
static void name_turn(struct up_call *call)
{
	if (*call->continuation)
		return;
	if (call->chat->conversation)
		ids_uuid_from(call->chat->conversation, call->conversation);
	else
		ids_uuid(call->conversation);
	up_request_continuation(call->chat, call->conversation, call->continuation);
}

static int write_body(struct up_call *call, const struct up_profile *profile,
		      const struct account *account, const struct model *model, struct buf *body,
		      struct error *e)
{
	struct up_request_options options = {
		.origin = UP_ORIGIN,
		.agent_mode = profile->agent_mode_in_body ? UP_AGENT_MODE : NULL,
		.profile_arn = up_profile_arn(profile, account),
		.conversation_id = call->conversation,
		.continuation_id = call->continuation,
		.again = call->sink->again,
		.documents = profile->documents,
		.reasoning = !call->without_reasoning,
		.sent_reasoning = &call->sent_reasoning,
	};

	name_turn(call);
	return up_request_write(call->chat, model, &options, call->names, call->arena, body, e);
}

static int judge_refusal(const struct http_reply *reply, const struct buf *body, struct error *e)
{
	struct up_refusal refusal = { .status = reply->status,
				      .type = reply->error_type,
				      .retry_after = reply->retry_after,
				      .payload = buf_span(body) };

	return up_error_set(&refusal, e);
}

static int exchange(struct up_call *call, const struct account *account, struct buf *body,
		    const struct up_wire *wire, struct error *e)
{
	const struct config *config = call->site->config;
	struct exchange x = { .call = call, .account = account, .body = body };
	const size_t size = body->len;
	struct http_reply reply;
	struct http_request request = {
		.method = "POST",
		.url = wire->url,
		.headers = wire->headers,
		.header_count = wire->header_count,
		.body = buf_span(body),
		.connect_ms = config->connect_timeout * 1000,
		.first_byte_ms = config->first_byte_timeout * 1000,
		.idle_ms = config->idle_timeout * 1000,
		.total_ms = total_ms(config, call->chat->stream),
		.proxy = account->proxy_url,
		.on_bytes = on_bytes,
		.on_read = on_read,
		.on_sent = on_sent,
		.on_tick = on_tick,
		.watch_fd = call->sink->watch_fd,
		.on_watch = on_watch,
		.context = &x,
	};
	int rc;

	buf_init(&x.refusal, LIMIT_UP_ERROR);
	rc = http_run(call->site->http, &request, &reply, e);
	if (rc > 0)
		rc = 0; /* the sink has all that it wants */
	else if (rc && x.begun && e->kind == ERR_UP_NETWORK)
		e->kind = ERR_UP_TRUNCATED; /* it has cost: it is cut, not out of reach */
	else if (!rc && reply.status != 200)
		rc = judge_refusal(&reply, &x.refusal, e);
	else if (!rc)
		rc = call->sink->end(call->sink->context, e);
	account_scrub(account, e->message);
	if (rc && e->kind == ERR_UP_INVALID)
		up_check_explain(call->chat, size, e);
	ledger_exchange(call->ledger, account->id, &reply, rc ? e->kind : ERR_NONE);
	log_line(rc ? LOG_WARN : LOG_DEBUG, "upstream %s account=%s status=%d id=%s%s%s",
		 up_profile_of(config, account)->name, account->id, reply.status,
		 *reply.request_id ? reply.request_id : "-", rc ? ": " : "", rc ? e->message : "");
	buf_release(&x.refusal);
	return rc;
}

/* The model as this account offers it. */
static const struct model *own_model(struct up_call *call, const struct account *account)
{
	const struct model *model;
	bool due;

	if (call->own)
		return call->model; /* nothing is known of what it is offered */
	model = catalogues_model(call->site->catalogues, &call->site->tokens, account->id,
				 call->model, call->arena, &due);
	if (due)
		site_note_catalogue(call->site, account->id);
	return model ? model : call->model; /* NULL: it went since the account was chosen */
}

int up_exchange(struct up_call *call, const struct account *account, struct error *e)
{
	const struct up_profile *profile = up_profile_of(call->site->config, account);
	const struct model *model = own_model(call, account);
	struct up_wire wire;
	struct buf body;
	double credits;
	int rc;

	buf_init(&body, LIMIT_UP_BODY);
	if (call->ledger)
		call->ledger->served = model->id;
	call->sink->reset(call->sink->context, model,
			  call->asked_again || call->tries >= call->tries_end);
	rc = write_body(call, profile, account, model, &body, e);
	if (!rc)
		rc = up_profile_wire(profile, call->site->config, account, call->invocation,
				     call->attempt, call->arena, &wire, e);
	if (!rc)
		rc = exchange(call, account, &body, &wire, e);
	buf_release(&body);
	credits = call->sink->credits(call->sink->context);
	if (credits > 0 && !call->own)
		up_pool_spend(call->site->pool, &call->site->tokens, account->id, credits);
	return rc;
}
