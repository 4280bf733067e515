#include "common/base.h"
#include "common/refresh.h"

#include "common/account_store.h"
#include "common/clock.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/lock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/patch.h"
#include "common/renew.h"
#include "common/statedir.h"

#include <pthread.h>
#include <signal.h>

#define WAIT_MS 3000
#define SPARES	8 /* descriptors; storing takes five at once, and others want some */

struct job {
	const struct refresher *r;
	struct account *account; /* the caller's; kept equal to the record */
	enum refresh_mode mode;
	int64_t ahead;
	char key[STORE_KEY_SIZE];
	struct secret refused; /* access token that the upstream refused (FORCED) */
	bool was_invalid;      /* the caller knows, and wants it tried all the same (FORCED) */
};

static const char *name_of(const struct account *a)
{
	return a->label ? a->label : a->id;
}

static bool due(const struct job *j)
{
	const struct account *a = j->account;

	if (j->mode != REFRESH_FORCED)
		return account_expires_within(a, clock_wall(), j->ahead);
	return secret_equal(secret_reveal(&a->access_token), secret_reveal(&j->refused)) ||
	       account_expires_within(a, clock_wall(), 0);
}

static int must_login(const struct account *a, const char *why, struct error *e)
{
	return error_set(
		e, ERR_LOGIN,
		"account %.80s (%s) must log in again: %.300s. Do so with kiroctl login, or "
		"import its file anew",
		name_of(a), a->id, why);
}

/* ---- the record ---- */

static int removed(const struct job *j, struct error *e)
{
	return error_set(e, ERR_NO_ACCOUNT, "account %.80s was removed meanwhile",
			 name_of(j->account));
}

static int load(struct job *j, struct error *e)
{
	int rc = account_load(j->r->tokens, j->account->id, j->account, e);

	return rc > 0 ? 0 : rc ? -1 : removed(j, e);
}

struct dead {
	const struct secret *used; /* the refresh token that was sent */
	const char *reason;
};

/* A login in the meantime wins; so does "disabled by hand". */
static bool edit_invalid(struct account *a, void *context)
{
	const struct dead *x = context;

	if (a->state == STATE_DISABLED ||
	    !secret_equal(secret_reveal(&a->refresh_token), secret_reveal(x->used)))
		return false;
	account_set_state(a, STATE_INVALID, x->reason, clock_wall(), 0);
	return true;
}

static bool edit_valid(struct account *a, void *context)
{
	(void)context;
	if (a->state != STATE_INVALID)
		return false;
	account_set_state(a, STATE_ACTIVE, NULL, clock_wall(), 0);
	return true;
}

/* A change of the state, to the newest record: what an operator did to it in the meantime stays. */
static int change_state(struct job *j, bool (*edit)(struct account *a, void *context),
			void *context, struct error *e)
{
	int rc = account_change(j->r->tokens, j->account->id, edit, context, j->account, e);

	return rc == ACCOUNT_GONE ? removed(j, e) : rc < 0 ? -1 : 0;
}

/* What a renewal changes in the record (patch.h), and nothing else. */
static void write_renewal(const struct account *a, const struct renewal *n,
			  const struct secret *used, struct buf *patch)
{
	const char *old = secret_reveal(used);
	const char *next =
		secret_present(&n->refresh_token) ? secret_reveal(&n->refresh_token) : old;
	int64_t now = clock_wall();
	struct jsonw w;

	jsonw_init(&w, patch);
	jsonw_begin_object(&w);
	/* A login in the meantime wins: its tokens belong to another client. */
	jsonw_begin_object_member(&w, "if");
	jsonw_text_member(&w, "refresh_token", secret_reveal(&a->refresh_token));
	jsonw_end(&w);
	jsonw_text_member(&w, "access_token", secret_reveal(&n->access_token));
	jsonw_text_member(&w, "refresh_token", next);
	if (!secret_equal(old, next))
		jsonw_text_member(&w, "prev_refresh_token", old);
	jsonw_int_member(&w, "expires_at", now + n->lifetime);
	jsonw_int_member(&w, "refreshed_at", now);
	if (n->profile_arn)
		jsonw_text_member(&w, "profile_arn", n->profile_arn);
	jsonw_end(&w);
}

/* The new token waits in the spill file, so that the record on disk is the older one: ours is. */
static int take_over(struct job *j, struct span patch, struct error *e)
{
	struct account a;
	struct buf old, json;
	int rc;

	account_init(&a);
	buf_init(&old, LIMIT_RECORD);
	buf_init(&json, LIMIT_RECORD);
	j->account->rev--; /* account_write() counts up, and so does the patch */
	account_write(j->account, &old);
	rc = patch_apply(buf_span(&old), patch, &json, e);
	if (!rc)
		rc = account_parse(&a, buf_span(&json), e);
	if (!rc)
		account_copy(j->account, &a);
	account_release(&a);
	buf_wipe(&old);
	buf_wipe(&json);
	return rc;
}

/* The room was there a moment ago (store_room), and is not any more. */
static void not_stored(const struct job *j, struct error *e)
{
	struct error why = *e;

	error_clear(e);
	error_set(e, ERR_STORE,
		  "account %.80s: its renewed token could not be stored, it may have to log in "
		  "again: "
		  "%.300s",
		  name_of(j->account), why.message);
	log_line(LOG_ERROR, "%s", e->message);
}

/* 1: stored; 0: a login in the meantime made it needless; -1. */
static int save(struct job *j, const struct renewal *n, const struct secret *used, struct error *e)
{
	struct buf patch;
	int rc;

	buf_init(&patch, LIMIT_RECORD);
	write_renewal(j->account, n, used, &patch);
	rc = patch.failed ? error_set(e, ERR_STORE, "the reply is too long")
			  : store_patch(j->r->tokens, j->key, buf_span(&patch), e);
	if (rc == 0)
		rc = load(j, e);
	else if (rc < 0)
		not_stored(j, e);
	if (rc == 1) {
		log_line(LOG_WARN, "account %s: its renewed token waits in %s: %s",
			 name_of(j->account), j->r->tokens->spill_path, e->message);
		error_clear(e);
		rc = take_over(j, buf_span(&patch), e);
	} else if (!rc && j->account->state == STATE_INVALID) {
		rc = change_state(j, edit_valid, NULL, e);
	}
	if (!rc) {
		rc = secret_equal(secret_reveal(&j->account->access_token),
				  secret_reveal(&n->access_token));
		if (rc)
			log_line(LOG_INFO,
				 "account %s: access token renewed, good for %" PRId64 " s",
				 name_of(j->account), n->lifetime);
	}
	buf_wipe(&patch);
	return rc;
}

/* ---- the attempts ---- */

static int try_token(struct job *j, const struct secret *token, struct secret *used,
		     struct renewal *n, struct error *e)
{
	secret_set(used, secret_reveal(token));
	error_clear(e);
	return renew(j->r->config, j->r->http, j->account, used, n, e);
}

static bool differs(const struct secret *a, const struct secret *b)
{
	return secret_present(a) && !secret_equal(secret_reveal(a), secret_reveal(b));
}

/* The stored token; if it is refused, what a login put there meanwhile; else the token before it,
 * which is still good when the reply that replaced it never reached the disk.
 * 0: *n holds the reply to *used; 1: not due any more; -1. */
static int try_tokens(struct job *j, struct secret *used, struct renewal *n, struct error *e)
{
	struct error unread = { .kind = ERR_NONE }, first;
	int rc = try_token(j, &j->account->refresh_token, used, n, e);

	if (!rc || e->kind != ERR_LOGIN || load(j, &unread))
		return rc;
	if (differs(&j->account->refresh_token, used)) {
		error_clear(e);
		return due(j) ? try_token(j, &j->account->refresh_token, used, n, e) : 1;
	}
	if (!differs(&j->account->previous_refresh_token, used))
		return -1;
	first = *e;
	rc = try_token(j, &j->account->previous_refresh_token, used, n, e);
	if (rc && e->kind == ERR_LOGIN)
		*e = first;
	if (rc)
		secret_set(used, secret_reveal(&j->account->refresh_token));
	return rc;
}

static int give_up(struct job *j, const struct secret *used, struct error *e)
{
	struct error refusal = *e;
	struct dead x = { .used = used, .reason = refusal.message };
	struct error unsaved = { .kind = ERR_NONE };

	if (change_state(j, edit_invalid, &x, &unsaved))
		log_line(LOG_WARN, "account %s: not marked as invalid: %s", name_of(j->account),
			 unsaved.message);
	error_clear(e);
	must_login(j->account, refusal.message, e);
	e->up_status = refusal.up_status;
	return -1;
}

/* What is needed to store a token: a busy process may have none left when the answer comes. */
struct spares {
	int fds[SPARES];
};

static void spares_close(struct spares *s)
{
	for (size_t i = 0; i < SPARES; i++) {
		if (s->fds[i] >= 0)
			close(s->fds[i]);
		s->fds[i] = -1;
	}
}

static int spares_take(const struct job *j, struct spares *s, struct error *e)
{
	int rc = 0;

	for (size_t i = 0; i < SPARES; i++) {
		s->fds[i] = rc ? -1 : open(j->r->tokens->dir, O_PATH | O_CLOEXEC);
		if (s->fds[i] < 0 && !rc)
			rc = error_set(
				e, ERR_STORE,
				"a new token could not be stored, so that none is asked for: %s",
				strerror(errno));
	}
	if (rc)
		spares_close(s);
	return rc;
}

static void name_account(const struct job *j, struct error *e)
{
	struct error bare = *e;

	snprintf(e->message, sizeof(e->message), "account %.80s: %.400s", name_of(j->account),
		 bare.message);
}

/* Signals that would end the process wait until the reply is on disk. */
static int renew_and_save(struct job *j, struct error *e)
{
	struct secret used = { .hidden = NULL };
	struct renewal n = { .lifetime = 0 };
	sigset_t blocked, before;
	struct spares spares;
	int rc;

	if (spares_take(j, &spares, e))
		return -1;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGHUP);
	sigaddset(&blocked, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &blocked, &before);
	if (j->r->under_way)
		++*j->r->under_way;

	rc = try_tokens(j, &used, &n, e);
	spares_close(&spares);
	if (rc == 0)
		rc = save(j, &n, &used, e);
	else if (rc == 1)
		rc = 0;
	else if (e->kind == ERR_LOGIN)
		rc = give_up(j, &used, e);
	else
		name_account(j, e);

	if (j->r->under_way)
		--*j->r->under_way;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	renewal_release(&n);
	secret_release(&used);
	return rc;
}

/* ---- one at a time ---- */

/* A byte of refresh.lock for each account; a collision would only make two wait for each other. */
static off_t lock_offset(const char *id)
{
	uint64_t hash = 0xCBF29CE484222325u; /* FNV-1a */

	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * 0x100000001B3u;
	return (off_t)(hash & ((UINT64_C(1) << 62) - 1));
}

/* 1: ours; 0: not needed any more, or taken and SOFT; -1. */
static int take_lock(struct job *j, int fd, struct error *e)
{
	struct store_stamp stamp = { .inode = 0 };
	struct lock_wait wait;
	int taken, changed;

	lock_wait_start(&wait, WAIT_MS);
	while ((taken = lock_try_byte(fd, lock_offset(j->account->id))) == 0) {
		changed = store_changed(j->r->tokens, &stamp, e);
		if (changed < 0 || (changed && load(j, e)))
			return -1;
		if (j->mode == REFRESH_SOFT || !due(j))
			return 0;
		if (!lock_wait_again(&wait))
			return error_set(e, ERR_BUSY,
					 "account %s: another process is renewing its token for "
					 "more than %d s",
					 name_of(j->account), WAIT_MS / 1000);
	}
	if (taken < 0)
		return error_set(e, ERR_STORE, "cannot lock %s/refresh.lock: %s", j->r->tokens->dir,
				 strerror(errno));
	return 1;
}

static int refresh_locked(struct job *j, struct error *e)
{
	if (store_room(j->r->tokens, e) || load(j, e))
		return -1;
	if (j->account->state == STATE_INVALID && !(j->was_invalid && j->mode == REFRESH_FORCED))
		return must_login(
			j->account,
			j->account->state_reason ? j->account->state_reason : "no reason noted", e);
	return due(j) ? renew_and_save(j, e) : 0;
}

static int open_lock(const struct store *tokens, struct error *e)
{
	size_t size = strlen(tokens->dir) + sizeof("/refresh.lock");
	char *path = xmalloc(size);
	int fd;

	snprintf(path, size, "%s/refresh.lock", tokens->dir);
	fd = statedir_open(tokens->dir, path, e);
	free(path);
	return fd;
}

int refresh_account(const struct refresher *r, struct account *account, enum refresh_mode mode,
		    int64_t ahead, struct error *e)
{
	struct job j = { .r = r,
			 .account = account,
			 .mode = mode,
			 .ahead = ahead,
			 .was_invalid = account->state == STATE_INVALID };
	int fd, rc;

	if (account->kind == KIND_API_KEY || (mode != REFRESH_FORCED && !due(&j)))
		return 0;
	fd = open_lock(r->tokens, e);
	if (fd < 0)
		return -1;
	account_key(account->id, j.key);
	secret_set(&j.refused, secret_reveal(&account->access_token));
	rc = take_lock(&j, fd, e);
	if (rc == 1)
		rc = refresh_locked(&j, e);
	if (rc)
		metrics_add(r->metrics, METRIC_REFRESHES, 1, "result",
			    rc > 0 ? "renewed" : error_row(e)->name, NULL);
	close(fd);
	secret_release(&j.refused);
	return rc;
}
