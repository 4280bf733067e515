#include "common/base.h"
#include "common/import.h"

#include "common/json.h"
#include "common/limits.h"

/*
 * Where a document keeps its entries:
 *
 *   OBJECT    {entry}
 *   LIST      [entry, ...]
 *   ACCOUNTS  {..., "accounts": [entry, ...]}
 *   MAP       {"act-...": {"credentials": {...}}, ...}
 *
 * Activation codes stand in a MAP, or in a LIST of their own (import_code.h).
 *
 * The members of an entry stand in itself or in its "credentials"; what they mean is the same
 * everywhere and is told in import_entry.c.
 */
enum place { OBJECT = 1, LIST = 2, ACCOUNTS = 4, MAP = 8 };

struct format {
	const char *name;
	unsigned places;
	const char *root;     /* member that the document has; NULL: any */
	const char *entry[3]; /* members that its first entry has, all of them */
};

/* The first row that fits wins: the telling ones stand first. */
static const struct format formats[] = {
	{ "Kiro Account Manager export", ACCOUNTS, "exportedAt", { NULL } },
	{ "Kiro-Go config.json", ACCOUNTS, "requireApiKey", { NULL } },
	{ "Kiro-Go config.json", ACCOUNTS, "password", { NULL } },
	{ "kiro-accounts.json", ACCOUNTS, NULL, { "credentials" } },
	{ "list of accounts", ACCOUNTS, NULL, { NULL } },
	{ "codes.json", LIST, NULL, { "code", "active" } },
	{ "user_credentials.json", MAP, NULL, { NULL } },
	{ "Kiro Account Manager account", OBJECT | LIST, NULL, { "credentials" } },
	{ "kiro2api KIRO_AUTH_TOKEN", OBJECT | LIST, NULL, { "auth", "refreshToken" } },
	{ "AIClient-2-API oauth_creds", OBJECT | LIST, NULL, { "idcRegion" } },
	{ "Kiro IDE kiro-auth-token.json", OBJECT, NULL, { "clientIdHash" } },
	{ "kiro.rs credentials.json", OBJECT | LIST, NULL, { "kiroApiKey" } },
	{ "kiro.rs credentials.json", OBJECT | LIST, NULL, { "authRegion" } },
	{ "kiro.rs credentials.json", OBJECT | LIST, NULL, { "apiRegion" } },
	{ "kiro.rs credentials.json", OBJECT | LIST, NULL, { "priority" } },
	{ "Kiro Account Manager list", OBJECT | LIST, NULL, { "email", "refreshToken" } },
	{ "Kiro Account Manager list", OBJECT | LIST, NULL, { "label", "refreshToken" } },
	{ "Kiro Account Manager list", OBJECT | LIST, NULL, { "nickname", "refreshToken" } },
	{ "Kiro IDE kiro-auth-token.json", OBJECT, NULL, { "provider", "accessToken" } },
	{ "CLIProxyAPI export", OBJECT | LIST, NULL, { "auth_method" } },
	{ "kiro-cli token", OBJECT | LIST, NULL, { "refresh_token" } },
	{ "credentials", OBJECT | LIST, NULL, { NULL } },
};

/* A code may be there without credentials: who has it is served by the shared accounts. */
static bool is_map(const cJSON *root)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, root) {
		if (!cJSON_IsObject(item) ||
		    (!cJSON_IsObject(json_member(item, "credentials")) && !import_code_has(item)))
			return false;
	}
	return root->child != NULL;
}

/* Where the entries stand; *list is the tree whose children they are, NULL: the root is one. */
static enum place find_place(const cJSON *root, const cJSON **list)
{
	const cJSON *accounts = json_member(root, "accounts");

	*list = root;
	if (cJSON_IsArray(root))
		return LIST;
	if (cJSON_IsArray(accounts)) {
		*list = accounts;
		return ACCOUNTS;
	}
	if (is_map(root))
		return MAP;
	*list = NULL;
	return OBJECT;
}

static bool fits(const struct format *f, enum place place, const cJSON *root, const cJSON *entry)
{
	if (!(f->places & place) || (f->root && !json_member(root, f->root)))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(f->entry) && f->entry[i]; i++) {
		if (!json_member(entry, f->entry[i]))
			return false;
	}
	return true;
}

static bool is_entry(enum place place, const cJSON *tree)
{
	return import_entry_has_credential(tree) || import_code_is(tree) ||
	       (place == MAP && import_code_has(tree));
}

/* NULL: nothing in it looks like a credential. */
static const char *find_format(enum place place, const cJSON *root, const cJSON *list)
{
	const cJSON *entry = list ? list->child : root;

	while (entry && !is_entry(place, entry))
		entry = list ? entry->next : NULL;
	for (size_t i = 0; entry && i < ARRAY_SIZE(formats); i++) {
		if (fits(&formats[i], place, root, entry))
			return formats[i].name;
	}
	return NULL;
}

/* Programs that go on using a login where it lies; the others' files are exports. */
static bool is_shared(const char *format)
{
	return strncmp(format, "Kiro IDE ", 9) == 0 || strncmp(format, "kiro-cli ", 9) == 0;
}

void import_add(struct import *i, const char *source, const char *format, size_t index,
		const cJSON *tree)
{
	const struct import_rules rules = { .registration = i->registration,
					    .context = i->context };
	struct import_entry *entry;

	/* Room is a power of two: 10,000 entries of 3 KB are not copied for each new one. */
	if (!(i->count & (i->count - 1)))
		i->entries =
			xrealloc(i->entries, (i->count ? 2 * i->count : 1) * sizeof(*i->entries));
	entry = &i->entries[i->count++];
	*entry = (struct import_entry){
		.source = source, .format = format, .index = index, .shared = is_shared(format)
	};
	account_init(&entry->account);
	import_code_read(entry, tree);
	if (!entry->code.alone && !entry->refused[0])
		import_entry_read(&rules, entry, tree);
}

static int add_entries(struct import *i, const char *source, const cJSON *root, struct error *e)
{
	const cJSON *list, *entry;
	enum place place = find_place(root, &list);
	const char *format = find_format(place, root, list);
	size_t index = 0;

	if (!(list ? list : root)->child)
		return error_set(e, ERR_REQUEST, "%s: holds no accounts", source);
	if (!format)
		return error_set(e, ERR_REQUEST,
				 "%s: no refresh token or API key in it: not a credential file of "
				 "Kiro or of a gateway that we know",
				 source);
	if (!list) {
		import_add(i, source, format, 1, root);
		return 0;
	}
	cJSON_ArrayForEach (entry, list) {
		if (i->count >= LIMIT_ACCOUNTS)
			return error_set(e, ERR_REQUEST, "%s: more than %d accounts", source,
					 LIMIT_ACCOUNTS);
		import_add(i, source, format, ++index, entry);
	}
	return 0;
}

bool import_is_database(struct span beginning)
{
	static const char mark[] = "SQLite format 3";

	return beginning.len >= sizeof(mark) && memcmp(beginning.at, mark, sizeof(mark)) == 0;
}

int import_read(struct import *i, const char *source, struct span text, struct error *e)
{
	static const char mark[] = "\xEF\xBB\xBF"; /* Windows programs begin files so */
	struct error why = { 0 };
	cJSON *root;
	int rc;

	if (text.len >= 3 && memcmp(text.at, mark, 3) == 0)
		text = (struct span){ text.at + 3, text.len - 3 };
	if (import_is_database(text))
		return error_set(e, ERR_REQUEST,
				 "%s: is a database of kiro-cli: give its path, it cannot be read "
				 "from here",
				 source);
	root = json_parse(text, &why);
	if (!root)
		return error_set(e, ERR_REQUEST, "%s: %s", source, why.message);
	if (cJSON_IsArray(root) || cJSON_IsObject(root))
		rc = add_entries(i, source, root, e);
	else
		rc = error_set(e, ERR_REQUEST, "%s: must hold a JSON object or array", source);
	import_wipe(root);
	cJSON_Delete(root);
	return rc;
}

void import_release(struct import *i)
{
	for (size_t n = 0; n < i->count; n++) {
		account_release(&i->entries[n].account);
		import_code_release(&i->entries[n].code);
	}
	free(i->entries);
	i->entries = NULL;
	i->count = 0;
}

const char *import_name(const struct import_entry *entry, char *out, size_t size)
{
	const struct account *a = &entry->account;

	if (a->email || a->label)
		snprintf(out, size, "%s", a->email ? a->email : a->label);
	else if (*entry->code.key.name)
		snprintf(out, size, "%s", entry->code.key.name);
	else
		snprintf(out, size, "entry %zu", entry->index);
	return out;
}
