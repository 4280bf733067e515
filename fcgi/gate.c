#include "common/base.h"
#include "fcgi/gate.h"

#include "common/clock.h"
#include "common/hold.h"
#include "common/log.h"
#include "common/mapfile.h"
#include "common/quota.h"
#include "fcgi/request.h"
#include "fcgi/up_queue.h"

#define SESSIONS     "(sessions)"
#define QUEUE	     "(queue)"
#define LOOK_MS	     100 /* how often a waiting request looks for a free place */
#define BUSY_SECONDS 5	 /* when to come again: nobody knows when an answer ends */

void gate_init(struct gate *g)
{
	*g = (struct gate){ .stream = -1, .session = -1 };
}

void gate_leave(struct gate *g)
{
	if (g->stream >= 0)
		close(g->stream);
	if (g->session >= 0)
		close(g->session);
	gate_init(g);
}

/* ---- the key's requests at once ---- */

static uint64_t streams_of(const struct key *key)
{
	char name[KEY_ID_SIZE + 8];

	snprintf(name, sizeof(name), "key/%s", key->id);
	return mapfile_key(name);
}

static int count_of(const struct config *config, uint64_t kind)
{
	struct error ignored = { 0 };
	int count = hold_count(config->state_dir, kind, &ignored);

	return count < 0 ? -1 : count;
}

int gate_streams(const struct config *config, const struct key *key)
{
	return *key->id ? count_of(config, streams_of(key)) : -1;
}

void gate_sessions(const struct config *config, int *running, int *waiting)
{
	*running = config->max_sessions ? count_of(config, mapfile_key(SESSIONS)) : -1;
	*waiting = config->max_sessions ? count_of(config, mapfile_key(QUEUE)) : -1;
}

static int uncounted(struct request *r, const struct error *why)
{
	log_line(LOG_ERROR, "requests in flight cannot be counted: %s", why->message);
	return error_set(&r->error, ERR_STORE,
			 "the requests under way cannot be counted; see the log");
}

/* Counted without a limit too, for GET /v1/usage. */
int gate_stream(struct request *r)
{
	const int limit = (int)r->key.max_streams;
	struct error why = { 0 };

	if (!*r->key.id)
		return 0;
	r->gate.stream = hold_take(r->site->config->state_dir, streams_of(&r->key), limit, &why);
	if (r->gate.stream >= 0 || !limit)
		return 0;
	if (r->gate.stream == HOLD_UNKNOWN)
		return uncounted(r, &why);
	r->error.retry_after = BUSY_SECONDS;
	return error_set(&r->error, ERR_KEY_RATE,
			 "this %s has %d request%s under way, as many as it may have at once; "
			 "one must end first",
			 key_noun(&r->key), limit, limit == 1 ? "" : "s");
}

/* ---- sessions ---- */

static int client_left(void *context, struct error *e)
{
	struct request *r = context;

	if (conn_gone(r->conn))
		return error_set(e, ERR_GONE, "the client has left");
	return 0;
}

static int on_tick(void *context, struct error *e)
{
	return client_left(context, e) ? -1 : LOOK_MS;
}

static int busy(struct request *r, const char *which)
{
	r->error.retry_after = BUSY_SECONDS;
	return error_set(
		&r->error, ERR_BUSY,
		"Overloaded: all %d sessions of this gateway (max_concurrent_sessions) are "
		"in use, and %s",
		r->site->config->max_sessions, which);
}

/* Holds a place of the queue meanwhile. The client gets no byte, so that a refusal has its status:
 * clients retry that, but no stream that fails. */
static int wait_for_session(struct request *r)
{
	const struct config *config = r->site->config;
	const struct up_sink client = {
		.tick = on_tick, .watch = client_left, .watch_fd = r->conn->watch_fd, .context = r
	};
	int64_t end = clock_ticks() + (int64_t)config->queue_timeout * 1000;
	struct error why = { 0 };
	int queue = hold_take(config->state_dir, mapfile_key(QUEUE), config->queue_length, &why);
	int rc = 0;

	if (queue == HOLD_FULL)
		return busy(r, "its queue is full");
	while (!rc && r->gate.session == HOLD_FULL) {
		if (clock_ticks() >= end)
			rc = busy(r, "none came free in time");
		else
			rc = up_queue_pause(&client, LOOK_MS, &r->error);
		if (!rc)
			r->gate.session = hold_take(config->state_dir, mapfile_key(SESSIONS),
						    config->max_sessions, &why);
	}
	if (queue >= 0)
		close(queue);
	return rc ? -1 : 0;
}

static int take_session(struct request *r)
{
	const struct config *config = r->site->config;
	struct error why = { 0 };

	if (!config->max_sessions)
		return 0;
	r->gate.session =
		hold_take(config->state_dir, mapfile_key(SESSIONS), config->max_sessions, &why);
	if (r->gate.session == HOLD_FULL && wait_for_session(r))
		return -1;
	return r->gate.session == HOLD_UNKNOWN ? uncounted(r, &why) : 0;
}

int gate_enter(struct request *r)
{
	const int64_t now = clock_wall();
	const bool counted = *r->key.id;

	if (counted && quota_enter(r->site->quota, &r->key, now, &r->error))
		return -1;
	if (gate_stream(r) || take_session(r)) {
		if (counted)
			quota_return(r->site->quota, &r->key, now);
		return -1;
	}
	r->ledger.let_in = true;
	return 0;
}
