/*
 * admin.h - what the handlers of the admin API share: their guard, their answers.
 *
 * Two doors of routes[] lead here. PANEL is open to everybody who reaches this host under its own
 * name: the page, and signing in. ADMIN wants a session on top of that, and for every change the
 * session's token in X-CSRF-Token. Neither knows CORS.
 */
#ifndef FCGI_ADMIN_H
#define FCGI_ADMIN_H

#include "common/jsonw.h"
#include "common/roster.h"
#include "fcgi/request.h"

#define ADMIN_COOKIE	  "kiro_admin"
#define ADMIN_TOKEN_SIZE  65
#define ADMIN_COOKIE_SIZE 64

/* Host, Origin and Sec-Fetch-Site; sets the headers that every answer of both doors has. -1:
 * ERR_FORBIDDEN says what is wrong, and what its owner may set. */
int admin_check_origin(struct request *r);

/* The ADMIN door. -1: ERR_NOT_CONFIGURED (no password is set), ERR_AUTH (no session), ERR_FORBIDDEN
 * (no token, or a wrong one), ERR_REQUEST (a change that is no JSON), ERR_STORE. */
int admin_check_session(struct request *r);

/* The session that the request's cookie opens: 1 and cookie, expires_at filled; 0; -1. */
int admin_session(struct request *r, char cookie[static ADMIN_COOKIE_SIZE], int64_t *expires_at);
/* The token of a session, which only its own pages can read. */
void admin_token(const char *cookie, char out[static ADMIN_TOKEN_SIZE]);

/* The path under which a browser sees the panel, "/kiro/admin", in the arena. */
const char *admin_mount(struct request *r);

/* One more header line of the answer. */
void admin_header(struct request *r, const char *format, ...) PRINTF_LIKE(2, 3);

/* An answer: begin, write one value, send. -1: r->error. */
struct admin_answer {
	struct jsonw w;
	struct buf body;
};
void admin_begin(struct admin_answer *a);
int admin_send(struct request *r, int status, struct admin_answer *a);
/* The same with status 200, when what was written between came well: rc 0. */
int admin_finish(struct request *r, int rc, struct admin_answer *a);
/* {"name": value} */
int admin_send_text(struct request *r, int status, const char *name, const char *value);

/* Opens the stores; -1: ERR_NOT_CONFIGURED or ERR_STORE. */
int admin_stores(struct request *r);

/* ETag of the store's present generation. Before what the answer shows is read: a tag newer than
 * that would let a change pass that its author has not seen. */
void admin_etag(struct request *r, const struct store *s);
/* The ETag of the accounts, then this one as it is now, for an answer that shows it. */
int admin_tag_account(struct request *r, struct account *a);
/* The store, to write to: where there is an If-Match, the first change is made only of what it
 * names. NULL: ERR_STALE, it is another one already. */
const struct store *admin_match(struct request *r, const struct store *s);

/* ?days=: how far to look back, this day included (30). -1: r->error. */
int admin_days(struct request *r, int *days);

/* The account that the path names; the roster, filled here, owns it. */
struct account *admin_account(struct request *r, struct roster *roster);

/* The body has none but these members. -1: *e names the other, with refusal as its words. */
int admin_check_members(const cJSON *body, const char *const *known, size_t count,
			const char *refusal, struct error *e);

/* Likewise for a key: nothing but its settings and, where it is new, its name. */
int admin_check_key(const cJSON *body, bool new, struct error *e);

/* A key's settings that the body names, into *key; the rest stays. -1: r->error names the member.
 */
int admin_read_key(const cJSON *body, struct key *key, struct error *e);
/* One of its lists: visible ASCII; "": all. */
int admin_read_list(const cJSON *body, const char *name, char out[static KEY_LIST_SIZE],
		    struct error *e);
/* Names of accounts in this member of the body become ids; a list that is stored already stays as
 * it is. -1: r->error names the member. After admin_stores(). */
int admin_find_accounts(struct request *r, const char *member, const char *stored);
/* Members of an object that shows a key. */
void admin_write_key(struct jsonw *w, const struct key *key);

/* admin_audit.c: what is changed is announced in the audit log, once; the router does it for every
 * door whose method is not GET, a handler that mostly looks where it does not. -1: ERR_STORE,
 * nothing may be changed then. */
int admin_announce_door(struct request *r, int (*handle)(struct request *r));
int admin_announce(struct request *r, const char *action, const char *target);
/* What was changed, where the path does not name it; more of them are listed. */
void admin_touched(struct request *r, const char *name);
/* The announced change is over, well or with r->error; nothing where none was announced. */
void admin_outcome(struct request *r);
/* A sign-in that was judged. -1: ERR_STORE. */
int admin_note_sign_in(struct request *r, const char *result);

/* What the change was: into the event log, with from where, and its outcome's detail. */
void admin_note(struct request *r, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
