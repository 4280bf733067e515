/*
 * kiroctl account set, and the options that it shares with account add: how an account is used, not
 * what it is.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/ctl_account.h"
#include "common/import.h"
#include "common/keys.h"
#include "common/roster.h"
#include "common/live.h"

static const struct {
	const char *option;
	size_t at;
} texts[] = {
	{ "label", offsetof(struct account, label) },
	{ "region", offsetof(struct account, region) },
	{ "auth-region", offsetof(struct account, auth_region) },
	{ "upstream", offsetof(struct account, upstream) },
	{ "proxy", offsetof(struct account, proxy_url) },
};

static int read_number(struct ctl *c, const char *option, long most, int64_t *out, struct error *e)
{
	const char *text = ctl_value(c, option);
	char *end;
	long value;

	if (!text)
		return 0;
	value = strtol(text, &end, 10);
	if (end == text || *end || value < 0 || value > most)
		return error_set(e, ERR_REQUEST, "--%s: must be a whole number from 0 to %ld",
				 option, most);
	*out = value;
	return 0;
}

static int read_machine_id(struct ctl *c, struct account *a, struct error *e)
{
	const char *text = ctl_value(c, "machine-id");
	char *id = text ? import_machine_id(text) : NULL;

	if (text && !id)
		return error_set(e, ERR_REQUEST,
				 "--machine-id: must be 64 hexadecimal digits, or a UUID");
	if (id) {
		free(a->machine_id);
		a->machine_id = id;
	}
	return 0;
}

/* The owner is kept by the key's id, which a rotation does not change. */
static int read_owner(struct ctl *c, struct account *a, struct error *e)
{
	const char *name = ctl_value(c, "owner");
	struct key key;
	int rc;

	if (!name)
		return 0;
	rc = !*name ? 1 : ctl_keys(c, e) ? -1 : keys_named(&c->keys, name, &key, e);
	if (!rc)
		return error_set(e, ERR_REQUEST, "--owner: no key is called %.80s", name);
	if (rc < 0)
		return -1;
	free(a->owner);
	a->owner = *name ? xstrdup(key.id) : NULL;
	return 0;
}

int ctl_account_read_settings(struct ctl *c, struct account *a, struct error *e)
{
	const char *arn = ctl_value(c, "profile-arn");
	int64_t priority = a->priority;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *value = ctl_value(c, texts[i].option);
		char **at = (char **)((char *)a + texts[i].at);

		if (!value)
			continue;
		free(*at);
		*at = *value ? xstrdup(value) : NULL;
	}
	if (arn)
		account_set_profile(a, arn);
	if (read_machine_id(c, a, e) || read_owner(c, a, e) ||
	    read_number(c, "priority", 1000000, &priority, e) ||
	    read_number(c, "max-inflight", LIVE_HOLDERS, &a->max_inflight, e))
		return -1;
	a->priority = (int)priority;
	return 0;
}

/* What is stored is changed, whatever became of it meanwhile: it was all checked before. */
static bool change(struct account *stored, void *context)
{
	struct error ignored = { 0 };

	return !ctl_account_read_settings(context, stored, &ignored);
}

static int set(struct ctl *c, struct account *a, struct error *e)
{
	char reason[IMPORT_REASON_SIZE];
	struct account changed;
	int rc;

	account_init(&changed);
	account_copy(&changed, a);
	rc = ctl_account_read_settings(c, &changed, e);
	if (!rc && import_check(&changed, reason))
		rc = error_set(e, ERR_REQUEST, "%s", reason);
	if (!rc)
		rc = roster_change(&c->tokens, a, change, c, e);
	if (!rc)
		ctl_print_result(c, a->id, "changed");
	account_release(&changed);
	return rc;
}

int ctl_account_set(struct ctl *c, struct error *e)
{
	bool any = false;
	struct account *a;
	struct roster r;
	int rc;

	for (size_t i = 0; i < CTL_OPTIONS; i++)
		any |= c->values[i] != NULL;
	if (!any)
		return ctl_usage(c, "account set: give at least one option, for what is to change");
	roster_init(&r);
	a = ctl_account_named(c, &r, e);
	rc = a ? set(c, a, e) : -1;
	roster_release(&r);
	return rc;
}
