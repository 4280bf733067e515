#include "common/base.h"
#include "fcgi/up_queue.h"

#include "common/clock.h"

#include <poll.h>

#define BUSY_SECONDS 5 /* when to come again: nobody knows when an answer ends */

int up_queue_pause(const struct up_sink *sink, int64_t ms, struct error *e)
{
	struct pollfd client = { .fd = sink->watch_fd, .events = POLLIN };
	int64_t end = clock_ticks() + ms, left;

	while ((left = end - clock_ticks()) > 0) {
		int next = sink->tick(sink->context, e);

		if (next < 0)
			return -1;
		if (poll(&client, 1, next < left ? next : (int)left) <= 0)
			continue;
		if (sink->watch(sink->context, e) < 0)
			return -1;
		client.fd = -1; /* readable, and there: it would be so for ever */
	}
	return 0;
}

static int still_busy(const struct up_call *call, int wait_ms, struct error *e)
{
	e->retry_after = wait_ms / 1000 < BUSY_SECONDS ? BUSY_SECONDS : wait_ms / 1000 + 1;
	return error_set(e, ERR_BUSY,
			 "all accounts serve as many requests as they may (accounts.max_inflight, "
			 "accounts.min_interval_ms), and none came free within %d seconds",
			 call->site->config->busy_wait);
}

int up_queue_pick(struct up_call *call, const struct up_pool_wish *wish, struct account *out,
		  struct error *e)
{
	int64_t end = clock_ticks() + (int64_t)call->site->config->busy_wait * 1000, left;
	int rc;

	up_queue_leave(call);
	while ((rc = up_pool_pick(call->site->pool, &call->site->tokens, wish, clock_wall_ms(), out,
				  &call->place, e)) > 0) {
		left = end - clock_ticks();
		if (left <= 0)
			return still_busy(call, rc, e);
		if (up_queue_pause(call->sink, rc < left ? rc : left, e))
			return -1;
	}
	return rc;
}

void up_queue_leave(struct up_call *call)
{
	if (call->place >= 0)
		close(call->place);
	call->place = -1;
}
