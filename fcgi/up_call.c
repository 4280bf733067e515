#include "common/base.h"
#include "fcgi/up_call.h"

#include "common/clock.h"
#include "common/ids.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/profile.h"
#include "common/up_error.h"
#include "fcgi/up_check.h"
#include "fcgi/up_pool.h"
#include "common/up_profile.h"
#include "fcgi/up_request.h"

#define MAX_ACCOUNTS	4  /* tried for one request */
#define REFRESH_WITHIN	60 /* seconds: a token this close to its end is renewed before use */
#define REFRESH_SPACING 30 /* seconds: a token this new that is refused will not do better anew */

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
		      const struct account *account, const struct model *model, struct buf *body,
		      struct error *e)
{
	char conversation[UUID_SIZE], continuation[UUID_SIZE];
	struct up_request_options options = {
		.origin = UP_ORIGIN,
		.agent_mode = profile->agent_mode_in_body ? UP_AGENT_MODE : NULL,
		.profile_arn = up_profile_arn(profile, account),
		.conversation_id = conversation,
		.continuation_id = continuation,
		.again = call->sink->again,
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
	rc = http_run(call->site->http, &request, &reply, e);
	if (rc > 0)
		rc = 0; /* the sink has all that it wants */
	else if (!rc && reply.status != 200)
		rc = judge_refusal(&reply, &x.refusal, e);
	else if (!rc)
		rc = call->sink->end(call->sink->context, e);
	account_scrub(account, e->message);
	if (rc && e->kind == ERR_UP_INVALID)
		up_check_explain(call->chat, body->len, e);
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

static int send_chat(struct up_call *call, const struct account *account, struct error *e)
{
	const struct up_profile *profile = up_profile_of(call->site->config, account);
	const struct model *model = own_model(call, account);
	char invocation[UUID_SIZE];
	struct up_wire wire;
	struct buf body;
	int rc;

	ids_uuid(invocation);
	buf_init(&body, LIMIT_UP_BODY);
	call->sink->reset(call->sink->context, model, call->asked_again);
	rc = write_body(call, profile, account, model, &body, e);
	if (!rc)
		rc = up_profile_wire(profile, call->site->config, account, invocation, call->tries,
				     call->arena, &wire, e);
	if (!rc)
		rc = exchange(call, account, &body, &wire, e);
	buf_release(&body);
	return rc;
}

/* The model's own doing, which may go better the next time. */
static bool is_worth_asking_again(const struct error *e)
{
	return e->kind == ERR_UP_EMPTY || e->kind == ERR_UP_TRUNCATED || e->kind == ERR_UP_UNMET;
}

/* Upstream refuses reasoning that another model or region signed (THINKING_SIGNATURE_INVALID), and
 * may in other words: then the conversation goes once more, without any. */
static bool is_worth_without_reasoning(const struct up_call *call, const struct error *e)
{
	return e->kind == ERR_UP_INVALID && call->sent_reasoning && !call->without_reasoning;
}

static int send(struct up_call *call, const struct account *account, struct error *e)
{
	int rc;

	call->tries++;
	if (call->send)
		return call->send(call, account, e);
	call->sent_reasoning = false;
	rc = send_chat(call, account, e);
	if (!rc || call->sink->committed(call->sink->context))
		return rc;
	if (is_worth_without_reasoning(call, e))
		call->without_reasoning = true;
	else if (!call->asked_again && is_worth_asking_again(e))
		call->asked_again = true;
	else
		return rc;
	log_line(LOG_INFO, "sent again: %s", e->message);
	call->tries++;
	error_clear(e);
	return send_chat(call, account, e);
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
	int rc = ready_token(call, account, e);

	if (!rc && profile_is_missing(account))
		rc = profile_resolve(call->site->http, call->site->config, &call->site->tokens,
				     account, e);
	if (!rc)
		rc = send(call, account, e);
	if (!rc || error_row(e)->effect != ACCOUNT_REFRESH || !may_go_on(call, e) ||
	    account->kind == KIND_API_KEY || clock_wall() - account->refreshed_at < REFRESH_SPACING)
		return rc;
	error_clear(e);
	if (refresh_account(&refresher, account, REFRESH_FORCED, 0, e) < 0)
		return -1;
	return send(call, account, e);
}

/* Of several accounts' failures the client is told the first that time can mend, else the first. */
static bool tells_more(const struct error *e, const struct error *than)
{
	return than->kind == ERR_NONE ||
	       (error_row(e)->client_retries && !error_row(than)->client_retries);
}

/* Credentials that came with the request: as they are, once, and no account's rest. */
static int run_own(struct up_call *call, struct error *e)
{
	int rc;

	snprintf(call->account, sizeof(call->account), "%s", call->own->id);
	rc = send(call, call->own, e);
	if (!rc || e->kind != ERR_UP_TOKEN)
		return rc;
	error_clear(e);
	return error_set(e, ERR_AUTH,
			 "the upstream refused the token of your own credentials: renew it where "
			 "it comes from");
}

int up_call_run(struct up_call *call, struct error *e)
{
	struct tries tries = { .count = 0 };
	struct error told = { 0 };
	int rc = -1;

	if (call->own)
		return run_own(call, e);
	if (site_open_stores(call->site, e))
		return -1;
	while (tries.count < MAX_ACCOUNTS) {
		const struct up_pool_wish wish = { tries.ids, tries.count,
						   call->model ? call->model->id : NULL,
						   call->site->catalogues };
		struct account account;

		account_init(&account);
		error_clear(e);
		rc = up_pool_pick(call->site->pool, &call->site->tokens, &wish, clock_wall(),
				  &account, e);
		if (rc) { /* none left: what those tried have met tells more */
			account_release(&account);
			break;
		}
		tries.ids[tries.count++] =
			arena_strndup(call->arena, account.id, strlen(account.id));
		snprintf(call->account, sizeof(call->account), "%s", account.id);
		rc = try_account(call, &account, e);
		if (rc)
			up_pool_book(call->site->pool, &call->site->tokens, &account, e,
				     clock_wall());
		account_release(&account);
		if (!rc || !may_go_on(call, e))
			return rc;
		if (tells_more(e, &told))
			told = *e;
	}
	if (told.kind != ERR_NONE)
		*e = told;
	return rc;
}
