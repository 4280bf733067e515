#include "common/base.h"
#include "common/roster.h"

#include "common/account_store.h"
#include "common/catalogue.h"
#include "common/clock.h"
#include "common/hex.h"
#include "common/ids.h"
#include "common/limits.h"
#include "common/live.h"
#include "common/merge.h"
#include "common/usage.h"

#define ID_PREFIX     "acc_"
#define ID_CHARACTERS 12

void roster_init(struct roster *r)
{
	*r = (struct roster){ NULL, 0 };
}

void roster_release(struct roster *r)
{
	for (size_t i = 0; i < r->count; i++)
		account_release(&r->accounts[i]);
	free(r->accounts);
	roster_init(r);
}

struct loading {
	struct roster *roster;
	struct error *error; /* the first record that cannot be read */
};

static int load_record(void *context, const char *key, struct span json)
{
	struct loading *l = context;
	struct roster *r = l->roster;
	struct error why = { 0 };
	struct account a;

	account_init(&a);
	if (account_parse(&a, json, &why)) {
		error_set(l->error, ERR_STORE, "the record %s cannot be read: %s", key,
			  why.message);
		return 0;
	}
	if (!(r->count & (r->count - 1))) /* room is a power of two */
		r->accounts =
			xrealloc(r->accounts, (r->count ? 2 * r->count : 1) * sizeof(*r->accounts));
	r->accounts[r->count++] = a;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct account *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return account_compare_age(x, y);
}

int roster_load(struct roster *r, const struct store *tokens, struct error *e)
{
	struct loading l = { r, e };
	int rc = store_each(tokens, "a/", load_record, &l, NULL, e);

	if (r->count)
		qsort(r->accounts, r->count, sizeof(*r->accounts), compare);
	return rc || e->kind != ERR_NONE ? -1 : 0;
}

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool has_name(const struct account *a, const char *name)
{
	return (a->label && strcasecmp(a->label, name) == 0) ||
	       (a->email && strcasecmp(a->email, name) == 0);
}

static bool has_prefix(const struct account *a, const char *name)
{
	return begins(a->id, name) ||
	       (begins(a->id, ID_PREFIX) && *name && begins(a->id + strlen(ID_PREFIX), name));
}

/* Which of the accounts answer to the name in this way: the last one, and their number. */
static size_t count_matches(const struct roster *r, const char *name,
			    bool (*matches)(const struct account *, const char *),
			    struct account **last, char *list, size_t size)
{
	size_t count = 0;

	list[0] = '\0';
	for (size_t i = 0; i < r->count; i++) {
		size_t len = strlen(list);

		if (!matches(&r->accounts[i], name))
			continue;
		*last = &r->accounts[i];
		count++;
		snprintf(list + len, size - len, "%s%s", len ? ", " : "", r->accounts[i].id);
	}
	return count;
}

struct account *roster_find(const struct roster *r, const char *name, struct error *e)
{
	static bool (*const ways[])(const struct account *, const char *) = { has_name,
									      has_prefix };
	struct account *found = NULL;
	char list[160];

	for (size_t i = 0; i < r->count; i++) {
		if (strcmp(r->accounts[i].id, name) == 0)
			return &r->accounts[i];
	}
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		size_t count = count_matches(r, name, ways[i], &found, list, sizeof(list));

		if (count == 1)
			return found;
		if (count) {
			error_set(e, ERR_NOT_FOUND,
				  "several accounts are called %.80s: %s; give the id", name, list);
			return NULL;
		}
	}
	error_set(e, ERR_NOT_FOUND, "no account is called %.80s (see kiroctl account list)", name);
	return NULL;
}

int roster_ids(const struct roster *r, const char *names, char *out, size_t size, struct error *e)
{
	char *copy = xstrdup(names), *rest = NULL;
	int rc = 0;

	*out = '\0';
	for (char *name = strtok_r(copy, ",", &rest); name && !rc;
	     name = strtok_r(NULL, ",", &rest)) {
		size_t used = strlen(out), len;
		const struct account *a;

		name += strspn(name, " ");
		for (len = strlen(name); len && name[len - 1] == ' '; len--)
			name[len - 1] = '\0';
		if (!*name)
			continue;
		a = roster_find(r, name, e);
		if (!a)
			rc = -1;
		else if (used + strlen(a->id) + 2 > size)
			rc = error_set(e, ERR_REQUEST, "these are more accounts than a list holds");
		else
			snprintf(out + used, size - used, "%s%s", used ? "," : "", a->id);
	}
	free(copy);
	return rc;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcasecmp(a, b) == 0 : a == b;
}

/* No secret of whoever asks: both are this house's accounts, or are to be. A compare of constant
 * time made the plan of 10,000 accounts take 28 s of CPU; now 4. */
static bool same_secret(const struct secret *a, const struct secret *b)
{
	return secret_present(a) && strcmp(secret_reveal(a), secret_reveal(b)) == 0;
}

/* By the service's own id where both are known. Not by the profile: all of a company have the same
 * one. */
static bool same_person(const struct account *known, const struct account *a)
{
	if (a->kind != known->kind || !same_text(a->provider, known->provider))
		return false;
	if (a->user_id && known->user_id)
		return strcmp(a->user_id, known->user_id) == 0;
	return a->email && same_text(a->email, known->email);
}

enum roster_match roster_compare(const struct account *known, const struct account *a)
{
	if (same_secret(&a->refresh_token, &known->refresh_token) ||
	    same_secret(&a->api_key, &known->api_key))
		return ROSTER_SAME;
	if (same_secret(&a->refresh_token, &known->previous_refresh_token))
		return ROSTER_OLDER;
	return same_person(known, a) ? ROSTER_PERSON : ROSTER_NEW;
}

/* A credential tells more than a name: the first of the strongest kind is it. */
enum roster_match roster_match(const struct roster *r, const struct account *a,
			       struct account **found)
{
	enum roster_match best = ROSTER_NEW;

	for (size_t i = 0; i < r->count && best != ROSTER_SAME; i++) {
		enum roster_match match = roster_compare(&r->accounts[i], a);

		if (match == ROSTER_NEW || (best != ROSTER_NEW && match >= best))
			continue;
		best = match;
		*found = &r->accounts[i];
	}
	return best;
}

char *roster_machine_id(void)
{
	unsigned char bytes[32];
	char *hex = xmalloc(2 * sizeof(bytes) + 1);

	ids_random(bytes, sizeof(bytes));
	hex_write(bytes, sizeof(bytes), hex);
	return hex;
}

void roster_enroll(struct account *a, int64_t now)
{
	if (!a->id) {
		a->id = xmalloc(sizeof(ID_PREFIX) + ID_CHARACTERS);
		ids_make(a->id, sizeof(ID_PREFIX) + ID_CHARACTERS, ID_PREFIX, ID_CHARACTERS);
	}
	if (!a->label && a->email)
		a->label = xstrdup(a->email);
	if (!a->label) {
		const char *what = a->provider ? a->provider : account_kind_names[a->kind];
		size_t size = strlen(what) + 6;

		a->label = xmalloc(size);
		snprintf(a->label, size, "%s-%.4s", what, a->id + strlen(ID_PREFIX));
	}
	if (!a->machine_id)
		a->machine_id = roster_machine_id();
	if (!a->added_at)
		a->added_at = now;
}

static int count_one(void *context, const char *key, struct span json)
{
	(void)key, (void)json;
	++*(size_t *)context;
	return 0;
}

static int check_room(const struct store *tokens, size_t more, struct error *e)
{
	struct error ignored = { .kind = ERR_NONE }; /* a damaged one is no reason here */
	size_t count = 0;

	store_each(tokens, "a/", count_one, &count, NULL, &ignored);
	if (count + more <= LIMIT_ACCOUNTS)
		return 0;
	return error_set(e, ERR_REQUEST,
			 "there are %zu accounts, and no more than %d are kept, so that %zu cannot "
			 "be added: remove some with kiroctl account remove",
			 count, LIMIT_ACCOUNTS, more);
}

struct holding {
	const char *text;
	const struct account *account;
};

static int compare_holdings(const void *a, const void *b)
{
	return strcmp(((const struct holding *)a)->text, ((const struct holding *)b)->text);
}

/* In order: thousands are asked for while nobody else can write. The caller frees it. */
static struct holding *list_holdings(const struct roster *r, size_t *count)
{
	struct holding *list = xcalloc(3 * r->count + 1, sizeof(*list));

	*count = 0;
	for (size_t i = 0; i < r->count; i++) {
		const struct account *a = &r->accounts[i];
		const struct secret *const held[] = { &a->refresh_token, &a->previous_refresh_token,
						      &a->api_key };

		for (size_t n = 0; n < ARRAY_SIZE(held); n++) {
			if (secret_present(held[n]))
				list[(*count)++] = (struct holding){ secret_reveal(held[n]), a };
		}
	}
	qsort(list, *count, sizeof(*list), compare_holdings);
	return list;
}

/* What came since the caller looked. Two accounts of one login would use up each other's tokens. */
static int check_new(const struct holding *list, size_t count, const struct account *a,
		     struct error *e)
{
	const struct holding own[] = { { secret_reveal(&a->refresh_token), a },
				       { secret_reveal(&a->api_key), a } };

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		const struct holding *there =
			bsearch(&own[i], list, count, sizeof(*list), compare_holdings);

		if (there)
			return error_set(
				e, ERR_REQUEST,
				"the account %.80s (%s) with the same credential was added "
				"a moment ago: nothing is stored, look again",
				there->account->label ? there->account->label : "",
				there->account->id);
	}
	return 0;
}

static int put(struct step *step, const struct account *a, struct error *e)
{
	char key[STORE_KEY_SIZE];
	struct buf json;
	int rc;

	account_key(a->id, key);
	buf_init(&json, LIMIT_RECORD);
	account_write(a, &json);
	rc = json.failed ? error_set(e, ERR_REQUEST,
				     "account %s: its credentials are larger than %zu bytes", a->id,
				     LIMIT_RECORD)
			 : step_put(step, key, buf_span(&json), e);
	buf_wipe(&json);
	return rc;
}

/* rc: of account_change(). */
static int changed(int rc, const char *id, struct error *e)
{
	if (rc == ACCOUNT_GONE)
		return error_set(e, ERR_NOT_FOUND, "account %s was removed meanwhile", id);
	return rc < 0 ? -1 : 0;
}

struct taking {
	const struct store *tokens;
	const struct roster_item *items;
	size_t count;
};

static int take(struct step *step, const struct roster_item *item, struct error *e)
{
	const char *id;

	if (!item->known)
		return put(step, item->account, e);
	id = item->known->id;
	return changed(account_step(step, id, merge_account, item->account, item->known, e), id, e);
}

/* Under the store's lock. */
static int check_all(const struct taking *t, struct error *e)
{
	struct error ignored = { .kind = ERR_NONE }; /* likewise */
	struct holding *list;
	struct roster now;
	size_t more = 0, count;
	int rc;

	for (size_t i = 0; i < t->count; i++)
		more += !t->items[i].known;
	if (!more)
		return 0;
	roster_init(&now);
	rc = check_room(t->tokens, more, e);
	if (!rc)
		roster_load(&now, t->tokens, &ignored);
	list = list_holdings(&now, &count);
	for (size_t i = 0; i < t->count && !rc; i++) {
		if (!t->items[i].known)
			rc = check_new(list, count, t->items[i].account, e);
	}
	free(list);
	roster_release(&now);
	return rc;
}

static int take_all(void *context, struct step *step, struct error *e)
{
	const struct taking *t = context;
	int rc = check_all(t, e);

	for (size_t i = 0; i < t->count && !rc; i++)
		rc = take(step, &t->items[i], e);
	return rc;
}

int roster_take(const struct store *tokens, const struct roster_item *items, size_t count,
		struct error *e)
{
	struct taking t = { tokens, items, count };

	return store_step(tokens, take_all, &t, e);
}

int roster_put(const struct store *tokens, struct account *a, struct error *e)
{
	return roster_take(tokens, &(struct roster_item){ .account = a }, 1, e);
}

int roster_change(const struct store *tokens, struct account *a,
		  bool (*edit)(struct account *stored, void *context), void *context,
		  struct error *e)
{
	return changed(account_change(tokens, a->id, edit, context, a, e), a->id, e);
}

static bool enable(struct account *stored, void *context)
{
	(void)context;
	account_set_state(stored, STATE_ACTIVE, NULL, clock_wall(), 0);
	return true;
}

static bool disable(struct account *stored, void *context)
{
	(void)context;
	account_set_state(stored, STATE_DISABLED, "by hand", clock_wall(), 0);
	return true;
}

int roster_enable(const struct store *tokens, struct account *a, struct error *e)
{
	struct live *live;

	if (roster_change(tokens, a, enable, NULL, e))
		return -1;
	live = live_new(tokens->dir);
	live_wake(live, live_key(a->id));
	live_free(live);
	return 0;
}

int roster_disable(const struct store *tokens, struct account *a, struct error *e)
{
	return roster_change(tokens, a, disable, NULL, e);
}

static bool give(struct account *stored, void *context)
{
	free(stored->owner);
	stored->owner = xstrdup(context);
	return true;
}

int roster_give(const struct store *tokens, struct account *a, const char *key_id, struct error *e)
{
	return roster_change(tokens, a, give, (void *)(uintptr_t)key_id, e);
}

/* For store_step(): the account, and what only it has. */
static int take_away(void *context, struct step *step, struct error *e)
{
	static const char *const prefixes[] = { CATALOGUE_PREFIX, USAGE_PREFIX, "a/" };
	char key[STORE_KEY_SIZE];
	struct buf json;
	int rc = 0;

	buf_init(&json, LIMIT_RECORD);
	for (size_t i = 0; i < ARRAY_SIZE(prefixes) && rc >= 0; i++) {
		snprintf(key, sizeof(key), "%s%s", prefixes[i], (const char *)context);
		rc = step_get(step, key, &json, e);
		if (rc > 0 && step_put(step, key, span_of(""), e))
			rc = -1;
	}
	buf_wipe(&json);
	return rc < 0 ? -1 : 0;
}

int roster_remove(const struct store *tokens, const char *id, struct error *e)
{
	return store_step(tokens, take_away, (void *)(uintptr_t)id, e);
}

struct orphans {
	const struct store *tokens;
	char (*keys)[STORE_KEY_SIZE];
	size_t count;
};

/* There is no account of that id; one that is damaged is there. */
static bool is_orphan(const struct store *tokens, const char *key)
{
	const char *id = strchr(key, '/');
	struct error unread = { .kind = ERR_NONE };
	char account[STORE_KEY_SIZE];
	struct buf json;
	int rc;

	account_key(id ? id + 1 : key, account);
	buf_init(&json, LIMIT_RECORD);
	rc = store_get(tokens, account, &json, &unread);
	buf_wipe(&json);
	return rc == 0;
}

static int collect_orphan(void *context, const char *key, struct span json)
{
	struct orphans *o = context;

	(void)json;
	if (!is_orphan(o->tokens, key))
		return 0;
	o->keys = xrealloc(o->keys, (o->count + 1) * sizeof(*o->keys));
	snprintf(o->keys[o->count++], STORE_KEY_SIZE, "%s", key);
	return 0;
}

int roster_prune(const struct store *tokens, struct error *e)
{
	struct orphans o = { .tokens = tokens };
	int rc = 0;

	if (store_each(tokens, USAGE_PREFIX, collect_orphan, &o, NULL, e) < 0 ||
	    store_each(tokens, CATALOGUE_PREFIX, collect_orphan, &o, NULL, e) < 0)
		rc = -1;
	for (size_t i = 0; !rc && i < o.count; i++)
		rc = store_remove(tokens, o.keys[i], e) < 0 ? -1 : 0;
	free(o.keys);
	return rc ? -1 : (int)o.count;
}
