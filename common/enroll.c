#include "common/base.h"
#include "common/enroll.h"

#include "common/clock.h"
#include "common/merge.h"
#include "common/profile.h"

int enroll_identify(struct http_client *http, const struct config *config, struct account *a,
		    struct usage *u, struct enroll_doubts *doubts, struct error *e)
{
	struct error *why = &doubts->usage;

	*doubts = (struct enroll_doubts){ .profile = { .kind = ERR_NONE } };
	if (profile_is_missing(a))
		profile_find(http, config, a, &doubts->profile);
	if (!usage_fetch(http, config, a, u, why)) {
		a->email = *u->email ? xstrdup(u->email) : NULL;
		a->user_id = *u->user_id ? xstrdup(u->user_id) : NULL;
		return 0;
	}
	if (a->kind == KIND_API_KEY && (why->kind == ERR_UP_TOKEN || why->kind == ERR_UP_DENIED))
		return error_set(e, ERR_LOGIN, "the service refuses this API key: %.400s",
				 why->message);
	return 0;
}

/* NULL without an error: it is new. */
static struct account *find_known(struct roster *r, const struct account *a, const char *name,
				  struct error *e)
{
	struct account *known = NULL;

	if (!name) {
		roster_match(r, a, &known);
		return known;
	}
	known = roster_find(r, name, e);
	if (!known)
		return NULL;
	if (known->kind != a->kind)
		error_set(e, ERR_REQUEST, "account %s is of the kind %s, this login is %s",
			  known->id, account_kind_names[known->kind], account_kind_names[a->kind]);
	else if (known->user_id && a->user_id && strcmp(known->user_id, a->user_id) != 0)
		error_set(e, ERR_REQUEST,
			  "account %s is another person's (%s) than this login (%s); without "
			  "--account it becomes an account of its own",
			  known->id, known->email ? known->email : known->user_id,
			  a->email ? a->email : a->user_id);
	return e->kind == ERR_NONE ? known : NULL;
}

int enroll_store(const struct store *tokens, struct roster *r, struct account *a, const char *name,
		 const char *label, const struct account **stored, bool *added, struct error *e)
{
	struct account *known = find_known(r, a, name, e);

	if (e->kind != ERR_NONE)
		return -1;
	*added = !known;
	*stored = known ? known : a;
	if (known)
		return roster_change(tokens, known, merge_account, a, e);
	if (label && !a->label)
		a->label = xstrdup(label);
	roster_enroll(a, clock_wall());
	return roster_put(tokens, a, e);
}
