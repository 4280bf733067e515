/*
 * What an import does with activation codes: the part of import_plan.h that works on keys.
 */
#include "common/base.h"
#include "common/import_plan.h"

#include "common/key_names.h"
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
	const char *hash = i->entries[at].code.key.hash;

	for (size_t n = 0; n < at; n++) {
		if (strcmp(i->entries[n].code.key.hash, hash) == 0)
			return true;
	}
	return false;
}

/* Its user's name, or one made of its hash; "ann (2)" where there is an ann. */
static int choose_name(const struct key_names *taken, struct key *key, struct error *e)
{
	char wanted[KEY_NAME_SIZE];

	if (!*key->name)
		snprintf(key->name, sizeof(key->name), "code-%.6s", key->hash);
	snprintf(wanted, sizeof(wanted), "%s", key->name);
	for (int n = 2; n <= TWINS; n++) {
		if (!key_names_find(taken, key->name))
			return 0;
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
		    struct key_names *taken, struct error *e)
{
	struct import_code *code = &i->entries[at].code;
	const char *why = "", *weak;

	code->key.pool = i->share ? POOL_SHARED : POOL_OWN;
	if (choose_name(taken, &code->key, e))
		return -1;
	key_names_add(taken, code->key.name, code->key.hash);
	if (code->alone && !i->share)
		why = ", serves nobody without an account of its own or the shared ones";
	if (!secret_is_strong(secret_reveal(&code->text), &weak))
		why = ", can be guessed: give its user another (code rotate)";
	return decide(p, IMPORT_ADD, "code %.60s%s", code->key.name, why);
}

static int plan_code(struct import_plan *p, struct import *i, size_t at, const struct store *keys,
		     struct key_names *taken, struct error *e)
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
	return known ? plan_stored(p, &entry->code, &stored) : plan_new(p, i, at, taken, e);
}

static bool has_code(const struct import_entry *entry)
{
	return !entry->refused[0] && secret_present(&entry->code.text);
}

static size_t count_codes(const struct import *i)
{
	size_t count = 0;

	for (size_t n = 0; n < i->count; n++)
		count += has_code(&i->entries[n]);
	return count;
}

int import_plan_codes(struct import_plan *plans, struct import *i, const struct store *keys,
		      struct error *e)
{
	struct key_names taken = { .count = 0 };
	int rc = keys && count_codes(i) ? keys_names(keys, &taken, e) : 0;

	for (size_t n = 0; n < i->count && !rc; n++) {
		plans[n].code = IMPORT_VERDICTS;
		if (has_code(&i->entries[n]))
			rc = plan_code(&plans[n], i, n, keys, &taken, e);
	}
	key_names_release(&taken);
	return rc;
}

int import_carry_out_codes(const struct store *keys, const struct import_plan *plans,
			   const struct import *i, struct error *e)
{
	struct keys_item *items = xcalloc(i->count + 1, sizeof(*items));
	size_t count = 0;
	int rc;

	for (size_t n = 0; n < i->count; n++) {
		const struct import_code *code = &i->entries[n].code;

		if (plans[n].code == IMPORT_ADD)
			items[count++] =
				(struct keys_item){ code->key.name, &code->key, &code->text };
		else if (plans[n].code == IMPORT_UPDATE)
			items[count++] = (struct keys_item){ code->key.name, &code->key, NULL };
	}
	rc = count ? keys_take(keys, items, count, complete, e) : 0;
	free(items);
	return rc;
}
