#include "common/base.h"
#include "common/code.h"

#include "common/ids.h"
#include "common/key.h"

#include <ctype.h>

#define GROUPS 7
#define GROUP  4
#define DAY    86400

bool code_is_text(const char *text)
{
	return strncasecmp(text, CODE_PREFIX, strlen(CODE_PREFIX)) == 0;
}

void code_spell(const char *text, char *out)
{
	size_t at = strlen(CODE_PREFIX);

	memcpy(out, CODE_PREFIX, at);
	for (; text[at]; at++)
		out[at] = (char)toupper((unsigned char)text[at]);
	out[at] = '\0';
}

/* Without the letters that people take for others: 32 characters, 5 bits each. */
void code_make(char out[static CODE_TEXT_SIZE])
{
	static const char set[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	size_t len = strlen(CODE_PREFIX);
	unsigned char bytes[GROUPS * GROUP];

	_Static_assert(sizeof(CODE_PREFIX) + GROUPS * (GROUP + 1) <= CODE_TEXT_SIZE, "no room");
	ids_random(bytes, sizeof(bytes));
	memcpy(out, CODE_PREFIX, len);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		if (i && i % GROUP == 0)
			out[len++] = '-';
		out[len++] = set[bytes[i] % 32];
	}
	out[len] = '\0';
	explicit_bzero(bytes, sizeof(bytes));
}

/* ---- its machine ---- */

bool code_machine_good(const char *id)
{
	size_t len = strlen(id);

	for (size_t i = 0; i < len; i++) {
		if (id[i] <= ' ' || id[i] > '~')
			return false;
	}
	return len > 0 && len < CODE_MACHINE_SIZE;
}

void code_bind(struct code *code, const char *id)
{
	size_t shown = id ? strlen(id) / 4 : 0;

	code->one_machine = true;
	code->machine[0] = code->machine_hash[0] = '\0';
	if (!id)
		return;
	secret_hash(id, code->machine_hash);
	snprintf(code->machine, sizeof(code->machine), "%.*s...", (int)(shown < 8 ? shown : 8), id);
}

int code_check_machine(const struct code *code, const char *id, struct error *e)
{
	char hash[SECRET_HASH_SIZE];

	if (!code->one_machine)
		return 0;
	if (!id)
		return error_set(e, ERR_FORBIDDEN,
				 "device mismatch: this activation code is for one machine; send "
				 "that machine's id in the header X-Machine-Id");
	secret_hash(id, hash);
	if (!*code->machine_hash || secret_equal(hash, code->machine_hash))
		return 0;
	return error_set(e, ERR_FORBIDDEN,
			 "device mismatch: this activation code is bound to another machine than "
			 "X-Machine-Id names; the owner of this gateway can let it be bound anew "
			 "(kiroctl code reset)");
}

/* ---- its days and its first use ---- */

void code_set_days(struct key *key, int64_t days)
{
	struct code *c = &key->code;

	c->days = days;
	key->expires_at = days && c->first_used_at ? c->first_used_at + days * DAY : 0;
}

bool code_waits(const struct key *key)
{
	const struct code *c = &key->code;

	return c->is && ((c->days && !c->first_used_at) || (c->one_machine && !*c->machine_hash));
}

void code_use(struct key *key, const char *id, int64_t now)
{
	struct code *c = &key->code;

	if (!c->is)
		return;
	if (c->one_machine && !*c->machine_hash && id)
		code_bind(c, id);
	if (c->first_used_at)
		return;
	c->first_used_at = now;
	if (c->days && (!key->expires_at || key->expires_at > now + c->days * DAY))
		key->expires_at = now + c->days * DAY;
}
