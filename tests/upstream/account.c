#include "base.h"
#include "account.h"

struct token {
	char *text;
	struct account *account;
	bool refresh;	      /* else an access token or an API key */
	bool spent;	      /* rotated away, or revoked */
	int64_t expires_at_s; /* access tokens only */
	unsigned calls, stale, in_flight, overlap;
	struct token *next;
};

struct account {
	char name[LIMIT_NAME + 1];
	enum account_kind kind;
	char *arn, *client_id, *client_secret, *script, *usage, *user;
	char *access, *refresh; /* the newest */
	int64_t expires_in_s;
	struct account *next;
};

static const struct {
	const char *name, *arn;
	bool oidc, refreshable;
} kinds[KIND_COUNT] = {
	[KIND_SOCIAL] = { "social",
			  "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK",
			  false, true },
	[KIND_BUILDER_ID] = { "builder-id",
			      "arn:aws:codewhisperer:us-east-1:638616132270:profile/AAAACCCCXXXX",
			      true, true },
	[KIND_IDC] = { "idc", "arn:aws:codewhisperer:us-east-1:123456789012:profile/STANDINIDC01",
		       true, true },
	[KIND_EXTERNAL_IDP] = { "external_idp",
				"arn:aws:codewhisperer:us-east-1:123456789012:profile/STANDINIDP01",
				false, true },
	[KIND_API_KEY] = { "api_key", NULL, false, false },
};

static const char *const spec_members[] = { "name",	    "kind",	  "accessToken",
					    "refreshToken", "profileArn", "clientId",
					    "clientSecret", "expiresIn",  "expired",
					    "revoked",	    "script",	  "usage",
					    "user" };

static size_t bucket(const char *text)
{
	uint32_t hash = 2166136261u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash % TOKEN_BUCKETS;
}

static struct token *find_token(struct accounts *a, const char *text)
{
	struct token *t = a->buckets[bucket(text)];

	while (t && strcmp(t->text, text))
		t = t->next;
	return t;
}

static struct account *find_account(struct accounts *a, const char *name)
{
	struct account *account = a->list;

	while (account && strcmp(account->name, name))
		account = account->next;
	return account;
}

static struct token *add_token(struct accounts *a, struct account *account, const char *text,
			       bool refresh)
{
	struct token *t = find_token(a, text);

	if (!t) {
		t = xcalloc(1, sizeof(*t));
		t->text = xstrdup(text);
		t->next = a->buckets[bucket(text)];
		a->buckets[bucket(text)] = t;
	}
	t->account = account;
	t->refresh = refresh;
	t->spent = false;
	t->expires_at_s = clock_wall_s() + account->expires_in_s;
	if (account->kind == KIND_API_KEY)
		t->expires_at_s = INT64_MAX;
	free(refresh ? account->refresh : account->access);
	*(refresh ? &account->refresh : &account->access) = xstrdup(text);
	return t;
}

/* Shaped like the real ones: AWS's start with aoa and aor; refresh tokens are long. */
static void issue(struct accounts *a, struct account *account, bool refresh)
{
	char hex[129], text[160];
	const char *start = refresh ? "aor" : account->kind == KIND_API_KEY ? "ksk_" : "aoa";

	random_hex(hex, refresh ? 64 : 32);
	snprintf(text, sizeof(text), "%sStandin%s", start, hex);
	add_token(a, account, text, refresh);
}

void accounts_init(struct accounts *a)
{
	*a = (struct accounts){ 0 };
	pthread_mutex_init(&a->lock, NULL);
}

static void free_account(struct account *account)
{
	free(account->arn);
	free(account->client_id);
	free(account->client_secret);
	free(account->script);
	free(account->usage);
	free(account->user);
	free(account->access);
	free(account->refresh);
	free(account);
}

void accounts_reset(struct accounts *a)
{
	pthread_mutex_lock(&a->lock);
	for (struct account *at = a->list, *next; at; at = next) {
		next = at->next;
		free_account(at);
	}
	for (size_t i = 0; i < TOKEN_BUCKETS; i++) {
		for (struct token *t = a->buckets[i], *next; t; t = next) {
			next = t->next;
			free(t->text);
			free(t);
		}
		a->buckets[i] = NULL;
	}
	a->list = NULL;
	a->refreshes = a->refreshed = a->stale = a->unknown = 0;
	pthread_mutex_unlock(&a->lock);
}

void accounts_release(struct accounts *a)
{
	accounts_reset(a);
	pthread_mutex_destroy(&a->lock);
}

static const char *check_spec(const cJSON *spec)
{
	const char *name = json_str(spec, "name"), *kind = json_str(spec, "kind");
	const cJSON *member;
	size_t i;

	if (!name || !*name || strlen(name) > LIMIT_NAME)
		return "an account needs a name of 1 to 64 characters";
	cJSON_ArrayForEach (member, spec) {
		for (i = 0; i < ARRAY_SIZE(spec_members); i++) {
			if (!strcmp(spec_members[i], member->string))
				break;
		}
		if (i == ARRAY_SIZE(spec_members))
			return "unknown member in the account";
	}
	for (i = 0; kind && i < KIND_COUNT; i++) {
		if (!strcmp(kinds[i].name, kind))
			return NULL;
	}
	return kind ? "kind must be social, builder-id, idc, external_idp or api_key" : NULL;
}

static void set_string(char **to, const cJSON *spec, const char *member)
{
	const char *value = json_str(spec, member);

	if (!value)
		return;
	free(*to);
	*to = xstrdup(value);
}

static struct account *create(struct accounts *a, const cJSON *spec)
{
	struct account *account = xcalloc(1, sizeof(*account));
	const char *name = json_str(spec, "name"), *kind = json_str(spec, "kind");

	memcpy(account->name, name, strlen(name) + 1);
	while (kind && strcmp(kinds[account->kind].name, kind))
		account->kind++;
	account->arn = xstrdup(kinds[account->kind].arn);
	account->expires_in_s = 3600;
	if (kinds[account->kind].oidc) {
		account->client_id = xformat("client-%s", name);
		account->client_secret = xformat("secret-%s", name);
	}
	account->next = a->list;
	a->list = account;
	return account;
}

/* Applied after the tokens were added, so that a spec can add one that is already expired. */
static void end_tokens(struct accounts *a, struct account *account, bool expired, bool revoked)
{
	for (size_t i = 0; i < TOKEN_BUCKETS; i++) {
		for (struct token *t = a->buckets[i]; t; t = t->next) {
			if (t->account != account)
				continue;
			if (revoked)
				t->spent = true;
			if (expired && !t->refresh)
				t->expires_at_s = clock_wall_s() - 1;
		}
	}
}

static cJSON *describe(const struct account *account)
{
	cJSON *out = cJSON_CreateObject();

	cJSON_AddStringToObject(out, "name", account->name);
	cJSON_AddStringToObject(out, "kind", kinds[account->kind].name);
	cJSON_AddStringToObject(out, "accessToken", account->access);
	if (account->refresh)
		cJSON_AddStringToObject(out, "refreshToken", account->refresh);
	if (account->arn)
		cJSON_AddStringToObject(out, "profileArn", account->arn);
	if (account->client_id) {
		cJSON_AddStringToObject(out, "clientId", account->client_id);
		cJSON_AddStringToObject(out, "clientSecret", account->client_secret);
	}
	cJSON_AddNumberToObject(out, "expiresIn", (double)account->expires_in_s);
	return out;
}

int accounts_put(struct accounts *a, const cJSON *spec, cJSON **out, const char **why)
{
	struct account *account;
	const cJSON *usage = json_object(spec, "usage");
	const char *access = json_str(spec, "accessToken");
	const char *refresh = json_str(spec, "refreshToken");

	*why = check_spec(spec);
	if (*why)
		return -1;
	pthread_mutex_lock(&a->lock);
	account = find_account(a, json_str(spec, "name"));
	if (!account)
		account = create(a, spec);
	set_string(&account->arn, spec, "profileArn");
	set_string(&account->client_id, spec, "clientId");
	set_string(&account->client_secret, spec, "clientSecret");
	set_string(&account->script, spec, "script");
	set_string(&account->user, spec, "user");
	account->expires_in_s = (int64_t)json_num(spec, "expiresIn", (double)account->expires_in_s);
	if (usage) {
		free(account->usage);
		account->usage = json_text(usage);
	}
	if (access)
		add_token(a, account, access, false);
	else if (!account->access)
		issue(a, account, false);
	if (refresh)
		add_token(a, account, refresh, true);
	else if (!account->refresh && kinds[account->kind].refreshable)
		issue(a, account, true);
	end_tokens(a, account, json_bool(spec, "expired", false),
		   json_bool(spec, "revoked", false));
	*out = describe(account);
	pthread_mutex_unlock(&a->lock);
	return 0;
}

cJSON *accounts_list(struct accounts *a)
{
	cJSON *list = cJSON_CreateArray();

	pthread_mutex_lock(&a->lock);
	for (const struct account *at = a->list; at; at = at->next)
		cJSON_AddItemToArray(list, describe(at));
	pthread_mutex_unlock(&a->lock);
	return list;
}

enum bearer_state accounts_identify(struct accounts *a, const char *bearer, struct identity *out)
{
	enum bearer_state state = BEARER_UNKNOWN;
	const struct token *t;

	*out = (struct identity){ 0 };
	pthread_mutex_lock(&a->lock);
	t = find_token(a, bearer);
	if (t && !t->refresh) {
		const struct account *account = t->account;

		state = t->spent			    ? BEARER_UNKNOWN
			: t->expires_at_s <= clock_wall_s() ? BEARER_EXPIRED
							    : BEARER_OK;
		memcpy(out->name, account->name, sizeof(out->name));
		out->kind = account->kind;
		out->usage = xstrdup(account->usage);
		snprintf(out->arn, sizeof(out->arn), "%s", account->arn ? account->arn : "");
		snprintf(out->user, sizeof(out->user), "%s", account->user ? account->user : "");
		snprintf(out->script, sizeof(out->script), "%s",
			 account->script ? account->script : "");
	}
	pthread_mutex_unlock(&a->lock);
	return state;
}

void identity_release(struct identity *id)
{
	free(id->usage);
	id->usage = NULL;
}

static bool same_client(const struct account *account, const char *id, const char *secret)
{
	return (!id || (account->client_id && !strcmp(account->client_id, id))) &&
	       (!secret || (account->client_secret && !strcmp(account->client_secret, secret)));
}

static void renew(struct accounts *a, struct token *t, bool rotate, struct grant *out)
{
	struct account *account = t->account;

	a->refreshed++;
	issue(a, account, false);
	if (rotate) {
		t->spent = true;
		issue(a, account, true);
	}
	memcpy(out->name, account->name, sizeof(out->name));
	snprintf(out->access, sizeof(out->access), "%s", account->access);
	snprintf(out->refresh, sizeof(out->refresh), "%s", account->refresh);
	snprintf(out->arn, sizeof(out->arn), "%s", account->arn ? account->arn : "");
	out->expires_in_s = account->expires_in_s;
	out->result = GRANT_OK;
}

void accounts_refresh_begin(struct accounts *a, const char *refresh, unsigned allowed,
			    const char *client_id, const char *client_secret, bool rotate,
			    bool count_only, struct grant *out)
{
	struct token *t;

	*out = (struct grant){ .result = GRANT_UNKNOWN };
	pthread_mutex_lock(&a->lock);
	a->refreshes++;
	t = find_token(a, refresh);
	if (!t || !t->refresh || !(allowed & 1u << t->account->kind)) {
		a->unknown++;
	} else {
		t->calls++;
		if (++t->in_flight > t->overlap)
			t->overlap = t->in_flight;
		if (t->spent) {
			out->result = GRANT_SPENT;
			t->stale++;
			a->stale++;
		} else if (!same_client(t->account, client_id, client_secret)) {
			out->result = GRANT_WRONG_CLIENT;
		} else if (!count_only) {
			renew(a, t, rotate, out);
		}
	}
	pthread_mutex_unlock(&a->lock);
}

void accounts_owner(struct accounts *a, const char *refresh, char name[LIMIT_NAME + 1])
{
	const struct token *t;

	pthread_mutex_lock(&a->lock);
	t = find_token(a, refresh);
	snprintf(name, LIMIT_NAME + 1, "%s", t ? t->account->name : "");
	pthread_mutex_unlock(&a->lock);
}

void accounts_refresh_end(struct accounts *a, const char *refresh)
{
	struct token *t;

	pthread_mutex_lock(&a->lock);
	t = find_token(a, refresh);
	if (t && t->in_flight)
		t->in_flight--;
	pthread_mutex_unlock(&a->lock);
}

cJSON *accounts_stats(struct accounts *a)
{
	cJSON *out = cJSON_CreateObject(), *tokens;
	unsigned overlap = 0;

	pthread_mutex_lock(&a->lock);
	tokens = cJSON_CreateArray();
	for (size_t i = 0; i < TOKEN_BUCKETS; i++) {
		for (const struct token *t = a->buckets[i]; t; t = t->next) {
			cJSON *row;

			if (!t->refresh || !t->calls)
				continue;
			row = cJSON_CreateObject();
			cJSON_AddStringToObject(row, "account", t->account->name);
			cJSON_AddStringToObject(row, "token", t->text);
			cJSON_AddNumberToObject(row, "calls", t->calls);
			cJSON_AddNumberToObject(row, "stale", t->stale);
			cJSON_AddNumberToObject(row, "max_overlap", t->overlap);
			cJSON_AddItemToArray(tokens, row);
			if (t->overlap > overlap)
				overlap = t->overlap;
		}
	}
	cJSON_AddNumberToObject(out, "calls", a->refreshes);
	cJSON_AddNumberToObject(out, "ok", a->refreshed);
	cJSON_AddNumberToObject(out, "stale", a->stale);
	cJSON_AddNumberToObject(out, "unknown", a->unknown);
	cJSON_AddNumberToObject(out, "max_overlap", overlap);
	pthread_mutex_unlock(&a->lock);
	cJSON_AddItemToObject(out, "tokens", tokens);
	return out;
}

void accounts_clear_stats(struct accounts *a)
{
	pthread_mutex_lock(&a->lock);
	a->refreshes = a->refreshed = a->stale = a->unknown = 0;
	for (size_t i = 0; i < TOKEN_BUCKETS; i++) {
		for (struct token *t = a->buckets[i]; t; t = t->next) {
			t->calls = t->stale = 0;
			t->overlap = t->in_flight;
		}
	}
	pthread_mutex_unlock(&a->lock);
}
