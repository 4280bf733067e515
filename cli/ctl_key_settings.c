#include "common/base.h"
#include "cli/ctl_key.h"

#include "cli/ctl_account.h"
#include "common/clock.h"
#include "common/hold.h"

#include <ctype.h>

int ctl_key_duration(const char *text, int64_t *seconds)
{
	static const struct {
		char letter;
		int seconds;
	} units[] = { { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 7 * 86400 } };
	char *end;
	long number;

	if (!isdigit((unsigned char)*text))
		return -1;
	errno = 0;
	number = strtol(text, &end, 10);
	for (size_t i = 0; i < ARRAY_SIZE(units) && !errno && number <= 100000; i++) {
		if (*end == units[i].letter && !end[1]) {
			*seconds = (int64_t)number * units[i].seconds;
			return 0;
		}
	}
	return -1;
}

/* A date is the end of that day. */
static int read_when(const char *text, int64_t *out, struct error *e)
{
	int64_t seconds;

	if (!*text || strcmp(text, "never") == 0)
		*out = 0;
	else if (!ctl_key_duration(text, &seconds))
		*out = clock_wall() + seconds;
	else if (!strchr(text, '-') ||
		 (strpbrk(text, "T ") ? clock_parse(text, out) : clock_parse_day_end(text, out)))
		return error_set(e, ERR_REQUEST,
				 "--expires: %.60s: must be as 90d, 12h, 2026-12-31, "
				 "2026-12-31T12:00:00Z, or never",
				 text);
	return 0;
}

static int read_word(struct ctl *c, const char *option, const char *const *words, size_t count,
		     int *out, struct error *e)
{
	const char *text = ctl_value(c, option);
	int index = text ? key_name_index(words, count, text) : *out;

	if (index < 0) {
		char all[128] = "";

		for (size_t i = 0; i < count; i++)
			snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s",
				 i ? ", " : "", words[i]);
		return error_set(e, ERR_REQUEST, "--%s: %.40s: must be one of %s", option, text,
				 all);
	}
	*out = index;
	return 0;
}

static int read_list(struct ctl *c, const char *option, char out[static KEY_LIST_SIZE],
		     struct error *e)
{
	const char *text = ctl_value(c, option);

	if (!text)
		return 0;
	if (strlen(text) >= KEY_LIST_SIZE)
		return error_set(e, ERR_REQUEST, "--%s: longer than %d bytes", option,
				 KEY_LIST_SIZE - 1);
	for (const char *at = text; *at; at++) {
		if (*at < ' ' || *at > '~')
			return error_set(e, ERR_REQUEST, "--%s: only visible ASCII characters",
					 option);
	}
	snprintf(out, KEY_LIST_SIZE, "%s", strcmp(text, "all") == 0 ? "" : text);
	return 0;
}

/* Looked up once: what is stored in the end is what was checked. */
static int find_accounts(struct ctl *c, const char *names, struct error *e)
{
	char ids[KEY_LIST_SIZE] = "";
	struct error damage = { 0 };
	struct roster r;
	int rc = 0;

	roster_init(&r);
	if (*names)
		rc = ctl_accounts(c, &r, &damage, e);
	if (!rc)
		rc = roster_ids(&r, names, ids, sizeof(ids), e);
	if (!rc)
		c->accounts = xstrdup(ids);
	roster_release(&r);
	return rc;
}

static int read_accounts(struct ctl *c, struct key *key, struct error *e)
{
	char names[KEY_LIST_SIZE];

	if (!ctl_value(c, "accounts"))
		return 0;
	if (!c->accounts && (read_list(c, "accounts", names, e) || find_accounts(c, names, e)))
		return -1;
	snprintf(key->accounts, sizeof(key->accounts), "%s", c->accounts);
	return 0;
}

static int read_streams(struct ctl *c, struct key *key, struct error *e)
{
	const char *text = ctl_value(c, "max-streams");
	char *end;
	long value;

	if (!text)
		return 0;
	value = strtol(text, &end, 10);
	if (end == text || *end || value < 0 || value > HOLD_MOST)
		return error_set(e, ERR_REQUEST,
				 "--max-streams: must be a whole number from 0 to %d", HOLD_MOST);
	key->max_streams = value;
	return 0;
}

int ctl_key_check_end(struct ctl *c, const struct key *key, struct error *e)
{
	if (!key->expires_at || key->expires_at > clock_wall())
		return 0;
	return error_set(e, ERR_REQUEST, "--expires: %.60s: that is over already",
			 ctl_value(c, "expires"));
}

int ctl_key_read_settings(struct ctl *c, struct key *key, struct error *e)
{
	int role = key->role;

	if (read_word(c, "role", key_role_names, KEY_ROLES, &role, e))
		return -1;
	key->role = (enum key_role)role;
	return ctl_key_read_rights(c, key, e);
}

int ctl_key_read_rights(struct ctl *c, struct key *key, struct error *e)
{
	const char *when = ctl_value(c, "expires");
	int pool = key->pool;

	if (read_word(c, "pool", key_pool_names, KEY_POOLS, &pool, e) ||
	    read_list(c, "models", key->models, e) || read_accounts(c, key, e) ||
	    read_streams(c, key, e) || (when && read_when(when, &key->expires_at, e)))
		return -1;
	for (int m = 0; m < KEY_MEASURES; m++) {
		const char *text = ctl_value(c, key_measure_names[m]);

		if (text && key_limits_parse(text, (enum key_measure)m, key->limits[m], e))
			return -1;
	}
	key->pool = (enum key_pool)pool;
	return 0;
}
