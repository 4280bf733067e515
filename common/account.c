#include "common/base.h"
#include "common/account.h"

#include "common/json.h"
#include "common/jsonw.h"
#include "common/record.h"

#define RECORD_VERSION 1

const char *const account_kind_names[ACCOUNT_KINDS] = {
	[KIND_SOCIAL] = "social",
	[KIND_IDC] = "idc",
	[KIND_EXTERNAL_IDP] = "external_idp",
	[KIND_API_KEY] = "api_key",
};

const char *const account_state_names[ACCOUNT_STATES] = {
	[STATE_ACTIVE] = "active",	 [STATE_EXHAUSTED] = "exhausted",
	[STATE_SUSPENDED] = "suspended", [STATE_REFUSED] = "refused",
	[STATE_INVALID] = "invalid",	 [STATE_DISABLED] = "disabled",
};

/* The members of a record that are plain texts, secrets and numbers, in the order written. */
enum member_type { TEXT, SECRET, NUMBER };

#define MEMBER(type, name)                                                                         \
	{                                                                                          \
#name, type, offsetof(struct account, name)                                        \
	}
#define MEMBER_AS(type, name, json_name)                                                           \
	{                                                                                          \
		json_name, type, offsetof(struct account, name)                                    \
	}

static const struct member {
	const char *name;
	enum member_type type;
	size_t at;
} members[] = {
	MEMBER(TEXT, id),
	MEMBER(TEXT, label),
	MEMBER(TEXT, provider),
	MEMBER(TEXT, region),
	MEMBER(TEXT, auth_region),
	MEMBER(TEXT, start_url),
	MEMBER(TEXT, client_id),
	MEMBER(SECRET, client_secret),
	MEMBER(TEXT, token_endpoint),
	MEMBER(TEXT, issuer_url),
	MEMBER(TEXT, scopes),
	MEMBER(SECRET, access_token),
	MEMBER(SECRET, refresh_token),
	MEMBER_AS(SECRET, previous_refresh_token, "prev_refresh_token"),
	MEMBER(SECRET, api_key),
	MEMBER(NUMBER, expires_at),
	MEMBER(NUMBER, client_expires_at),
	MEMBER(NUMBER, refreshed_at),
	MEMBER(NUMBER, added_at),
	MEMBER(NUMBER, added_place),
	MEMBER(NUMBER, max_inflight),
	MEMBER(TEXT, state_reason),
	MEMBER(NUMBER, state_since),
	MEMBER(NUMBER, state_until),
	MEMBER(NUMBER, state_tries),
	MEMBER(TEXT, email),
	MEMBER(TEXT, user_id),
	MEMBER(TEXT, profile_arn),
	MEMBER(TEXT, machine_id),
	MEMBER(TEXT, proxy_url),
	MEMBER(TEXT, upstream),
	MEMBER(TEXT, owner),
};

static char **text_at(const struct account *a, const struct member *m)
{
	return (char **)((uintptr_t)a + m->at);
}

static struct secret *secret_at(const struct account *a, const struct member *m)
{
	return (struct secret *)((uintptr_t)a + m->at);
}

static int64_t *number_at(const struct account *a, const struct member *m)
{
	return (int64_t *)((uintptr_t)a + m->at);
}

/* NULL and "" are both "none". */
static void set_text(char **at, const char *text)
{
	char *copy = text && *text ? xstrdup(text) : NULL;

	free(*at);
	*at = copy;
}

void account_init(struct account *a)
{
	*a = (struct account){ .kind = KIND_SOCIAL };
}

void account_release(struct account *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (members[i].type == TEXT)
			free(*text_at(a, &members[i]));
		else if (members[i].type == SECRET)
			secret_release(secret_at(a, &members[i]));
	}
	account_init(a);
}

void account_copy(struct account *to, const struct account *from)
{
	if (to == from)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const struct member *m = &members[i];

		if (m->type == TEXT)
			set_text(text_at(to, m), *text_at(from, m));
		else if (m->type == SECRET)
			secret_set(secret_at(to, m), secret_reveal(secret_at(from, m)));
		else
			*number_at(to, m) = *number_at(from, m);
	}
	to->rev = from->rev;
	to->kind = from->kind;
	to->priority = from->priority;
	to->state = from->state;
	memcpy(to->profile_region, from->profile_region, sizeof(to->profile_region));
}

/* arn:aws:codewhisperer:REGION:ACCOUNT:profile/ID */
void account_set_profile(struct account *a, const char *profile_arn)
{
	const char *at = profile_arn ? profile_arn : "";
	size_t len;

	a->profile_region[0] = '\0';
	if (profile_arn != a->profile_arn)
		set_text(&a->profile_arn, profile_arn);
	for (int colons = 0; at && colons < 3; colons++) {
		at = strchr(at, ':');
		at = at ? at + 1 : NULL;
	}
	len = at ? strcspn(at, ":") : 0;
	if (len && len < sizeof(a->profile_region)) {
		memcpy(a->profile_region, at, len);
		a->profile_region[len] = '\0';
	}
}

const char *account_region(const struct account *a, const char *configured)
{
	if (a->region)
		return a->region;
	return *a->profile_region ? a->profile_region : configured;
}

/* The credentials that each kind cannot do without. */
static const struct {
	enum account_kind kind;
	const char *member;
} needed[] = {
	{ KIND_SOCIAL, "refresh_token" },
	{ KIND_IDC, "refresh_token" },
	{ KIND_IDC, "client_id" },
	{ KIND_IDC, "client_secret" },
	{ KIND_EXTERNAL_IDP, "refresh_token" },
	{ KIND_EXTERNAL_IDP, "client_id" },
	{ KIND_EXTERNAL_IDP, "token_endpoint" },
	{ KIND_API_KEY, "api_key" },
};

static bool has_member(const struct account *a, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (strcmp(members[i].name, name) != 0)
			continue;
		return members[i].type == TEXT ? *text_at(a, &members[i]) != NULL
					       : secret_present(secret_at(a, &members[i]));
	}
	return false;
}

static int check_needed(const struct account *a, struct error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (needed[i].kind == a->kind && !has_member(a, needed[i].member))
			return error_set(e, ERR_STORE, "an account of kind %s needs %s",
					 account_kind_names[a->kind], needed[i].member);
	}
	return 0;
}

static int read_name(const cJSON *record, const char *member, const char *const *names,
		     size_t count, int *out, struct error *e)
{
	const char *text;

	if (json_need_text(record, member, NULL, &text, e))
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], text) == 0) {
			*out = (int)i;
			return 0;
		}
	}
	return json_error(NULL, member, e, "unknown value \"%.32s\"", text);
}

static int read_member(struct account *a, const cJSON *record, const struct member *m,
		       struct error *e)
{
	const char *text = NULL;

	if (m->type == NUMBER)
		return json_int(record, m->name, NULL, 0, INT64_MAX, number_at(a, m), e);
	if (json_text(record, m->name, NULL, &text, e) < 0)
		return -1;
	if (m->type == TEXT)
		set_text(text_at(a, m), text);
	else
		secret_set(secret_at(a, m), text);
	return 0;
}

static int read_all(struct account *a, const cJSON *record, struct error *e)
{
	int kind = 0, state = 0;
	int64_t priority = 0;

	if (!cJSON_IsObject(record))
		return error_set(e, ERR_REQUEST, "not an object");
	if (record_check_version(record, RECORD_VERSION, e) ||
	    json_int(record, "rev", NULL, 0, INT64_MAX, &a->rev, e) < 0 ||
	    read_name(record, "auth", account_kind_names, ACCOUNT_KINDS, &kind, e) ||
	    read_name(record, "state", account_state_names, ACCOUNT_STATES, &state, e) ||
	    json_int(record, "priority", NULL, INT32_MIN, INT32_MAX, &priority, e) < 0)
		return -1;
	a->kind = (enum account_kind)kind;
	a->state = (enum account_state)state;
	a->priority = (int)priority;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (read_member(a, record, &members[i], e) < 0)
			return -1;
	}
	if (!a->id)
		return error_set(e, ERR_REQUEST, "id: Field required");
	account_set_profile(a, a->profile_arn);
	return check_needed(a, e);
}

int account_read(struct account *a, const cJSON *record, struct error *e)
{
	struct error why = { .kind = ERR_NONE };

	if (read_all(a, record, &why))
		return error_set(e, ERR_STORE, "account record %s: %s",
				 json_text_or(record, "id", "(no id)"), why.message);
	return 0;
}

void account_write(const struct account *a, struct buf *record)
{
	struct jsonw w;

	jsonw_init(&w, record);
	jsonw_begin_object(&w);
	jsonw_int_member(&w, "v", RECORD_VERSION);
	jsonw_int_member(&w, "rev", a->rev + 1);
	jsonw_text_member(&w, "auth", account_kind_names[a->kind]);
	jsonw_text_member(&w, "state", account_state_names[a->state]);
	jsonw_int_member(&w, "priority", a->priority);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const struct member *m = &members[i];

		if (m->type == NUMBER && *number_at(a, m))
			jsonw_int_member(&w, m->name, *number_at(a, m));
		else if (m->type == TEXT && *text_at(a, m))
			jsonw_text_member(&w, m->name, *text_at(a, m));
		else if (m->type == SECRET && secret_present(secret_at(a, m)))
			jsonw_text_member(&w, m->name, secret_reveal(secret_at(a, m)));
	}
	jsonw_end(&w);
}

const char *account_bearer(const struct account *a)
{
	return secret_reveal(a->kind == KIND_API_KEY ? &a->api_key : &a->access_token);
}

void account_scrub(const struct account *a, char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (members[i].type == SECRET)
			secret_scrub(text, secret_at(a, &members[i]));
	}
}

bool account_expires_within(const struct account *a, int64_t now, int64_t ahead)
{
	if (a->kind == KIND_API_KEY)
		return false;
	return !secret_present(&a->access_token) || a->expires_at <= now + ahead;
}

bool account_usable(const struct account *a, int64_t now)
{
	if (a->state == STATE_EXHAUSTED || a->state == STATE_SUSPENDED || a->state == STATE_REFUSED)
		return a->state_until <= now || a->state_until - now > ACCOUNT_LONGEST_REST;
	return a->state == STATE_ACTIVE;
}

int account_compare_age(const struct account *a, const struct account *b)
{
	if (a->added_at != b->added_at)
		return a->added_at < b->added_at ? -1 : 1;
	if (a->added_place != b->added_place)
		return a->added_place < b->added_place ? -1 : 1;
	return strcmp(a->id, b->id);
}

void account_set_state(struct account *a, enum account_state state, const char *reason, int64_t now,
		       int64_t until)
{
	a->state = state;
	set_text(&a->state_reason, state == STATE_ACTIVE ? NULL : reason);
	a->state_since = now;
	a->state_until = until;
	a->state_tries = 0;
}
