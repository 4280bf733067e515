#include "common/base.h"
#include "fcgi/up_call.h"

#include "common/clock.h"
#include "common/ids.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/up_error.h"
#include "fcgi/up_check.h"
#include "fcgi/up_pool.h"
#include "common/up_profile.h"
#include "fcgi/up_request.h"

#define MAX_ACCOUNTS   4  /* tried for one request */
#define REFRESH_WITHIN 60 /* seconds: a token this close to its end is renewed before use */

struct tries {
	const char *ids[MAX_ACCOUNTS];
	size_t count;
};

/* One exchange: a 200 body goes to the sink, any other body is kept for judging. */
struct exchange {
	struct up_call *call;
	struct buf refusal;
};

static int on_bytes(void *context, const struct http_reply *reply, struct span bytes,
		    struct error *e)
{
	struct exchange *x = context;

	if (reply->status == 200)
		return x->call->sink->bytes(x->call->sink->context, bytes, e);
	if (bytes.len > x->refusal.max - x->refusal.len)
		bytes.len = x->refusal.max - x->refusal.len;
	buf_add(&x->refusal, bytes.at, bytes.len);
	return 0;
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

static int write_body(struct up_call *call, const struct up_profile *profile,
		      const struct account *account, struct buf *body, struct error *e)
{
	char conversation[UUID_SIZE], continuation[UUID_SIZE];
	struct up_request_options options = {
		.origin = UP_ORIGIN,
		.agent_mode = profile->agent_mode_in_body ? UP_AGENT_MODE : NULL,
		.profile_arn = up_profile_arn(profile, account),
		.conversation_id = conversation,
		.continuation_id = continuation,
		.documents = profile->documents,
		.reasoning = !call->without_reasoning,
		.sent_reasoning = &call->sent_reasoning,
	};

	/* One id for one conversation of the client: upstream's caches are keyed by it. */
	if (call->chat->conversation)
		ids_uuid_from(call->chat->conversation, conversation);
	else
		ids_uuid(conversation);
	ids_uuid(continuation);
	return up_request_write(call->chat, call->model, &options, call->names, call->arena, body,
				e);
}

static int judge_refusal(const struct http_reply *reply, const struct buf *body, struct error *e)
{
	struct up_refusal refusal = { .status = reply->status,
				      .type = reply->error_type,
				      .retry_after = reply->retry_after,
				      .payload = buf_span(body) };

	return up_error_set(&refusal, e);
}

static int exchange(struct up_call *call, const struct account *account, const struct buf *body,
		    const struct up_wire *wire, struct error *e)
{
	const struct config *config = call->site->config;
	struct exchange x = { .call = call };
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
		.on_tick = on_tick,
		.watch_fd = call->sink->watch_fd,
		.on_watch = on_watch,
		.context = &x,
	};
	int rc;

	buf_init(&x.refusal, LIMIT_UP_ERROR);
	call->sink->reset(call->sink->context);
	rc = http_run(call->site->http, &request, &reply, e);
	if (!rc && reply.status != 200)
		rc = judge_refusal(&reply, &x.refusal, e);
	else if (!rc)
		rc = call->sink->end(call->sink->context, e);
	if (rc && e->kind == ERR_UP_INVALID)
		up_check_explain(call->chat, body->len, e);
	log_line(rc ? LOG_WARN : LOG_DEBUG, "upstream %s account=%s status=%d id=%s%s%s",
		 account->upstream ? account->upstream : "", account->id, reply.status,
		 *reply.request_id ? reply.request_id : "-", rc ? ": " : "", rc ? e->message : "");
	buf_release(&x.refusal);
	return rc;
}

static int send_once(struct up_call *call, const struct account *account, struct error *e)
{
	const struct up_profile *profile = up_profile_of(call->site->config, account);
	char invocation[UUID_SIZE];
	struct up_wire wire;
	struct buf body;
	int rc;

	call->tries++;
	ids_uuid(invocation);
	buf_init(&body, LIMIT_UP_BODY);
	rc = write_body(call, profile, account, &body, e);
	if (!rc)
		rc = up_profile_wire(profile, call->site->config, account, invocation, call->tries,
				     call->arena, &wire, e);
	if (!rc)
		rc = exchange(call, account, &body, &wire, e);
	buf_release(&body);
	return rc;
}

/* Upstream refuses reasoning that another model or region signed (THINKING_SIGNATURE_INVALID), and
 * may in other words: then the conversation goes once more, without any. */
static int send(struct up_call *call, const struct account *account, struct error *e)
{
	int rc;

	call->sent_reasoning = false;
	rc = send_once(call, account, e);
	if (!rc || e->kind != ERR_UP_INVALID || !call->sent_reasoning ||
	    call->sink->committed(call->sink->context))
		return rc;
	log_line(LOG_INFO, "sent again without the reasoning of the history: %s", e->message);
	error_clear(e);
	call->without_reasoning = true;
	return send_once(call, account, e);
}

/* A token near its end is renewed before it is sent. */
static int ready_token(struct up_call *call, struct account *account, struct error *e)
{
	struct refresher refresher = site_refresher(call->site);
	int64_t now = clock_wall();

	if (!account_expires_within(account, now, REFRESH_WITHIN) && *account_bearer(account))
		return 0;
	if (refresh_account(&refresher, account,
			    account_expires_within(account, now, 0) || !*account_bearer(account)
				    ? REFRESH_HARD
				    : REFRESH_SOFT,
			    REFRESH_WITHIN, e) >= 0)
		return 0;
	/* Still valid for seconds: a refresh that fails now need not fail the request. */
	if (!account_expires_within(account, now, 0) && *account_bearer(account)) {
		error_clear(e);
		return 0;
	}
	return -1;
}

static bool may_go_on(const struct up_call *call, const struct error *e)
{
	return error_row(e)->other_account && !call->sink->committed(call->sink->context);
}

/* One account: as it is, and once more with a new token when upstream refuses the old one. */
static int try_account(struct up_call *call, struct account *account, struct error *e)
{
	struct refresher refresher = site_refresher(call->site);
	struct error refused;
	int rc = ready_token(call, account, e);

	if (!rc)
		rc = send(call, account, e);
	if (!rc || error_row(e)->effect != ACCOUNT_REFRESH || !may_go_on(call, e) ||
	    account->kind == KIND_API_KEY)
		return rc;
	refused = *e;
	error_clear(e);
	if (refresh_account(&refresher, account, REFRESH_FORCED, 0, e) < 0) {
		if (e->kind != ERR_LOGIN)
			*e = refused; /* what upstream said tells more than a failed renewal */
		return -1;
	}
	return send(call, account, e);
}

/* An honest time to wait where upstream names none: that long the account rests. */
static void name_wait(struct error *e)
{
	if (!e->retry_after && error_row(e)->effect == ACCOUNT_COOL)
		e->retry_after = UP_POOL_COOL_SECONDS;
	else if (!e->retry_after && error_row(e)->effect == ACCOUNT_EXHAUST)
		e->retry_after = UP_POOL_EXHAUST_SECONDS;
}

int up_call_run(struct up_call *call, struct error *e)
{
	struct tries tries = { .count = 0 };
	struct error last = { 0 };
	int rc = -1;

	if (site_open_stores(call->site, e))
		return -1;
	while (tries.count < MAX_ACCOUNTS) {
		struct account account;

		account_init(&account);
		error_clear(e);
		rc = up_pool_pick(call->site->pool, &call->site->tokens, tries.ids, tries.count,
				  clock_wall(), &account, e);
		if (rc) { /* none left: the last account's own failure tells more */
			account_release(&account);
			if (tries.count)
				*e = last;
			return rc;
		}
		tries.ids[tries.count++] =
			arena_strndup(call->arena, account.id, strlen(account.id));
		snprintf(call->account, sizeof(call->account), "%s", account.id);
		rc = try_account(call, &account, e);
		name_wait(e);
		if (rc)
			up_pool_book(call->site->pool, &call->site->tokens, &account, e,
				     clock_wall());
		account_release(&account);
		if (!rc || !may_go_on(call, e))
			return rc;
		last = *e;
	}
	return rc;
}
