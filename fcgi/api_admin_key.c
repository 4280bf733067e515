/*
 * Changes of one client key: its settings, its secret, its end. The path names it by name or id.
 */
#include "common/base.h"
#include "fcgi/api.h"

#include "common/clock.h"
#include "common/hold.h"
#include "common/json.h"
#include "common/keys.h"
#include "common/roster.h"
#include "fcgi/admin.h"

#define LONGEST_OVERLAP (90 * 86400) /* s */

/* ---- settings ---- */

static int read_limits(const cJSON *body, struct key *key, struct error *e)
{
	for (int m = 0; m < KEY_MEASURES; m++) {
		const char *text = NULL;

		if (json_text(body, key_measure_names[m], NULL, &text, e) < 0)
			return -1;
		if (text && key_limits_parse(text, (enum key_measure)m, key->limits[m], e)) {
			snprintf(e->field, sizeof(e->field), "%s", key_measure_names[m]);
			return -1;
		}
	}
	return 0;
}

/* choices: the words as a sentence has them. */
static int read_word(const cJSON *body, const char *name, const char *const *words, size_t count,
		     const char *choices, int *index, struct error *e)
{
	const char *text = NULL;

	if (json_text(body, name, NULL, &text, e) < 0)
		return -1;
	if (text && *text)
		*index = key_name_index(words, count, text);
	return *index < 0 ? error_field(e, name, "is not %s", choices) : 0;
}

int admin_read_list(const cJSON *body, const char *name, char out[static KEY_LIST_SIZE],
		    struct error *e)
{
	const char *text = NULL;

	if (json_text(body, name, NULL, &text, e) < 0)
		return -1;
	if (!text)
		return 0;
	if (strlen(text) >= KEY_LIST_SIZE)
		return error_field(e, name, "is longer than %d bytes", KEY_LIST_SIZE - 1);
	for (const char *at = text; *at; at++) {
		if (*at < ' ' || *at > '~')
			return error_field(e, name, "has other than visible ASCII characters");
	}
	snprintf(out, KEY_LIST_SIZE, "%s", text);
	return 0;
}

int admin_find_accounts(struct request *r, const char *member, const char *stored)
{
	cJSON *item = cJSON_GetObjectItemCaseSensitive(r->json, member);
	struct error damage = { .kind = ERR_NONE };
	char ids[KEY_LIST_SIZE];
	struct roster roster;
	int rc;

	if (!cJSON_IsString(item) || strcmp(item->valuestring, stored) == 0)
		return 0;
	roster_init(&roster);
	roster_load(&roster, &r->site->tokens, &damage); /* the others are there */
	rc = roster_ids(&roster, item->valuestring, ids, sizeof(ids), &r->error);
	if (rc)
		snprintf(r->error.field, sizeof(r->error.field), "%s", member);
	else
		cJSON_SetValuestring(item, ids);
	roster_release(&roster);
	return rc;
}

/* What is over already may stay, as part of a record that comes back changed elsewhere. */
static int read_end(const cJSON *body, int64_t *out, struct error *e)
{
	const char *text = NULL;
	int64_t end = 0;

	if (json_text(body, "expires_at", NULL, &text, e) < 0)
		return -1;
	if (!text)
		return 0;
	if (*text && (!strchr(text, '-') || clock_parse(text, &end)))
		return error_field(e, "expires_at", "is no date like 2027-01-31T00:00:00Z");
	if (*text && end != *out && end <= clock_wall())
		return error_field(e, "expires_at", "is over already");
	*out = end;
	return 0;
}

int admin_read_key(const cJSON *body, struct key *key, struct error *e)
{
	int role = key->role, pool = key->pool;

	if (read_end(body, &key->expires_at, e) ||
	    read_word(body, "role", key_role_names, KEY_ROLES, "user, viewer, operator or admin",
		      &role, e) ||
	    read_word(body, "pool", key_pool_names, KEY_POOLS, "shared, own or none", &pool, e) ||
	    admin_read_list(body, "models", key->models, e) ||
	    admin_read_list(body, "accounts", key->accounts, e) ||
	    json_int(body, "max_streams", NULL, 0, HOLD_MOST, &key->max_streams, e) < 0)
		return -1;
	key->role = (enum key_role)role;
	key->pool = (enum key_pool)pool;
	return read_limits(body, key, e);
}

int admin_check_members(const cJSON *body, const char *const *known, size_t count,
			const char *refusal, struct error *e)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, body) {
		bool is_known = false;

		for (size_t i = 0; i < count; i++)
			is_known |= strcmp(item->string, known[i]) == 0;
		if (!is_known)
			return error_field(e, item->string, "%s", refusal);
	}
	return 0;
}

int admin_check_key(const cJSON *body, bool new, struct error *e)
{
	static const char *const known[] = { "name",	 "role",       "pool",	   "models",
					     "accounts", "expires_at", "requests", "tokens",
					     "credits",	 "max_streams" };
	const size_t first = new ? 0 : 1;

	return admin_check_members(body, known + first, ARRAY_SIZE(known) - first,
				   new ? "cannot be set" : "cannot be changed", e);
}

/* ---- the key ---- */

struct search {
	const char *id;
	struct key *out;
};

static int has_id(void *context, const struct key *key)
{
	struct search *s = context;

	if (strcmp(key->id, s->id) != 0 || key->ends_at)
		return 0;
	*s->out = *key;
	return 1;
}

/* The newest secret of what the path names, and where to change it. */
static int find(struct request *r, const char *name, struct key *out, const struct store **keys)
{
	struct search s = { name, out };
	struct error damage = { .kind = ERR_NONE }; /* the other look tells of it */
	int rc;

	if (admin_stores(r) || !(*keys = admin_match(r, &r->site->keys)))
		return -1;
	rc = keys_named(*keys, name, out, &damage);
	if (rc != 1)
		rc = keys_each(*keys, has_id, &s, &r->error);
	if (!rc)
		return error_set(&r->error, ERR_NOT_FOUND, "no key is called %.80s", name);
	return rc < 0 ? -1 : 0;
}

/* It was there a moment ago. */
static int done(struct request *r, const struct key *key, int rc)
{
	if (rc == 1)
		return error_set(&r->error, ERR_NOT_FOUND, "the key %.80s is gone", key->name);
	return rc;
}

/* ---- what is done with it ---- */

/* It was all checked before. */
static void change_settings(struct key *key, const void *context)
{
	struct error ignored = { .kind = ERR_NONE };

	admin_read_key(context, key, &ignored);
}

static int check_role(const struct key *key, struct error *e)
{
	if (!key->code.is || key->role == KEY_USER)
		return 0;
	return error_field(e, "role", "is user for an activation code");
}

int api_admin_key_change(struct request *r)
{
	const struct store *keys;
	struct key key = { .id = "" }, checked;

	if (request_json(r) || find(r, r->rest, &key, &keys))
		return -1;
	checked = key;
	if (admin_check_key(r->json, false, &r->error) ||
	    admin_read_key(r->json, &checked, &r->error) || check_role(&checked, &r->error) ||
	    admin_find_accounts(r, "accounts", key.accounts) ||
	    done(r, &key, keys_change(keys, key.name, change_settings, r->json, &r->error)))
		return -1;
	admin_note(r, "key %s changed", key.name);
	return admin_send_text(r, 200, "changed", key.name);
}

static void end_key(struct key *key, const void *context)
{
	if (!key->revoked_at)
		key->revoked_at = *(const int64_t *)context;
}

int api_admin_key_revoke(struct request *r)
{
	const int64_t now = clock_wall();
	const struct store *keys;
	struct key key = { .id = "" };

	if (find(r, request_segment(r), &key, &keys) ||
	    done(r, &key, keys_change(keys, key.name, end_key, &now, &r->error)))
		return -1;
	admin_note(r, "key %s revoked", key.name);
	return admin_send_text(r, 200, "revoked", key.name);
}

int api_admin_key_remove(struct request *r)
{
	const struct store *keys;
	struct key key = { .id = "" };

	if (find(r, r->rest, &key, &keys) || done(r, &key, keys_remove(keys, key.name, &r->error)))
		return -1;
	admin_touched(r, key.name); /* by which nobody could find its id any more */
	admin_note(r, "key %s removed", key.name);
	return admin_send_text(r, 200, "removed", key.name);
}

static int send_secret(struct request *r, const struct key *key, const char *text, int64_t ends_at)
{
	struct admin_answer a;

	admin_begin(&a);
	jsonw_begin_object(&a.w);
	jsonw_text_member(&a.w, "name", key->name);
	jsonw_text_member(&a.w, "role", key_role_names[key->role]);
	jsonw_text_member(&a.w, "key", text);
	jsonw_date_member(&a.w, "old_ends_at", ends_at);
	jsonw_end(&a.w);
	return admin_send(r, 200, &a);
}

/* {"overlap_seconds": 86400}: the old secret is good so long still; 0, or no body: not at all. */
int api_admin_key_rotate(struct request *r)
{
	static const char *const known[] = { "overlap_seconds" };
	char text[KEY_TEXT_SIZE] = "";
	int64_t overlap = 0, ends_at;
	const struct store *keys;
	struct key key = { .id = "" };
	int rc;

	if ((r->body.len && request_json(r)) ||
	    admin_check_members(r->json, known, ARRAY_SIZE(known), "unknown", &r->error) ||
	    json_int(r->json, "overlap_seconds", NULL, 0, LONGEST_OVERLAP, &overlap, &r->error) <
		    0 ||
	    find(r, request_segment(r), &key, &keys))
		return -1;
	if (key.revoked_at)
		return error_set(&r->error, ERR_REQUEST, "%.80s was revoked: add another key",
				 key.name);
	ends_at = clock_wall() + overlap;
	rc = done(r, &key, keys_rotate(keys, key.name, ends_at, text, &r->error));
	if (!rc) {
		admin_note(r, "key %s has a new secret", key.name);
		rc = send_secret(r, &key, text, ends_at);
	}
	explicit_bzero(text, sizeof(text));
	return rc;
}
