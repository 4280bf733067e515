/*
 * kiroctl doctor: every host that the accounts need, and our clock against theirs.
 */
#include "common/base.h"
#include "cli/doctor.h"

#include "common/arena.h"
#include "common/clock.h"
#include "common/http.h"
#include "common/management.h"
#include "common/renew.h"
#include "common/up_profile.h"

#define TIMEOUT_MS  10000
#define MOST_HOSTS  16
#define CLOCK_SLACK 120 /* seconds */

struct hosts {
	struct {
		char url[LIMIT_URL];
		const char *use, *proxy;
	} at[MOST_HOSTS];
	size_t count;
};

/* The host of a URL, once for each proxy. */
static void add(struct hosts *h, const char *url, const char *use, const char *proxy)
{
	const char *host = strstr(url, "://");
	size_t len = host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/") : 0;

	if (!len || len >= LIMIT_URL)
		return;
	for (size_t i = 0; i < h->count; i++) {
		if (strlen(h->at[i].url) == len && strncmp(h->at[i].url, url, len) == 0 &&
		    strcmp(h->at[i].proxy ? h->at[i].proxy : "", proxy ? proxy : "") == 0)
			return;
	}
	if (h->count == MOST_HOSTS)
		return;
	snprintf(h->at[h->count].url, LIMIT_URL, "%.*s", (int)len, url);
	h->at[h->count].use = use;
	h->at[h->count++].proxy = proxy;
}

static void add_account(struct hosts *h, const struct config *config, const struct account *a)
{
	struct error ignored = { .kind = ERR_NONE };
	char url[LIMIT_URL];
	struct up_wire wire;
	struct arena arena;

	arena_init(&arena);
	if (up_profile_wire(up_profile_of(config, a), config, a, "doctor", 1, &arena, &wire,
			    &ignored) == 0)
		add(h, wire.url, "chats", a->proxy_url);
	arena_release(&arena);
	management_base_url(config, a, url, sizeof(url));
	add(h, url, "usage and models", a->proxy_url);
	if (renew_url(config, a, url, sizeof(url)) == 0)
		add(h, url, "renewing tokens", a->proxy_url);
}

static void check_clock(struct doctor *d, const char *url, int64_t theirs)
{
	int64_t off = theirs ? clock_wall() - theirs : 0;

	if (off > CLOCK_SLACK || off < -CLOCK_SLACK)
		doctor_say(d, FINDING_FAIL,
			   "our clock is %" PRId64 " s %s that of %s: set it (timedatectl "
			   "set-ntp true), tokens would seem to end at the wrong time",
			   off < 0 ? -off : off, off < 0 ? "behind" : "before", url);
}

/* Any answer at all will do: nothing that needs a login is asked. */
static void reach(struct doctor *d, const char *url, const char *use, const char *proxy)
{
	struct http_reply reply = { 0 };
	struct error e = { 0 };
	struct buf body;
	const struct http_request request = {
		.method = "GET",
		.url = url,
		.connect_ms = TIMEOUT_MS,
		.first_byte_ms = TIMEOUT_MS,
		.idle_ms = TIMEOUT_MS,
		.total_ms = TIMEOUT_MS,
		.proxy = proxy,
		.watch_fd = -1,
	};

	buf_init(&body, LIMIT_UP_REPLY);
	if (ctl_http(d->ctl, &e) || http_fetch(d->ctl->http, &request, &reply, &body, &e)) {
		doctor_say(d, FINDING_FAIL, "%s (%s): %s: see network, proxy_url and ca_file", url,
			   use, e.message);
	} else {
		doctor_say(d, FINDING_OK, "%s answers (HTTP %d): %s", url, reply.status, use);
		check_clock(d, url, reply.date);
	}
	buf_release(&body);
}

void doctor_upstream(struct doctor *d)
{
	struct hosts h = { .count = 0 };

	for (size_t i = 0; i < d->roster->count; i++) {
		if (d->roster->accounts[i].state != STATE_DISABLED)
			add_account(&h, d->ctl->config, &d->roster->accounts[i]);
	}
	for (size_t i = 0; i < h.count; i++)
		reach(d, h.at[i].url, h.at[i].use, h.at[i].proxy);
}
