/*
 * What an import does with activation codes: the part of import_plan.h that works on keys.
 */
#include "common/base.h"
#include "common/import_plan.h"

#include "common/keys.h"

#define TWINS 99 /* users of one name */

static int PRINTF_LIKE(3, 4)
	decide(struct import_plan *p, enum import_verdict verdict, const char *format, ...)
{
	va_list args;

	p->code = verdict;
	va_start(args, format);
	vsnprintf(p->code_reason, sizeof(p->code_reason), format, args);
	va_end(args);
	return 0;
}

/* A code that came twice in what is imported: the first counts. */
static bool is_twin(const struct import *i, size_t at)
{
	const char *text = secret_reveal(&i->entries[at].code.text);

	for (size_t n = 0; n < at; n++) {
		const struct import_code *earlier = &i->entries[n].code;

		if (secret_present(&earlier->text) && !i->entries[n].refused[0] &&
		    secret_equal(secret_reveal(&earlier->text), text))
			return true;
	}
	return false;
}

/* 1: somebody has it. */
static int is_taken(const struct store *keys, const struct import *i, size_t at, const char *name,
		    struct error *e)
{
	struct key found;

	for (size_t n = 0; n < at; n++) {
		if (secret_present(&i->entries[n].code.text) &&
		    strcmp(i->entries[n].code.key.name, name) == 0)
			return 1;
	}
	return keys ? keys_named(keys, name, &found, e) : 0;
}

/* Its user's name, or one made of its hash; "ann (2)" where there is an ann. */
static int choose_name(const struct store *keys, const struct import *i, size_t at, struct error *e)
{
	struct key *key = &i->entries[at].code.key;
	char wanted[KEY_NAME_SIZE];
	int rc = 1;

	if (!*key->name)
		snprintf(key->name, sizeof(key->name), "code-%.6s", key->hash);
	snprintf(wanted, sizeof(wanted), "%s", key->name);
	for (int n = 2; n <= TWINS; n++) {
		rc = is_taken(keys, i, at, key->name, e);
		if (rc <= 0)
			return rc;
		snprintf(key->name, sizeof(key->name), "%.*s (%d)", KEY_NAME_SIZE - 8, wanted, n);
	}
	return error_set(e, ERR_REQUEST, "more than %d codes of %.60s", TWINS, wanted);
}

/* What the file knows and the stored code does not. */
static void complete(struct key *stored, const void *context)
{
	const struct key *from = context;

	if (!stored->code.one_machine && from->code.one_machine) {
		stored->code.one_machine = true;
		memcpy(stored->code.machine, from->code.machine, sizeof(stored->code.machine));
		memcpy(stored->code.machine_hash, from->code.machine_hash,
		       sizeof(stored->code.machine_hash));
	}
	if (stored->expires_at || stored->code.days)
		return;
	stored->code.days = from->code.days;
	stored->code.first_used_at = from->code.first_used_at;
	stored->expires_at = from->expires_at;
}

static int plan_stored(struct import_plan *p, struct import_code *code, const struct key *stored)
{
	struct key completed = *stored;

	snprintf(code->key.name, sizeof(code->key.name), "%s", stored->name);
	if (!stored->code.is)
		return decide(p, IMPORT_KEEP, "the code is a key already, %.60s", stored->name);
	complete(&completed, &code->key);
	if (memcmp(&completed.code, &stored->code, sizeof(completed.code)) == 0 &&
	    completed.expires_at == stored->expires_at)
		return decide(p, IMPORT_KEEP, "the code is there already, %.60s", stored->name);
	return decide(p, IMPORT_UPDATE, "the code of %.60s gets its days or machine", stored->name);
}

static int plan_new(struct import_plan *p, const struct import *i, size_t at,
		    const struct store *keys, struct error *e)
{
	struct import_code *code = &i->entries[at].code;
	const char *why = "", *weak;

	code->key.pool = i->share ? POOL_SHARED : POOL_OWN;
	if (choose_name(keys, i, at, e))
		return -1;
	if (code->alone && !i->share)
		why = ", serves nobody without an account of its own or the shared ones";
	if (!secret_is_strong(secret_reveal(&code->text), &weak))
		why = ", can be guessed: give its user another (code rotate)";
	return decide(p, IMPORT_ADD, "code %.60s%s", code->key.name, why);
}

static int plan_code(struct import_plan *p, struct import *i, size_t at, const struct store *keys,
		     struct error *e)
{
	struct import_entry *entry = &i->entries[at];
	struct key stored, *key = &entry->code.key;
	int known;

	secret_hash(secret_reveal(&entry->code.text), key->hash);
	snprintf(key->id, sizeof(key->id), "key_%.16s", key->hash);
	known = keys ? keys_find(keys, secret_reveal(&entry->code.text), &stored, e) : 0;
	if (known < 0)
		return -1;
	if (known)
		memcpy(key->id, stored.id, sizeof(key->id));
	if (!entry->code.alone) {
		free(entry->account.owner);
		entry->account.owner = xstrdup(key->id);
	}
	if (is_twin(i, at))
		return decide(p, IMPORT_KEEP, "the code came before");
	return known ? plan_stored(p, &entry->code, &stored) : plan_new(p, i, at, keys, e);
}

int import_plan_codes(struct import_plan *plans, struct import *i, const struct store *keys,
		      struct error *e)
{
	for (size_t n = 0; n < i->count; n++) {
		const struct import_entry *entry = &i->entries[n];

		plans[n].code = IMPORT_VERDICTS;
		if (entry->refused[0] || !secret_present(&entry->code.text))
			continue;
		if (plan_code(&plans[n], i, n, keys, e))
			return -1;
	}
	return 0;
}

static int add(const struct store *keys, const struct import_code *code, struct error *e)
{
	char text[KEY_TEXT_SIZE];
	int rc;

	snprintf(text, sizeof(text), "%s", secret_reveal(&code->text));
	rc = keys_add_known(keys, code->key.name, &code->key, text, e);
	explicit_bzero(text, sizeof(text));
	return rc;
}

int import_carry_out_code(const struct store *keys, const struct import_plan *p,
			  const struct import_entry *entry, struct error *e)
{
	const struct import_code *code = &entry->code;

	if (p->code == IMPORT_ADD)
		return add(keys, code, e);
	if (p->code == IMPORT_UPDATE)
		return keys_change(keys, code->key.name, complete, &code->key, e) < 0 ? -1 : 0;
	return 0;
}
