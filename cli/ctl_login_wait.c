/*
 * kiroctl login: the link on the screen, and the wait. What is for people goes to standard error;
 * with --json each step is an object on a line of its own on standard output.
 */
#include "common/base.h"
#include "cli/ctl_login.h"

#include "common/clock.h"
#include "common/jsonw.h"
#include "common/limits.h"

#include <sysexits.h>

#define TICK_MS 1000

struct wait {
	struct login_run *run;
	bool shows_time; /* standard error is a terminal: the time left is shown there */
	bool lost;	 /* the service could not be asked the last time */
	int delay;	 /* seconds until the next poll */
};

/* ---- what is said ---- */

static void print_open_json(const struct login *l)
{
	struct jsonw w;
	struct buf out;

	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "status", "open");
	jsonw_text_member(&w, "method", login_method_names[l->method]);
	jsonw_text_member(&w, "url", l->url);
	jsonw_text_member(&w, "page", l->page);
	jsonw_text_member(&w, "code", l->code);
	jsonw_bool_member(&w, "paste_address", l->by_callback);
	jsonw_date_member(&w, "expires_at", l->expires_at);
	jsonw_int_member(&w, "interval", l->interval);
	jsonw_end(&w);
	ctl_print_json(&out);
	fflush(stdout);
	buf_release(&out);
}

static void say_line(const char *before, const char *text)
{
	fputs(before, stderr);
	ctl_print_clean(stderr, text);
	fputs("\n\n", stderr);
}

static void announce(const struct login_run *run)
{
	const struct login *l = &run->login;
	char date[CLOCK_TEXT_SIZE];

	if (run->ctl->json) {
		print_open_json(l);
		return;
	}
	if (run->approved) {
		fputs("The portal has approved this login; waiting for its tokens.\n", stderr);
		return;
	}
	fputs("Open this page in a browser, on any machine, and log in:\n\n", stderr);
	say_line("    ", l->url);
	if (l->code) {
		fputs("It shows or asks for this code:\n\n", stderr);
		say_line("    ", l->code);
	}
	if (l->by_callback)
		fputs("In the end the browser cannot open a page of \"localhost\" or 127.0.0.1: "
		      "that is right. Copy the\n"
		      "whole address of that page from the browser, paste it here and press "
		      "Enter.\n",
		      stderr);
	fprintf(stderr, "Good until %s. Ctrl-C gives up; nothing is stored before the end.\n",
		clock_format(l->expires_at, date));
}

int ctl_login_failed(const struct login_run *run, int code, const char *status, const char *text)
{
	struct jsonw w;
	struct buf out;

	fputs("kiroctl: ", stderr);
	ctl_print_clean(stderr, text);
	fputc('\n', stderr);
	if (!run->ctl->json)
		return code;
	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "status", status);
	jsonw_text_member(&w, "message", text);
	jsonw_end(&w);
	ctl_print_json(&out);
	buf_release(&out);
	return code;
}

int ctl_login_interrupted(struct login_run *run)
{
	int number = run->prompt.signals >= 0 ? prompt_signal(&run->prompt) : 0;

	return ctl_login_failed(run, 128 + (number ? number : SIGINT), "interrupted",
				"interrupted: nothing was stored");
}

static int over(const struct login_run *run, enum login_step step)
{
	if (step == LOGIN_DENIED)
		return ctl_login_failed(run, EX_NOPERM, "denied",
					"the login was denied in the browser, or by your "
					"organisation: nothing was stored");
	return ctl_login_failed(run, EX_TEMPFAIL, "expired",
				"nobody logged in in time: nothing was stored, start again");
}

/* ---- device logins ---- */

static void show_time(const struct wait *w)
{
	int64_t left = w->run->login.expires_at - clock_wall();

	if (w->shows_time && left >= 0)
		fprintf(stderr, "\r%s, %d:%02d left \033[K",
			w->lost ? "The service cannot be reached; trying on" : "Waiting",
			(int)(left / 60), (int)(left % 60));
}

static void clear_time(const struct wait *w)
{
	if (w->shows_time)
		fputs("\r\033[K", stderr);
}

/* False: a signal came. */
static bool pause_between(const struct wait *w)
{
	int64_t end = clock_ticks() + w->delay * INT64_C(1000), left;

	while ((left = end - clock_ticks()) > 0) {
		show_time(w);
		if (!prompt_sleep(&w->run->prompt, left < TICK_MS ? left : TICK_MS))
			return false;
	}
	return true;
}

static void note_loss(struct wait *w, const struct error *why)
{
	if (!w->lost) {
		clear_time(w);
		fputs("kiroctl: the login service cannot be asked: ", stderr);
		ctl_print_clean(stderr, why->message);
		fputs("; going on until the code expires\n", stderr);
	}
	w->lost = true;
}

static void note_answer(struct wait *w)
{
	if (w->lost) {
		clear_time(w);
		fputs("kiroctl: the login service answers again\n", stderr);
	}
	w->lost = false;
}

/* Seconds; not beyond the end, so that it is told in time. */
static int delay_until_next(const struct login *l, int retry_after)
{
	int64_t left = l->expires_at - clock_wall();
	int delay = retry_after > l->interval ? retry_after : l->interval;

	return left >= delay ? delay : left > 0 ? (int)left : 0;
}

/* A login_step that is not "not yet", or -1. */
static int poll_until_over(struct wait *w, struct error *e)
{
	struct login *l = &w->run->login;
	int retry_after = 0;

	for (;;) {
		struct error why = { .kind = ERR_NONE };
		int step;

		w->delay = delay_until_next(l, retry_after);
		if (!pause_between(w))
			return error_set(e, ERR_GONE, "interrupted");
		step = login_poll(&w->run->service, l, &w->run->account, &why);
		retry_after = why.retry_after;
		if (step < 0 && !login_may_go_on(&why)) {
			*e = why;
			return -1;
		}
		if (step < 0)
			note_loss(w, &why);
		else if (step != LOGIN_EXPIRED)
			note_answer(w);
		if (step >= 0 && step != LOGIN_PENDING && step != LOGIN_SLOW_DOWN)
			return step;
	}
}

static int wait_for_device(struct login_run *run, struct error *e)
{
	struct wait w = { .run = run, .shows_time = isatty(STDERR_FILENO) && !run->ctl->json };
	int step = poll_until_over(&w, e);

	clear_time(&w);
	return step;
}

/* ---- logins that end at an address ---- */

static int wait_for_address(struct login_run *run, struct error *e)
{
	struct buf line;
	int rc;

	buf_init(&line, KB(16));
	rc = prompt_line(&run->prompt, "Address: ", false, &line, e);
	if (!rc)
		rc = login_callback(&run->service, &run->login, line.at, &run->account, e);
	buf_wipe(&line);
	return rc;
}

int ctl_login_wait(struct login_run *run, struct error *e)
{
	int step = LOGIN_PENDING;

	while (step == LOGIN_PENDING) {
		announce(run);
		step = run->login.by_callback ? wait_for_address(run, e) : wait_for_device(run, e);
	}
	if (step < 0)
		return -1;
	return step == LOGIN_DONE ? 0 : over(run, (enum login_step)step);
}
