#include "common/base.h"
#include "common/code_add.h"

#include "common/roster.h"

/* Nobody has seen the code. Two stores cannot be written as one. */
static int undo(const struct store *keys, const char *name, struct error *e)
{
	struct error why = *e, ignored = { .kind = ERR_NONE };

	error_clear(e);
	if (keys_remove(keys, name, &ignored) >= 0)
		return error_set(e, why.kind, "%s; the activation code was not added", why.message);
	return error_set(e, why.kind,
			 "%s; the activation code %s was added without its account and could not "
			 "be removed again: remove it",
			 why.message, name);
}

int code_add(const struct store *keys, const struct store *tokens, const char *name,
	     struct key *key, struct account *account, char text[static KEY_TEXT_SIZE],
	     struct error *e)
{
	if (keys_add(keys, name, key, text, e))
		return -1;
	if (keys_find(keys, text, key, e) == 1 &&
	    (!account || roster_give(tokens, account, key->id, e) == 0))
		return 0;
	return undo(keys, name, e);
}
