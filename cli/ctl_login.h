/*
 * ctl_login.h - what the files of kiroctl login share.
 */
#ifndef CLI_CTL_LOGIN_H
#define CLI_CTL_LOGIN_H

#include "cli/ctl.h"
#include "cli/prompt.h"
#include "common/account.h"
#include "common/login.h"

struct login_run {
	struct ctl *ctl;
	struct prompt prompt;
	struct login_service service;
	struct login login;
	bool approved;		/* nobody has to open the link */
	struct account account; /* what came out */
};

/* ctl_login_wait.c: shows the link and waits until the login is over. 0: run->account is filled;
 * an exit code, when all is said; -1. */
int ctl_login_wait(struct login_run *run, struct error *e);

/* A signal has come: says so. Returns the exit code. */
int ctl_login_interrupted(struct login_run *run);

/* The end of a login that came to nothing, on standard error and as JSON. Returns code. */
int ctl_login_failed(const struct login_run *run, int code, const char *status, const char *text);

/* ctl_login_store.c: asks the service who it is, adds or updates the account and says so. Signals
 * act at once again. 0 or -1. */
int ctl_login_store(struct login_run *run, struct error *e);

#endif
