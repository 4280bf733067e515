#include "common/base.h"
#include "common/import_entry.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/utf8.h"

#include <ctype.h>

#define TOKEN_MAX	 KB(8) /* the longest seen are JWTs of 3 KB; a record holds LIMIT_RECORD */
#define TEXT_MAX	 KB(1) /* the scopes of an external identity provider */
#define LABEL_CHARACTERS 80
#define PRIORITY_MAX	 1000000

enum member_type {
	TEXT,  /* for people: another type counts as absent, control bytes become spaces */
	EXACT, /* part of a request: must be text */
	TOKEN, /* a struct secret */
};

struct member {
	enum member_type type;
	size_t at;
	const char *names[5];
};

#define AT(member) offsetof(struct account, member)

static const struct member members[] = {
	{ TEXT, AT(email), { "email" } },
	{ TEXT, AT(label), { "label", "nickname", "description", "user_name" } },
	{ TEXT, AT(user_id), { "userId", "user_id" } },
	{ TEXT, AT(provider), { "provider", "idp" } },
	{ EXACT, AT(start_url), { "startUrl", "start_url" } },
	{ EXACT, AT(client_id), { "clientId", "client_id" } },
	{ EXACT, AT(token_endpoint), { "tokenEndpoint", "token_endpoint" } },
	{ EXACT, AT(issuer_url), { "issuerUrl", "issuer_url" } },
	{ EXACT, AT(profile_arn), { "profileArn", "profile_arn" } },
	{ EXACT, AT(region), { "apiRegion", "api_region" } },
	{ EXACT, AT(auth_region), { "authRegion", "auth_region", "idcRegion", "idc_region" } },
	{ TOKEN, AT(access_token), { "accessToken", "access_token" } },
	{ TOKEN, AT(refresh_token), { "refreshToken", "refresh_token" } },
	{ TOKEN, AT(client_secret), { "clientSecret", "client_secret" } },
	/* Not "apiKey": in a gateway's own configuration that is what its clients send. */
	{ TOKEN, AT(api_key), { "kiroApiKey", "kiro_api_key" } },
};

static const struct method {
	const char *name;
	enum account_kind kind;
	const char *provider;
} methods[] = {
	{ "social", KIND_SOCIAL, NULL },
	{ "google", KIND_SOCIAL, "Google" },
	{ "github", KIND_SOCIAL, "Github" },
	{ "imported", KIND_SOCIAL, NULL },
	{ "desktop", KIND_SOCIAL, NULL },
	{ "idc", KIND_IDC, NULL },
	{ "id-c", KIND_IDC, NULL },
	{ "identity-center", KIND_IDC, NULL },
	{ "builder-id", KIND_IDC, "BuilderId" },
	{ "builderid", KIND_IDC, "BuilderId" },
	{ "iam", KIND_IDC, NULL },
	{ "enterprise", KIND_IDC, "Enterprise" },
	{ "external_idp", KIND_EXTERNAL_IDP, NULL },
	{ "external-idp", KIND_EXTERNAL_IDP, NULL },
	{ "externalidp", KIND_EXTERNAL_IDP, NULL },
	{ "api_key", KIND_API_KEY, NULL },
	{ "api-key", KIND_API_KEY, NULL },
	{ "apikey", KIND_API_KEY, NULL },
};

int import_method(const char *name, enum account_kind *kind, const char **provider)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (strcasecmp(methods[i].name, name) == 0) {
			*kind = methods[i].kind;
			*provider = methods[i].provider;
			return 0;
		}
	}
	return -1;
}

void import_wipe(cJSON *tree)
{
	for (; tree; tree = tree->next) {
		if (tree->valuestring)
			explicit_bzero(tree->valuestring, strlen(tree->valuestring));
		import_wipe(tree->child);
	}
}

static int refuse(struct import_entry *entry, const char *format, ...) PRINTF_LIKE(2, 3);

static int refuse(struct import_entry *entry, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(entry->refused, sizeof(entry->refused), format, args);
	va_end(args);
	return -1;
}

/* The first of these members that is there and not empty, in the entry or in its credentials. */
static const cJSON *find(const cJSON *tree, const char *const *names, size_t count,
			 const char **found)
{
	const cJSON *credentials = json_member(tree, "credentials");

	for (size_t i = 0; i < count && names[i]; i++) {
		const cJSON *item = json_member(tree, names[i]);

		if (!item)
			item = json_member(credentials, names[i]);
		if (item && !(cJSON_IsString(item) && !*item->valuestring)) {
			*found = names[i];
			return item;
		}
	}
	return NULL;
}

static const char *find_text(const cJSON *tree, const char *name)
{
	const char *found;
	const cJSON *item = find(tree, &name, 1, &found);

	return cJSON_IsString(item) ? item->valuestring : NULL;
}

bool import_entry_has_credential(const cJSON *tree)
{
	const char *name;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (members[i].type == TOKEN && members[i].at != AT(client_secret) &&
		    find(tree, members[i].names, ARRAY_SIZE(members[i].names), &name))
			return true;
	}
	return false;
}

static char *clean_text(const char *text)
{
	char *copy = xstrdup(text);

	for (char *c = copy; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7F)
			*c = ' ';
	}
	return copy;
}

/* A copy without the blanks around it; NULL when nothing is left. */
static char *trim(const char *text)
{
	size_t len;

	text += strspn(text, " \t\r\n");
	len = strlen(text);
	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	return len ? xstrndup(text, len) : NULL;
}

static void set_secret(struct secret *to, const char *text)
{
	char *copy = trim(text);

	secret_set(to, copy);
	secret_free(copy);
}

static int read_member(struct import_entry *entry, const struct member *m, const cJSON *tree)
{
	void *to = (char *)&entry->account + m->at;
	const char *name, *text;
	const cJSON *item = find(tree, m->names, ARRAY_SIZE(m->names), &name);

	if (!item || (m->type == TEXT && !cJSON_IsString(item)))
		return 0;
	if (!cJSON_IsString(item))
		return refuse(entry, "%s: must be text", name);
	text = item->valuestring;
	if (strlen(text) > (m->type == TOKEN ? TOKEN_MAX : TEXT_MAX))
		return refuse(entry, "%s: is too long", name);
	if (m->type == TOKEN)
		set_secret(to, text);
	else
		*(char **)to = m->type == TEXT ? clean_text(text) : trim(text);
	return 0;
}

static int read_members(struct import_entry *entry, const cJSON *tree)
{
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (read_member(entry, &members[i], tree))
			return -1;
	}
	return 0;
}

/* "a b c" or ["a", "b", "c"]. */
static int read_scopes(struct import_entry *entry, const cJSON *tree)
{
	static const char *const names[] = { "scopes", "scope" };
	const char *name;
	const cJSON *item = find(tree, names, ARRAY_SIZE(names), &name), *scope;
	struct buf text;

	if (!item)
		return 0;
	buf_init(&text, TEXT_MAX);
	if (cJSON_IsString(item))
		buf_add_text(&text, item->valuestring);
	cJSON_ArrayForEach (scope, item) {
		if (cJSON_IsString(scope))
			buf_add_format(&text, "%s%s", text.len ? " " : "", scope->valuestring);
	}
	if (!text.failed && text.len)
		entry->account.scopes = clean_text(text.at);
	buf_release(&text);
	return text.failed ? refuse(entry, "%s: is too long", name) : 0;
}

/* RFC 3339, epoch seconds or milliseconds, as text or number. */
static int read_date(struct import_entry *entry, const cJSON *tree, const char *const *names,
		     size_t count, int64_t *out)
{
	const char *name;
	const cJSON *item = find(tree, names, count, &name);
	char number[32] = "";

	if (!item || cJSON_IsBool(item))
		return 0;
	if (cJSON_IsNumber(item))
		snprintf(number, sizeof(number), "%.0f", item->valuedouble);
	if (clock_parse(cJSON_IsString(item) ? item->valuestring : number, out) ||
	    (!cJSON_IsString(item) && !cJSON_IsNumber(item)))
		return refuse(entry,
			      "%s: is neither a date (RFC 3339) nor seconds or milliseconds "
			      "since 1970",
			      name);
	return 0;
}

static int read_dates(struct import_entry *entry, const cJSON *tree)
{
	static const char *const token[] = { "expiresAt", "expires_at", "expired" };
	static const char *const client[] = { "clientSecretExpiresAt", "client_secret_expires_at" };

	return read_date(entry, tree, token, ARRAY_SIZE(token), &entry->account.expires_at) ||
	       read_date(entry, tree, client, ARRAY_SIZE(client),
			 &entry->account.client_expires_at);
}

static void read_numbers(struct account *a, const cJSON *tree)
{
	const char *machine = find_text(tree, "machineId");
	double priority = json_number_or(tree, "priority", 0);

	if (priority >= 0 && priority <= PRIORITY_MAX)
		a->priority = (int)priority;
	if (machine)
		a->machine_id = import_machine_id(machine);
	if (cJSON_IsTrue(json_member(tree, "disabled")) ||
	    cJSON_IsFalse(json_member(tree, "enabled")))
		account_set_state(a, STATE_DISABLED, "disabled where it was imported from",
				  clock_wall(), 0);
}

static void add_escaped(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (isalnum((unsigned char)*text) || strchr("-._~", *text))
			buf_add_char(out, *text);
		else
			buf_add_format(out, "%%%02X", (unsigned char)*text);
	}
}

/* kiro.rs keeps user and password beside the URL; ours stand in it. */
static int read_proxy(struct import_entry *entry, const cJSON *tree)
{
	static const char *const names[] = { "proxyUrl", "proxyURL", "proxy_url" };
	const char *name, *url, *user, *password, *host;
	const cJSON *item = find(tree, names, ARRAY_SIZE(names), &name);
	struct buf text;
	int rc = 0;

	if (!item)
		return 0;
	if (!cJSON_IsString(item))
		return refuse(entry, "%s: must be text", name);
	url = item->valuestring;
	user = find_text(tree, "proxyUsername");
	password = find_text(tree, "proxyPassword");
	host = strstr(url, "://");
	buf_init(&text, TEXT_MAX);
	if (user && host) {
		buf_add(&text, url, (size_t)(host + 3 - url));
		add_escaped(&text, user);
		if (password) {
			buf_add_char(&text, ':');
			add_escaped(&text, password);
		}
		buf_add_char(&text, '@');
		url = host + 3;
	}
	if (buf_add_text(&text, url))
		rc = refuse(entry, "%s: is too long", name);
	else
		entry->account.proxy_url = xstrdup(text.at);
	explicit_bzero(text.at, text.len);
	buf_release(&text);
	return rc;
}

static bool safe_file_name(const char *text)
{
	size_t len =
		strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_");

	return len && len <= 64 && !text[len];
}

/* Client id and secret of an IdC login from the file that its clientIdHash names. */
static int read_registration(const struct import_rules *rules, struct import_entry *entry,
			     const cJSON *tree)
{
	const char *hash = find_text(tree, "clientIdHash"), *id, *secret;
	struct error why = { 0 };
	struct buf text;
	cJSON *root = NULL;

	if (!hash || rules->to_send || secret_present(&entry->account.client_secret))
		return 0;
	if (!safe_file_name(hash))
		return refuse(entry, "clientIdHash: is not a file name that the Kiro IDE makes");
	buf_init(&text, LIMIT_SECRET_FILE);
	if (rules->registration && !rules->registration(rules->context, hash, &text))
		root = json_parse(buf_span(&text), &why);
	id = json_text_or(root, "clientId", NULL);
	secret = json_text_or(root, "clientSecret", NULL);
	if (id && secret) {
		free(entry->account.client_id);
		entry->account.client_id = trim(id);
		set_secret(&entry->account.client_secret, secret);
		if (clock_parse(json_text_or(root, "expiresAt", ""),
				&entry->account.client_expires_at))
			entry->account.client_expires_at = 0;
	}
	if (root)
		import_wipe(root);
	cJSON_Delete(root);
	explicit_bzero(text.at, text.len);
	buf_release(&text);
	if (!id || !secret)
		return refuse(entry,
			      "clientSecret: is in %s.json of the folder of this file: put "
			      "it beside it",
			      hash);
	return 0;
}

/* Google and GitHub are written in one way, whatever the source had. */
static void tidy_provider(struct account *a, const char *provider)
{
	static const char *const known[] = { "Google",	   "Github",   "BuilderId",
					     "Enterprise", "Internal", "ExternalIdp" };

	if (!a->provider && provider)
		a->provider = xstrdup(provider);
	if (!a->provider && a->start_url && strstr(a->start_url, "//view.awsapps.com/"))
		a->provider = xstrdup("BuilderId");
	for (size_t i = 0; a->provider && i < ARRAY_SIZE(known); i++) {
		if (strcasecmp(a->provider, known[i]) == 0)
			memcpy(a->provider, known[i], strlen(known[i]));
	}
}

/* What the source calls the method; where it does not, what its credentials tell. */
static int read_kind(struct import_entry *entry, const cJSON *tree)
{
	static const char *const names[] = { "authMethod", "auth_method", "auth" };
	struct account *a = &entry->account;
	const char *name, *provider = NULL;
	const cJSON *item = find(tree, names, ARRAY_SIZE(names), &name);

	if (item && !cJSON_IsString(item))
		return refuse(entry, "%s: must be text", name);
	if (item && import_method(item->valuestring, &a->kind, &provider))
		return refuse(entry, "%s: unknown method \"%.40s\"", name, item->valuestring);
	if (!item) {
		a->kind = secret_present(&a->api_key)			      ? KIND_API_KEY
			  : a->client_id && secret_present(&a->client_secret) ? KIND_IDC
			  : a->token_endpoint				      ? KIND_EXTERNAL_IDP
									      : KIND_SOCIAL;
	}
	tidy_provider(a, provider);
	return 0;
}

/* Some programs keep an API key where the access token belongs. */
static void move_api_key(struct account *a)
{
	static const char prefix[] = "ksk_";

	if (!secret_present(&a->api_key) && !secret_present(&a->refresh_token) &&
	    strncmp(secret_reveal(&a->access_token), prefix, strlen(prefix)) == 0)
		secret_set(&a->api_key, secret_reveal(&a->access_token));
	if (secret_present(&a->api_key) && !secret_present(&a->refresh_token))
		secret_set(&a->access_token, NULL);
}

/* "region" is the login's region in all sources, and not where the service is called: that is told
 * by the profile, or by "apiRegion". Where a login has no region of its own, or the source names
 * it apart, it can only be the other. */
static void read_region(struct account *a, const cJSON *tree)
{
	const char *region = find_text(tree, "region");
	bool for_login = (a->kind == KIND_SOCIAL || a->kind == KIND_IDC) &&
			 !find_text(tree, "idcRegion") && !find_text(tree, "idc_region");

	if (!region)
		return;
	if (for_login && !a->auth_region)
		a->auth_region = trim(region);
	else if (!for_login && !a->region && !a->profile_arn)
		a->region = trim(region);
}

/* What a person may have called it must fit a table. */
static void cut_label(struct account *a)
{
	if (a->label)
		a->label[utf8_prefix(span_of(a->label), LABEL_CHARACTERS)] = '\0';
}

void import_entry_read(const struct import_rules *rules, struct import_entry *entry,
		       const cJSON *tree)
{
	struct account *a = &entry->account;

	if (!cJSON_IsObject(tree)) {
		refuse(entry, "is not a JSON object");
		return;
	}
	if (read_members(entry, tree) || read_scopes(entry, tree) || read_dates(entry, tree) ||
	    read_proxy(entry, tree))
		return;
	move_api_key(a);
	if (read_registration(rules, entry, tree) || read_kind(entry, tree))
		return;
	read_region(a, tree);
	read_numbers(a, tree);
	cut_label(a);
	if (rules->to_send)
		import_check_to_send(a, entry->refused);
	else
		import_check(a, entry->refused);
}
