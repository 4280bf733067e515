#include "common/base.h"
#include "fcgi/auth_code.h"

#include "common/activation.h"
#include "common/clock.h"
#include "common/log.h"

struct first_use {
	const char *machine;
	int64_t now;
};

static void use(struct key *key, const void *context)
{
	const struct first_use *u = context;

	code_use(key, u->machine, u->now);
}

static int store_failed(struct request *r, const struct error *why)
{
	log_line(LOG_ERROR, "%s", why->message);
	return error_set(&r->error, ERR_STORE,
			 "the first use of this activation code cannot be noted; see the log");
}

/* Of two machines that come at once the first to be stored has it: what is stored is looked at
 * again. That somebody else has noted it meanwhile is as good. */
static int first_use(struct request *r, const char *text, const char *machine)
{
	const struct first_use u = { machine, clock_wall() };
	struct error why = { .kind = ERR_NONE };
	char until[CLOCK_TEXT_SIZE];

	keys_change(&r->site->keys, r->key.name, use, &u, &why);
	if (keys_find(&r->site->keys, text, &r->key, &why) != 1 || code_waits(&r->key))
		return store_failed(r, &why);
	if (code_check_machine(&r->key.code, machine, &r->error))
		return -1;
	log_line(LOG_INFO, "activation code %s: first use, machine %s, good until %s", r->key.name,
		 *r->key.code.machine ? r->key.code.machine : "any",
		 r->key.expires_at ? clock_format(r->key.expires_at, until) : "it is taken away");
	return 0;
}

int auth_code(struct request *r, const char *text)
{
	const char *machine = request_header(r, "HTTP_X_MACHINE_ID");
	struct site *site = r->site;

	if (machine && !*machine)
		machine = NULL;
	if (machine && !code_machine_good(machine))
		return error_set(
			&r->error, ERR_FORBIDDEN,
			"device mismatch: X-Machine-Id is no machine's id: 1 to %d visible "
			"ASCII characters",
			CODE_MACHINE_SIZE - 1);
	if (code_check_machine(&r->key.code, machine, &r->error) ||
	    activation_check(site->activation, site->http, &r->key, text, machine, &r->error))
		return -1;
	return code_waits(&r->key) ? first_use(r, text, machine) : 0;
}
