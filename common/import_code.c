#include "common/base.h"
#include "common/import_code.h"

#include "common/clock.h"
#include "common/import_entry.h"
#include "common/json.h"
#include "common/keys.h"
#include "common/utf8.h"

bool import_code_is(const cJSON *tree)
{
	return json_member(tree, "code") && cJSON_IsBool(json_member(tree, "active"));
}

static int refuse(struct import_entry *entry, const char *reason)
{
	snprintf(entry->refused, sizeof(entry->refused), "%s", reason);
	return -1;
}

static const char *member_name(const cJSON *tree)
{
	return import_code_is(tree) ? "code" : "activation_code";
}

/* In the entry, or the name of the member that it is. */
static const char *find_text(const cJSON *tree)
{
	const char *text = json_text_or(tree, member_name(tree), NULL);

	if (!text && !import_code_is(tree) && tree->string && code_is_text(tree->string))
		text = tree->string;
	return text;
}

/* A number has lost its leading zeros. */
static bool is_no_text(const cJSON *tree)
{
	const cJSON *code = json_member(tree, member_name(tree));

	return code && !cJSON_IsString(code);
}

bool import_code_has(const cJSON *tree)
{
	return is_no_text(tree) || find_text(tree) != NULL;
}

static int take_text(struct import_entry *entry, const char *text)
{
	char whole[KEY_TEXT_SIZE], spelled[KEY_TEXT_SIZE];
	size_t len = strlen(text);
	const char *prefix = code_is_text(text) ? "" : CODE_PREFIX;

	if (!len || len + strlen(CODE_PREFIX) >= sizeof(whole))
		return refuse(entry, "its activation code is empty, or too long for a header");
	for (const char *at = text; *at; at++) {
		if (*at <= ' ' || *at > '~')
			return refuse(entry,
				      "its activation code holds blanks or characters that no "
				      "header has");
	}
	snprintf(whole, sizeof(whole), "%s%s", prefix, text);
	code_spell(whole, spelled);
	secret_set(&entry->code.text, spelled);
	explicit_bzero(whole, sizeof(whole));
	explicit_bzero(spelled, sizeof(spelled));
	return 0;
}

static const char *first_text(const cJSON *tree, const char *one, const char *other)
{
	return json_text_or(tree, one, json_text_or(tree, other, ""));
}

static void take_name(struct key *key, const cJSON *tree)
{
	struct span name = span_of(first_text(tree, "user_name", "userName"));

	name.len = name.len < KEY_NAME_SIZE - 8 ? name.len : KEY_NAME_SIZE - 8;
	name.len = utf8_valid_prefix(name);
	snprintf(key->name, sizeof(key->name), "%.*s", (int)name.len, name.at);
	for (char *at = key->name; *at; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7F)
			*at = ' ';
	}
}

static int take_days(struct import_entry *entry, const cJSON *tree)
{
	const char *date = first_text(tree, "expiresDate", "expires_date");
	const char *activated = json_text_or(tree, "activatedAt", "");
	double days = json_number_or(tree, "tunnelDays", 0);
	struct key *key = &entry->code.key;

	if (*activated && clock_parse(activated, &key->code.first_used_at))
		return refuse(entry, "activatedAt: is no date (RFC 3339)");
	if (*date)
		return clock_parse_day_end(date, &key->expires_at)
			       ? refuse(entry, "expiresDate: is no date as 2026-12-31")
			       : 0;
	if (!import_code_is(tree))
		return 0;
	if (days >= 1 && days <= CODE_DAYS_MAX)
		code_set_days(key, (int64_t)days);
	else
		key->expires_at = key->code.first_used_at ? key->code.first_used_at : clock_wall();
	return 0;
}

static int take_machine(struct import_entry *entry, const cJSON *tree)
{
	const char *id = json_text_or(tree, "machineId", "");

	if (*id && !code_machine_good(id))
		return refuse(entry, "machineId: is nothing that a header can hold");
	if (import_code_is(tree))
		code_bind(&entry->code.key.code, *id ? id : NULL);
	return 0;
}

void import_code_read(struct import_entry *entry, const cJSON *tree)
{
	const char *text = find_text(tree);

	if (is_no_text(tree)) {
		snprintf(entry->refused, sizeof(entry->refused), "%s: must be a text, in quotes",
			 member_name(tree));
		return;
	}
	if (!text)
		return;
	entry->code.alone = !import_entry_has_credential(tree);
	entry->code.key =
		(struct key){ .role = KEY_USER, .pool = POOL_OWN, .code = { .is = true } };
	take_name(&entry->code.key, tree);
	if (take_text(entry, text) || take_days(entry, tree))
		return;
	take_machine(entry, tree);
}

void import_code_release(struct import_code *code)
{
	secret_release(&code->text);
}
