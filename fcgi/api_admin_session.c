/*
 * Signing in to the panel and out of it.
 */
#include "common/base.h"
#include "fcgi/api.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/password.h"
#include "fcgi/admin.h"
#include "fcgi/peer.h"
#include "fcgi/sessions.h"

/* cookie "": nobody is signed in. */
static int send_session(struct request *r, const char *cookie, int64_t expires_at, bool configured)
{
	char token[ADMIN_TOKEN_SIZE] = "";
	struct admin_answer a;

	if (*cookie)
		admin_token(cookie, token);
	admin_begin(&a);
	jsonw_begin_object(&a.w);
	jsonw_bool_member(&a.w, "configured", configured);
	jsonw_bool_member(&a.w, "signed_in", *cookie != '\0');
	jsonw_text_member(&a.w, "csrf_token", *cookie ? token : NULL);
	jsonw_date_member(&a.w, "expires_at", *cookie ? expires_at : 0);
	jsonw_bool_member(&a.w, "encrypted", peer_over_https(r) || peer_is_loopback(r));
	jsonw_text_member(&a.w, "version", *cookie ? KIRO_FCGI_VERSION : NULL);
	jsonw_end(&a.w);
	return admin_send(r, 200, &a);
}

int api_admin_session(struct request *r)
{
	char cookie[ADMIN_COOKIE_SIZE] = "";
	int64_t expires_at = 0;
	int rc = admin_session(r, cookie, &expires_at);
	bool configured = r->error.kind != ERR_NOT_CONFIGURED;

	if (rc < 0 && configured)
		return -1;
	error_clear(&r->error);
	rc = send_session(r, rc == 1 ? cookie : "", expires_at, configured);
	explicit_bzero(cookie, sizeof(cookie));
	return rc;
}

static void set_cookie(struct request *r, const char *value, int64_t seconds)
{
	admin_header(r,
		     "set-cookie: " ADMIN_COOKIE "=%s; Path=%.300s; Max-Age=%" PRId64
		     "; HttpOnly; SameSite=Strict%s",
		     value, strpbrk(admin_mount(r), ";,\r\n\t ") ? "/" : admin_mount(r), seconds,
		     peer_over_https(r) ? "; Secure" : "");
}

static int judge(struct request *r, const char *hash, const char *password)
{
	const char *peer = conn_param(r->conn, "REMOTE_ADDR");
	struct sessions *s = r->site->sessions;
	bool right;

	if (sessions_guess(s, peer ? peer : "", &r->error))
		return -1;
	sessions_lock_hashing(s);
	right = password_is(hash, password);
	sessions_unlock_hashing(s);
	if (!right) {
		admin_note(r, "a wrong password");
		if (admin_note_sign_in(r, "failed: a wrong password"))
			return -1;
		return error_set(&r->error, ERR_AUTH, "this is not the password");
	}
	sessions_guessed(s, peer ? peer : "");
	return 0;
}

static int open_session(struct request *r, const char *hash)
{
	int64_t seconds = (int64_t)r->site->config->admin_session * 60;
	int64_t expires_at = clock_wall() + seconds;
	char cookie[SESSION_TEXT_SIZE];
	int rc = sessions_open(r->site->sessions, hash, expires_at, cookie, &r->error);

	if (!rc)
		rc = admin_note_sign_in(r, "ok");
	if (!rc) {
		set_cookie(r, cookie, seconds);
		admin_note(r, "signed in");
		rc = send_session(r, cookie, expires_at, true);
	}
	explicit_bzero(cookie, sizeof(cookie));
	return rc;
}

int api_admin_sign_in(struct request *r)
{
	const char *type = conn_param(r->conn, "CONTENT_TYPE"), *password = NULL;
	char hash[PASSWORD_HASH_SIZE];
	int rc;

	/* No form of another page can send this type. */
	if (!type || strncasecmp(type, "application/json", 16) != 0)
		return error_set(&r->error, ERR_REQUEST, "content-type: must be application/json");
	if (request_json(r) || json_need_text(r->json, "password", NULL, &password, &r->error) ||
	    admin_stores(r))
		return -1;
	rc = password_load(&r->site->keys, hash, &r->error);
	if (!rc)
		rc = error_set(&r->error, ERR_NOT_CONFIGURED,
			       "No password is set: the owner of this installation runs "
			       "\"kiroctl admin passwd\"");
	if (rc == 1)
		rc = judge(r, hash, password);
	return rc ? -1 : open_session(r, hash);
}

int api_admin_sign_out(struct request *r)
{
	char cookie[ADMIN_COOKIE_SIZE] = "";
	int64_t expires_at;

	if (admin_session(r, cookie, &expires_at) < 0 ||
	    sessions_close(r->site->sessions, cookie, &r->error))
		return -1;
	explicit_bzero(cookie, sizeof(cookie));
	set_cookie(r, "", 0);
	admin_note(r, "signed out");
	return admin_send_text(r, 200, "result", "signed out");
}
