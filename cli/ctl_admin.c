/*
 * kiroctl admin passwd, off: who may sign in to the admin panel.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/prompt.h"
#include "common/password.h"

#include <sysexits.h>

/* Twice at a terminal, where it is not seen; one line of anything else. */
static int read_password(struct secret *out, struct error *e)
{
	struct prompt p = { .signals = -1 };
	struct secret again = { NULL };
	int rc = prompt_begin(&p, e);

	if (!rc)
		rc = prompt_secret(&p, "New password of the admin panel (it is not shown): ", out,
				   e);
	if (!rc && isatty(STDIN_FILENO)) {
		rc = prompt_secret(&p, "The same again: ", &again, e);
		if (!rc && !secret_equal(secret_reveal(out), secret_reveal(&again)))
			rc = error_set(e, ERR_REQUEST, "the two are not the same; nothing changed");
	}
	secret_release(&again);
	prompt_end(&p);
	return rc;
}

int ctl_admin_passwd(struct ctl *c, struct error *e)
{
	struct secret password = { NULL };
	int rc = ctl_create(c, e) || ctl_keys(c, e) ? -1 : read_password(&password, e);

	if (!rc)
		rc = password_set(&c->keys, secret_reveal(&password), e);
	if (!rc)
		ctl_print_result(c, "admin", "password set; who was signed in no longer is");
	secret_release(&password);
	return rc;
}

int ctl_admin_off(struct ctl *c, struct error *e)
{
	int rc = ctl_keys(c, e) ? -1 : password_remove(&c->keys, e);

	if (rc >= 0)
		ctl_print_result(c, "admin", rc ? "there was no password" : "password removed");
	return rc < 0 ? -1 : 0;
}
