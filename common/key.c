#include "common/base.h"
#include "common/key.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/record.h"

#include <ctype.h>
#include <fnmatch.h>
#include <math.h>

const char *const key_role_names[KEY_ROLES] = { "user", "viewer", "operator", "admin" };
const char *const key_pool_names[KEY_POOLS] = { "shared", "own", "none" };
const char *const key_measure_names[KEY_MEASURES] = { "requests", "tokens", "credits" };
const char *const key_window_names[KEY_WINDOWS] = { "minute", "day", "month" };

#define MODEL_SIZE     256
#define RECORD_VERSION 1

int key_name_index(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return (int)i;
	}
	return -1;
}

/* ---- the record ---- */

/* A text of the record, "" when absent. What does not fit is no record of ours. */
static int read_text(const cJSON *from, const char *name, char *out, size_t size, struct error *e)
{
	const char *text = "";

	if (json_text(from, name, NULL, &text, e) < 0)
		return -1;
	if (strlen(text) >= size)
		return error_set(e, ERR_STORE, "%s: longer than %zu bytes", name, size - 1);
	snprintf(out, size, "%s", text);
	return 0;
}

static int read_word(const cJSON *from, const char *name, const char *const *words, size_t count,
		     int *out, struct error *e)
{
	const char *text = words[0];

	if (json_text(from, name, NULL, &text, e) < 0)
		return -1;
	*out = key_name_index(words, count, text);
	return *out < 0 ? error_set(e, ERR_STORE, "%s: unknown: %.40s", name, text) : 0;
}

static int read_number(const cJSON *from, const char *name, int64_t *out, struct error *e)
{
	return json_int(from, name, NULL, 0, INT64_MAX, out, e) < 0 ? -1 : 0;
}

static int read_limits(const cJSON *record, struct key *out, struct error *e)
{
	const cJSON *all = NULL, *one;

	if (json_object(record, "limits", NULL, &all, e) < 0)
		return -1;
	for (int m = 0; m < KEY_MEASURES; m++) {
		one = NULL;
		if (all && json_object(all, key_measure_names[m], NULL, &one, e) < 0)
			return -1;
		for (int w = 0; one && w < KEY_WINDOWS; w++) {
			if (read_number(one, key_window_names[w], &out->limits[m][w], e))
				return -1;
		}
	}
	return 0;
}

static int read_rights(const cJSON *record, struct key *out, struct error *e)
{
	int role = 0, pool = 0;

	if (read_word(record, "role", key_role_names, KEY_ROLES, &role, e) ||
	    read_word(record, "pool", key_pool_names, KEY_POOLS, &pool, e) ||
	    read_text(record, "models", out->models, sizeof(out->models), e) ||
	    read_text(record, "accounts", out->accounts, sizeof(out->accounts), e) ||
	    read_number(record, "max_streams", &out->max_streams, e) || read_limits(record, out, e))
		return -1;
	out->role = (enum key_role)role;
	out->pool = (enum key_pool)pool;
	return 0;
}

/* "machine" is there where it is bound to one; empty: to the first that is seen. */
static int read_code(const cJSON *record, struct code *out, struct error *e)
{
	if (json_bool(record, "code", NULL, &out->is, e) < 0)
		return -1;
	if (!out->is)
		return 0;
	out->one_machine = json_member(record, "machine") != NULL;
	return read_number(record, "days", &out->days, e) ||
			       read_number(record, "first_used_at", &out->first_used_at, e) ||
			       read_text(record, "machine", out->machine, sizeof(out->machine),
					 e) ||
			       read_text(record, "machine_hash", out->machine_hash,
					 sizeof(out->machine_hash), e)
		       ? -1
		       : 0;
}

/* Of it an id is made where the record has none. */
static int read_hash(const cJSON *record, struct key *out, struct error *e)
{
	if (read_text(record, "hash", out->hash, sizeof(out->hash), e))
		return -1;
	if (strspn(out->hash, "0123456789abcdef") != sizeof(out->hash) - 1)
		return error_set(e, ERR_STORE, "hash: no SHA-256 in hexadecimal digits");
	return 0;
}

int key_read(struct key *out, const cJSON *record, struct error *e)
{
	struct error why = { .kind = ERR_NONE };
	const char *needed;

	*out = (struct key){ .rev = 1 };
	if (record_check_version(record, RECORD_VERSION, &why) ||
	    json_need_text(record, "name", NULL, &needed, &why) ||
	    json_need_text(record, "hash", NULL, &needed, &why) ||
	    read_text(record, "id", out->id, sizeof(out->id), &why) ||
	    read_text(record, "name", out->name, sizeof(out->name), &why) ||
	    read_text(record, "prefix", out->prefix, sizeof(out->prefix), &why) ||
	    read_hash(record, out, &why) || read_number(record, "rev", &out->rev, &why) ||
	    read_number(record, "added_at", &out->added_at, &why) ||
	    read_number(record, "expires_at", &out->expires_at, &why) ||
	    read_number(record, "revoked_at", &out->revoked_at, &why) ||
	    read_number(record, "ends_at", &out->ends_at, &why) || read_rights(record, out, &why) ||
	    read_code(record, &out->code, &why))
		return error_set(e, ERR_STORE, "client key record: %s", why.message);
	if (!*out->id)
		snprintf(out->id, sizeof(out->id), "key_%.16s", out->hash);
	return 0;
}

static void write_limits(struct jsonw *w, const struct key *key)
{
	jsonw_begin_object_member(w, "limits");
	for (int m = 0; m < KEY_MEASURES; m++) {
		jsonw_begin_object_member(w, key_measure_names[m]);
		for (int i = 0; i < KEY_WINDOWS; i++) {
			if (key->limits[m][i])
				jsonw_int_member(w, key_window_names[i], key->limits[m][i]);
		}
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void write_number(struct jsonw *w, const char *name, int64_t value)
{
	if (value)
		jsonw_int_member(w, name, value);
}

static void write_text(struct jsonw *w, const char *name, const char *value)
{
	if (*value)
		jsonw_text_member(w, name, value);
}

static void write_code(struct jsonw *w, const struct code *code)
{
	if (!code->is)
		return;
	jsonw_bool_member(w, "code", true);
	write_number(w, "days", code->days);
	write_number(w, "first_used_at", code->first_used_at);
	if (code->one_machine)
		jsonw_text_member(w, "machine", code->machine);
	write_text(w, "machine_hash", code->machine_hash);
}

void key_write(const struct key *key, struct buf *record)
{
	struct jsonw w;

	buf_reset(record);
	jsonw_init(&w, record);
	jsonw_begin_object(&w);
	jsonw_int_member(&w, "v", RECORD_VERSION);
	jsonw_int_member(&w, "rev", key->rev + 1);
	jsonw_text_member(&w, "id", key->id);
	jsonw_text_member(&w, "name", key->name);
	jsonw_text_member(&w, "prefix", key->prefix);
	jsonw_text_member(&w, "hash", key->hash);
	jsonw_int_member(&w, "added_at", key->added_at);
	jsonw_text_member(&w, "role", key_role_names[key->role]);
	write_number(&w, "expires_at", key->expires_at);
	write_number(&w, "revoked_at", key->revoked_at);
	write_number(&w, "ends_at", key->ends_at);
	write_text(&w, "models", key->models);
	jsonw_text_member(&w, "pool", key_pool_names[key->pool]);
	write_text(&w, "accounts", key->accounts);
	write_number(&w, "max_streams", key->max_streams);
	write_limits(&w, key);
	write_code(&w, &key->code);
	jsonw_end(&w);
}

/* ---- what it may ---- */

const char *key_noun(const struct key *key)
{
	return key->code.is ? "activation code" : "API key";
}

const char *key_refusal(const struct key *key, int64_t now, char out[static LIMIT_ERROR_TEXT])
{
	const char *noun = key_noun(key);
	char date[CLOCK_TEXT_SIZE];

	if (key->revoked_at)
		snprintf(out, LIMIT_ERROR_TEXT, "this %s was revoked at %s", noun,
			 clock_format(key->revoked_at, date));
	else if (key->ends_at && key->ends_at <= now)
		snprintf(out, LIMIT_ERROR_TEXT,
			 "this %s was replaced by a new one, and ended at %s", noun,
			 clock_format(key->ends_at, date));
	else if (key->expires_at && key->expires_at <= now)
		snprintf(out, LIMIT_ERROR_TEXT, "this %s expired at %s", noun,
			 clock_format(key->expires_at, date));
	else
		return NULL;
	return out;
}

/* The next item of a comma separated list, without blanks around it; false: there is none. */
static bool next_item(const char **list, char *out, size_t size)
{
	const char *at = *list + strspn(*list, ", ");
	size_t len = strcspn(at, ","), used = len;

	if (!*at)
		return false;
	*list = at + len;
	while (used && at[used - 1] == ' ')
		used--;
	snprintf(out, size, "%.*s", (int)(used < size ? used : size - 1), at);
	return true;
}

/* claude-sonnet-4.5 and Claude-Sonnet-4-5 are the same. */
static void fold_name(char *name)
{
	for (; *name; name++)
		*name = *name == '.' ? '-' : (char)tolower((unsigned char)*name);
}

bool key_allows_model(const struct key *key, const char *model_id)
{
	char pattern[MODEL_SIZE], id[MODEL_SIZE];
	const char *list = key->models;

	if (!*list)
		return true;
	snprintf(id, sizeof(id), "%s", model_id);
	fold_name(id);
	while (next_item(&list, pattern, sizeof(pattern))) {
		fold_name(pattern);
		if (fnmatch(pattern, id, FNM_NOESCAPE) == 0)
			return true;
	}
	return false;
}

static bool lists_account(const struct key *key, const char *account_id)
{
	const char *list = key->accounts;
	char item[KEY_LIST_SIZE];

	while (next_item(&list, item, sizeof(item))) {
		if (strcmp(item, account_id) == 0)
			return true;
	}
	return !*key->accounts;
}

bool key_allows_account(const struct key *key, const char *account_id, const char *owner)
{
	bool owned = owner && *owner, own = owned && *key->id && strcmp(owner, key->id) == 0;

	if (key->pool == POOL_NONE || (owned && !own) || (!owned && key->pool == POOL_OWN))
		return false;
	return lists_account(key, account_id);
}

/* ---- limits in words ---- */

/* "2.5" credits are 2500000; other measures are whole. -1: no number, or out of range. */
static int parse_amount(const char *text, size_t len, enum key_measure measure, int64_t *out)
{
	char copy[32], *end;
	double value;

	if (!len || len >= sizeof(copy))
		return -1;
	snprintf(copy, sizeof(copy), "%.*s", (int)len, text);
	value = strtod(copy, &end);
	if (*end || !isdigit((unsigned char)copy[0]) || strchr(copy, 'x') || strchr(copy, 'X'))
		return -1;
	if (measure == MEASURE_CREDITS)
		value = floor(value * KEY_CREDIT + 0.5);
	if (!(value >= 1 && value <= (double)KEY_LIMIT_MAX) || value != floor(value))
		return -1;
	*out = (int64_t)value;
	return 0;
}

int key_limits_parse(const char *text, enum key_measure measure, int64_t out[static KEY_WINDOWS],
		     struct error *e)
{
	int64_t parsed[KEY_WINDOWS] = { 0 };
	char item[64];
	const char *list = strcmp(text, "none") == 0 ? "" : text;

	while (next_item(&list, item, sizeof(item))) {
		const char *slash = strchr(item, '/');
		int window = slash ? key_name_index(key_window_names, KEY_WINDOWS, slash + 1) : -1;

		if (window < 0 ||
		    parse_amount(item, (size_t)(slash - item), measure, &parsed[window]))
			return error_set(e, ERR_REQUEST,
					 "--%s: %.60s: a limit is a number above 0, \"/\", and "
					 "minute, day or month",
					 key_measure_names[measure], item);
	}
	memcpy(out, parsed, sizeof(parsed));
	return 0;
}

const char *key_limits_format(enum key_measure measure, const int64_t limits[static KEY_WINDOWS],
			      char out[static KEY_LIMIT_SIZE])
{
	size_t used = 0;

	out[0] = '\0';
	for (int w = 0; w < KEY_WINDOWS; w++) {
		double value = (double)limits[w] / (measure == MEASURE_CREDITS ? KEY_CREDIT : 1);

		if (limits[w])
			used += (size_t)snprintf(out + used, KEY_LIMIT_SIZE - used, "%s%.15g/%s",
						 used ? "," : "", value, key_window_names[w]);
	}
	return out;
}
