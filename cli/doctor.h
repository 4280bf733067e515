/*
 * doctor.h - what the checks of kiroctl doctor share. A check looks at one thing and says what it
 * found: one line or several, each with what to do where something is wrong.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli/ctl.h"
#include "common/roster.h"

enum finding { FINDING_OK, FINDING_WARN, FINDING_FAIL, FINDINGS };

struct jsonw;

struct doctor {
	struct ctl *ctl;       /* its config, stores are there as far as they could be opened */
	struct roster *roster; /* the accounts that could be read */
	const char *check;     /* the one that runs */
	struct jsonw *json;    /* NULL: lines of text */
	size_t counts[FINDINGS];
};

/* doctor.c: one line of what the check found. */
void doctor_say(struct doctor *d, enum finding f, const char *format, ...) PRINTF_LIKE(3, 4);
void doctor_fail(struct doctor *d, const struct error *e);

/* doctor_state.c */
void doctor_files(struct doctor *d);
void doctor_locks(struct doctor *d);
void doctor_spill(struct doctor *d);
void doctor_backups(struct doctor *d);
void doctor_encryption(struct doctor *d);
void doctor_refresher(struct doctor *d);
void doctor_expiry(struct doctor *d);

/* doctor_net.c: the clock too, by the Date of an answer */
void doctor_upstream(struct doctor *d);

/* doctor_web.c */
void doctor_web(struct doctor *d);

/* ctl_stream.c: with --url, from a client's side */
void doctor_url(struct doctor *d);

#endif
