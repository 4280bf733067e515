#include "common/base.h"
#include "cli/prompt.h"

#include "common/limits.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <termios.h>

static void ending_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

int prompt_begin(struct prompt *p, struct error *e)
{
	sigset_t set;

	ending_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &p->before);
	p->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p->signals >= 0)
		return 0;
	sigprocmask(SIG_SETMASK, &p->before, NULL);
	return error_set(e, ERR_INTERNAL, "cannot wait for signals: %s", strerror(errno));
}

void prompt_end(struct prompt *p)
{
	if (p->signals < 0)
		return;
	close(p->signals);
	p->signals = -1;
	sigprocmask(SIG_SETMASK, &p->before, NULL);
}

bool prompt_sleep(const struct prompt *p, int64_t ms)
{
	struct pollfd fd = { .fd = p->signals, .events = POLLIN };

	return poll(&fd, 1, ms > INT_MAX ? INT_MAX : ms < 0 ? 0 : (int)ms) <= 0;
}

int prompt_signal(const struct prompt *p)
{
	struct signalfd_siginfo info;

	return read(p->signals, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}

/* Byte by byte: what stands behind the line end is for the next question. */
static int read_line(const struct prompt *p, struct buf *out, struct error *e)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				{ .fd = p->signals, .events = POLLIN } };
	ssize_t got = 0;
	char c;

	while (!out->failed) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents)
			return error_set(e, ERR_GONE, "interrupted");
		got = read(STDIN_FILENO, &c, 1);
		if (got != 1 || c == '\n')
			break;
		buf_add_char(out, c);
	}
	if (out->failed)
		return error_set(e, ERR_REQUEST,
				 "standard input: the line is longer than %zu bytes", out->max);
	while (out->len && strchr(" \t\r", out->at[out->len - 1]))
		out->at[--out->len] = '\0';
	buf_cut(out, strspn(out->at, " \t\r"));
	if (!out->len)
		return error_set(e, ERR_REQUEST, "standard input: %s",
				 got == 1 ? "the line is empty" : "there is nothing to read");
	return 0;
}

/* Ctrl-Z would leave the shell with a terminal that shows nothing: it waits, too. */
static void hide(struct termios *before, sigset_t *signals)
{
	struct termios silent;
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	sigprocmask(SIG_BLOCK, &stop, signals);
	tcgetattr(STDIN_FILENO, before);
	silent = *before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
}

int prompt_line(const struct prompt *p, const char *question, bool hidden, struct buf *out,
		struct error *e)
{
	bool terminal = isatty(STDIN_FILENO);
	struct termios before;
	sigset_t signals;
	int rc;

	/* What is typed before the terminal is silent would be seen, and then lost. */
	if (terminal && hidden)
		hide(&before, &signals);
	if (terminal)
		fputs(question, stderr);
	rc = read_line(p, out, e);
	if (terminal && hidden) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		sigprocmask(SIG_SETMASK, &signals, NULL);
		fputc('\n', stderr);
	}
	return rc;
}

int prompt_secret(const struct prompt *p, const char *question, struct secret *out, struct error *e)
{
	struct buf line;
	int rc;

	buf_init(&line, LIMIT_SECRET_FILE);
	rc = prompt_line(p, question, true, &line, e);
	if (!rc)
		secret_set(out, line.at);
	buf_wipe(&line);
	return rc;
}
