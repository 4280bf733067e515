#include "common/base.h"
#include "fcgi/ledger.h"

#include "common/clock.h"
#include "fcgi/access_log.h"
#include "fcgi/booking.h"
#include "fcgi/request_metrics.h"

const char *const ledger_kind_names[LEDGER_KINDS] = {
	[LEDGER_OTHER] = "", [LEDGER_WHOLE] = "whole", [LEDGER_STREAM] = "stream"
};

/* Each sees every request once, in this order. site is NULL where there are no settings. */
static void (*const takers[])(struct site *site, const struct ledger *l) = {
	access_log_take,
	request_metrics_take,
	booking_take,
};

void ledger_open(struct ledger *l)
{
	*l = (struct ledger){ .began = clock_ticks(), .first_event = -1 };
}

void ledger_exchange(struct ledger *l, const char *account, const struct http_reply *reply,
		     enum error_kind met)
{
	if (!l)
		return;
	snprintf(l->account, sizeof(l->account), "%s", account);
	snprintf(l->upstream_id, sizeof(l->upstream_id), "%s", reply->request_id);
	l->connect_us = reply->connect_us;
	l->first_byte_us = reply->first_byte_us;
	l->met[met]++;
}

void ledger_first_event(struct ledger *l)
{
	if (l && l->first_event < 0)
		l->first_event = clock_ticks() - l->began;
}

void ledger_close(struct ledger *l, struct site *site)
{
	l->took = clock_ticks() - l->began;
	for (size_t i = 0; i < ARRAY_SIZE(takers); i++)
		takers[i](site, l);
}
