#include "common/base.h"
#include "common/probe.h"

#include "common/clock.h"
#include "common/jsonw.h"
#include "common/profile.h"

#define AHEAD 60 /* seconds that a token must still live to be used as it is */

int probe_account(const struct refresher *r, struct account *a, struct usage *u, struct error *e)
{
	if (account_expires_within(a, clock_wall(), AHEAD) &&
	    refresh_account(r, a, REFRESH_HARD, AHEAD, e) < 0)
		return -1;
	if (profile_is_missing(a) && profile_resolve(r->http, r->config, r->tokens, a, e))
		return -1;
	return usage_fetch(r->http, r->config, a, u, e);
}

void probe_write(struct jsonw *w, const struct account *a, const struct usage *u)
{
	jsonw_begin_object(w);
	jsonw_text_member(w, "id", a->id);
	jsonw_text_member(w, "plan", *u->plan ? u->plan : NULL);
	jsonw_text_member(w, "email", *u->email ? u->email : NULL);
	jsonw_key(w, "used");
	jsonw_double(w, usage_used(u));
	jsonw_key(w, "limit");
	jsonw_double(w, usage_limit(u));
	jsonw_text_member(w, "unit", *u->unit ? u->unit : NULL);
	jsonw_date_member(w, "reset_at", u->reset_at);
	jsonw_bool_member(w, "overage", u->overage.enabled);
	jsonw_end(w);
}
