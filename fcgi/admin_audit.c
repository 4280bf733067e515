/*
 * What the admin API notes in the audit log.
 *
 *   a change    announced before its handler runs (audit.h), its outcome before the answer goes out
 *   a sign-in   one line, before the answer; one that cannot be noted is refused. Attempts that
 *               were turned away unjudged (sessions_guess) have none, so that a stranger cannot
 *               fill the disk: they are 429 in the access log.
 *
 * What only looks has no line. Every other handler behind the ADMIN and OPERATOR doors is in
 * changes[], or is noted under the name of its method.
 */
#include "common/base.h"
#include "fcgi/admin.h"

#include "common/audit.h"
#include "common/log.h"
#include "fcgi/api.h"
#include "fcgi/peer.h"

static const struct {
	int (*handle)(struct request *r);
	/* NULL: it looks in most cases, and announces itself when it does not. With a dot at its
	 * end: the path's last segment follows. */
	const char *action;
} changes[] = {
	{ api_admin_reload, "settings.reload" },
	{ api_admin_account_add, "account.add" },
	{ api_admin_account_change, "account.set" },
	{ api_admin_account_remove, "account.remove" },
	{ api_admin_account_action, "account." },
	{ api_admin_import, NULL },
	{ api_admin_login_start, "login.start" },
	{ api_admin_login_poll, NULL },
	{ api_admin_login_callback, "account.login" },
	{ api_admin_login_cancel, "login.cancel" },
	{ api_admin_key_add, "key.add" },
	{ api_admin_key_change, "key.set" },
	{ api_admin_key_rotate, "key.rotate" },
	{ api_admin_key_revoke, "key.revoke" },
	{ api_admin_key_remove, "key.remove" },
	{ api_admin_code_add, "code.add" },
	{ api_admin_code_change, "code.set" },
	{ api_admin_code_reset, "code.reset" },
	{ api_admin_code_remove, "code.remove" },
	{ api_admin_user_add, "code.add" },
	{ api_admin_user_remove, "code.remove" },
	{ api_admin_alias_set, "alias.set" },
	{ api_admin_alias_remove, "alias.remove" },
	{ api_admin_sign_out, "session.close" },
};

static const char *from_where(struct request *r)
{
	const char *peer = conn_param(r->conn, "REMOTE_ADDR");
	const char *told = request_header(r, "HTTP_X_FORWARDED_FOR");

	if (peer && told && *told && peer_is_trusted_proxy(r))
		return arena_format(&r->arena, "%s for %.100s", peer, told);
	return peer && *peer ? peer : NULL;
}

static struct audit_entry entry_of(struct request *r)
{
	const char *kind = strncmp(r->key.id, "jwt_", 4) == 0 ? "token of" : "key";

	return (struct audit_entry){
		.who = *r->key.name ? arena_format(&r->arena, "%s %s", kind, r->key.name)
				    : "the admin panel",
		.from = from_where(r),
		.action = r->change.action,
		.target = r->change.target,
		.detail = r->change.detail,
		.begun = r->change.begun,
	};
}

static const char *dir_of(struct request *r)
{
	return r->site->config->state_dir;
}

/* The reason names paths: for the log, not for who asks. */
static int cannot_note(struct request *r, const struct error *why)
{
	log_line(LOG_ERROR, "%s", why->message);
	return error_set(&r->error, ERR_STORE,
			 "the audit log cannot be written, so nothing is changed; see the log");
}

int admin_announce(struct request *r, const char *action, const char *target)
{
	struct error why = { .kind = ERR_NONE };
	struct audit_entry entry;

	if (r->change.begun)
		return 0;
	r->change.action = action;
	r->change.target = target;
	entry = entry_of(r);
	return audit_begin(dir_of(r), &entry, &r->change.begun, &why) ? cannot_note(r, &why) : 0;
}

static const char *action_of(struct request *r, int (*handle)(struct request *r))
{
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		const char *action = changes[i].action;

		if (changes[i].handle != handle)
			continue;
		if (!action || action[strlen(action) - 1] != '.')
			return action;
		return arena_format(&r->arena, "%s%.40s", action, strrchr(r->path, '/') + 1);
	}
	return arena_format(&r->arena, "admin.%.10s", r->method);
}

/* An activation code in the path is a secret: its user is named when it is found. */
static const char *target_of(struct request *r)
{
	const char *segment = request_segment(r);

	return code_is_text(segment) ? CODE_PREFIX "***" : segment;
}

int admin_announce_door(struct request *r, int (*handle)(struct request *r))
{
	const char *action = strcmp(r->method, "GET") == 0 ? NULL : action_of(r, handle);

	if (!action)
		return 0;
	return admin_announce(r, action, *r->rest ? target_of(r) : NULL);
}

void admin_touched(struct request *r, const char *name)
{
	if (r->change.listed && strlen(r->change.target) > AUDIT_TEXT)
		return; /* more than a line shows; the detail has their number */
	r->change.target =
		arena_format(&r->arena, "%s%s%s", r->change.listed ? r->change.target : "",
			     r->change.listed ? "," : "", name);
	r->change.listed = true;
}

void admin_outcome(struct request *r)
{
	struct error why = { .kind = ERR_NONE };
	struct audit_entry entry = entry_of(r);

	if (!r->change.begun)
		return;
	entry.result = r->error.kind == ERR_NONE
			       ? "ok"
			       : arena_format(&r->arena, "failed: %s", r->error.message);
	r->change.begun = 0;
	if (audit_write(dir_of(r), &entry, &why))
		log_line(LOG_ERROR, "%s; the outcome of %s (%s) is not in it", why.message,
			 entry.action, entry.result);
}

int admin_note_sign_in(struct request *r, const char *result)
{
	struct error why = { .kind = ERR_NONE };
	struct audit_entry entry;

	r->change.action = "session.open";
	entry = entry_of(r);
	entry.result = result;
	return audit_write(dir_of(r), &entry, &why) ? cannot_note(r, &why) : 0;
}

void admin_note(struct request *r, const char *format, ...)
{
	const char *from = from_where(r);
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	r->change.detail = arena_format(&r->arena, "%s", text);
	log_line(LOG_INFO, "admin: %s (from %s)", text, from ? from : "an unknown address");
}
