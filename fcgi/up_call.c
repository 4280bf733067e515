#include "common/base.h"
#include "fcgi/up_call.h"

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/profile.h"
#include "common/rest.h"
#include "fcgi/up_exchange.h"
#include "fcgi/up_pool.h"
#include "fcgi/up_queue.h"

#define TRIED_MAX	16 /* accounts looked at: those, and probes that others have taken */
#define REFRESH_WITHIN	60 /* seconds: a token this close to its end is renewed before use */
#define REFRESH_SPACING 30 /* seconds: a token this new that is refused will not do better anew */
#define PAUSE_MS	200

struct tries {
	const char *ids[TRIED_MAX];
	size_t count;
	bool probe;		  /* the last one was at rest, and this request is to find out */
	const struct error *told; /* what the client hears if nobody does better */
};

static const struct error untold;

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

static void begin_invocation(struct up_call *call)
{
	ids_uuid(call->invocation);
	call->attempt = 0;
}

/* True: the same account is to be asked once more, by a call of its own. */
static bool ask_again(struct up_call *call, const struct error *e)
{
	if (is_worth_without_reasoning(call, e))
		return call->without_reasoning = true;
	if (!call->asked_again && is_worth_asking_again(e))
		return call->asked_again = true;
	return false;
}

static bool committed(const struct up_call *call)
{
	return call->sink->committed(call->sink->context);
}

static int send(struct up_call *call, const struct account *account, struct error *e)
{
	for (;;) {
		int rc;

		call->tries++;
		call->attempt++;
		if (call->send)
			return call->send(call, account, e);
		call->sent_reasoning = false;
		rc = up_exchange(call, account, e);
		if (!rc || committed(call) || call->tries >= call->tries_end || !ask_again(call, e))
			return rc;
		log_line(LOG_INFO, "sent again: %s", e->message);
		error_clear(e);
		begin_invocation(call);
	}
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

/* ---- one account ---- */

/* What the same request may well not meet again in a moment. */
static bool is_passing(const struct error *e)
{
	return e->kind == ERR_UP_OVERLOAD || e->kind == ERR_UP_CAPACITY ||
	       e->kind == ERR_UP_NETWORK;
}

/* How long to wait before try n + 1 of an account, -1: there is to be none. */
static int pause_ms(const struct up_call *call, int n, const struct error *e)
{
	int64_t told = (int64_t)e->retry_after * 1000;
	uint32_t random;
	int ms = PAUSE_MS << (n - 1);

	if (n >= LIMIT_ACCOUNT_TRIES || told > LIMIT_PAUSE_MS ||
	    clock_ticks() - call->began > LIMIT_RETRY_MS)
		return -1;
	if (ms > LIMIT_PAUSE_MS)
		ms = LIMIT_PAUSE_MS;
	if (ms < told)
		ms = (int)told;
	ids_random(&random, sizeof(random));
	return ms + (int)(random % (uint32_t)(ms / 4 + 1));
}

static bool was_just_renewed(const struct account *account)
{
	int64_t age = clock_wall() - account->refreshed_at;

	return age >= 0 && age < REFRESH_SPACING;
}

/* A new token for one that was refused, which *e says. -1: there is none, and *e says why. */
static int renew_refused(struct up_call *call, struct account *account, struct error *e)
{
	struct refresher refresher = site_refresher(call->site);
	struct error refusal = *e;

	if (account->kind == KIND_API_KEY || was_just_renewed(account))
		return -1;
	error_clear(e);
	if (refresh_account(&refresher, account, REFRESH_FORCED, 0, e) >= 0) {
		begin_invocation(call);
		return 0;
	}
	call->unrenewed = true;
	if (e->kind == ERR_LOGIN || e->kind == ERR_BUSY || call->aside)
		return -1; /* stored already; in other hands; none of the account's chats */
	/* It rests all the same, else each request would ask for a renewal. */
	up_pool_book(call->site->pool, &call->site->tokens, account, &refusal, clock_wall());
	e->retry_after = refusal.retry_after;
	return -1;
}

static int find_profile(struct up_call *call, struct account *account, struct error *e)
{
	const struct site *s = call->site;

	return profile_is_missing(account)
		       ? profile_resolve(s->http, s->config, &s->tokens, account, e)
		       : 0;
}

static int prepare(struct up_call *call, struct account *account, struct error *e)
{
	if (ready_token(call, account, e))
		return -1;
	if (!find_profile(call, account, e))
		return 0;
	return e->kind != ERR_UP_TOKEN || renew_refused(call, account, e)
		       ? -1
		       : find_profile(call, account, e);
}

/* What is to be done after failure n of an account. 0: send once more; -1. */
static int recover(struct up_call *call, struct account *account, int n, bool *renewed,
		   struct error *e)
{
	int ms;

	if (error_row(e)->effect == ACCOUNT_REFRESH) {
		if (*renewed)
			return -1;
		*renewed = true;
		return renew_refused(call, account, e);
	}
	ms = is_passing(e) ? pause_ms(call, n, e) : -1;
	if (ms < 0)
		return -1;
	error_clear(e);
	return up_queue_pause(call->sink, ms, e);
}

static int try_account(struct up_call *call, struct account *account, struct error *e)
{
	bool renewed = false;

	call->unrenewed = false;
	if (prepare(call, account, e))
		return -1;
	begin_invocation(call);
	for (int n = 1;; n++) {
		if (!send(call, account, e))
			return 0;
		if (committed(call) || call->tries >= call->tries_end ||
		    recover(call, account, n, &renewed, e))
			return -1;
	}
}

/* ---- one after the other ---- */

/* A search asks the conversation's account, but does not move the conversation to another. */
static struct up_pool_wish wish_of(const struct up_call *call, const struct tries *t)
{
	const bool moves = call->chat && (!call->aside || !t->count);

	return (struct up_pool_wish){ t->ids,
				      t->count,
				      call->model ? call->model->id : NULL,
				      call->site->catalogues,
				      moves ? call->chat->conversation : NULL,
				      call->key };
}

/* When the first account is back, in seconds, unless the failure without a time passes by itself.
 */
static void come_back(struct error *told, int back)
{
	bool sooner = back < told->retry_after;

	if (back > 0 && (told->retry_after ? sooner : !error_row(told)->client_retries))
		told->retry_after = back;
}

/* One request tries only so many: the rest of them may do better, at once or when one is back. */
static int out_of_tries(struct up_call *call, const struct tries *t, struct error *e)
{
	const struct up_pool_wish wish = wish_of(call, t);
	int back = up_pool_back(call->site->pool, &call->site->tokens, &wish, clock_wall());

	*e = *t->told;
	come_back(e, back);
	if (back != 0)
		return error_set(e, ERR_NO_ACCOUNT,
				 "no account is usable; see kiroctl account list");
	if (!error_row(e)->client_retries) {
		error_clear(e);
		error_set(e, ERR_BUSY,
			  "%zu accounts could not serve, and one request tries no more; others are "
			  "left, so try again. The first said: %.300s",
			  t->count, t->told->message);
	}
	e->retry_after = 1;
	return -1;
}

/* The next account to try, in *account. */
static int pick(struct up_call *call, struct tries *t, struct account *account, struct error *e)
{
	const struct store *tokens = &call->site->tokens;

	while (t->count < TRIED_MAX) {
		const struct up_pool_wish wish = wish_of(call, t);
		struct error unclaimed = { 0 };

		if (up_queue_pick(call, &wish, account, e))
			return -1;
		t->ids[t->count++] = arena_strndup(call->arena, account->id, strlen(account->id));
		t->probe = rest_needs_claim(account);
		if (!t->probe || rest_claim(tokens, account, clock_wall(), &unclaimed) > 0)
			return 0;
		if (unclaimed.kind)
			log_line(LOG_ERROR, "account %s: %s", account->id, unclaimed.message);
		account_release(account);
	}
	return out_of_tries(call, t, e);
}

/* Nothing was sent, and the failure says nothing of the account. */
static bool is_of_the_way(const struct error *e)
{
	return e->kind == ERR_UP_NETWORK || e->kind == ERR_UP_TIMEOUT ||
	       e->kind == ERR_UP_OVERLOAD || e->kind == ERR_UP_DAMAGED || e->kind == ERR_UP_DENIED;
}

/* Inside an answer it is not the token that is refused. And what is refused to a search (it may be
 * switched off for a profile) is none of the account's chats: they meet their own. */
static bool is_of_account(const struct up_call *call, bool sent, const struct error *e)
{
	const enum account_effect effect = error_row(e)->effect;

	if (sent && call->aside)
		return effect == ACCOUNT_SUSPEND || effect == ACCOUNT_INVALID;
	return effect != ACCOUNT_REFRESH || !committed(call);
}

/* What was met is noted in the account. */
static void book(struct up_call *call, const struct tries *t, bool sent,
		 const struct account *account, struct error *e)
{
	const struct store *tokens = &call->site->tokens;
	int64_t now = clock_wall();

	if (!sent && is_of_the_way(e))
		up_pool_defer(call->site->pool, account, e, now);
	else if (is_of_account(call, sent, e))
		up_pool_book(call->site->pool, tokens, account, e, now);
	if (t->probe)
		rest_return(tokens, account, now); /* unless that was the end of it */
}

/* A failure before anything was sent, or to get a token that is taken, is the account's own. */
static bool may_go_on(const struct up_call *call, bool sent, const struct error *e)
{
	if (committed(call) || e->kind == ERR_GONE)
		return false;
	return !sent || call->unrenewed || error_row(e)->other_account;
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
	begin_invocation(call);
	rc = send(call, call->own, e);
	if (!rc || e->kind != ERR_UP_TOKEN)
		return rc;
	error_clear(e);
	return error_set(e, ERR_AUTH,
			 "the upstream refused the token of your own credentials: renew it where "
			 "it comes from");
}

/* No account is left, which the pool says in *e: what those tried have met tells more, but for when
 * the first of all is back. */
static void none_left(const struct tries *t, struct error *e)
{
	int back = e->retry_after;

	if (e->kind == ERR_GONE || t->told->kind == ERR_NONE || (back && tells_more(e, t->told)))
		return;
	*e = *t->told;
	come_back(e, back);
}

/* One account. 0, -1, or 1: another one may do better. */
static int try_next(struct up_call *call, struct tries *t, struct error *e)
{
	struct account account;
	int before = call->tries, rc;
	bool sent;

	account_init(&account);
	if (pick(call, t, &account, e)) {
		account_release(&account);
		none_left(t, e);
		return -1;
	}
	snprintf(call->account, sizeof(call->account), "%s", account.id);
	rc = try_account(call, &account, e);
	sent = call->tries > before;
	if (rc)
		book(call, t, sent, &account, e);
	else
		rest_end(&call->site->tokens, &account, clock_wall());
	account_release(&account);
	return rc && may_go_on(call, sent, e) ? 1 : rc;
}

static const struct error *kept(struct arena *arena, const struct error *e)
{
	struct error *copy = arena_alloc(arena, sizeof(*copy));

	*copy = *e;
	return copy;
}

int up_call_run(struct up_call *call, struct error *e)
{
	struct tries *tries = arena_alloc(call->arena, sizeof(*tries));
	int rc;

	if (call->own)
		return run_own(call, e);
	if (site_open_stores(call->site, e))
		return -1;
	tries->told = &untold;
	call->place = -1;
	call->began = clock_ticks();
	call->asked_again = false;
	call->tries_end = call->tries + LIMIT_TRIES;
	while ((rc = try_next(call, tries, e)) > 0) {
		if (tells_more(e, tries->told))
			tries->told = kept(call->arena, e);
		if (call->tries >= call->tries_end)
			break;
		error_clear(e);
	}
	up_queue_leave(call);
	return rc > 0 ? out_of_tries(call, tries, e) : rc;
}
